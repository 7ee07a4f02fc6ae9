//! Slate where no publisher is: taken once a track, shown when it is due.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use manifest::{Part, TrackName};
use media::{Cuts, MediaTime, Rational, Utc};

use wire::Measured;

use super::{Channel, Pipeline, Segment, State};
use crate::log::{HeaderRecord, Record};
use crate::slate::{Due, Outlook, Slate, SlateError};
use crate::window::header_id;

/// A track that ends so many slots before the farthest has left the channel: it gets no slate.
const LEFT_SLOTS: i64 = 2;

/// What is to be made of one track.
struct Stretch {
    track: TrackName,
    slate: Slate,
    cuts: Cuts,
    /// Where its segment begins, and where the slate does.
    segment_start: i64,
    start: i64,
}

impl Channel {
    /// A byte of media has come.
    pub(crate) fn somebody_publishes(&self) {
        self.heard_us.store(self.clock.now().0, Ordering::Relaxed);
    }

    /// Up to where the track is on disk, in the publisher's ticks; `None` where those are not the origin's.
    pub(crate) fn durable(&self, track: &TrackName) -> Option<i64> {
        let state = self.state();
        let log = state.log.as_ref().filter(|_| state.shift.is_epoch())?;
        Some(log.durable(&self.name, track).unwrap_or(0))
    }

    /// A track's slate has come of a publisher. One that goes with the header in force stays where another pipeline, with
    /// another header, brings its own.
    pub(crate) fn take_slate(
        &self,
        track: &TrackName,
        pipeline: Pipeline,
        bytes: Bytes,
    ) -> Result<(), SlateError> {
        let header = self.header_of(track, pipeline).ok_or(SlateError::Header)?;
        let id = header_id(&header.raw);
        let slate = Slate::read(bytes, header, id)?;
        let mut state = self.state();
        let in_force = state.headers.get(track).map(|publishing| publishing.id);
        let has_fitting = state.slates.get(track).is_some_and(|known| in_force == Some(known.id()));
        if in_force == Some(id) || !has_fitting {
            state.keep_slate(self, track, slate);
        }
        Ok(())
    }

    /// Shows slate where it is due at `now`.
    pub(crate) fn look_after_slate(&self, now: Utc) {
        let Some((slot, stretches)) = self.slate_due(now) else { return };
        for stretch in &stretches {
            self.show(stretch);
        }
        let was_shown = self.state().slate_shown.replace(slot).is_some();
        if !was_shown {
            self.metrics.slate(&self.name, true);
            tracing::warn!(
                event = "origin_slate", state = "raised", channel = %self.name, slot,
                "nobody publishes: the origin shows slate"
            );
        }
    }

    fn slate_due(&self, now: Utc) -> Option<(i64, Vec<Stretch>)> {
        let mut state = self.state();
        let shape = state.timeline.shape();
        let mut tracks = state.slated_tracks(shape.grid);
        let slowest = tracks.iter().filter(|(_, slate, ..)| slate.is_video());
        let slowest = slowest.map(|(_, slate, ..)| slate.rate()).min_by(compare);
        let slowest = slowest.or_else(|| tracks.iter().map(|(_, slate, ..)| slate.rate()).min_by(compare))?;
        let cuts = Cuts::new(shape.grid, slowest);
        let end = |(_, slate, _, end): &(TrackName, Slate, i64, i64)| {
            Utc::of(MediaTime::new(*end, slate.header().track.timescale))
        };
        let slot = tracks.iter().map(|(_, slate, _, end)| slate.slot(cuts, *end)).min()?;
        let first_end = tracks.iter().map(end).min()?;
        if state.slate_shown.is_some_and(|shown| slot > shown + 1) {
            state.slate_shown = None;
            self.metrics.slate(&self.name, false);
            tracing::info!(
                event = "origin_slate", state = "cleared", channel = %self.name,
                "the channel is published again"
            );
        }
        let outlook = Outlook {
            grid: shape.grid,
            part_us: shape.part_us,
            heard: Utc(self.heard_us.load(Ordering::Relaxed)),
            began: self.began,
            shown: state.slate_shown.is_some(),
            end: first_end,
            slot,
        };
        let due = outlook.due(now)?;
        let slot = match due {
            Due::Rest => slot,
            Due::Anew(slot) => slot,
        };
        if matches!(due, Due::Anew(_)) {
            for (_, slate, segment_start, end) in &mut tracks {
                *end = slate.cut(cuts, slot);
                *segment_start = *end;
            }
        }
        tracks.retain(|(_, slate, _, end)| slate.slot(cuts, *end) == slot);
        let stretches = tracks.into_iter().map(|(track, slate, segment_start, start)| Stretch {
            track,
            slate,
            cuts,
            segment_start,
            start,
        });
        Some((slot, stretches.collect()))
    }

