//! Frames of sound laid end to end.

use media::{Timescale, rescale_nearest};

use crate::source::Output;
use crate::trouble::Trouble;

/// How far a frame's timestamp may lie from where its predecessors end before it is believed, in ms. RTMP rounds to
/// whole ms and some encoders to their timer; three AAC frames at 48 kHz are 64 ms.
const TOLERANCE_MS: i64 = 60;

/// Lays frames end to end while their timestamps are near, so that rounding of the stamps is not heard.
#[derive(Debug, Default)]
pub(crate) struct EndToEnd {
    /// Where the next frame begins, in ticks, if it follows the last one.
    next: Option<i64>,
}

impl EndToEnd {
    /// Where a frame of `ticks` begins that is stamped `stamped`, both in `scale`. `None` for one that is left out.
    pub(crate) fn place(
        &mut self,
        stamped: i64,
        ticks: u32,
        scale: Timescale,
        out: &mut Vec<Output>,
    ) -> Option<i64> {
        let tolerance = rescale_nearest(TOLERANCE_MS, Timescale::MILLIS, scale);
        let ms = |ticks| rescale_nearest(ticks, scale, Timescale::MILLIS);
        let start = match self.next {
            None => stamped,
            Some(next) if stamped > next + tolerance => {
                out.push(Output::Trouble(Trouble::AudioGap(ms(stamped - next))));
                stamped
            }
            // More frames than time: leaving one out keeps the rest exact.
            Some(next) if stamped < next - tolerance => {
                out.push(Output::Trouble(Trouble::AudioOverlap(ms(next - stamped))));
                return None;
            }
            Some(next) => next,
        };
        self.next = Some(start + i64::from(ticks));
        Some(start)
    }
}
