//! Lists in pages: a marker is the name of the last item of the page before.

use aws::{Map, Value};

/// Items of a page, where the client does not say how many.
const DEFAULT: usize = 100;
/// Most.
const MOST: usize = 1_000;

/// The answer with a page of `items`, which come by name.
pub(crate) fn answer(
    input: &Map,
    member: &'static str,
    items: impl IntoIterator<Item = (String, Value)>,
) -> Map {
    let after = input.text("Marker").unwrap_or_default();
    let limit = match input.get("MaxItems") {
        Some(Value::Integer(most)) => usize::try_from(*most).unwrap_or(DEFAULT).clamp(1, MOST),
        _ => DEFAULT,
    };
    let mut page: Vec<_> =
        items.into_iter().filter(|(name, _)| name.as_str() > after).take(limit + 1).collect();
    let is_truncated = page.len() > limit;
    page.truncate(limit);
    let last = page.last().map(|(name, _)| name.clone());
    let items: Vec<Value> = page.into_iter().map(|(_, item)| item).collect();
    let answer = Map::new().with(member, items).with("IsTruncated", is_truncated);
    match last.filter(|_| is_truncated) {
        Some(last) => answer.with("Marker", last),
        None => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_behind_their_marker_until_all_is_told() {
        let items = || ["a", "b", "c"].map(|name| (name.to_owned(), Value::from(name)));
        let first = answer(&Map::new().with("MaxItems", 2), "Users", items());
        let expected = Map::new()
            .with("Users", vec![Value::from("a"), Value::from("b")])
            .with("IsTruncated", true)
            .with("Marker", "b");
        assert_eq!(first, expected);
        let second = answer(&Map::new().with("MaxItems", 2).with("Marker", "b"), "Users", items());
        assert_eq!(second, Map::new().with("Users", vec![Value::from("c")]).with("IsTruncated", false));
        assert_eq!(answer(&Map::new(), "Users", items()).get("IsTruncated"), Some(&Value::from(false)));
    }
}
