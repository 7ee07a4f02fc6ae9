//! Tokens for the next page: what comes next, in a form that nobody should read.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest token, in bytes: a metric with thirty long dimensions fits.
const MAX_BYTES: usize = 128 << 10;

pub(super) fn put(place: &impl Serialize) -> String {
    BASE64.encode(serde_json::to_vec(place).expect("a place is numbers and text"))
}

/// The place, or `None` where the token is none of ours.
pub(super) fn take<T: DeserializeOwned>(token: &str) -> Option<T> {
    if token.len() > MAX_BYTES {
        return None;
    }
    serde_json::from_slice(&BASE64.decode(token).ok()?).ok()
}
