//! AMF 0: the values in commands and metadata (Adobe, Action Message Format AMF 0).

use bytes::{Buf, BufMut, BytesMut};

use crate::limits::{MAX_AMF_DEPTH, MAX_AMF_VALUES};

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const ECMA_ARRAY: u8 = 0x08;
const OBJECT_END: u8 = 0x09;
const STRICT_ARRAY: u8 = 0x0A;
const DATE: u8 = 0x0B;
const LONG_STRING: u8 = 0x0C;
const UNSUPPORTED: u8 = 0x0D;
const XML: u8 = 0x0F;
const TYPED_OBJECT: u8 = 0x10;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A double; AMF 0 has no integers.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// A string or long string; XML documents read as strings. Bytes that are no UTF-8 read as U+FFFD.
    String(String),
    /// Named values in their order. Typed objects read as objects; their class is dropped.
    Object(Vec<(String, Value)>),
    /// Nothing.
    Null,
    /// Not even that; also what `unsupported` reads as.
    Undefined,
    /// Named values with a count nobody trusts.
    EcmaArray(Vec<(String, Value)>),
    /// Values in a row.
    StrictArray(Vec<Value>),
    /// Milliseconds since 1970, UTC.
    Date(f64),
}

/// Why bytes are no AMF 0 value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmfError {
    /// The bytes end inside a value.
    #[error("AMF ends inside a value")]
    End,
    /// A type marker that is unknown, reserved, a reference, or a switch to AMF 3.
    #[error("AMF type {0:#04x} is not read here")]
    Marker(u8),
    /// Deeper than [`MAX_AMF_DEPTH`].
    #[error("AMF nests deeper than {MAX_AMF_DEPTH}")]
    Depth,
    /// More than [`MAX_AMF_VALUES`].
    #[error("over {MAX_AMF_VALUES} AMF values in a message")]
    Values,
}

