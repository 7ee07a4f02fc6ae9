//! Source frames onto the epoch's constant frame grid.

use media::Rational;

/// Parts of an output frame in which positions are counted.
const PART: i64 = 1 << 16;
/// How far from its place a frame may be, beyond the half frame that decides, before it is moved to the next place:
/// timestamps that jitter by a few milliseconds around the half then neither drop nor repeat.
const HYSTERESIS: i64 = PART * 15 / 100;
/// Steps remembered to tell the source's rate.
const STEPS: usize = 15;

/// Chooses, for one output rate, at which frame numbers a source frame is shown.
///
/// A frame is due when its time says so to within half a frame; the number it gets is the next free one where it can
/// be. A source faster than the output loses frames, a slower one has frames shown again.
#[derive(Clone, Debug)]
pub(crate) struct Cadence {
    rate: Rational,
    /// The number the next shown frame should get.
    next: i64,
    /// Position of the frame before.
    last: Option<i64>,
    /// The latest steps between source frames.
    steps: [i64; STEPS],
    known_steps: usize,
}

/// Where a source frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: another frame stands nearer.
    Skip,
    /// At `index`; the frame before it is shown again at the `fill` numbers before that.
    Show {
        /// Output frame number.
        index: i64,
        /// Numbers left free since the frame before.
        fill: i64,
    },
}

impl Cadence {
    /// Begins with frame number `first`.
    pub(crate) const fn new(rate: Rational, first: i64) -> Self {
        Self { rate, next: first, last: None, steps: [0; STEPS], known_steps: 0 }
    }

    /// The number the next shown frame should get.
    pub(crate) const fn next(&self) -> i64 {
        self.next
    }

    /// Places the frame at `time_ns` since the epoch. Times rise.
    pub(crate) fn place(&mut self, time_ns: i64) -> Place {
        let at = position(time_ns, self.rate);
        let step = self.step(at);
        let late = at - self.next * PART;
        if late < -(step.min(PART) / 2 + step.min(PART) * HYSTERESIS / PART) {
            return Place::Skip;
        }
        let fill = if late > PART / 2 + HYSTERESIS { (late + PART / 2).div_euclid(PART) } else { 0 };
        let index = self.next + fill;
        self.next = index + 1;
        Place::Show { index, fill }
    }

    /// Takes `count` numbers for repeats of the last frame; the first of them.
    pub(crate) const fn repeat(&mut self, count: i64) -> i64 {
        let first = self.next;
        self.next += count;
        first
    }

    /// The source's usual step, in parts of an output frame.
    fn step(&mut self, at: i64) -> i64 {
        if let Some(last) = self.last.replace(at) {
            self.steps[self.known_steps % STEPS] = at - last;
            self.known_steps += 1;
        }
        if self.known_steps == 0 {
            return PART;
        }
        let mut steps = self.steps;
        let steps = &mut steps[..self.known_steps.min(STEPS)];
        steps.sort_unstable();
        steps[steps.len() / 2].max(1)
    }
}

/// The frame of `rate` nearest to `time_ns`.
pub(crate) const fn nearest_frame(time_ns: i64, rate: Rational) -> i64 {
    (position(time_ns, rate) + PART / 2).div_euclid(PART)
}

/// When frame `index` of `rate` is shown, in nanoseconds since the epoch.
pub(crate) const fn frame_time_ns(index: i64, rate: Rational) -> i64 {
    (index as i128 * rate.den() as i128 * 1_000_000_000 / rate.num() as i128) as i64
}

