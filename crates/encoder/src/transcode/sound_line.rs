//! Decoded sound laid on the epoch's sample line without holes.

use super::cuts::AAC_FRAME;

/// Timestamps may be this far off the line before samples are moved, in samples (40 ms): publishers round theirs.
const JITTER: i64 = 1_920;
/// An average offset beyond this is worked off, one sample in each block of [`STRETCH_STEP`] (5 ms).
const DRIFT: f32 = 240.0;
/// Blocks over which the offset is averaged.
const SMOOTHING: f32 = 1.0 / 48.0;
/// A sample more or less in so many is a change of pitch nobody hears (0.1 %).
const STRETCH_STEP: usize = 1_000;
/// Most sound kept while pictures are awaited, in samples (10 s). The oldest goes first.
const MAX_KEPT: usize = 480_000;

/// Stereo sound on the epoch's 48 kHz line: sample `n` is heard n/48,000 s after the epoch.
///
/// Blocks come with times that jitter. They are joined end to end while they stay within 40 ms of their times; a
/// lasting offset is worked off slowly, a larger one at once by silence or by trimming.
#[derive(Debug, Default)]
pub(crate) struct SoundLine {
    /// Place of the first kept sample; meaningless until something came.
    base: i64,
    left: Vec<f32>,
    right: Vec<f32>,
    /// Something came, so `base` says where it goes on.
    anchored: bool,
    /// Average of how much later blocks say they are than they were put.
    drift: f32,
    /// Samples since the last was added or left out.
    since_stretch: usize,
}

impl SoundLine {
    pub(crate) const fn new() -> Self {
        Self { base: 0, left: Vec::new(), right: Vec::new(), anchored: false, drift: 0.0, since_stretch: 0 }
    }

    /// Where the next block goes on.
    pub(crate) const fn end(&self) -> i64 {
        self.base + self.left.len() as i64
    }

    /// Adds a block whose first sample says it is heard at `at`.
    pub(crate) fn push(&mut self, at: i64, left: &[f32], right: &[f32]) {
        if !self.anchored {
            self.anchored = true;
            self.base = at;
        }
        let offset = at - self.end();
        let mut skip = 0;
        if offset.abs() > JITTER {
            self.drift = 0.0;
            if offset > MAX_KEPT as i64 {
                self.left.clear();
                self.right.clear();
                self.base = at;
            } else if offset > 0 {
                let length = self.left.len() + offset as usize;
                self.left.resize(length, 0.0);
                self.right.resize(length, 0.0);
            } else {
                skip = usize::try_from(-offset).unwrap_or(usize::MAX).min(left.len());
            }
        } else {
            self.drift += (offset as f32 - self.drift) * SMOOTHING;
        }
        self.append(&left[skip..], &right[skip..]);
        let over = self.left.len().saturating_sub(MAX_KEPT);
        self.forget(over);
    }

    fn append(&mut self, left: &[f32], right: &[f32]) {
        let (mut at, mut until) = (0, 0);
        while at < left.len() {
            let correct = self.drift.abs() > DRIFT;
            until = if correct {
                left.len().min(until + STRETCH_STEP.saturating_sub(self.since_stretch).max(1))
            } else {
                left.len()
            };
            self.left.extend_from_slice(&left[at..until]);
            self.right.extend_from_slice(&right[at..until]);
            self.since_stretch = self.since_stretch.saturating_add(until - at);
            at = until;
            if !correct || self.since_stretch < STRETCH_STEP {
                continue;
            }
            self.since_stretch = 0;
            if self.drift > 0.0 {
                // Blocks are put too early: one sample more.
                let (last_left, last_right) =
                    (self.left[self.left.len() - 1], self.right[self.right.len() - 1]);
                self.left.push(last_left);
                self.right.push(last_right);
                self.drift -= 1.0;
            } else {
                self.left.pop();
                self.right.pop();
                self.drift += 1.0;
            }
        }
    }

    /// Whether all of AAC frame `index` is known.
    pub(crate) const fn covers(&self, index: i64) -> bool {
        let start = index * AAC_FRAME;
        self.anchored && self.base <= start && start + AAC_FRAME <= self.end()
    }

