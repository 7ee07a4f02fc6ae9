//! The lines that lanes are on.

use std::ops::RangeInclusive;

use media::Unwrap;

use super::line::{Line, Number, TURN};

/// So many of the newest are remembered, for lanes that have yet to come to them.
const REMEMBERED: usize = 16;

/// Some lines, by number: the newest, and those that lanes are on.
#[derive(Debug)]
pub(super) struct Lines(Vec<Line>);

impl Default for Lines {
    fn default() -> Self {
        Self(vec![Line::default()])
    }
}

impl Lines {
    /// The line that a lane comes to which is at `(round, line)`: the newest of that name, or one that begins with it. `None` where that
    /// is over already, and all that was on it.
    pub(super) fn enter(&mut self, (round, line): (u64, u64)) -> Option<&Line> {
        let newest = self.newest().number;
        if (newest.0, newest.1) < (round, line) {
            self.0.push(Line::new((round, line, 0), Unwrap::default()));
        }
        self.0.iter().rev().find(|known| (known.number.0, known.number.1) == (round, line))
    }

    /// The line of this number, or the newest where that is forgotten.
    pub(super) fn at(&mut self, number: Number) -> &mut Line {
        let at = self.0.iter().position(|known| known.number == number).unwrap_or(self.0.len() - 1);
        &mut self.0[at]
    }

    /// A line on which a time lies in `near`, the newest first: its number, its turns, the time and its offset. `time` tells the time in
    /// µs by a line's turns.
    pub(super) fn near(
        &self,
        time_us: impl Fn(&mut Unwrap<TURN>) -> i64,
        near: &RangeInclusive<i64>,
    ) -> Option<(Number, Unwrap<TURN>)> {
        self.0.iter().rev().find_map(|line| {
            let mut turns = line.turns;
            let time_us = time_us(&mut turns);
            let at_us = time_us.saturating_add(line.offset_us(time_us)?);
            near.contains(&at_us).then_some((line.number, turns))
        })
    }

    /// Begins a line where times jumped on another without a word; gives back its number.
    pub(super) fn branch(&mut self, (round, line, _): Number, turns: Unwrap<TURN>) -> Number {
        let of_name = |known: &&Line| (known.number.0, known.number.1) == (round, line);
        let jumps = self.0.iter().filter(of_name).map(|known| known.number.2).max().unwrap_or(0);
        let number = (round, line, jumps + 1);
        self.0.push(Line::new(number, turns));
        self.0.sort_by_key(|known| known.number);
        number
    }

    /// Forgets old lines that no lane is on.
    pub(super) fn forget_but(&mut self, used: impl Fn(Number) -> bool) {
        let newest = self.0[self.0.len().saturating_sub(REMEMBERED)].number;
        self.0.retain(|line| line.number >= newest || used(line.number));
    }

    fn newest(&self) -> &Line {
        self.0.last().expect("the newest is never forgotten")
    }
}
