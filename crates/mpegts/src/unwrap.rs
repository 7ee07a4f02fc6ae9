//! 33-bit stamps on one long line.

/// Values of a time stamp (PTS, DTS, a splice time): 2^33 ticks of 90 kHz, 26.5 hours.
pub const STAMP_WRAP: i64 = 1 << 33;
/// Values of a clock reference (PCR): as long, in ticks of 27 MHz.
pub const CLOCK_WRAP: i64 = STAMP_WRAP * 300;
/// Lines are begun again before they could overflow: after 400,000 years of 90 kHz.
const MAX_LINE: i64 = 1 << 60;

/// The value nearest `reference` that is `stamp` modulo 2^33: so steps of up to 13.2 hours either way are told right.
pub const fn nearest(stamp: i64, reference: i64) -> i64 {
    nearest_modulo(stamp, reference, STAMP_WRAP)
}

const fn nearest_modulo(value: i64, reference: i64, wrap: i64) -> i64 {
    let ahead = (value - reference).rem_euclid(wrap);
    reference + if ahead < wrap / 2 { ahead } else { ahead - wrap }
}

/// Unwraps values of a counter: each is taken as the value nearest the one before, the first as itself.
#[derive(Clone, Copy, Debug)]
pub struct Unwrap {
    wrap: i64,
    last: Option<i64>,
}

impl Unwrap {
    /// For PTS and DTS, in ticks of 90 kHz.
    pub const fn stamps() -> Self {
        Self { wrap: STAMP_WRAP, last: None }
    }

    /// For PCR, in ticks of 27 MHz.
    pub const fn clock() -> Self {
        Self { wrap: CLOCK_WRAP, last: None }
    }

    /// The value on the long line.
    pub const fn next(&mut self, value: i64) -> i64 {
        let value = value.rem_euclid(self.wrap);
        let unwrapped = match self.last {
            Some(last) if last.abs() < MAX_LINE => nearest_modulo(value, last, self.wrap),
            _ => value,
        };
        self.last = Some(unwrapped);
        unwrapped
    }

    /// The latest value on the long line.
    pub const fn last(&self) -> Option<i64> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn time_goes_on_over_the_wrap_and_may_step_back() {
        let mut unwrap = Unwrap::stamps();
        for (stamp, expected) in [
            (STAMP_WRAP - 16, STAMP_WRAP - 16),
            (16, STAMP_WRAP + 16),
            (STAMP_WRAP - 1, STAMP_WRAP - 1),
            (90_000, STAMP_WRAP + 90_000),
            (0, STAMP_WRAP),
        ] {
            assert_eq!(unwrap.next(stamp), expected);
        }
    }

    #[test]
    fn a_line_never_overflows() {
        let mut unwrap = Unwrap { wrap: CLOCK_WRAP, last: Some(MAX_LINE) };
        assert_eq!(unwrap.next(5), 5);
        let mut unwrap = Unwrap { wrap: CLOCK_WRAP, last: Some(1 - MAX_LINE) };
        unwrap.next(CLOCK_WRAP / 2 + 7);
        unwrap.next(3);
    }

    proptest! {
        /// Sixty wraps are 66 days: far over what a 32-bit or a nanosecond line holds.
        #[test]
        fn any_walk_over_sixty_wraps_is_followed(
            clock in any::<bool>(),
            start in 0..STAMP_WRAP,
            steps in prop::collection::vec((-STAMP_WRAP / 8..STAMP_WRAP / 2, any::<bool>()), 250),
        ) {
            let (mut unwrap, unit) = if clock { (Unwrap::clock(), 300) } else { (Unwrap::stamps(), 1) };
            let wrap = STAMP_WRAP * unit;
            let mut truth = start * unit;
            prop_assert_eq!(unwrap.next(truth), truth);
            for (step, small) in steps {
                truth += if small { step % 90_000 } else { step } * unit;
                prop_assert_eq!(unwrap.next(truth.rem_euclid(wrap)), truth);
            }
        }

        #[test]
        fn sixty_wraps_at_a_steady_pace_are_followed(start in 0..STAMP_WRAP, pace in 1..STAMP_WRAP / 2) {
            let mut unwrap = Unwrap::stamps();
            let mut truth = start;
            while truth < 60 * STAMP_WRAP {
                prop_assert_eq!(unwrap.next(truth % STAMP_WRAP), truth);
                truth += pace.max(STAMP_WRAP / 64);
            }
        }
    }
}
