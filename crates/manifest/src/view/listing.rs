//! What a view has listed lately.

use std::collections::{HashMap, VecDeque};

use super::Joined;
use crate::{Segment, Timeline, TrackName};

/// What a view has listed lately: which segments, of which of the channel's, by which numbers.
///
/// Numbers of joined segments begin at the slot of the first that is seen, and rise by one from there; they are not kept on
/// disk. While nothing breaks off they are the same after a restart.
#[derive(Debug, Default)]
pub struct Listing {
    tracks: HashMap<TrackName, VecDeque<Listed>>,
    target_s: u32,
}

/// A segment that was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// First decode time, in ticks of its track.
    pub start: i64,
    /// Its HLS media sequence number.
    pub number: u64,
    /// The starts of the channel's segments that it is made of, in order; never empty.
    pub members: Vec<i64>,
}

/// Segments that are listed no longer are remembered as long again, for players that are behind.
const KEPT: usize = 2;

impl Listing {
    /// The segment that begins at `start`, if it is or was lately listed.
    pub fn at(&self, track: &TrackName, start: i64) -> Option<&Listed> {
        self.tracks.get(track)?.iter().find(|listed| listed.start == start)
    }

    /// The segment of this number, if it is or was lately listed.
    pub fn numbered(&self, track: &TrackName, number: u64) -> Option<&Listed> {
        self.tracks.get(track)?.iter().find(|listed| listed.number == number)
    }

    /// The target duration: HLS lets it never change, so it only rises.
    pub(super) fn target_s(&mut self, needed_s: u32) -> u32 {
        self.target_s = self.target_s.max(needed_s);
        self.target_s
    }

    /// Numbers joined segments: on from those that were listed before.
    pub(super) fn number(&mut self, track: &TrackName, joined: Joined) -> VecDeque<Segment> {
        let Joined { mut segments, slots, mut members, .. } = joined;
        let known = self.tracks.entry(track.clone()).or_default();
        let Some(first) = slots.front() else { return segments };
        let anchor = segments.iter().zip(0_u64..).find_map(|(segment, index)| {
            let before = known.iter().find(|listed| listed.start == segment.start)?;
            before.number.checked_sub(index)
        });
        let after = known.back().map_or(0, |last| last.number + 1);
        let begin = anchor.unwrap_or_else(|| after.max(u64::try_from(*first).unwrap_or(0)));
        for (segment, number) in segments.iter_mut().zip(begin..) {
            segment.number = number;
            let members = members.pop_front().expect("each has its members");
            if known.back().is_none_or(|last| last.number < number) {
                known.push_back(Listed { start: segment.start, number, members });
            }
        }
        segments
    }

    /// Remembers what is listed now, and forgets what was long ago.
    pub(super) fn remember(&mut self, shown: &Timeline) {
        self.tracks.retain(|name, _| shown.track(name).is_some());
        for track in shown.tracks() {
            let known = self.tracks.entry(track.name().clone()).or_default();
            for segment in track.segments() {
                if known.back().is_none_or(|last| last.number < segment.number) {
                    let members = vec![segment.start];
                    known.push_back(Listed { start: segment.start, number: segment.number, members });
                }
            }
            let most = KEPT * track.segments().len().max(1);
            while known.len() > most {
                known.pop_front();
            }
        }
    }
}
