//! Segments in, numbered segments out, all tracks in step.
//!
//! A received segment waits until its middle lies before every holding track's edge; then it is numbered, put into
//! a period and listed. Waiting segments are taken in time order, and whether a period begins is decided for a
//! *round*: the waiting segments of all tracks that begin before the middle of the earliest. So one track's break
//! splits all renditions at matching content.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{MediaTime, Timescale, Utc};

use crate::restore::Lost;
use crate::segment::micros;
use crate::track::{Pending, follows};
use crate::{Arrived, Header, Part, Period, Presence, Segment, Shape, Track, TrackName};

/// Most tracks of one channel.
pub(crate) const MAX_TRACKS: usize = 32;
/// Latest time a segment may have: the last day of the year 9999, which playlists can still print.
const LATEST_US: i64 = 253_402_214_400_000_000;
/// A hole up to this long inside a track is no break: frames dropped around a cut, which players skip.
pub(crate) const HOLE_US: i64 = 250_000;
/// Segments may lap this far over their forerunners: muxers guess the duration of a segment's last frame.
pub(crate) const LAP_US: i64 = 100_000;
/// A track this many half target durations behind holds the others no longer: less than the three target durations
/// that players stay behind the edge, so that they do not run dry when one track of many dies.
const PATIENCE_HALF_TARGETS: i64 = 5;
/// As long at least is a track waited for that has sent its header and no segment yet: the first key frames of a
/// passthrough publisher may lie ten seconds apart, and a channel should not begin without its picture.
const FIRST_PATIENCE_US: i64 = 12_000_000;

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

/// A segment that has just been listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its track.
    pub track: TrackName,
    /// As listed.
    pub segment: Segment,
    /// The period it belongs to.
    pub period: Period,
}

/// A segment that is listed no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its track.
    pub track: TrackName,
    /// As it was listed.
    pub segment: Segment,
}

