//! A structure of a request, and where it stands in it.

use aws::{Map, Value};

/// Why a setting is refused, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// Its place in names of the wire: `/encoderSettings/outputGroups/0/name`.
    pub(crate) path: String,
    /// What would be right.
    pub(crate) message: String,
}

/// A structure, and its place in the request.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub(crate) map: &'a Map,
    path: String,
}

impl<'a> At<'a> {
    /// The request itself.
    pub(crate) fn root(map: &'a Map) -> Self {
        Self { map, path: String::new() }
    }

    /// Where a member of it stands, whether or not it is there.
    pub(crate) fn path(&self, member: &str) -> String {
        format!("{}/{}", self.path, wire(member))
    }

    /// The text of a member.
    pub(crate) fn text(&self, member: &str) -> Option<&'a str> {
        self.map.text(member)
    }

    /// The text of a member, where it is more than nothing.
    pub(crate) fn filled(&self, member: &str) -> Option<&'a str> {
        self.text(member).filter(|text| !text.is_empty())
    }

    /// The whole number of a member.
    pub(crate) fn integer(&self, member: &str) -> Option<i64> {
        match self.map.get(member)? {
            Value::Integer(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The number of a member, whole or not.
    pub(crate) fn number(&self, member: &str) -> Option<f64> {
        match self.map.get(member)? {
            Value::Integer(number) => Some(*number as f64),
            Value::Double(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether a member is there.
    pub(crate) fn has(&self, member: &str) -> bool {
        self.map.get(member).is_some()
    }

    /// The structure of a member.
    pub(crate) fn at(&self, member: &str) -> Option<At<'a>> {
        let map = self.map.get(member)?.as_map()?;
        Some(At { map, path: self.path(member) })
    }

    /// The structures in the list of a member.
    pub(crate) fn each(&self, member: &str) -> Vec<At<'a>> {
        let list = self.map.get(member).and_then(Value::as_list).unwrap_or_default();
        let base = self.path(member);
        let at = |(index, value): (usize, &'a Value)| {
            Some(At { map: value.as_map()?, path: format!("{base}/{index}") })
        };
        list.iter().enumerate().filter_map(at).collect()
    }

    /// The texts in the list of a member, each with its place.
    pub(crate) fn texts(&self, member: &str) -> Vec<(String, &'a str)> {
        let list = self.map.get(member).and_then(Value::as_list).unwrap_or_default();
        let base = self.path(member);
        let at = |(index, value): (usize, &'a Value)| Some((format!("{base}/{index}"), value.as_str()?));
        list.iter().enumerate().filter_map(at).collect()
    }

    /// A complaint about a member.
    pub(crate) fn invalid(&self, member: &str, message: impl Into<String>) -> Invalid {
        Invalid { path: self.path(member), message: message.into() }
    }
}

/// A member's name on the wire: MediaLive's begin in lower case.
pub(crate) fn wire(member: &str) -> String {
    let mut signs = member.chars();
    signs.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + signs.as_str())
}
