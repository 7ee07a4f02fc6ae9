//! Why a call is refused, as clients hear it.

use aws::{Error, Map, Value};
use door::Refusal;

use crate::at::Invalid;

/// A setting that cannot be done, with its place.
impl From<Invalid> for Refusal {
    fn from(one: Invalid) -> Self {
        Self::Told(unprocessable(&[one]))
    }
}

pub(crate) fn not_found(what: &str, id: &str) -> Error {
    Error::new("NotFoundException", format!("{what} {id} is not found"))
}

pub(crate) fn bad_request(message: impl Into<String>) -> Error {
    Error::new("BadRequestException", message)
}

pub(crate) fn conflict(message: impl Into<String>) -> Error {
    Error::new("ConflictException", message)
}

/// What runs the channel does not do as it is asked.
pub(crate) fn bad_gateway(message: impl Into<String>) -> Error {
    Error::new("BadGatewayException", message)
}

/// MediaLive tells settings of channels by their places.
pub(crate) fn unprocessable(all: &[Invalid]) -> Error {
    let entry = |one: &Invalid| {
        Value::from(
            Map::new().with("ElementPath", one.path.clone()).with("ErrorMessage", one.message.clone()),
        )
    };
    Error::new("UnprocessableEntityException", listed(all))
        .with("ValidationErrors", all.iter().map(entry).collect::<Vec<_>>())
}

/// Operations on inputs have no exception with places; the message has them.
pub(crate) fn bad_settings(all: &[Invalid]) -> Error {
    bad_request(listed(all))
}

fn listed(all: &[Invalid]) -> String {
    all.iter().map(|one| format!("{}: {}", one.path, one.message)).collect::<Vec<_>>().join("; ")
}

/// What the store says, as MediaLive would.
pub(crate) fn told(error: store::Error) -> Error {
    match error {
        store::Error::NotFound(what) => Error::new("NotFoundException", format!("{what} is not found")),
        store::Error::Conflict(_) | store::Error::Stale { .. } | store::Error::TokenReused(_) => {
            conflict(error.to_string())
        }
        store::Error::TooLong { .. } | store::Error::Malformed { .. } => bad_request(error.to_string()),
        store::Error::Busy => Error::new("TooManyRequestsException", error.to_string()),
        fault => {
            tracing::error!(%fault, "the store could not do a MediaLive call");
            Error::new(
                "InternalServerErrorException",
                "the store of resources failed; the log of control says how",
            )
        }
    }
}
