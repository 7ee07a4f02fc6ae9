//! Which keys an operator means when he takes objects out of a cache.

use crate::key::{KeyFault, KeyRules};

/// What is to go: one path with whatever is asked of it, one exact target, or everything below a beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This path, with every query.
    Path(String),
    /// This path with this query.
    Target(String),
    /// Every key that begins so.
    Prefix(String),
}

/// What stands in a key between its target and what else makes a difference: no target has one.
pub const VARIANT: char = ' ';

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// A wildcard in the middle.
    #[error(
        "`*` stands for the rest of the path and only at its end, as in /live/*; the character itself is %2A"
    )]
    Wildcard,
    /// What is left is no request target.
    #[error("{0}; a path is meant as viewers ask for it, such as /live/index.m3u8")]
    Target(#[from] KeyFault),
}

impl Pattern {
    /// Reads `/live/index.m3u8`, `/live/index.m3u8?_HLS_msn=7` or `/live/*`, in any spelling that a viewer could use.
    pub fn parse(text: &str, rules: &KeyRules) -> Result<Pattern, PatternFault> {
        let (text, is_prefix) = match text.strip_suffix('*') {
            Some(start) => (start, true),
            None => (text, false),
        };
        if text.contains('*') {
            return Err(PatternFault::Wildcard);
        }
        if is_prefix && text.contains('?') {
            return Err(PatternFault::Wildcard);
        }
        let canonical = rules.canonical(text)?.into_owned();
        Ok(match is_prefix {
            true => Pattern::Prefix(canonical),
            false if canonical.contains('?') => Pattern::Target(canonical),
            false => Pattern::Path(canonical),
        })
    }

    /// The same below `root`, a beginning of keys that no request target has. The text is also one without its first `/`.
    pub fn parse_below(root: &str, text: &str, rules: &KeyRules) -> Result<Pattern, PatternFault> {
        let slash = if text.starts_with('/') { "" } else { "/" };
        let below = |start: String| format!("{root}{start}");
        Ok(match Pattern::parse(&format!("{slash}{text}"), rules)? {
            Pattern::Path(start) => Pattern::Path(below(start)),
            Pattern::Target(start) => Pattern::Target(below(start)),
            Pattern::Prefix(start) => Pattern::Prefix(below(start)),
        })
    }

    /// What every key that is meant begins with.
    pub fn start(&self) -> &str {
        match self {
            Pattern::Path(start) | Pattern::Target(start) | Pattern::Prefix(start) => start,
        }
    }

    /// Whether the object under `key` is meant.
    pub fn matches(&self, key: &str) -> bool {
        match self {
            Pattern::Path(path) => key
                .strip_prefix(path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('?') || rest.starts_with(VARIANT)),
            Pattern::Target(target) => key
                .strip_prefix(target.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(VARIANT)),
            Pattern::Prefix(start) => key.starts_with(start.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Result<Pattern, PatternFault> {
        Pattern::parse(text, &KeyRules::hls())
    }

    #[test]
    fn a_path_means_all_its_queries_and_a_star_all_below_it() {
        let path = pattern("/live/%69ndex.m3u8").unwrap();
        assert!(path.matches("/live/index.m3u8") && path.matches("/live/index.m3u8?_HLS_msn=7"));
        assert!(!path.matches("/live/index.m3u8x") && !path.matches("/live/"));
        let target = pattern("/live/index.m3u8?_HLS_msn=7&x=1").unwrap();
        assert!(target.matches("/live/index.m3u8?_HLS_msn=7") && !target.matches("/live/index.m3u8"));
        let below = pattern("/live/*").unwrap();
        assert!(below.matches("/live/") && below.matches("/live/a/b?_HLS_msn=7"));
        assert!(!below.matches("/live") && !below.matches("/lively/a"));
        assert!(pattern("/*").unwrap().matches("/"));
        assert!(pattern("/a%2A").unwrap().matches("/a*"));
    }

    #[test]
    fn below_a_root_only_its_keys_are_meant() {
        let below = |text| Pattern::parse_below("//live", text, &KeyRules::hls()).unwrap();
        let path = below("index.m3u8");
        assert!(path.matches("//live/index.m3u8") && path.matches("//live/index.m3u8?x=1 0f"));
        assert!(path.matches("//live/index.m3u8 0f") && !path.matches("/index.m3u8"));
        assert!(!path.matches("//live2/index.m3u8"));
        assert!(below("*").matches("//live/a") && !below("/*").matches("//live2/a"));
        let target = below("/a?_HLS_msn=1");
        assert!(target.matches("//live/a?_HLS_msn=1 0f") && !target.matches("//live/a?_HLS_msn=11"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["/a*b", "/*/a", "/a/**", "/a?_HLS_msn=1*"] {
            assert_eq!(pattern(text), Err(PatternFault::Wildcard), "{text}");
        }
        for text in ["", "*", "live/*", "/a/../*", "/a//b", "http://x/a"] {
            assert!(matches!(pattern(text), Err(PatternFault::Target(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_meant_by_itself_and_by_all_its_beginnings(target in "/[a-z/.]{0,20}(\\?_HLS_msn=[0-9]{1,3})?", cut in 1usize..20) {
            let Ok(key) = KeyRules::hls().canonical(&target) else { return Ok(()) };
            prop_assert!(pattern(&key).unwrap().matches(&key));
            let path = key.split('?').next().unwrap();
            if let Ok(prefix) = pattern(&format!("{}*", &path[..cut.min(path.len())])) {
                prop_assert!(prefix.matches(&key));
            }
        }

        #[test]
        fn any_text_is_a_pattern_or_a_named_fault(text in "\\PC{0,40}") {
            let _ = pattern(&text);
        }
    }
}
