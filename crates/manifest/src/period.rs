//! A stretch of media that plays on without a break.

use media::{MediaTime, Timescale, rescale_floor};
use serde::{Deserialize, Serialize};

/// One stretch of continuous media on all tracks: no header changes and no time jumps inside it.
///
/// Its number counts up for the life of the channel and is never reused, so it serves as HLS's discontinuity
/// sequence number and as DASH's Period id, and matching content has the same number in every rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Counts up from 0.
    pub number: u64,
    /// Where it begins: milliseconds since the Unix epoch, rounded down from its earliest segment's start.
    pub start_ms: i64,
}

impl Period {
    /// The period's start on the line of a track in `scale`, rounded down: DASH's presentationTimeOffset.
    pub const fn start(self, scale: Timescale) -> i64 {
        rescale_floor(self.start_ms, Timescale::MILLIS, scale)
    }

    pub(crate) const fn start_us(self) -> i64 {
        MediaTime::new(self.start_ms, Timescale::MILLIS).floor_to(Timescale::MICROS).ticks
    }
}
