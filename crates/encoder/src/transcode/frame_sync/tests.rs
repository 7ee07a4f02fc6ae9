use proptest::prelude::*;

use super::super::cadence::{Cadence, Place};
use super::super::fill::Patience;
use super::*;

const SECOND: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;
/// 2026-11-21.
const START: i64 = 1_795_219_200 * SECOND;
const DAY: i64 = 86_400;

fn ahead_of(now_ns: i64) -> Arrival {
    Arrival { now_ns, next_ns: None, more_waits: false }
}

/// A channel of one rate without pictures: which frame numbers leave when.
struct Output {
    sync: FrameSync,
    cadence: Cadence,
    rate: Rational,
    heard: Option<i64>,
    /// Pictures shown and frames filled by the clock.
    shown: u64,
    filled: u64,
    jumps: u64,
    /// Most that a frame left after and before its own time.
    latest_ns: i64,
    earliest_ns: i64,
}

impl Output {
    fn start(rate: Rational, now_ns: i64) -> Self {
        let cadence = Cadence::new(rate, nearest_frame(now_ns, rate));
        Self {
            sync: FrameSync::new(rate),
            cadence,
            rate,
            heard: None,
            shown: 0,
            filled: 0,
            jumps: 0,
            latest_ns: 0,
            earliest_ns: 0,
        }
    }

    fn next_ns(&self) -> i64 {
        frame_time_ns(self.cadence.next(), self.rate)
    }

    /// What the conductor does when nothing waits.
    fn pass(&mut self, now_ns: i64) {
        let patience = Patience::new(spec::Latency::Standard);
        while now_ns >= patience.due(self.next_ns(), self.heard, false) {
            self.cadence.repeat(1);
            self.filled += 1;
        }
        self.latest_ns = self.latest_ns.max(now_ns - self.next_ns());
    }

    fn picture(&mut self, time_ns: i64, now_ns: i64, more_waits: bool) {
        self.heard = Some(now_ns);
        let arrival = Arrival { now_ns, next_ns: Some(self.next_ns()), more_waits };
        let at = match self.sync.place(time_ns, arrival) {
            Placed::At(at) => at,
            Placed::Jumped { at_ns, .. } => {
                self.jumps += 1;
                at_ns
            }
            Placed::Late => return,
        };
        let before = self.cadence.next();
        if let Place::Show { index, fill } = self.cadence.place(at) {
            assert_eq!(index - fill, before, "no number is left out");
            self.shown += 1;
        }
        self.earliest_ns = self.earliest_ns.max(self.next_ns() - now_ns);
    }
}

#[test]
fn sixty_days_of_a_fast_or_slow_clock_stay_with_the_channel_s() {
    // A picture every second: the clock is what is long here, not the rate.
    let rate = Rational::whole(1);
    for ppm in [-500, -37, 0, 120, 500] {
        let mut output = Output::start(rate, START);
        for n in 0..60 * DAY {
            let now = START + n * SECOND + n * SECOND / 1_000_000 * -ppm + (n * 7_919 % 41) * MS;
            output.pass(now);
            output.picture(START + n * SECOND, now, false);
        }
        // One picture more or less for each second that the clocks come apart.
        let apart = 60 * DAY * ppm / 1_000_000;
        assert_eq!(output.jumps, 0, "{ppm} ppm");
        assert!((output.sync.shift_ns().expect("locked") / SECOND + apart).abs() <= 1, "{ppm} ppm");
        let frames = output.cadence.next() - nearest_frame(START, rate);
        assert!((frames - 60 * DAY + apart).abs() <= 2, "{ppm} ppm: {frames} frames");
        assert!((output.sync.drift_ppm() - ppm as f64).abs() < 60.0, "{}", output.sync.drift_ppm());
        assert!(output.latest_ns < 1_700 * MS && output.earliest_ns < 1_700 * MS, "{ppm} ppm");
    }
}

