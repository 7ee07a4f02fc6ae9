//! Access keys: a public id, and a secret that is kept sealed.

use std::fmt;

use media::Utc;
use serde::{Deserialize, Serialize};

use crate::seal::{Keyring, SealFault};
use crate::{Secret, sigv4};

/// Random bytes that make a secret: 40 characters of base64, 240 bits.
pub const SECRET_BYTES: usize = 30;
/// Random bytes that make an id.
pub const ID_BYTES: usize = 10;
/// Uses closer together than this, in seconds, are not worth writing down.
const LAST_USED_STEP_S: i64 = 60;

/// `AKIA…` (or, for a session, `ASIA…`): 20 characters as they are made here, 16 to 128 letters, digits or `_` as taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessKeyId(String);

/// Not an access key's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access key id has 16 to 128 letters, digits or `_`")]
pub struct NotAnId;

impl AccessKeyId {
    /// Takes an id.
    pub fn parse(text: &str) -> Result<Self, NotAnId> {
        let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_word && (16..=128).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(NotAnId) }
    }

    /// A user's, or the root's.
    pub fn long_term(bytes: [u8; ID_BYTES]) -> Self {
        Self(format!("AKIA{}", base32(bytes)))
    }

    /// A session's.
    pub fn temporary(bytes: [u8; ID_BYTES]) -> Self {
        Self(format!("ASIA{}", base32(bytes)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AccessKeyId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        Self::parse(&text)
    }
}

impl From<AccessKeyId> for String {
    fn from(id: AccessKeyId) -> String {
        id.0
    }
}

/// Sixteen characters of RFC 4648 §6.
pub(crate) fn base32(bytes: [u8; ID_BYTES]) -> String {
    let number = bytes.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let letter =
        |at: u32| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(number >> (5 * at)) as usize & 31]);
    (0..16).rev().map(letter).collect()
}

/// A new secret of random bytes, as it is shown once.
pub fn new_secret(bytes: [u8; SECRET_BYTES]) -> Secret {
    use base64::Engine;
    Secret::new(base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Whether a key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It does.
    Active,
    /// It is switched off, and may be switched on again.
    Inactive,
}

/// Where and when a key was last used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUsed {
    /// When.
    pub at: Utc,
    /// The region it signed for.
    pub region: String,
    /// The service it signed for.
    pub service: String,
}

/// An access key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its public half.
    pub id: AccessKeyId,
    /// Its secret, sealed for `id`.
    pub sealed: Vec<u8>,
    /// Whether it opens anything.
    pub status: Status,
    /// When it was made.
    pub created: Utc,
    /// When it was last used; at most a minute behind.
    pub last_used: Option<LastUsed>,
}

impl AccessKey {
    /// What it signs with; `None` while it is switched off, which a caller is told no other way than an unknown key.
    pub fn credential(&self, keyring: &Keyring) -> Result<Option<sigv4::Credential>, SealFault> {
        match self.status {
            Status::Inactive => Ok(None),
            Status::Active => {
                let secret = keyring.open(&self.sealed, self.id.as_str())?;
                Ok(Some(sigv4::Credential { secret, session: None }))
            }
        }
    }

    /// Notes a use. Returns whether it is worth storing: another place, or a minute later.
    pub fn used(&mut self, scope: &sigv4::Scope, now: Utc) -> bool {
        let is_news = self.last_used.as_ref().is_none_or(|last| {
            let moved = last.region != scope.region || last.service != scope.service;
            moved || now.0 - last.at.0 >= LAST_USED_STEP_S * 1_000_000
        });
        if is_news {
            self.last_used =
                Some(LastUsed { at: now, region: scope.region.clone(), service: scope.service.clone() });
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, NONCE_BYTES};

    #[test]
    fn ids_and_secrets_have_the_shapes_clients_know() {
        assert_eq!(AccessKeyId::long_term([0; 10]).as_str(), "AKIAAAAAAAAAAAAAAAAA");
        assert_eq!(AccessKeyId::temporary([255; 10]).as_str(), "ASIA7777777777777777");
        assert_eq!(base32(*b"foobarfoob"), "MZXW6YTBOJTG633C");
        let secret = new_secret([255; SECRET_BYTES]);
        assert_eq!(secret.expose().len(), 40);
        let id = AccessKeyId::long_term([9; 10]);
        assert_eq!(AccessKeyId::parse(id.as_str()), Ok(id));
        for wrong in ["", "AKIA", "AKIA-AAAAAAAAAAAAAAA", "AKIAAAAAAAAAAAAAAAA/"] {
            assert_eq!(AccessKeyId::parse(wrong), Err(NotAnId));
        }
    }

    #[test]
    fn a_key_that_is_switched_off_signs_nothing() {
        let ring = Keyring::new(MasterKey::from_random([1; 32]), vec![]);
        let (id, secret) = (AccessKeyId::long_term([0; 10]), Secret::new("s"));
        let sealed = ring.seal(&secret, id.as_str(), [0; NONCE_BYTES]).unwrap();
        let mut key = AccessKey { id, sealed, status: Status::Active, created: Utc(0), last_used: None };
        assert_eq!(key.credential(&ring), Ok(Some(sigv4::Credential { secret, session: None })));
        key.status = Status::Inactive;
        assert_eq!(key.credential(&ring), Ok(None));
        // A seal that was moved to another key opens for nobody.
        key.id = AccessKeyId::long_term([1; 10]);
        key.status = Status::Active;
        assert_eq!(key.credential(&ring), Err(SealFault::Broken));
    }

    #[test]
    fn last_used_is_written_down_once_a_minute_and_where_it_moves() {
        let scope =
            |service: &str| sigv4::Scope { day: "".into(), region: "r".into(), service: service.into() };
        let mut key = AccessKey {
            id: AccessKeyId::long_term([0; 10]),
            sealed: vec![],
            status: Status::Active,
            created: Utc(0),
            last_used: None,
        };
        assert!(key.used(&scope("medialive"), Utc(0)));
        assert!(!key.used(&scope("medialive"), Utc(59_000_000)));
        assert!(key.used(&scope("sns"), Utc(59_000_000)));
        assert!(key.used(&scope("sns"), Utc(119_000_000)));
    }
}
