//! Where a transcoder cuts segments: the same instants on every rung.

use crate::{Grid, MediaTime, Rational};

/// Where a frame stands in its slot's segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The slot.
    pub slot: i64,
    /// Frames of the segment before it.
    pub at: i64,
    /// Frames of the whole segment.
    pub of: i64,
}

/// The cut of a slot is the first frame of the slowest rung's frame grid at or after the slot's start. Frame `k` of
/// rate F is at k/F seconds since the epoch; AAC frame `k` begins at sample k × 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    grid: Grid,
    slowest: Rational,
}

impl Cuts {
    /// The cuts of a ladder whose slowest rung has `slowest` frames a second.
    pub const fn new(grid: Grid, slowest: Rational) -> Self {
        Self { grid, slowest }
    }

    /// The rate whose frames all cuts lie on.
    pub const fn slowest(self) -> Rational {
        self.slowest
    }

    /// Number of the slowest rung's frame that begins `slot`.
    pub const fn frame(self, slot: i64) -> i64 {
        let scale = self.slowest.frame_timescale();
        let ticks = self.slowest.frame_ticks() as i64;
        div_ceil(self.grid.start(slot, scale) as i128, ticks as i128)
    }

    /// First frame of `rate` at or after `slot`'s cut.
    pub const fn frame_of(self, slot: i64, rate: Rational) -> i64 {
        first_frame_from(self.frame(slot), self.slowest, rate)
    }

    /// The slot that frame `index` of `rate` belongs to.
    pub const fn slot_of_frame(self, index: i64, rate: Rational) -> i64 {
        let time = MediaTime::new(index * rate.frame_ticks() as i64, rate.frame_timescale());
        let slot = self.grid.slot(time);
        if index < self.frame_of(slot, rate) { slot - 1 } else { slot }
    }

    /// Where frame `index` of `rate` stands.
    pub const fn place(self, index: i64, rate: Rational) -> Place {
        let slot = self.slot_of_frame(index, rate);
        let first = self.frame_of(slot, rate);
        Place { slot, at: index - first, of: self.frame_of(slot + 1, rate) - first }
    }

    /// Whether frame `index` of `rate` begins a slot's segment.
    pub const fn is_cut(self, index: i64, rate: Rational) -> bool {
        self.place(index, rate).at == 0
    }
}

/// First frame of `rate` at or after frame `index` of `of`.
pub const fn first_frame_from(index: i64, of: Rational, rate: Rational) -> i64 {
    let num = index as i128 * of.den() as i128 * rate.num() as i128;
    let den = of.num() as i128 * rate.den() as i128;
    div_ceil(num, den)
}

const fn div_ceil(num: i128, den: i128) -> i64 {
    -(-num).div_euclid(den) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const AAC_RATE: Rational = match Rational::new(48_000, 1_024) {
        Some(rate) => rate,
        None => unreachable!(),
    };

    const NTSC: Rational = match Rational::new(30_000, 1_001) {
        Some(rate) => rate,
        None => unreachable!(),
    };

    #[test]
    fn rungs_of_one_family_cut_at_the_same_instant() {
        for (slow, fast) in [(30, 60), (25, 50), (24, 48)] {
            let cuts = Cuts::new(Grid::new(2_000), Rational::whole(slow));
            for slot in 880_000_000..880_000_100 {
                let ratio = i64::from(fast / slow);
                assert_eq!(cuts.frame_of(slot, Rational::whole(fast)), ratio * cuts.frame(slot));
            }
        }
    }

    #[test]
    fn each_frame_is_in_one_slot_and_each_slot_has_one_cut() {
        for rate in [NTSC, Rational::whole(30), Rational::whole(50), Rational::whole(24)] {
            let cuts = Cuts::new(Grid::new(1_920), NTSC);
            let first = cuts.frame_of(900_000_000, rate);
            let mut cut = 0;
            for index in first..first + 1_000 {
                let slot = cuts.slot_of_frame(index, rate);
                assert!(cuts.frame_of(slot, rate) <= index && index < cuts.frame_of(slot + 1, rate));
                cut += usize::from(cuts.is_cut(index, rate));
            }
            let slots = cuts.slot_of_frame(first + 999, rate) - 900_000_000 + 1;
            assert_eq!(cut as i64, slots, "{rate}");
        }
    }

    #[test]
    fn sound_is_cut_at_the_first_frame_at_or_after_the_picture() {
        let cuts = Cuts::new(Grid::new(2_000), NTSC);
        for slot in 880_000_000..880_000_200 {
            let index = cuts.frame_of(slot, AAC_RATE);
            // In units of 1/(48,000 × 30,000) s, so that both are exact.
            let picture = i128::from(cuts.frame(slot)) * 1_001 * 48_000;
            let sound = |index: i64| i128::from(index) * 1_024 * 30_000;
            assert!(sound(index) >= picture && sound(index - 1) < picture);
            let near = index - 40..index + 40;
            let found: Vec<_> = near.filter(|index| cuts.is_cut(*index, AAC_RATE)).collect();
            assert_eq!(found, [index]);
        }
    }
}
