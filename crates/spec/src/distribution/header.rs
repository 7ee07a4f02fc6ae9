//! Header fields that a file names.

use std::fmt;

use crate::fault::Fault;
use crate::fields::{Field, Fields};

/// A field for requests to an origin. Its value is often a secret, and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// In lower case.
    pub name: String,
    /// Visible ASCII, spaces and tabs.
    pub value: String,
}

impl fmt::Debug for HeaderField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: …", self.name)
    }
}

/// Fields that belong to a connection or a message, or that the edge says itself: nobody else may.
const RESERVED: &[&str] = &[
    "accept-encoding",
    "age",
    "cache-status",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "expect",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

impl HeaderField {
    /// Longest value, in bytes.
    pub const MAX_VALUE: usize = 1_783;

    pub(crate) fn read(mut fields: Fields<'_>) -> Result<Self, Fault> {
        let name = name(&fields.need("name", "\"x-cdn-identifier\"")?)?;
        let value = value(&fields.need("value", "\"…\"")?)?;
        fields.finish()?;
        Ok(Self { name, value })
    }
}

/// A field's name that may be set, removed or passed on, in lower case.
pub(crate) fn name(field: &Field<'_>) -> Result<String, Fault> {
    let text = field.string()?.to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || text.len() > 128 || !text.bytes().all(is_token) {
        return Err(field.fault("the name of a header field is wanted here, such as \"x-cdn-identifier\""));
    }
    if RESERVED.contains(&text.as_str()) {
        return Err(field.fault(format!("`{text}` is the edge's own to say")));
    }
    Ok(text)
}

pub(crate) fn value(field: &Field<'_>) -> Result<String, Fault> {
    let text = field.string()?;
    let fits = |byte: u8| matches!(byte, b' '..=b'~' | b'\t');
    if text.len() > HeaderField::MAX_VALUE || !text.bytes().all(fits) || text.trim() != text {
        return Err(field.fault(format!(
            "the value of a header field is at most {} visible characters of ASCII, without spaces around them",
            HeaderField::MAX_VALUE
        )));
    }
    Ok(text.to_owned())
}

/// The names of viewers' fields that go along to an origin: no cookies and no credentials.
pub(crate) fn viewers(field: Field<'_>, most: usize) -> Result<Vec<String>, Fault> {
    let count = field.fault(format!("a list of at most {most} names, each once"));
    let mut names = Vec::new();
    for entry in field.list()? {
        let name = name(&entry)?;
        match name.as_str() {
            "cookie" => return Err(entry.fault("cookies are named one by one in `cookies`")),
            "authorization" => {
                return Err(entry.fault("not implemented: viewers' credentials reach no origin; remove it"));
            }
            other if other == "forwarded" || other.starts_with("x-forwarded-") => {
                return Err(entry.fault(format!(
                    "`{other}` is what a viewer says of himself, and the edge adds nothing to it: remove it"
                )));
            }
            _ => {}
        }
        if names.contains(&name) || names.len() == most {
            return Err(count);
        }
        names.push(name);
    }
    Ok(names)
}
