//! What becomes of bytes on their way through hostile hands.

use crate::random::Random;

/// Numbers that parsers stumble over, one, two, three or four bytes long.
const EDGES: [&[u8]; 9] = [
    &[0xFF],
    &[0x80],
    &[0, 0],
    &[0x7F, 0xFF],
    &[0xFF, 0xFF],
    &[0xFF, 0xFF, 0xFF],
    &[0x7F, 0xFF, 0xFF, 0xFF],
    &[0x80, 0, 0, 0],
    &[0xFF, 0xFF, 0xFF, 0xFF],
];

/// Damages `bytes` in one to four ways. What was empty stays so.
pub fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        once(random, bytes);
    }
}

/// As [`damage`], on a copy.
pub fn damaged(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    damage(random, &mut copy);
    copy
}

fn once(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = random.place(bytes.len());
    match random.below(9) {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes[at] = random.bits() as u8,
        3 => {
            let edge = *random.pick(&EDGES);
            let end = (at + edge.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&edge[..end - at]);
        }
        4 => bytes.truncate(at),
        5 => {
            let more = random.below(64) as usize;
            let more = random.bytes(more);
            bytes.splice(at..at, more);
        }
        6 => {
            let end = (at + 1 + random.below(64) as usize).min(bytes.len());
            bytes.drain(at..end);
        }
        7 => {
            // Some bytes twice, or in another's place.
            let end = (at + 1 + random.below(200) as usize).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = random.place(bytes.len());
            bytes.splice(to..to, piece);
        }
        _ => {
            let end = (at + 1 + random.below(64) as usize).min(bytes.len());
            bytes[at..end].fill(random.bits() as u8);
        }
    }
}

/// Puts a row into another order: some neighbours change places.
pub fn reorder<T>(random: &mut Random, row: &mut [T]) {
    if row.len() < 2 {
        return;
    }
    for _ in 0..=row.len() / 4 {
        let at = random.place(row.len() - 1);
        let to = (at + 1 + random.below(6) as usize).min(row.len() - 1);
        row.swap(at, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_the_same_for_the_same_seed_and_mostly_changes_something() {
        let whole: Vec<u8> = (0..=255).collect();
        let changed = (0..200).filter(|seed| {
            let once = damaged(&mut Random::new(*seed), &whole);
            assert_eq!(once, damaged(&mut Random::new(*seed), &whole));
            once != whole
        });
        assert!(changed.count() > 190);
    }

    #[test]
    fn what_is_empty_stays_so_and_a_reordered_row_has_all_it_had() {
        assert!(damaged(&mut Random::new(1), &[]).is_empty());
        let mut row: Vec<u8> = (0..40).collect();
        reorder(&mut Random::new(1), &mut row);
        assert_ne!(row, (0..40).collect::<Vec<u8>>());
        row.sort_unstable();
        assert_eq!(row, (0..40).collect::<Vec<u8>>());
    }
}
