//! Counters that wrap, on one long line.

/// Lines are begun again before they could overflow: after 400,000 years of 90 kHz.
const MAX_LINE: i64 = 1 << 60;

/// Unwraps values of a counter that has `WRAP` of them, such as `1 << 32`: each is taken as the value nearest the one before, so steps of up to half a turn either
/// way are told right; the first is itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwrap<const WRAP: i64> {
    last: Option<i64>,
}

impl<const WRAP: i64> Unwrap<WRAP> {
    /// The value nearest `reference` that is `value` modulo `WRAP`.
    pub const fn nearest(value: i64, reference: i64) -> i64 {
        let ahead = (value - reference).rem_euclid(WRAP);
        reference + if ahead < WRAP / 2 { ahead } else { ahead - WRAP }
    }

    /// The value on the long line.
    pub const fn next(&mut self, value: i64) -> i64 {
        let value = value.rem_euclid(WRAP);
        let unwrapped = match self.last {
            Some(last) if last.abs() < MAX_LINE => Self::nearest(value, last),
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
    use super::*;

    #[test]
    fn a_line_never_overflows() {
        const WRAP: i64 = 300 << 33;
        let mut unwrap = Unwrap::<WRAP> { last: Some(MAX_LINE) };
        assert_eq!(unwrap.next(5), 5);
        let mut unwrap = Unwrap::<WRAP> { last: Some(1 - MAX_LINE) };
        unwrap.next(WRAP / 2 + 7);
        unwrap.next(3);
    }

    #[test]
    fn time_goes_on_over_the_wrap_and_may_step_back() {
        const WRAP: i64 = 1 << 32;
        let mut unwrap = Unwrap::<WRAP>::default();
        for (timestamp, expected) in [
            (0xFFFF_FFF0, WRAP - 16),
            (0x0000_0010, WRAP + 16),
            (0xFFFF_FFFF, WRAP - 1),
            (0x7000_0000, WRAP + 0x7000_0000),
            (0xE000_0000, WRAP + 0xE000_0000),
            (0x0000_0000, 2 * WRAP),
        ] {
            assert_eq!(unwrap.next(timestamp), expected, "{timestamp:#x}");
        }
    }

    #[test]
    fn sixty_days_of_timestamps_are_one_line() {
        let (mut timestamps, start) = (Unwrap::<{ 1 << 32 }>::default(), 0xFFFF_0000_i64);
        // One every minute, of 90 kHz.
        for minute in 0..60 * 24 * 60_i64 {
            let ticks = start + minute * 60 * 90_000;
            assert_eq!(timestamps.next(i64::from(ticks as u32)), ticks);
        }
    }
}