const fn position(time_ns: i64, rate: Rational) -> i64 {
    let scaled = time_ns as i128 * rate.num() as i128 * PART as i128;
    scaled.div_euclid(rate.den() as i128 * 1_000_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 in nanoseconds, an instant of every whole frame rate's grid.
    const EPOCH: i64 = 1_795_219_200 * 1_000_000_000;

    struct Outcome {
        shown: usize,
        skipped: usize,
        repeated: i64,
        furthest_ms: i64,
    }

    /// Feeds `frames` source frames of `source` rate, each moved by `jitter_ns`, to an output of `rate`.
    fn check(source: Rational, rate: Rational, frames: i64, jitter_ns: impl Fn(i64) -> i64) -> Outcome {
        let mut cadence = Cadence::new(rate, nearest_frame(EPOCH, rate));
        let mut outcome = Outcome { shown: 0, skipped: 0, repeated: 0, furthest_ms: 0 };
        let mut expected = cadence.next();
        let locked = frame_time_ns(expected, rate);
        for n in 0..frames {
            let time = locked + frame_time_ns(n, source) + jitter_ns(n);
            match cadence.place(time) {
                Place::Skip => outcome.skipped += 1,
                Place::Show { index, fill } => {
                    assert_eq!(index - fill, expected, "numbers are contiguous");
                    expected = index + 1;
                    outcome.shown += 1;
                    outcome.repeated += fill;
                    let off = (frame_time_ns(index, rate) - time).abs() / 1_000_000;
                    outcome.furthest_ms = outcome.furthest_ms.max(off);
                }
            }
        }
        outcome
    }

    fn rounded_to_ms(source: Rational) -> impl Fn(i64) -> i64 {
        move |n| -(frame_time_ns(n, source) % 1_000_000)
    }

    fn ntsc(num: u32) -> Rational {
        Rational::new(num, 1_001).expect("positive")
    }

    #[test]
    fn equal_rates_pass_one_to_one_whatever_the_jitter() {
        for rate in
            [Rational::whole(30), Rational::whole(25), Rational::whole(60), ntsc(30_000), ntsc(60_000)]
        {
            let outcome = check(rate, rate, 20_000, rounded_to_ms(rate));
            assert_eq!((outcome.skipped, outcome.repeated), (0, 0), "{rate}");
            let outcome = check(rate, rate, 20_000, |n| (n * 7_919 % 11 - 5) * 1_000_000);
            assert_eq!((outcome.skipped, outcome.repeated), (0, 0), "{rate} with 5 ms of jitter");
        }
    }

    #[test]
    fn other_rates_lose_or_repeat_just_what_they_must() {
        let [r24, r25, r30, r50, r60] = [24, 25, 30, 50, 60].map(Rational::whole);
        for (source, rate, skipped, repeated) in [
            (r25, r30, 0, 200),
            (r30, r25, 167, 0),
            (r60, r30, 500, 0),
            (r50, r25, 500, 0),
            (r30, r60, 0, 999),
            (r24, r30, 0, 250),
            (ntsc(30_000), r30, 0, 1),
            (r30, ntsc(30_000), 1, 0),
        ] {
            let outcome = check(source, rate, 1_000, rounded_to_ms(source));
            let close = |found: i64, wanted: i64| (found - wanted).abs() <= 1;
            assert!(
                close(outcome.skipped as i64, skipped),
                "{source} to {rate}: {} skipped",
                outcome.skipped
            );
            assert!(close(outcome.repeated, repeated), "{source} to {rate}: {} repeated", outcome.repeated);
            assert_eq!(outcome.shown + outcome.skipped, 1_000);
            assert!(outcome.furthest_ms <= 27, "{source} to {rate}: {} ms off", outcome.furthest_ms);
        }
    }

    #[test]
    fn a_hole_in_the_source_is_filled_with_the_frame_before_it() {
        let rate = Rational::whole(30);
        let mut cadence = Cadence::new(rate, nearest_frame(EPOCH, rate));
        let first = cadence.next();
        assert_eq!(cadence.place(EPOCH), Place::Show { index: first, fill: 0 });
        let later = EPOCH + 400_000_000;
        assert_eq!(cadence.place(later), Place::Show { index: first + 12, fill: 11 });
    }
}
