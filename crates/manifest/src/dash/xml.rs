//! Indented XML, escaped.

use std::fmt::{Display, Write};

use quick_xml::escape::escape;

/// Attributes of one element, in the order they are written.
pub(super) type Attributes<'a> = [(&'a str, &'a dyn Display)];

pub(super) struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    pub(super) fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), depth: 0 }
    }

    pub(super) fn open(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.tag(name, attributes, ">");
        self.depth += 1;
    }

    pub(super) fn empty(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.tag(name, attributes, "/>");
    }

    /// An element that holds text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        let indent = self.depth * 2;
        writeln!(self.text, "{:indent$}<{name}>{}</{name}>", "", escape(text))
            .expect("writing to a string cannot fail");
    }

    pub(super) fn close(&mut self, name: &str) {
        self.depth -= 1;
        let indent = self.depth * 2;
        writeln!(self.text, "{:indent$}</{name}>", "").expect("writing to a string cannot fail");
    }

    pub(super) fn finish(self) -> String {
        debug_assert_eq!(self.depth, 0, "every element was closed");
        self.text
    }

    fn tag(&mut self, name: &str, attributes: &Attributes<'_>, end: &str) {
        let indent = self.depth * 2;
        write!(self.text, "{:indent$}<{name}", "").expect("writing to a string cannot fail");
        for (key, value) in attributes {
            let value = value.to_string();
            write!(self.text, " {key}=\"{}\"", escape(value.as_str()))
                .expect("writing to a string cannot fail");
        }
        writeln!(self.text, "{end}").expect("writing to a string cannot fail");
    }
}
