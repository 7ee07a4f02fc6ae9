//! The first pieces of a round: held until those of all lanes are there, so that all begin together.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::lane::Piece;
use super::round::{LaneSet, Round};

/// How long the first segments of the other lanes are waited for.
const WAIT: Duration = Duration::from_secs(10);

/// ```text
/// nothing held --the first of a round--> held --all that are expected, or 10 s--> nothing held, and the round is under way
/// ```
#[derive(Debug, Default)]
pub(super) struct Firsts {
    held: Vec<(usize, Piece)>,
    /// When the first of them came.
    since: Option<Instant>,
    /// The round that is under way.
    under_way: u64,
}

impl Firsts {
    /// Whether a piece of this lane is held, so that no other is wanted.
    pub(super) fn holds(&self, lane: usize) -> bool {
        self.lanes().contains(lane)
    }

    /// Takes a piece; what is to be laid now, lanes in their order.
    pub(super) fn push(&mut self, lane: usize, piece: Piece, now: Instant) -> Vec<(usize, Piece)> {
        let round: Arc<Round> = piece.round.clone();
        if !piece.is_first || round.number <= self.under_way {
            return vec![(lane, piece)];
        }
        if self.held.iter().any(|(_, held)| held.round.number < round.number) {
            // Those of a round that ended before it was under way.
            self.held.clear();
            self.since = None;
        }
        self.since.get_or_insert(now);
        self.held.push((lane, piece));
        match round.expected.is_within(self.lanes()) {
            true => self.release(),
            false => Vec::new(),
        }
    }

    /// What has been held for as long as it may.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<(usize, Piece)> {
        match self.since {
            Some(since) if now.saturating_duration_since(since) >= WAIT => self.release(),
            _ => Vec::new(),
        }
    }

    fn lanes(&self) -> LaneSet {
        self.held.iter().map(|(lane, _)| *lane).collect()
    }

    fn release(&mut self) -> Vec<(usize, Piece)> {
        self.since = None;
        let mut pieces = std::mem::take(&mut self.held);
        self.under_way = pieces.iter().map(|(_, piece)| piece.round.number).max().unwrap_or(self.under_way);
        pieces.sort_by_key(|(lane, _)| *lane);
        pieces
    }
}

#[cfg(test)]
mod tests {
    use playlist::{Chosen, Url};

    use super::*;
    use crate::pull::segment::Apart;

    fn round(number: u64, there: &[usize]) -> Arc<Round> {
        let url = |at: usize| -> Url { format!("http://h/{at}").parse().expect("a URL") };
        let chosen = Chosen { main: (0..3).map(url).collect(), audio: Vec::new() };
        let is_there = |wanted: &Url| there.iter().any(|at| url(*at) == *wanted);
        Arc::new(Round::new(number, chosen, is_there))
    }

    fn piece(round: &Arc<Round>, is_first: bool) -> Piece {
        let apart = Apart { items: Vec::new(), wraps: false };
        let (line, reserve) = ((round.number, 1), Duration::ZERO);
        Piece { apart, bytes: 1, line, round: round.clone(), is_first, reserve }
    }

    fn lanes(pieces: &[(usize, Piece)]) -> Vec<usize> {
        pieces.iter().map(|(lane, _)| *lane).collect()
    }

    #[test]
    fn all_that_are_there_at_the_start_begin_together_and_others_when_they_come() {
        let (mut firsts, now) = (Firsts::default(), Instant::now());
        let round = round(1, &[0, 2]);
        assert!(firsts.push(2, piece(&round, true), now).is_empty());
        assert!(firsts.holds(2) && !firsts.holds(0));
        assert_eq!(lanes(&firsts.push(0, piece(&round, true), now)), [0, 2]);
        assert_eq!(lanes(&firsts.push(2, piece(&round, false), now)), [2]);
        assert_eq!(lanes(&firsts.push(1, piece(&round, true), now)), [1]);
    }

    #[test]
    fn one_that_does_not_come_is_not_waited_for_for_ever_and_a_round_that_ended_is_forgotten() {
        let (mut firsts, now) = (Firsts::default(), Instant::now());
        let (old, new) = (round(1, &[0, 1]), round(2, &[0, 1]));
        firsts.push(0, piece(&old, true), now);
        assert!(firsts.push(1, piece(&new, true), now).is_empty());
        assert!(firsts.overdue(now + WAIT / 2).is_empty());
        let late = firsts.overdue(now + WAIT);
        assert!(lanes(&late) == [1] && late[0].1.round.number == 2);
        assert_eq!(lanes(&firsts.push(0, piece(&new, true), now + WAIT)), [0]);
    }
}
