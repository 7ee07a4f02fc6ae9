//! CBOR bodies of Smithy RPC v2 (RFC 8949).

use bytes::Bytes;

use super::{Fault, scalar};
use crate::limits::Budget;
use crate::model::{Kind, Ref, Service};
use crate::timestamp;
use crate::value::{Map, Value};

/// A body as a structure.
pub(crate) fn read(service: &Service, target: &Ref, body: &[u8], budget: &Budget) -> Result<Value, Fault> {
    let mut reader = Reader { rest: body, budget };
    let value = reader.value(service, target, 0)?;
    match reader.rest {
        [] => Ok(value.unwrap_or_else(|| Map::new().into())),
        _ => Err(Fault::new("bytes follow the CBOR value")),
    }
}

/// The start of an item: its major type, and what its head says.
enum Head {
    Number(u8, u64),
    Indefinite(u8),
    Float(f64),
    Boolean(bool),
    Null,
    Break,
}

struct Reader<'b> {
    rest: &'b [u8],
    budget: &'b Budget,
}

const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

impl<'b> Reader<'b> {
    fn take(&mut self, length: u64) -> Result<&'b [u8], Fault> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or_else(|| Fault::new("the CBOR ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, length: u64) -> Result<u64, Fault> {
        Ok(self.take(length)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn head(&mut self) -> Result<Head, Fault> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        let argument = match info {
            0..=23 => u64::from(info),
            24..=27 => self.number(1 << (info - 24))?,
            31 if (BYTES..=MAP).contains(&major) => return Ok(Head::Indefinite(major)),
            31 if major == 7 => return Ok(Head::Break),
            _ => return Err(Fault::new("the CBOR is broken")),
        };
        Ok(match (major, info) {
            (7, 20 | 21) => Head::Boolean(info == 21),
            (7, 22 | 23) => Head::Null,
            (7, 25) => Head::Float(half(argument as u16)),
            (7, 26) => Head::Float(f32::from_bits(argument as u32).into()),
            (7, 27) => Head::Float(f64::from_bits(argument)),
            (7, _) => return Err(Fault::new("the CBOR holds a simple value that is not known")),
            _ => Head::Number(major, argument),
        })
    }

