//! 33-bit stamps on one long line.

use media::Unwrap;

/// Values of a time stamp (PTS, DTS, a splice time): 2^33 ticks of 90 kHz, 26.5 hours.
pub const STAMP_WRAP: i64 = 1 << 33;
/// Values of a clock reference (PCR): as long, in ticks of 27 MHz.
pub const CLOCK_WRAP: i64 = STAMP_WRAP * 300;

/// The value nearest `reference` that is `stamp` modulo 2^33: so steps of up to 13.2 hours either way are told right.
pub const fn nearest(stamp: i64, reference: i64) -> i64 {
    StampLine::nearest(stamp, reference)
}

/// Unwraps PTS and DTS, in ticks of 90 kHz.
pub type StampLine = Unwrap<STAMP_WRAP>;
/// Unwraps PCR, in ticks of 27 MHz.
pub type ClockLine = Unwrap<CLOCK_WRAP>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn time_goes_on_over_the_wrap_and_may_step_back() {
        let mut unwrap = StampLine::default();
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

    proptest! {
        /// Sixty wraps are 66 days: far over what a 32-bit or a nanosecond line holds.
        #[test]
        fn any_walk_over_sixty_wraps_is_followed(
            clock in any::<bool>(),
            start in 0..STAMP_WRAP,
            steps in prop::collection::vec((-STAMP_WRAP / 8..STAMP_WRAP / 2, any::<bool>()), 250),
        ) {
            let (mut stamps, mut clocks) = (StampLine::default(), ClockLine::default());
            let mut next = |value| if clock { clocks.next(value) } else { stamps.next(value) };
            let unit = if clock { 300 } else { 1 };
            let wrap = STAMP_WRAP * unit;
            let mut truth = start * unit;
            prop_assert_eq!(next(truth), truth);
            for (step, small) in steps {
                truth += if small { step % 90_000 } else { step } * unit;
                prop_assert_eq!(next(truth.rem_euclid(wrap)), truth);
            }
        }

        #[test]
        fn sixty_wraps_at_a_steady_pace_are_followed(start in 0..STAMP_WRAP, pace in 1..STAMP_WRAP / 2) {
            let mut unwrap = StampLine::default();
            let mut truth = start;
            while truth < 60 * STAMP_WRAP {
                prop_assert_eq!(unwrap.next(truth % STAMP_WRAP), truth);
                truth += pace.max(STAMP_WRAP / 64);
            }
        }
    }
}
