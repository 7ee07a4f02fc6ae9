//! What an operator can do where an input's server may not be called.

use std::fmt;

use reach::Unreachable;

/// Why a server of an input is not called, and what to set if it should be.
#[derive(Debug)]
pub(crate) struct Advised(pub(crate) Unreachable);

impl From<Unreachable> for Advised {
    fn from(unreachable: Unreachable) -> Self {
        Self(unreachable)
    }
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        match self.0 {
            Unreachable::Private { .. } => {
                f.write_str("; set `allow_private = true` on this input if that is meant")
            }
            Unreachable::Lookup { .. } | Unreachable::NoAddress { .. } => Ok(()),
        }
    }
}

impl std::error::Error for Advised {}
