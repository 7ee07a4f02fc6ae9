//! What rest protocols carry outside the body: labels, query parameters, header fields, the status.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::call::Call;
use crate::codec::{Fault, json, scalar, xml};
use crate::limits::Budget;
use crate::model::{Kind, Location, Member, Protocol, Ref, Service, Structure, TimestampFormat};
use crate::value::{Map, Value};

pub(crate) fn read(call: &Call<'_>, target: &Ref, budget: &Budget) -> Result<Map, Fault> {
    let service = call.service;
    let structure = service.structure(target).ok_or_else(|| Fault::new("the input is no structure"))?;
    let mut map = match structure.payload() {
        Some(member) => payload(call, member, budget)?,
        None => body(call, structure, target, budget)?,
    };
    for member in &structure.members {
        let named = |fault: Fault| Fault::new(format!("{}: {fault}", member.wire_name()));
        let value = match member.target.location {
            Location::Body | Location::Status => None,
            Location::Uri => {
                let label = call.labels.iter().find(|(name, _)| *name == member.wire_name());
                label
                    .map(|(_, text)| scalar::read(service, &member.target, text))
                    .transpose()
                    .map_err(named)?
            }
            Location::Query => from_query(call, structure, member).map_err(named)?,
            Location::Header => from_header(service, member, call.headers).map_err(named)?,
            Location::Headers => {
                Some(from_headers(member, call.headers)).filter(|map| !map.is_empty()).map(Value::Map)
            }
        };
        if let Some(value) = value {
            budget.take(1)?;
            map.insert(member.name, value);
        }
    }
    Ok(map)
}

fn body(call: &Call<'_>, structure: &Structure, target: &Ref, budget: &Budget) -> Result<Map, Fault> {
    let in_body = structure.members.iter().any(|member| member.target.location == Location::Body);
    if call.body.is_empty() || !in_body {
        return Ok(Map::new());
    }
    match parsed(call, target, budget)? {
        Value::Map(map) => Ok(map),
        _ => Err(Fault::new("the body is no structure")),
    }
}

fn payload(call: &Call<'_>, member: &Member, budget: &Budget) -> Result<Map, Fault> {
    let value = match &call.service.shape(member.target.shape).kind {
        _ if call.body.is_empty() => return Ok(Map::new()),
        Kind::Blob => Value::Blob(call.body.clone()),
        Kind::String { .. } => {
            String::from_utf8(call.body.to_vec()).map_err(|_| Fault::new("the body is not UTF-8"))?.into()
        }
        _ => parsed(call, &member.target, budget)?,
    };
    Ok(Map::new().with(member.name, value))
}

fn parsed(call: &Call<'_>, target: &Ref, budget: &Budget) -> Result<Value, Fault> {
    match call.protocol {
        Protocol::RestXml => xml::read(call.service, target, &xml::parse(&call.body, budget)?),
        _ => json::read(call.service, target, &call.body, budget),
    }
}

fn from_query(call: &Call<'_>, structure: &Structure, member: &Member) -> Result<Option<Value>, Fault> {
    let service = call.service;
    let held = |name: &str| {
        let name = name.to_owned();
        call.query.iter().filter(move |(key, _)| *key == name).map(|(_, text)| text.as_str())
    };
    match &service.shape(member.target.shape).kind {
        Kind::List(element) => {
            let list = held(member.wire_name())
                .map(|text| scalar::read(service, element, text))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((!list.is_empty()).then_some(list.into()))
        }
        // Every parameter that has no member of its own.
        Kind::Map { value, .. } => {
            let of_a_member = |name: &str| {
                structure
                    .members
                    .iter()
                    .any(|member| member.target.location == Location::Query && member.wire_name() == name)
            };
            let mut map = Map::new();
            for (name, text) in call.query.iter().filter(|(name, _)| !of_a_member(name)) {
                let value = match &service.shape(value.shape).kind {
                    Kind::List(element) => {
                        let mut list = map
                            .remove(name)
                            .and_then(|value| value.as_list().map(<[_]>::to_vec))
                            .unwrap_or_default();
                        list.push(scalar::read(service, element, text)?);
                        list.into()
                    }
                    _ => scalar::read(service, value, text)?,
                };
                map.insert(name.clone(), value);
            }
            Ok((!map.is_empty()).then_some(map.into()))
        }
        _ => held(member.wire_name())
            .next()
            .map(|text| scalar::read(service, &member.target, text))
            .transpose(),
    }
}

fn from_header(service: &Service, member: &Member, headers: &HeaderMap) -> Result<Option<Value>, Fault> {
    let Some(value) = headers.get(member.wire_name()) else { return Ok(None) };
    let text =
        std::str::from_utf8(value.as_bytes()).map_err(|_| Fault::new("a header field is not UTF-8"))?;
    match &service.shape(member.target.shape).kind {
        Kind::List(element) => {
            let list = listed(text)
                .iter()
                .map(|text| scalar::read(service, element, text))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Some(list.into()))
        }
        _ => scalar::read(service, &member.target, text).map(Some),
    }
}

/// `a, "b,c"`: elements between commas; one with a comma or quote in it stands in quotes.
fn listed(text: &str) -> Vec<String> {
    let mut list = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for character in text.chars() {
        let last = list.last_mut().expect("it is never empty");
        match character {
            _ if escaped => {
                last.push(character);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => list.push(String::new()),
            ' ' if last.is_empty() && !quoted => {}
            _ => last.push(character),
        }
    }
    list
}

fn from_headers(member: &Member, headers: &HeaderMap) -> Map {
    let prefix = member.wire_name().to_ascii_lowercase();
    headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().strip_prefix(&prefix)?.to_owned(), value.to_str().ok()?))
        })
        .collect()
}

/// An output's header fields and status.
pub(crate) fn write(
    service: &Service,
    structure: &Structure,
    output: &Map,
    headers: &mut HeaderMap,
) -> Result<Option<u16>, Fault> {
    let mut status = None;
    for member in &structure.members {
        let Some(value) = output.get(member.name) else { continue };
        match (member.target.location, value) {
            (Location::Status, Value::Integer(code)) => status = u16::try_from(*code).ok(),
            (Location::Header, Value::List(list)) => {
                let Kind::List(element) = &service.shape(member.target.shape).kind else {
                    return Err(scalar::misfit(member.name, value));
                };
                let texts = list
                    .iter()
                    .map(|value| scalar::write(service, element, value, TimestampFormat::HttpDate))
                    .collect::<Result<Vec<_>, _>>()?;
                insert(member.wire_name(), &texts.join(","), headers)?;
            }
            (Location::Header, value) => {
                let text = scalar::write(service, &member.target, value, TimestampFormat::HttpDate)?;
                insert(member.wire_name(), &text, headers)?;
            }
            (Location::Headers, Value::Map(map)) => {
                for (key, value) in map.iter() {
                    let text = value.as_str().ok_or_else(|| scalar::misfit(member.name, value))?;
                    insert(&format!("{}{key}", member.wire_name()), text, headers)?;
                }
            }
            _ => {}
        }
    }
    Ok(status)
}

fn insert(name: &str, text: &str, headers: &mut HeaderMap) -> Result<(), Fault> {
    let bad = || Fault::new(format!("`{name}` cannot be a header field with this value"));
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
    headers.insert(name, HeaderValue::from_str(text).map_err(|_| bad())?);
    Ok(())
}
