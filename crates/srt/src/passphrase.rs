//! The secret both ends of an encrypted connection know.

use std::fmt;

/// A passphrase, from which both sides derive the key that wraps the stream's AES key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

/// Why a text cannot be a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase has 10 to 79 bytes, this has {0}")]
pub struct PassphraseError(usize);

impl Passphrase {
    /// Takes a passphrase of 10 to 79 bytes, libsrt's bounds.
    ///
    /// # Errors
    /// When it is shorter or longer.
    pub fn new(text: &str) -> Result<Self, PassphraseError> {
        match text.len() {
            10..=79 => Ok(Self(text.to_owned())),
            length => Err(PassphraseError(length)),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}
