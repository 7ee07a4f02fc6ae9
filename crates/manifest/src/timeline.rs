//! Segments in, numbered segments out, all tracks in step.
//!
//! A received segment waits until its middle lies before every holding track's edge; then it is numbered, put into
//! a period and listed. Waiting segments are taken in time order, and whether a period begins is decided for a
//! *round*: the waiting segments of all tracks that begin before the middle of the earliest. So one track's break
//! splits all renditions at matching content.

mod publish;
mod trim;
mod update;

use std::collections::VecDeque;
use std::sync::Arc;

use media::Utc;

use crate::segment::micros;
use crate::track::Pending;
use crate::{Arrived, Header, Part, Period, Shape, Track, TrackName};

pub use update::{Published, Removed, Update};

/// Most tracks of one channel.
pub(crate) const MAX_TRACKS: usize = 32;
/// Latest time a segment may have: the last day of the year 9999, which playlists can still print.
const LATEST_US: i64 = 253_402_214_400_000_000;
/// A hole up to this long inside a track is no break: frames dropped around a cut, which players skip.
pub(crate) const HOLE_US: i64 = 250_000;
/// Segments may lap this far over their forerunners: muxers guess the duration of a segment's last frame.
pub(crate) const LAP_US: i64 = 100_000;

/// What one channel can show now.
#[derive(Clone, Debug)]
pub struct Timeline {
    pub(crate) shape: Shape,
    pub(crate) tracks: Vec<Track>,
    /// Periods that listed segments belong to, and the newest in any case.
    pub(crate) periods: VecDeque<Period>,
    pub(crate) target_s: u32,
    pub(crate) changed: Utc,
    /// Restored after a restart that may have lost the newest periods.
    pub(crate) uncertain: bool,
}

/// A header that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnnounceError {
    /// No room.
    #[error("a channel has at most {MAX_TRACKS} tracks")]
    TooManyTracks,
}

/// A segment that was not taken; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The track was never announced.
    #[error("no header has announced this track")]
    UnknownTrack,
    /// The time is before 1970, after 9999, or the segment covers none.
    #[error("the segment covers no time between 1970 and 9999")]
    Time,
    /// At least half of it is covered by what the track has already.
    #[error("the track has this time already")]
    Duplicate,
}

