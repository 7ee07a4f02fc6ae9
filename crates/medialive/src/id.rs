//! Ids of resources: seven digits, as AWS's.

use door::{Caller, Refusal};
use sha2::{Digest, Sha256};
use store::{Key, Write};

use crate::refusal::conflict;

/// Tries until an id is found that nobody has: there are nine million.
const MAX_TRIES: u32 = 100;

/// An id that no resource of `kind` has. The call's own number gives it, so that it cannot be guessed before.
pub(crate) async fn fresh(write: &mut Write, caller: &Caller, kind: &str) -> Result<(String, Key), Refusal> {
    for attempt in 0..MAX_TRIES {
        let digest = digest(&[&caller.request_id, kind, &caller.at.0.to_string(), &attempt.to_string()]);
        let number = u64::from_str_radix(&digest[..15], 16).unwrap_or_default();
        let id = (1_000_000 + number % 9_000_000).to_string();
        let key = Key::new(kind, &caller.account, &caller.region, &id)?;
        match write.resource(&key).await {
            Ok(_) => {}
            Err(store::Error::NotFound(_)) => return Ok((id, key)),
            Err(error) => return Err(error.into()),
        }
    }
    Err(conflict("no free id was found; try again").into())
}

/// SHA-256 of the texts, each with its length, in hexadecimal.
pub(crate) fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
