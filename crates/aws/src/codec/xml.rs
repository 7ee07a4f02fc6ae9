//! XML bodies: rest-xml requests, and the answers of rest-xml and query.

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::{Fault, scalar};
use crate::limits::Budget;
use crate::model::{Kind, Location, Member, Ref, Service, Structure, TimestampFormat};
use crate::value::{Map, Value};

/// An element, without its namespace.
#[derive(Debug, Default)]
pub(crate) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

/// A document's root, within the limits. Document types and their entities are refused.
pub(crate) fn parse(body: &[u8], budget: &Budget) -> Result<Element, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| Fault::new("the XML is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let broken = |fault: &dyn std::fmt::Display| Fault::new(format!("the XML is broken: {fault}"));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|fault| broken(&fault))? {
            Event::Start(tag) => {
                budget.take(open.len())?;
                open.push(element(&tag)?);
            }
            Event::Empty(tag) => {
                budget.take(open.len())?;
                close(element(&tag)?, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let done = open.pop().ok_or_else(|| broken(&"an end without a start"))?;
                close(done, &mut open, &mut root)?;
            }
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text.xml10_content());
                }
            }
            Event::CData(text) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                let text = resolved(&reference)?;
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::DocType(_) => return Err(Fault::new("a document type is not allowed")),
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(broken(&"it ends early")),
    }
}

fn element(tag: &BytesStart<'_>) -> Result<Element, Fault> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|fault| Fault::new(format!("the XML is broken: {fault}")))?;
        let name = attribute.key.as_ref().to_owned();
        let value =
            quick_xml::escape::unescape(&attribute.value).map_err(|fault| Fault::new(fault.to_string()))?;
        attributes.push((name, value.into_owned()));
    }
    let name = tag.local_name().as_ref().to_owned();
    Ok(Element { name, attributes, ..Element::default() })
}

fn close(done: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), Fault> {
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None if root.is_none() => *root = Some(done),
        None => return Err(Fault::new("the XML has two roots")),
    }
    Ok(())
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, Fault> {
    let unknown = || Fault::new("the XML refers to an entity that is not known");
    if let Some(character) = reference.resolve_char_ref().map_err(|_| unknown())? {
        return Ok(character.to_string());
    }
    resolve_predefined_entity(reference).map(str::to_owned).ok_or_else(unknown)
}

/// An element as what the description says.
pub(crate) fn read(service: &Service, target: &Ref, element: &Element) -> Result<Value, Fault> {
    match &service.shape(target.shape).kind {
        Kind::Structure(structure) => read_structure(service, structure, element),
        Kind::List(inner) => read_list(service, inner, element.children.iter()),
        Kind::Map { key, value } => read_map(service, key, value, element.children.iter()),
        _ if !element.children.is_empty() => {
            Err(Fault::new(format!("`{}` holds elements where a single value is expected", element.name)))
        }
        _ => scalar::read(service, target, &element.text)
            .map_err(|fault| Fault::new(format!("`{}`: {fault}", element.name))),
    }
}

fn read_structure(service: &Service, structure: &Structure, element: &Element) -> Result<Value, Fault> {
    let mut map = Map::new();
    for member in structure.members.iter().filter(|member| member.target.location == Location::Body) {
        let target = &member.target;
        if target.attribute {
            let found = element.attributes.iter().find(|(name, _)| name == member.wire_name());
            if let Some((_, text)) = found {
                map.insert(member.name, scalar::read(service, target, text)?);
            }
            continue;
        }
        let name = element_name(service, member);
        let mut found = element.children.iter().filter(|child| child.name == name).peekable();
        if found.peek().is_none() {
            continue;
        }
        let value = match &service.shape(target.shape).kind {
            Kind::List(inner) if target.flattened => read_list(service, inner, found)?,
            Kind::Map { key, value } if target.flattened => read_map(service, key, value, found)?,
            _ => read(service, target, found.next_back().expect("one was seen"))?,
        };
        map.insert(member.name, value);
    }
    Ok(map.into())
}

fn read_list<'e>(
    service: &Service,
    inner: &Ref,
    elements: impl Iterator<Item = &'e Element>,
) -> Result<Value, Fault> {
    Ok(Value::List(elements.map(|element| read(service, inner, element)).collect::<Result<_, _>>()?))
}

