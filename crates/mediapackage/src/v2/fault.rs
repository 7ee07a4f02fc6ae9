//! Errors as v2 tells them.

use aws::Error;

use crate::settings::Refusal;

/// What was asked for, where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Group,
    Channel,
    Endpoint,
    /// A policy of one of these.
    Policy,
}

impl What {
    const fn words(self) -> &'static str {
        match self {
            Self::Group => "channel group",
            Self::Channel => "channel",
            Self::Endpoint => "origin endpoint",
            Self::Policy => "policy",
        }
    }

    const fn kind(self) -> Option<&'static str> {
        match self {
            Self::Group => Some("CHANNEL_GROUP"),
            Self::Channel => Some("CHANNEL"),
            Self::Endpoint => Some("ORIGIN_ENDPOINT"),
            Self::Policy => None,
        }
    }
}

pub(super) fn missing(what: What) -> Error {
    let error = Error::new("ResourceNotFoundException", format!("there is no such {}", what.words()));
    match what.kind() {
        Some(kind) => error.with("ResourceTypeNotFound", kind),
        None => error,
    }
}

/// A setting of this type is at fault (a `ValidationExceptionType`).
pub(super) fn invalid(kind: &'static str, message: impl Into<String>) -> Error {
    Error::new("ValidationException", message).with("ValidationExceptionType", kind)
}

pub(super) fn not_carried_out(refusal: &Refusal) -> Error {
    invalid("MEMBER_INVALID", refusal.to_string())
}

pub(super) fn conflict(kind: &'static str, message: impl Into<String>) -> Error {
    Error::new("ConflictException", message).with("ConflictExceptionType", kind)
}

/// The store's error as this service tells it; `what` was asked for.
pub(super) fn failed(error: store::Error, what: What) -> Error {
    match error {
        store::Error::NotFound(_) => missing(what),
        store::Error::Conflict(_) => {
            conflict("RESOURCE_ALREADY_EXISTS", format!("a {} of this name is there already", what.words()))
        }
        store::Error::TokenReused(_) => conflict("IDEMPOTENT_PARAMETER_MISMATCH", error.to_string()),
        error if error.is_refusal() => invalid("MEMBER_INVALID", error.to_string()),
        store::Error::Busy => Error::new("ThrottlingException", error.to_string()),
        error => {
            tracing::error!(%error, "mediapackagev2");
            Error::new("InternalServerException", "the store did not do it; see the log")
        }
    }
}
