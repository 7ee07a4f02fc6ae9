//! A publisher that comes and goes.

use std::collections::VecDeque;
use std::time::Duration;

use media::Utc;

/// A session this long is none of a publisher that flaps, in µs.
const SHORT_US: i64 = 5_000_000;
/// This many short sessions within this time are flapping.
const SESSIONS: usize = 4;
const WITHIN_US: i64 = 10_000_000;
/// How long the next one then waits to be let in: it has to stay to be seen.
pub(crate) const HOLD: Duration = Duration::from_secs(2);

/// When a channel's last short sessions ended.
#[derive(Debug, Default)]
pub(crate) struct Flaps {
    ends: VecDeque<Utc>,
    is_raised: bool,
}

/// A change of the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Raised,
    Cleared,
}

impl Flaps {
    /// A session ended at `now`.
    pub(crate) fn ended(&mut self, began: Utc, now: Utc) {
        match now.0 - began.0 < SHORT_US {
            true => {
                self.ends.push_back(now);
                if self.ends.len() > SESSIONS {
                    self.ends.pop_front();
                }
            }
            false => self.ends.clear(),
        }
    }

    /// Whether the next session is to wait, [`HOLD`] from the end of the one before. Tells nothing.
    pub(crate) fn keeps_out(&self, now: Utc) -> bool {
        let last = self.ends.back().filter(|_| self.is_flapping(now));
        last.is_some_and(|last| now.0 - last.0 < HOLD.as_micros() as i64)
    }

    fn is_flapping(&self, now: Utc) -> bool {
        self.ends.len() == SESSIONS && self.ends.front().is_some_and(|first| now.0 - first.0 <= WITHIN_US)
    }

    /// Whether the publisher flaps; a change of that is told once.
    pub(crate) fn look(&mut self, now: Utc) -> (bool, Option<Told>) {
        let is_flapping = self.is_flapping(now);
        let told = match (self.is_raised, is_flapping) {
            (false, true) => Some(Told::Raised),
            (true, false) => Some(Told::Cleared),
            _ => None,
        };
        self.is_raised = is_flapping;
        (is_flapping, told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Utc {
        Utc((seconds * 1e6) as i64)
    }

    #[test]
    fn four_short_sessions_in_ten_seconds_are_flapping_until_ten_seconds_are_quiet() {
        let mut flaps = Flaps::default();
        for at in [1.0, 1.2, 1.4] {
            flaps.ended(s(at - 0.1), s(at));
            assert_eq!(flaps.look(s(at)), (false, None));
        }
        flaps.ended(s(1.5), s(1.6));
        assert_eq!(flaps.look(s(1.6)), (true, Some(Told::Raised)));
        flaps.ended(s(3.6), s(3.7));
        assert_eq!(flaps.look(s(3.7)), (true, None), "told once");
        assert_eq!(flaps.look(s(11.3)), (false, Some(Told::Cleared)));
    }

    #[test]
    fn the_next_session_waits_for_two_seconds_and_no_longer_than_it_flaps() {
        let mut flaps = Flaps::default();
        for at in [1.0, 2.0, 3.0] {
            flaps.ended(s(at - 0.1), s(at));
            assert!(!flaps.keeps_out(s(at)));
        }
        flaps.ended(s(9.4), s(9.5));
        assert!(flaps.keeps_out(s(9.6)) && flaps.keeps_out(s(11.0)));
        assert!(!flaps.keeps_out(s(11.1)), "the first of the four is over ten seconds ago");
        flaps.ended(s(9.6), s(9.7));
        assert!(flaps.keeps_out(s(11.6)));
        assert!(!flaps.keeps_out(s(11.8)), "it has waited, and flaps still");
        assert_eq!(flaps.look(s(11.8)), (true, Some(Told::Raised)));
    }

    #[test]
    fn a_session_that_stays_ends_it_and_slow_comings_and_goings_are_none() {
        let mut flaps = Flaps::default();
        for at in [1.0, 2.0, 3.0] {
            flaps.ended(s(at - 0.5), s(at));
        }
        flaps.ended(s(3.5), s(9.0));
        flaps.ended(s(9.0), s(9.5));
        assert_eq!(flaps.look(s(9.5)), (false, None));
        let mut flaps = Flaps::default();
        for minute in 0..10 {
            flaps.ended(s(60.0 * f64::from(minute)), s(60.0 * f64::from(minute) + 1.0));
            assert_eq!(flaps.look(s(60.0 * f64::from(minute) + 1.0)), (false, None));
        }
    }
}
