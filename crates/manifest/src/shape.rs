//! How long the window is and how it is cut.

use media::{Grid, Timescale, rescale_ceil};

/// The settings of a timeline; they hold for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Where segments are meant to start; its duration is the least target duration.
    pub grid: Grid,
    /// How far back a viewer can go, in microseconds.
    pub window_us: i64,
    /// Longest part of a segment in microseconds, on low-latency channels: HLS's PART-TARGET.
    pub part_us: Option<i64>,
    /// Most bytes of segments listed, over all tracks: beyond it the window shrinks, though never below what HLS asks.
    pub max_bytes: u64,
}

impl Shape {
    /// Fewest segments a playlist is trimmed to (HLS authoring specification: six).
    pub const MIN_SEGMENTS: usize = 6;
    /// Fewest target durations a playlist is trimmed to (RFC 8216bis §6.2.2).
    pub const MIN_TARGETS: i64 = 3;

    /// The target duration before any segment has shown itself longer: the grid's, in whole seconds, rounded up.
    pub const fn least_target_s(self) -> u32 {
        rescale_ceil(self.grid.duration_ms() as i64, Timescale::MILLIS, Timescale::new(1)) as u32
    }
}