    /// Takes AAC frame `index`, silent where nothing is known. Everything before its end is forgotten.
    pub(crate) fn take(&mut self, index: i64) -> [[f32; AAC_FRAME as usize]; 2] {
        let start = index * AAC_FRAME;
        let mut block = [[0.0; AAC_FRAME as usize]; 2];
        if !self.anchored {
            return block;
        }
        let overlap_start = start.max(self.base);
        let overlap_end = (start + AAC_FRAME).min(self.end());
        if overlap_start < overlap_end {
            let into = (overlap_start - start) as usize..(overlap_end - start) as usize;
            let from = (overlap_start - self.base) as usize..(overlap_end - self.base) as usize;
            block[0][into.clone()].copy_from_slice(&self.left[from.clone()]);
            block[1][into].copy_from_slice(&self.right[from]);
        }
        let past = start + AAC_FRAME - self.base;
        if past > self.left.len() as i64 {
            self.left.clear();
            self.right.clear();
            self.base = start + AAC_FRAME;
        } else if past > 0 {
            self.forget(past as usize);
        }
        block
    }

    fn forget(&mut self, samples: usize) {
        self.left.drain(..samples);
        self.right.drain(..samples);
        self.base += samples as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line fed `blocks` blocks of 1,024 samples whose value is their true time; `at` says their timestamps.
    fn fed(blocks: i64, at: impl Fn(i64) -> i64) -> SoundLine {
        let mut line = SoundLine::new();
        for n in 0..blocks {
            let samples: Vec<f32> = (0..1_024).map(|i| (n * 1_024 + i + 1) as f32).collect();
            line.push(at(n), &samples, &samples);
        }
        line
    }

    #[test]
    fn jitter_moves_no_sample() {
        let mut line = fed(100, |n| n * 1_024 + (n * 7_919 % 97 - 48));
        assert_eq!(line.end(), 100 * 1_024 - 48);
        line.take(0);
        let [left, right] = line.take(1);
        assert_eq!(left[0], 1_024.0 + 49.0);
        assert!(left.windows(2).all(|pair| pair[1] == pair[0] + 1.0));
        assert_eq!(left, right);
    }

    #[test]
    fn a_hole_is_silent_and_what_follows_is_in_its_place() {
        let mut line = fed(20, |n| if n < 5 { n * 1_024 } else { n * 1_024 + 10_240 });
        for index in 0..5 {
            assert_eq!(line.take(index)[0][0], (index * 1_024 + 1) as f32);
        }
        for index in 5..15 {
            assert_eq!(line.take(index)[0], [0.0; 1_024]);
        }
        assert_eq!(line.take(15)[0][0], (5 * 1_024 + 1) as f32);
    }

    #[test]
    fn an_overlap_is_trimmed() {
        let mut line = fed(20, |n| if n < 10 { n * 1_024 } else { n * 1_024 - 5_120 });
        // Blocks 10 to 13 repeat what was heard; block 14 says 21 ms earlier than it is put, which is let pass.
        assert_eq!(line.end(), 16 * 1_024);
        line.take(9);
        assert_eq!(line.take(10)[0][0], (14 * 1_024 + 1) as f32);
    }

    #[test]
    fn a_slow_drift_is_worked_off_before_it_is_heard() {
        // 500 parts per million, both ways, for ten minutes.
        for sign in [-1, 1] {
            let mut line = SoundLine::new();
            let samples = [0.5; 1_024];
            let mut furthest = 0;
            for n in 0..28_000_i64 {
                let at = n * 1_024 + sign * (n * 1_024 / 2_000);
                furthest = furthest.max((at - line.end()).abs() * i64::from(n > 0));
                line.push(at, &samples, &samples);
                line.take(line.end() / AAC_FRAME - 1);
            }
            assert!(furthest < 960, "{furthest} samples off");
        }
    }

    #[test]
    fn late_sound_begins_where_it_belongs() {
        let mut line = SoundLine::new();
        assert_eq!(line.take(7)[0], [0.0; 1_024]);
        line.push(10 * 1_024 + 24, &[1.0; 2_048], &[1.0; 2_048]);
        assert_eq!(line.take(9)[0], [0.0; 1_024]);
        let [left, _] = line.take(10);
        assert_eq!((left[23], left[24]), (0.0, 1.0));
    }
}
