//! Who may come in.

use std::fmt;

use subtle::ConstantTimeEq;

/// A user's name and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// A password. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Login {
    /// Whether these are the name and the password; how much of them is right cannot be told from how long it takes.
    pub(crate) fn is(&self, user: &[u8], password: &[u8]) -> bool {
        let user = self.user.as_bytes().ct_eq(user);
        (user & self.password.0.as_bytes().ct_eq(password)).into()
    }
}
