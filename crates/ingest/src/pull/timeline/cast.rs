//! Which renditions there are: who is away, whose sound is heard, and what is announced of it.

use media::{Track, Utc, rescale_nearest};
use playlist::limits::MAX_PICTURES;

use super::Timeline;
use crate::pull::round::Round;

/// A rendition is away while so many segments of others came since one of its own, and it is so far behind them, in segments as long and in µs.
const AWAY_SEGMENTS: i64 = 3;
const AWAY_US: i64 = 10_000_000;

/// What happened to a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    Away,
    Back,
}

impl Timeline {
    /// How many lanes there are that bring something.
    pub(crate) fn renditions(&self) -> usize {
        self.lanes.iter().filter(|lane| !self.away.contains(*lane)).count()
    }

    /// Lanes that went away or came back since this was asked.
    pub(crate) fn moved(&mut self) -> Vec<(usize, Moved)> {
        std::mem::take(&mut self.moved)
    }

    /// Nothing more comes: lanes that were away are no longer missed.
    pub(crate) fn end(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.away).iter().collect()
    }

    /// Lanes that a new round has not bring nothing more.
    pub(super) fn enter(&mut self, round: &Round) {
        if round.number <= self.round {
            return;
        }
        (self.round, self.lanes, self.is_ladder) = (round.number, round.lanes(), round.is_ladder());
        for (lane, strand) in self.strands.iter_mut().enumerate() {
            if !self.lanes.contains(lane) {
                self.is_news |= !strand.tracks.is_empty();
                strand.tracks.clear();
            }
            if !self.lanes.contains(lane) && self.away.remove(lane) {
                self.moved.push((lane, Moved::Back));
            }
        }
    }

    /// Whose sound is heard: that of the best picture that has some, or of another while nothing of that one is in hand.
    pub(super) fn choose_speaker(&mut self, lane: usize, now: Utc) {
        let speaks = |lane: usize| lane < MAX_PICTURES && self.strands[lane].has_sound();
        let before = self.speaker.filter(|speaker| speaks(*speaker));
        let next = match before {
            None => (0..MAX_PICTURES).find(|lane| speaks(*lane)),
            Some(speaker) if self.strands[speaker].end_us <= now.0 && speaks(lane) => Some(lane),
            before => before,
        };
        if next == self.speaker {
            return;
        }
        if let (Some(before), Some(next)) = (before, next) {
            // It goes on behind the other's.
            let last =
                self.strands[before].sound().and_then(|sound| Some((sound.last?, sound.track.timescale)));
            if let (Some((last, scale)), Some(sound)) = (last, self.strands[next].sound()) {
                sound.last = Some(rescale_nearest(last, scale, sound.track.timescale));
                sound.laid = Default::default();
            }
        }
        self.speaker = next;
        self.is_news = true;
    }

    /// The tracks that are announced.
    pub(super) fn tracks(&self) -> Vec<Track> {
        let mut tracks = Vec::new();
        for (lane, strand) in self.strands.iter().enumerate().filter(|(lane, _)| !self.away.contains(*lane)) {
            let is_heard = lane >= MAX_PICTURES || self.speaker == Some(lane);
            let all = strand.tracks.iter().map(|carried| &carried.track);
            tracks.extend(all.filter(|track| track.format.is_video() || is_heard).cloned());
        }
        tracks.sort_by_key(|track| track.id.0);
        tracks
    }

    /// Sees which renditions are too far behind to be waited for.
    pub(super) fn look_who_is_away(&mut self) {
        let patience_us = AWAY_US.max(AWAY_SEGMENTS * self.longest_us);
        let end_us = self.end_us();
        for lane in self.lanes.iter() {
            let strand = &self.strands[lane];
            let is_away = strand.missed >= AWAY_SEGMENTS && end_us - strand.end_us > patience_us;
            if is_away && self.away.insert(lane) {
                self.is_news |= !strand.tracks.is_empty();
                self.moved.push((lane, Moved::Away));
            }
        }
    }
}
