//! Connection ids that name the edge they are of, and the keys that outlive it.
//!
//! ```text
//! generation (1) | random (8) | tag (3): the first bytes of a keyed hash of the rest
//! ```
//! Every edge on a UDP socket has a generation of its own. The tag tells ids from noise and from what clients choose.

use std::io;
use std::path::Path;

use quinn::{ConnectionId, ConnectionIdGenerator};
use quinn_proto::InvalidCid;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};

use crate::datagram::ID_LEN;
use ::certificate::{CertificateError, read_file, write_file};

/// Where a tag begins in an id.
const TAG: usize = 9;
/// Bytes of the secret all keys are made from.
const SECRET: usize = 32;

/// Which of the edges on a socket.
pub(crate) type Generation = u8;

/// Keys that an edge has in common with those before and after it, so that each can tell a client that its connection is
/// gone (RFC 9000 §10.3), and knows whom another asked to prove his address (§8.1).
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) ids: hmac::Key,
    pub(crate) resets: hmac::Key,
    pub(crate) retry_tokens: hkdf::Prk,
}

/// Makes the ids of one generation.
#[derive(Debug)]
pub(crate) struct Ids {
    generation: Generation,
    key: hmac::Key,
    random: SystemRandom,
}

impl Keys {
    /// Those kept in `folder`, which are made where there are none.
    pub(crate) fn kept_in(folder: &Path) -> Result<Keys, CertificateError> {
        let path = folder.join("quic.key");
        if !path.exists() {
            let mut secret = [0; SECRET];
            SystemRandom::new().fill(&mut secret).map_err(|_| CertificateError::File {
                path: path.clone(),
                source: io::Error::other("the system has no random bytes"),
            })?;
            let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            write_file(&path, &format!("{text}\n"))?;
        }
        let text = read_file(&path)?;
        if text.len() < 2 * SECRET {
            let source = io::Error::new(io::ErrorKind::InvalidData, "too short for a key: delete it");
            return Err(CertificateError::File { path, source });
        }
        Ok(Keys::from(&text))
    }

    /// All of them from one secret.
    pub(crate) fn from(secret: &[u8]) -> Keys {
        let key = |purpose: &[u8]| hkdf::Salt::new(hkdf::HKDF_SHA256, purpose).extract(secret);
        let hashing = |purpose| {
            let key = key(purpose);
            let expanded = key.expand(&[], hmac::HMAC_SHA256).expect("a hash's length is a key's");
            hmac::Key::from(expanded)
        };
        Keys { ids: hashing(b"quic id"), resets: hashing(b"quic reset"), retry_tokens: key(b"quic retry") }
    }

    /// The generation that gave `id`, if one did.
    pub(crate) fn generation(&self, id: &[u8; ID_LEN]) -> Option<Generation> {
        (id[TAG..] == tag(&self.ids, id)).then_some(id[0])
    }
}

impl Ids {
    pub(crate) fn of(generation: Generation, keys: &Keys) -> Ids {
        Ids { generation, key: keys.ids.clone(), random: SystemRandom::new() }
    }
}

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; ID_LEN];
        id[0] = self.generation;
        self.random.fill(&mut id[1..TAG]).expect("the system had random bytes when the edge began");
        let tag = tag(&self.key, &id);
        id[TAG..].copy_from_slice(&tag);
        ConnectionId::new(&id)
    }

    /// Any generation's: a client of one that is gone is told so.
    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        let id: &[u8; ID_LEN] = id[..].try_into().map_err(|_| InvalidCid)?;
        if id[TAG..] == tag(&self.key, id) { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        ID_LEN
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

fn tag(key: &hmac::Key, id: &[u8; ID_LEN]) -> [u8; ID_LEN - TAG] {
    *hmac::sign(key, &id[..TAG]).as_ref().first_chunk().expect("a hash has more")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(generation: Generation, keys: &Keys) -> [u8; ID_LEN] {
        Ids::of(generation, keys).generate_cid()[..].try_into().expect("ids have one length")
    }

    #[test]
    fn an_id_tells_its_generation_to_whoever_has_the_keys() {
        let keys = Keys::from(b"ours");
        for generation in [0, 1, 7, 255] {
            assert_eq!(keys.generation(&id(generation, &keys)), Some(generation));
        }
        assert_eq!(keys.generation(&id(1, &Keys::from(b"theirs"))), None);
        assert_ne!(id(1, &keys), id(1, &keys));
    }

    #[test]
    fn every_byte_of_an_id_counts() {
        let keys = Keys::from(b"ours");
        let whole = id(3, &keys);
        for at in 0..ID_LEN {
            let mut changed = whole;
            changed[at] ^= 1;
            assert_eq!(keys.generation(&changed), None, "byte {at}");
        }
    }

    #[test]
    fn keys_are_made_once_and_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let first = Keys::kept_in(folder.path()).expect("made");
        let again = Keys::kept_in(folder.path()).expect("read");
        assert_eq!(again.generation(&id(9, &first)), Some(9));
        let path = folder.path().join("quic.key");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(&path, "short").expect("written");
        let fault = Keys::kept_in(folder.path()).expect_err("too short");
        assert!(std::error::Error::source(&fault).expect("the reason").to_string().contains("delete it"));
    }
}
