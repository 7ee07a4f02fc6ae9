//! The workflow file and what every door wants, as one workflow.
//!
//! Pure. What the file has stays as it is. Of what the doors want everything comes in that `spec` takes beside the rest; what it
//! refuses is left out, with the reason, so that one bad channel takes no other down.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use door::Wanted;
use spec::{Fault, Workflow};
use toml::{Table, Value};

/// One workflow, and what is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composed {
    /// A workflow file's text. Where nothing at all is wanted it holds no channel.
    pub text: String,
    /// By name: why it was left out.
    pub refused: BTreeMap<String, String>,
}

/// The tables that doors add to.
const KINDS: [&str; 3] = ["channel", "endpoint", "distribution"];

/// A table that is wanted.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// Its place in [`KINDS`].
    kind: usize,
    name: String,
    table: Table,
    /// [`Self::table`]'s text: entries are in its order, after their names.
    text: String,
}

impl Entry {
    fn new(kind: usize, table: Table) -> Self {
        let named = ["name", "id"].iter().find_map(|key| table.get(*key)).and_then(Value::as_str);
        let text = table.to_string();
        Self { kind, name: named.unwrap_or("(without a name)").to_owned(), table, text }
    }
}

/// Puts `wanted` to what `file` (a workflow file's text, or nothing) has.
///
/// The order of `wanted` says nothing, and composing the outcome with the same again changes nothing. Of two channels of one name
/// the file's stays; among doors, one that takes pushed CMAF gives way to one that makes the pictures, which gets its settings where it
/// has none. A file that is no TOML comes back as it is, and nothing is added.
pub fn compose(file: &str, wanted: Vec<Wanted>) -> Composed {
    let mut refused = BTreeMap::new();
    let entries = gathered(wanted, &mut refused);
    let base: Table = match file.parse() {
        Ok(base) => base,
        Err(_) => return all_refused(file.to_owned(), entries, refused, "the workflow file cannot be read"),
    };
    let Some(counts) = counts(&base) else {
        return all_refused(base.to_string(), entries, refused, "the workflow file is not valid");
    };
    let mut entries = beside_the_file(&base, entries, &mut refused);
    let text = merged(&base, &entries);
    if Workflow::parse(&text).is_ok() {
        return Composed { text, refused };
    }
    entries.retain(|entry| match alone(entry) {
        None => true,
        Some(why) => {
            refused.insert(entry.name.clone(), why);
            false
        }
    });
    while (counts[0] + entries.iter().filter(|entry| entry.kind == 0).count()) > Workflow::MAX_CHANNELS {
        let Some(at) = entries.iter().rposition(|entry| entry.kind == 0) else { break };
        let entry = entries.remove(at);
        refused.insert(entry.name, format!("one machine runs at most {} channels", Workflow::MAX_CHANNELS));
    }
    loop {
        let text = merged(&base, &entries);
        let Err(fault) = Workflow::parse(&text) else { return Composed { text, refused } };
        if entries.is_empty() {
            // The file's own fault, or an empty workflow.
            return Composed { text, refused };
        }
        let blamed = blamed(&fault, &counts, &entries);
        if blamed.is_empty() {
            return all_refused(base.to_string(), entries, refused, &fault.message);
        }
        // From the last on, so that the places of those before stay.
        for at in blamed.into_iter().rev() {
            let entry = entries.remove(at);
            refused.insert(entry.name, fault.message.clone());
        }
    }
}

/// What is wanted, in order, each name of a channel once.
fn gathered(wanted: Vec<Wanted>, refused: &mut BTreeMap<String, String>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = wanted
        .into_iter()
        .flat_map(|Wanted { channels, endpoints, distributions }| {
            [channels, endpoints, distributions].into_iter().enumerate()
        })
        .flat_map(|(kind, tables)| tables.into_iter().map(move |table| Entry::new(kind, table)))
        .collect();
    entries.sort_by(|a, b| (a.kind, &a.name, &a.text).cmp(&(b.kind, &b.name, &b.text)));
    entries.dedup();
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut rest = entries.into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut same = vec![first];
        while let Some(next) =
            rest.next_if(|next| next.kind == 0 && same[0].kind == 0 && next.name == same[0].name)
        {
            same.push(next);
        }
        kept.push(one_of(same, refused));
    }
    kept
}

