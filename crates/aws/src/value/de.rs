//! Typed views: a handler derives `Deserialize` for the part it acts on, and keeps the value for the rest.

use std::fmt::Display;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::{Map, Value};

/// A view that does not fit the value. What the description allows should fit, so it is mostly the view's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Mismatch(String);

impl serde::de::Error for Mismatch {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl Value {
    /// A typed view of it. Dates become `media::Utc`, or whole microseconds since 1970; bytes what takes bytes.
    pub fn view<'v, T: Deserialize<'v>>(&'v self) -> Result<T, Mismatch> {
        T::deserialize(self)
    }
}

impl Map {
    /// A typed view of it.
    pub fn view<'v, T: Deserialize<'v>>(&'v self) -> Result<T, Mismatch> {
        T::deserialize(self)
    }

    fn deserializer(&self) -> MapDeserializer<'_, impl Iterator<Item = (BorrowedStr<'_>, &Value)>, Mismatch> {
        MapDeserializer::new(self.iter().map(|(key, value)| (BorrowedStr(key), value)))
    }
}

struct BorrowedStr<'v>(&'v str);

impl<'v> IntoDeserializer<'v, Mismatch> for BorrowedStr<'v> {
    type Deserializer = BorrowedStrDeserializer<'v, Mismatch>;

    fn into_deserializer(self) -> Self::Deserializer {
        BorrowedStrDeserializer::new(self.0)
    }
}

impl<'v> IntoDeserializer<'v, Mismatch> for &'v Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'v> Deserializer<'v> for &'v Map {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_map(self.deserializer())
    }

    forward_to_deserialize_any! {
        <W: Visitor<'v>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'v> Deserializer<'v> for &'v Value {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(small), _) => visitor.visit_i64(small),
                (_, Ok(large)) => visitor.visit_u64(large),
                _ => visitor.visit_i128(*value),
            },
            Value::Double(value) => visitor.visit_f64(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Blob(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::Timestamp(date) => visitor.visit_i64(date.0),
            Value::List(list) => visitor.visit_seq(SeqDeserializer::new(list.iter())),
            Value::Map(map) => visitor.visit_map(map.deserializer()),
        }
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    /// Text names a variant without content; a structure with one member is a variant with that content (a union).
    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self {
            Value::String(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            Value::Map(map) if map.len() == 1 => {
                let (key, value) = map.iter().next().expect("it holds one");
                visitor.visit_enum(Union { key, value })
            }
            other => Err(Mismatch(format!("expected a choice, found {}", other.kind()))),
        }
    }

    forward_to_deserialize_any! {
        <W: Visitor<'v>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Union<'v> {
    key: &'v str,
    value: &'v Value,
}

impl<'v> EnumAccess<'v> for Union<'v> {
    type Error = Mismatch;
    type Variant = &'v Value;

    fn variant_seed<S: DeserializeSeed<'v>>(self, seed: S) -> Result<(S::Value, &'v Value), Mismatch> {
        Ok((seed.deserialize(BorrowedStrDeserializer::<Mismatch>::new(self.key))?, self.value))
    }
}

impl<'v> VariantAccess<'v> for &'v Value {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'v>>(self, seed: S) -> Result<S::Value, Mismatch> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'v>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'v>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_any(visitor)
    }
}

#[cfg(test)]
mod tests {
    use media::Utc;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input<'v> {
        name: &'v str,
        #[serde(default)]
        tags: Vec<String>,
        created: Option<Utc>,
        mode: Option<Mode>,
        start: Option<Start>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Mode {
        #[serde(rename = "LIVE")]
        Live,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Start {
        Fixed { at: i32 },
    }

    #[test]
    fn a_view_reads_its_part_and_leaves_the_rest() {
        let value = Map::new()
            .with("Name", "one")
            .with("Created", Utc(5))
            .with("Mode", "LIVE")
            .with("Start", Map::new().with("Fixed", Map::new().with("at", 7)))
            .with("Unlooked", vec![Value::from(1.5)]);
        let expected = Input {
            name: "one",
            tags: vec![],
            created: Some(Utc(5)),
            mode: Some(Mode::Live),
            start: Some(Start::Fixed { at: 7 }),
        };
        assert_eq!(value.view(), Ok(expected));
    }

    #[test]
    fn a_view_that_does_not_fit_says_where() {
        let fault = Map::new().with("Name", 3).view::<Input<'_>>().expect_err("a name is text");
        assert_eq!(fault.to_string(), "invalid type: integer `3`, expected a borrowed string");
    }
}