/// What an append changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Newly listed, in the order of listing.
    pub published: Vec<Published>,
    /// Rolled off.
    pub removed: Vec<Removed>,
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

    /// Lists what waits for nobody any more, and drops what is out of the window.
    fn publish_all(&mut self, now: Utc) -> Update {
        let mut update = Update::default();
        while let Some(head) = self.next_to_publish() {
            self.publish(head, now, &mut update);
        }
        if !update.published.is_empty() {
            self.changed = now.max(self.changed.plus_micros(1_000));
            self.trim(&mut update.removed);
        }
        update
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

    /// The track whose earliest waiting segment is next, if it need not wait any longer.
    fn next_to_publish(&mut self) -> Option<usize> {
        let waiting = self.tracks.iter().enumerate();
        let (at, head) = waiting
            .filter_map(|(at, track)| Some((at, track.pending.front()?)))
            .min_by_key(|(_, head)| head.start_us())?;
        let middle = head.middle_us();
        let lead = self.lead_us()?;
        let patience = PATIENCE_HALF_TARGETS * self.target_us() / 2;
        for track in &mut self.tracks {
            let edge = track.edge_us.unwrap_or(lead);
            if !track.stalled && edge < middle {
                let patience = match track.received_end_us {
                    Some(_) => patience,
                    None => patience.max(FIRST_PATIENCE_US),
                };
                if lead - edge <= patience {
                    return None;
                }
                track.stalled = true;
            }
        }
        Some(at)
    }

    /// Numbers the first waiting segment of the track and lists it.
    fn publish(&mut self, at: usize, now: Utc, update: &mut Update) {
        self.begin_period_if_broken(at);
        let period = self.period_of_next(at);
        let aligned = self.number_beside(at);

        let target_us = self.target_us();
        let grid_us = i64::from(self.shape.grid.duration_ms()) * 1_000;
        let most_lost = (self.shape.window_us / grid_us).max(1);
        let track = &mut self.tracks[at];
        let Pending { header, arrived, .. } = track.pending.pop_front().expect("the caller saw it");
        let start_us = micros(arrived.start, header.timescale);
        if let Some(kept) = track.kept.take() {
            let lost = Lost { kept, start_us, most: most_lost, period, now };
            lost.number(track, &mut update.removed);
        }
        let broken = track.period.is_some_and(|last| last != period.number);
        if track.segments.back().is_none_or(|last| last.header.id != header.id) || broken {
            track.peak_bps = 0;
        }
        let number = match track.next_number {
            // An empty playlist may begin anew at any higher number, so it aligns with the others.
            Some(next) if track.segments.is_empty() => next.max(aligned),
            Some(next) => next,
            None => aligned,
        };
        track.from_slot = false;
        let open = track.open.take_if(|open| open.start <= arrived.start);
        let listed = open
            .filter(|open| (open.start, open.number, open.period) == (arrived.start, number, period.number));
        track.next_number = Some(number + 1);
        track.period = Some(period.number);
        let segment = Segment {
            number,
            period: period.number,
            header,
            start: arrived.start,
            duration: arrived.duration,
            bytes: arrived.bytes,
            parts: listed.map_or_else(Vec::new, |open| open.parts),
            presence: Presence::Whole,
            published: now,
        };
        self.target_s = self.target_s.max(rounded_seconds(&segment));
        track.segments.push_back(segment.clone());
        track.measure_peak(target_us);
        update.published.push(Published { track: track.name.clone(), segment, period });
    }

    /// Begins a period where a segment of the round that `at` leads does not go on where its track's last ended.
    fn begin_period_if_broken(&mut self, at: usize) {
        let first = self.tracks[at].pending.front().expect("the caller saw it");
        let (round_start, round_middle) = (first.start_us(), first.middle_us());
        let newest = self.periods.back().copied();
        let breaks = |track: &Track| {
            let Some(head) = track.pending.front() else {
                return false;
            };
            if head.start_us() >= round_middle {
                return false;
            }
            match (newest, track.period) {
                (None, _) => true,
                // It joins the newest period, which began with its own first segment or another's break.
                (Some(newest), Some(period)) if period < newest.number => false,
                (Some(newest), None) => {
                    head.start_us() > newest.start_us() + HOLE_US.max(self.target_us() / 2)
                }
                (Some(_), Some(_)) => !continues(track, head),
            }
        };
        if !self.tracks.iter().any(breaks) {
            return;
        }
        let skipped = if std::mem::take(&mut self.uncertain) { 1 } else { 0 };
        self.periods.push_back(Period {
            number: newest.map_or(0, |newest| newest.number + 1 + skipped),
            start_ms: round_start.div_euclid(1_000),
        });
    }

    /// The period of the track's first waiting segment: the newest, but an older one for a straggler from before it.
    fn period_of_next(&self, at: usize) -> Period {
        let track = &self.tracks[at];
        let middle_us = track.pending.front().expect("the caller saw it").middle_us();
        let mut open = self.periods.iter().rev().take_while(|period| Some(period.number) >= track.period);
        let newest = *self.periods.back().expect("the first round begins one");
        open.find(|period| period.start_us() <= middle_us).copied().unwrap_or(newest)
    }

    /// The number that the track's next segment has where it lies beside one of another track, else its slot.
    fn number_beside(&self, at: usize) -> u64 {
        let head = self.tracks[at].pending.front().expect("the caller saw it");
        let start_us = head.start_us();
        let near = self.target_us() / 2;
        let beside = self
            .tracks
            .iter()
            .flat_map(|track| track.segments.iter().rev().take(Shape::MIN_SEGMENTS))
            .filter(|segment| (segment.start_us() - start_us).abs() < near)
            .map(|segment| segment.number)
            .max();
        let slot = self.shape.grid.slot(MediaTime::new(start_us, Timescale::MICROS));
        let slot = u64::try_from(slot).unwrap_or(0);
        match beside {
            Some(beside) if self.tracks[at].from_slot => beside.max(slot),
            Some(beside) => beside,
            None => slot,
        }
    }

    /// Drops what is out of the window, but never so much that a playlist gets shorter than HLS allows.
    pub(crate) fn trim(&mut self, removed: &mut Vec<Removed>) {
        let Some(edge) = self.live_edge() else { return };
        let cutoff = edge.0 - self.shape.window_us;
        let least_us = Shape::MIN_TARGETS * self.target_us();
        for track in &mut self.tracks {
            while let Some(first) = track.segments.front() {
                let out = first.end_us() <= cutoff;
                if !out || !(track.stalled || may_shrink(track, least_us)) {
                    break;
                }
                drop_first(track, removed);
            }
        }
        let mut bytes = self.listed_bytes();
        while bytes > self.shape.max_bytes {
            let shrinkable = self.tracks.iter_mut().filter(|track| may_shrink(track, least_us));
            let Some(track) = shrinkable.min_by_key(|track| track.segments[0].start_us()) else {
                break;
            };
            bytes -= track.segments[0].bytes;
            drop_first(track, removed);
        }
        let listed = self.tracks.iter().filter_map(|track| track.segments.front());
        let oldest = listed.map(|segment| segment.period).min();
        while self.periods.len() > 1 && oldest.is_some_and(|oldest| self.periods[0].number < oldest) {
            self.periods.pop_front();
        }
    }
}

fn continues(track: &Track, head: &Pending) -> bool {
    let Some(last) = track.segments.back() else {
        return false;
    };
    !head.after_break && last.header.id == head.header.id && follows(last, head.start_us())
}

fn may_shrink(track: &Track, least_us: i64) -> bool {
    let Some(first) = track.segments.front() else {
        return false;
    };
    track.segments.len() > Shape::MIN_SEGMENTS && track.listed_us() - first.duration_us() >= least_us
}

fn drop_first(track: &mut Track, removed: &mut Vec<Removed>) {
    let segment = track.segments.pop_front().expect("the caller saw it");
    track.removed_period = Some(segment.period);
    removed.push(Removed { track: track.name.clone(), segment });
}

fn rounded_seconds(segment: &Segment) -> u32 {
    let seconds = media::rescale_nearest(segment.duration, segment.timescale(), Timescale::new(1));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
