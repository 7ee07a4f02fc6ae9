//! Where segments start: whole multiples of the segment duration since the Unix epoch.

use serde::{Deserialize, Serialize};

use crate::{MediaTime, Timescale, rescale_ceil};

/// The epoch grid of a channel: slot `n` is `[n × duration, (n + 1) × duration)`.
///
/// Every pipeline, node and restart computes the same slots, so their segments are interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// The nominal segment duration in milliseconds, never zero.
    duration_ms: u32,
}

impl Grid {
    /// A grid of `duration_ms` milliseconds; panics on zero.
    pub const fn new(duration_ms: u32) -> Self {
        assert!(duration_ms > 0, "a segment lasts");
        Self { duration_ms }
    }

    /// The nominal segment duration in milliseconds.
    pub const fn duration_ms(self) -> u32 {
        self.duration_ms
    }

    /// The slot that `time` falls in: floor(epoch time / duration).
    pub const fn slot(self, time: MediaTime) -> i64 {
        let scaled = time.ticks as i128 * 1_000;
        let slot = time.scale.ticks_per_second() as i128 * self.duration_ms as i128;
        scaled.div_euclid(slot) as i64
    }

    /// The first tick of `scale` inside `slot`.
    pub const fn start(self, slot: i64, scale: Timescale) -> i64 {
        rescale_ceil(slot * self.duration_ms as i64, Timescale::MILLIS, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_starts_at_its_first_tick_and_not_before() {
        let grid = Grid::new(2_000);
        let scale = Timescale::new(44_100);
        for slot in [-3, -1, 0, 1, 882_000_001] {
            let start = grid.start(slot, scale);
            assert_eq!(grid.slot(MediaTime::new(start, scale)), slot);
            assert_eq!(grid.slot(MediaTime::new(start - 1, scale)), slot - 1);
        }
    }
}