    /// Makes a track's stretch and takes it like a publisher's: part by part where the channel has parts.
    fn show(&self, stretch: &Stretch) {
        let Stretch { track, slate, cuts, segment_start, start } = stretch;
        let scale = slate.header().track.timescale;
        let longest = self.longest_part(scale);
        let chunks = slate.rest_of_slot(*cuts, *start, longest);
        let Some(last) = chunks.last() else { return };
        let duration = last.end_dts() - segment_start;
        let mut bytes = Vec::new();
        for chunk in &chunks {
            let chunk_bytes = chunk.to_bytes();
            bytes.extend_from_slice(&chunk_bytes);
            if longest.is_some() {
                let part = Part {
                    start: chunk.first_dts,
                    duration: chunk.duration as i64,
                    independent: chunk.independent,
                };
                self.part(track, scale, Pipeline::default(), *segment_start, part, chunk_bytes);
            }
        }
        let header = slate.header().clone();
        let fill = chunks.iter().map(|chunk| chunk.sample_count).sum();
        let frames = u32::try_from(duration / slate.ticks()).unwrap_or(u32::MAX);
        let segment = Segment {
            header,
            start: *segment_start,
            duration,
            samples: frames.into(),
            bytes: bytes.into(),
            pipeline: Pipeline::default(),
            measured: Some(Measured { frames, fill, ..Measured::default() }),
            is_slate: true,
        };
        match self.commit(track, segment) {
            Ok(_) => self.metrics.slate_segment(&self.name, track),
            Err(error) => tracing::warn!(channel = %self.name, %track, %error, "slate not taken"),
        }
    }
}

impl State {
    /// Keeps a slate, in memory and on disk.
    pub(super) fn keep_slate(&mut self, channel: &Channel, track: &TrackName, slate: Slate) {
        let known = self.slates.get(track);
        if known.is_some_and(|known| known.id() == slate.id() && known.bytes() == slate.bytes()) {
            return;
        }
        if let Some(log) = &self.log {
            let record = HeaderRecord { track: track.clone(), id: slate.id() };
            log.keep(&channel.name, Record::Slate(record, slate.bytes().clone()));
        }
        self.slates.insert(track.clone(), slate);
    }

    /// The tracks that slate can go on with: their slate, where the segment that is to go on begins, and their end.
    fn slated_tracks(&self, grid: media::Grid) -> Vec<(TrackName, Slate, i64, i64)> {
        // Times of a publisher that does not count from the epoch are its own.
        if self.slates.is_empty() || !self.shift.is_epoch() {
            return Vec::new();
        }
        let mut tracks: Vec<_> = Vec::with_capacity(self.slates.len());
        for track in self.timeline.tracks() {
            let slate = self.slates.get(track.name()).filter(|slate| slate.id() == track.next_header().id);
            let (Some(slate), Some(end)) = (slate, track.next_start()) else { continue };
            let (segment_start, end) = match track.open() {
                Some(open) => (open.start(), open.end()),
                None => (end, end),
            };
            tracks.push((track.name().clone(), slate.clone(), segment_start, end));
        }
        let ends = |(_, slate, _, end): &(TrackName, Slate, i64, i64)| {
            Utc::of(MediaTime::new(*end, slate.header().track.timescale)).0
        };
        let farthest = tracks.iter().map(ends).max().unwrap_or(0);
        let left = LEFT_SLOTS * i64::from(grid.duration_ms()) * 1_000;
        tracks.retain(|track| farthest - ends(track) < left);
        tracks
    }
}

fn compare(one: &Rational, other: &Rational) -> std::cmp::Ordering {
    one.as_f64().total_cmp(&other.as_f64())
}
