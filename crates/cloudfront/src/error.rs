//! Errors in CloudFront's words.

use aws::Error;

/// A setting that is not right, or not done here.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new("InvalidArgument", message)
}

/// What the store says, where the caller is not at fault or the fault has no name of its own.
pub(crate) fn of_store(error: store::Error) -> Error {
    match error.code() {
        "Invalid" => invalid(error.to_string()),
        "Busy" | "Unavailable" | "Full" => {
            Error::new("ServiceUnavailable", error.to_string()).with_status(503)
        }
        _ => Error::new("InternalFailure", error.to_string()).with_status(500),
    }
}

/// The same, with a name for what is not there, and for a change that came first.
pub(crate) fn of_store_as(error: store::Error, missing: &'static str) -> Error {
    match error.code() {
        "NotFound" => Error::new(missing, "The specified resource does not exist."),
        "Stale" => stale(),
        _ => of_store(error),
    }
}

/// `If-Match` names an earlier version.
pub(crate) fn stale() -> Error {
    Error::new(
        "PreconditionFailed",
        "The request failed because it didn't meet the preconditions in one or more request-header fields.",
    )
}

/// `If-Match` is missing, or names no version that ever was.
pub(crate) fn no_version() -> Error {
    Error::new("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
}
