//! JSON bodies: rest-json and AWS JSON 1.0 and 1.1.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Fault, scalar};
use crate::limits::Budget;
use crate::model::{Kind, Location, Ref, Service, Structure, TimestampFormat};
use crate::timestamp;
use crate::value::{Map, Value};

/// A body as a structure. Members whose place is elsewhere than in the body are not looked for.
pub(crate) fn read(service: &Service, target: &Ref, body: &[u8], budget: &Budget) -> Result<Value, Fault> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = Expected { service, target, budget, depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|fault| Fault::new(fault.to_string()))?;
    Ok(read.unwrap_or_else(|| Map::new().into()))
}

/// What the description expects next. JSON's null is no value.
struct Expected<'a> {
    service: &'a Service,
    target: &'a Ref,
    budget: &'a Budget,
    depth: usize,
}

impl<'a> Expected<'a> {
    fn kind(&self) -> &'a Kind {
        &self.service.shape(self.target.shape).kind
    }

    fn inner(&self, target: &'a Ref) -> Self {
        Self { service: self.service, target, budget: self.budget, depth: self.depth + 1 }
    }
}

impl<'de> DeserializeSeed<'de> for Expected<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.budget.take(self.depth).map_err(D::Error::custom)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Expected<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind() {
            Kind::Structure(_) => "a structure",
            Kind::List(_) => "a list",
            Kind::Map { .. } => "a map",
            Kind::String { .. } => "a string",
            Kind::Boolean => "true or false",
            Kind::Integer | Kind::Long => "a whole number",
            Kind::Double => "a number",
            Kind::Blob => "base64",
            Kind::Timestamp => "a date",
        })
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        match self.kind() {
            Kind::Boolean => Ok(Some(value.into())),
            _ => Err(E::invalid_type(serde::de::Unexpected::Bool(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        self.number(value.into(), value as f64)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        self.number(value.into(), value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        match self.kind() {
            Kind::Double => Ok(Some(value.into())),
            Kind::Timestamp => timestamp::from_seconds(value)
                .map(|date| Some(date.into()))
                .ok_or_else(|| E::custom("no such date")),
            // Some languages write 1.0 for 1.
            kind @ (Kind::Integer | Kind::Long) if value.fract() == 0.0 && value.abs() < 1e18 => {
                scalar::integer(kind, value as i128).map(Some).map_err(E::custom)
            }
            _ => Err(E::invalid_type(serde::de::Unexpected::Float(value), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        match self.kind() {
            Kind::String { .. } | Kind::Blob | Kind::Timestamp => {
                scalar::read(self.service, self.target, text).map(Some).map_err(E::custom)
            }
            Kind::Double if matches!(text, "NaN" | "Infinity" | "-Infinity") => {
                Ok(scalar::double(text).map(Value::Double))
            }
            _ => Err(E::invalid_type(serde::de::Unexpected::Str(scalar::shortened(text)), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let Kind::List(element) = self.kind() else {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        };
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(self.inner(element))? {
            list.push(value.ok_or_else(|| A::Error::custom("a list may not hold null"))?);
        }
        Ok(Some(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        match self.kind() {
            Kind::Structure(structure) => {
                while let Some(key) = access.next_key::<String>()? {
                    let member = structure
                        .members
                        .iter()
                        .find(|member| member.target.location == Location::Body && member.wire_name() == key);
                    match member {
                        Some(member) => {
                            if let Some(value) = access.next_value_seed(self.inner(&member.target))? {
                                map.insert(member.name, value);
                            }
                        }
                        None => {
                            access.next_value::<IgnoredAny>()?;
                        }
                    }
                }
            }
            Kind::Map { value: target, .. } => {
                while let Some(key) = access.next_key::<String>()? {
                    if let Some(value) = access.next_value_seed(self.inner(target))? {
                        map.insert(key, value);
                    }
                }
            }
            _ => return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self)),
        }
        Ok(Some(map.into()))
    }
}

impl Expected<'_> {
    fn number<E: Error>(self, whole: i128, number: f64) -> Result<Option<Value>, E> {
        match self.kind() {
            kind @ (Kind::Integer | Kind::Long) => scalar::integer(kind, whole).map(Some).map_err(E::custom),
            Kind::Double => Ok(Some(number.into())),
            Kind::Timestamp => timestamp::from_whole_seconds(whole)
                .map(|date| Some(date.into()))
                .ok_or_else(|| E::custom("no such date")),
            _ => Err(E::invalid_type(serde::de::Unexpected::Float(number), &self)),
        }
    }
}

/// The members of a structure that belong in the body, as JSON.
pub(crate) fn write(service: &Service, target: &Ref, value: &Value) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    write_value(service, target, value, &mut out)?;
    Ok(out)
}

fn write_value(service: &Service, target: &Ref, value: &Value, out: &mut Vec<u8>) -> Result<(), Fault> {
    let shape = service.shape(target.shape);
    match (&shape.kind, value) {
        (Kind::Structure(structure), Value::Map(map)) => write_structure(service, structure, map, out),
        (Kind::List(element), Value::List(list)) => {
            out.push(b'[');
            for (index, value) in list.iter().enumerate() {
                separate(index == 0, out);
                write_value(service, element, value, out)?;
            }
            out.push(b']');
            Ok(())
        }
        (Kind::Map { value: target, .. }, Value::Map(map)) => {
            out.push(b'{');
            for (index, (key, value)) in map.iter().enumerate() {
                separate(index == 0, out);
                write_text(key, out);
                out.push(b':');
                write_value(service, target, value, out)?;
            }
            out.push(b'}');
            Ok(())
        }
        (Kind::Double, Value::Double(value)) if value.is_finite() => {
            out.extend(scalar::write_double(*value).bytes());
            Ok(())
        }
        (kind, value) => {
            let text = scalar::write(service, target, value, TimestampFormat::Epoch)?;
            let dates = target.timestamp.unwrap_or(TimestampFormat::Epoch);
            match kind {
                Kind::Boolean | Kind::Integer | Kind::Long => out.extend(text.bytes()),
                Kind::Timestamp if dates == TimestampFormat::Epoch => out.extend(text.bytes()),
                Kind::Double if matches!(value, Value::Integer(_)) => out.extend(text.bytes()),
                _ => write_text(&text, out),
            }
            Ok(())
        }
    }
}

fn write_structure(
    service: &Service,
    structure: &Structure,
    map: &Map,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    out.push(b'{');
    let mut first = true;
    for member in structure.members.iter().filter(|member| member.target.location == Location::Body) {
        if let Some(value) = map.get(member.name) {
            separate(first, out);
            first = false;
            write_text(member.wire_name(), out);
            out.push(b':');
            write_value(service, &member.target, value, out)
                .map_err(|fault| Fault::new(format!("{}: {fault}", member.name)))?;
        }
    }
    out.push(b'}');
    Ok(())
}

fn separate(first: bool, out: &mut Vec<u8>) {
    if !first {
        out.push(b',');
    }
}

pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("text is written to memory");
}
