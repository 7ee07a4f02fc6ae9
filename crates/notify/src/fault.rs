//! Errors of the store as clients hear them.

use aws::Error;

/// What a client hears of a store that did not do it. What it is exactly goes to the log.
pub(crate) fn store(error: store::Error) -> Error {
    match error {
        store::Error::Busy => Error::new("ThrottledException", "the store is busy; try again")
            .with_code("Throttling")
            .with_status(503),
        refused if refused.is_refusal() => {
            Error::new("InvalidParameterException", refused.to_string()).with_code("InvalidParameter")
        }
        fault => {
            tracing::error!(error = &fault as &dyn std::error::Error, "the store failed a notification call");
            Error::new("InternalErrorException", "the store failed; the log says how")
                .with_code("InternalError")
                .with_status(500)
        }
    }
}

/// A parameter that SNS refuses, in its words.
pub(crate) fn invalid(parameter: &str, reason: impl std::fmt::Display) -> Error {
    Error::new("InvalidParameterException", format!("Invalid parameter: {parameter} Reason: {reason}"))
}

/// A valid setting that is not implemented here.
pub(crate) fn unsupported(what: impl std::fmt::Display) -> Error {
    Error::new("InvalidParameterException", format!("Invalid parameter: {what} is not implemented here"))
}
