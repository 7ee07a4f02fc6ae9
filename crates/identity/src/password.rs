//! Console passwords, kept as Argon2id hashes (RFC 9106).

use std::fmt;

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};

use crate::Secret;

/// Memory of a hash, in KiB: 19 MiB, with [`PASSES`] the least OWASP's password storage sheet asks for.
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const PASSES: u32 = 2;
/// Random bytes of a salt.
pub const SALT_BYTES: usize = 16;
/// Random bytes of a password that is made here: 100 bits of them are used.
pub const RANDOM_BYTES: usize = 20;
/// Shortest password, in bytes.
pub const MIN_BYTES: usize = 12;
/// Longest password, in bytes.
pub const MAX_BYTES: usize = 256;
/// Dearest hash that is verified; one that was stored with more is refused.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 8;

/// What a password is compared with: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(String);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

/// Why a password or a hash cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Its length.
    #[error("a password has {MIN_BYTES} to {MAX_BYTES} bytes")]
    Length,
    /// Not one that [`Hash::of`] makes, or dearer than is allowed.
    #[error("it is no Argon2id hash of a password within bounds")]
    NotAHash,
}

impl Hash {
    /// Hashes a password. It takes 19 MiB and some hundredths of a second.
    pub fn of(password: &Secret, salt: [u8; SALT_BYTES]) -> Result<Self, PasswordFault> {
        let text = password.expose();
        if !(MIN_BYTES..=MAX_BYTES).contains(&text.len()) {
            return Err(PasswordFault::Length);
        }
        let salt = SaltString::encode_b64(&salt).expect("sixteen bytes are a salt");
        let hash = argon2().hash_password(text.as_bytes(), &salt).expect("the bounds are Argon2's");
        Ok(Hash(hash.to_string()))
    }

    /// A hash as it was stored.
    pub fn parse(text: &str) -> Result<Self, PasswordFault> {
        let hash = PasswordHash::new(text).map_err(|_| PasswordFault::NotAHash)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordFault::NotAHash)?;
        let is_argon2id = hash.algorithm == Algorithm::Argon2id.ident();
        let is_within =
            params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() == 1;
        if is_argon2id && is_within && hash.hash.is_some() {
            Ok(Hash(text.to_owned()))
        } else {
            Err(PasswordFault::NotAHash)
        }
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `password` is the one `hash` was made of. Where there is nobody, `None` costs the same and is never right, so
/// that neither answer nor time tells who exists.
pub fn is_right(password: &Secret, hash: Option<&Hash>) -> bool {
    // A password over the bound was never hashed, and is cut: what hashing costs does not depend on who sends it.
    let bytes = password.expose().as_bytes();
    let bytes = &bytes[..bytes.len().min(MAX_BYTES + 1)];
    match hash {
        Some(Hash(text)) => {
            let hash = PasswordHash::new(text).expect("a hash was parsed or made");
            argon2().verify_password(bytes, &hash).is_ok()
        }
        None => {
            let mut out = [0; 32];
            let hashed = argon2().hash_password_into(bytes, b"nobody has this.", &mut out);
            hashed.expect("the bounds are Argon2's");
            // Seen as used, or the compiler might save the work.
            std::hint::black_box(out);
            false
        }
    }
}

/// A password of random bytes, to be typed once: five groups of four letters and digits that are not mistaken for others.
pub fn new_password(bytes: [u8; RANDOM_BYTES]) -> Secret {
    let letter = |byte: &u8| char::from(b"abcdefghjkmnpqrstuvwxyz23456789z"[usize::from(byte & 31)]);
    let groups: Vec<String> = bytes.chunks(4).map(|group| group.iter().map(letter).collect()).collect();
    Secret::new(groups.join("-"))
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("the bounds are Argon2's");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_right_for_its_own_hash_alone() {
        let password = Secret::new("correct horse battery");
        let hash = Hash::of(&password, [1; SALT_BYTES]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(Hash::parse(hash.as_str()), Ok(hash.clone()));
        assert_eq!(format!("{hash:?}"), "Hash");
        assert!(is_right(&password, Some(&hash)));
        assert!(!is_right(&Secret::new("correct horse batterz"), Some(&hash)));
        assert!(!is_right(&password, None));
        assert_ne!(Hash::of(&password, [2; SALT_BYTES]).unwrap(), hash);
    }

    #[test]
    fn a_password_over_the_bound_is_not_right_by_its_beginning() {
        let longest = "x".repeat(MAX_BYTES);
        let hash = Hash::of(&Secret::new(&*longest), [1; SALT_BYTES]).unwrap();
        assert!(is_right(&Secret::new(&*longest), Some(&hash)));
        assert!(!is_right(&Secret::new(longest + "x"), Some(&hash)));
        for wrong in ["", "eleven byte", &"x".repeat(MAX_BYTES + 1)] {
            assert_eq!(Hash::of(&Secret::new(wrong), [1; SALT_BYTES]), Err(PasswordFault::Length));
        }
    }

    #[test]
    fn a_hash_that_would_take_a_machines_memory_is_refused() {
        let hash = |start: &str| {
            format!("{start}$AQEBAQEBAQEBAQEBAQEBAQ$qFEX5bLDDGnr0mJGVcGtfVQwJLSxJKlaCmKWTHWSPyM")
        };
        assert!(Hash::parse(&hash("$argon2id$v=19$m=19456,t=2,p=1")).is_ok());
        for wrong in [
            "$argon2id$v=19$m=1000000,t=2,p=1",
            "$argon2id$v=19$m=19456,t=200,p=1",
            "$argon2id$v=19$m=19456,t=2,p=100",
            "$argon2i$v=19$m=19456,t=2,p=1",
            "$scrypt$ln=1",
        ] {
            assert_eq!(Hash::parse(&hash(wrong)), Err(PasswordFault::NotAHash), "{wrong}");
        }
        assert_eq!(
            Hash::parse("$argon2id$v=19$m=19456,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ"),
            Err(PasswordFault::NotAHash)
        );
    }

    #[test]
    fn a_password_that_is_made_can_be_typed() {
        let password = new_password(std::array::from_fn(|at| at as u8));
        assert_eq!(password.expose(), "abcd-efgh-jkmn-pqrs-tuvw");
        assert!(Hash::of(&password, [0; SALT_BYTES]).is_ok());
    }
}
