//! One event.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest line of JSON that is an event, in bytes: many times what roles say.
pub const MAX_LINE_BYTES: usize = 4 << 10;
/// Longest name of a role or an event.
const MAX_NAME: usize = 48;
/// What tells two conditions of one kind apart.
const IDENTITY: [&str; 7] = ["process", "pipeline", "input", "track", "cause", "origin", "file"];

/// A condition of a channel or of a process that began, is over, or has no length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in UTC as RFC 3339 has it, to the millisecond.
    pub time: String,
    /// Who says it: `ingest`, `encoder`, `origin`, `edge`, `supervisor`.
    pub role: String,
    /// The channel, where it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Which condition: a stable name, such as `input_loss`.
    pub event: String,
    /// Whether it began or is over.
    pub state: State,
    /// In words.
    pub message: String,
    /// Its other fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, Value>,
}

/// Where in its life a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It began.
    Raised,
    /// It is over.
    Cleared,
    /// It has no length.
    Happened,
}

impl State {
    /// Its word in logs, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::Happened => "happened",
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        [Self::Raised, Self::Cleared, Self::Happened].into_iter().find(|state| state.as_str() == word)
    }
}

/// A line that is no event.
#[derive(Debug, thiserror::Error)]
pub enum BadEvent {
    /// It is too long.
    #[error("over {MAX_LINE_BYTES} bytes")]
    Long,
    /// It is not the JSON of one.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A name is not of `a-z`, `0-9` and `_`, or too long: it would be a metric's label.
    #[error("`role` or `event` is no name")]
    Name,
}

impl Event {
    /// Reads a line of JSON.
    pub fn parse(line: &[u8]) -> Result<Self, BadEvent> {
        if line.len() > MAX_LINE_BYTES {
            return Err(BadEvent::Long);
        }
        let event: Self = serde_json::from_slice(line)?;
        let is_name = |name: &str| {
            let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(known)
        };
        if is_name(&event.role) && is_name(&event.event) { Ok(event) } else { Err(BadEvent::Name) }
    }

    /// Its line of JSON, without the end of the line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text, numbers and maps by name are JSON")
    }

    /// What it has in common with the event that clears it, and with no other condition's.
    pub fn condition(&self) -> String {
        let details = IDENTITY.iter().filter_map(|name| self.details.get(*name));
        let mut key = format!("{} {} {}", self.role, self.channel.as_deref().unwrap_or(""), self.event);
        details.for_each(|value| key += &format!(" {value}"));
        key
    }
}

/// For people: one line.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, role, channel, event, state, message, details } = self;
        let whose = channel.as_deref().unwrap_or("-");
        write!(f, "{time}  {whose:<12} {:<8} {event:<16} {message}", state.as_str())?;
        for (name, value) in details {
            match value {
                Value::String(text) => write!(f, "  {name}={text}")?,
                other => write!(f, "  {name}={other}")?,
            }
        }
        write!(f, "  ({role})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(details: &[(&str, &str)]) -> Event {
        Event {
            time: "2026-11-26T20:22:05.363Z".to_owned(),
            role: "encoder".to_owned(),
            channel: Some("cam".to_owned()),
            event: "input_fault".to_owned(),
            state: State::Raised,
            message: "input".to_owned(),
            details: details.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let said = event(&[("input", "primary"), ("cause", "loss")]);
        assert_eq!(Event::parse(said.to_json().as_bytes()).expect("an event"), said);
        assert_eq!(
            said.to_string(),
            "2026-11-26T20:22:05.363Z  cam          raised   input_fault      input  cause=loss  input=primary  (encoder)"
        );
    }

    #[test]
    fn what_no_role_says_is_refused() {
        let told = |text: &str| Event::parse(text.as_bytes()).expect_err("no event").to_string();
        assert!(told("hello").contains("expected"));
        assert!(told(&format!("\"{}\"", "x".repeat(MAX_LINE_BYTES))).contains("4096"));
        let named = |name: &str| Event { event: name.to_owned(), ..event(&[]) }.to_json();
        assert!(Event::parse(named("a_1").as_bytes()).is_ok());
        for name in ["", "A", "a b", "a\"b", &"a".repeat(49)] {
            assert!(matches!(Event::parse(named(name).as_bytes()), Err(BadEvent::Name)), "{name}");
        }
    }

    #[test]
    fn a_condition_is_the_same_when_it_is_cleared_and_another_for_the_other_input() {
        let raised = event(&[("input", "primary"), ("cause", "loss"), ("silent_ms", "12")]);
        let cleared = Event { state: State::Cleared, ..event(&[("input", "primary"), ("cause", "loss")]) };
        assert_eq!(raised.condition(), cleared.condition());
        assert_ne!(raised.condition(), event(&[("input", "backup"), ("cause", "loss")]).condition());
    }
}
