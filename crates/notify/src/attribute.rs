//! Attributes of messages: typed values beside the body, the same in SNS and SQS.

use std::collections::BTreeMap;

use aws::{Map, Value};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::random::hex;

/// Longest name, in bytes.
const MAX_NAME: usize = 256;
/// Most of a message that goes to a queue.
pub(crate) const MAX_IN_QUEUE: usize = 10;

/// An attribute's type and value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attribute {
    /// `String`, `Number`, `Binary` or, in SNS, `String.Array`; what follows a dot is the sender's own.
    pub(crate) kind: String,
    pub(crate) content: Content,
}

/// What an attribute holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Content {
    Text(String),
    /// In base64.
    Binary(String),
}

/// A message's attributes by name.
pub(crate) type Attributes = BTreeMap<String, Attribute>;

/// Which service's attributes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Sns,
    Sqs,
}

/// An attribute on the wire.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Given {
    data_type: String,
    string_value: Option<String>,
    binary_value: Option<Bytes>,
}

/// Reads attributes as they came. What is wrong with the first bad one.
pub(crate) fn read(given: BTreeMap<String, Given>, of: Of) -> Result<Attributes, String> {
    if of == Of::Sqs && given.len() > MAX_IN_QUEUE {
        return Err(format!("a message has at most {MAX_IN_QUEUE} attributes"));
    }
    given
        .into_iter()
        .map(|(name, given)| {
            let name = checked_name(name)?;
            let attribute =
                given.read(of).map_err(|fault| format!("the message attribute '{name}' {fault}"))?;
            Ok((name, attribute))
        })
        .collect()
}

/// Reads system attributes: only the one called `known`, which is text.
pub(crate) fn read_system(given: BTreeMap<String, Given>, known: &str) -> Result<Attributes, String> {
    given
        .into_iter()
        .map(|(name, given)| match given.read(Of::Sqs) {
            Ok(attribute) if name == known && attribute.kind == "String" => Ok((name, attribute)),
            _ => Err(format!(
                "the message system attribute '{name}' is not valid: there is {known}, of type String"
            )),
        })
        .collect()
}

fn checked_name(name: String) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    let holds = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.");
    if holds { Ok(name) } else { Err(format!("the message attribute name '{name}' is not valid")) }
}

impl Given {
    fn read(self, of: Of) -> Result<Attribute, String> {
        let Self { data_type: kind, string_value, binary_value } = self;
        let base = kind.split('.').next().unwrap_or("");
        let is_array = kind == "String.Array";
        if kind.len() > MAX_NAME || (is_array && of == Of::Sqs) {
            return Err(format!("has an invalid type '{kind}'"));
        }
        let content = match (base, string_value, binary_value) {
            ("String" | "Number", Some(text), None) if !text.is_empty() => {
                if base == "Number" && !is_number(&text) {
                    return Err(format!("is no number: '{text}'"));
                }
                if !text.chars().all(is_text) {
                    return Err("holds characters that messages may not have".to_owned());
                }
                if is_array && !serde_json::from_str::<Vec<serde_json::Value>>(&text).is_ok_and(is_flat) {
                    return Err(
                        "is of type String.Array and no JSON array of strings, numbers, true, false and null"
                            .to_owned(),
                    );
                }
                Content::Text(text)
            }
            ("Binary", None, Some(bytes)) if !bytes.is_empty() => {
                Content::Binary(BASE64_STANDARD.encode(bytes))
            }
            ("String" | "Number" | "Binary", ..) => {
                return Err(format!(
                    "must contain a non-empty value of its type, '{kind}', and nothing else"
                ));
            }
            _ => return Err(format!("has an invalid type '{kind}': String, Number or Binary begin one")),
        };
        Ok(Attribute { kind, content })
    }
}

fn is_flat(array: Vec<serde_json::Value>) -> bool {
    !array.iter().any(|value| value.is_array() || value.is_object())
}

