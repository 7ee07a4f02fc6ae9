//! The one text that sender and receiver make of the same request.
//!
//! Two requests have the same text only if they ask for the same: a path with empty or dot segments, which signers fold
//! in their own ways, is refused outside S3; `+` in a query stays `+` and is neither a space (`%20`) nor a plus (`%2B`);
//! `%2F` in an object's key stays apart from `/`.

use super::{Fault, Request, limits};

/// How a service's path is written into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStyle {
    /// S3: encoded once, nothing folded.
    Once,
    /// All others: what came is encoded again.
    Twice,
}

impl PathStyle {
    /// That of a service by its name in the scope.
    pub fn of(service: &str) -> Self {
        if service == "s3" || service == "s3express" || service.starts_with("s3-") {
            PathStyle::Once
        } else {
            PathStyle::Twice
        }
    }
}

/// The text of a request. `query` is canonical already; `payload` is what stands for the body.
pub(crate) fn text(
    request: &Request<'_>,
    style: PathStyle,
    query: &str,
    signed_headers: &[String],
    payload: &str,
) -> Result<Vec<u8>, Fault> {
    let path = path(request.path, style)?;
    let mut text = [request.method, "\n", &path, "\n", query, "\n"].concat().into_bytes();
    for name in signed_headers {
        let mut values = request.values(name).peekable();
        if values.peek().is_none() {
            return Err(Fault::AbsentHeader(name.clone()));
        }
        text.extend_from_slice(name.as_bytes());
        for (index, value) in values.enumerate() {
            text.push(if index == 0 { b':' } else { b',' });
            fold(value, &mut text);
        }
        text.push(b'\n');
    }
    text.extend_from_slice(format!("\n{}\n{payload}", signed_headers.join(";")).as_bytes());
    Ok(text)
}

/// A header's value without blanks around it, and with single ones within.
fn fold(value: &[u8], out: &mut Vec<u8>) {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// A raw path as it is signed.
pub fn path(raw: &str, style: PathStyle) -> Result<String, Fault> {
    match style {
        PathStyle::Once => recode(raw, b"/", "path"),
        PathStyle::Twice => {
            let mut segments = raw.strip_prefix('/').unwrap_or(raw).split('/').peekable();
            while let Some(segment) = segments.next() {
                let is_last = segments.peek().is_none();
                if matches!(segment, "." | "..") || (segment.is_empty() && !is_last) {
                    return Err(Fault::Segments);
                }
            }
            let mut out = String::with_capacity(raw.len() * 2);
            raw.bytes().for_each(|byte| if byte == b'/' { out.push('/') } else { encode(byte, &mut out) });
            Ok(out)
        }
    }
}

/// A raw query as it is signed: each name and value encoded alike, then sorted.
pub fn query(raw: &str) -> Result<String, Fault> {
    sorted(parameters(raw)?)
}

/// The parameters of a raw query in the order they came, as they came.
pub(crate) fn parameters(raw: &str) -> Result<Vec<(&str, &str)>, Fault> {
    if raw.is_empty() {
        return Ok(Vec::new());
    }
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    let pairs: Vec<_> = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    if pairs.len() > limits::MAX_PARAMETERS {
        return Err(Fault::TooLarge { what: "number of query parameters", limit: limits::MAX_PARAMETERS });
    }
    Ok(pairs)
}

pub(crate) fn sorted(parameters: Vec<(&str, &str)>) -> Result<String, Fault> {
    let recode = |text| recode(text, b"+", "query");
    let pairs = parameters.into_iter().map(|(name, value)| Ok((recode(name)?, recode(value)?)));
    let mut pairs = pairs.collect::<Result<Vec<_>, Fault>>()?;
    pairs.sort();
    Ok(pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
}

/// What a parameter means: its `%XX` decoded. A `+` stands for itself, as it does in what is signed.
pub(crate) fn decode(text: &str, what: &'static str) -> Result<String, Fault> {
    let bytes = units(text).map(|unit| unit.map(Unit::byte)).collect::<Option<Vec<u8>>>();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(Fault::Unreadable(what))
}

/// Encodes every byte but the unreserved ones (RFC 3986 §2.3), once; those in `kept` stay where they are plain.
fn recode(text: &str, kept: &[u8], what: &'static str) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    for unit in units(text) {
        match unit.ok_or(Fault::Unreadable(what))? {
            Unit::Plain(byte) if kept.contains(&byte) => out.push(char::from(byte)),
            unit => encode(unit.byte(), &mut out),
        }
    }
    Ok(out)
}

pub(crate) fn encode(byte: u8, out: &mut String) {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        out.push(char::from(byte));
    } else {
        let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
        out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
    }
}

/// A byte of a percent-encoded text, and how it was written.
#[derive(Clone, Copy)]
enum Unit {
    Plain(u8),
    Encoded(u8),
}

impl Unit {
    fn byte(self) -> u8 {
        match self {
            Unit::Plain(byte) | Unit::Encoded(byte) => byte,
        }
    }
}

/// The bytes of a percent-encoded text; `None` for a `%` without two digits.
fn units(text: &str) -> impl Iterator<Item = Option<Unit>> {
    let mut bytes = text.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).map(|digit| digit as u8);
    std::iter::from_fn(move || match bytes.next()? {
        b'%' => {
            let (high, low) = (digit(bytes.next()), digit(bytes.next()));
            Some(high.zip(low).map(|(high, low)| Unit::Encoded(high << 4 | low)))
        }
        byte => Some(Some(Unit::Plain(byte))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_encoded_once_for_s3_and_again_for_others() {
        for (raw, once, twice) in [
            ("/", "/", Some("/")),
            ("/a%20b/", "/a%20b/", Some("/a%2520b/")),
            ("/a b", "/a%20b", Some("/a%20b")),
            ("/%7e%41", "/~A", Some("/%257e%2541")),
            ("/a%2Fb", "/a%2Fb", Some("/a%252Fb")),
            ("/é(1)", "/%C3%A9%281%29", Some("/%C3%A9%281%29")),
            ("/a//b", "/a//b", None),
            ("/a/../b", "/a/../b", None),
            ("//", "//", None),
            ("/.", "/.", None),
        ] {
            assert_eq!(path(raw, PathStyle::Once).as_deref(), Ok(once));
            assert_eq!(path(raw, PathStyle::Twice).as_deref(), twice.ok_or(&Fault::Segments), "{raw}");
        }
    }

    #[test]
    fn a_query_is_sorted_by_what_it_is_encoded_to() {
        for (raw, canonical) in [
            ("", ""),
            ("&&", ""),
            ("b=2&a=2&a=1&B=&flag", "B=&a=1&a=2&b=2&flag="),
            ("a=%e9%2b+%20&b=x=y", "a=%E9%2B+%20&b=x%3Dy"),
            ("z=~&%7a=é", "z=%C3%A9&z=~"),
        ] {
            assert_eq!(query(raw).as_deref(), Ok(canonical));
        }
        for wrong in ["a=%", "a=%4", "a=%4g", "%é"] {
            assert_eq!(query(wrong), Err(Fault::Unreadable("query")), "{wrong}");
        }
    }
}
