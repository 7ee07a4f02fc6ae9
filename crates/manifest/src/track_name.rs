//! A track's name: a path element of the URLs of its playlist, header and segments.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 1 to 64 of `A-Z a-z 0-9 . - _`, not beginning with a dot: safe in a URL path, a playlist attribute and XML.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrackName(String);

/// Why a string is no track name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrackNameError {
    /// Empty or over the bound.
    #[error("a track name has 1 to {max} characters, this has {len}", max = TrackName::MAX_LEN)]
    Length {
        /// Bytes found.
        len: usize,
    },
    /// Something other than `A-Z a-z 0-9 . - _`, or a dot in front.
    #[error(
        "a track name is made of A-Z, a-z, 0-9, `.`, `-` and `_` and begins with no dot; byte {at} does not fit"
    )]
    Character {
        /// Byte offset of the first that does not fit.
        at: usize,
    },
}

impl TrackName {
    /// Longest name in bytes.
    pub const MAX_LEN: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TrackName {
    type Error = TrackNameError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.is_empty() || name.len() > Self::MAX_LEN {
            return Err(TrackNameError::Length { len: name.len() });
        }
        let fits = |(at, byte): (usize, u8)| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && at > 0)
        };
        match name.bytes().enumerate().position(|byte| !fits(byte)) {
            Some(at) => Err(TrackNameError::Character { at }),
            None => Ok(Self(name)),
        }
    }
}

impl std::str::FromStr for TrackName {
    type Err = TrackNameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_from(name.to_owned())
    }
}

impl From<TrackName> for String {
    fn from(name: TrackName) -> Self {
        name.0
    }
}

impl fmt::Display for TrackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_url_or_a_playlist_are_refused() {
        for good in ["video", "720p30", "0", "audio.de-DE_x"] {
            assert!(good.parse::<TrackName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a\"b", "a b", "ü", "a\n", &"x".repeat(65)] {
            assert!(bad.parse::<TrackName>().is_err(), "{bad}");
        }
    }
}
