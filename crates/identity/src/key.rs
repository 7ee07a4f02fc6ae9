//! Access keys: a public id, and a secret that is kept sealed.
//! Users and policies have ids of the same make.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Secret, session};

/// Random bytes that make a secret: 40 characters of base64, 240 bits.
pub const SECRET_BYTES: usize = 30;
/// Random bytes that make an id.
pub const ID_BYTES: usize = 10;

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
        Self(format!("{}{}", session::PREFIX, base32(bytes)))
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
fn base32(bytes: [u8; ID_BYTES]) -> String {
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

/// The id of a user, a policy or the like, as AWS has it: what stays when a name changes, and is never another's.
///
/// `prefix` is AWS's for its kind: `AIDA` for users, `ANPA` for policies.
pub fn unique_id(prefix: &str, bytes: [u8; ID_BYTES]) -> String {
    format!("{prefix}{}", base32(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_secrets_have_the_shapes_clients_know() {
        assert_eq!(AccessKeyId::long_term([0; 10]).as_str(), "AKIAAAAAAAAAAAAAAAAA");
        assert_eq!(AccessKeyId::temporary([255; 10]).as_str(), "ASIA7777777777777777");
        assert_eq!(unique_id("AIDA", *b"foobarfoob"), "AIDAMZXW6YTBOJTG633C");
        let secret = new_secret([255; SECRET_BYTES]);
        assert_eq!(secret.expose().len(), 40);
        let id = AccessKeyId::long_term([9; 10]);
        assert_eq!(AccessKeyId::parse(id.as_str()), Ok(id));
        for wrong in ["", "AKIA", "AKIA-AAAAAAAAAAAAAAA", "AKIAAAAAAAAAAAAAAAA/"] {
            assert_eq!(AccessKeyId::parse(wrong), Err(NotAnId));
        }
    }
}
