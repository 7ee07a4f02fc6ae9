//! What is wrong with each segment of a track while it is made.

use std::collections::VecDeque;

use wire::{Content, Measured};

use super::cuts::Place;

/// Most segments counted at once: an encoder looks ahead by less than one. Beyond it the oldest is forgotten.
const MAX_SLOTS: usize = 8;

/// Counts frames by slot: encoders give them back later, and in another order, than they were told what they show.
#[derive(Debug, Default)]
pub(crate) struct Tally(VecDeque<(i64, Measured)>);

impl Tally {
    /// Counts a frame of `slot`; slots rise.
    pub(crate) fn add(&mut self, slot: i64, content: Content, is_late: bool) {
        if self.0.back().is_none_or(|(newest, _)| *newest != slot) {
            if self.0.len() == MAX_SLOTS {
                self.0.pop_front();
            }
            self.0.push_back((slot, Measured::default()));
        }
        if let Some((_, measured)) = self.0.back_mut() {
            measured.add(content, is_late);
        }
    }

    /// What was counted of the segment that `place` stands in, which has ended.
    pub(crate) fn take(&mut self, place: Place) -> Measured {
        while self.0.front().is_some_and(|(slot, _)| *slot < place.slot) {
            self.0.pop_front();
        }
        let is_counted = self.0.front().is_some_and(|(slot, _)| *slot == place.slot);
        let counted = if is_counted { self.0.pop_front() } else { None };
        let frames = u32::try_from(place.of).unwrap_or(u32::MAX);
        counted.map_or_else(Measured::default, |(_, measured)| measured).of(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_count_for_their_own_segment_and_those_that_never_came_are_missing() {
        let mut tally = Tally::default();
        for (slot, content) in [(7, Content::Source), (7, Content::Fill), (8, Content::Repeat)] {
            tally.add(slot, content, slot == 8);
        }
        let of = |slot| Place { slot, at: 0, of: 2 };
        assert_eq!(tally.take(of(7)), Measured { frames: 2, fill: 1, ..Measured::default() });
        assert_eq!(
            tally.take(of(8)),
            Measured { frames: 2, missing: 1, repeated: 1, late: 1, ..Measured::default() }
        );
        assert_eq!(tally.take(of(9)), Measured { frames: 2, missing: 2, ..Measured::default() });
    }

    #[test]
    fn no_more_than_a_few_segments_are_counted_at_once() {
        let mut tally = Tally::default();
        (0..1_000).for_each(|slot| tally.add(slot, Content::Source, false));
        assert_eq!(tally.0.len(), MAX_SLOTS);
    }
}
