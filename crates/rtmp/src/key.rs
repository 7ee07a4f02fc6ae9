//! Stream keys.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A stream key, known only by its SHA-256: it cannot be printed or logged, and comparing two takes the same time
/// wherever they differ. Prints as the last four hex digits of the hash, enough for an operator to tell keys apart.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// The key in a stream name. What follows a `?` is the client's own query (`key?token=…`) and no part of it.
    pub fn new(stream_name: &str) -> Self {
        let key = stream_name.split('?').next().unwrap_or_default();
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Key {}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{:02x}{:02x}", self.0[30], self.0[31])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_compares_without_its_query_and_prints_only_the_tail_of_its_hash() {
        let key = Key::new("abc");
        assert_eq!(key, Key::new("abc?token=1"));
        assert_ne!(key, Key::new("abd"));
        // SHA-256("abc") ends in 15ad (FIPS 180-2, appendix B.1).
        assert_eq!(format!("{key} {key:?}"), "…15ad Key(…15ad)");
    }
}
