//! What the services' descriptions say: operations, and tables of shapes that refer to each other by number.
//!
//! Read once from the bundled descriptions ([`Model::bundled`]); every string is a part of that text.

mod bundle;
mod load;
mod paths;
mod pattern;

use std::collections::HashMap;
use std::sync::OnceLock;

use regex::Regex;

pub use paths::{Pages, PathTemplate};

/// Every service that is known here.
#[derive(Debug)]
pub struct Model {
    services: Vec<Service>,
}

/// One service's description.
#[derive(Debug)]
pub struct Service {
    /// `medialive`, as the AWS CLI names it.
    pub name: &'static str,
    /// `2017-10-14`: the `Version` of query requests, and part of some paths.
    pub version: &'static str,
    /// The name in a signature's scope: `monitoring` for CloudWatch.
    pub signing_name: &'static str,
    /// First label of the service's host name.
    pub host_prefix: &'static str,
    /// What it speaks; never empty.
    pub protocols: Vec<Protocol>,
    /// In front of the operation in `X-Amz-Target`, and in rpc-v2-cbor's paths.
    pub target_prefix: Option<&'static str>,
    /// Was a query service: errors carry the old code too.
    pub query_compatible: bool,
    /// Namespace of its XML.
    pub namespace: Option<&'static str>,
    operations: Vec<Operation>,
    by_operation: HashMap<&'static str, usize>,
    shapes: Vec<Shape>,
    by_shape: HashMap<&'static str, ShapeId>,
}

/// How a request and its answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// JSON bodies; paths, query and header fields from the description.
    RestJson,
    /// XML bodies; paths, query and header fields from the description.
    RestXml,
    /// Form fields in, XML out.
    Query,
    /// AWS JSON 1.0: `X-Amz-Target`.
    Json10,
    /// AWS JSON 1.1: `X-Amz-Target`.
    Json11,
    /// Smithy RPC v2 with CBOR bodies.
    RpcV2Cbor,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// `CreateChannel`.
    pub name: &'static str,
    /// HTTP method of its rest form.
    pub method: &'static str,
    /// Path and fixed query of its rest form.
    pub path: PathTemplate,
    /// Status of a good answer.
    pub status: u16,
    /// What goes in: a structure.
    pub input: Option<Ref>,
    /// What comes out: a structure.
    pub output: Option<Ref>,
    /// Element around a query answer.
    pub result_wrapper: Option<&'static str>,
    /// Exceptions it names.
    pub errors: Vec<ShapeId>,
    /// May come without a signature.
    pub anonymous: bool,
    /// How its lists are paged.
    pub pages: Option<Pages>,
}

/// A shape's number in its service's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShapeId(u32);

/// A type.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the description.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Least length (characters, bytes, elements) or value.
    pub min: Option<f64>,
    /// Greatest length or value.
    pub max: Option<f64>,
}

/// What a shape is.
#[derive(Debug)]
pub enum Kind {
    /// Named members.
    Structure(Structure),
    /// Elements of one type.
    List(Ref),
    /// String keys, values of one type.
    Map {
        /// The keys' type.
        key: Ref,
        /// The values' type.
        value: Ref,
    },
    /// Text.
    String {
        /// What it may be, where it is an enumeration.
        values: Vec<&'static str>,
        /// What all of it has to match.
        pattern: Option<Pattern>,
    },
    /// True or false.
    Boolean,
    /// 32 bits, signed.
    Integer,
    /// 64 bits, signed.
    Long,
    /// Of either precision.
    Double,
    /// Bytes.
    Blob,
    /// A date.
    Timestamp,
}

/// A structure's members.
#[derive(Debug)]
pub struct Structure {
    /// In the description's order.
    pub members: Vec<Member>,
    /// The member that is the whole body, in rest protocols.
    pub payload: Option<usize>,
    /// Exactly one member is set.
    pub union: bool,
    /// It is an error.
    pub exception: Option<Exception>,
}

/// What an exception says on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// Its code in query protocols: `InvalidParameter`.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// The sender's fault, not the service's.
    pub sender: bool,
}

