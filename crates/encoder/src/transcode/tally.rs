//! What is wrong with each segment of a track while it is made.

use std::collections::VecDeque;

use wire::{Content, Measured};

use super::cuts::Place;

/// Most segments counted at once: an encoder looks ahead by less than one. Beyond it the oldest is forgotten.
const MAX_SLOTS: usize = 8;

/// Counts frames by slot: encoders give them back later, and in another order, than they were told what they show.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    slots: VecDeque<(i64, Measured)>,
    /// Where the track begins.
    begins: Option<Place>,
}

impl Tally {
    /// The track begins at `place`, with nothing before it: frames of its slot from before are not missing.
    pub(crate) const fn begin(&mut self, place: Place) {
        self.begins = Some(place);
    }

    /// Counts a frame of `slot`; slots rise.
    pub(crate) fn add(&mut self, slot: i64, content: Content, is_late: bool) {
        if self.slots.back().is_none_or(|(newest, _)| *newest != slot) {
            if self.slots.len() == MAX_SLOTS {
                self.slots.pop_front();
            }
            self.slots.push_back((slot, Measured::default()));
        }
        if let Some((_, measured)) = self.slots.back_mut() {
            measured.add(content, is_late);
        }
    }

    /// What was counted of the segment that `place` stands in, which has ended.
    pub(crate) fn take(&mut self, place: Place) -> Measured {
        while self.slots.front().is_some_and(|(slot, _)| *slot < place.slot) {
            self.slots.pop_front();
        }
        let is_counted = self.slots.front().is_some_and(|(slot, _)| *slot == place.slot);
        let counted = if is_counted { self.slots.pop_front() } else { None };
        let before = self.begins.filter(|begins| begins.slot == place.slot).map_or(0, |begins| begins.at);
        let frames = u32::try_from(place.of - before).unwrap_or(u32::MAX);
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
    fn frames_from_before_the_beginning_are_not_missing_and_those_after_it_are() {
        let mut tally = Tally::default();
        tally.begin(Place { slot: 7, at: 20, of: 30 });
        (0..9).for_each(|_| tally.add(7, Content::Source, false));
        (0..29).for_each(|_| tally.add(8, Content::Source, false));
        let of = |slot| Place { slot, at: 29, of: 30 };
        assert_eq!(tally.take(of(7)), Measured { frames: 10, missing: 1, ..Measured::default() });
        assert_eq!(tally.take(of(8)), Measured { frames: 30, missing: 1, ..Measured::default() });
    }

    #[test]
    fn no_more_than_a_few_segments_are_counted_at_once() {
        let mut tally = Tally::default();
        (0..1_000).for_each(|slot| tally.add(slot, Content::Source, false));
        assert_eq!(tally.slots.len(), MAX_SLOTS);
    }
}
