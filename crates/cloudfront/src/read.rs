//! Looks into inputs whose types the description has checked.

use aws::{Map, Value};

/// What a structure holds, by a path of members: `Restrictions.GeoRestriction.RestrictionType`.
pub(crate) fn at<'m>(map: &'m Map, path: &str) -> Option<&'m Value> {
    match path.split_once('.') {
        None => map.get(path),
        Some((first, rest)) => at(map.get(first)?.as_map()?, rest),
    }
}

/// Text; empty where there is none.
pub(crate) fn text<'m>(map: &'m Map, path: &str) -> &'m str {
    at(map, path).and_then(Value::as_str).unwrap_or("")
}

/// Whether a flag is set.
pub(crate) fn flag(map: &Map, path: &str) -> bool {
    at(map, path) == Some(&Value::Boolean(true))
}

/// A whole number.
pub(crate) fn number(map: &Map, path: &str) -> Option<i64> {
    match at(map, path)? {
        Value::Integer(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

/// The elements of a list in its `{Quantity, Items}`.
pub(crate) fn items<'m>(map: &'m Map, path: &str) -> &'m [Value] {
    at(map, &format!("{path}.Items")).and_then(Value::as_list).unwrap_or(&[])
}

/// The same where they are structures.
pub(crate) fn maps<'m>(map: &'m Map, path: &str) -> impl Iterator<Item = &'m Map> {
    items(map, path).iter().filter_map(Value::as_map)
}

/// The same where they are texts.
pub(crate) fn texts(map: &Map, path: &str) -> Vec<String> {
    items(map, path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A list in its `{Quantity, Items}`.
pub(crate) fn list(items: Vec<Value>) -> Map {
    let quantity = Map::new().with("Quantity", items.len() as u64);
    if items.is_empty() { quantity } else { quantity.with("Items", items) }
}

/// The same of texts.
pub(crate) fn words(words: &[&str]) -> Map {
    list(words.iter().map(|word| Value::from(*word)).collect())
}
