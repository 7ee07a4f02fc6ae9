//! A channel's recent samples: what late subscribers start from and slow ones catch up in.
//!
//! One log serves every subscriber. Each holds a [`Cursor`], so a subscriber costs no memory of its own, and one that
//! does not keep up is overtaken by the log's end and goes on at a key frame.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use media::{MediaTime, Sample, Utc};
use wire::sample_stream::Tracks;

/// Bytes kept at most. Five seconds at 12 Mbit/s.
pub(crate) const MAX_BYTES: usize = 8 << 20;
/// The same of a ladder, all renditions together: six seconds at 40 Mbit/s.
pub(crate) const MAX_LADDER_BYTES: usize = 32 << 20;
/// What an entry is counted with beyond its payload, so that many tiny samples are bounded too.
const ENTRY_BYTES: usize = 128;
/// How many entries before a key frame are searched for what belongs to the same time.
const INTERLEAVE: u64 = 256;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// A publisher's tracks; samples follow.
    Tracks(Arc<Tracks>),
    /// A sample.
    Sample(Sample),
    /// The publisher has gone, with the reason.
    Ended(Arc<str>),
}

/// The log.
#[derive(Debug)]
pub(crate) struct Replay {
    entries: VecDeque<Entry>,
    /// The number of the first entry kept; numbers never repeat.
    first: u64,
    bytes: usize,
    keep_us: i64,
    max_bytes: usize,
    /// Entries a decoder can start at, with their times.
    starts: VecDeque<(u64, Utc)>,
    /// The tracks in force before the first entry.
    before_first: Option<Arc<Tracks>>,
    /// The entries that changed the tracks in force, and to what.
    changes: VecDeque<(u64, Option<Arc<Tracks>>)>,
    /// The tracks in force now.
    now: Option<Arc<Tracks>>,
}

/// A reader's place in the log.
#[derive(Debug)]
pub(crate) struct Cursor {
    next: u64,
    seek: Seek,
    /// The tracks last given out.
    told: Option<Arc<Tracks>>,
    /// What stands before the key frame the cursor starts at, but is heard or shown with it: sound, and other renditions.
    before: Vec<Sample>,
}

/// Whether samples are passed over until one that a decoder can start at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seek {
    /// No: each sample is given out.
    Not,
    /// Yes, since the reader joined where it could not start.
    Join,
    /// Yes, since the log overtook the reader.
    Lag,
}

