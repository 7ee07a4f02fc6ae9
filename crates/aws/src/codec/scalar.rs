//! Single values as text: XML elements, form fields, header fields, labels and query parameters.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use bytes::Bytes;

use super::Fault;
use crate::model::{Kind, Ref, Service, TimestampFormat};
use crate::timestamp;
use crate::value::Value;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(crate) fn from_base64(text: &str) -> Result<Bytes, Fault> {
    let compact: String = text.split_ascii_whitespace().collect();
    LENIENT.decode(compact).map(Bytes::from).map_err(|_| Fault::new("expected base64"))
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Text as what the description says. Lists, maps and structures are not text.
pub(crate) fn read(service: &Service, target: &Ref, text: &str) -> Result<Value, Fault> {
    let shape = service.shape(target.shape);
    let expected = |what: &str| Fault::new(format!("expected {what}, found `{}`", shortened(text)));
    Ok(match &shape.kind {
        Kind::String { .. } => Value::String(text.to_owned()),
        Kind::Boolean => match text.trim() {
            "true" | "True" | "TRUE" | "1" => Value::Boolean(true),
            "false" | "False" | "FALSE" | "0" => Value::Boolean(false),
            _ => return Err(expected("true or false")),
        },
        Kind::Integer | Kind::Long => {
            integer(&shape.kind, text.trim().parse().map_err(|_| expected("a whole number"))?)?
        }
        Kind::Double => Value::Double(double(text.trim()).ok_or_else(|| expected("a number"))?),
        Kind::Blob => Value::Blob(from_base64(text)?),
        Kind::Timestamp => Value::Timestamp(timestamp::read(text).ok_or_else(|| expected("a date"))?),
        Kind::List(_) | Kind::Map { .. } | Kind::Structure(_) => return Err(expected("no text here")),
    })
}

/// A whole number within its type's bits.
pub(crate) fn integer(kind: &Kind, value: i128) -> Result<Value, Fault> {
    let fits = match kind {
        Kind::Integer => i32::try_from(value).is_ok(),
        _ => i64::try_from(value).is_ok(),
    };
    fits.then_some(Value::Integer(value))
        .ok_or_else(|| Fault::new(format!("the number {value} is too large")))
}

/// A number, or the words for those that digits cannot say.
pub(crate) fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// A single value as text. `dates` is the form of dates here, where the description names none.
pub(crate) fn write(
    service: &Service,
    target: &Ref,
    value: &Value,
    dates: TimestampFormat,
) -> Result<String, Fault> {
    let shape = service.shape(target.shape);
    Ok(match (&shape.kind, value) {
        (Kind::String { .. }, Value::String(text)) => text.clone(),
        (Kind::Boolean, Value::Boolean(value)) => value.to_string(),
        (Kind::Integer | Kind::Long, Value::Integer(value)) => value.to_string(),
        (Kind::Double, Value::Integer(value)) => value.to_string(),
        (Kind::Double, Value::Double(value)) => write_double(*value),
        (Kind::Blob, Value::Blob(bytes)) => to_base64(bytes),
        (Kind::Timestamp, Value::Timestamp(date)) => {
            timestamp::write(*date, target.timestamp.unwrap_or(dates))
        }
        _ => return Err(misfit(shape.name, value)),
    })
}

pub(crate) fn write_double(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{value:?}")
    }
}

pub(crate) fn misfit(shape: &str, value: &Value) -> Fault {
    Fault::new(format!("{} cannot be written as {shape}", value.kind()))
}

/// The start of a text, for messages.
pub(crate) fn shortened(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}
