//! Answers and errors as each protocol's clients read them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::call::Call;
use crate::codec::{Fault, cbor, json, xml};
use crate::error::Error;
use crate::model::{Kind, Location, Operation, Protocol, Service, Structure};
use crate::rest;
use crate::value::{Map, Value};

pub(crate) fn answer(call: &Call<'_>, output: &Map, request_id: &str) -> Result<Response<Bytes>, Fault> {
    let service = call.service;
    let mut headers = HeaderMap::new();
    let mut status = call.operation.status;
    let structure = call.operation.output.as_ref().and_then(|target| service.structure(target));
    if let Some(structure) = structure
        && let Some(stray) = output.iter().map(|(key, _)| key).find(|key| structure.member(key).is_none())
    {
        return Err(Fault::new(format!("{} has no member `{stray}` in its output", call.operation.name)));
    }
    let body = match call.protocol {
        Protocol::RestJson | Protocol::RestXml => match structure {
            Some(structure) => {
                status = rest::write(service, structure, output, &mut headers)?.unwrap_or(status);
                rest_body(call, structure, output)?
            }
            None => Vec::new(),
        },
        Protocol::Query => query_body(call, output, request_id)?.into_bytes(),
        Protocol::Json10 | Protocol::Json11 => match &call.operation.output {
            Some(target) => json::write(service, target, &Value::Map(output.clone()))?,
            None => b"{}".to_vec(),
        },
        Protocol::RpcV2Cbor => {
            let mut body = Vec::new();
            match &call.operation.output {
                Some(target) => cbor::write(service, target, &Value::Map(output.clone()), &mut body)?,
                None => cbor::put(5, 0, &mut body),
            }
            body
        }
    };
    let body = if status == 204 { Vec::new() } else { body };
    let raw = structure.and_then(Structure::payload).is_some_and(|member| {
        matches!(service.shape(member.target.shape).kind, Kind::Blob | Kind::String { .. })
    });
    let content_type = if raw { "application/octet-stream" } else { call.protocol.content_type() };
    Ok(finished(status, call.protocol, content_type, headers, body, request_id))
}

fn rest_body(call: &Call<'_>, structure: &Structure, output: &Map) -> Result<Vec<u8>, Fault> {
    let service = call.service;
    let in_xml = call.protocol == Protocol::RestXml;
    if let Some(member) = structure.payload() {
        let shape = service.shape(member.target.shape);
        return match output.get(member.name) {
            None => Ok(Vec::new()),
            Some(Value::Blob(bytes)) => Ok(bytes.to_vec()),
            Some(Value::String(text)) => Ok(text.clone().into_bytes()),
            Some(value) if in_xml => {
                let name = member.target.wire_name.unwrap_or(shape.name);
                let mut text = String::new();
                xml::write(service, &member.target, name, value, &mut text)?;
                Ok(document(service, name, &text).into_bytes())
            }
            Some(value) => json::write(service, &member.target, value),
        };
    }
    let target = call.operation.output.as_ref().expect("its structure was found");
    if !in_xml {
        return json::write(service, target, &Value::Map(output.clone()));
    }
    if !structure.members.iter().any(|member| member.target.location == Location::Body) {
        return Ok(Vec::new());
    }
    let name = target.wire_name.unwrap_or(service.shape(target.shape).name);
    let mut text = String::new();
    xml::write(service, target, name, &Value::Map(output.clone()), &mut text)?;
    Ok(document(service, name, &text).into_bytes())
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// An element with the service's namespace on it. `text` begins with `<name`.
fn document(service: &Service, name: &str, text: &str) -> String {
    let rest = &text[1 + name.len()..];
    format!("{DECLARATION}<{name}{}{rest}", namespace(Some(service)))
}

fn namespace(service: Option<&Service>) -> String {
    let uri = service.and_then(|service| service.namespace);
    uri.map(|uri| format!(" xmlns=\"{uri}\"")).unwrap_or_default()
}

fn query_body(call: &Call<'_>, output: &Map, request_id: &str) -> Result<String, Fault> {
    let name = call.operation.name;
    let mut text = format!("{DECLARATION}<{name}Response{}>", namespace(Some(call.service)));
    if let Some(target) = &call.operation.output {
        let standard = format!("{name}Result");
        let wrapper = call.operation.result_wrapper.unwrap_or(&standard);
        xml::write(call.service, target, wrapper, &Value::Map(output.clone()), &mut text)?;
    }
    text.push_str("<ResponseMetadata>");
    xml::write_text("RequestId", request_id, &mut text);
    text.push_str(&format!("</ResponseMetadata></{name}Response>"));
    Ok(text)
}

pub(crate) fn refusal(
    service: Option<&'static Service>,
    operation: Option<&Operation>,
    protocol: Protocol,
    error: &Error,
    request_id: &str,
) -> Response<Bytes> {
    let modelled = service.and_then(|service| Some((service, service.exception(operation, &error.name)?)));
    let said = Said::new(service, operation, error);
    let mut headers = HeaderMap::new();
    let mut members = error.members.clone();
    if let Some((service, (shape, _))) = modelled
        && let Kind::Structure(structure) = &shape.kind
    {
        if let Some(member) = message_member(structure) {
            members.insert(member, error.message.clone());
        }
        // A member that cannot be a header field is less than the error itself: it is left out.
        let _ = rest::write(service, structure, &members, &mut headers);
    }
    let body = match protocol {
        Protocol::Query | Protocol::RestXml => {
            xml_error(service, operation, error, &said, request_id).into_bytes()
        }
        Protocol::RpcV2Cbor => cbor_error(service, operation, error, &said, &members),
        _ => json_error(service, operation, protocol, error, &said, &members),
    };
    let mut put = |name: &'static str, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if protocol == Protocol::RestJson {
        put("x-amzn-errortype", &said.name);
    }
    if service.is_some_and(|service| service.query_compatible) && protocol != Protocol::Query {
        let side = if said.sender { "Sender" } else { "Receiver" };
        put("x-amzn-query-error", &format!("{};{side}", said.code));
    }
    finished(said.status, protocol, protocol.content_type(), headers, body, request_id)
}

