//! Secrets at rest: sealed with a master key that lies elsewhere, so that a copy of the database alone opens none.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): its nonce of 24 bytes may be drawn at random for every seal. A seal is
//! bound to its owner's name, so that it opens for nobody else.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Secret, hex};

/// Random bytes a seal needs.
pub const NONCE_BYTES: usize = 24;
/// Largest text to seal, in bytes: a session token or an SRT passphrase is far below.
pub const MAX_SECRET: usize = 64 * 1024;
/// Most master keys of before that still open what they sealed.
pub const MAX_OLDER: usize = 4;

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;

/// The key that seals. It is shown nowhere.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    id: [u8; 4],
}

/// Bytes that are no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 64 lower-case hexadecimal digits, and nothing else")]
pub struct NotAKey;

impl MasterKey {
    /// A key of random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let hash = Sha256::new_with_prefix(b"headwater master key id").chain_update(bytes).finalize();
        Self { bytes: Zeroizing::new(bytes), id: [hash[0], hash[1], hash[2], hash[3]] }
    }

    /// A key as its file or environment variable has it; a line's end may follow.
    pub fn parse(text: &[u8]) -> Result<Self, NotAKey> {
        let digits = std::str::from_utf8(text.trim_ascii_end()).map_err(|_| NotAKey)?;
        hex::decode(digits).map(Self::from_random).ok_or(NotAKey)
    }

    /// The text that [`MasterKey::parse`] reads.
    pub fn to_text(&self) -> Secret {
        Secret::new(hex::encode(&*self.bytes))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// The key that seals, and those of before.
#[derive(Clone, Debug)]
pub struct Keyring {
    current: MasterKey,
    older: Vec<MasterKey>,
}

/// Why a seal does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// Not made here, or cut off.
    #[error("it is no sealed secret")]
    NotASeal,
    /// Another master key made it.
    #[error("it was sealed with a master key that is not here; put that key beside the present one")]
    OtherKey,
    /// It was changed, or belongs to somebody else.
    #[error("the sealed secret was changed, or is another's")]
    Broken,
    /// Over [`MAX_SECRET`].
    #[error("a secret has at most {MAX_SECRET} bytes")]
    TooLarge,
}

impl Keyring {
    /// Seals with `current`, opens also what the first [`MAX_OLDER`] of `older` have sealed.
    pub fn new(current: MasterKey, mut older: Vec<MasterKey>) -> Self {
        older.truncate(MAX_OLDER);
        Self { current, older }
    }

    /// Seals `secret` for `owner` (an access key's id). `nonce` is random, and never used twice.
    pub fn seal(&self, secret: &Secret, owner: &str, nonce: [u8; NONCE_BYTES]) -> Result<Vec<u8>, SealFault> {
        let text = secret.expose().as_bytes();
        if text.len() > MAX_SECRET {
            return Err(SealFault::TooLarge);
        }
        let cipher = XChaCha20Poly1305::new((&*self.current.bytes).into());
        let payload = Payload { msg: text, aad: owner.as_bytes() };
        let sealed =
            cipher.encrypt(XNonce::from_slice(&nonce), payload).expect("it is far below the cipher's bound");
        Ok([&[VERSION][..], &self.current.id, &nonce, &sealed].concat())
    }

    /// Opens what was sealed for `owner`.
    pub fn open(&self, sealed: &[u8], owner: &str) -> Result<Secret, SealFault> {
        if sealed.len() > 1 + 4 + NONCE_BYTES + MAX_SECRET + TAG_BYTES {
            return Err(SealFault::NotASeal);
        }
        let (head, rest) = sealed.split_at_checked(5).ok_or(SealFault::NotASeal)?;
        let (nonce, text) = rest.split_at_checked(NONCE_BYTES).ok_or(SealFault::NotASeal)?;
        if head[0] != VERSION {
            return Err(SealFault::NotASeal);
        }
        let mut keys = std::iter::once(&self.current).chain(&self.older);
        let key = keys.find(|key| key.id == head[1..]).ok_or(SealFault::OtherKey)?;
        let cipher = XChaCha20Poly1305::new((&*key.bytes).into());
        let payload = Payload { msg: text, aad: owner.as_bytes() };
        let text = cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SealFault::Broken)?;
        String::from_utf8(text).map(Secret::new).map_err(|_| SealFault::Broken)
    }

    /// A secret that is always the same for the same `label`, and different for each: for what is to be made again, not kept.
    pub fn derived(&self, label: &str) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*self.current.bytes)
            .expect("HMAC takes keys of any length");
        mac.update(label.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Whether it should be sealed again: a master key of before made it.
    pub fn is_stale(&self, sealed: &[u8]) -> bool {
        sealed.get(1..5) != Some(&self.current.id[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MasterKey {
        MasterKey::from_random([byte; 32])
    }

    #[test]
    fn what_was_sealed_opens_for_its_owner_alone() {
        let ring = Keyring::new(key(1), vec![]);
        let secret = Secret::new("wJalrXUtnFEMI");
        let sealed = ring.seal(&secret, "AKIA1", [7; NONCE_BYTES]).unwrap();
        assert_eq!(ring.open(&sealed, "AKIA1"), Ok(secret.clone()));
        assert_eq!(ring.open(&sealed, "AKIA2"), Err(SealFault::Broken));
        assert!(!sealed.windows(4).any(|part| part == b"wJal"));
        assert_ne!(ring.seal(&secret, "AKIA1", [8; NONCE_BYTES]).unwrap()[29..], sealed[29..]);
    }

    #[test]
    fn a_seal_that_was_changed_anywhere_does_not_open() {
        let ring = Keyring::new(key(1), vec![]);
        let sealed = ring.seal(&Secret::new("s"), "AKIA1", [7; NONCE_BYTES]).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open(&changed, "AKIA1").is_err(), "byte {at}");
            assert!(ring.open(&sealed[..at], "AKIA1").is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_key_of_before_opens_and_another_does_not() {
        let sealed = Keyring::new(key(1), vec![]).seal(&Secret::new("s"), "a", [0; NONCE_BYTES]).unwrap();
        let rotated = Keyring::new(key(2), vec![key(1)]);
        assert_eq!(rotated.open(&sealed, "a"), Ok(Secret::new("s")));
        assert!(rotated.is_stale(&sealed));
        assert_eq!(Keyring::new(key(2), vec![]).open(&sealed, "a"), Err(SealFault::OtherKey));
    }

    #[test]
    fn a_master_key_is_read_as_it_is_written_and_not_shown() {
        let text = key(9).to_text();
        let again = MasterKey::parse(format!("{}\n", text.expose()).as_bytes()).unwrap();
        assert_eq!(again.to_text(), text);
        assert_eq!(format!("{again:?}"), "MasterKey");
        for wrong in [&b""[..], b"abc", &[b'g'; 64], &[b'a'; 65], &[0xff; 64]] {
            assert_eq!(MasterKey::parse(wrong).unwrap_err(), NotAKey);
        }
    }
}
