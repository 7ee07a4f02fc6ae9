//! A page of figures (OpenMetrics text), read within limits.
//!
//! `name{label="value",…} number [time]`, and lines that begin with `#`. Figures that nobody wants are passed over by their name.

/// Longest page, in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// Most figures that are wanted of a page.
pub const MAX_FIGURES: usize = 200_000;
/// Most labels of a figure.
pub const MAX_LABELS: usize = 16;

/// One sample of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure<'p> {
    /// Such as `headwater_edge_requests_total`.
    pub name: &'p str,
    /// Its labels, in their order.
    pub labels: Vec<(&'p str, String)>,
    /// What it stands at.
    pub value: f64,
    /// Name and labels as written: the same on each page.
    pub key: String,
}

/// Why a text is no page of figures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum PageFault {
    #[error("the page of figures has {0} bytes; at most {MAX_BYTES} are read")]
    Length(usize),
    #[error("line {line} of the page is no figure: {why}")]
    Line { line: usize, why: &'static str },
    #[error("the page has more than {MAX_FIGURES} figures that are published")]
    TooMany,
}

impl Figure<'_> {
    /// A label's value.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.0 == name).map(|label| label.1.as_str())
    }
}

/// Reads the figures whose name is wanted.
pub fn read(page: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Figure<'_>>, PageFault> {
    if page.len() > MAX_BYTES {
        return Err(PageFault::Length(page.len()));
    }
    let mut figures = Vec::new();
    for (line, text) in (1..).zip(page.lines()) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let fault = |why| PageFault::Line { line, why };
        let end = text.find(['{', ' ']).ok_or(fault("a value is missing"))?;
        let name = &text[..end];
        if !wanted(name) {
            continue;
        }
        if figures.len() == MAX_FIGURES {
            return Err(PageFault::TooMany);
        }
        let (labels, rest) = match text[end..].strip_prefix('{') {
            Some(rest) => labels(rest).map_err(fault)?,
            None => (Vec::new(), &text[end..]),
        };
        let value = rest.split_ascii_whitespace().next().ok_or(fault("a value is missing"))?;
        let value = value.parse().map_err(|_| fault("the value is no number"))?;
        let key = text[..text.len() - rest.len()].to_owned();
        figures.push(Figure { name, labels, value, key });
    }
    Ok(figures)
}

/// Labels with their values.
type Labels<'p> = Vec<(&'p str, String)>;

/// Reads labels up to the closing brace; gives what comes after it.
fn labels(mut rest: &str) -> Result<(Labels<'_>, &str), &'static str> {
    let mut labels = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        if labels.len() == MAX_LABELS {
            return Err("there are too many labels");
        }
        let (name, value) = rest.split_once("=\"").ok_or("a label has no value")?;
        let (value, after) = quoted(value)?;
        labels.push((name, value));
        rest = after.strip_prefix(',').unwrap_or(after);
        if rest.len() == after.len() && !rest.starts_with('}') {
            return Err("a label is followed by neither `,` nor `}`");
        }
    }
}

/// Reads up to the closing quote; gives what comes after it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match signs.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, sign @ ('\\' | '"'))) => value.push(sign),
                _ => return Err("there is no such escape"),
            },
            sign => value.push(sign),
        }
    }
    Err("a label's value has no end")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_are_read_with_their_labels() {
        let page = "# HELP a b\n# TYPE a counter\na_total{x=\"1\",y=\"a \\\"b\\\" \\\\ \\n\"} 3.5\nb 2 1795\nc{} NaN\n# EOF\n";
        let figures = read(page, |name| name != "b").expect("a page");
        assert_eq!(figures.len(), 2);
        assert_eq!((figures[0].name, figures[0].value), ("a_total", 3.5));
        assert_eq!(figures[0].label("y"), Some("a \"b\" \\ \n"));
        assert_eq!(figures[0].key, "a_total{x=\"1\",y=\"a \\\"b\\\" \\\\ \\n\"}");
        assert_eq!(read(page, |name| name == "b").expect("a page")[0].value, 2.0);
    }

    #[test]
    fn what_is_no_figure_is_refused_with_its_line() {
        let why = |page: &str| match read(page, |_| true).expect_err("it is none") {
            PageFault::Line { line: 2, why } => why,
            other => panic!("{other}"),
        };
        assert_eq!(why("a 1\nb\n"), "a value is missing");
        assert_eq!(why("a 1\nb \n"), "a value is missing");
        assert_eq!(why("a 1\nb x\n"), "the value is no number");
        assert_eq!(why("a 1\nb{c} 1\n"), "a label has no value");
        assert_eq!(why("a 1\nb{c=\"1} 1\n"), "a label's value has no end");
        assert_eq!(why("a 1\nb{c=\"\\x\"} 1\n"), "there is no such escape");
        assert_eq!(why("a 1\nb{c=\"1\"d=\"2\"} 1\n"), "a label is followed by neither `,` nor `}`");
        let many: String = (0..17).map(|n| format!("l{n}=\"1\",")).collect();
        assert_eq!(why(&format!("a 1\nb{{{many}}} 1\n")), "there are too many labels");
    }

    proptest! {
        #[test]
        fn any_text_is_a_page_or_a_fault(text in "([a-z]{1,3}(\\{([a-z]=\"[^\"]{0,3}\",?){0,3}\\}?)? ?[0-9.]{0,3}\n?){0,8}|\\PC{0,60}") {
            let _ = read(&text, |_| true);
        }
    }
}
