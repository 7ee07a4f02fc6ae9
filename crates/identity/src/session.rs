//! Temporary keys: the session token holds all there is to know of one, sealed, so that nothing of it is stored.
//!
//! A token names the access key that asked for it, and is worth as much as that one at the moment it is shown: whoever switches the key
//! off, or deletes it, ends its sessions too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use media::Utc;
use serde::{Deserialize, Serialize};

use crate::seal::{Keyring, NONCE_BYTES};
use crate::sigv4::{Credential, Session};
use crate::{AccessKeyId, Secret, key};

/// How the ids of temporary keys begin.
pub const PREFIX: &str = "ASIA";
/// Random bytes a temporary key needs.
pub const RANDOM_BYTES: usize = key::ID_BYTES + key::SECRET_BYTES + NONCE_BYTES;

/// A temporary key, as it is shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Temporary {
    /// `ASIA…`.
    pub access_key: AccessKeyId,
    /// Its secret.
    pub secret: Secret,
    /// What comes with each request as `X-Amz-Security-Token`.
    pub token: Secret,
    /// From when on it is refused.
    pub expires: Utc,
}

/// A token that was opened. That it has not expired whoever verifies a signature with the credential sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The access key that asked for it.
    pub issuer: AccessKeyId,
    /// What the temporary key signs with.
    pub credential: Credential,
}

/// Not a token of this installation, or another key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no session token of this key")]
pub struct NotAToken;

#[derive(Serialize, Deserialize)]
struct Content {
    issuer: AccessKeyId,
    secret: String,
    expires: Utc,
}

/// A key for whoever holds `issuer`, good until `expires`. `random` comes from the system, and is never used twice.
pub fn issue(keyring: &Keyring, issuer: &AccessKeyId, expires: Utc, random: [u8; RANDOM_BYTES]) -> Temporary {
    let (id, rest) = random.split_first_chunk().expect("RANDOM_BYTES is the sum of what is taken");
    let (secret, nonce) = rest.split_first_chunk().expect("RANDOM_BYTES is the sum of what is taken");
    let access_key = AccessKeyId::temporary(*id);
    let secret = key::new_secret(*secret);
    let content = Content { issuer: issuer.clone(), secret: secret.expose().to_owned(), expires };
    let text = Secret::new(serde_json::to_string(&content).expect("texts and a number become JSON"));
    let nonce = nonce.try_into().expect("RANDOM_BYTES is the sum of what is taken");
    let sealed =
        keyring.seal(&text, &owner(access_key.as_str()), nonce).expect("it is within the seal's bound");
    Temporary { access_key, secret, token: Secret::new(STANDARD.encode(sealed)), expires }
}

/// What the token of the temporary key `access_key` says.
pub fn open(keyring: &Keyring, access_key: &str, token: &str) -> Result<Opened, NotAToken> {
    let sealed = STANDARD.decode(token).map_err(|_| NotAToken)?;
    let text = keyring.open(&sealed, &owner(access_key)).map_err(|_| NotAToken)?;
    let content: Content = serde_json::from_str(text.expose()).map_err(|_| NotAToken)?;
    let session = Session { token: Secret::new(token), expires: content.expires };
    let credential = Credential { secret: Secret::new(content.secret), session: Some(session) };
    Ok(Opened { issuer: content.issuer, credential })
}

/// What a token is sealed for: never what an access key's stored secret is.
fn owner(access_key: &str) -> String {
    format!("session {access_key}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::MasterKey;

    fn ring(byte: u8) -> Keyring {
        Keyring::new(MasterKey::from_random([byte; 32]), vec![])
    }

    #[test]
    fn a_token_opens_for_its_own_key_and_here_alone() {
        let issuer = AccessKeyId::long_term([7; 10]);
        let made = issue(&ring(1), &issuer, Utc(9), [5; RANDOM_BYTES]);
        assert!(made.access_key.as_str().starts_with("ASIA"));
        let opened = open(&ring(1), made.access_key.as_str(), made.token.expose()).expect("its own");
        let session = Session { token: made.token.clone(), expires: Utc(9) };
        let credential = Credential { secret: made.secret.clone(), session: Some(session) };
        assert_eq!(opened, Opened { issuer: issuer.clone(), credential });
        assert!(!made.token.expose().contains(made.secret.expose()));

        let id = made.access_key.as_str();
        assert_eq!(open(&ring(2), id, made.token.expose()), Err(NotAToken), "another master key");
        assert_eq!(open(&ring(1), "ASIAOTHEROTHEROTHER1", made.token.expose()), Err(NotAToken));
        for wrong in
            ["", "no base64!", "AAAA", &made.token.expose()[4..], &format!("{}A", made.token.expose())]
        {
            assert_eq!(open(&ring(1), id, wrong), Err(NotAToken), "{wrong}");
        }
        // The seal of a stored secret is no token.
        let stored = ring(1).seal(&Secret::new("s"), id, [0; NONCE_BYTES]).expect("sealed");
        assert_eq!(open(&ring(1), id, &STANDARD.encode(stored)), Err(NotAToken));
    }

    #[test]
    fn two_keys_are_never_the_same() {
        let issuer = AccessKeyId::long_term([7; 10]);
        let mut other = [5; RANDOM_BYTES];
        other[0] = 6;
        other[key::ID_BYTES] = 6;
        let (one, two) =
            (issue(&ring(1), &issuer, Utc(9), [5; RANDOM_BYTES]), issue(&ring(1), &issuer, Utc(9), other));
        assert!(one.access_key != two.access_key && one.secret != two.secret && one.token != two.token);
    }
}
