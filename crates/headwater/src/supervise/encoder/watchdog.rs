//! Whether a process is to be killed for bringing nothing, judged by its reports.

use std::time::{Duration, Instant};

use wire::report::Report;

/// A process whose furthest thread brings nothing for this long hangs.
const STALLED: Duration = Duration::from_secs(2);
/// One that says nothing at all for this long hangs, too: to say it costs its thread nothing, whatever the others do.
const SILENT: Duration = Duration::from_millis(1_500);
/// How long a process may take from its job to its first beat.
const START_LIMIT: Duration = Duration::from_secs(10);

/// One process's.
#[derive(Debug)]
pub(super) struct Watchdog {
    /// When it hangs, if nothing is heard until then.
    due: Instant,
    /// It says itself that a thread hangs.
    is_stalled: bool,
}

impl Watchdog {
    /// Of a process that was given its job at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self { due: now + START_LIMIT, is_stalled: false }
    }

    /// Takes what it reported at `now`.
    pub(super) fn hear(&mut self, report: &Report, now: Instant) {
        // Only the beat comes from a thread of its own, all the time.
        if let Report::Beat(beat) = report {
            self.due = now + SILENT;
            self.is_stalled = u128::from(beat.stalled_ms) >= STALLED.as_millis();
        }
    }

    /// When to look again.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }

    /// Whether it hangs.
    pub(super) fn hangs(&self, now: Instant) -> bool {
        self.is_stalled || now >= self.due
    }
}

#[cfg(test)]
mod tests {
    use wire::report::Beat;
    use wire::sample_stream::FeedInput;

    use super::*;

    const BEAT: Duration = Duration::from_millis(200);

    fn beat(stalled_ms: u32) -> Report {
        Report::Beat(Beat { stalled_ms, ..Beat::default() })
    }

    #[test]
    fn a_process_that_beats_is_left_alone_and_one_that_stops_hangs() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        for n in 1..1_000 {
            watchdog.hear(&beat(1_900), start + BEAT * n);
            assert!(!watchdog.hangs(start + BEAT * n));
        }
        let last = start + BEAT * 999;
        assert!(!watchdog.hangs(last + SILENT - BEAT));
        assert!(watchdog.hangs(watchdog.due()) && watchdog.due() == last + SILENT);
    }

    #[test]
    fn a_thread_that_brings_nothing_for_two_seconds_hangs_the_process() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        watchdog.hear(&beat(1_999), start);
        assert!(!watchdog.hangs(start));
        watchdog.hear(&beat(2_000), start);
        assert!(watchdog.hangs(start));
    }

    #[test]
    fn a_start_may_take_longer_and_says_nothing_of_life_by_what_it_decodes() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        assert!(!watchdog.hangs(start + START_LIMIT - BEAT));
        watchdog.hear(&Report::Decodes { input: FeedInput::Primary }, start + START_LIMIT - BEAT);
        assert!(watchdog.hangs(start + START_LIMIT));
    }
}
