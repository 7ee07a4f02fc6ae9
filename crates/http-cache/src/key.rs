//! What a request is called: two requests with one key get one answer.
//!
//! The key is the path in one canonical spelling and the few query parameters that a policy names, in a fixed order.
//! Neither the host nor any header is in it, and none is forwarded, so none can change what is stored under it.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

/// A canonical path, then `?` and the named query parameters where there are any. It is also the request target that
/// the origin is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The key as text: an origin-form request target.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a text that [`KeyRules::canonical`] made.
    pub fn from_canonical(text: &str) -> Key {
        Key(text.into())
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which query parameters make a difference. All others are dropped from the key and from the origin's request.
#[derive(Clone, Debug)]
pub struct KeyRules {
    query: Vec<Parameter>,
}

/// A query parameter that makes a difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parameter {
    name: String,
    values: Values,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Values {
    /// Letters and digits, at most [`KeyRules::MAX_VALUE_LEN`].
    Directive,
    /// Unreserved characters (RFC 3986 §2.3), at most [`KeyRules::MAX_FREE_LEN`]; may be empty.
    Free,
}

impl Values {
    fn take(self, value: &str) -> bool {
        match self {
            Values::Directive => {
                let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric());
                plain && !value.is_empty() && value.len() <= KeyRules::MAX_VALUE_LEN
            }
            Values::Free => {
                let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                value.bytes().all(unreserved) && value.len() <= KeyRules::MAX_FREE_LEN
            }
        }
    }
}

impl KeyRules {
    /// Longest value of a delivery directive, in bytes: holds any `u64` and the words HLS defines.
    pub const MAX_VALUE_LEN: usize = 20;
    /// Longest value of any other named parameter, in bytes.
    pub const MAX_FREE_LEN: usize = 256;

    /// The delivery directives of HLS (draft-pantos-hls-rfc8216bis §6.2.5), and nothing else.
    pub fn hls() -> KeyRules {
        KeyRules::hls_and([])
    }

    /// The delivery directives, and the parameters named; in alphabetical order.
    pub fn hls_and<'a>(names: impl IntoIterator<Item = &'a str>) -> KeyRules {
        let directives = ["_HLS_msn", "_HLS_part", "_HLS_skip"].map(|name| (name, Values::Directive));
        let named = names.into_iter().map(|name| (name, Values::Free));
        let parameters = directives.into_iter().chain(named);
        let mut query: Vec<_> =
            parameters.map(|(name, values)| Parameter { name: name.to_owned(), values }).collect();
        query.sort();
        query.dedup_by(|later, earlier| later.name == earlier.name);
        KeyRules { query }
    }

    /// The one spelling of an origin-form request target. Borrows when `target` is canonical already.
    ///
    /// Percent-encoded bytes that need no encoding are decoded, the rest are spelled in upper case. Spellings that
    /// two servers could read differently are refused, not repaired.
    pub fn canonical<'a>(&self, target: &'a str) -> Result<Cow<'a, str>, KeyFault> {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let path = canonical_path(path)?;
        match query {
            None => Ok(path),
            Some(query) => self.with_query(path, query),
        }
    }

    fn with_query<'a>(&self, path: Cow<'a, str>, query: &str) -> Result<Cow<'a, str>, KeyFault> {
        if let Some(at) = query.bytes().position(|b| !is_query(b)) {
            return Err(KeyFault::Byte { byte: query.as_bytes()[at] });
        }
        let mut key = path;
        let mut joint = '?';
        for Parameter { name, values: taken } in &self.query {
            let mut values = query.split('&').filter_map(|pair| {
                let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
                (found == name).then_some(value)
            });
            let Some(value) = values.next() else { continue };
            if values.next().is_some() {
                return Err(KeyFault::RepeatedParameter);
            }
            if !taken.take(value) {
                return Err(KeyFault::ParameterValue);
            }
            let text = key.to_mut();
            text.push(joint);
            text.push_str(name);
            text.push('=');
            text.push_str(value);
            joint = '&';
        }
        Ok(key)
    }
}

