//! Exact media time: ticks on a track's line.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Ticks per second of a track's timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// MPEG's 90 kHz, the timescale of video here unless the frame rate needs another.
    pub const MPEG: Self = Self::new(90_000);
    /// RTMP's milliseconds.
    pub const MILLIS: Self = Self::new(1_000);
    /// [`crate::Utc`]'s microseconds.
    pub const MICROS: Self = Self::new(1_000_000);

    /// A timescale known not to be zero; panics on zero, so meant for constants.
    pub const fn new(ticks_per_second: u32) -> Self {
        match NonZeroU32::new(ticks_per_second) {
            Some(ticks) => Self(ticks),
            None => panic!("a timescale is never zero"),
        }
    }

    /// A timescale from outside, where zero is possible.
    pub const fn checked(ticks_per_second: u32) -> Option<Self> {
        match NonZeroU32::new(ticks_per_second) {
            Some(ticks) => Some(Self(ticks)),
            None => None,
        }
    }

    /// Ticks per second.
    pub const fn ticks_per_second(self) -> u32 {
        self.0.get()
    }
}

/// A point (or a span) on a track's line; may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaTime {
    /// Ticks since the line's zero, the Unix epoch on every line past ingest.
    pub ticks: i64,
    /// What a tick is worth.
    pub scale: Timescale,
}

impl MediaTime {
    /// `ticks` of `scale`.
    pub const fn new(ticks: i64, scale: Timescale) -> Self {
        Self { ticks, scale }
    }

    /// The same instant in another timescale, rounded down.
    pub const fn floor_to(self, scale: Timescale) -> Self {
        Self::new(rescale_floor(self.ticks, self.scale, scale), scale)
    }

    /// The same instant in another timescale, rounded to the nearest tick (halves up).
    pub const fn nearest_to(self, scale: Timescale) -> Self {
        Self::new(rescale_nearest(self.ticks, self.scale, scale), scale)
    }

    /// For playlists and log lines only.
    pub fn seconds(self) -> f64 {
        self.ticks as f64 / f64::from(self.scale.ticks_per_second())
    }
}

/// Rescales ticks, rounding down (towards minus infinity). 128 bits in between, so no overflow
/// for any time within ±290,000 years at 1 MHz; saturates beyond.
pub const fn rescale_floor(ticks: i64, from: Timescale, to: Timescale) -> i64 {
    let scaled = ticks as i128 * to.ticks_per_second() as i128;
    saturate(scaled.div_euclid(from.ticks_per_second() as i128))
}

/// Rescales ticks, rounding up (towards plus infinity).
pub const fn rescale_ceil(ticks: i64, from: Timescale, to: Timescale) -> i64 {
    let scaled = ticks as i128 * to.ticks_per_second() as i128;
    saturate(-(-scaled).div_euclid(from.ticks_per_second() as i128))
}

/// Rescales ticks to the nearest tick; halves go up.
pub const fn rescale_nearest(ticks: i64, from: Timescale, to: Timescale) -> i64 {
    let divisor = from.ticks_per_second() as i128;
    let scaled = ticks as i128 * to.ticks_per_second() as i128;
    saturate((2 * scaled + divisor).div_euclid(2 * divisor))
}

const fn saturate(value: i128) -> i64 {
    if value > i64::MAX as i128 {
        i64::MAX
    } else if value < i64::MIN as i128 {
        i64::MIN
    } else {
        value as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_named_and_right_on_both_sides_of_zero() {
        let (ms, mpeg) = (Timescale::MILLIS, Timescale::MPEG);
        assert_eq!(rescale_floor(-1, mpeg, ms), -1);
        assert_eq!(rescale_ceil(-1, mpeg, ms), 0);
        assert_eq!(rescale_ceil(1, mpeg, ms), 1);
        assert_eq!(rescale_nearest(45, mpeg, ms), 1);
        assert_eq!(rescale_nearest(44, mpeg, ms), 0);
        assert_eq!(rescale_nearest(33, ms, mpeg), 2970);
    }

    #[test]
    fn sixty_years_of_microseconds_do_not_overflow() {
        let ticks = 60 * 366 * 86_400 * 1_000_000_i64;
        let there = rescale_floor(ticks, Timescale::MICROS, Timescale::MPEG);
        assert_eq!(rescale_floor(there, Timescale::MPEG, Timescale::MICROS), ticks);
    }
}
