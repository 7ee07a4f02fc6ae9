//! What a request carries and an answer says, in any protocol.

mod de;
mod stored;

use std::borrow::Cow;

use bytes::Bytes;
use indexmap::IndexMap;
use media::Utc;

pub use de::Mismatch;

/// A member's or a map's key. Members' names are parts of the descriptions and cost nothing to copy.
pub type Key = Cow<'static, str>;

/// A value of a description's types. Structures and maps are both [`Map`]s: members by their names, not their wire names.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// A whole number of any size that protocols can write.
    Integer(i128),
    /// A number, NaN and the infinities among them.
    Double(f64),
    /// Text.
    String(String),
    /// Bytes, as they are: not base64.
    Blob(Bytes),
    /// A date, to the microsecond.
    Timestamp(Utc),
    /// Elements.
    List(Vec<Value>),
    /// Members of a structure, or a map's entries.
    Map(Map),
}

/// Entries by key, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Box<IndexMap<Key, Value>>); // boxed: a value is 32 bytes, not 96

impl Map {
    /// Without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one entry more, or another value for it.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.insert(key, value);
        self
    }

    /// Adds an entry; one that is there keeps its place and gets this value. Returns the value it had.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(key.into(), value.into())
    }

    /// Takes an entry out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key)
    }

    /// The value at a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The value at a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.get_mut(key)
    }

    /// The text at a key, where it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Value)> {
        self.0.iter()
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Map {
    type Item = (Key, Value);
    type IntoIter = indexmap::map::IntoIter<Key, Value>;

    fn into_iter(self) -> Self::IntoIter {
        (*self.0).into_iter()
    }
}

impl<K: Into<Key>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(Box::new(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
    }
}

impl Value {
    /// The text, where it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, where it is a structure or map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The elements, where it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "a whole number",
            Self::Double(_) => "a number",
            Self::String(_) => "a string",
            Self::Blob(_) => "bytes",
            Self::Timestamp(_) => "a date",
            Self::List(_) => "a list",
            Self::Map(_) => "a structure",
        }
    }
}

macro_rules! from {
    ($($type:ty => $value:ident => $made:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}
from! {
    bool => value => Self::Boolean(value);
    i32 => value => Self::Integer(value.into());
    i64 => value => Self::Integer(value.into());
    u16 => value => Self::Integer(value.into());
    u32 => value => Self::Integer(value.into());
    u64 => value => Self::Integer(value.into());
    f64 => value => Self::Double(value);
    &str => value => Self::String(value.to_owned());
    String => value => Self::String(value);
    Bytes => value => Self::Blob(value);
    Utc => value => Self::Timestamp(value);
    Map => value => Self::Map(value);
    Vec<Value> => value => Self::List(value);
}
