//! Bytes of headers and segments that can be fetched.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use daemon::memory::Memory;
use http::HeaderValue;
use manifest::{HeaderId, TrackName};
use media::Utc;

use crate::fingerprint::fnv1a;

/// Most bytes of segments kept after they left the playlists, per channel; the oldest go first.
const RETIRED_BYTES_MAX: u64 = 64 << 20;
/// Headers kept per track: a publisher that changes its header all the time loses the oldest.
const HEADERS_PER_TRACK: usize = 32;

/// Something immutable that can be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) bytes: Bytes,
    /// Strong entity tag, with its quotes.
    pub(crate) etag: String,
}

impl Stored {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let etag = format!("\"{:08x}-{:x}\"", crc32fast::hash(&bytes), bytes.len());
        Self { bytes, etag }
    }
}

/// One channel's bytes. A segment is held once, from the moment it is whole until nobody may ask for it any more.
#[derive(Debug, Default)]
pub(crate) struct Window {
    segments: HashMap<TrackName, BTreeMap<i64, Segment>>,
    headers: HashMap<TrackName, VecDeque<(HeaderId, Stored)>>,
    /// Left the playlists, in that order.
    retired: VecDeque<Retired>,
    retired_bytes: u64,
    bytes: u64,
    memory: Memory,
}

#[derive(Debug)]
struct Segment {
    stored: Stored,
    /// Where each of its parts ends, in bytes from its start; empty where it has none.
    part_ends: Vec<usize>,
    /// What is said about it beside it.
    cmsd: Option<HeaderValue>,
}

#[derive(Debug)]
struct Retired {
    track: TrackName,
    start: i64,
    bytes: u64,
    until: Utc,
}

impl Window {
    /// Keeps a segment; `part_ends` tells where its parts end, in bytes from its start.
    pub(crate) fn insert(
        &mut self,
        track: &TrackName,
        start: i64,
        bytes: Bytes,
        part_ends: Vec<usize>,
        cmsd: Option<HeaderValue>,
    ) {
        let stored = Stored::new(bytes);
        self.bytes += stored.bytes.len() as u64;
        let track = self.segments.entry(track.clone()).or_default();
        if let Some(before) = track.insert(start, Segment { stored, part_ends, cmsd }) {
            self.bytes -= before.stored.bytes.len() as u64;
        }
    }

    /// The segment left the playlists, where a player may have seen it until now: it stays until `until`.
    pub(crate) fn retire(&mut self, track: TrackName, start: i64, until: Utc) {
        let Some(bytes) = self.segment(&track, start).map(|stored| stored.bytes.len() as u64) else {
            return;
        };
        self.retired_bytes += bytes;
        self.retired.push_back(Retired { track, start, bytes, until });
    }

    /// Tells whether memory is short.
    pub(crate) fn set_memory(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// Drops what nobody may ask for any more; while memory is short, all that left the playlists.
    pub(crate) fn expire(&mut self, now: Utc) {
        let most = match self.memory {
            Memory::Ample => RETIRED_BYTES_MAX,
            Memory::Short => 0,
        };
        while let Some(first) = self.retired.front() {
            if first.until > now && self.retired_bytes <= most {
                return;
            }
            let Retired { track, start, bytes, .. } = self.retired.pop_front().expect("it is the first");
            self.retired_bytes -= bytes;
            if let Some(segments) = self.segments.get_mut(&track) {
                segments.remove(&start);
                if segments.is_empty() {
                    self.segments.remove(&track);
                }
            }
            self.bytes -= bytes;
        }
    }

    pub(crate) fn segment(&self, track: &TrackName, start: i64) -> Option<&Stored> {
        self.segments.get(track)?.get(&start).map(|segment| &segment.stored)
    }

    /// What is said about a segment beside it.
    pub(crate) fn cmsd(&self, track: &TrackName, start: i64) -> Option<&HeaderValue> {
        self.segments.get(track)?.get(&start)?.cmsd.as_ref()
    }

    /// A part of a whole segment.
    pub(crate) fn part(&self, track: &TrackName, start: i64, index: usize) -> Option<Bytes> {
        let Segment { stored, part_ends, .. } = self.segments.get(track)?.get(&start)?;
        let end = *part_ends.get(index)?;
        let begin = index.checked_sub(1).map_or(0, |before| part_ends[before]);
        Some(stored.bytes.slice(begin..end))
    }

    /// Keeps a header; `used` tells which may not go.
    pub(crate) fn insert_header(
        &mut self,
        track: &TrackName,
        id: HeaderId,
        bytes: Bytes,
        used: impl Fn(HeaderId) -> bool,
    ) {
        let headers = self.headers.entry(track.clone()).or_default();
        if headers.iter().any(|(known, _)| *known == id) {
            return;
        }
        headers.push_back((id, Stored::new(bytes)));
        while headers.len() > HEADERS_PER_TRACK {
            let oldest_unused = headers.iter().position(|(known, _)| *known != id && !used(*known));
            headers.remove(oldest_unused.unwrap_or(0));
        }
    }

    pub(crate) fn retain_headers(&mut self, keep: impl Fn(&TrackName) -> bool) {
        self.headers.retain(|track, _| keep(track));
    }

    pub(crate) fn header(&self, track: &TrackName, id: HeaderId) -> Option<&Stored> {
        let headers = self.headers.get(track)?;
        headers.iter().find(|(known, _)| *known == id).map(|(_, stored)| stored)
    }

    /// Bytes of all segments held.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The id of a header with these bytes.
pub(crate) fn header_id(bytes: &[u8]) -> HeaderId {
    HeaderId(fnv1a(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> TrackName {
        "video".parse().expect("a name")
    }

    #[test]
    fn a_removed_segment_stays_until_its_time_and_bytes_are_counted_once() {
        let mut window = Window::default();
        for start in 0..4 {
            window.insert(&name(), start, Bytes::from(vec![0; 100]), Vec::new(), None);
        }
        window.insert(&name(), 3, Bytes::from(vec![1; 50]), Vec::new(), None);
        assert_eq!(window.bytes(), 350);
        window.retire(name(), 0, Utc(10));
        window.retire(name(), 1, Utc(20));
        window.expire(Utc(9));
        assert!(window.segment(&name(), 0).is_some());
        window.expire(Utc(10));
        assert!(window.segment(&name(), 0).is_none());
        assert!(window.segment(&name(), 1).is_some());
        assert_eq!(window.bytes(), 250);
    }

    #[test]
    fn removed_segments_are_bounded_by_bytes_too() {
        let mut window = Window::default();
        let half = (RETIRED_BYTES_MAX / 2) as usize;
        for start in 0..3 {
            window.insert(&name(), start, Bytes::from(vec![0; half]), Vec::new(), None);
            window.retire(name(), start, Utc(i64::MAX));
        }
        window.expire(Utc(0));
        assert!(window.segment(&name(), 0).is_none());
        assert!(window.segment(&name(), 1).is_some());
    }

    #[test]
    fn headers_in_use_outlive_a_flood_of_others() {
        let mut window = Window::default();
        let used = HeaderId(0);
        for id in 0..100 {
            window.insert_header(&name(), HeaderId(id), Bytes::new(), |id| id == used);
        }
        assert!(window.header(&name(), used).is_some());
        assert!(window.header(&name(), HeaderId(99)).is_some());
        assert!(window.header(&name(), HeaderId(1)).is_none());
    }
}
