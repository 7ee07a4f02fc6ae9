//! Whether renditions of one picture are cut at the same pictures.

use std::collections::VecDeque;

use media::{MediaTime, Timescale, TrackId, rescale_nearest};

/// Cuts that are remembered: as many segments may one rendition be behind another.
const REMEMBERED: usize = 16;
/// Times this near are one instant, in µs: the same picture's, in different timescales. Frames are 4 ms apart at the least.
const INSTANT_US: i64 = 2_000;
/// After so many slots in which all are cut as one they are in step again.
const IN_STEP_SLOTS: i64 = 3;

/// The latest cuts of all renditions.
#[derive(Debug, Default)]
pub(super) struct Alignment {
    /// The first that was made in each slot, by slot.
    cuts: VecDeque<Cut>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    slot: i64,
    at_us: i64,
}

/// ```text
/// InStep --a cut beside another's--> Apart --three slots without one--> InStep
/// ```
#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    InStep,
    Apart {
        /// The rendition that showed it.
        id: TrackId,
        /// The last slot in which they were.
        slot: i64,
    },
}

/// What operators are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A rendition's key frames lie elsewhere than another's.
    Apart { id: TrackId, gap_ms: i64 },
    /// All are cut as one again, and so is the one that was told of.
    InStep { id: TrackId },
}

impl Alignment {
    /// Whether others were cut at `pts`, or nothing was cut yet.
    pub(super) fn fits(&self, pts: MediaTime) -> bool {
        self.cuts.is_empty() || self.slot_cut_at(pts).is_some()
    }

    /// The slot whose first cut was made at this very instant.
    pub(super) fn slot_cut_at(&self, pts: MediaTime) -> Option<i64> {
        let at_us = micros(pts);
        let is_there = |cut: &&Cut| (cut.at_us - at_us).abs() <= INSTANT_US;
        self.cuts.iter().rev().find(is_there).map(|cut| cut.slot)
    }

    /// Rendition `id` is cut at `pts` in `slot`. Whether it is the first there, and what is to be told.
    pub(super) fn cut(&mut self, id: TrackId, slot: i64, pts: MediaTime) -> (bool, Option<Told>) {
        let at_us = micros(pts);
        let Some(first) = self.cuts.iter().rev().find(|cut| cut.slot <= slot) else {
            let is_first = self.cuts.is_empty();
            if is_first {
                self.cuts.push_back(Cut { slot, at_us });
            }
            return (is_first, None);
        };
        if first.slot == slot {
            let gap_us = at_us - first.at_us;
            return (false, if gap_us.abs() > INSTANT_US { self.apart(id, slot, gap_us) } else { None });
        }
        if self.cuts.back().is_some_and(|newest| newest.slot > slot) {
            // One that is behind has a slot to itself: what was ahead had no key frame in it.
            return (false, None);
        }
        if self.cuts.len() == REMEMBERED {
            self.cuts.pop_front();
        }
        self.cuts.push_back(Cut { slot, at_us });
        match self.state {
            State::Apart { id, slot: last } if slot - last > IN_STEP_SLOTS => {
                self.state = State::InStep;
                (true, Some(Told::InStep { id }))
            }
            State::InStep | State::Apart { .. } => (true, None),
        }
    }

    fn apart(&mut self, id: TrackId, slot: i64, gap_us: i64) -> Option<Told> {
        match &mut self.state {
            State::Apart { slot: last, .. } => {
                *last = slot;
                None
            }
            State::InStep => {
                self.state = State::Apart { id, slot };
                let gap_ms = rescale_nearest(gap_us, Timescale::MICROS, Timescale::MILLIS);
                Some(Told::Apart { id, gap_ms })
            }
        }
    }
}

fn micros(time: MediaTime) -> i64 {
    rescale_nearest(time.ticks, time.scale, Timescale::MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: TrackId = TrackId(0);
    const SECOND: TrackId = TrackId(65);

    fn ms(ms: i64) -> MediaTime {
        MediaTime::new(ms, Timescale::MILLIS)
    }

    #[test]
    fn cuts_at_one_instant_are_in_step_whatever_their_timescales() {
        let mut all = Alignment::default();
        for slot in 0..40 {
            let at = 2_000 * slot + 333;
            let other = MediaTime::new(at * 12_288 / 1_000, Timescale::new(12_288));
            assert_eq!(all.cut(FIRST, slot, ms(at)), (true, None));
            assert_eq!(all.slot_cut_at(other), Some(slot));
            assert_eq!(all.cut(SECOND, slot, other), (false, None));
        }
    }

    #[test]
    fn it_is_told_once_that_renditions_are_apart_and_once_that_they_are_no_longer() {
        let mut all = Alignment::default();
        let mut told = Vec::new();
        for slot in 0..10 {
            let gap = if slot < 3 { 500 } else { 0 };
            told.extend(all.cut(FIRST, slot, ms(2_000 * slot)).1);
            told.extend(all.cut(SECOND, slot, ms(2_000 * slot + gap)).1);
        }
        assert_eq!(told, [Told::Apart { id: SECOND, gap_ms: 500 }, Told::InStep { id: SECOND }]);
    }

    #[test]
    fn what_is_cut_first_fits_anywhere_and_all_else_where_something_was_cut() {
        let mut all = Alignment::default();
        assert!(all.fits(ms(14_700)));
        all.cut(FIRST, 7, ms(14_700));
        assert!(all.fits(ms(14_701)) && !all.fits(ms(15_200)));
    }
}
