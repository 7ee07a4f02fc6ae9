//! One condition on a value.

use super::Value;
use super::network::Network;

/// What a value may have to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Is(Value),
    /// None of these.
    IsNot(Vec<Text>),
    /// None of these values.
    IsNone(Vec<Value>),
    Text(Text),
    /// All of these.
    Numeric(Vec<(Comparison, f64)>),
    In(Network),
    /// Whether the key is there at all.
    Exists(bool),
}

/// A condition on text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text {
    Begins(String),
    Ends(String),
    IsIgnoringCase(String),
    /// `*` is any text.
    Like(String),
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Whether a value that is there fulfils it.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Is(wanted), value) => wanted == value,
            (Self::IsNone(unwanted), value) => !unwanted.contains(value),
            (Self::IsNot(unwanted), Value::Text(text)) => {
                !unwanted.iter().any(|pattern| pattern.matches(text))
            }
            (Self::IsNot(_), _) => true,
            (Self::Text(pattern), Value::Text(text)) => pattern.matches(text),
            (Self::Numeric(bounds), Value::Number(number)) => {
                bounds.iter().all(|(comparison, bound)| comparison.holds(*number, *bound))
            }
            (Self::In(network), Value::Text(text)) => {
                text.parse().is_ok_and(|address| network.holds(address))
            }
            (Self::Exists(wanted), _) => *wanted,
            (Self::Text(_) | Self::Numeric(_) | Self::In(_), _) => false,
        }
    }
}

impl Text {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Begins(start) => text.starts_with(start.as_str()),
            Self::Ends(end) => text.ends_with(end.as_str()),
            Self::IsIgnoringCase(wanted) => wanted.to_lowercase() == text.to_lowercase(),
            Self::Like(pattern) => is_like(text, pattern),
        }
    }
}

/// Takes each part between stars at its first place: in a time of the lengths' product at most.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return text == pattern };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = rest.split('*').collect();
    let last = parts.pop().unwrap_or("");
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

impl Comparison {
    pub(super) fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => number == bound,
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::Greater => number > bound,
            Self::GreaterOrEqual => number >= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (text, pattern, fits) in [
            ("abc", "a*c", true),
            ("ac", "a*c", true),
            ("abcd", "a*c", false),
            ("aXbXc", "a*b*c", true),
            ("acb", "a*b*c", false),
            ("aa", "a*a", true),
            ("a", "a*a", false),
            ("anything", "*", true),
            ("", "*", true),
            ("x.m3u8", "*.m3u8", true),
            ("éa", "é*", true),
            ("abab", "*ab", true),
        ] {
            assert_eq!(is_like(text, pattern), fits, "{text} {pattern}");
        }
    }
}
