//! Sound whose times and samples disagree.

use super::cuts::SOUND_RATE;

/// A step of the times by more than this is a hole or a jump and no drift, in samples (100 ms).
const HOLE: i64 = SOUND_RATE as i64 / 10;
/// Drift beyond the one is told until it stays below the other, in samples (100 and 50 ms).
const TOLD: i64 = SOUND_RATE as i64 / 10;
const CLEAR: i64 = SOUND_RATE as i64 / 20;
/// Over which it is counted, in samples (five minutes): a source whose clocks differ by a hundred parts per million, as
/// healthy ones do, stays below.
const WINDOW: i64 = SOUND_RATE as i64 * 300;

/// Compares how long a source's sound is with how long its times say it is. What differs is made up for where sound is
/// laid on the output, so that it stays with the pictures; too much of it means that the source is ill.
#[derive(Debug, Default)]
pub(crate) struct AvDrift {
    window: Option<Window>,
    is_over: bool,
}

#[derive(Debug)]
struct Window {
    /// Where the next block begins by the samples that came.
    expected: i64,
    /// How much later it says it does.
    late: i64,
    length: i64,
}

impl AvDrift {
    /// Takes note of a block of `samples` that says it begins at `at`. Samples of 48 kHz, both.
    pub(crate) fn hear(&mut self, at: i64, samples: i64) {
        let begin = Window { expected: at, late: 0, length: 0 };
        let window = self.window.get_or_insert(begin);
        let late = at.saturating_sub(window.expected);
        if late.saturating_sub(window.late).abs() > HOLE {
            window.expected = at.saturating_sub(window.late);
        } else {
            window.late = late;
        }
        window.expected = window.expected.saturating_add(samples);
        window.length += samples;
        self.is_over |= window.late.abs() > TOLD;
        if window.length >= WINDOW {
            self.is_over &= window.late.abs() > CLEAR;
            self.window = None;
        }
    }

    /// Whether the drift is to be told.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// By how much sound has run late since the window began, in milliseconds.
    pub(crate) fn late_ms(&self) -> i64 {
        self.window.as_ref().map_or(0, |window| window.late * 1_000 / i64::from(SOUND_RATE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds after which drift is told, of so many that sound runs `ppm` late.
    fn told(ppm: i64, seconds: i64, drift: &mut AvDrift) -> Option<i64> {
        let blocks = seconds * i64::from(SOUND_RATE) / 1_024;
        let mut first = None;
        for block in 0..blocks {
            let at = block * 1_024;
            drift.hear(at + at * ppm / 1_000_000, 1_024);
            if drift.is_over() {
                first = first.or(Some(at / i64::from(SOUND_RATE)));
            }
        }
        first
    }

    #[test]
    fn a_millisecond_a_second_is_told_when_it_has_become_a_tenth_of_one() {
        for ppm in [1_000, -1_000] {
            assert_eq!(told(ppm, 290, &mut AvDrift::default()), Some(100));
        }
        assert_eq!(told(100, 3_600, &mut AvDrift::default()), None, "clocks of healthy sources");
    }

    #[test]
    fn it_is_over_after_five_minutes_without() {
        let mut drift = AvDrift::default();
        told(1_000, 120, &mut drift);
        assert!(drift.is_over());
        told(0, 1_000, &mut drift);
        assert!(!drift.is_over());
    }

    #[test]
    fn a_hole_is_no_drift() {
        let mut drift = AvDrift::default();
        for block in 0..10_000 {
            let lost = block / 1_000 * 48_000;
            drift.hear(block * 1_024 + lost, 1_024);
            assert!(!drift.is_over() && drift.late_ms() == 0);
        }
    }
}
