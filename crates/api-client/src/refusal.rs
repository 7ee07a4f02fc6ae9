//! What the API says when it will not: problem details (RFC 9457).

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::table::printable;

/// What the API says when it will not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, and what would be right.
    pub detail: String,
    /// One word, the same in every version.
    pub code: String,
    /// By which the server's log tells more.
    #[serde(default)]
    pub request_id: String,
    /// Which fields, and what of each.
    #[serde(default)]
    pub errors: Vec<FieldFault>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FieldFault {
    /// A JSON pointer; empty for the whole.
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
}

impl Refusal {
    /// What IAM says; `None` where it says something else.
    pub(crate) fn of_iam(status: u16, answer: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            status,
            detail: text(&answer["Error"]["Message"])?,
            code: text(&answer["Error"]["Code"])?,
            request_id: text(&answer["RequestId"]).unwrap_or_default(),
            errors: Vec::new(),
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<_> = self.errors.iter().filter(|fault| !fault.pointer.is_empty()).collect();
        match named.as_slice() {
            [] => write!(f, "{}", printable(&self.detail))?,
            // A single fault's detail is the whole's.
            [one] if one.detail == self.detail => {
                write!(f, "{}: {}", printable(&field(&one.pointer)), printable(&one.detail))?;
            }
            several => {
                write!(f, "{}", printable(&self.detail))?;
                for fault in several {
                    write!(f, "\n  {}: {}", printable(&field(&fault.pointer)), printable(&fault.detail))?;
                }
            }
        }
        match self.status {
            500.. if !self.request_id.is_empty() => write!(f, " (request {})", printable(&self.request_id)),
            _ => Ok(()),
        }
    }
}

/// `/ladder/2/bitrate` as settings are named elsewhere: `ladder[2].bitrate`.
fn field(pointer: &str) -> String {
    let mut name = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        match part.parse::<u32>() {
            Ok(place) => name += &format!("[{place}]"),
            Err(_) if name.is_empty() => name = part,
            Err(_) => name += &format!(".{part}"),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        serde_json::from_str::<Refusal>(text).expect("problem details").to_string()
    }

    #[test]
    fn a_refusal_names_the_field_as_the_workflow_file_does() {
        let one = r#"{"status":422,"code":"Invalid","detail":"too large","request_id":"r",
            "errors":[{"pointer":"/ladder/0/bitrate","detail":"too large"}]}"#;
        assert_eq!(told(one), "ladder[0].bitrate: too large");
        let two = r#"{"status":422,"code":"Invalid","detail":"two faults",
            "errors":[{"pointer":"/a~1b","detail":"x"},{"pointer":"/c","detail":"y"}]}"#;
        assert_eq!(told(two), "two faults\n  a/b: x\n  c: y");
    }

    #[test]
    fn a_fault_of_the_server_names_the_request_for_its_log() {
        let text = r#"{"status":500,"code":"Internal","detail":"a fault of the server","request_id":"abc"}"#;
        assert_eq!(told(text), "a fault of the server (request abc)");
        let text = r#"{"status":409,"code":"Conflict","detail":"no\u001b[2J","request_id":"abc"}"#;
        assert_eq!(told(text), "no\u{fffd}[2J");
    }
}
