//! Holes in what viewers get: nobody brought the media, and no slate was there for it.

/// A hole in microseconds that is told: what muxers make by rounding is shorter, and players skip it.
const LEAST_US: i64 = 250_000;

/// The holes of a channel. Times are media's, in microseconds since the epoch.
#[derive(Debug, Default)]
pub(super) struct MediaGaps {
    /// Where the last hole that was told ends.
    told_us: Option<i64>,
}

impl MediaGaps {
    /// A segment of a track that ended at `end_us` begins at `start_us`. How long the hole between them is, where there is one
    /// that was not told of another track.
    pub(super) fn listed(&mut self, end_us: i64, start_us: i64) -> Option<i64> {
        let gap_us = start_us - end_us;
        if gap_us < LEAST_US || self.told_us.is_some_and(|told_us| end_us < told_us) {
            return None;
        }
        self.told_us = Some(start_us);
        Some(gap_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_told_once_whatever_tracks_have_it() {
        const SECOND: i64 = 1_000_000;
        let mut gaps = MediaGaps::default();
        assert_eq!(gaps.listed(10 * SECOND, 10 * SECOND), None);
        assert_eq!(gaps.listed(12 * SECOND, 12 * SECOND + 33_000), None, "a frame");
        assert_eq!(gaps.listed(14 * SECOND, 19 * SECOND), Some(5 * SECOND));
        assert_eq!(gaps.listed(14 * SECOND + 16_000, 19 * SECOND + 2_000), None, "the sound beside it");
        assert_eq!(gaps.listed(30 * SECOND, 31 * SECOND), Some(SECOND));
        assert_eq!(gaps.listed(40 * SECOND, 39 * SECOND), None);
    }
}
