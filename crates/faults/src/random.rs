//! Moments by chance, the same for the same seed.

use std::time::Duration;

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A row of numbers for each seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// One of `0..count`.
    pub const fn below(&mut self, count: u64) -> u64 {
        self.bits() % count
    }

    /// Whether one of `chances` came.
    pub const fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// A place in a row of `length`, which is not empty.
    pub const fn place(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// One of `row`, which is not empty.
    pub fn pick<'a, T>(&mut self, row: &'a [T]) -> &'a T {
        &row[self.place(row.len())]
    }

    /// `length` bytes that mean nothing.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.bits().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// A span of `from` to `to` milliseconds.
    pub const fn between_ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_as_many_as_were_asked_for_and_a_pick_is_one_of_the_row() {
        let mut random = Random::new(3);
        assert_eq!([0, 1, 8, 13].map(|length| random.bytes(length).len()), [0, 1, 8, 13]);
        assert!((0..50).all(|_| [2, 3, 5].contains(random.pick(&[2, 3, 5]))));
    }

    #[test]
    fn a_seed_gives_the_same_row_again_and_another_seed_another() {
        let row = |seed| {
            let mut random = Random::new(seed);
            [(); 8].map(|()| random.below(1_000))
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
    }
}
