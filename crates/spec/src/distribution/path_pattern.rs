//! Which paths a behaviour is for: CloudFront's path patterns.

use std::fmt;
use std::str::FromStr;

/// A path in which `*` stands for any characters, none or `/` among them, and `?` for one. Upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern(String);

/// Why a text is no [`PathPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a path pattern is 1 to 255 of A-Z a-z 0-9 _ - . * $ / ~ ' @ : + & ? ( ) , ; = ! and %, such as \"/live/*.m3u8\""
)]
pub struct PathPatternFault;

impl PathPattern {
    /// Longest pattern, in bytes.
    pub const MAX: usize = 255;

    /// Whether it is for `path`, which begins with `/` and has no query.
    pub fn matches(&self, path: &str) -> bool {
        let (pattern, path) = (self.0.as_bytes(), path.as_bytes());
        // The latest star, and how far what it stands for reaches.
        let mut star: Option<(usize, usize)> = None;
        let (mut at, mut of) = (0, 0);
        while of < path.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, of));
                    at += 1;
                }
                Some(sign) if *sign == b'?' || *sign == path[of] => (at, of) = (at + 1, of + 1),
                _ => {
                    let Some((begun, reach)) = star else { return false };
                    star = Some((begun, reach + 1));
                    (at, of) = (begun + 1, reach + 1);
                }
            }
        }
        pattern[at..].iter().all(|sign| *sign == b'*')
    }
}

impl FromStr for PathPattern {
    type Err = PathPatternFault;

    fn from_str(text: &str) -> Result<Self, PathPatternFault> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.*$/~'@:+&?(),;=!%".contains(&byte);
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(fits) {
            return Err(PathPatternFault);
        }
        // With or without its first `/` it means the same.
        Ok(Self(if text.starts_with('/') { text.to_owned() } else { format!("/{text}") }))
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, path: &str) -> bool {
        pattern.parse::<PathPattern>().expect("a pattern").matches(path)
    }

    #[test]
    fn a_star_is_any_characters_and_a_question_mark_is_one() {
        for (pattern, path, fits) in [
            ("*", "/", true),
            ("/live/*", "/live/a/b.m3u8", true),
            ("live/*", "/live/", true),
            ("/live/*", "/live", false),
            ("*.m3u8", "/a/b/c.m3u8", true),
            ("*.m3u8", "/a/b/c.m3u8x", false),
            ("/a??.jpg", "/abc.jpg", true),
            ("/a??.jpg", "/ab.jpg", false),
            ("/a*c*e", "/abcde", true),
            ("/a*c*e", "/abcd", false),
            ("/A", "/a", false),
            ("/a*b", "/aXbXb", true),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
        assert_eq!("".parse::<PathPattern>(), Err(PathPatternFault));
        assert_eq!("/a b".parse::<PathPattern>(), Err(PathPatternFault));
    }

    /// The definition, as slow as it is short.
    fn defined(pattern: &[u8], path: &[u8]) -> bool {
        match pattern.split_first() {
            None => path.is_empty(),
            Some((b'*', rest)) => (0..=path.len()).any(|skipped| defined(rest, &path[skipped..])),
            Some((sign, rest)) => path
                .split_first()
                .is_some_and(|(first, others)| (*sign == b'?' || sign == first) && defined(rest, others)),
        }
    }

    proptest! {
        #[test]
        fn it_matches_what_the_definition_says(pattern in "/[ab*?]{0,8}", path in "/[ab]{0,9}") {
            prop_assert_eq!(matches(&pattern, &path), defined(pattern.as_bytes(), path.as_bytes()));
        }
    }
}
