//! Bodies of each format to values and back, led by the descriptions.
//!
//! What the description does not know is passed over, as AWS does; what has another type than it says is a [`Fault`].

pub(crate) mod cbor;
pub(crate) mod json;
pub(crate) mod query;
pub(crate) mod scalar;
pub(crate) mod xml;

use crate::limits::Exceeded;

/// Why bytes are no value of a description's type, or a value cannot be written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub(crate) String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<Exceeded> for Fault {
    fn from(exceeded: Exceeded) -> Self {
        Self(exceeded.to_string())
    }
}