    /// Whether another element comes: `left` counts a definite length down, a break ends an indefinite one.
    fn more(&mut self, left: &mut Option<u64>) -> Result<bool, Fault> {
        match left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None if self.rest.first() == Some(&0xFF) => {
                self.take(1)?;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn string(&mut self, head: Head, wanted: u8) -> Result<Option<Vec<u8>>, Fault> {
        match head {
            Head::Number(major, length) if major == wanted => Ok(Some(self.take(length)?.to_vec())),
            Head::Indefinite(major) if major == wanted => {
                let mut whole = Vec::new();
                loop {
                    self.budget.take(0)?;
                    match self.head()? {
                        Head::Break => return Ok(Some(whole)),
                        Head::Number(major, length) if major == wanted => whole.extend(self.take(length)?),
                        _ => return Err(Fault::new("a CBOR string has parts of another kind")),
                    }
                }
            }
            _ => Ok(None),
        }
    }

    fn text(&mut self, head: Head) -> Result<Option<String>, Fault> {
        let bytes = self.string(head, TEXT)?;
        bytes
            .map(|bytes| String::from_utf8(bytes).map_err(|_| Fault::new("CBOR text is not UTF-8")))
            .transpose()
    }

    fn key(&mut self) -> Result<String, Fault> {
        let head = self.head()?;
        self.text(head)?.ok_or_else(|| Fault::new("a CBOR key is not text"))
    }

    /// The next item as what the description says; none where it is null.
    fn value(&mut self, service: &Service, target: &Ref, depth: usize) -> Result<Option<Value>, Fault> {
        self.budget.take(depth)?;
        let shape = service.shape(target.shape);
        let head = self.head()?;
        if matches!(head, Head::Null) {
            return Ok(None);
        }
        let misfit = || Fault::new(format!("the CBOR holds something else where {} is expected", shape.name));
        Ok(Some(match &shape.kind {
            Kind::Structure(structure) => {
                let mut left = length(&head, MAP).ok_or_else(misfit)?;
                let mut map = Map::new();
                while self.more(&mut left)? {
                    let key = self.key()?;
                    match structure.members.iter().find(|member| member.wire_name() == key) {
                        Some(member) => {
                            if let Some(value) = self.value(service, &member.target, depth + 1)? {
                                map.insert(member.name, value);
                            }
                        }
                        None => self.skip(depth + 1)?,
                    }
                }
                map.into()
            }
            Kind::List(element) => {
                let mut left = length(&head, LIST).ok_or_else(misfit)?;
                let mut list = Vec::new();
                while self.more(&mut left)? {
                    let value = self.value(service, element, depth + 1)?;
                    list.push(value.ok_or_else(|| Fault::new("a list may not hold null"))?);
                }
                list.into()
            }
            Kind::Map { value: target, .. } => {
                let mut left = length(&head, MAP).ok_or_else(misfit)?;
                let mut map = Map::new();
                while self.more(&mut left)? {
                    let key = self.key()?;
                    if let Some(value) = self.value(service, target, depth + 1)? {
                        map.insert(key, value);
                    }
                }
                map.into()
            }
            Kind::String { .. } => self.text(head)?.ok_or_else(misfit)?.into(),
            Kind::Blob => Bytes::from(self.string(head, BYTES)?.ok_or_else(misfit)?).into(),
            Kind::Boolean => match head {
                Head::Boolean(value) => value.into(),
                _ => return Err(misfit()),
            },
            kind @ (Kind::Integer | Kind::Long) => match (whole(&head), head) {
                (Some(number), _) => scalar::integer(kind, number)?,
                (None, Head::Float(number)) if number.fract() == 0.0 && number.abs() < 1e18 => {
                    scalar::integer(kind, number as i128)?
                }
                _ => return Err(misfit()),
            },
            Kind::Double => match (whole(&head), head) {
                (Some(number), _) => (number as f64).into(),
                (None, Head::Float(number)) => number.into(),
                _ => return Err(misfit()),
            },
            Kind::Timestamp => {
                let inner = match head {
                    Head::Number(TAG, 1) => self.head()?,
                    other => other,
                };
                let date = match (whole(&inner), inner) {
                    (Some(seconds), _) => timestamp::from_whole_seconds(seconds),
                    (None, Head::Float(seconds)) => timestamp::from_seconds(seconds),
                    _ => return Err(misfit()),
                };
                date.ok_or_else(|| Fault::new("no such date"))?.into()
            }
        }))
    }

    /// Passes over an item.
    fn skip(&mut self, depth: usize) -> Result<(), Fault> {
        self.budget.take(depth)?;
        match self.head()? {
            head @ (Head::Number(BYTES | TEXT, _) | Head::Indefinite(BYTES | TEXT)) => {
                let wanted = match head {
                    Head::Number(major, _) | Head::Indefinite(major) => major,
                    _ => unreachable!("only these match"),
                };
                self.string(head, wanted)?;
            }
            Head::Number(TAG, _) => self.skip(depth + 1)?,
            Head::Break => return Err(Fault::new("the CBOR breaks off where nothing is open")),
            head => {
                for (major, items) in [(LIST, 1), (MAP, 2)] {
                    if let Some(mut left) = length(&head, major) {
                        while self.more(&mut left)? {
                            for _ in 0..items {
                                self.skip(depth + 1)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Elements of a list or pairs of a map; none inside where their number comes only with the break.
fn length(head: &Head, wanted: u8) -> Option<Option<u64>> {
    match *head {
        Head::Number(major, length) if major == wanted => Some(Some(length)),
        Head::Indefinite(major) if major == wanted => Some(None),
        _ => None,
    }
}

fn whole(head: &Head) -> Option<i128> {
    match *head {
        Head::Number(0, number) => Some(number.into()),
        Head::Number(1, number) => Some(-1 - i128::from(number)),
        _ => None,
    }
}

/// Half precision (IEEE 754 binary16).
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3FF);
    let magnitude = match bits >> 10 & 31 {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + fraction) * 2_f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 0 { magnitude } else { -magnitude }
}

/// A value as an item.
pub(crate) fn write(service: &Service, target: &Ref, value: &Value, out: &mut Vec<u8>) -> Result<(), Fault> {
    let shape = service.shape(target.shape);
    match (&shape.kind, value) {
        (Kind::Structure(structure), Value::Map(map)) => {
            let held = structure.members.iter().filter(|member| map.get(member.name).is_some());
            put(MAP, held.clone().count() as u64, out);
            for member in held {
                put_text(member.wire_name(), out);
                let value = map.get(member.name).expect("it was filtered for");
                write(service, &member.target, value, out)
                    .map_err(|fault| Fault::new(format!("{}: {fault}", member.name)))?;
            }
        }
        (Kind::List(element), Value::List(list)) => {
            put(LIST, list.len() as u64, out);
            for value in list {
                write(service, element, value, out)?;
            }
        }
        (Kind::Map { value: target, .. }, Value::Map(map)) => {
            put(MAP, map.len() as u64, out);
            for (key, value) in map.iter() {
                put_text(key, out);
                write(service, target, value, out)?;
            }
        }
        (Kind::String { .. }, Value::String(text)) => put_text(text, out),
        (Kind::Blob, Value::Blob(bytes)) => {
            put(BYTES, bytes.len() as u64, out);
            out.extend(bytes);
        }
        (Kind::Boolean, Value::Boolean(value)) => out.push(if *value { 0xF5 } else { 0xF4 }),
        (Kind::Integer | Kind::Long, Value::Integer(number)) => {
            let (major, rest) = if *number < 0 { (1, -1 - number) } else { (0, *number) };
            put(major, u64::try_from(rest).map_err(|_| scalar::misfit(shape.name, value))?, out);
        }
        (Kind::Double, Value::Double(number)) => put_double(*number, out),
        (Kind::Double, Value::Integer(number)) => put_double(*number as f64, out),
        (Kind::Timestamp, Value::Timestamp(date)) => {
            put(TAG, 1, out);
            match date.0 % 1_000_000 {
                0 if date.0 < 0 => put(1, (-1 - date.0 / 1_000_000) as u64, out),
                0 => put(0, (date.0 / 1_000_000) as u64, out),
                _ => put_double(date.0 as f64 / 1e6, out),
            }
        }
        _ => return Err(scalar::misfit(shape.name, value)),
    }
    Ok(())
}

/// The head of an item.
pub(crate) fn put(major: u8, number: u64, out: &mut Vec<u8>) {
    let bytes = number.to_be_bytes();
    let (info, length) = match number {
        0..=23 => (number as u8, 0),
        24..=0xFF => (24, 1),
        0x100..=0xFFFF => (25, 2),
        0x1_0000..=0xFFFF_FFFF => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | info);
    out.extend(&bytes[8 - length..]);
}

pub(crate) fn put_text(text: &str, out: &mut Vec<u8>) {
    put(TEXT, text.len() as u64, out);
    out.extend(text.bytes());
}

fn put_double(number: f64, out: &mut Vec<u8>) {
    out.push(0xFB);
    out.extend(number.to_be_bytes());
}
