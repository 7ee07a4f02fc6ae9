//! The account, and who acts in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Twelve digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

/// Not twelve digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no account id: it has twelve digits")]
pub struct NotAnAccount(pub String);

impl AccountId {
    /// Takes twelve digits.
    pub fn parse(text: &str) -> Result<Self, NotAnAccount> {
        let is_id = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_id { Ok(Self(text.to_owned())) } else { Err(NotAnAccount(text.chars().take(64).collect())) }
    }

    /// One made of random bytes; its first digit is not 0, so that it survives programs that take it for a number.
    pub fn from_random(bytes: [u8; 8]) -> Self {
        Self((100_000_000_000 + u64::from_le_bytes(bytes) % 900_000_000_000).to_string())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AccountId {
    type Error = NotAnAccount;

    fn try_from(text: String) -> Result<Self, NotAnAccount> {
        Self::parse(&text)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> String {
        id.0
    }
}

/// Who acts; prints as its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The account itself: no policy limits it.
    Root(AccountId),
    /// A user.
    User {
        /// Of this account.
        account: AccountId,
        /// Where in its tree, which is `/` for most.
        path: String,
        /// The name.
        name: String,
    },
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Root(account) => write!(f, "arn:aws:iam::{account}:root"),
            Principal::User { account, path, name } => write!(f, "arn:aws:iam::{account}:user{path}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_twelve_digits() {
        for bytes in [[0; 8], [255; 8], [1, 2, 3, 4, 5, 6, 7, 8]] {
            let made = AccountId::from_random(bytes);
            assert_eq!(AccountId::parse(made.as_str()), Ok(made));
        }
        for wrong in ["", "12345678901", "1234567890123", "12345678901a", "１２３４"] {
            assert_eq!(AccountId::parse(wrong), Err(NotAnAccount(wrong.into())));
        }
        let account = AccountId::parse("123456789012").unwrap();
        assert_eq!(Principal::Root(account.clone()).to_string(), "arn:aws:iam::123456789012:root");
        let user =
            |path: &str| Principal::User { account: account.clone(), path: path.into(), name: "eve".into() };
        assert_eq!(user("/").to_string(), "arn:aws:iam::123456789012:user/eve");
        assert_eq!(user("/ops/night/").to_string(), "arn:aws:iam::123456789012:user/ops/night/eve");
    }
}
