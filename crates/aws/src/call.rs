//! A request whose operation is known.

use bytes::Bytes;
use http::{HeaderMap, Response};

use crate::codec::{cbor, json, query};
use crate::error::Error;
use crate::limits::{Budget, Limits};
use crate::model::{Operation, Protocol, Service};
use crate::value::{Map, Value};
use crate::{answer, codec::Fault, rest};

/// A request whose operation is known.
#[derive(Debug)]
pub struct Call<'r> {
    /// Its service.
    pub service: &'static Service,
    /// Its operation.
    pub operation: &'static Operation,
    /// The form it came in, which is the answer's too.
    pub protocol: Protocol,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: Bytes,
}

impl Call<'_> {
    /// The operation's input. What the description does not know is left out; what it does know is all there.
    ///
    /// It is as the description says in types, not yet in bounds: see [`crate::validate::check`].
    pub fn input(&self, limits: &Limits) -> Result<Map, Error> {
        self.read(limits).map_err(|fault| Error::unreadable(self.protocol, &fault))
    }

    fn read(&self, limits: &Limits) -> Result<Map, Fault> {
        let Some(target) = &self.operation.input else { return Ok(Map::new()) };
        let budget = Budget::new(limits);
        let value = match self.protocol {
            Protocol::RestJson | Protocol::RestXml => return rest::read(self, target, &budget),
            Protocol::Query => query::read(self.service, target, &self.fields, &budget)?,
            _ if self.body.is_empty() => Value::Map(Map::new()),
            Protocol::Json10 | Protocol::Json11 => json::read(self.service, target, &self.body, &budget)?,
            Protocol::RpcV2Cbor => cbor::read(self.service, target, &self.body, &budget)?,
        };
        match value {
            Value::Map(map) => Ok(map),
            other => Err(Fault::new(format!("expected a structure, found {}", other.kind()))),
        }
    }

    /// What makes a repeated call one call, where the operation has such a token and the client sent it.
    pub fn idempotency_token<'i>(&self, input: &'i Map) -> Option<&'i str> {
        let structure = self.service.structure(self.operation.input.as_ref()?)?;
        let member = structure.members.iter().find(|member| member.target.idempotency_token)?;
        input.text(member.name)
    }

    /// The answer with this output.
    ///
    /// # Errors
    /// The output is not of the operation's type: a bug of the handler, and the member that shows it.
    pub fn answer(&self, output: &Map, request_id: &str) -> Result<Response<Bytes>, Fault> {
        answer::answer(self, output, request_id)
    }

    /// The answer with this error.
    pub fn refusal(&self, error: &Error, request_id: &str) -> Response<Bytes> {
        answer::refusal(Some(self.service), Some(self.operation), self.protocol, error, request_id)
    }

    /// The answer where nobody handles the operation.
    pub fn not_implemented(&self, request_id: &str) -> Response<Bytes> {
        self.refusal(&Error::not_implemented(self.service, self.operation), request_id)
    }
}
