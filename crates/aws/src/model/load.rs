//! Descriptions as text to tables.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

use indexmap::IndexMap;
use serde::Deserialize;

use super::{
    Exception, Kind, Location, Member, Model, Operation, Pages, PathTemplate, Pattern, Protocol, Ref,
    Service, Shape, ShapeId, Structure, TimestampFormat,
};

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("a description is not JSON of the right form")]
    Json(#[from] serde_json::Error),
    #[error("{service}: `{what}` is not known")]
    Unknown { service: &'static str, what: String },
}

#[derive(Deserialize)]
struct ServiceText {
    name: &'static str,
    version: &'static str,
    signing: &'static str,
    host: &'static str,
    protocols: Vec<&'static str>,
    json: Option<&'static str>,
    target: Option<&'static str>,
    query_compatible: bool,
    namespace: Option<&'static str>,
    operations: Vec<OperationText>,
    shapes: IndexMap<&'static str, ShapeText>,
}

#[derive(Deserialize)]
struct OperationText {
    n: &'static str,
    m: &'static str,
    u: &'static str,
    c: Option<u16>,
    i: Option<RefText>,
    o: Option<RefText>,
    w: Option<&'static str>,
    #[serde(default)]
    e: Vec<&'static str>,
    #[serde(default)]
    anonymous: bool,
    p: Option<PagesText>,
}

#[derive(Deserialize)]
struct PagesText {
    input: Vec<&'static str>,
    output: Vec<&'static str>,
    results: Vec<&'static str>,
    limit: Option<&'static str>,
    more: Option<&'static str>,
}

#[derive(Deserialize)]
struct RefText {
    s: &'static str,
    n: Option<&'static str>,
    q: Option<&'static str>,
    l: Option<&'static str>,
    t: Option<&'static str>,
    #[serde(default)]
    f: bool,
    #[serde(default)]
    a: bool,
    #[serde(default)]
    k: bool,
    x: Option<&'static str>,
}

#[derive(Deserialize)]
struct ShapeText {
    t: &'static str,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default, rename = "enum")]
    values: Vec<&'static str>,
    #[serde(borrow)]
    pattern: Option<Cow<'static, str>>,
    #[serde(default)]
    m: Vec<(&'static str, RefText, bool)>,
    p: Option<&'static str>,
    #[serde(default)]
    u: bool,
    e: Option<ExceptionText>,
    i: Option<RefText>,
    k: Option<RefText>,
    v: Option<RefText>,
}

#[derive(Deserialize)]
struct ExceptionText {
    code: &'static str,
    status: u16,
    sender: bool,
}

pub(super) fn read(texts: &'static [String]) -> Result<Model, Broken> {
    let services =
        texts.iter().map(|text| service(serde_json::from_str(text)?)).collect::<Result<_, Broken>>()?;
    Ok(Model { services })
}

fn service(text: ServiceText) -> Result<Service, Broken> {
    let by_shape: HashMap<_, _> =
        text.shapes.keys().zip(0..).map(|(&name, index)| (name, ShapeId(index))).collect();
    let names = Names { service: text.name, by_shape: &by_shape };
    let shapes = text
        .shapes
        .into_iter()
        .map(|(name, shape)| names.shape(name, shape))
        .collect::<Result<Vec<_>, _>>()?;
    let operations = text
        .operations
        .into_iter()
        .map(|operation| names.operation(operation))
        .collect::<Result<Vec<_>, _>>()?;
    let mut protocols = text
        .protocols
        .iter()
        .map(|&protocol| match (protocol, text.json) {
            ("rest-json", _) => Ok(Protocol::RestJson),
            ("rest-xml", _) => Ok(Protocol::RestXml),
            ("query", _) => Ok(Protocol::Query),
            ("json", Some("1.0")) => Ok(Protocol::Json10),
            ("json", _) => Ok(Protocol::Json11),
            ("smithy-rpc-v2-cbor", _) => Ok(Protocol::RpcV2Cbor),
            _ => Err(names.unknown(protocol)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    // Its older clients still write forms.
    if text.query_compatible && !protocols.contains(&Protocol::Query) {
        protocols.push(Protocol::Query);
    }
    Ok(Service {
        name: text.name,
        version: text.version,
        signing_name: text.signing,
        host_prefix: text.host,
        protocols,
        target_prefix: text.target,
        query_compatible: text.query_compatible,
        namespace: text.namespace,
        by_operation: operations.iter().zip(0..).map(|(operation, index)| (operation.name, index)).collect(),
        operations,
        shapes,
        by_shape,
    })
}

struct Names<'a> {
    service: &'static str,
    by_shape: &'a HashMap<&'static str, ShapeId>,
}

impl Names<'_> {
    fn unknown(&self, what: &str) -> Broken {
        Broken::Unknown { service: self.service, what: what.to_owned() }
    }

    fn id(&self, name: &str) -> Result<ShapeId, Broken> {
        self.by_shape.get(name).copied().ok_or_else(|| self.unknown(name))
    }

    fn target(&self, text: RefText) -> Result<Ref, Broken> {
        let location = match text.l {
            None => Location::Body,
            Some("uri") => Location::Uri,
            Some("querystring") => Location::Query,
            Some("header") => Location::Header,
            Some("headers") => Location::Headers,
            Some("statusCode") => Location::Status,
            Some(other) => return Err(self.unknown(other)),
        };
        let timestamp = match text.t {
            None => None,
            Some("iso8601") => Some(TimestampFormat::Iso8601),
            Some("unixTimestamp") => Some(TimestampFormat::Epoch),
            Some("rfc822") => Some(TimestampFormat::HttpDate),
            Some(other) => return Err(self.unknown(other)),
        };
        Ok(Ref {
            shape: self.id(text.s)?,
            wire_name: text.n,
            query_name: text.q,
            location,
            flattened: text.f,
            attribute: text.a,
            idempotency_token: text.k,
            timestamp,
            namespace: text.x,
        })
    }

    fn shape(&self, name: &'static str, text: ShapeText) -> Result<Shape, Broken> {
        let missing = || self.unknown(name);
        let kind = match text.t {
            "structure" => {
                let members = text
                    .m
                    .into_iter()
                    .map(|(name, target, required)| {
                        Ok(Member { name, target: self.target(target)?, required })
                    })
                    .collect::<Result<Vec<_>, Broken>>()?;
                let payload = match text.p {
                    None => None,
                    Some(name) => Some(
                        members
                            .iter()
                            .position(|member| member.name == name)
                            .ok_or_else(|| self.unknown(name))?,
                    ),
                };
                let exception = text.e.map(|error| Exception {
                    code: error.code,
                    status: error.status,
                    sender: error.sender,
                });
                Kind::Structure(Structure { members, payload, union: text.u, exception })
            }
            "list" => Kind::List(self.target(text.i.ok_or_else(missing)?)?),
            "map" => Kind::Map {
                key: self.target(text.k.ok_or_else(missing)?)?,
                value: self.target(text.v.ok_or_else(missing)?)?,
            },
            "string" | "character" => Kind::String {
                values: text.values,
                pattern: text.pattern.map(|text| Pattern { text: text.into_owned(), made: OnceLock::new() }),
            },
            "boolean" => Kind::Boolean,
            "integer" => Kind::Integer,
            "long" => Kind::Long,
            "float" | "double" => Kind::Double,
            "blob" => Kind::Blob,
            "timestamp" => Kind::Timestamp,
            other => return Err(self.unknown(other)),
        };
        Ok(Shape { name, kind, min: text.min, max: text.max })
    }

    fn operation(&self, text: OperationText) -> Result<Operation, Broken> {
        Ok(Operation {
            name: text.n,
            method: text.m,
            path: PathTemplate::parse(text.u),
            status: text.c.unwrap_or(200),
            input: text.i.map(|target| self.target(target)).transpose()?,
            output: text.o.map(|target| self.target(target)).transpose()?,
            result_wrapper: text.w,
            errors: text.e.into_iter().map(|name| self.id(name)).collect::<Result<_, _>>()?,
            anonymous: text.anonymous,
            pages: text.p.map(|pages| Pages {
                input_tokens: pages.input,
                output_tokens: pages.output,
                results: pages.results,
                limit: pages.limit,
                more: pages.more,
            }),
        })
    }
}
