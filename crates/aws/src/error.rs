//! Errors by the names that the descriptions give them.

use std::borrow::Cow;

use crate::codec::Fault;
use crate::model::{Operation, Protocol, Service};
use crate::value::{Map, Value};

/// An error for a client. Its protocol form, code and status come from the description of the exception, where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// The exception's shape, or its code: `NotFoundException`.
    pub name: Cow<'static, str>,
    /// For people.
    pub message: String,
    /// The exception's other members.
    pub members: Map,
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) status: Option<u16>,
}

impl Error {
    /// An exception by its shape's name.
    pub fn new(name: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), members: Map::new(), code: None, status: None }
    }

    /// With a member more.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<Value>) -> Self {
        self.members.insert(member, value);
        self
    }

    /// With an HTTP status, where not the one that the description has (400 where it has none).
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// With another code in query protocols than the exception's description has, or where it has none.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// An operation that is described, but that nobody here does. 501 is a status that clients do not try again at.
    pub fn not_implemented(service: &Service, operation: &Operation) -> Self {
        let message = format!("{} of {} is not implemented here", operation.name, service.name);
        Self::new("NotImplementedException", message).with_code("NotImplemented").with_status(501)
    }

    /// A request whose operation does not exist.
    pub(crate) fn unknown_operation(service: Option<&Service>, protocol: Protocol, what: &str) -> Self {
        let of = service.map(|service| format!(" of {}", service.name)).unwrap_or_default();
        let error = Self::new("UnknownOperationException", format!("there is no operation `{what}`{of}"));
        match protocol {
            Protocol::Query | Protocol::Json10 | Protocol::Json11 => {
                error.with_code("InvalidAction").with_status(400)
            }
            _ => error.with_status(404),
        }
    }

    /// A request that cannot be read as the description says.
    pub(crate) fn unreadable(protocol: Protocol, fault: &Fault) -> Self {
        let name = match protocol {
            Protocol::RestXml => "MalformedXML",
            Protocol::Query => "MalformedInput",
            _ => "SerializationException",
        };
        Self::new(name, fault.to_string()).with_status(400)
    }
}
