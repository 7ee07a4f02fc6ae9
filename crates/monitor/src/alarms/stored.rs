//! An alarm's documents in the store.

use alarm::{HistoryItem, Status};
use aws::Map;
use media::Utc;
use serde::{Deserialize, Serialize};
use store::Resource;

/// Most entries of an alarm's history; beyond it the oldest go.
pub(crate) const MAX_HISTORY: usize = 100;
/// Most bytes of an alarm's history.
const MAX_HISTORY_BYTES: usize = 200_000;
/// Longest data of an entry, as the API has it.
const MAX_DATA_BYTES: usize = 4095;
/// Most actions that wait to be done; beyond it the oldest fail.
const MAX_PENDING: usize = 20;

/// What is wanted: the members of PutMetricAlarm or PutCompositeAlarm, as they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Desired {
    pub(crate) is_composite: bool,
    pub(crate) members: Map,
    /// When they came.
    pub(crate) configured: Utc,
}

/// What has become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Observed {
    pub(crate) status: Status,
    /// Oldest first.
    pub(crate) history: Vec<HistoryItem>,
    /// Actions that are not done yet, oldest first.
    pub(crate) pending: Vec<Pending>,
}

/// An action to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) arn: String,
    pub(crate) subject: String,
    pub(crate) message: String,
}

impl Observed {
    /// That of a resource; of one that nothing was told of yet, what a new alarm has.
    pub(crate) fn of(resource: &Resource) -> Result<Observed, store::Error> {
        match &resource.observed {
            Some(document) => document.read(),
            None => Ok(Observed {
                status: Status::created(resource.created),
                history: Vec::new(),
                pending: Vec::new(),
            }),
        }
    }

    /// Adds an entry.
    pub(crate) fn enter(&mut self, mut item: HistoryItem) {
        if item.data.len() > MAX_DATA_BYTES {
            item.data = r#"{"version":"1.0"}"#.to_owned();
        }
        item.summary = item.summary.chars().take(255).collect();
        self.history.push(item);
    }

    /// Lets go of what is too old or too much.
    pub(crate) fn shorten(&mut self, now: Utc) {
        while self.pending.len() > MAX_PENDING {
            let lost = self.pending.remove(0);
            let name = self.history.last().map_or("", |item| item.alarm.as_str()).to_owned();
            self.enter(HistoryItem::of_action(
                now,
                &name,
                &lost.arn,
                Err("too many actions wait to be done"),
            ));
        }
        let oldest = now.plus_micros(-super::HISTORY_US);
        let mut bytes = 0;
        let kept = self.history.iter().rev().take(MAX_HISTORY).take_while(|item| {
            bytes += item.alarm.len() + item.summary.len() + item.data.len() + 100;
            item.at >= oldest && bytes <= MAX_HISTORY_BYTES
        });
        let gone = self.history.len() - kept.count();
        self.history.drain(..gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_bounded_in_age_number_and_bytes() {
        let mut observed =
            Observed { status: Status::created(Utc(0)), history: Vec::new(), pending: Vec::new() };
        let item = |at| HistoryItem::of_action(Utc(at), "a", "arn:x", Ok(()));
        (0..300).for_each(|at| observed.enter(item(at)));
        observed.shorten(Utc(300));
        assert_eq!(observed.history.len(), MAX_HISTORY);
        assert_eq!(observed.history[0].at, Utc(200));
        observed.shorten(Utc(299 + super::super::HISTORY_US));
        assert_eq!(observed.history.len(), 1);
        (0..100).for_each(|_| observed.enter(HistoryItem { data: "x".repeat(4000), ..item(299) }));
        observed.shorten(Utc(300));
        assert_eq!(observed.history.len(), 200_000 / (4000 + 1 + 100 + item(299).summary.len()));
        observed.enter(HistoryItem { data: "x".repeat(4096), ..item(300) });
        assert_eq!(observed.history.last().map(|item| item.data.as_str()), Some(r#"{"version":"1.0"}"#));
    }

    #[test]
    fn actions_that_wait_are_bounded_and_the_history_says_which_were_dropped() {
        let pending =
            |n: usize| Pending { arn: format!("arn:{n}"), subject: String::new(), message: String::new() };
        let mut observed = Observed {
            status: Status::created(Utc(0)),
            history: Vec::new(),
            pending: (0..22).map(pending).collect(),
        };
        observed.shorten(Utc(1));
        assert_eq!(observed.pending[0].arn, "arn:2");
        assert!(observed.history[1].summary.contains("arn:1"), "{}", observed.history[1].summary);
    }
}
