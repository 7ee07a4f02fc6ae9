//! What an output frame shows when its source picture has not come, and how long it waits for one.
//!
//! ```text
//! picture --one frame late--> the last picture again --repeat--> black --black--> slate, until a picture comes
//!                             before the first picture ever: slate
//! ```

use spec::Latency;

pub(crate) use crate::metrics::Shown;

/// How long a frame waits for its picture after its own time, in nanoseconds: longer than publishers' pictures jitter,
/// shorter than a player's buffer. In low latency viewers notice sooner.
const GRACE_NS: i64 = 500_000_000;
const LOW_LATENCY_GRACE_NS: i64 = 200_000_000;
/// A source whose pictures come steadily but ever later may hold the output back by this much, in nanoseconds.
const MOST_NS: i64 = 1_500_000_000;
/// The same while a replay is worked off, which begins up to ten seconds ago.
const MOST_CATCHING_UP_NS: i64 = 12_000_000_000;

/// The order in which fill follows a lost picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    repeat_ns: i64,
    black_ns: i64,
}

impl Schedule {
    pub(crate) fn new(fill: &spec::Fill) -> Self {
        let ns = |ms: u32| i64::from(ms) * 1_000_000;
        Self { repeat_ns: ns(fill.repeat_ms), black_ns: ns(fill.black_ms) }
    }

    /// What the frame at `time_ns` shows, if the last source picture stood at `last_ns`. Output time, both.
    pub(crate) const fn at(self, time_ns: i64, last_ns: Option<i64>) -> Shown {
        let Some(last_ns) = last_ns else { return Shown::Slate };
        let since_ns = time_ns.saturating_sub(last_ns);
        if since_ns <= self.repeat_ns {
            Shown::Repeat
        } else if since_ns <= self.repeat_ns + self.black_ns {
            Shown::Black
        } else {
            Shown::Slate
        }
    }
}

/// How long frames wait for their pictures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    grace_ns: i64,
}

impl Patience {
    pub(crate) const fn new(latency: Latency) -> Self {
        match latency {
            Latency::Standard => Self { grace_ns: GRACE_NS },
            Latency::Low { .. } => Self { grace_ns: LOW_LATENCY_GRACE_NS },
        }
    }

    /// The time of the latest frame that need not be waited for any longer at `now_ns`.
    pub(crate) const fn until(self, now_ns: i64) -> i64 {
        now_ns - self.grace_ns
    }

    /// When the frame at `frame_ns` is shown whatever happens; the last picture came at `heard_ns`.
    pub(crate) fn due(self, frame_ns: i64, heard_ns: Option<i64>, is_catching_up: bool) -> i64 {
        let most_ns = if is_catching_up { MOST_CATCHING_UP_NS } else { MOST_NS };
        let alive_until = heard_ns.map_or(i64::MIN, |heard| heard + self.grace_ns).min(frame_ns + most_ns);
        alive_until.max(frame_ns + self.grace_ns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn default() -> Schedule {
        Schedule::new(&spec::Fill::default())
    }

    #[test]
    fn a_second_of_the_last_picture_a_second_of_black_then_the_slate() {
        let shown = |ms: i64| default().at(7 * SECOND + ms * 1_000_000, Some(7 * SECOND));
        assert_eq!([1, 33, 1_000].map(shown), [Shown::Repeat; 3]);
        assert_eq!([1_001, 2_000].map(shown), [Shown::Black; 2]);
        assert_eq!([2_001, 86_400_000 * 60].map(shown), [Shown::Slate; 2]);
        assert_eq!(default().at(0, None), Shown::Slate, "a channel that never had a picture");
    }

    #[test]
    fn a_frame_waits_a_moment_longer_for_a_source_that_is_alive_and_not_for_ever() {
        let patience = Patience::new(Latency::Standard);
        let due = |heard: Option<i64>, catching_up| patience.due(10 * SECOND, heard, catching_up);
        assert_eq!(due(None, false), 10 * SECOND + GRACE_NS);
        assert_eq!(due(Some(10 * SECOND - 40_000_000), false), 10 * SECOND + GRACE_NS);
        assert_eq!(due(Some(10 * SECOND + 40_000_000), false), 10 * SECOND + 40_000_000 + GRACE_NS);
        assert_eq!(due(Some(15 * SECOND), false), 10 * SECOND + MOST_NS);
        assert_eq!(due(Some(15 * SECOND), true), 15 * SECOND + GRACE_NS);
    }

    proptest! {
        #[test]
        fn fill_only_moves_towards_the_slate(
            repeat_ms in 0..5_000_u32, black_ms in 0..5_000_u32, step_ms in 1..500_i64,
        ) {
            let schedule = Schedule::new(&spec::Fill { repeat_ms, black_ms, ..spec::Fill::default() });
            let shown: Vec<_> = (0..200).map(|n| schedule.at(n * step_ms * 1_000_000, Some(0))).collect();
            prop_assert!(shown.is_sorted());
        }

        #[test]
        fn no_frame_is_due_before_its_grace_or_after_the_bound(
            frame in -SECOND * 100..SECOND * 100, heard in -SECOND * 200..SECOND * 200, low in any::<bool>(),
        ) {
            let latency = if low { Latency::Low { part_ms: 300 } } else { Latency::Standard };
            let patience = Patience::new(latency);
            let due = patience.due(frame, Some(heard), false);
            prop_assert!(patience.until(due) >= frame && due <= frame + MOST_NS);
        }
    }
}
