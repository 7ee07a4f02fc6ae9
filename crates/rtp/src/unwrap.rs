//! 16-bit sequence numbers and 32-bit timestamps on one long line.

/// Where the first sequence number of a source lies: so far up that a step back never reaches zero.
const FIRST_TURN: u64 = 1 << 32;

/// The number of a source's first packet.
pub(crate) fn first_number(sequence: u16) -> u64 {
    FIRST_TURN + u64::from(sequence)
}

/// The step from `reference` to the nearest number that reads `sequence`, -32768 to 32767.
pub(crate) fn sequence_step(reference: u64, sequence: u16) -> i64 {
    i64::from(sequence.wrapping_sub(reference as u16) as i16)
}

/// Unwraps timestamps, which at 90 kHz begin again after 13 hours and 15 minutes. Each is taken as the value nearest the
/// one before, so steps of up to 6 hours and 37 minutes either way are told right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timestamps {
    last: Option<i64>,
}

impl Timestamps {
    /// The timestamp on the long line, in ticks; the first is itself.
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
    fn sixty_days_of_timestamps_are_one_line() {
        let (mut timestamps, start) = (Timestamps::default(), 0xFFFF_0000_i64);
        // A packet every minute.
        for minute in 0..60 * 24 * 60_i64 {
            let ticks = start + minute * 60 * 90_000;
            assert_eq!(timestamps.next(ticks as u32), ticks);
        }
    }

    #[test]
    fn sequence_numbers_step_over_the_wrap_both_ways() {
        let newest = first_number(65_535);
        for (sequence, step) in [(0, 1), (65_535, 0), (65_534, -1), (32_766, 32_767), (32_767, -32_768)] {
            assert_eq!(sequence_step(newest, sequence), step, "{sequence}");
        }
    }
}
