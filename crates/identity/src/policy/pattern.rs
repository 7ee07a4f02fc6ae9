//! Names with `*`, `?` and variables: `medialive:Describe*`, `arn:aws:s3:::films/${aws:username}/*`.

use super::Context;

/// A pattern that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// One character as it is.
    Literal(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Any,
    /// `${key}`: the value of a condition key.
    Variable(String),
}

/// Whether `A` is `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// It is not.
    Sensitive,
    /// It is, in ASCII: what else looks alike is not the same.
    Insensitive,
}

/// Whether `${…}` stands for a value: since version 2012-10-17.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// It does.
    Substituted,
    /// It stands for itself.
    Literal,
}

impl Pattern {
    /// Reads a pattern. `None` for a variable that is not closed or has no name, or a default value, which is not known here.
    pub fn parse(text: &str, variables: Variables) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if variables == Variables::Substituted
                && let Some(begun) = rest.strip_prefix("${")
            {
                let (name, after) = begun.split_once('}')?;
                let is_name = |letter: char| letter.is_ascii_alphanumeric() || ":/-_.@".contains(letter);
                tokens.push(match name {
                    "*" | "?" | "$" => Token::Literal(name.chars().next()?),
                    "" => return None,
                    name if name.chars().all(is_name) => Token::Variable(name.to_owned()),
                    _ => return None,
                });
                rest = after;
                continue;
            }
            match first {
                '*' => tokens.push(Token::Any),
                '?' => tokens.push(Token::One),
                literal => tokens.push(Token::Literal(literal)),
            }
            rest = &rest[first.len_utf8()..];
        }
        Some(Pattern(tokens))
    }

    /// The same, with `*` and `?` standing for themselves.
    pub(super) fn without_wildcards(self) -> Self {
        let plain = |token| match token {
            Token::Any => Token::Literal('*'),
            Token::One => Token::Literal('?'),
            other => other,
        };
        Pattern(self.0.into_iter().map(plain).collect())
    }

    /// Whether all of `text` matches. A variable whose key has not exactly one value matches nothing.
    pub fn matches(&self, text: &str, case: Case, context: &Context) -> bool {
        let mut tokens = Vec::with_capacity(self.0.len());
        for token in &self.0 {
            match token {
                Token::Variable(key) => match context.values(key) {
                    // What a value holds stands for itself: a user named `*` is not everybody.
                    [value] => tokens.extend(value.chars().map(Token::Literal)),
                    _ => return false,
                },
                other => tokens.push(other.clone()),
            }
        }
        let text: Vec<char> = text.chars().collect();
        glob(&tokens, &text, case)
    }
}

/// Steps back to the last `*` alone: at worst the product of both lengths, and both are bounded.
fn glob(tokens: &[Token], text: &[char], case: Case) -> bool {
    let same = |a: char, b: char| match case {
        Case::Sensitive => a == b,
        Case::Insensitive => a.eq_ignore_ascii_case(&b),
    };
    let (mut token, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match tokens.get(token) {
            Some(Token::Any) => {
                star = Some((token, at));
                token += 1;
            }
            Some(Token::One) => (token, at) = (token + 1, at + 1),
            Some(Token::Literal(letter)) if same(*letter, text[at]) => (token, at) = (token + 1, at + 1),
            _ => match &mut star {
                Some((star, covered)) => {
                    *covered += 1;
                    (token, at) = (*star + 1, *covered);
                }
                None => return false,
            },
        }
    }
    tokens[token..].iter().all(|token| *token == Token::Any)
}

/// The pattern of an ARN: six parts between colons, so that a `*` in one does not reach into the next. Only the last,
/// the resource, may have colons itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnPattern(Vec<Pattern>);

impl ArnPattern {
    /// Reads `*`, or the six parts.
    pub fn parse(text: &str, variables: Variables) -> Option<Self> {
        if text == "*" {
            return Some(ArnPattern(Vec::new()));
        }
        let parts = parts(text)?;
        if parts[0] != "arn" || parts[2].is_empty() || parts[5].is_empty() {
            return None;
        }
        parts.iter().map(|part| Pattern::parse(part, variables)).collect::<Option<Vec<_>>>().map(ArnPattern)
    }