/// A structure's member.
#[derive(Debug)]
pub struct Member {
    /// Its name, as values use it.
    pub name: &'static str,
    /// Its type and place.
    pub target: Ref,
    /// Has to be there.
    pub required: bool,
}

/// A use of a shape, and its place on the wire.
#[derive(Clone, Debug)]
pub struct Ref {
    /// The type.
    pub shape: ShapeId,
    /// Its name on the wire, where that is another.
    pub wire_name: Option<&'static str>,
    /// Its name in forms and their answers, where that is another still: of services that have left the query protocol.
    pub query_name: Option<&'static str>,
    /// Where it stands, in rest protocols.
    pub location: Location,
    /// A list or map without an element around it.
    pub flattened: bool,
    /// An XML attribute.
    pub attribute: bool,
    /// The client fills it in, to make a repeated call one call.
    pub idempotency_token: bool,
    /// How a date is written, where not as the protocol does.
    pub timestamp: Option<TimestampFormat>,
    /// Namespace of its XML element.
    pub namespace: Option<&'static str>,
}

/// Where a member stands in an HTTP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// A label of the path.
    Uri,
    /// A query parameter, or the rest of them for a map.
    Query,
    /// A header field.
    Header,
    /// Every header field with this prefix.
    Headers,
    /// The answer's status.
    Status,
}

/// How a date is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `2026-11-27T00:00:00Z`.
    Iso8601,
    /// Seconds since 1970, with a fraction where there is one.
    Epoch,
    /// `Fri, 27 Nov 2026 00:00:00 GMT`.
    HttpDate,
}

/// A regular expression, made when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    /// As the description has it.
    pub text: String,
    made: OnceLock<Option<Regex>>,
}

impl Model {
    /// The descriptions that are built in, read at the first call.
    ///
    /// # Panics
    /// Where the bundled files are broken, which a test looks at.
    pub fn bundled() -> &'static Self {
        static MODEL: OnceLock<Model> = OnceLock::new();
        MODEL.get_or_init(|| load::read(bundle::texts()).expect("the bundled descriptions are whole"))
    }

    /// Every service.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// A service by its name: `medialive`.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

impl Service {
    /// Every operation.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// An operation by its name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.by_operation.get(name).map(|&index| &self.operations[index])
    }

    /// Every shape.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// A shape of this service's table.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0 as usize]
    }

    /// A shape by its name.
    pub fn shape_named(&self, name: &str) -> Option<&Shape> {
        self.by_shape.get(name).map(|&id| self.shape(id))
    }

    /// The structure a use refers to; none where it is something else.
    pub fn structure(&self, target: &Ref) -> Option<&Structure> {
        match &self.shape(target.shape).kind {
            Kind::Structure(structure) => Some(structure),
            _ => None,
        }
    }

    /// An exception by its shape's name or its code, the operation's own first.
    pub fn exception(&self, operation: Option<&Operation>, name: &str) -> Option<(&Shape, Exception)> {
        let named = |shape: &&Shape| {
            shape.name == name || exception(shape).is_some_and(|exception| exception.code == name)
        };
        let own =
            operation.and_then(|operation| operation.errors.iter().map(|&id| self.shape(id)).find(named));
        let shape =
            own.or_else(|| self.shapes.iter().filter(|shape| exception(shape).is_some()).find(named))?;
        Some((shape, exception(shape)?))
    }
}

fn exception(shape: &Shape) -> Option<Exception> {
    match &shape.kind {
        Kind::Structure(structure) => structure.exception,
        _ => None,
    }
}

impl Structure {
    /// A member by its name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The member that is the whole body.
    pub fn payload(&self) -> Option<&Member> {
        self.payload.map(|index| &self.members[index])
    }
}

impl Member {
    /// Its name on the wire.
    pub fn wire_name(&self) -> &'static str {
        self.target.wire_name.unwrap_or(self.name)
    }
}

impl Protocol {
    /// The body's media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::RestJson => "application/json",
            Self::RestXml | Self::Query => "text/xml",
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::RpcV2Cbor => "application/cbor",
        }
    }
}
