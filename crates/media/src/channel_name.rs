//! A channel's name: a path element of every URL that carries it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 1 to 64 of `a-z`, `0-9`, `-` and `_`, beginning with a letter or digit. `_` alone begins the server's own
/// paths, so no channel can shadow them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelName(String);

/// Why a string is no channel name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelNameError {
    /// Empty or over the bound.
    #[error("a channel name has 1 to {max} characters, this has {len}", max = ChannelName::MAX_LEN)]
    Length {
        /// Bytes found.
        len: usize,
    },
    /// Something other than `a-z 0-9 - _`, or a first character that is `-` or `_`.
    #[error(
        "a channel name is made of a-z, 0-9, `-` and `_` and begins with a letter or digit; `{found}` cannot stand at {at}"
    )]
    Character {
        /// The character that does not fit.
        found: char,
        /// Its byte offset.
        at: usize,
    },
    /// Taken by the server's own paths.
    #[error("`{0}` is reserved for the server's own paths")]
    Reserved(String),
}

impl ChannelName {
    /// Longest name, in bytes: fits a file name and a DNS label.
    pub const MAX_LEN: usize = 64;
    const RESERVED: [&str; 4] = ["ingest", "health", "metrics", "favicon"];

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ChannelName {
    type Error = ChannelNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.is_empty() || name.len() > Self::MAX_LEN {
            return Err(ChannelNameError::Length { len: name.len() });
        }
        for (at, found) in name.char_indices() {
            let fits = found.is_ascii_lowercase()
                || found.is_ascii_digit()
                || (at > 0 && matches!(found, '-' | '_'));
            if !fits {
                return Err(ChannelNameError::Character { found, at });
            }
        }
        if Self::RESERVED.contains(&name.as_str()) {
            return Err(ChannelNameError::Reserved(name));
        }
        Ok(Self(name))
    }
}

impl std::str::FromStr for ChannelName {
    type Err = ChannelNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_from(name.to_owned())
    }
}

impl From<ChannelName> for String {
    fn from(name: ChannelName) -> Self {
        name.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_url_or_shadow_a_path_are_refused() {
        for good in ["main", "a", "0", "news-24_hd"] {
            assert!(good.parse::<ChannelName>().is_ok(), "{good}");
        }
        for bad in ["", "Main", "a/b", "..", "-x", "_x", "ingest", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<ChannelName>().is_err(), "{bad}");
        }
    }
}
