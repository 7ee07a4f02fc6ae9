//! The descriptions' regular expressions, which are of Java's kind, as this crate's.

use regex::{Regex, RegexBuilder};

use super::Pattern;

/// A made expression's greatest size in bytes: `.{1,10240}` and the like grow with their bounds.
const MAX_MADE_BYTES: usize = 8 << 20;

impl Pattern {
    /// Whether all of `text` is of this form. An expression that looks around itself cannot be made, and lets all through.
    pub fn matches(&self, text: &str) -> bool {
        self.expression().is_none_or(|expression| expression.is_match(text))
    }

    pub(crate) fn expression(&self) -> Option<&Regex> {
        self.made
            .get_or_init(|| {
                // Services match the whole value, whether or not the expression has anchors.
                let text = format!("^(?:{})$", translated(&self.text));
                RegexBuilder::new(&text).size_limit(MAX_MADE_BYTES).dot_matches_new_line(false).build().ok()
            })
            .as_ref()
    }
}

/// `\u0020` is `\x{0020}` here, and `\w` and `\d` mean ASCII there.
fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(escaped) = rest.chars().next() else { break };
        rest = &rest[escaped.len_utf8()..];
        match escaped {
            'u' => {
                let digits = rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
                out.push_str(&format!("\\x{{{}}}", &rest[..digits]));
                rest = &rest[digits..];
            }
            'w' => out.push_str("[0-9A-Za-z_]"),
            'd' => out.push_str("[0-9]"),
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use crate::model::{Kind, Model};

    #[test]
    fn every_expression_can_be_made_but_one_that_looks_ahead() {
        let mut left: Vec<_> = Model::bundled()
            .services()
            .iter()
            .flat_map(|service| service.shapes())
            .filter_map(|shape| match &shape.kind {
                Kind::String { pattern: Some(pattern), .. } if pattern.expression().is_none() => {
                    Some(pattern.text.as_str())
                }
                _ => None,
            })
            .collect();
        left.dedup();
        assert_eq!(left, ["^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$"]);
    }

    #[test]
    fn the_whole_value_has_to_match() {
        let service = Model::bundled().service("mediapackagev2").expect("it is bundled");
        let Kind::String { pattern: Some(pattern), .. } =
            &service.shape_named("ResourceName").expect("it is described").kind
        else {
            panic!("a resource's name has a pattern")
        };
        assert!(pattern.matches("live-1"));
        assert!(!pattern.matches("live 1"));
        assert!(!pattern.matches("live\n"));
    }
}
