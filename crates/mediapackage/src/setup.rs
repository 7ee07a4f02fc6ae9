//! What both doors are made with.

use std::fmt;
use std::sync::Arc;

use door::{Others, Site};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use store::Store;

use crate::secrets::Secrets;

/// What both doors are made with.
#[derive(Clone)]
pub struct Setup {
    /// Where resources are kept.
    pub store: Store,
    /// What URLs in answers name.
    pub site: Site,
    /// A secret of this installation that stays the same: ingest passwords and ids in URLs are derived from it, so that none is
    /// kept anywhere.
    pub key: [u8; 32],
    /// Where the values of secrets that CDNs bring are looked up.
    pub secrets: Secrets,
    /// Who knows what other doors made.
    pub others: Arc<dyn Others>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("site", &self.site).finish_non_exhaustive()
    }
}

impl Setup {
    /// Hexadecimal digits that nobody can guess who has not the key: always the same for the same words.
    pub(crate) fn derived(&self, words: &[&str], digits: usize) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for word in words {
            mac.update(&(word.len() as u64).to_be_bytes());
            mac.update(word.as_bytes());
        }
        let mut text = hex(&mac.finalize().into_bytes());
        text.truncate(digits);
        text
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
