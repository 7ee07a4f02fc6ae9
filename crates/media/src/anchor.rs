//! A publisher's milliseconds laid on the epoch.

use crate::Utc;

/// A step forward of more than this beyond the time that really passed is a jump, in ms.
const FORWARD_MS: i64 = 10_000;
/// A step back of more than this is a jump, in ms, unless told otherwise. Less is disorder between tracks.
const DISORDER_MS: i64 = 1_000;
/// How long after a jump stragglers of the old line are still placed by it, in µs.
const STRAGGLERS_US: i64 = 2_000_000;

/// Fixes the publisher's clock to the epoch at its first sample and keeps it there: a stream's own clock tells the time
/// between samples, however late they arrive. Only a jump of its timestamps anchors it anew.
#[derive(Debug)]
pub struct Anchor {
    current: Option<Line>,
    /// The line before the last jump, and when that was.
    previous: Option<(Line, Utc)>,
    /// No sample is placed at or before this when a line begins: the latest time given out.
    latest: Utc,
    disorder_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    /// Epoch time of the publisher's zero, in µs.
    offset_us: i64,
    /// The latest timestamp, in ms, and when it came.
    last_ms: i64,
    last_at: Utc,
}

/// Where a sample goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Epoch time.
    pub time: Utc,
    /// Epoch time of the publisher's zero, in µs: the same for all of a line.
    pub offset_us: i64,
    /// The step of the publisher's timestamps, in ms, if it was a jump.
    pub jump_ms: Option<i64>,
}

impl Anchor {
    /// An anchor whose first sample lands after `floor`, the end of what the channel had before.
    pub const fn after(floor: Utc) -> Self {
        Self { current: None, previous: None, latest: floor, disorder_ms: DISORDER_MS }
    }

    /// The same, where tracks may lie further apart: steps back of up to `disorder_ms` are no jump.
    pub const fn with_disorder(self, disorder_ms: i64) -> Self {
        Self { disorder_ms, ..self }
    }

    /// The latest time given out.
    pub const fn latest(&self) -> Utc {
        self.latest
    }

    /// Places a timestamp that arrived at `now`. Both tracks share the anchor, so they stay together over a jump.
    pub fn place(&mut self, timestamp_ms: i64, now: Utc) -> Placed {
        if let Some(line) = &mut self.current
            && line.holds(timestamp_ms, now, self.disorder_ms)
        {
            let placed = line.place(timestamp_ms, now);
            return self.give(placed);
        }
        if let Some((line, since)) = &mut self.previous
            && now.0 - since.0 <= STRAGGLERS_US
            && line.holds(timestamp_ms, now, self.disorder_ms)
        {
            let placed = line.place(timestamp_ms, now);
            return self.give(placed);
        }
        let time = now.max(self.latest.plus_micros(1_000));
        let jump_ms = self.current.map(|line| timestamp_ms.saturating_sub(line.last_ms));
        self.previous = self.current.map(|line| (line, now));
        let offset_us = time.0.saturating_sub(timestamp_ms.saturating_mul(1_000));
        self.current = Some(Line { offset_us, last_ms: timestamp_ms, last_at: now });
        self.give(Placed { time, offset_us, jump_ms })
    }

    fn give(&mut self, placed: Placed) -> Placed {
        self.latest = self.latest.max(placed.time);
        placed
    }
}

impl Line {
    fn holds(&self, timestamp_ms: i64, now: Utc, disorder_ms: i64) -> bool {
        let step = timestamp_ms.saturating_sub(self.last_ms);
        let waited = (now.0 - self.last_at.0) / 1_000;
        (-disorder_ms..=FORWARD_MS + waited).contains(&step)
    }

    fn place(&mut self, timestamp_ms: i64, now: Utc) -> Placed {
        self.last_ms = self.last_ms.max(timestamp_ms);
        self.last_at = now;
        let time = Utc(timestamp_ms.saturating_mul(1_000).saturating_add(self.offset_us));
        Placed { time, offset_us: self.offset_us, jump_ms: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000_000;

    fn at(ms: i64) -> Utc {
        Utc(START + ms * 1_000)
    }

    /// Each step: arrival in ms, timestamp in ms, expected place in ms, expected jump.
    fn check(steps: &[(i64, i64, i64, Option<i64>)]) {
        let mut anchor = Anchor::after(Utc(0));
        for &(arrival, timestamp, place, jump_ms) in steps {
            let offset_us = at(place).0 - timestamp * 1_000;
            let expected = Placed { time: at(place), offset_us, jump_ms };
            assert_eq!(anchor.place(timestamp, at(arrival)), expected, "{timestamp} ms");
        }
    }

    #[test]
    fn the_publishers_clock_tells_the_time_however_late_samples_arrive() {
        check(&[(0, 5_000, 0, None), (90, 5_033, 33, None), (95, 5_066, 66, None), (95, 5_040, 40, None)]);
    }

    #[test]
    fn a_long_silence_that_the_timestamps_tell_too_is_no_jump() {
        check(&[(0, 0, 0, None), (60_000, 60_010, 60_010, None)]);
    }

    #[test]
    fn a_jump_lands_on_the_wall_clock_with_both_tracks() {
        let hour = 3_600_000;
        check(&[
            (0, 0, 0, None),
            (1_000, 1_000, 1_000, None),
            (1_033, hour, 1_033, Some(hour - 1_000)),
            (1_034, hour + 10, 1_043, None),
            // An audio frame from before the jump.
            (1_035, 1_020, 1_020, None),
            (1_066, hour + 33, 1_066, None),
            // And back to zero.
            (2_000, 0, 2_000, Some(-hour - 33)),
        ]);
    }

    #[test]
    fn how_far_tracks_may_lie_apart_is_a_setting() {
        let mut near = Anchor::after(Utc(0));
        let mut far = Anchor::after(Utc(0)).with_disorder(3_000);
        for anchor in [&mut near, &mut far] {
            anchor.place(10_000, at(0));
        }
        assert_eq!(near.place(7_500, at(1)).jump_ms, Some(-2_500));
        assert_eq!(far.place(7_500, at(1)).time, at(-2_500));
        assert_eq!(far.place(6_900, at(1)).jump_ms, Some(-3_100));
    }

    #[test]
    fn output_never_goes_back_when_a_publisher_ahead_of_the_clock_jumps_or_follows_another() {
        check(&[(0, 0, 0, None), (10, 9_000, 9_000, None), (20, 0, 9_001, Some(-9_000))]);
        assert_eq!(Anchor::after(at(500)).place(7, at(100)).time, at(501));
    }

    #[test]
    fn any_timestamp_is_placed_without_overflow() {
        let mut anchor = Anchor::after(Utc(0));
        for timestamp in [0, i64::MAX, i64::MIN, 3, i64::MAX / 1_000] {
            anchor.place(timestamp, at(0));
        }
    }
}
