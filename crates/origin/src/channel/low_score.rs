//! When an operator is told that what viewers get is not what the source sent.

use std::collections::HashMap;

use manifest::TrackName;
use wire::Measured;

/// Scores below this are low.
const LOW: u8 = 90;
/// A track is well again once segments of it are for so long, in microseconds of media: the next one of two seconds tells.
const CALM_US: i64 = 1_500_000;
/// The same where scores were low shortly before, within [`SHORTLY_US`], too: a channel that falters is told once.
const CALM_AGAIN_US: i64 = 10_000_000;
const SHORTLY_US: i64 = 30_000_000;
/// A track that brought nothing for so long, in microseconds of media, has left the channel.
const LEFT_US: i64 = 10_000_000;

/// Whether a channel's scores are low. Times are media's, in microseconds since the epoch.
#[derive(Debug, Default)]
pub(super) struct LowScore {
    /// The tracks whose scores are, and where the latest such segment ends.
    low: HashMap<TrackName, i64>,
    /// Tracks whose newest segment ended early: the next one shows whether anything is missing.
    short: HashMap<TrackName, Short>,
    /// Where it was over last.
    over_us: Option<i64>,
    /// It was low shortly before.
    falters: bool,
}

#[derive(Debug)]
struct Short {
    end_us: i64,
    score: u8,
}

/// A segment that was listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a> {
    pub(super) track: &'a TrackName,
    pub(super) start_us: i64,
    pub(super) end_us: i64,
    /// What is wrong with it; nothing with the origin's own slate, which is told as such.
    pub(super) measured: Measured,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Raised { score: u8 },
    Cleared,
}

impl LowScore {
    /// A segment was listed. What a publisher that was drained has left of a segment is no loss where the next publisher goes
    /// on with it, and what the next one makes up for is all there, if late.
    pub(super) fn listed(&mut self, listed: Listed<'_>) -> Option<Change> {
        let Listed { track, start_us, end_us, measured } = listed;
        let measured = measured.in_time();
        let mut score = measured.as_made().score();
        let before = self.short.remove(track);
        if let Some(short) = before.filter(|short| !is_same(short.end_us, start_us)) {
            score = score.min(short.score);
        }
        if measured.missing > 0 {
            self.short.insert(track.clone(), Short { end_us, score: measured.score() });
        }
        let was_low = !self.low.is_empty();
        if score < LOW {
            self.low.retain(|_, low_us| end_us - *low_us < LEFT_US);
            self.low.insert(track.clone(), end_us);
            if was_low {
                return None;
            }
            self.falters = self.over_us.is_some_and(|over_us| end_us - over_us < SHORTLY_US);
            return Some(Change::Raised { score });
        }
        let calm_us = if self.falters { CALM_AGAIN_US } else { CALM_US };
        self.low.retain(|low, low_us| {
            let wanted_us = if low == track { calm_us } else { LEFT_US.max(calm_us) };
            end_us - *low_us < wanted_us
        });
        if !was_low || !self.low.is_empty() {
            return None;
        }
        self.over_us = Some(end_us);
        Some(Change::Cleared)
    }

    /// Forgets tracks that are not there any more.
    pub(super) fn retain(&mut self, is_known: impl Fn(&TrackName) -> bool) {
        self.short.retain(|track, _| is_known(track));
    }
}

/// Whether one segment ends where the next begins: microseconds are rounded.
const fn is_same(end_us: i64, start_us: i64) -> bool {
    (end_us - start_us).abs() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const WELL: Measured = measured(0, 0);

    const fn measured(fill: u32, missing: u32) -> Measured {
        Measured {
            frames: 60,
            missing,
            fill,
            repeated: 0,
            dropped: 0,
            damaged: 0,
            black: 0,
            frozen: 0,
            late: 0,
        }
    }

    fn name(track: &str) -> TrackName {
        track.parse().expect("a name")
    }

    /// Segments of so many seconds on end, each of every track: what is told, and in which second each ends.
    fn told(
        seconds: i64,
        tracks: &[&str],
        made: impl Fn(i64, &str) -> Option<Measured>,
    ) -> Vec<(i64, Change)> {
        let mut low = LowScore::default();
        let mut told = Vec::new();
        for second in (0..120).step_by(seconds as usize) {
            for track in tracks {
                let Some(measured) = made(second, track) else { continue };
                let track = &name(track);
                let (start_us, end_us) = (second * SECOND, (second + seconds) * SECOND);
                let change = low.listed(Listed { track, start_us, end_us, measured });
                told.extend(change.map(|change| (second + seconds, change)));
            }
        }
        told
    }

    #[test]
    fn what_was_low_is_over_within_five_seconds_of_its_end() {
        for (seconds, over) in [(1, 32), (2, 32), (3, 33)] {
            let filled = |second, _: &str| Some(measured(if (12..30).contains(&second) { 60 } else { 0 }, 0));
            let told = told(seconds, &["720p30", "audio"], filled);
            let raised = (12 + seconds, Change::Raised { score: 10 });
            assert_eq!(told, [raised, (over, Change::Cleared)], "segments of {seconds} s");
        }
    }

    #[test]
    fn it_lasts_while_any_track_is_low_and_no_longer_than_the_track_is_there() {
        // The sound is well all the while.
        let video = |from: i64, to: i64| {
            move |second: i64, track: &str| match track {
                "audio" => Some(WELL),
                _ if second >= to => None,
                _ => Some(measured(if second >= from { 60 } else { 0 }, 0)),
            }
        };
        let told = told(2, &["audio", "720p30"], video(10, 40));
        assert_eq!(told, [(12, Change::Raised { score: 10 }), (50, Change::Cleared)]);
    }

    #[test]
    fn a_channel_that_falters_is_told_a_second_time_and_then_once_it_is_well() {
        let faltering = |second, _: &str| {
            Some(measured(if (10..60).contains(&second) && second % 6 == 0 { 60 } else { 0 }, 0))
        };
        let raised = |at| (at, Change::Raised { score: 10 });
        let cleared = |at| (at, Change::Cleared);
        assert_eq!(told(2, &["720p30"], faltering), [raised(14), cleared(16), raised(20), cleared(66)]);
    }

    #[test]
    fn a_segment_that_ended_early_is_low_only_where_nobody_goes_on_with_it() {
        let mut low = LowScore::default();
        let track = &name("720p30");
        let mut list = |start_us, end_us, measured| low.listed(Listed { track, start_us, end_us, measured });
        // A publisher is drained in the middle of a segment, and the next one makes the rest of it.
        assert_eq!(list(0, 2 * SECOND, WELL), None);
        assert_eq!(list(2 * SECOND, 3 * SECOND, measured(0, 30)), None);
        assert_eq!(list(3 * SECOND, 4 * SECOND, WELL), None);
        // One ends early, and the next begins later.
        assert_eq!(list(4 * SECOND, 5 * SECOND, measured(0, 30)), None);
        assert_eq!(list(6 * SECOND, 8 * SECOND, WELL), Some(Change::Raised { score: 50 }));
        assert_eq!(list(8 * SECOND, 10 * SECOND, WELL), Some(Change::Cleared));
        let late = Measured { late: 60, ..WELL };
        assert_eq!(list(9 * SECOND, 10 * SECOND, late), None, "viewers get all of it");
        // What else is wrong with it is told at once.
        let both = Measured { missing: 10, ..measured(40, 0) };
        assert_eq!(list(10 * SECOND, 11 * SECOND, both), Some(Change::Raised { score: 28 }));
    }
}
