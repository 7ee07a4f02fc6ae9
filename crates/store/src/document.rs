//! JSON that the store keeps and does not read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A JSON document, as text; equal where the text is. The caller decides what is in it, and writes it the same way each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(String);

impl Document {
    /// Longest document, in bytes: a channel with every output AWS allows stays far below.
    pub const MAX: usize = 1 << 20;

    /// The document of a value.
    pub fn of(value: &impl Serialize) -> Result<Self, Error> {
        let text = serde_json::to_string(value).map_err(Error::NoDocument)?;
        if text.len() > Self::MAX {
            return Err(Error::TooLong { what: "document", bytes: text.len(), most: Self::MAX });
        }
        Ok(Self(text))
    }

    /// Takes text that is JSON already; anything else is refused.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > Self::MAX {
            return Err(Error::TooLong { what: "document", bytes: text.len(), most: Self::MAX });
        }
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(Error::NoDocument)?;
        Ok(Self(text.to_owned()))
    }

    /// Reads it into the caller's type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.0).map_err(Error::NoDocument)
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What the store wrote itself.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }
}
