//! Filter policies: which of a topic's messages a subscription wants.
//!
//! A [`Policy`] is JSON: keys, each with a list of conditions, one of which has to hold; all keys have to. It looks at a
//! message's attributes or at its body ([`Scope`]). Operators and limits are those of AWS's guide ("Amazon SNS subscription filter
//! policies"). Pure, and safe on any text.

#![forbid(unsafe_code)]

mod condition;
mod evaluate;
mod network;
mod parse;

pub use parse::Fault;

use condition::Condition;

/// Longest policy, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// Most keys with conditions in a policy.
pub const MAX_KEYS: usize = 5;
/// Most combinations of conditions: the product of their numbers by key, each counted as often as it is nested deep.
pub const MAX_COMBINATIONS: usize = 150;

/// What a policy looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The message's attributes.
    Attributes,
    /// Its body, a JSON object.
    Body,
}

/// A filter policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy(Group);

/// Keys, all of which have to hold.
#[derive(Clone, Debug, Default, PartialEq)]
struct Group {
    keys: Vec<(String, Rule)>,
    /// Of each `$or`, one group has to hold.
    any_of: Vec<Vec<Group>>,
}

/// What a key has to fulfil.
#[derive(Clone, Debug, PartialEq)]
enum Rule {
    /// One of these.
    Any(Vec<Condition>),
    /// All of these, in the object it holds.
    Nested(Group),
}

/// A value that a message brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Nothing.
    Null,
}

impl Value {
    /// A scalar of JSON; `None` for arrays and objects.
    pub fn of(json: &serde_json::Value) -> Option<Self> {
        Some(match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Boolean(*value),
            serde_json::Value::Number(number) => Self::Number(number.as_f64()?),
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => return None,
        })
    }
}

#[cfg(test)]
mod tests;