/// Why a request target has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not an absolute path.
    #[error("the request target does not begin with `/`")]
    NotAbsolute,
    /// A byte that RFC 3986 does not allow unencoded, a control character or NUL.
    #[error("byte {byte:#04x} cannot stand in a request target")]
    Byte {
        /// The byte, after percent-decoding where it was encoded.
        byte: u8,
    },
    /// `%` without two hexadecimal digits after it.
    #[error("broken percent-encoding")]
    PercentEncoding,
    /// An encoded `/`, `\` or `%2e`-style dot segment, which servers disagree about.
    #[error("an encoded separator in the path")]
    EncodedSeparator,
    /// `.` or `..` as a path element.
    #[error("a dot segment in the path")]
    DotSegment,
    /// `//`.
    #[error("an empty path element")]
    EmptyElement,
    /// A named parameter given twice.
    #[error("a query parameter is given twice")]
    RepeatedParameter,
    /// A named parameter whose value is too long, has characters it may not have, or is missing.
    #[error("a query parameter has no usable value")]
    ParameterValue,
}

fn canonical_path(raw: &str) -> Result<Cow<'_, str>, KeyFault> {
    if !raw.starts_with('/') {
        return Err(KeyFault::NotAbsolute);
    }
    let path = decode_unreserved(raw)?;
    let mut elements = path[1..].split('/').peekable();
    while let Some(element) = elements.next() {
        match element {
            "." | ".." => return Err(KeyFault::DotSegment),
            "" if elements.peek().is_some() => return Err(KeyFault::EmptyElement),
            _ => {}
        }
    }
    Ok(path)
}

/// Leaves `%XX` only where the byte may not stand for itself in a path, or means something else when it does: `;` begins a
/// parameter for some servers, `+` is a space to others (RFC 3986 §2.2).
fn decode_unreserved(raw: &str) -> Result<Cow<'_, str>, KeyFault> {
    let bytes = raw.as_bytes();
    match bytes.iter().find(|b| **b == b'%' || !is_path(**b)) {
        None => return Ok(Cow::Borrowed(raw)),
        Some(b'%') => {}
        Some(byte) => return Err(KeyFault::Byte { byte: *byte }),
    }
    let mut path = String::with_capacity(raw.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte != b'%' {
            if !is_path(byte) {
                return Err(KeyFault::Byte { byte });
            }
            path.push(byte as char);
            at += 1;
            continue;
        }
        let digits = bytes.get(at + 1..at + 3).ok_or(KeyFault::PercentEncoding)?;
        let high = (digits[0] as char).to_digit(16).ok_or(KeyFault::PercentEncoding)?;
        let low = (digits[1] as char).to_digit(16).ok_or(KeyFault::PercentEncoding)?;
        let decoded = (high * 16 + low) as u8;
        match decoded {
            b'/' | b'\\' => return Err(KeyFault::EncodedSeparator),
            0..0x20 | 0x7f => return Err(KeyFault::Byte { byte: decoded }),
            b if is_path(b) && !matches!(b, b';' | b'+' | b'=' | b'&') => path.push(b as char),
            b => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                path.push('%');
                path.push(HEX[usize::from(b >> 4)] as char);
                path.push(HEX[usize::from(b & 15)] as char);
            }
        }
        at += 3;
    }
    Ok(Cow::Owned(path))
}

/// RFC 3986 §3.3: `pchar` without percent-encoding, and `/`.
fn is_path(byte: u8) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let allowed = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/";
        let mut at = 0;
        while at < allowed.len() {
            table[allowed[at] as usize] = true;
            at += 1;
        }
        table
    };
    TABLE[usize::from(byte)]
}