impl Replay {
    /// An empty log that reaches back `keep` at least, and to a key frame from there, in at most `max_bytes`.
    pub(crate) fn new(keep: Duration, max_bytes: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            bytes: 0,
            keep_us: i64::try_from(keep.as_micros()).unwrap_or(i64::MAX),
            max_bytes,
            starts: VecDeque::new(),
            before_first: None,
            changes: VecDeque::new(),
            now: None,
        }
    }

    /// Bytes of payload and bookkeeping kept.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number the next entry will have.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Appends. Returns true when a key frame was given up whose successor has not come: one group of pictures is longer
    /// than the log may be, so subscribers cannot join before the next key frame.
    pub(crate) fn push(&mut self, entry: Entry) -> bool {
        self.bytes += size(&entry);
        match &entry {
            Entry::Tracks(tracks) => self.change(Some(tracks.clone())),
            Entry::Ended(_) => self.change(None),
            Entry::Sample(sample) => {
                if let Some(time) = self.start_time(sample) {
                    self.starts.push_back((self.end(), time));
                }
            }
        }
        self.entries.push_back(entry);
        self.trim()
    }

    /// A cursor at the newest start of the present publisher, or at the last one at or before `from`; without any, where
    /// the next will come.
    pub(crate) fn join(&self, from: Option<Utc>) -> Cursor {
        let start = match from {
            Some(from) => {
                let at_or_before = self.starts.iter().rev().find(|(_, time)| *time <= from);
                at_or_before.or(self.starts.front())
            }
            None => self
                .starts
                .back()
                .filter(|(at, _)| same(&self.tracks_at(*at), &self.now) && self.now.is_some()),
        };
        match start {
            Some(&(at, _)) => {
                Cursor { next: at, seek: Seek::Not, told: None, before: self.together_with(at) }
            }
            None => Cursor { next: self.end(), seek: Seek::Join, told: None, before: Vec::new() },
        }
    }

    /// Appends to `out` what follows the cursor, up to about `budget` bytes, and moves it. Returns how many samples were
    /// passed over because the reader was too slow for the log.
    pub(crate) fn read(&self, cursor: &mut Cursor, budget: usize, out: &mut Vec<Entry>) -> u64 {
        let mut skipped = 0;
        if cursor.next < self.first {
            let (next, seek) = match self.starts.back() {
                Some(&(at, _)) => (at, Seek::Not),
                None => (self.end(), Seek::Lag),
            };
            skipped += next - cursor.next;
            *cursor = Cursor { next, seek, told: cursor.told.take(), before: Vec::new() };
        }
        let in_force = self.tracks_at(cursor.next);
        if !same(&cursor.told, &in_force) {
            out.push(match &in_force {
                Some(tracks) => Entry::Tracks(tracks.clone()),
                None => Entry::Ended("the publisher has gone".into()),
            });
            cursor.told = in_force;
        }
        out.extend(cursor.before.drain(..).map(Entry::Sample));
        let mut given = 0;
        while given < budget
            && let Some(entry) =
                cursor.next.checked_sub(self.first).and_then(|at| self.entries.get(at as usize))
        {
            cursor.next += 1;
            match entry {
                Entry::Tracks(tracks) => cursor.told = Some(tracks.clone()),
                Entry::Ended(_) => cursor.told = None,
                Entry::Sample(_) if cursor.seek != Seek::Not => {
                    let is_start =
                        self.starts.binary_search_by_key(&(cursor.next - 1), |(at, _)| *at).is_ok();
                    if !is_start {
                        skipped += u64::from(cursor.seek == Seek::Lag);
                        continue;
                    }
                    cursor.seek = Seek::Not;
                }
                Entry::Sample(_) => {}
            }
            given += size(entry);
            out.push(entry.clone());
        }
        skipped
    }

    /// True while there is something to read.
    pub(crate) fn has_more(&self, cursor: &Cursor) -> bool {
        cursor.next < self.end() || (self.now.is_some() && !same(&cursor.told, &self.now))
    }

    /// When a decoder can start at `sample`: at a key frame of the first picture, or anywhere in a source without pictures. Other
    /// renditions have the same key frames.
    fn start_time(&self, sample: &Sample) -> Option<Utc> {
        let tracks = &self.now.as_ref()?.tracks;
        let track = tracks.iter().find(|track| track.id == sample.track)?;
        let starts = match tracks.iter().find(|track| track.format.is_video()) {
            Some(first) => first.id == sample.track && sample.sync,
            None => true,
        };
        starts.then(|| Utc::of(MediaTime::new(sample.dts, track.timescale)))
    }

    fn change(&mut self, tracks: Option<Arc<Tracks>>) {
        self.changes.push_back((self.end(), tracks.clone()));
        self.now = tracks;
    }

    /// The tracks in force where the entry `at` stands.
    fn tracks_at(&self, at: u64) -> Option<Arc<Tracks>> {
        let change = self.changes.iter().rev().find(|(changed, _)| *changed < at);
        change.map_or_else(|| self.before_first.clone(), |(_, tracks)| tracks.clone())
    }

    fn together_with(&self, start: u64) -> Vec<Sample> {
        let Some(tracks) = self.tracks_at(start) else {
            return Vec::new();
        };
        let time_of = |sample: &Sample, ticks| {
            let track = tracks.tracks.iter().find(|track| track.id == sample.track)?;
            Some((track.format.is_video(), Utc::of(MediaTime::new(ticks, track.timescale))))
        };
        let at = (start - self.first) as usize;
        let Some(Entry::Sample(key)) = self.entries.get(at) else {
            return Vec::new();
        };
        let Some((true, key_time)) = time_of(key, key.dts.min(key.pts())) else {
            return Vec::new();
        };
        let earliest = at.saturating_sub(INTERLEAVE as usize);
        let mut found = Vec::new();
        for entry in self.entries.range(earliest..at).rev() {
            let Entry::Sample(sample) = entry else { break };
            let is_its_own = sample.track == key.track;
            if time_of(sample, sample.pts()).is_some_and(|(_, time)| !is_its_own && time >= key_time) {
                found.push(sample.clone());
            }
        }
        found.reverse();
        found
    }

    fn trim(&mut self) -> bool {
        let newest = self.starts.back().map_or(Utc(i64::MIN), |(_, time)| *time);
        while let Some((second, time)) = self.starts.get(1).copied()
            && (newest.0 - time.0 >= self.keep_us || self.bytes > self.max_bytes)
        {
            self.drop_until(second);
        }
        let mut gave_up = false;
        while self.bytes > self.max_bytes {
            gave_up |= self.starts.front().is_some_and(|(at, _)| *at == self.first);
            self.drop_until(self.first + 1);
        }
        gave_up
    }

    fn drop_until(&mut self, end: u64) {
        while self.first < end
            && let Some(entry) = self.entries.pop_front()
        {
            self.bytes -= size(&entry);
            self.first += 1;
        }
        while self.changes.front().is_some_and(|(at, _)| *at < self.first) {
            self.before_first = self.changes.pop_front().and_then(|(_, tracks)| tracks);
        }
        while self.starts.front().is_some_and(|(at, _)| *at < self.first) {
            self.starts.pop_front();
        }
    }
}

impl Cursor {
    /// True while samples are passed over because the log overtook the reader.
    pub(crate) fn lags(&self) -> bool {
        self.seek == Seek::Lag
    }
}

fn same(left: &Option<Arc<Tracks>>, right: &Option<Arc<Tracks>>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => Arc::ptr_eq(left, right),
        (None, None) => true,
        _ => false,
    }
}

fn size(entry: &Entry) -> usize {
    ENTRY_BYTES
        + match entry {
            Entry::Sample(sample) => sample.data.len(),
            Entry::Tracks(_) | Entry::Ended(_) => 0,
        }
}

#[cfg(test)]
mod tests;