fn read_map<'e>(
    service: &Service,
    key: &Ref,
    value: &Ref,
    entries: impl Iterator<Item = &'e Element>,
) -> Result<Value, Fault> {
    let mut map = Map::new();
    for entry in entries {
        let child = |name: &str| {
            let missing = || Fault::new(format!("an entry of `{}` has no `{name}`", entry.name));
            entry.children.iter().find(|child| child.name == name).ok_or_else(missing)
        };
        let value_element = child(value.wire_name.unwrap_or("value"))?;
        let key = child(key.wire_name.unwrap_or("key"))?.text.clone();
        map.insert(key, read(service, value, value_element)?);
    }
    Ok(map.into())
}

/// The name of the element that holds a member, or each of a flattened list's elements.
fn element_name(service: &Service, member: &Member) -> &'static str {
    let name = match &service.shape(member.target.shape).kind {
        Kind::List(inner) if member.target.flattened => inner.wire_name.unwrap_or_else(|| member.wire_name()),
        _ => member.wire_name(),
    };
    // Only services that have left the query protocol have one, and they write XML in no other.
    member.target.query_name.unwrap_or(name)
}

/// A value as an element called `name`.
pub(crate) fn write(
    service: &Service,
    target: &Ref,
    name: &str,
    value: &Value,
    out: &mut String,
) -> Result<(), Fault> {
    match (&service.shape(target.shape).kind, value) {
        (Kind::Structure(structure), Value::Map(map)) => {
            out.push('<');
            out.push_str(name);
            for member in structure.members.iter().filter(|member| member.target.attribute) {
                if let Some(value) = map.get(member.name) {
                    let text = scalar::write(service, &member.target, value, TimestampFormat::Iso8601)?;
                    let (prefix, _) = member.wire_name().split_once(':').unwrap_or(("", ""));
                    if let (Some(namespace), false) = (target.namespace, prefix.is_empty()) {
                        out.push_str(&format!(" xmlns:{prefix}=\"{namespace}\""));
                    }
                    out.push_str(&format!(" {}=\"{}\"", member.wire_name(), escape(allowed(&text).as_str())));
                }
            }
            out.push('>');
            write_members(service, structure, map, out)?;
        }
        (Kind::List(inner), Value::List(list)) => {
            start(name, out);
            for value in list {
                write(service, inner, inner.wire_name.unwrap_or("member"), value, out)?;
            }
        }
        (Kind::Map { key, value }, Value::Map(map)) => {
            start(name, out);
            write_entries(service, key, value, "entry", map, out)?;
        }
        _ => {
            start(name, out);
            let text = scalar::write(service, target, value, TimestampFormat::Iso8601)?;
            out.push_str(&escape(allowed(&text).as_str()));
        }
    }
    end(name, out);
    Ok(())
}

/// A structure's members that belong in the body, one element after the other.
pub(crate) fn write_members(
    service: &Service,
    structure: &Structure,
    map: &Map,
    out: &mut String,
) -> Result<(), Fault> {
    for member in structure.members.iter() {
        let target = &member.target;
        if target.location != Location::Body || target.attribute {
            continue;
        }
        let Some(value) = map.get(member.name) else { continue };
        let name = element_name(service, member);
        let named = |fault: Fault| Fault::new(format!("{}: {fault}", member.name));
        match (&service.shape(target.shape).kind, value) {
            (Kind::List(inner), Value::List(list)) if target.flattened => {
                for value in list {
                    write(service, inner, name, value, out).map_err(named)?;
                }
            }
            (Kind::Map { key, value: inner }, Value::Map(map)) if target.flattened => {
                write_entries(service, key, inner, name, map, out).map_err(named)?;
            }
            _ => write(service, target, name, value, out).map_err(named)?,
        }
    }
    Ok(())
}

fn write_entries(
    service: &Service,
    key: &Ref,
    value: &Ref,
    entry: &str,
    map: &Map,
    out: &mut String,
) -> Result<(), Fault> {
    for (name, held) in map.iter() {
        start(entry, out);
        write_text(key.wire_name.unwrap_or("key"), name, out);
        write(service, value, value.wire_name.unwrap_or("value"), held, out)?;
        end(entry, out);
    }
    Ok(())
}

/// An element of text.
pub(crate) fn write_text(name: &str, text: &str, out: &mut String) {
    start(name, out);
    out.push_str(&escape(allowed(text).as_str()));
    end(name, out);
}

pub(crate) fn start(name: &str, out: &mut String) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

pub(crate) fn end(name: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// XML 1.0 cannot say most control characters, not even escaped; a value that came by another protocol may hold them.
fn allowed(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' | '\n' | ' '.. if !matches!(character, '\u{FFFE}' | '\u{FFFF}') => character,
            // A bare carriage return would be read as a line feed.
            '\r' => '\n',
            _ => '\u{FFFD}',
        })
        .collect()
}
