//! Which service, operation and protocol a request is for.
//!
//! All services share one address. In this order: the service's name in the signature; `Smithy-Protocol` and its path;
//! `X-Amz-Target`; a form's `Action`; the path; the host.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, Response};

use crate::call::Call;
use crate::codec::query::{self, Plus};
use crate::error::Error;
use crate::limits::Limits;
use crate::model::{Model, Operation, Protocol, Service};
use crate::{answer, codec::Fault};

/// A request that no operation takes, and in which form its client expects to hear so.
#[derive(Debug)]
pub struct Unrouted {
    /// The service, where at least that is clear.
    pub service: Option<&'static Service>,
    /// The form of the answer.
    pub protocol: Protocol,
    /// What is wrong.
    pub error: Error,
}

impl Unrouted {
    /// The answer.
    pub fn response(&self, request_id: &str) -> Response<Bytes> {
        answer::refusal(self.service, None, self.protocol, &self.error, request_id)
    }
}

/// A request taken apart as far as routing needs it.
struct Incoming<'r> {
    method: &'r str,
    path: &'r str,
    query: Vec<(String, String)>,
    headers: &'r HeaderMap,
    body: Bytes,
}

/// What a request says about itself, apart from the path.
enum Form {
    Cbor { prefix: String, operation: String },
    Target { prefix: String, operation: String, protocol: Protocol },
    Action { action: String, version: Option<String>, fields: Vec<(String, String)> },
    Rest,
}

impl Model {
    /// Finds the operation. The body is the whole one; it is unpacked here where it came packed.
    pub fn route<'r>(
        &'static self,
        request: &'r Request<Bytes>,
        limits: &Limits,
    ) -> Result<Call<'r>, Box<Unrouted>> {
        let named = scope(request.headers(), request.uri().query().unwrap_or(""));
        let candidates: Vec<&'static Service> = match &named {
            Some(name) => self.services().iter().filter(|service| service.signing_name == name).collect(),
            None => self.services().iter().collect(),
        };
        let only = match candidates.as_slice() {
            [service] => Some(*service),
            _ => None,
        };
        let told = guess(request.headers(), only);
        let unrouted = |service, protocol, error| Box::new(Unrouted { service, protocol, error });
        if candidates.is_empty() {
            let known: Vec<_> = self.services().iter().map(|service| service.name).collect();
            let name = named.unwrap_or_default();
            let error = Error::new(
                "UnknownServiceException",
                format!("there is no service `{name}` here; there are {}", known.join(", ")),
            );
            return Err(unrouted(None, told, error.with_status(404)));
        }
        let incoming = Incoming::new(request, limits).map_err(|error| unrouted(only, told, error))?;
        let form = incoming.form().map_err(|fault| unrouted(only, told, Error::unreadable(told, &fault)))?;
        match form {
            Form::Cbor { prefix, operation } => {
                let service = by_prefix(&candidates, &prefix, &[Protocol::RpcV2Cbor]);
                incoming.call(service, &operation, Protocol::RpcV2Cbor, Vec::new())
            }
            Form::Target { prefix, operation, protocol } => {
                let service = by_prefix(&candidates, &prefix, &[Protocol::Json10, Protocol::Json11]);
                incoming.call(service, &operation, protocol, Vec::new())
            }
            Form::Action { action, version, fields } => {
                let speaks = |service: &&&'static Service| service.protocols.contains(&Protocol::Query);
                let service = candidates
                    .iter()
                    .filter(speaks)
                    .find(|service| {
                        version.as_ref().is_none_or(|version| version == service.version)
                            && service.operation(&action).is_some()
                    })
                    .or_else(|| {
                        candidates
                            .iter()
                            .filter(speaks)
                            .find(|service| Some(service.version) == version.as_deref())
                    })
                    .or_else(|| only.as_ref().filter(|service| speaks(service)))
                    .copied();
                incoming.call(service, &action, Protocol::Query, fields)
            }
            Form::Rest => incoming.rest(&candidates, only, told),
        }
    }
}

impl<'r> Incoming<'r> {
    fn new(request: &'r Request<Bytes>, limits: &Limits) -> Result<Self, Error> {
        let too_large = || {
            Error::new("RequestEntityTooLarge", format!("the body has more than {} bytes", limits.body))
                .with_status(413)
        };
        let body = request.body();
        if body.len() > limits.body {
            return Err(too_large());
        }
        let body = match request.headers().get("content-encoding").map(|value| value.as_bytes()) {
            Some(b"gzip") => {
                let mut unpacked = Vec::new();
                GzDecoder::new(body.as_ref())
                    .take(limits.body as u64 + 1)
                    .read_to_end(&mut unpacked)
                    .map_err(|_| Error::new("SerializationException", "the body is not gzip"))?;
                if unpacked.len() > limits.body {
                    return Err(too_large());
                }
                unpacked.into()
            }
            _ => body.clone(),
        };
        let query = query::fields(request.uri().query().unwrap_or(""))
            .map_err(|fault| Error::new("MalformedQueryString", fault.to_string()))?;
        Ok(Self {
            method: request.method().as_str(),
            path: request.uri().path(),
            query,
            headers: request.headers(),
            body,
        })
    }