/// What an error says in every protocol.
struct Said {
    name: String,
    code: String,
    status: u16,
    sender: bool,
}

impl Said {
    fn new(service: Option<&Service>, operation: Option<&Operation>, error: &Error) -> Self {
        let modelled = service.and_then(|service| service.exception(operation, &error.name));
        let (name, code, status, sender) = match modelled {
            Some((shape, exception)) => {
                let code = error.code.as_deref().unwrap_or(exception.code);
                (shape.name, code, exception.status, exception.sender)
            }
            None => (&*error.name, error.code.as_deref().unwrap_or(&error.name), 400, true),
        };
        let sender = error.status.map_or(sender, |status| status < 500);
        Self { name: name.to_owned(), code: code.to_owned(), status: error.status.unwrap_or(status), sender }
    }
}

fn message_member(structure: &Structure) -> Option<&'static str> {
    let member = structure.members.iter().find(|member| member.name.eq_ignore_ascii_case("message"))?;
    Some(member.name)
}

/// The exception as it is described; none where it is not.
fn structure_of<'s>(
    service: Option<&'s Service>,
    operation: Option<&Operation>,
    error: &Error,
) -> Option<&'s Structure> {
    match &service?.exception(operation, &error.name)?.0.kind {
        Kind::Structure(structure) => Some(structure),
        _ => None,
    }
}

fn json_error(
    service: Option<&Service>,
    operation: Option<&Operation>,
    protocol: Protocol,
    error: &Error,
    said: &Said,
    members: &Map,
) -> Vec<u8> {
    let mut out = b"{".to_vec();
    let mut field = |name: &str, json: &[u8]| {
        if out.len() > 1 {
            out.push(b',');
        }
        json::write_text(name, &mut out);
        out.push(b':');
        out.extend(json);
    };
    let text = |text: &str| {
        let mut json = Vec::new();
        json::write_text(text, &mut json);
        json
    };
    if protocol != Protocol::RestJson {
        field("__type", &text(&said.name));
    }
    let structure = structure_of(service, operation, error);
    if structure.and_then(message_member).is_none() {
        field("message", &text(&error.message));
    }
    if let (Some(service), Some(structure)) = (service, structure) {
        for member in structure.members.iter().filter(|member| member.target.location == Location::Body) {
            if let Some(value) = members.get(member.name)
                && let Ok(json) = json::write(service, &member.target, value)
            {
                field(member.wire_name(), &json);
            }
        }
    }
    out.push(b'}');
    out
}

fn cbor_error(
    service: Option<&Service>,
    operation: Option<&Operation>,
    error: &Error,
    said: &Said,
    members: &Map,
) -> Vec<u8> {
    let mut fields = vec![("__type", Vec::new())];
    cbor::put_text(&said.name, &mut fields[0].1);
    let structure = structure_of(service, operation, error);
    if structure.and_then(message_member).is_none() {
        let mut text = Vec::new();
        cbor::put_text(&error.message, &mut text);
        fields.push(("message", text));
    }
    if let (Some(service), Some(structure)) = (service, structure) {
        for member in &structure.members {
            let mut item = Vec::new();
            if let Some(value) = members.get(member.name)
                && cbor::write(service, &member.target, value, &mut item).is_ok()
            {
                fields.push((member.wire_name(), item));
            }
        }
    }
    let mut out = Vec::new();
    cbor::put(5, fields.len() as u64, &mut out);
    for (name, item) in fields {
        cbor::put_text(name, &mut out);
        out.extend(item);
    }
    out
}

fn xml_error(
    service: Option<&Service>,
    operation: Option<&Operation>,
    error: &Error,
    said: &Said,
    request_id: &str,
) -> String {
    let mut text = format!("{DECLARATION}<ErrorResponse{}><Error>", namespace(service));
    xml::write_text("Type", if said.sender { "Sender" } else { "Receiver" }, &mut text);
    xml::write_text("Code", &said.code, &mut text);
    xml::write_text("Message", &error.message, &mut text);
    if let (Some(service), Some(structure)) = (service, structure_of(service, operation, error)) {
        // Some describe their message in lower case, and their clients look for that too.
        let mut members = error.members.clone();
        if let Some(name) = message_member(structure).filter(|&name| name != "Message") {
            members.insert(name, error.message.clone());
        }
        // Where a value does not fit, the error still arrives.
        let mut more = String::new();
        if xml::write_members(service, structure, &members, &mut more).is_ok() {
            text.push_str(&more);
        }
    }
    text.push_str("</Error>");
    xml::write_text("RequestId", request_id, &mut text);
    text.push_str("</ErrorResponse>");
    text
}

fn finished(
    status: u16,
    protocol: Protocol,
    content_type: &'static str,
    mut headers: HeaderMap,
    body: Vec<u8>,
    request_id: &str,
) -> Response<Bytes> {
    if !body.is_empty() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if protocol == Protocol::RpcV2Cbor {
        headers.insert(HeaderName::from_static("smithy-protocol"), HeaderValue::from_static("rpc-v2-cbor"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