    /// Whether it is `*`.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an ARN matches; `*`, the resource of actions that have none, matches `*` alone.
    pub fn matches(&self, arn: &str, context: &Context) -> bool {
        if self.0.is_empty() {
            return true;
        }
        parts(arn).is_some_and(|parts| {
            self.0.iter().zip(parts).all(|(pattern, part)| pattern.matches(part, Case::Sensitive, context))
        })
    }
}

/// The six parts of an ARN; a colon within `${…}` is none between parts.
fn parts(text: &str) -> Option<[&str; 6]> {
    let mut parts = [""; 6];
    let (mut from, mut index, mut is_inside) = (0, 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if text[..at].ends_with('$') => is_inside = true,
            b'}' => is_inside = false,
            b':' if index < 5 && !is_inside => {
                parts[index] = &text[from..at];
                (from, index) = (at + 1, index + 1);
            }
            _ => {}
        }
    }
    parts[5] = &text[from..];
    (index == 5).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*", "a", true),
            ("a?", "a", false),
            ("a?", "aé", true),
            ("*b*d", "abcbd", true),
            ("*b*d", "abcbdx", false),
            ("Describe*", "describeChannel", true),
            ("**a", "bba", true),
            ("K", "\u{212a}", false), // the Kelvin sign is no K
        ] {
            let read = Pattern::parse(pattern, Variables::Substituted).unwrap();
            assert_eq!(
                read.matches(text, Case::Insensitive, &Context::default()),
                expected,
                "{pattern} {text}"
            );
        }
        let exact = Pattern::parse("a", Variables::Literal).unwrap();
        assert!(!exact.matches("A", Case::Sensitive, &Context::default()));
    }

    #[test]
    fn a_pattern_of_stars_against_a_long_text_takes_no_longer_than_their_product() {
        let pattern = Pattern::parse(&"*a".repeat(500), Variables::Literal).unwrap();
        assert!(!pattern.matches(&("a".repeat(5_000) + "b"), Case::Sensitive, &Context::default()));
    }

    #[test]
    fn a_variable_stands_for_its_one_value() {
        let mut context = Context::default();
        context.add("aws:UserName", "eve");
        context.add("star", "*");
        context.add("two", "a");
        context.add("two", "b");
        for (pattern, text, expected) in [
            ("/${aws:username}/*", "/eve/x", true),
            ("/${aws:username}/*", "/adam/x", false),
            ("${star}", "anything", false),
            ("${star}", "*", true),
            ("${two}", "a", false),
            ("${missing}", "", false),
            ("${*}${?}${$}", "*?$", true),
            ("${*}", "a", false),
        ] {
            let read = Pattern::parse(pattern, Variables::Substituted).unwrap();
            assert_eq!(read.matches(text, Case::Sensitive, &context), expected, "{pattern} {text}");
        }
        for wrong in ["${", "${}", "${a", "${a b}", "${aws:username, 'x'}"] {
            assert_eq!(Pattern::parse(wrong, Variables::Substituted), None);
        }
    }

    #[test]
    fn a_star_in_an_arn_stays_in_its_part() {
        let matches = |pattern: &str, arn: &str| {
            ArnPattern::parse(pattern, Variables::Substituted).unwrap().matches(arn, &Context::default())
        };
        let arn = "arn:aws:medialive:us-west-2:123456789012:channel:1234567";
        assert!(matches("*", arn));
        assert!(matches("*", "*"));
        assert!(matches("arn:aws:medialive:*:*:channel:*", arn));
        assert!(matches("arn:aws:medialive:*:123456789012:*", arn));
        assert!(!matches("arn:aws:medialive:*:input:*", arn.replace(":channel", ":input").as_str()));
        assert!(!matches("arn:aws:medialive:*:*:channel", arn));
        assert!(!matches("arn:aws:medialive:*:*:*", "*"));
        for wrong in ["", "arn", "arn:aws:*", "channel", "arn:aws::us:1:x", "urn:aws:s3:::b"] {
            assert_eq!(ArnPattern::parse(wrong, Variables::Substituted), None, "{wrong}");
        }
    }
}