    fn form(&self) -> Result<Form, Fault> {
        if text(self.headers, "smithy-protocol") == Some("rpc-v2-cbor") {
            let mut parts = self.path.rsplit('/');
            if let (Some(operation), Some("operation"), Some(prefix), Some("service")) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            {
                return Ok(Form::Cbor { prefix: prefix.to_owned(), operation: operation.to_owned() });
            }
        }
        if let Some((prefix, operation)) =
            text(self.headers, "x-amz-target").and_then(|target| target.rsplit_once('.'))
        {
            let protocol = guess(self.headers, None);
            let protocol = if protocol == Protocol::Json11 { protocol } else { Protocol::Json10 };
            return Ok(Form::Target { prefix: prefix.to_owned(), operation: operation.to_owned(), protocol });
        }
        let mut fields = self.query.clone();
        if content_type(self.headers) == "application/x-www-form-urlencoded" {
            let body = std::str::from_utf8(&self.body).map_err(|_| Fault::new("the form is not UTF-8"))?;
            fields.extend(query::fields(body)?);
        }
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        match field("Action") {
            Some(action) => Ok(Form::Action { action, version: field("Version"), fields }),
            None => Ok(Form::Rest),
        }
    }

    fn call(
        self,
        service: Option<&'static Service>,
        name: &str,
        protocol: Protocol,
        fields: Vec<(String, String)>,
    ) -> Result<Call<'r>, Box<Unrouted>> {
        match service.and_then(|service| Some((service, service.operation(name)?))) {
            Some((service, operation)) => Ok(self.made(service, operation, protocol, Vec::new(), fields)),
            None => Err(Box::new(Unrouted {
                service,
                protocol,
                error: Error::unknown_operation(service, protocol, name),
            })),
        }
    }

    fn rest(
        self,
        candidates: &[&'static Service],
        only: Option<&'static Service>,
        told: Protocol,
    ) -> Result<Call<'r>, Box<Unrouted>> {
        let host = text(self.headers, "host").and_then(|host| host.split(['.', ':']).next()).unwrap_or("");
        let best = candidates
            .iter()
            .filter_map(|&service| {
                let protocol = rest_protocol(service)?;
                let mut fitting: Vec<_> = service
                    .operations()
                    .iter()
                    .filter(|operation| operation.method == self.method)
                    .filter_map(|operation| {
                        Some((operation, operation.path.matches(self.path, &self.query)?))
                    })
                    .collect();
                fitting.sort_by_key(|(_, (exact, _))| std::cmp::Reverse(*exact));
                let (operation, (exact, labels)) = fitting.into_iter().next()?;
                Some((exact, service.host_prefix == host, service, operation, protocol, labels))
            })
            // The first of equals stays.
            .reduce(|best, other| if (other.0, other.1) > (best.0, best.1) { other } else { best });
        let Some((_, _, service, operation, protocol, labels)) = best else {
            let what = format!("{} {}", self.method, self.path);
            let error = Error::unknown_operation(only, told, &what);
            return Err(Box::new(Unrouted { service: only, protocol: told, error }));
        };
        let labels = labels
            .into_iter()
            .map(|(name, text)| Ok((name, query::unescaped(text, Plus::Itself)?)))
            .collect::<Result<Vec<_>, Fault>>();
        match labels {
            Ok(labels) => Ok(self.made(service, operation, protocol, labels, Vec::new())),
            Err(fault) => Err(Box::new(Unrouted {
                service: Some(service),
                protocol,
                error: Error::unreadable(protocol, &fault),
            })),
        }
    }

    fn made(
        self,
        service: &'static Service,
        operation: &'static Operation,
        protocol: Protocol,
        labels: Vec<(&'static str, String)>,
        fields: Vec<(String, String)>,
    ) -> Call<'r> {
        Call {
            service,
            operation,
            protocol,
            labels,
            fields,
            query: self.query,
            headers: self.headers,
            body: self.body,
        }
    }
}

fn by_prefix(
    candidates: &[&'static Service],
    prefix: &str,
    protocols: &[Protocol],
) -> Option<&'static Service> {
    candidates
        .iter()
        .find(|service| {
            service.target_prefix == Some(prefix)
                && protocols.iter().any(|protocol| service.protocols.contains(protocol))
        })
        .copied()
}

fn rest_protocol(service: &Service) -> Option<Protocol> {
    service
        .protocols
        .iter()
        .copied()
        .find(|protocol| matches!(protocol, Protocol::RestJson | Protocol::RestXml))
}

/// The service in a signature's scope: `Credential=AK/date/region/SERVICE/aws4_request`, in the header or the query.
fn scope(headers: &HeaderMap, query: &str) -> Option<String> {
    let in_header = || {
        let (_, after) = text(headers, "authorization")?.split_once("Credential=")?;
        Some(after.split([',', ' ']).next()?.to_owned())
    };
    let in_query = || {
        let pair = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
        query::unescaped(pair, Plus::Space).ok()
    };
    let credential = in_header().or_else(in_query)?;
    let mut parts = credential.rsplit('/');
    (parts.next() == Some("aws4_request")).then(|| parts.next().map(str::to_owned)).flatten()
}

/// The form in which a client most likely reads an error.
fn guess(headers: &HeaderMap, service: Option<&Service>) -> Protocol {
    match content_type(headers) {
        "application/cbor" => Protocol::RpcV2Cbor,
        "application/x-amz-json-1.0" => Protocol::Json10,
        "application/x-amz-json-1.1" => Protocol::Json11,
        "application/x-www-form-urlencoded" => Protocol::Query,
        _ => service.map_or(Protocol::RestJson, |service| service.protocols[0]),
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    text(headers, "content-type").and_then(|value| value.split(';').next()).unwrap_or("").trim()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
