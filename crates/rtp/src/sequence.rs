//! 16-bit sequence numbers on one long line.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_step_over_the_wrap_both_ways() {
        let newest = first_number(65_535);
        for (sequence, step) in [(0, 1), (65_535, 0), (65_534, -1), (32_766, 32_767), (32_767, -32_768)] {
            assert_eq!(sequence_step(newest, sequence), step, "{sequence}");
        }
    }
}
