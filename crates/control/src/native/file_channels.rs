//! Channels of the workflow file: shown beside the API's own, and changed in the file alone.

use std::collections::BTreeMap;
use std::ops::Bound;

use door::Seen;
use serde_json::{Value as Json, json};
use toml::{Table, Value};

use super::problem::Problem;

/// By name: what the file says of each, without the name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FileChannels(BTreeMap<String, Table>);

/// Whether the API has a channel of a file's channel's name too. That one does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    Stored,
}

impl FileChannels {
    /// The channels of a workflow file's text; none where that is no TOML.
    pub(crate) fn read(workflow: &str) -> Self {
        let mut base: Table = workflow.parse().unwrap_or_default();
        let Some(Value::Array(list)) = base.remove("channel") else { return Self::default() };
        let named = |value| {
            let Value::Table(mut table) = value else { return None };
            let Value::String(name) = table.remove("name")? else { return None };
            Some((name, table))
        };
        Self(list.into_iter().filter_map(named).collect())
    }

    /// The settings of a channel that the file has.
    pub(crate) fn settings(&self, name: &str) -> Option<&Table> {
        self.0.get(name)
    }

    /// Channels by name, after `after` and up to `until`.
    pub(crate) fn between(&self, after: &str, until: Option<&str>) -> impl Iterator<Item = (&str, &Table)> {
        let range = self.0.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
        let range = range.take_while(move |(name, _)| until.is_none_or(|until| name.as_str() <= until));
        range.map(|(name, table)| (name.as_str(), table))
    }

    /// Refuses to change what is the file's.
    pub(crate) fn check_not_there(&self, name: &str) -> Result<(), Problem> {
        match self.0.contains_key(name) {
            false => Ok(()),
            true => Err(Problem::conflict(format!(
                "channel {name} belongs to the workflow file: change it there, and start `headwater up` with that"
            ))),
        }
    }
}

/// A channel of the file as the API's are shown, without its settings. It has no generation: the API does not change it.
pub(crate) fn view(name: &str, seen: &Seen, beside: Beside) -> Json {
    let runs = seen.channels.get(name).copied().unwrap_or_default();
    let problem = (beside == Beside::Stored)
        .then_some("the API has a channel of this name too, which does not run; DELETE removes that one");
    json!({
        "name": name,
        "owner": "file",
        "started": true,
        "state": if runs.is_on_air { "running" } else { "starting" },
        "problem": problem,
        "has_source": runs.has_source,
        "encoders": runs.encoders,
        "generation": 0,
        "observed_generation": 0,
        "created": null,
        "updated": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[listen]\nrtmp = \"127.0.0.1:1935\"\n\
        [[channel]]\nname = \"b\"\ninput = \"test\"\n[[channel]]\nname = \"a\"\ninput = { rtmp = \"live/a\" }\n";

    #[test]
    fn the_files_channels_come_by_name_and_within_bounds() {
        let file = FileChannels::read(FILE);
        let names = |after, until| file.between(after, until).map(|(name, _)| name).collect::<String>();
        assert_eq!(
            [names("", None), names("a", None), names("", Some("a")), names("b", None)],
            ["ab", "b", "a", ""]
        );
        assert_eq!(file.settings("b").map(|table| table.to_string()).as_deref(), Some("input = \"test\"\n"));
    }

    #[test]
    fn a_text_that_is_no_workflow_has_no_channels() {
        for text in
            ["", "[", "channel = 1", "[channel]\nname = \"a\"", "channel = [1]", "[[channel]]\nname = 1"]
        {
            assert_eq!(FileChannels::read(text), FileChannels::default(), "{text}");
        }
    }
}
