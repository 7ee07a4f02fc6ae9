//! Where a source's times lie on the epoch: one mapping for all renditions.

use std::collections::VecDeque;

use media::Unwrap;

/// Turn of a transport stream's time stamps, in 90 kHz.
pub(super) const TURN: i64 = 1 << 33;
/// Delays that are remembered: as many may one rendition be behind another.
const REMEMBERED: usize = 16;

/// Names a line: the round and the line of its playlists, and how often times jumped in it without a word.
pub(super) type Number = (u64, u64, u64);

/// Source times that belong together.
///
/// They are moved by one offset, until pictures come too late: from those on, all is shown so much later. Where a source time lies is
/// decided once, by the rendition that comes there first; all others follow, whenever they come.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) number: Number,
    /// From which source time on which offset holds, both in µs; times rise.
    offsets: VecDeque<(i64, i64)>,
    /// Up to where pictures have been laid, a source time in µs.
    laid_us: Option<i64>,
    pub(super) turns: Unwrap<TURN>,
}

impl Line {
    /// A line whose times wrap where those of another do.
    pub(super) fn new(number: Number, turns: Unwrap<TURN>) -> Self {
        Self { number, turns, ..Self::default() }
    }

    /// The offset of a source time, in µs.
    pub(super) fn offset_us(&self, time_us: i64) -> Option<i64> {
        let holds = self.offsets.iter().rev().find(|(from_us, _)| *from_us <= time_us);
        holds.or(self.offsets.front()).map(|(_, offset_us)| *offset_us)
    }

    /// Lays a source time at `at_us`, and all others with it; gives back the offset.
    pub(super) fn lay(&mut self, time_us: i64, at_us: i64) -> i64 {
        let offset_us = at_us.saturating_sub(time_us);
        self.offsets.clear();
        self.offsets.push_back((time_us, offset_us));
        self.laid_us = None;
        offset_us
    }

    /// Whether nothing has been laid there yet.
    pub(super) fn is_new_ground(&self, time_us: i64) -> bool {
        self.laid_us.is_none_or(|laid| time_us > laid)
    }

    /// Pictures have been laid up to there.
    pub(super) fn reaches(&mut self, time_us: i64) {
        self.laid_us = self.laid_us.max(Some(time_us));
    }

    /// From there on everything is shown later by so much; gives back the offset there.
    pub(super) fn delay(&mut self, from_us: i64, by_us: i64) -> i64 {
        let offset_us = self.offset_us(from_us).unwrap_or(0).saturating_add(by_us);
        self.offsets.retain(|(other, _)| *other < from_us);
        if self.offsets.len() == REMEMBERED {
            self.offsets.pop_front();
        }
        self.offsets.push_back((from_us, offset_us));
        offset_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_holds_from_its_place_on_and_changes_nothing_before_it() {
        let mut line = Line::default();
        assert_eq!(line.offset_us(5), None);
        assert_eq!(line.lay(1_000, 51_000), 50_000);
        line.reaches(2_000);
        assert!(!line.is_new_ground(2_000) && line.is_new_ground(2_001));
        assert_eq!(line.delay(2_001, 300), 50_300);
        for (time_us, offset_us) in
            [(0, 50_000), (1_000, 50_000), (2_000, 50_000), (2_001, 50_300), (9_000, 50_300)]
        {
            assert_eq!(line.offset_us(time_us), Some(offset_us), "{time_us}");
        }
    }

    #[test]
    fn of_many_delays_the_latest_are_remembered() {
        let mut line = Line::default();
        line.lay(0, 0);
        for index in 1..100 {
            line.delay(index * 1_000, 1);
        }
        assert_eq!(line.offset_us(99_500), Some(99));
        assert_eq!(line.offset_us(0), Some(84), "where the oldest that is known holds");
    }
}