/// Reads every value of a message body.
pub fn read_all(mut body: &[u8]) -> Result<Vec<Value>, AmfError> {
    let mut values = Vec::new();
    let mut budget = MAX_AMF_VALUES;
    while !body.is_empty() {
        values.push(read(&mut body, 0, &mut budget)?);
    }
    Ok(values)
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number of a number.
    pub const fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The member `name` of an object or ECMA array.
    pub fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(members) | Self::EcmaArray(members) => {
                members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Appends the value to `out`. Names over 65,535 bytes are cut there: AMF cannot say them.
    pub fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Number(number) => {
                out.put_u8(NUMBER);
                out.put_f64(*number);
            }
            Self::Boolean(truth) => {
                out.put_u8(BOOLEAN);
                out.put_u8(u8::from(*truth));
            }
            Self::String(text) if text.len() <= usize::from(u16::MAX) => {
                out.put_u8(STRING);
                put_name(text, out);
            }
            Self::String(text) => {
                out.put_u8(LONG_STRING);
                out.put_u32(text.len() as u32);
                out.put_slice(text.as_bytes());
            }
            Self::Object(members) => {
                out.put_u8(OBJECT);
                put_members(members, out);
            }
            Self::EcmaArray(members) => {
                out.put_u8(ECMA_ARRAY);
                out.put_u32(members.len() as u32);
                put_members(members, out);
            }
            Self::StrictArray(values) => {
                out.put_u8(STRICT_ARRAY);
                out.put_u32(values.len() as u32);
                values.iter().for_each(|value| value.write(out));
            }
            Self::Date(millis) => {
                out.put_u8(DATE);
                out.put_f64(*millis);
                out.put_i16(0);
            }
            Self::Null => out.put_u8(NULL),
            Self::Undefined => out.put_u8(UNDEFINED),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

fn read(body: &mut &[u8], depth: usize, budget: &mut usize) -> Result<Value, AmfError> {
    if depth > MAX_AMF_DEPTH {
        return Err(AmfError::Depth);
    }
    *budget = budget.checked_sub(1).ok_or(AmfError::Values)?;
    let end = |_| AmfError::End;
    Ok(match body.try_get_u8().map_err(end)? {
        NUMBER => Value::Number(body.try_get_f64().map_err(end)?),
        BOOLEAN => Value::Boolean(body.try_get_u8().map_err(end)? != 0),
        STRING => Value::String(read_name(body)?),
        OBJECT => Value::Object(read_members(body, depth, budget)?),
        NULL => Value::Null,
        UNDEFINED | UNSUPPORTED => Value::Undefined,
        ECMA_ARRAY => {
            body.try_get_u32().map_err(end)?;
            Value::EcmaArray(read_members(body, depth, budget)?)
        }
        STRICT_ARRAY => {
            let count = body.try_get_u32().map_err(end)? as usize;
            if count > *budget {
                return Err(AmfError::Values);
            }
            Value::StrictArray((0..count).map(|_| read(body, depth + 1, budget)).collect::<Result<_, _>>()?)
        }
        DATE => {
            let millis = body.try_get_f64().map_err(end)?;
            body.try_get_i16().map_err(end)?;
            Value::Date(millis)
        }
        LONG_STRING | XML => {
            let length = body.try_get_u32().map_err(end)? as usize;
            Value::String(read_text(body, length)?)
        }
        TYPED_OBJECT => {
            read_name(body)?;
            Value::Object(read_members(body, depth, budget)?)
        }
        marker => return Err(AmfError::Marker(marker)),
    })
}

fn read_members(
    body: &mut &[u8],
    depth: usize,
    budget: &mut usize,
) -> Result<Vec<(String, Value)>, AmfError> {
    let mut members = Vec::new();
    loop {
        let name = read_name(body)?;
        // Some encoders leave out the end mark of an object that ends the message, as ffmpeg does in metadata.
        if name.is_empty() && matches!(body.first(), Some(&OBJECT_END) | None) {
            *body = body.get(1..).unwrap_or_default();
            return Ok(members);
        }
        members.push((name, read(body, depth + 1, budget)?));
        if body.is_empty() {
            return Ok(members);
        }
    }
}

fn read_name(body: &mut &[u8]) -> Result<String, AmfError> {
    let length = body.try_get_u16().map_err(|_| AmfError::End)?;
    read_text(body, usize::from(length))
}

fn read_text(body: &mut &[u8], length: usize) -> Result<String, AmfError> {
    let (text, rest) = body.split_at_checked(length).ok_or(AmfError::End)?;
    *body = rest;
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn put_members(members: &[(String, Value)], out: &mut BytesMut) {
    for (name, value) in members {
        put_name(name, out);
        value.write(out);
    }
    out.put_slice(&[0, 0, OBJECT_END]);
}

fn put_name(name: &str, out: &mut BytesMut) {
    let name = &name.as_bytes()[..name.len().min(usize::from(u16::MAX))];
    out.put_u16(name.len() as u16);
    out.put_slice(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(|number| Value::Number(number.into())),
            any::<bool>().prop_map(Value::Boolean),
            "[a-zé ]{0,12}".prop_map(Value::String),
            Just(Value::Null),
            Just(Value::Undefined),
            any::<i32>().prop_map(|millis| Value::Date(millis.into())),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let members = prop::collection::vec(("[a-z]{1,8}", inner.clone()), 0..4);
            prop_oneof![
                members.clone().prop_map(Value::Object),
                members.prop_map(Value::EcmaArray),
                prop::collection::vec(inner, 0..4).prop_map(Value::StrictArray),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in prop::collection::vec(value(), 0..5)) {
            let mut out = BytesMut::new();
            values.iter().for_each(|value| value.write(&mut out));
            prop_assert_eq!(read_all(&out), Ok(values));
        }

        #[test]
        fn any_bytes_give_values_or_a_named_error(bytes in prop::collection::vec(0_u8..0x14, 0..200)) {
            let _ = read_all(&bytes);
        }
    }

    #[test]
    fn bombs_are_refused() {
        let deep = [OBJECT, 0, 1, b'a'].repeat(1_000);
        assert_eq!(read_all(&deep), Err(AmfError::Depth));
        assert_eq!(read_all(&[STRICT_ARRAY, 0xFF, 0xFF, 0xFF, 0xFF]), Err(AmfError::Values));
        assert_eq!(read_all(&[NULL; MAX_AMF_VALUES + 1]), Err(AmfError::Values));
        assert_eq!(read_all(&[LONG_STRING, 0xFF, 0xFF, 0xFF, 0xFF]), Err(AmfError::End));
        assert_eq!(read_all(&[0x11]), Err(AmfError::Marker(0x11)));
    }
}