/// The one of several wishes for a channel.
fn one_of(mut same: Vec<Entry>, refused: &mut BTreeMap<String, String>) -> Entry {
    let is_pushed = |entry: &Entry| entry.table.get("input").and_then(Value::as_str) == Some("cmaf");
    let at = same.iter().position(|entry| !is_pushed(entry)).unwrap_or(0);
    let Entry { kind, name, mut table, .. } = same.remove(at);
    for other in same {
        if !is_pushed(&other) {
            refused.insert(
                name.clone(),
                "something else is wanted of this channel too; that it is left out".to_owned(),
            );
            continue;
        }
        for (key, value) in other.table {
            table.entry(key).or_insert(value);
        }
    }
    let text = table.to_string();
    Entry { kind, name, table, text }
}

/// Without what the file has already, or has otherwise.
fn beside_the_file(base: &Table, entries: Vec<Entry>, refused: &mut BTreeMap<String, String>) -> Vec<Entry> {
    let has = |entry: &Entry| tables(base, KINDS[entry.kind]).any(|table| *table == entry.table);
    let names = |entry: &Entry| {
        entry.kind == 0
            && tables(base, KINDS[0])
                .any(|table| table.get("name").and_then(Value::as_str) == Some(&entry.name))
    };
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        if has(&entry) {
            continue;
        }
        if names(&entry) {
            refused.insert(entry.name, "the workflow file has a channel of this name".to_owned());
            continue;
        }
        kept.push(entry);
    }
    kept
}

fn tables<'b>(base: &'b Table, kind: &str) -> impl Iterator<Item = &'b Table> {
    base.get(kind).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

/// How many of each kind the file has; `None` where one is no list.
fn counts(base: &Table) -> Option<[usize; KINDS.len()]> {
    let mut counts = [0; KINDS.len()];
    for (count, kind) in counts.iter_mut().zip(KINDS) {
        *count = match base.get(kind) {
            None => 0,
            Some(Value::Array(list)) => list.len(),
            Some(_) => return None,
        };
    }
    Some(counts)
}

/// What is wrong with a channel by itself.
fn alone(entry: &Entry) -> Option<String> {
    if entry.kind != 0 {
        return None;
    }
    let text = merged(&Table::new(), std::slice::from_ref(entry));
    Workflow::parse(&text).err().map(|fault| told(&fault))
}

/// A fault of the one channel of a workflow: its field without the channel's place.
pub(crate) fn told(fault: &Fault) -> String {
    match fault.field.strip_prefix("channel[0]").unwrap_or(&fault.field).trim_start_matches('.') {
        "" => fault.message.clone(),
        field => format!("{field}: {}", fault.message),
    }
}

fn merged(base: &Table, entries: &[Entry]) -> String {
    let mut whole = base.clone();
    for entry in entries {
        let list = whole.entry(KINDS[entry.kind]).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::Table(entry.table.clone()));
        }
    }
    whole.to_string()
}

/// The entries a fault is about, by their places, rising.
fn blamed(fault: &Fault, counts: &[usize; KINDS.len()], entries: &[Entry]) -> Vec<usize> {
    for (kind, name) in KINDS.into_iter().enumerate() {
        let Some(rest) = fault.field.strip_prefix(name) else { continue };
        let mut of_kind =
            entries.iter().enumerate().filter(|(_, entry)| entry.kind == kind).map(|(at, _)| at);
        if rest.is_empty() {
            return of_kind.collect();
        }
        let Some((place, _)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else { continue };
        let place = place.parse::<usize>().ok().and_then(|place| place.checked_sub(counts[kind]));
        return place.and_then(|place| of_kind.nth(place)).into_iter().collect();
    }
    Vec::new()
}

fn all_refused(
    text: String,
    entries: Vec<Entry>,
    mut refused: BTreeMap<String, String>,
    why: &str,
) -> Composed {
    refused.extend(entries.into_iter().map(|entry| (entry.name, why.to_owned())));
    Composed { text, refused }
}
