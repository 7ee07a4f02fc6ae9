//! Parts come in.

use bytes::Bytes;
use manifest::{Arrived, Part, TrackName};
use media::{MediaTime, Timescale, Utc};

use super::{Channel, Pipeline, State};
use crate::open::Open;

impl Channel {
    /// Longest part in ticks, on a low-latency channel.
    pub(crate) fn longest_part(&self, scale: Timescale) -> Option<i64> {
        let part_us = self.state().timeline.shape().part_us?;
        Some(media::rescale_floor(part_us, Timescale::MICROS, scale))
    }

    /// The publisher's chunks are longer than parts may be: its segments are listed when they are whole.
    pub(crate) fn has_long_chunks(&self, track: &TrackName, chunk: MediaTime) {
        if !std::mem::replace(&mut self.state().told_of_long_chunks, true) {
            let chunk_ms = chunk.floor_to(Timescale::MILLIS).ticks;
            tracing::warn!(
                channel = %self.name, %track, chunk_ms,
                "chunks longer than `part`: no low latency until the encoder makes shorter ones"
            );
        }
    }

    /// A whole part of the segment that begins at `segment_start` has come, in the publisher's time. It is listed where the
    /// segment continues its track. One that is there already keeps its bytes: a publisher sends a segment again from its
    /// start when it was interrupted.
    pub(crate) fn part(
        &self,
        track: &TrackName,
        scale: Timescale,
        pipeline: Pipeline,
        segment_start: i64,
        part: Part,
        bytes: Bytes,
    ) {
        let now = self.clock.now();
        let mut state = self.state();
        let state = &mut *state;
        let header_came = state.headers.get(track).is_some_and(|publishing| publishing.fresh);
        let Some(shift_us) = state.shift.of_open(MediaTime::new(segment_start, scale), header_came, now)
        else {
            return;
        };
        let shift = media::rescale_nearest(shift_us, Timescale::MICROS, scale);
        let bytes = match shift {
            0 => bytes,
            shift => match cmaf::shift_decode_time(&bytes, shift, scale) {
                Ok(bytes) => bytes,
                // It is told when the segment is whole.
                Err(_) => return,
            },
        };
        let segment_start = segment_start.saturating_add(shift);
        let part = Part { start: part.start.saturating_add(shift), ..part };
        let open = state.timeline.track(track).and_then(manifest::Track::open);
        match open.map(|open| (open.start(), open.end())) {
            Some((start, end)) if start == segment_start && part.start < end => {
                if let Some(open) = state.open.get_mut(track) {
                    open.resumed = true;
                }
                return;
            }
            Some((start, _)) if start < segment_start => self.close_open(state, track, now),
            _ => {}
        }
        let Some(update) = state.timeline.append_part(track, segment_start, part, now) else {
            return;
        };
        let open = state.open.entry(track.clone()).or_insert_with(|| Open::new(pipeline));
        open.resumed |= open.pipeline != pipeline;
        open.push(bytes);
        state.last_arrival = Some(now);
        state.rendered.clear();
        state.ring(track);
        self.settle(state, update, now);
    }

    /// The open segment's publisher went on with a later one: what came of it is the segment, so that its number and the
    /// parts that players have stay true.
    pub(super) fn close_open(&self, state: &mut State, track: &TrackName, now: Utc) {
        let Some(open) = state.timeline.track(track).and_then(manifest::Track::open) else {
            return;
        };
        let (start, duration) = (open.start(), open.end() - open.start());
        let parts = state.open.get(track).map(Open::parts).unwrap_or_default();
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        tracing::warn!(channel = %self.name, %track, start, "a segment ends early: its publisher went on without it");
        if let Ok(update) = state.timeline.append(track, Arrived { start, duration, bytes }, now) {
            self.keep(state, track, Arrived { start, duration, bytes }, parts.concat().into(), None);
            self.settle(state, update, now);
        }
    }
}
