//! How a segment is shared out among its parts (low latency).

/// A segment shared out evenly: in as few parts as hold it, none longer than the longest, none shorter than another by
/// more than a frame. Where such parts would fill less of the longest than HLS asks for, all but the last fill just that.
///
/// A part should never be a short rest, because players trip over one: hls.js takes the end of a segment that is a
/// quarter second away for the begin of the next (`maxFragLookUpTolerance`), passes over a last part that short, and
/// stalls at the hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    segment: i64,
    frames: i64,
    /// So many parts…
    parts: i64,
    /// … have so many frames.
    in_frames: i64,
}

impl Parts {
    /// Every part but a segment's last fills this share of the longest, in percent (RFC 8216bis §4.4.3.7).
    pub const FILLED_PERCENT: u8 = 85;

    /// For a segment that is expected to last `segment` ticks and to have `frames` frames, in parts of `longest` ticks at
    /// most. A part has one frame at least.
    pub const fn new(segment: i64, frames: i64, longest: i64) -> Self {
        let segment = if segment < 1 { 1 } else { segment };
        let frames = if frames < 1 { 1 } else { frames };
        // The longest part holds longest × frames ÷ segment frames.
        let longest = longest as i128 * frames as i128;
        let most = longest / segment as i128;
        let most = if most < 1 { 1 } else { most as i64 };
        let least = -(-longest * Self::FILLED_PERCENT as i128).div_euclid(100 * segment as i128);
        let count = (frames + most - 1) / most;
        let is_filled = frames as i128 / count as i128 >= least || least > most as i128;
        let (parts, in_frames) = if is_filled { (count, frames) } else { (1, least as i64) };
        Self { segment, frames, parts, in_frames }
    }

    /// Number of the part that holds the frame `into` ticks after the segment's start, as long as the segment goes on. The
    /// frame's middle decides, so that timestamps may be rounded.
    pub const fn index(self, into: i64) -> i64 {
        // In half frames, times the segment.
        let middle = 2 * into as i128 * self.frames as i128 + self.segment as i128;
        let part = 2 * self.in_frames as i128 * self.segment as i128;
        (middle * self.parts as i128).div_euclid(part) as i64
    }

    /// Frames in the shortest part, the last included.
    pub const fn shortest(self) -> i64 {
        match self.frames % self.in_frames {
            0 => self.in_frames / self.parts,
            rest => rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames in each part of a segment of `frames` frames that last `frame` ticks each.
    fn shared(frames: i64, frame: i64, longest: i64) -> Vec<i64> {
        let parts = Parts::new(frames * frame, frames, longest);
        let mut counts = Vec::new();
        let mut last = None;
        for at in 0..frames {
            let index = parts.index(at * frame);
            if last.replace(index) != Some(index) {
                counts.push(0);
            }
            *counts.last_mut().expect("one at least") += 1;
        }
        counts
    }

    #[test]
    fn a_segment_of_two_seconds_has_no_short_part() {
        // At 90 kHz: 0.36 s are 32,400 ticks; AAC frames of 48 kHz are 1,920.
        assert_eq!(shared(60, 3_000, 32_400), [10; 6]);
        assert_eq!(shared(50, 3_600, 32_400), [8, 9, 8, 8, 9, 8]);
        assert_eq!(shared(48, 3_750, 32_400), [8; 6]);
        assert_eq!(shared(94, 1_920, 32_400), [16, 15, 16, 16, 15, 16]);
    }

    #[test]
    fn parts_that_would_be_too_empty_leave_a_rest_instead() {
        // Of 23 AAC frames that fit into half a second, 20 fill 85 %.
        assert_eq!(shared(94, 1_920, 45_000), [20, 20, 20, 20, 14]);
    }

    #[test]
    fn timestamps_in_milliseconds_change_nothing() {
        let parts = Parts::new(2_000, 60, 360);
        let index = |frame: i64| parts.index((frame * 1_000 + 15) / 30 - frame % 2);
        let firsts: Vec<i64> = (1..60).filter(|frame| index(*frame) != index(frame - 1)).collect();
        assert_eq!(firsts, [10, 20, 30, 40, 50]);
    }

    #[test]
    fn a_segment_longer_than_expected_goes_on_in_parts_as_long() {
        let parts = Parts::new(60, 60, 10);
        assert_eq!((59..81).map(|at| parts.index(at)).collect::<Vec<_>>()[..2], [5, 6]);
        assert_eq!(parts.index(80), 8);
    }

    proptest! {
        #[test]
        fn parts_are_neither_too_long_nor_too_short(
            frames in 1_i64..500,
            frame in 1_i64..10_000,
            longest in 1_i64..100_000,
        ) {
            let counts = shared(frames, frame, longest);
            prop_assert_eq!(counts.iter().sum::<i64>(), frames);
            prop_assert_eq!(counts.iter().min(), Some(&Parts::new(frames * frame, frames, longest).shortest()));
            let fit = (longest / frame).max(1);
            prop_assert_eq!(counts.len() as i64, (frames + fit - 1) / fit, "as few as hold it");
            let (last, others) = counts.split_last().expect("one at least");
            prop_assert!(*last <= fit);
            for count in others {
                prop_assert!(*count <= fit);
                let can_be_filled = fit * frame * 100 >= longest * 85;
                prop_assert!(!can_be_filled || count * frame * 100 >= longest * 85, "{counts:?}");
            }
        }
    }
}
