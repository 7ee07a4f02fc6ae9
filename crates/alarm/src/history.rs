//! What happened to alarms: two weeks of it, of bounded length.

use std::collections::VecDeque;

use media::Utc;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long an entry is kept, in microseconds: two weeks, as CloudWatch does.
pub const RETENTION_US: i64 = 14 * 86_400 * 1_000_000;
/// Most entries of all alarms; beyond it the oldest go. A thousand alarms that change twice an hour fill it in two days.
pub const MAX_ITEMS: usize = 100_000;

/// What an entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryKind {
    /// An alarm was made, changed or deleted.
    ConfigurationUpdate,
    /// Its state changed.
    StateUpdate,
    /// Something was done.
    Action,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryItem {
    /// When it happened.
    pub at: Utc,
    /// The alarm's name.
    pub alarm: String,
    /// What it tells of.
    pub kind: HistoryKind,
    /// In words.
    pub summary: String,
    /// As JSON.
    pub data: String,
}

impl HistoryItem {
    /// An action was done, or failed with a reason.
    pub fn of_action(at: Utc, alarm: &str, arn: &str, outcome: Result<(), &str>) -> HistoryItem {
        let summary = match outcome {
            Ok(()) => format!("Successfully executed action {arn}"),
            Err(error) => format!("Failed to execute action {arn}. Received error: \"{error}\""),
        };
        let data = json!({
            "actionState": if outcome.is_ok() { "Succeeded" } else { "Failed" },
            "notificationResource": arn,
            "error": outcome.err(),
            "version": "1.0",
        });
        HistoryItem {
            at,
            alarm: alarm.to_owned(),
            kind: HistoryKind::Action,
            summary,
            data: data.to_string(),
        }
    }

    /// An alarm was made, changed or deleted; `what` is `created`, `updated` or `deleted`, and the definition is JSON.
    pub fn of_configuration(at: Utc, alarm: &str, what: &str, definition: &serde_json::Value) -> HistoryItem {
        let kind = match what {
            "created" => "Create",
            "deleted" => "Delete",
            _ => "Update",
        };
        let member = if what == "deleted" {
            "deletedAlarm"
        } else if what == "created" {
            "createdAlarm"
        } else {
            "updatedAlarm"
        };
        let data = json!({ "version": "1.0", "type": kind, member: definition });
        let summary = format!("Alarm \"{alarm}\" {what}");
        HistoryItem {
            at,
            alarm: alarm.to_owned(),
            kind: HistoryKind::ConfigurationUpdate,
            summary,
            data: data.to_string(),
        }
    }
}

/// Entries of all alarms, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    items: VecDeque<HistoryItem>,
    dropped: u64,
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter<'a> {
    /// Of this alarm alone.
    pub alarm: Option<&'a str>,
    /// Of this kind alone.
    pub kind: Option<HistoryKind>,
    /// At or after this.
    pub from: Option<Utc>,
    /// Before this.
    pub until: Option<Utc>,
}

impl History {
    /// Adds an entry; what is too old, or too much, goes.
    pub fn push(&mut self, item: HistoryItem) {
        let oldest = Utc(item.at.0.saturating_sub(RETENTION_US));
        self.items.push_back(item);
        while self.items.front().is_some_and(|item| item.at < oldest) {
            self.items.pop_front();
        }
        if self.items.len() > MAX_ITEMS {
            self.items.pop_front();
            self.dropped += 1;
        }
    }

    /// The entries that are asked for, newest first.
    pub fn list<'a>(&'a self, filter: &'a HistoryFilter<'_>) -> impl Iterator<Item = &'a HistoryItem> {
        self.items.iter().rev().filter(move |item| {
            filter.alarm.is_none_or(|alarm| item.alarm == alarm)
                && filter.kind.is_none_or(|kind| item.kind == kind)
                && filter.from.is_none_or(|from| item.at >= from)
                && filter.until.is_none_or(|until| item.at < until)
        })
    }

    /// How many entries had to go before their time, since there were too many.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_listed_newest_first_and_go_after_two_weeks() {
        let mut history = History::default();
        let item = |at, alarm: &str| HistoryItem::of_action(Utc(at), alarm, "arn:x", Ok(()));
        history.push(item(0, "a"));
        history.push(item(1, "b"));
        history.push(item(2, "a"));
        let of = |history: &History, filter: HistoryFilter<'_>| {
            history.list(&filter).map(|i| i.at.0).collect::<Vec<_>>()
        };
        assert_eq!(of(&history, HistoryFilter { alarm: Some("a"), ..Default::default() }), [2, 0]);
        assert_eq!(
            of(&history, HistoryFilter { from: Some(Utc(1)), until: Some(Utc(2)), ..Default::default() }),
            [1]
        );
        assert!(
            of(&history, HistoryFilter { kind: Some(HistoryKind::StateUpdate), ..Default::default() })
                .is_empty()
        );
        history.push(item(RETENTION_US + 2, "a"));
        assert_eq!(of(&history, HistoryFilter::default()), [RETENTION_US + 2, 2]);
    }

    #[test]
    fn a_failed_action_says_why() {
        let item = HistoryItem::of_action(Utc(0), "a", "arn:x", Err("no such topic"));
        assert_eq!(item.summary, "Failed to execute action arn:x. Received error: \"no such topic\"");
        assert!(item.data.contains(r#""actionState":"Failed""#));
    }

    #[test]
    fn the_history_is_bounded_and_counts_what_it_lost() {
        let mut history = History::default();
        for at in 0..MAX_ITEMS as i64 + 3 {
            history.push(HistoryItem::of_action(Utc(at), "a", "arn:x", Ok(())));
        }
        assert_eq!(history.list(&HistoryFilter::default()).count(), MAX_ITEMS);
        assert_eq!(history.dropped(), 3);
    }
}
