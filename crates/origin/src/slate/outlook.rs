//! When the origin shows slate.
//!
//! ```text
//! published --nothing came, and the slot's media is over due--> slate, slot by slot --media of a later slot--> published
//! ```

use media::{Grid, MediaTime, Timescale, Utc};

/// A slot that is late by this much is filled on low-latency channels, in microseconds. On others it may be late by a
/// segment: players there hold three target durations back.
const LOW_LATENCY_PATIENCE_US: i64 = 1_000_000;
/// While slate is shown the next slot is filled earlier, so that players keep what they have buffered; yet late enough
/// for an encoder that has come back to be first.
const SHOWN_PATIENCE_US: i64 = 500_000;
const SHOWN_LOW_LATENCY_PATIENCE_US: i64 = 400_000;
/// Somebody publishes while some byte of media came within this time: encoders send every half second, or each part.
const QUIET_US: i64 = 1_200_000;
const QUIET_LOW_LATENCY_US: i64 = 700_000;
/// An origin that has just begun gives publishers this long to come back to it.
const BEGIN_US: i64 = 3_000_000;
/// The same where the channel was away already: it begins with its publisher rather than with slate.
const BEGIN_ANEW_US: i64 = 12_000_000;
/// A hole longer than this and three slots stays one: nobody waits for what was to be seen then.
const HOLE_US: i64 = 10_000_000;

/// How a channel stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    pub(crate) grid: Grid,
    /// Longest part, on low-latency channels.
    pub(crate) part_us: Option<i64>,
    /// When a byte of media last came from a publisher; when the origin began, where none did.
    pub(crate) heard: Utc,
    /// When the origin began.
    pub(crate) began: Utc,
    /// Slate is what was shown last.
    pub(crate) shown: bool,
    /// End of what there is of the channel, and the slot that begins or goes on there.
    pub(crate) end: Utc,
    pub(crate) slot: i64,
}

/// What is to be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The rest of the slot that the channel's end lies in.
    Rest,
    /// This whole slot: what is before it stays a hole.
    Anew(i64),
}

impl Outlook {
    /// What is to be filled at `now`.
    pub(crate) fn due(self, now: Utc) -> Option<Due> {
        let is_low = self.part_us.is_some();
        let quiet = if is_low { QUIET_LOW_LATENCY_US } else { QUIET_US };
        if now.0 - self.heard.0 < quiet || (now.0 - self.began.0 < BEGIN_US && !self.shown) {
            return None;
        }
        let slot_us = i64::from(self.grid.duration_ms()) * 1_000;
        if now.0 - self.end.0 > HOLE_US + 3 * slot_us {
            let current = self.grid.slot(MediaTime::new(now.0, Timescale::MICROS));
            let slot = if is_low { current } else { current - 1 };
            let was_waited = now.0 - self.began.0 >= BEGIN_ANEW_US && now.0 - self.heard.0 >= BEGIN_ANEW_US;
            return was_waited.then_some(Due::Anew(slot));
        }
        // A standard channel's segment is due at its end, a low-latency channel's next part at its own.
        let (due, patience) = match (self.part_us, self.shown) {
            (Some(part_us), true) => (self.end.0 + part_us, SHOWN_LOW_LATENCY_PATIENCE_US),
            (Some(part_us), false) => (self.end.0 + part_us, LOW_LATENCY_PATIENCE_US),
            (None, true) => (self.slot_end(), SHOWN_PATIENCE_US),
            (None, false) => (self.slot_end(), slot_us),
        };
        (now.0 >= due + patience).then_some(Due::Rest)
    }

    const fn slot_end(self) -> i64 {
        self.grid.start(self.slot + 1, Timescale::MICROS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid::new(2_000);
    /// A slot that begins at second 1,000,000.
    const SLOT: i64 = 500_000;

    /// Nothing is there from the slot's start on, and nothing came since.
    fn outlook(part_us: Option<i64>, shown: bool) -> Outlook {
        let end = Utc(1_000_000_000_000);
        Outlook { grid: GRID, part_us, heard: end, began: Utc(0), shown, end, slot: SLOT }
    }

    /// Milliseconds after the slot's start at which it is filled.
    fn filled_at(outlook: Outlook) -> Option<(i64, Due)> {
        (0..60_000).step_by(100).find_map(|ms| Some((ms, outlook.due(outlook.end.plus_micros(ms * 1_000))?)))
    }

    #[test]
    fn a_slot_is_filled_a_segment_after_it_was_due_and_the_next_ones_sooner() {
        assert_eq!(filled_at(outlook(None, false)), Some((4_000, Due::Rest)));
        assert_eq!(filled_at(outlook(None, true)), Some((2_500, Due::Rest)));
        assert_eq!(filled_at(outlook(Some(300_000), false)), Some((1_300, Due::Rest)));
        assert_eq!(filled_at(outlook(Some(300_000), true)), Some((700, Due::Rest)));
    }

    #[test]
    fn whoever_publishes_is_waited_for() {
        let heard = |ms: i64| Outlook { heard: Utc(1_000_000_000_000 + ms * 1_000), ..outlook(None, true) };
        assert_eq!(filled_at(heard(2_400)), Some((3_600, Due::Rest)));
    }

    #[test]
    fn an_origin_that_has_just_begun_waits_for_publishers() {
        let began =
            Outlook { began: Utc(1_000_003_000_000), heard: Utc(1_000_003_000_000), ..outlook(None, false) };
        assert_eq!(filled_at(began), Some((6_000, Due::Rest)));
        // It was down for an hour.
        let began = Utc(1_003_600_000_000);
        let long = Outlook { began, heard: began, ..outlook(None, false) };
        assert_eq!(long.due(began.plus_micros(11_900_000)), None);
        assert_eq!(long.due(began.plus_micros(12_000_000)), Some(Due::Anew(SLOT + 1_805)));
    }
}
