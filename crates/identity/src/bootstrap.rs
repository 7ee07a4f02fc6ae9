//! The first start: account, root access key and console password, made of random bytes or taken from the operator.

use crate::account::NotAnAccount;
use crate::key::{self, AccessKeyId};
use crate::{AccountId, Secret, password, session};

/// Environment variable: the root access key's id.
pub const ACCESS_KEY: &str = "HEADWATER_ROOT_ACCESS_KEY";
/// Environment variable: its secret.
pub const SECRET_KEY: &str = "HEADWATER_ROOT_SECRET_KEY";
/// Environment variable: the account.
pub const ACCOUNT_ID: &str = "HEADWATER_ACCOUNT_ID";

/// Random bytes a bootstrap needs.
pub const RANDOM_BYTES: usize = 8 + key::ID_BYTES + key::SECRET_BYTES + password::RANDOM_BYTES;
/// Shortest secret an operator may bring, in bytes.
const MIN_SECRET: usize = 32;
/// Longest.
const MAX_SECRET: usize = 128;

/// What the operator set, as it stands in [`ACCESS_KEY`], [`SECRET_KEY`] and [`ACCOUNT_ID`].
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The root access key's id.
    pub access_key: Option<String>,
    /// Its secret.
    pub secret_key: Option<Secret>,
    /// The account.
    pub account_id: Option<String>,
}

/// What the first start makes. It is printed once; only the sealed secret and the password's hash are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// The account.
    pub account: AccountId,
    /// The root access key.
    pub access_key: AccessKeyId,
    /// Its secret.
    pub secret_key: Secret,
    /// Opens the console once, to set another.
    pub password: Secret,
}

/// What is wrong with what the operator set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapFault {
    /// One half of the key.
    #[error("{ACCESS_KEY} and {SECRET_KEY} belong together: set both, or neither to have them made")]
    Half,
    /// The id.
    #[error("{ACCESS_KEY}: an access key id has 16 to 128 letters, digits or `_`")]
    AccessKey,
    /// `ASIA…` is the name of temporary ones.
    #[error(
        "{ACCESS_KEY} begins with ASIA, which names temporary keys: take another beginning, such as AKIA"
    )]
    Temporary,
    /// The secret.
    #[error(
        "{SECRET_KEY} must have {MIN_SECRET} to {MAX_SECRET} visible ASCII characters, none of them a blank"
    )]
    SecretKey,
    /// The account.
    #[error("{ACCOUNT_ID}")]
    Account(#[source] NotAnAccount),
}

impl Bootstrap {
    /// Takes what is given, and makes the rest of random bytes, which have to come from the system's source of them.
    pub fn new(given: &Given, random: [u8; RANDOM_BYTES]) -> Result<Self, BootstrapFault> {
        let mut random = &random[..];
        let account = take::<8>(&mut random);
        let id = take::<{ key::ID_BYTES }>(&mut random);
        let secret = take::<{ key::SECRET_BYTES }>(&mut random);
        let password = password::new_password(take(&mut random));

        let account = match &given.account_id {
            Some(text) => AccountId::parse(text).map_err(BootstrapFault::Account)?,
            None => AccountId::from_random(account),
        };
        let (access_key, secret_key) = match (&given.access_key, &given.secret_key) {
            (None, None) => (AccessKeyId::long_term(id), key::new_secret(secret)),
            (Some(id), Some(secret)) => (given_id(id)?, given_secret(secret)?),
            _ => return Err(BootstrapFault::Half),
        };
        Ok(Bootstrap { account, access_key, secret_key, password })
    }
}

fn given_id(text: &str) -> Result<AccessKeyId, BootstrapFault> {
    if text.starts_with(session::PREFIX) {
        return Err(BootstrapFault::Temporary);
    }
    AccessKeyId::parse(text).map_err(|_| BootstrapFault::AccessKey)
}

fn given_secret(secret: &Secret) -> Result<Secret, BootstrapFault> {
    let text = secret.expose();
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (MIN_SECRET..=MAX_SECRET).contains(&text.len()) {
        Ok(secret.clone())
    } else {
        Err(BootstrapFault::SecretKey)
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (taken, rest) = bytes.split_first_chunk().expect("RANDOM_BYTES is the sum of what is taken");
    *bytes = rest;
    *taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random() -> [u8; RANDOM_BYTES] {
        std::array::from_fn(|at| (at * 37) as u8)
    }

    fn given(access_key: Option<&str>, secret_key: Option<&str>, account_id: Option<&str>) -> Given {
        Given {
            access_key: access_key.map(str::to_owned),
            secret_key: secret_key.map(Secret::new),
            account_id: account_id.map(str::to_owned),
        }
    }

    #[test]
    fn a_first_start_makes_what_the_operator_did_not_bring() {
        let made = Bootstrap::new(&Given::default(), random()).unwrap();
        assert_eq!((made.access_key.as_str().len(), made.secret_key.expose().len()), (20, 40));
        assert!(made.access_key.as_str().starts_with("AKIA"));
        let mut other = random();
        other.iter_mut().for_each(|byte| *byte ^= 0x55);
        let other = Bootstrap::new(&Given::default(), other).unwrap();
        assert!(made.account != other.account && made.password != other.password);
        let shown = format!("{made:?}");
        assert!(!shown.contains(made.secret_key.expose()) && !shown.contains(made.password.expose()));

        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let brought = given(Some("AKIAIOSFODNN7EXAMPLE"), Some(secret), Some("123456789012"));
        let taken = Bootstrap::new(&brought, random()).unwrap();
        assert_eq!(taken.access_key.as_str(), "AKIAIOSFODNN7EXAMPLE");
        assert_eq!(taken.secret_key.expose(), secret);
        assert_eq!((taken.account.as_str(), taken.password), ("123456789012", made.password));
    }

    #[test]
    fn what_is_wrong_with_the_operators_settings_is_named() {
        let (id, secret) =
            (Some("AKIAIOSFODNN7EXAMPLE"), Some("a secret of 32 bytes without any".replace(' ', "-")));
        let secret = secret.as_deref();
        for (given, fault) in [
            (given(id, None, None), BootstrapFault::Half),
            (given(None, secret, None), BootstrapFault::Half),
            (given(Some("test"), secret, None), BootstrapFault::AccessKey),
            (given(Some("ASIAIOSFODNN7EXAMPLE"), secret, None), BootstrapFault::Temporary),
            (given(id, Some("test"), None), BootstrapFault::SecretKey),
            (given(id, Some(&" ".repeat(40)), None), BootstrapFault::SecretKey),
            (given(None, None, Some("12")), BootstrapFault::Account(NotAnAccount("12".into()))),
        ] {
            assert_eq!(Bootstrap::new(&given, random()), Err(fault));
        }
    }
}
