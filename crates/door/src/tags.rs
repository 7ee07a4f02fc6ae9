//! Tags where an API writes them as a map.

use aws::{Map, Value};
use store::Tags;

/// The tags of an input's member; none where it is missing.
pub fn tags(member: Option<&Value>) -> Tags {
    let entries = member.and_then(Value::as_map).into_iter().flat_map(Map::iter);
    entries.filter_map(|(key, value)| Some((key.to_string(), value.as_str()?.to_owned()))).collect()
}

/// Tags as clients read them.
pub fn tag_map(tags: &Tags) -> Map {
    tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}
