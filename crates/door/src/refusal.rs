//! How a call ends: what it changed is durable with its audit line, or is taken back with a line that says why.

use aws::Error;
use store::{Store, Write};

use crate::Caller;

/// Why a call is not done.
#[derive(Debug)]
pub enum Refusal {
    /// The store did not do it.
    Store(store::Error),
    /// The client is told this.
    Told(Error),
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

/// Ends a call about `subject`; `told` is how the service tells what the store says.
///
/// # Errors
/// What the client is told.
pub async fn settle<T>(
    store: &Store,
    caller: &Caller,
    write: Write,
    subject: &str,
    done: Result<T, Refusal>,
    told: impl Fn(store::Error) -> Error,
) -> Result<T, Error> {
    match done {
        Ok(answer) => write.settle(Ok(answer)).await.map_err(told),
        Err(Refusal::Store(error)) => write.settle(Err(error)).await.map_err(told),
        Err(Refusal::Told(error)) => {
            drop(write);
            Err(refused(store, caller, subject, error).await)
        }
    }
}

/// A call about `subject` that is refused before anything was begun: the same error, once it is in the audit log.
pub async fn refused(store: &Store, caller: &Caller, subject: &str, error: Error) -> Error {
    if let Err(fault) = store.refused(caller.audit(), subject, &error.name).await {
        tracing::warn!(%fault, error = %error.name, "a refused call could not be written to the audit log");
    }
    error
}
