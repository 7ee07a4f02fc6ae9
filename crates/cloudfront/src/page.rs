//! Lists by `Marker` and `MaxItems`.

use aws::{Error, Map, Value};

use crate::error::invalid;

/// Which part of a list is asked for.
pub(crate) struct Asked {
    /// What the part begins behind; empty for the first.
    pub(crate) marker: String,
    /// How many at most, 1 to 1,000.
    pub(crate) most: usize,
}

impl Asked {
    pub(crate) fn of(input: &Map) -> Result<Self, Error> {
        let most = match input.text("MaxItems") {
            None | Some("") => 100,
            Some(text) => text
                .parse()
                .ok()
                .filter(|most| (1..=1_000).contains(most))
                .ok_or_else(|| invalid(format!("MaxItems is 1 to 1000, not `{text}`")))?,
        };
        Ok(Self { marker: input.text("Marker").unwrap_or_default().to_owned(), most })
    }

    /// The part of `all`, each with its id, in the order of the list.
    pub(crate) fn cut(&self, all: Vec<(String, Map)>) -> (Vec<Value>, Option<String>) {
        let start = match self.marker.as_str() {
            "" => 0,
            marker => all.iter().position(|(id, _)| id == marker).map_or(all.len(), |at| at + 1),
        };
        let next =
            all.get(start..).filter(|rest| rest.len() > self.most).map(|rest| rest[self.most - 1].0.clone());
        let items = all.into_iter().skip(start).take(self.most).map(|(_, map)| map.into()).collect();
        (items, next)
    }

    /// The list as an answer has it, with `Marker` and `IsTruncated`.
    pub(crate) fn list(&self, items: Vec<Value>, next: Option<String>) -> Map {
        let is_truncated = next.is_some();
        self.plain_list(items, next).with("Marker", self.marker.as_str()).with("IsTruncated", is_truncated)
    }

    /// The list as answers about policies have it.
    pub(crate) fn plain_list(&self, items: Vec<Value>, next: Option<String>) -> Map {
        let mut list = Map::new().with("MaxItems", self.most as u64).with("Quantity", items.len() as u64);
        if !items.is_empty() {
            list.insert("Items", items);
        }
        if let Some(next) = next {
            list.insert("NextMarker", next);
        }
        list
    }
}
