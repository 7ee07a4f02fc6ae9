mod outputs;
mod sources;

use std::collections::BTreeMap;

use aws::{Map, Value};
use expect_test::Expect;

use super::samples::{feeds, full, rtmp, set};
use super::{Feed, Shown, complete, table};
use crate::endpoint::Reach;
use crate::settings;

/// The table as text, or what is refused.
fn told(settings: &Map, feeds: &BTreeMap<String, Feed>, shown: Shown<'_>) -> String {
    let refused = settings::check("CreateChannelRequest", settings);
    if !refused.is_empty() {
        return refused.iter().map(|invalid| format!("{}: {}\n", invalid.path, invalid.message)).collect();
    }
    let mut settings = settings.clone();
    complete(&mut settings, feeds.values().any(|feed| feed.endpoints.len() > 1));
    match table("7654321", &settings, feeds, shown, Reach::Public) {
        Ok(table) => toml::to_string(&table).expect("text"),
        Err(invalid) => format!("{}: {}\n", invalid.path, invalid.message),
    }
}

fn check(settings: &Map, feeds: &BTreeMap<String, Feed>, expected: Expect) {
    expected.assert_eq(&told(settings, feeds, Shown::First));
}

/// The full channel with one setting changed is refused so.
fn refused(place: &str, value: impl Into<Value>, expected: &str) {
    let mut settings = full();
    set(&mut settings, place, value);
    assert_eq!(told(&settings, &feeds(&rtmp(&["live/a"])), Shown::First), format!("{expected}\n"), "{place}");
}
