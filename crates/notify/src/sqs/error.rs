//! SQS's exceptions, with the codes that its older clients know them by.

use aws::Error;

/// There is no such queue.
pub(super) fn no_queue() -> Error {
    Error::new("QueueDoesNotExist", "The specified queue does not exist.")
        .with_code("AWS.SimpleQueueService.NonExistentQueue")
}

/// A parameter that is not as it has to be.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new("InvalidParameterValueException", message).with_code("InvalidParameterValue")
}

/// A valid setting that is not implemented here.
pub(super) fn unsupported(what: impl std::fmt::Display) -> Error {
    Error::new("UnsupportedOperation", format!("{what} is not implemented here"))
        .with_code("AWS.SimpleQueueService.UnsupportedOperation")
}

/// A queue attribute that is not as it has to be.
pub(super) fn attribute_value(name: &str, why: &str) -> Error {
    Error::new("InvalidAttributeValue", format!("Invalid value for the parameter {name}. Reason: {why}"))
}

/// A bound is reached: try later.
pub(super) fn over_limit(message: &str) -> Error {
    Error::new("OverLimit", message).with_code("OverLimit").with_status(403)
}

/// A batch that is not as it has to be.
pub(super) fn batch(name: &'static str, message: &str) -> Error {
    Error::new(name, message).with_code(format!("AWS.SimpleQueueService.{name}"))
}

/// What a client hears of a store that did not do it.
pub(super) fn store(error: store::Error) -> Error {
    match error {
        store::Error::NotFound(_) => no_queue(),
        store::Error::Busy => Error::new("RequestThrottled", "the store is busy; try again").with_status(503),
        other => crate::fault::store(other),
    }
}
