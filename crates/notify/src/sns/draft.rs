//! What is published, looked at before anything is done with it.

use std::collections::BTreeMap;

use aws::Error;
use serde::Deserialize;

use crate::attribute::{self, Attributes, Given, Of};
use crate::{fault, random};

/// Largest message, with its attributes, and all of a batch together, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// Longest subject, in characters.
pub(super) const MAX_SUBJECT: usize = 100;

/// A message that was checked.
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) subject: Option<String>,
    /// What each protocol's subscribers get; `default` for those not named.
    pub(super) texts: BTreeMap<String, String>,
    pub(super) attributes: Attributes,
    /// What it counts of a batch, in bytes.
    pub(super) size: usize,
}

/// A message as it came, of a batch or alone.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    pub(super) id: Option<String>,
    pub(super) message: String,
    pub(super) subject: Option<String>,
    pub(super) message_structure: Option<String>,
    #[serde(default)]
    pub(super) message_attributes: BTreeMap<String, Given>,
    pub(super) message_deduplication_id: Option<String>,
    pub(super) message_group_id: Option<String>,
}

impl Entry {
    /// The message, if it is one.
    pub(super) fn check(self) -> Result<Draft, Error> {
        if self.message_deduplication_id.is_some() {
            return Err(fault::invalid("MessageDeduplicationId", "it is for FIFO topics"));
        }
        if self.message_group_id.is_some() {
            return Err(fault::invalid("MessageGroupId", "it is for FIFO topics"));
        }
        if self.message.is_empty() {
            return Err(fault::invalid("Message", "Empty message"));
        }
        let attributes = attribute::read(self.message_attributes, Of::Sns).map_err(|why| {
            Error::new("InvalidParameterValueException", format!("Invalid parameter: {why}"))
        })?;
        let size = self.message.len() + attribute::size(&attributes);
        if size > MAX_BYTES {
            return Err(fault::invalid(
                "Message",
                format_args!("Message too long: at most {MAX_BYTES} bytes"),
            ));
        }
        if !self.message.chars().all(attribute::is_text) {
            return Err(fault::invalid("Message", "it holds characters that messages may not have"));
        }
        if let Some(subject) = &self.subject {
            let is_line = (1..=MAX_SUBJECT).contains(&subject.chars().count())
                && !subject.chars().any(char::is_control);
            if !is_line {
                return Err(fault::invalid("Subject", "it is one line of 1 to 100 characters"));
            }
        }
        let texts = match self.message_structure.as_deref() {
            None | Some("") => BTreeMap::from([("default".to_owned(), self.message)]),
            Some("json") => structured(&self.message)?,
            Some(_) => return Err(fault::invalid("MessageStructure", "it is json, or nothing")),
        };
        Ok(Draft { id: random::uuid(), subject: self.subject, texts, attributes, size })
    }
}

fn structured(message: &str) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |why: &str| fault::invalid("Message Structure", why);
    let texts: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(message).map_err(|_| wrong("JSON message body failed to parse"))?;
    // Entries that are no text are for nobody.
    let texts: BTreeMap<_, _> = texts
        .into_iter()
        .filter_map(|(protocol, text)| Some((protocol, text.as_str()?.to_owned())))
        .collect();
    match texts.get("default") {
        None => Err(wrong("No default entry in JSON message body")),
        // The entries' escapes are resolved: characters have to be looked at again.
        Some(_) if texts.values().any(|text| !text.chars().all(attribute::is_text)) => {
            Err(wrong("an entry holds characters that messages may not have"))
        }
        Some(_) => Ok(texts),
    }
}
