//! A source's clock against the channel's.
//!
//! The output runs by the channel's own clock; a source's times only order its pictures. A frame synchroniser holds the
//! two together: it adds a shift to the source's times that puts its first picture on the output's frame grid, follows
//! a clock that runs fast or slow, and takes hold anew when times jump away or pictures stay late.
//!
//! ```text
//! Free --first picture--> Locked --too far ahead, or late for a second--> Locked with another shift
//! ```

use media::Rational;

use super::cadence::{frame_time_ns, nearest_frame};

/// A picture this far ahead of the clock cannot be true, in nanoseconds.
pub(crate) const MAX_AHEAD_NS: i64 = 2_000_000_000;
/// Pictures that come too late for their frames are passed over for this long, in nanoseconds: a network that was held
/// up delivers all at once. Then the source has become that much slower.
const LATE_NS: i64 = 1_000_000_000;
/// Delays are compared over this long, in nanoseconds. The least of each stretch tells the clocks apart from the network.
const WINDOW_NS: i64 = 10_000_000_000;
/// Delays within which a source is left where it is, in nanoseconds.
const MARGIN_NS: i64 = 100_000_000;
/// What is not corrected, in nanoseconds: the least delays differ by this much without any drift.
const DEAD_BAND_NS: i64 = 2_000_000;
/// Most correction in a window, in nanoseconds: 900 parts per million, which resampled sound follows unheard.
const MAX_STEP_NS: i64 = WINDOW_NS * 900 / 1_000_000;
/// Windows over which the drift is averaged: five minutes.
const SMOOTHING: f64 = 1.0 / 30.0;

/// How one source's times map onto the output.
#[derive(Debug)]
pub(crate) struct FrameSync {
    /// The output's slowest rate.
    rate: Rational,
    lock: Option<Lock>,
    /// Since when every picture came too late, by its arrival.
    late_since: Option<i64>,
}

#[derive(Debug)]
struct Lock {
    shift_ns: i64,
    window: Window,
    /// Least delay of the window before, less the correction since, and where it should be.
    before: Option<Floor>,
    drift_ppm: f64,
}

#[derive(Clone, Copy, Debug)]
struct Floor {
    delay_ns: i64,
    wanted_ns: i64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    from_ns: i64,
    least_ns: i64,
}

/// How a picture comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The channel's clock then.
    pub(crate) now_ns: i64,
    /// Time of the output's next frame, where output has begun.
    pub(crate) next_ns: Option<i64>,
    /// More is there to be read behind it.
    pub(crate) more_waits: bool,
}

/// Where a picture goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// At this output time.
    At(i64),
    /// There, and those after it are moved by so many nanoseconds against those before it.
    Jumped {
        /// Output time.
        at_ns: i64,
        /// Change of the shift.
        by_ns: i64,
    },
    /// Nowhere: its frames have been shown.
    Late,
}

impl FrameSync {
    /// A synchroniser to a grid of `rate`, the slowest of the output's.
    pub(crate) const fn new(rate: Rational) -> Self {
        Self { rate, lock: None, late_since: None }
    }

    /// What is added to the source's times; `None` before its first picture.
    pub(crate) fn shift_ns(&self) -> Option<i64> {
        self.lock.as_ref().map(|lock| lock.shift_ns)
    }

    /// How fast the source's clock runs against the channel's, in parts per million.
    pub(crate) fn drift_ppm(&self) -> f64 {
        self.lock.as_ref().map_or(0.0, |lock| lock.drift_ppm)
    }

    /// Places the picture of source time `time_ns`.
    pub(crate) fn place(&mut self, time_ns: i64, arrival: Arrival) -> Placed {
        let Arrival { now_ns, next_ns, more_waits } = arrival;
        let frame_ns = frame_time_ns(1, self.rate);
        let earliest = next_ns.map_or(i64::MIN, |next| next - frame_ns * 3 / 2);
        let shift_ns = self.shift_ns();
        let at = match shift_ns {
            Some(shift_ns) => time_ns.saturating_add(shift_ns),
            None => self.on_grid(time_ns),
        };
        if at < earliest {
            let is_passed_over = match shift_ns {
                // What follows may be in time.
                None => more_waits,
                Some(_) => now_ns - *self.late_since.get_or_insert(now_ns) < LATE_NS,
            };
            return if is_passed_over { Placed::Late } else { self.lock_on(time_ns, now_ns, next_ns) };
        }
        self.late_since = None;
        if at.saturating_sub(now_ns) > MAX_AHEAD_NS {
            return self.lock_on(time_ns, now_ns, next_ns);
        }
        let lock = self.lock.get_or_insert_with(|| Lock::new(at - time_ns, now_ns));
        lock.follow(now_ns - at, now_ns);
        Placed::At(at)
    }

    /// Takes hold of the source where the clock is, as if the picture had been taken now.
    fn lock_on(&mut self, time_ns: i64, now_ns: i64, next_ns: Option<i64>) -> Placed {
        let at_ns = self.on_grid(now_ns).max(next_ns.unwrap_or(i64::MIN));
        let shift_ns = at_ns.saturating_sub(time_ns);
        let before = self.shift_ns();
        self.lock = Some(Lock::new(shift_ns, now_ns));
        self.late_since = None;
        match before {
            Some(before) => Placed::Jumped { at_ns, by_ns: shift_ns.saturating_sub(before) },
            None => Placed::At(at_ns),
        }
    }

    const fn on_grid(&self, time_ns: i64) -> i64 {
        frame_time_ns(nearest_frame(time_ns, self.rate), self.rate)
    }
}

impl Lock {
    const fn new(shift_ns: i64, now_ns: i64) -> Self {
        let window = Window { from_ns: now_ns, least_ns: i64::MAX };
        Self { shift_ns, window, before: None, drift_ppm: 0.0 }
    }

    /// Takes note of how long after its output time a picture came.
    fn follow(&mut self, delay_ns: i64, now_ns: i64) {
        self.window.least_ns = self.window.least_ns.min(delay_ns);
        let length_ns = now_ns - self.window.from_ns;
        if length_ns < WINDOW_NS {
            return;
        }
        let least_ns = self.window.least_ns;
        self.window = Window { from_ns: now_ns, least_ns: i64::MAX };
        let Some(floor) = &mut self.before else {
            let wanted_ns = least_ns.clamp(-MARGIN_NS, MARGIN_NS);
            self.before = Some(Floor { delay_ns: least_ns, wanted_ns });
            return;
        };
        // A fast clock makes delays shrink.
        let drift_ppm = (floor.delay_ns - least_ns) as f64 / length_ns as f64 * 1e6;
        self.drift_ppm += (drift_ppm - self.drift_ppm) * SMOOTHING;
        let off_ns = least_ns - floor.wanted_ns;
        let step_ns = if off_ns.abs() > DEAD_BAND_NS { off_ns.clamp(-MAX_STEP_NS, MAX_STEP_NS) } else { 0 };
        self.shift_ns += step_ns;
        floor.delay_ns = least_ns - step_ns;
    }
}

#[cfg(test)]
mod sixty_days;
#[cfg(test)]
mod tests;
