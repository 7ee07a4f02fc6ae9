//! JSON of clients, as strict as a workflow file: no member comes twice, nothing is rounded.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::{Table, Value};

/// A JSON value; its objects' members are in the order of their names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// What TOML has no word for: a JSON pointer to it, and what it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Foreign {
    pub(crate) pointer: String,
    pub(crate) what: &'static str,
}

impl Json {
    /// A JSON merge patch (RFC 7396): `null` removes, objects go into each other, all else takes the place of what was.
    pub(crate) fn patched(self, patch: Json) -> Json {
        let Json::Object(changes) = patch else { return patch };
        let mut members = match self {
            Json::Object(members) => members,
            _ => BTreeMap::new(),
        };
        for (name, change) in changes {
            let before = members.remove(&name);
            if change != Json::Null {
                members.insert(name, before.unwrap_or(Json::Null).patched(change));
            }
        }
        Json::Object(members)
    }

    /// The table of a workflow file that an object is.
    pub(crate) fn table(members: BTreeMap<String, Json>) -> Result<Table, Foreign> {
        let entry = |(name, value): (String, Json)| {
            let value = value.toml().map_err(|mut foreign| {
                foreign.pointer =
                    format!("/{}{}", name.replace('~', "~0").replace('/', "~1"), foreign.pointer);
                foreign
            })?;
            Ok((name, value))
        };
        members.into_iter().map(entry).collect()
    }

    fn toml(self) -> Result<Value, Foreign> {
        Ok(match self {
            Json::Null => {
                return Err(Foreign { pointer: String::new(), what: "null says nothing here; leave it out" });
            }
            Json::Boolean(value) => Value::Boolean(value),
            Json::Integer(value) => Value::Integer(value),
            Json::Number(value) => Value::Float(value),
            Json::Text(text) => Value::String(text),
            Json::List(list) => {
                let item = |(at, value): (usize, Json)| {
                    value.toml().map_err(|mut foreign| {
                        foreign.pointer = format!("/{at}{}", foreign.pointer);
                        foreign
                    })
                };
                Value::Array(list.into_iter().enumerate().map(item).collect::<Result<_, _>>()?)
            }
            Json::Object(members) => Value::Table(Self::table(members)?),
        })
    }
}

/// The JSON of a table; TOML's dates, which no channel has, become their text.
pub(crate) fn of_table(table: &Table) -> serde_json::Value {
    table.iter().map(|(name, value)| (name.clone(), of(value))).collect::<serde_json::Map<_, _>>().into()
}

fn of(value: &Value) -> serde_json::Value {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Integer(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Boolean(value) => (*value).into(),
        Value::Datetime(date) => date.to_string().into(),
        Value::Array(list) => list.iter().map(of).collect::<Vec<_>>().into(),
        Value::Table(table) => of_table(table),
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        i64::try_from(value).map(Json::Integer).map_err(|_| E::custom(format!("{value} is too large")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = entries.next_entry::<String, Json>()? {
            if members.contains_key(&name) {
                let shown: String = name.chars().take(64).collect();
                return Err(A::Error::custom(format!("`{shown}` comes twice")));
            }
            members.insert(name, value);
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Json {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn a_merge_patch_does_what_its_standard_shows() {
        for (before, patch, after) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":"foo"}"#, r#"{"a":{"b":{"c":null}}}"#, r#"{"a":{"b":{}}}"#),
            (r#"["a"]"#, r#"{"a":"b"}"#, r#"{"a":"b"}"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        ] {
            assert_eq!(read(before).patched(read(patch)), read(after), "{before} {patch}");
        }
    }

    #[test]
    fn what_json_allows_and_a_workflow_file_does_not_is_refused() {
        assert!(serde_json::from_str::<Json>(r#"{"a":1,"a":2}"#).is_err());
        assert!(serde_json::from_str::<Json>("18446744073709551615").is_err());
        let Json::Object(members) = read(r#"{"a":[1,{"b/c":null}]}"#) else { panic!("an object") };
        assert_eq!(Json::table(members).expect_err("null").pointer, "/a/1/b~1c");
    }

    proptest! {
        #[test]
        fn a_table_survives_json_and_toml(text in r#"\{("[a-z\\"]{0,3}":(-?[0-9]{1,9}|"\PC{0,4}"|\[true,\{\}\]|1.5),?){0,4}"#) {
            let text = text.trim_end_matches(',').to_owned() + "}";
            if let Ok(Json::Object(members)) = serde_json::from_str::<Json>(&text) {
                let table = Json::table(members).expect("no null");
                let again: Json = serde_json::from_str(&of_table(&table).to_string()).expect("JSON");
                let Json::Object(again) = again else { panic!("an object") };
                prop_assert_eq!(&Json::table(again).expect("no null"), &table);
                let read: Table = table.to_string().parse().expect("TOML");
                prop_assert_eq!(read, table);
            }
        }
    }
}
