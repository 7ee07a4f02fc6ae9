//! IAM's exceptions, in its words.

use aws::Error;

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