/// Decimal, 38 digits at most, as AWS has it.
fn is_number(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().filter(u8::is_ascii_digit).count() <= 38
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Characters that messages may have: those of XML 1.0.
pub(crate) fn is_text(sign: char) -> bool {
    matches!(sign, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

impl Attribute {
    /// Text of a type.
    pub(crate) fn text(kind: &str, text: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), content: Content::Text(text.into()) }
    }

    /// Bytes of the value on the wire.
    fn bytes(&self) -> Vec<u8> {
        match &self.content {
            Content::Text(text) => text.clone().into_bytes(),
            Content::Binary(text) => BASE64_STANDARD.decode(text).unwrap_or_default(),
        }
    }

    /// How much it counts of a message's size.
    pub(crate) fn size(&self) -> usize {
        self.kind.len() + self.bytes().len()
    }

    /// As SQS answers it.
    pub(crate) fn to_value(&self) -> Value {
        let map = Map::new().with("DataType", self.kind.clone());
        match &self.content {
            Content::Text(text) => map.with("StringValue", text.clone()),
            Content::Binary(_) => map.with("BinaryValue", Bytes::from(self.bytes())),
        }
        .into()
    }
}

/// How much attributes count of a message's size, names included.
pub(crate) fn size(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, attribute)| name.len() + attribute.size()).sum()
}

/// SQS's MD5 of attributes, which SDKs check: by name, each part behind its length of four bytes.
pub(crate) fn md5<'a>(attributes: impl Iterator<Item = (&'a String, &'a Attribute)>) -> Option<String> {
    let mut hash = Md5::new();
    let mut is_empty = true;
    for (name, attribute) in attributes {
        is_empty = false;
        let part = |hash: &mut Md5, bytes: &[u8]| {
            hash.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            hash.update(bytes);
        };
        part(&mut hash, name.as_bytes());
        part(&mut hash, attribute.kind.as_bytes());
        hash.update([match attribute.content {
            Content::Text(_) => 1,
            Content::Binary(_) => 2,
        }]);
        part(&mut hash, &attribute.bytes());
    }
    (!is_empty).then(|| hex(&hash.finalize()))
}

/// The MD5 of a text, in hexadecimal digits.
pub(crate) fn md5_of_text(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(kind: &str, text: Option<&str>, bytes: Option<&'static [u8]>) -> Given {
        Given {
            data_type: kind.to_owned(),
            string_value: text.map(str::to_owned),
            binary_value: bytes.map(Bytes::from_static),
        }
    }

    #[test]
    fn attributes_are_read_or_refused_with_a_reason() {
        for (kind, text, bytes, of, fits) in [
            ("String", Some("a"), None, Of::Sqs, true),
            ("String.mine", Some("a"), None, Of::Sqs, true),
            ("Number", Some("-1.5e3"), None, Of::Sqs, true),
            ("Binary", None, Some(&b"\0"[..]), Of::Sqs, true),
            ("String.Array", Some("[\"a\", 1, null]"), None, Of::Sns, true),
            ("String.Array", Some("[[1]]"), None, Of::Sns, false),
            ("String.Array", Some("[]"), None, Of::Sqs, false),
            ("Number", Some("inf"), None, Of::Sqs, false),
            ("Number", Some("1 "), None, Of::Sqs, false),
            ("String", Some(""), None, Of::Sqs, false),
            ("String", Some("\u{1}"), None, Of::Sqs, false),
            ("String", None, Some(&b"a"[..]), Of::Sqs, false),
            ("String", Some("a"), Some(&b"a"[..]), Of::Sqs, false),
            ("Object", Some("a"), None, Of::Sqs, false),
        ] {
            let read = read(BTreeMap::from([("n".to_owned(), given(kind, text, bytes))]), of);
            assert_eq!(read.is_ok(), fits, "{kind} {text:?}: {read:?}");
        }
        for name in ["", ".a", "a.", "a..b", "AWS.x", "amazon.x", "a b"] {
            let read = read(BTreeMap::from([(name.to_owned(), given("String", Some("a"), None))]), Of::Sqs);
            assert!(read.is_err(), "{name}");
        }
    }

    /// The value is what Python's `hashlib.md5` gives for the bytes that AWS's guide describes.
    #[test]
    fn the_md5_of_attributes_is_that_of_aws() {
        let attributes = Attributes::from([
            (
                "b".to_owned(),
                Attribute { kind: "Binary".to_owned(), content: Content::Binary("AAE=".to_owned()) },
            ),
            ("a".to_owned(), Attribute::text("String", "x")),
        ]);
        assert_eq!(md5(attributes.iter()).as_deref(), Some("fa20e2def088daf7b14bc51e836c5547"));
        assert_eq!(md5(Attributes::new().iter()), None);
    }
}
