//! IAM's exceptions, in its words.

use aws::Error;
use door::Caller;
use store::{Store, Write};

/// Why a call is not done.
pub(crate) enum Refusal {
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

/// Ends a call: durable with its audit line, or taken back with a line that says why.
pub(crate) async fn settle<T>(
    store: &Store,
    caller: &Caller,
    write: Write,
    subject: &str,
    done: Result<T, Refusal>,
) -> Result<T, Error> {
    match done {
        Ok(answer) => write.settle(Ok(answer)).await.map_err(told),
        Err(Refusal::Store(error)) => write.settle(Err(error)).await.map_err(told),
        Err(Refusal::Told(error)) => {
            drop(write);
            if let Err(fault) = store.refused(caller.audit(), subject, &error.name).await {
                tracing::warn!(%fault, error = %error.name, "a refused call could not be written to the audit log");
            }
            Err(error)
        }
    }
}

/// What a client hears of a store that did not do it. What it is exactly goes to the log.
pub(crate) fn told(error: store::Error) -> Error {
    match error {
        store::Error::Busy => {
            Error::new("ServiceUnavailable", "the store is busy; try again in a few seconds").with_status(503)
        }
        refused if refused.is_refusal() => validation(refused.to_string()),
        fault => {
            tracing::error!(%fault, "the store failed a call about identity");
            Error::new("ServiceFailureException", "the store failed; the log says how")
        }
    }
}

/// A setting that is none.
pub(crate) fn validation(message: impl Into<String>) -> Error {
    Error::new("ValidationError", message).with_code("ValidationError").with_status(400)
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new("InvalidInputException", message)
}

/// A valid setting that is not implemented here.
pub(crate) fn unsupported(what: &str) -> Error {
    invalid(format!("{what} is not implemented here"))
}

pub(crate) fn missing(message: impl Into<String>) -> Error {
    Error::new("NoSuchEntityException", message)
}

pub(crate) fn no_user(name: &str) -> Error {
    missing(format!("The user with name {name} cannot be found."))
}

pub(crate) fn taken(message: impl Into<String>) -> Error {
    Error::new("EntityAlreadyExistsException", message)
}

/// Something must go first.
pub(crate) fn held(message: &str) -> Error {
    Error::new("DeleteConflictException", message)
}

/// A bound of an account, a user or a policy.
pub(crate) fn quota(of: &str, most: usize) -> Error {
    Error::new("LimitExceededException", format!("Cannot exceed quota for {of}: {most}"))
}

pub(crate) fn malformed(fault: &identity::policy::PolicyFault) -> Error {
    Error::new("MalformedPolicyDocumentException", format!("Syntax errors in policy: {fault}"))
}
