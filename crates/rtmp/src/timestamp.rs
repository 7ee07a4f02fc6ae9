//! RTMP's 32-bit milliseconds on one long line.

/// Unwraps 32-bit timestamps, which begin again after 49.7 days. Each is taken as the value nearest the one before,
/// so steps of up to 24.8 days either way are told right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unwrap {
    last: Option<i64>,
}

impl Unwrap {
    /// The timestamp on the long line, in ms; the first is itself.
    pub(crate) fn next(&mut self, timestamp: u32) -> i64 {
        let unwrapped = match self.last {
            None => i64::from(timestamp),
            Some(last) => last + i64::from(timestamp.wrapping_sub(last as u32) as i32),
        };
        self.last = Some(unwrapped);
        unwrapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_over_the_wrap_and_may_step_back() {
        let mut unwrap = Unwrap::default();
        let wrap = 1_i64 << 32;
        for (timestamp, expected) in [
            (0xFFFF_FFF0, wrap - 16),
            (0x0000_0010, wrap + 16),
            (0xFFFF_FFFF, wrap - 1),
            (0x7000_0000, wrap + 0x7000_0000),
            (0xE000_0000, wrap + 0xE000_0000),
            (0x0000_0000, 2 * wrap),
        ] {
            assert_eq!(unwrap.next(timestamp), expected, "{timestamp:#x}");
        }
    }
}
