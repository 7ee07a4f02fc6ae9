//! Whole segments come in.

use std::sync::Arc;

use bytes::Bytes;
use manifest::{AppendError, Arrived, TrackName, Update};
use media::{MediaTime, Timescale, Utc};
use wire::Measured;

use super::low_score::{Change, Listed};
use super::pipelines::micros;
use super::{Channel, Pipeline, State};
use crate::cmsd;
use crate::log::{Record, SegmentRecord};
use crate::shift::Raw;

/// A whole segment, as it was read.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: Arc<cmaf::Header>,
    /// In the publisher's time.
    pub(crate) start: i64,
    pub(crate) duration: i64,
    pub(crate) samples: u64,
    pub(crate) bytes: Bytes,
    /// Whose it is, and what is wrong with it, where it was told.
    pub(crate) pipeline: Pipeline,
    pub(crate) measured: Option<Measured>,
    /// The origin's own slate, of which operators are told apart from low scores.
    pub(crate) is_slate: bool,
}

/// Why a whole segment was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("its times cannot be moved onto the epoch: {0}")]
    Shift(#[from] cmaf::ReadError),
}

impl Channel {
    /// A whole segment has come. `Ok(false)`: the track has this time already.
    pub(crate) fn commit(&self, track: &TrackName, segment: Segment) -> Result<bool, CommitError> {
        let now = self.clock.now();
        let scale = segment.header.track.timescale;
        let end = |track: &manifest::Track| {
            track.next_start().map(|end| Utc::of(MediaTime::new(end, track.next_header().timescale)))
        };
        let shift_us = {
            let mut state = self.state();
            let state = &mut *state;
            let header_came =
                state.headers.get_mut(track).is_some_and(|publishing| std::mem::take(&mut publishing.fresh));
            let raw = Raw {
                start: MediaTime::new(segment.start, scale),
                duration: segment.duration,
                header_came,
                track_end: state.timeline.track(track).and_then(end),
                channel_end: state.timeline.tracks().iter().filter_map(end).max(),
            };
            let (before, shift_us) = (state.shift, state.shift.place(raw, self.grid, now));
            if before != state.shift {
                state.timeline.interrupt();
                tracing::info!(
                    channel = %self.name, %track, shift_ms = shift_us / 1_000,
                    "the publisher's times do not count from 1970: shifted for this session"
                );
            }
            shift_us
        };
        let shift = media::rescale_nearest(shift_us, Timescale::MICROS, scale);
        let bytes = match shift {
            0 => segment.bytes,
            shift => cmaf::shift_decode_time(&segment.bytes, shift, scale)?,
        };
        let arrived = Arrived {
            start: segment.start.saturating_add(shift),
            duration: segment.duration,
            bytes: bytes.len() as u64,
        };
        let mut state = self.state();
        let state = &mut *state;
        state.measure_frame_rate(track, &segment.header, segment.samples, segment.duration);
        let open = state.timeline.track(track).and_then(manifest::Track::open).map(manifest::Open::start);
        if open.is_some_and(|open| open < arrived.start) {
            self.close_open(state, track, now);
        }
        // Where its parts were listed, the segment is what they are.
        let open = state.timeline.track(track).and_then(manifest::Track::open);
        let open = open.filter(|open| open.start() == arrived.start);
        let arrived = match open {
            Some(open) => Arrived { duration: open.end() - open.start(), ..arrived },
            None => arrived,
        };
        let end_before = state.timeline.track(track).and_then(end);
        let update = match state.timeline.append(track, arrived, now) {
            Ok(update) => update,
            Err(AppendError::Duplicate) => {
                self.metrics.refused(&self.name, "duplicate");
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        state.last_arrival = Some(now);
        if let Some(end) = end_before {
            self.tell_gap(state, track, end, micros(arrived.start, scale));
        }
        let score = segment.measured.as_ref().map(Measured::score);
        if let Some(open) = state.open.get_mut(track) {
            // Its parts are not this body's.
            open.resumed |= open.pipeline != segment.pipeline;
        }
        let len = self.keep(state, track, arrived, bytes, score);
        self.metrics.segment(&self.name, track, len);
        let before = state.listed_of.insert(track.clone(), segment.pipeline);
        let switched = before.is_some_and(|before| before != segment.pipeline);
        self.metrics.listed(&self.name, track, segment.pipeline.name(), score, switched);
        // Operators are told of slate as such: low scores end with the publisher's segments.
        if let Some(measured) =
            segment.measured.map(|measured| if segment.is_slate { Measured::default() } else { measured })
        {
            let end = arrived.start.saturating_add(arrived.duration);
            let (start_us, end_us) = (micros(arrived.start, scale), micros(end, scale));
            self.tell_score(state, Listed { track, start_us, end_us, measured });
        }
        self.settle(state, update, now);
        Ok(true)
    }

    /// Keeps a whole segment's bytes; where its parts were listed, theirs are the ones that count.
    pub(super) fn keep(
        &self,
        state: &mut State,
        track: &TrackName,
        arrived: Arrived,
        bytes: Bytes,
        score: Option<u8>,
    ) -> u64 {
        let start = arrived.start;
        let cmsd = state.timeline.track(track).map(|track| {
            let header = track.next_header();
            let duration = MediaTime::new(arrived.duration, header.timescale).floor_to(Timescale::MILLIS);
            cmsd::of_segment(header.format.is_video(), duration.ticks, arrived.bytes, score)
        });
        let Some(open) = state.open.remove(track) else {
            let len = bytes.len() as u64;
            state.window.insert(track, start, bytes, Vec::new(), cmsd);
            return len;
        };
        let parts = open.parts();
        let ends = parts.iter().scan(0, |end, part| {
            *end += part.len();
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let same = !open.resumed && ends.last() == Some(&bytes.len());
        let bytes = if same { bytes } else { Bytes::from(parts.concat()) };
        open.finish();
        let len = bytes.len() as u64;
        state.window.insert(track, start, bytes, ends, cmsd);
        len
    }

    /// Tells of a hole in a track, where it ended at `from` and goes on at `start_us`. What was missed while this origin, or
    /// the channel, did not run, everybody knows.
    fn tell_gap(&self, state: &mut State, track: &TrackName, from: Utc, start_us: i64) {
        if from < self.began {
            return;
        }
        if let Some(gap_us) = state.gaps.listed(from.0, start_us) {
            self.metrics.gap(&self.name);
            let gap_ms = gap_us / 1_000;
            tracing::warn!(
                event = "media_gap", state = "happened", channel = %self.name, %track, %from, gap_ms,
                "nobody brought this media: viewers are taken over it"
            );
        }
    }

    /// Tells where what viewers get is not what it should be.
    fn tell_score(&self, state: &mut State, listed: Listed<'_>) {
        let track = listed.track;
        match state.low_score.listed(listed) {
            Some(Change::Raised { score }) => {
                self.metrics.low_score(&self.name, true);
                tracing::warn!(
                    event = "low_score", state = "raised", channel = %self.name, %track, score,
                    "viewers do not get what the source sends"
                );
            }
            Some(Change::Cleared) => {
                self.metrics.low_score(&self.name, false);
                tracing::info!(event = "low_score", state = "cleared", channel = %self.name, "scores are well");
            }
            None => {}
        }
    }

    /// Carries what an append changed to the window and the log.
    pub(super) fn settle(&self, state: &mut State, update: Update, now: Utc) {
        let target_s = state.timeline.target_s();
        if !update.published.is_empty() {
            state.rendered.clear();
        }
        for published in update.published {
            let segment = &published.segment;
            if state.newest_period.replace(segment.period).is_some_and(|newest| newest < segment.period) {
                self.metrics.discontinuity(&self.name);
                tracing::info!(
                    channel = %self.name, track = %published.track, period = segment.period, "discontinuity"
                );
            }
            state.ring(&published.track);
            let stored = state.window.segment(&published.track, segment.start);
            let (Some(log), Some(stored)) = (&state.log, stored) else {
                continue;
            };
            let record = SegmentRecord {
                track: published.track,
                header: segment.header.id,
                number: segment.number,
                period: published.period,
                start: segment.start,
                duration: segment.duration,
                end: Utc::of(MediaTime::new(segment.end(), segment.timescale())),
                published: segment.published,
                target_s,
            };
            log.keep(&self.name, Record::Segment(record, stored.bytes.clone()));
        }
        // A player may hold a playlist that lists it: first appearance, plus its duration, plus the longest playlist
        // (RFC 8216bis §6.2.2).
        let longest_us = state.timeline.longest_playlist_us();
        let removed_any = !update.removed.is_empty();
        for removed in update.removed {
            let segment = removed.segment;
            let duration = MediaTime::new(segment.duration, segment.timescale()).floor_to(Timescale::MICROS);
            let until =
                segment.published.plus_micros(duration.ticks + longest_us + i64::from(target_s) * 1_000_000);
            state.window.retire(removed.track, segment.start, until);
        }
        state.window.expire(now);
        if let (true, Some(log), Some(oldest)) = (removed_any, &state.log, state.timeline.oldest()) {
            log.oldest(&self.name, oldest);
        }
    }
}