/// RFC 3986 §3.4.
fn is_query(byte: u8) -> bool {
    is_path(byte) || matches!(byte, b'?' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(target: &str, expected: Result<&str, KeyFault>) {
        let found = KeyRules::hls().canonical(target);
        assert_eq!(found.as_deref(), expected.as_ref().map(|text| *text), "{target}");
    }

    #[test]
    fn one_resource_has_one_spelling() {
        check("/", Ok("/"));
        check("/demo/720p30/index.m3u8", Ok("/demo/720p30/index.m3u8"));
        check("/%64emo/index%2em3u8", Ok("/demo/index.m3u8"));
        check("/demo/Streams%28video%29", Ok("/demo/Streams(video)"));
        check("/a%20b%c3%A9%25", Ok("/a%20b%C3%A9%25"));
        check("/a;b+c/d%3bb%2bc", Ok("/a;b+c/d%3Bb%2Bc"));
    }

    #[test]
    fn only_named_parameters_count_and_always_in_one_order() {
        check("/a?_HLS_part=2&x=1&_HLS_msn=7", Ok("/a?_HLS_msn=7&_HLS_part=2"));
        check("/a?_HLS_msn=7&_HLS_part=2", Ok("/a?_HLS_msn=7&_HLS_part=2"));
        check("/a?CMCD=br%3D300&sid=%22x%22", Ok("/a"));
        check("/a?", Ok("/a"));
        check("/a?_HLS_msn=7&_HLS_msn=8", Err(KeyFault::RepeatedParameter));
        check("/a?_HLS_msn=7%26", Err(KeyFault::ParameterValue));
        check("/a?_HLS_msn", Err(KeyFault::ParameterValue));
        check("/a?_HLS_msn=111111111111111111111", Err(KeyFault::ParameterValue));
        check("/a?b c", Err(KeyFault::Byte { byte: b' ' }));
    }

    #[test]
    fn what_two_servers_could_read_differently_is_refused() {
        check("", Err(KeyFault::NotAbsolute));
        check("*", Err(KeyFault::NotAbsolute));
        check("http://x/a", Err(KeyFault::NotAbsolute));
        check("//x", Err(KeyFault::EmptyElement));
        check("/a//b", Err(KeyFault::EmptyElement));
        check("/a/../b", Err(KeyFault::DotSegment));
        check("/a/%2e%2E/b", Err(KeyFault::DotSegment));
        check("/a/.", Err(KeyFault::DotSegment));
        check("/a%2fb", Err(KeyFault::EncodedSeparator));
        check("/a%5Cb", Err(KeyFault::EncodedSeparator));
        check("/a\\b", Err(KeyFault::Byte { byte: b'\\' }));
        check("/a%00", Err(KeyFault::Byte { byte: 0 }));
        check("/a%0d%0aX:1", Err(KeyFault::Byte { byte: b'\r' }));
        check("/a%7f", Err(KeyFault::Byte { byte: 0x7f }));
        check("/a%", Err(KeyFault::PercentEncoding));
        check("/a%2", Err(KeyFault::PercentEncoding));
        check("/a%zz", Err(KeyFault::PercentEncoding));
        check("/é", Err(KeyFault::Byte { byte: 0xc3 }));
        check("/a#b", Err(KeyFault::Byte { byte: b'#' }));
    }

    proptest! {
        #[test]
        fn a_canonical_target_is_its_own_canonical_form(target in "/[a-z%0-9A-F./?&=_\\-]{0,40}") {
            let rules = KeyRules::hls_and(["a", "_b"]);
            if let Ok(once) = rules.canonical(&target) {
                let twice = rules.canonical(&once);
                prop_assert_eq!(twice.as_deref(), Ok(&*once));
                prop_assert!(!once.contains("/../") && !once.contains("//"));
                prop_assert!(once.bytes().all(|b| b.is_ascii_graphic()));
            }
        }

        #[test]
        fn a_key_is_always_a_valid_request_target(target in "/([!-~]|%[0-9A-Fa-f]{2}){0,60}") {
            if let Ok(key) = KeyRules::hls().canonical(&target) {
                let uri = key.parse::<http::Uri>().ok().map(|uri| uri.to_string());
                prop_assert_eq!(uri.as_deref(), Some(&*key));
            }
        }

        #[test]
        fn any_text_gets_a_key_or_a_named_fault(target in "\\PC{0,60}") {
            let _ = KeyRules::hls().canonical(&target);
        }
    }
}
