//! The latest events, and how many there were.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

use daemon::events::{Event, State};

/// Events kept; the oldest goes.
const MAX_KEPT: usize = 1_000;
/// Names that are counted each for itself; further ones are `other`. Roles have a few dozen.
const MAX_NAMES: usize = 256;

/// An event and its place in the row: counted from 1 since the supervisor started.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) event: Event,
}

#[derive(Debug, Default)]
pub(crate) struct Kept {
    latest: VecDeque<Arc<Numbered>>,
    last_number: u64,
    counts: BTreeMap<(String, State), u64>,
    lost: u64,
}

impl Kept {
    /// One more.
    pub(crate) fn add(&mut self, event: Event) -> Arc<Numbered> {
        self.lost += event.details.get("lost_before").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let key = (event.event.clone(), event.state);
        let is_known = self.counts.contains_key(&key) || self.counts.len() < MAX_NAMES;
        let key = if is_known { key } else { ("other".to_owned(), event.state) };
        *self.counts.entry(key).or_default() += 1;
        self.last_number += 1;
        let numbered = Arc::new(Numbered { number: self.last_number, event });
        if self.latest.len() == MAX_KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(numbered.clone());
        numbered
    }

    /// Those after `number` that are still kept, oldest first.
    pub(crate) fn after(&self, number: u64) -> Vec<Arc<Numbered>> {
        self.latest.iter().filter(|kept| kept.number > number).cloned().collect()
    }

    /// Metrics as OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut text = "# HELP headwater_supervisor_events Events of all roles\n\
                        # TYPE headwater_supervisor_events counter\n"
            .to_owned();
        for ((event, state), count) in &self.counts {
            let state = state.as_str();
            writeln!(
                text,
                "headwater_supervisor_events_total{{event=\"{event}\",state=\"{state}\"}} {count}"
            )
            .expect("strings take text");
        }
        writeln!(
            text,
            "# HELP headwater_supervisor_events_lost Events that roles had no room for\n\
             # TYPE headwater_supervisor_events_lost counter\n\
             headwater_supervisor_events_lost_total {}",
            self.lost
        )
        .expect("strings take text");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, state: State) -> Event {
        Event {
            time: "2026-11-26T20:22:05.363Z".to_owned(),
            role: "encoder".to_owned(),
            channel: None,
            event: name.to_owned(),
            state,
            message: String::new(),
            details: BTreeMap::new(),
        }
    }

    #[test]
    fn the_latest_thousand_are_kept_and_numbers_go_on() {
        let mut kept = Kept::default();
        for _ in 0..2_500 {
            kept.add(event("fill", State::Raised));
        }
        let all = kept.after(0);
        assert_eq!((all.len(), all[0].number, all[999].number), (MAX_KEPT, 1_501, 2_500));
        assert_eq!(kept.after(2_498).len(), 2);
        assert!(kept.after(2_500).is_empty());
    }

    #[test]
    fn each_kind_and_state_is_counted_and_labels_do_not_grow_for_ever() {
        let mut kept = Kept::default();
        kept.add(event("fill", State::Raised));
        kept.add(event("fill", State::Cleared));
        kept.add(event("fill", State::Raised));
        let text = kept.text();
        assert!(
            text.contains("headwater_supervisor_events_total{event=\"fill\",state=\"raised\"} 2\n"),
            "{text}"
        );
        assert!(
            text.contains("headwater_supervisor_events_total{event=\"fill\",state=\"cleared\"} 1\n"),
            "{text}"
        );
        for n in 0..2 * MAX_NAMES {
            kept.add(event(&format!("e{n}"), State::Happened));
        }
        let text = kept.text();
        assert!(text.contains("{event=\"other\",state=\"happened\"}"), "{text}");
        assert!(text.lines().count() <= MAX_NAMES + 10);
    }
}
