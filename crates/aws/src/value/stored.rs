//! Values as JSON that gives back what was written: for stores, not for clients.
//!
//! What JSON has no word for is an object of one entry: `{"$date": 1795}` (microseconds since 1970), `{"$bytes": "aGk="}`,
//! `{"$number": "NaN"}`. A map with a key that begins with `$` is written as `{"$map": {…}}`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use media::Utc;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Map, Value};

const DATE: &str = "$date";
const BYTES: &str = "$bytes";
const NUMBER: &str = "$number";
const MAP: &str = "$map";

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => match i64::try_from(*value) {
                Ok(value) => serializer.serialize_i64(value),
                Err(_) => marked(serializer, NUMBER, &value.to_string()),
            },
            Self::Double(value) if value.is_finite() => serializer.serialize_f64(*value),
            Self::Double(value) => marked(serializer, NUMBER, &value.to_string()),
            Self::String(text) => serializer.serialize_str(text),
            Self::Blob(bytes) => marked(serializer, BYTES, &BASE64.encode(bytes)),
            Self::Timestamp(at) => marked(serializer, DATE, &at.0),
            Self::List(list) => list.serialize(serializer),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let looks_marked = self.iter().any(|(key, _)| key.starts_with('$'));
        if looks_marked { marked(serializer, MAP, &Plain(self)) } else { Plain(self).serialize(serializer) }
    }
}

/// A map as it is.
struct Plain<'a>(&'a Map);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

fn marked<S: Serializer>(serializer: S, mark: &str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(mark, value)?;
    map.end()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Stored)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Map(map) => Ok(map),
            other => Err(D::Error::custom(format!("a structure is stored here, not {}", other.kind()))),
        }
    }
}

struct Stored;

impl<'de> Visitor<'de> for Stored {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let unknown = || A::Error::custom(format!("an unknown mark `{key}`"));
            return match (key.as_str(), key.starts_with('$')) {
                (_, false) => {
                    let value: Value = entries.next_value()?;
                    map.insert(key, value);
                    continue;
                }
                (MAP, _) => entries.next_value::<Unmarked>().map(|Unmarked(map)| Value::Map(map)),
                (DATE, _) => entries.next_value().map(|us| Value::Timestamp(Utc(us))),
                (BYTES, _) => {
                    let text: String = entries.next_value()?;
                    BASE64.decode(text).map(|bytes| Value::Blob(Bytes::from(bytes))).map_err(|_| unknown())
                }
                (NUMBER, _) => number(&entries.next_value::<String>()?).ok_or_else(unknown),
                _ => Err(unknown()),
            };
        }
        Ok(Value::Map(map))
    }
}

fn number(text: &str) -> Option<Value> {
    let whole = text.parse().ok().map(Value::Integer);
    whole.or_else(|| text.parse().ok().map(Value::Double))
}

/// A map whose keys are no marks.
struct Unmarked(Map);

impl<'de> Deserialize<'de> for Unmarked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Map;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a stored map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Map, A::Error> {
                let mut map = Map::new();
                while let Some((key, value)) = entries.next_entry::<String, Value>()? {
                    map.insert(key, value);
                }
                Ok(map)
            }
        }
        deserializer.deserialize_map(Entries).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(|value| Value::Integer(value.into())),
            any::<i128>().prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("no NaN: it equals nothing", |value| !value.is_nan())
                .prop_map(Value::Double),
            "[a-z$]{0,4}".prop_map(Value::String),
            any::<Vec<u8>>().prop_map(|bytes| Value::Blob(bytes.into())),
            any::<i64>().prop_map(|us| Value::Timestamp(Utc(us))),
        ];
        let keys =
            prop_oneof![Just(DATE), Just(BYTES), Just(NUMBER), Just(MAP), Just("$x"), Just("a"), Just("b")];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::vec((keys.clone(), inner), 0..4)
                    .prop_map(|entries| Value::Map(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_stored_comes_back(value in values()) {
            let text = serde_json::to_string(&value).expect("written");
            let back: Value = serde_json::from_str(&text).expect("read");
            prop_assert_eq!(back, value, "{}", text);
        }
    }

    #[test]
    fn it_is_plain_json_where_json_has_a_word() {
        let value = Map::new()
            .with("Name", "main")
            .with("Count", 3)
            .with("Half", 0.5)
            .with("At", Utc(5))
            .with("Tags", Map::new().with("$date", "x"));
        let text = r#"{"Name":"main","Count":3,"Half":0.5,"At":{"$date":5},"Tags":{"$map":{"$date":"x"}}}"#;
        assert_eq!(serde_json::to_string(&value).expect("written"), text);
        assert!(serde_json::from_str::<Value>(r#"{"$date":"x"}"#).is_err());
        assert!(serde_json::from_str::<Value>(r#"{"$else":1}"#).is_err());
    }
}