impl Timeline {
    /// An empty timeline.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            tracks: Vec::new(),
            periods: VecDeque::new(),
            target_s: shape.least_target_s(),
            changed: Utc(0),
            uncertain: false,
        }
    }

    /// The track of this name sends under `header` from now on.
    ///
    /// The others wait for it again, for a while. A header that differs from the last begins a
    /// period with its first segment; the same header again changes nothing for viewers.
    pub fn announce(&mut self, name: &TrackName, header: Header) -> Result<(), AnnounceError> {
        let lead = self.lead_us();
        let track = match self.position(name) {
            Some(at) => &mut self.tracks[at],
            None => {
                if self.tracks.len() == MAX_TRACKS {
                    self.forget_an_empty_track()?;
                }
                self.tracks.push(Track::new(name.clone(), Arc::new(header.clone())));
                self.tracks.last_mut().expect("one was pushed")
            }
        };
        if *track.header != header {
            track.header = Arc::new(header);
        }
        track.stalled = false;
        track.edge_us = track.edge_us.max(lead);
        Ok(())
    }

    /// What comes from now on is another recording, even where its times follow: the next segment of every track
    /// begins a period, the same one for all.
    pub fn interrupt(&mut self) {
        for track in &mut self.tracks {
            track.interrupted = true;
        }
    }

    /// A whole segment of an announced track has come, at `now`. Lists what this completes and drops what is out of
    /// the window.
    pub fn append(&mut self, name: &TrackName, arrived: Arrived, now: Utc) -> Result<Update, AppendError> {
        let at = self.position(name).ok_or(AppendError::UnknownTrack)?;
        let (header, after_break) = (self.tracks[at].header.clone(), self.tracks[at].interrupted);
        let pending = Pending { after_break, header, arrived };
        let in_range = arrived.start >= 0
            && arrived.duration > 0
            && pending.end_us() <= LATEST_US
            && pending.middle_us() > pending.start_us();
        if !in_range {
            return Err(AppendError::Time);
        }
        let (start_us, end_us) = (pending.start_us(), pending.end_us());
        let track = &self.tracks[at];
        let covered = track.received_end_us.is_some_and(|end| pending.middle_us() < end);
        if covered || track.newest_start_us().is_some_and(|newest| start_us <= newest) {
            return Err(AppendError::Duplicate);
        }

        let lead = self.lead_us();
        let leaps = lead.is_none_or(|lead| start_us > lead + HOLE_US);
        for other in &mut self.tracks {
            // After a start or a leap nobody can be behind yet: every track that still sends gets its patience anew.
            if other.edge_us.is_none() || (leaps && !other.stalled) {
                other.edge_us = other.edge_us.max(Some(start_us));
            }
        }
        let track = &mut self.tracks[at];
        track.interrupted = false;
        track.stalled = false;
        track.received_end_us = Some(end_us);
        track.edge_us = track.edge_us.max(Some(end_us));
        track.pending.push_back(pending);

        Ok(self.publish_all(now))
    }

    /// A part of the segment that begins at `segment_start` has come, whole, at `now`. Lists it where the segment continues
    /// its track, and tells what this completes; `None` where it cannot be listed: the segment will be, when it is whole.
    pub fn append_part(
        &mut self,
        name: &TrackName,
        segment_start: i64,
        part: Part,
        now: Utc,
    ) -> Option<Update> {
        let at = self.position(name).filter(|_| self.shape.part_us.is_some())?;
        let newest = self.periods.back().map(|period| period.number);
        let track = &mut self.tracks[at];
        if !track.take_part(segment_start, part, newest) {
            return None;
        }
        // What is listed holds nobody back.
        let end_us = micros(part.start + part.duration, track.header.timescale);
        track.edge_us = track.edge_us.max(Some(end_us));
        Some(self.publish_all(now))
    }

    /// Its settings.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All tracks, in the order they were announced.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The track of this name.
    pub fn track(&self, name: &TrackName) -> Option<&Track> {
        self.position(name).map(|at| &self.tracks[at])
    }

    /// The tracks to offer to a new viewer: those with segments that keep up, or, where none does, all with segments.
    pub fn offered(&self) -> Vec<&Track> {
        let listed = |track: &&Track| !track.segments.is_empty();
        let keeps_up: Vec<_> = self.tracks.iter().filter(|track| listed(track) && !track.stalled).collect();
        if keeps_up.is_empty() { self.tracks.iter().filter(listed).collect() } else { keeps_up }
    }

    /// Periods of listed segments, oldest first.
    pub fn periods(&self) -> impl DoubleEndedIterator<Item = &Period> {
        self.periods.iter()
    }

    /// HLS's target duration in whole seconds: the grid's, raised where a segment was longer; never lowered.
    pub fn target_s(&self) -> u32 {
        self.target_s
    }

    /// When the timeline last changed; rises by at least a millisecond with every change.
    pub fn changed(&self) -> Utc {
        self.changed
    }

    /// Epoch time up to which a track is listed; the farthest of all.
    pub fn live_edge(&self) -> Option<Utc> {
        self.tracks
            .iter()
            .filter_map(|track| track.segments.back())
            .map(|segment| Utc(segment.end_us()))
            .max()
    }

    /// Start of the earliest segment listed.
    pub fn oldest(&self) -> Option<Utc> {
        self.tracks
            .iter()
            .filter_map(|track| track.segments.front())
            .map(|segment| Utc(segment.start_us()))
            .min()
    }

    /// Bytes of all listed segments.
    pub fn listed_bytes(&self) -> u64 {
        self.tracks.iter().flat_map(|track| &track.segments).map(|segment| segment.bytes).sum()
    }

    /// Duration of the longest playlist, in microseconds.
    pub fn longest_playlist_us(&self) -> i64 {
        let listed = self.tracks.iter().map(Track::listed_us);
        listed.max().unwrap_or(0)
    }

    /// A viewer can go back this far from now on, in microseconds: what is out of the window goes with the next segment.
    pub fn set_window(&mut self, window_us: i64) {
        self.shape.window_us = window_us;
    }

    /// Makes room: a track with nothing listed and nothing waiting has been silent for a window. Should it come back,
    /// its numbers begin at its slot, which lies ahead of all it had.
    fn forget_an_empty_track(&mut self) -> Result<(), AnnounceError> {
        let empty = self.tracks.iter().position(|t| t.segments.is_empty() && t.pending.is_empty());
        self.tracks.remove(empty.ok_or(AnnounceError::TooManyTracks)?);
        Ok(())
    }

    pub(crate) fn position(&self, name: &TrackName) -> Option<usize> {
        self.tracks.iter().position(|track| track.name == *name)
    }

    pub(crate) fn target_us(&self) -> i64 {
        i64::from(self.target_s) * 1_000_000
    }

    /// The farthest received time.
    fn lead_us(&self) -> Option<i64> {
        let received = self.tracks.iter().filter_map(|t| t.received_end_us);
        received.max()
    }
}
