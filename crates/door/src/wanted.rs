//! What a door's resources ask to run.

use toml::{Table, Value};

/// What a door's resources ask to run, as tables of a workflow file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// `[[channel]]`.
    pub channels: Vec<Table>,
    /// `[[endpoint]]`.
    pub endpoints: Vec<Table>,
    /// `[[distribution]]`.
    pub distributions: Vec<Table>,
}

/// A table of these entries.
pub fn table<V: Into<Value>>(entries: impl IntoIterator<Item = (&'static str, V)>) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}
