//! Exceptions by the names that CloudWatch's description gives them.

use alarm::AlarmFault;
use alarm::status::SetStateFault;
use aws::Error;

use crate::alarms::PutFault;
use crate::read::ReadFault;

/// A member has a value that it may not have.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new("InvalidParameterValueException", message)
}

/// Members that do not go together.
pub(super) fn combination(message: impl Into<String>) -> Error {
    Error::new("InvalidParameterCombinationException", message)
}

/// A member is missing.
pub(super) fn missing(message: impl Into<String>) -> Error {
    Error::new("MissingRequiredParameterException", message)
}

/// What alarms' operations say of members.
pub(super) fn validation(message: impl Into<String>) -> Error {
    Error::new("ValidationException", message)
}

/// A token that no answer gave.
pub(super) fn token() -> Error {
    Error::new("InvalidNextToken", "NextToken is none that an answer of this operation gave")
}

/// Our own fault; the client may try again.
pub(super) fn internal(message: impl Into<String>) -> Error {
    Error::new("InternalServiceFault", message)
}

/// A fault of the store that no caller is to blame for, or that callers' own checks let by.
pub(super) fn stored(fault: store::Error) -> Error {
    if fault.is_refusal() {
        return validation(fault.to_string());
    }
    tracing::error!(%fault, "the store failed a call of CloudWatch's");
    internal(fault.to_string())
}

/// A member in a query or an alarm.
pub(super) fn read(fault: &ReadFault) -> Error {
    match fault {
        ReadFault::Alarm(AlarmFault::Both(..)) => combination(fault.to_string()),
        _ => validation(fault.to_string()),
    }
}

/// A change of alarms.
pub(super) fn put(fault: PutFault) -> Error {
    match fault {
        PutFault::Read(fault) => read(&fault),
        PutFault::TooMany => Error::new("LimitExceededFault", fault.to_string()),
        PutFault::NotFound(_) => Error::new("ResourceNotFound", fault.to_string()),
        PutFault::State(SetStateFault::ReasonData) => Error::new("InvalidFormatFault", fault.to_string()),
        PutFault::Store(fault) => stored(fault),
        _ => validation(fault.to_string()),
    }
}
