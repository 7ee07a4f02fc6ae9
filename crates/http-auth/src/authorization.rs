//! The value of `Authorization`.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::digest::Digest;
use crate::params::Params;

/// Longest value that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 10;

/// What a client says to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Name and password as they are.
    Basic(Basic),
    /// A digest of them.
    Digest(Digest),
}

/// Name and password. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Basic {
    /// The name's bytes.
    pub user: Vec<u8>,
    /// The password's.
    pub password: Vec<u8>,
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Basic(…)")
    }
}

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Too long.
    #[error("it has more than {MAX_BYTES} bytes")]
    Long,
    /// Bytes that are no text.
    #[error("it is no text")]
    Text,
    /// Another scheme.
    #[error("its scheme is neither Basic nor Digest")]
    Scheme,
    /// Basic's value is no base64 of `user:password`.
    #[error("it is no base64 of `user:password`")]
    Basic,
    /// Not `name=value`.
    #[error("a parameter is no `name=value`")]
    Parameter,
    /// A quote that does not end.
    #[error("a quoted text does not end")]
    Quote,
    /// A parameter comes twice.
    #[error("a parameter comes twice")]
    Twice,
    /// Too many parameters.
    #[error("it has too many parameters")]
    TooMany,
    /// A parameter is not there.
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    /// A parameter says what is not offered here.
    #[error("`{0}` is not what the challenge offers")]
    NotOffered(&'static str),
    /// The count is no eight hexadecimal digits.
    #[error("`nc` is no eight hexadecimal digits")]
    Count,
}

impl Authorization {
    /// Reads a value.
    ///
    /// # Errors
    /// Says what is wrong; the value is in no error.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        if value.len() > MAX_BYTES {
            return Err(Malformed::Long);
        }
        let text = std::str::from_utf8(value).map_err(|_| Malformed::Text)?.trim();
        let (scheme, rest) = text.split_once([' ', '\t']).ok_or(Malformed::Scheme)?;
        match () {
            () if scheme.eq_ignore_ascii_case("basic") => Ok(Self::Basic(Basic::parse(rest.trim())?)),
            () if scheme.eq_ignore_ascii_case("digest") => {
                Ok(Self::Digest(Digest::read(Params::parse(rest)?)?))
            }
            () => Err(Malformed::Scheme),
        }
    }
}

impl Basic {
    fn parse(text: &str) -> Result<Self, Malformed> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| Malformed::Basic)?;
        let colon = bytes.iter().position(|byte| *byte == b':').ok_or(Malformed::Basic)?;
        Ok(Self { user: bytes[..colon].to_vec(), password: bytes[colon + 1..].to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_read_up_to_the_first_colon_and_not_shown() {
        // RFC 7617 §2.
        let read = Authorization::parse(b"basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let expected = Basic { user: b"Aladdin".to_vec(), password: b"open sesame".to_vec() };
        assert_eq!(read, Ok(Authorization::Basic(expected)));
        assert_eq!(format!("{:?}", read.expect("read")), "Basic(Basic(…))");
    }

    #[test]
    fn what_is_no_authorization_is_refused_by_name() {
        for (value, fault) in [
            (&b""[..], Malformed::Scheme),
            (b"Basic", Malformed::Scheme),
            (b"Bearer x", Malformed::Scheme),
            (b"Basic QQ==", Malformed::Basic),
            (b"Basic *", Malformed::Basic),
            (b"Basic \xff", Malformed::Text),
            (b"Digest a=b", Malformed::Missing("username")),
        ] {
            assert_eq!(Authorization::parse(value), Err(fault));
        }
        assert_eq!(Authorization::parse(&[b'a'; MAX_BYTES + 1]), Err(Malformed::Long));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, text in "(Digest|Basic) ([a-z]{1,8}=\"?[a-z\\\\\"]{0,4}\"?,? ?){0,6}") {
            let _ = Authorization::parse(&bytes);
            let _ = Authorization::parse(text.as_bytes());
        }
    }
}