#[test]
fn a_jump_of_the_source_s_times_moves_the_shift_and_not_the_output() {
    for jump in [-20 * SECOND, 3 * SECOND, 5 * SECOND, 3_600 * SECOND] {
        let rate = Rational::whole(30);
        let mut output = Output::start(rate, START);
        for n in 0..300 {
            let now = START + frame_time_ns(n, rate) + 20 * MS;
            let time = START + frame_time_ns(n, rate) + if n < 150 { 0 } else { jump };
            output.pass(now);
            output.picture(time, now, false);
        }
        assert_eq!(output.jumps, 1, "{jump}");
        let shift = output.sync.shift_ns().expect("locked");
        assert!((shift + jump).abs() < 60 * MS, "{jump}: {shift}");
        // Times that go back by less than a jump of ingest's are passed over for a second first.
        let lost = if jump > 0 { 2 } else { 34 };
        assert!(output.shown >= 300 - lost, "{jump}: {} shown", output.shown);
        assert!(output.filled <= lost, "{jump}: {} filled", output.filled);
    }
}

#[test]
fn a_source_that_returns_goes_on_at_the_frame_that_is_next() {
    let rate = Rational::whole(30);
    let mut output = Output::start(rate, START);
    for n in 0..300 {
        output.pass(START + frame_time_ns(n, rate));
    }
    assert_eq!(output.filled, 300 - 15, "half a second is waited for");
    // What was kept for it comes at once, the newest a second old.
    let now = START + 10 * SECOND;
    for n in 240..=270 {
        output.picture(START + frame_time_ns(n, rate), now, n < 270);
    }
    assert_eq!((output.shown, output.jumps), (1, 0));
    assert!((output.next_ns() - now).abs() < 50 * MS);
}

#[test]
fn a_held_up_network_s_pictures_are_passed_over_and_the_source_stays_where_it_was() {
    let rate = Rational::whole(30);
    let mut output = Output::start(rate, START);
    for n in 0..600 {
        let own = START + frame_time_ns(n, rate);
        // Two seconds of silence, then all that was held up.
        let now = if (200..260).contains(&n) { START + frame_time_ns(260, rate) } else { own };
        output.pass(now);
        output.picture(own, now, (200..260).contains(&n));
    }
    assert_eq!(output.jumps, 0);
    assert_eq!(output.sync.shift_ns(), Some(0));
    assert!(output.shown >= 600 - 60);
    assert!(output.filled <= 46, "{}", output.filled);
}

#[test]
fn a_picture_from_the_future_cannot_drag_the_output_along() {
    let mut sync = FrameSync::new(Rational::whole(30));
    assert_eq!(sync.place(START + 9 * SECOND, ahead_of(START)), Placed::At(START));
    assert_eq!(sync.shift_ns(), Some(-9 * SECOND));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever a source does, every number is there once and the output stays near its clock.
    #[test]
    fn any_source_leaves_every_number_once_and_the_output_near_the_clock(
        steps in proptest::collection::vec((0..400_i64, -4_000..4_000_i64, 0..12_u8), 1..400),
    ) {
        let rate = Rational::whole(30);
        let mut output = Output::start(rate, START);
        let (mut now, mut time) = (START, START);
        let first = output.cadence.next();
        for (wait_ms, step_ms, kind) in steps {
            now += wait_ms * MS;
            time += match kind {
                0 => step_ms * MS,
                1 => step_ms * SECOND,
                _ => wait_ms * MS,
            };
            output.pass(now);
            output.picture(time, now, kind == 2);
        }
        prop_assert!(output.latest_ns <= 1_600 * MS, "late by {}", output.latest_ns);
        prop_assert!(output.earliest_ns <= MAX_AHEAD_NS + 100 * MS, "early by {}", output.earliest_ns);
        prop_assert!(output.cadence.next() - first >= output.shown as i64);
    }

    #[test]
    fn any_time_is_placed_without_overflow(times in proptest::collection::vec(any::<i64>(), 1..20)) {
        let mut sync = FrameSync::new(Rational::whole(30));
        for time in times {
            sync.place(time / 4, Arrival { now_ns: START, next_ns: Some(START), more_waits: false });
        }
    }
}
