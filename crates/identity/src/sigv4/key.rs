//! The key of a day, a region and a service, derived from a secret; and what it signs.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{ALGORITHM, Scope};
use crate::{Secret, hex};

/// Signs the canonical request that is dated `date` within `scope`.
pub(crate) fn signature(secret: &Secret, date: &str, scope: &Scope, canonical: &[u8]) -> [u8; 32] {
    let day = scope.day.as_str();
    let key = Zeroizing::new([b"AWS4", secret.expose().as_bytes()].concat());
    let key = [day, &scope.region, &scope.service, "aws4_request"]
        .into_iter()
        .fold(key, |key, part| Zeroizing::new(hmac(&key, part.as_bytes()).to_vec()));
    let canonical = hex::encode(&Sha256::digest(canonical));
    hmac(&key, format!("{ALGORITHM}\n{date}\n{scope}\n{canonical}").as_bytes())
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(message);
    mac.finalize().into_bytes().into()
}
