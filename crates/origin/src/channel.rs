//! One channel: its timeline, its bytes, and who publishes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use daemon::EpochClock;
use manifest::{
    AnnounceError, AppendError, Arrived, Header, HeaderId, Part, Shape, Timeline, TrackName, Update,
};
use media::{ChannelName, Format, Grid, MediaTime, Rational, Timescale, Utc};
use tokio::sync::{Semaphore, watch};

use crate::log::{HeaderRecord, Kept, Log, Record, SegmentRecord};
use crate::metrics::Metrics;
use crate::open::Open;
use crate::receive::{Names, header_of};
use crate::shift::{Raw, Shift};
use crate::window::{Stored, Window, header_id};

/// Most bytes of segments a channel lists: an hour of 8 Mbit/s. Beyond it the window is shorter than asked for.
const LISTED_BYTES_MAX: u64 = 4 << 30;
/// A channel is on air while segments come at least this often, in target durations.
const ON_AIR_TARGETS: i64 = 3;

/// Bodies read at once for a channel: every track twice, while a publisher takes over from another.
const BODIES_MAX: usize = 64;

/// One channel of the origin.
pub(crate) struct Channel {
    pub(crate) name: ChannelName,
    pub(crate) grid: Grid,
    clock: EpochClock,
    metrics: Metrics,
    /// One for each body that may be read at once.
    pub(crate) bodies: Semaphore,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) timeline: Timeline,
    pub(crate) window: Window,
    /// Names that a pushed MPD told.
    pub(crate) names: Names,
    shift: Shift,
    /// Each track's newest header, for reading its chunks.
    headers: HashMap<TrackName, Publishing>,
    /// Frame rates that were measured where a header tells none.
    measured: HashMap<HeaderId, Rational>,
    last_arrival: Option<Utc>,
    /// The newest period that a segment was listed in.
    newest_period: Option<u64>,
    log: Option<Log>,
    /// Rendered texts of the present timeline, by file name.
    pub(crate) rendered: HashMap<String, Stored>,
    /// The bytes of segments that are coming in, as far as their parts are listed.
    pub(crate) open: HashMap<TrackName, Open>,
    /// Rung when something of the track is listed: whoever waits for it looks again.
    bells: HashMap<TrackName, watch::Sender<()>>,
    /// It was said that a chunk is longer than a part.
    told_of_long_chunks: bool,
}

struct Publishing {
    header: Arc<cmaf::Header>,
    id: HeaderId,
    /// It came after the track's last segment.
    fresh: bool,
}

/// A whole segment, as it was read.
pub(crate) struct Segment {
    pub(crate) header: Arc<cmaf::Header>,
    /// In the publisher's time.
    pub(crate) start: i64,
    pub(crate) duration: i64,
    pub(crate) samples: u64,
    pub(crate) bytes: Bytes,
}

/// Why a whole segment was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("its times cannot be moved onto the epoch: {0}")]
    Shift(#[from] cmaf::ReadError),
}

/// Figures of one moment.
pub(crate) struct Figures {
    pub(crate) on_air: bool,
    pub(crate) bytes: i64,
    pub(crate) segments: i64,
    pub(crate) edge_age_ms: i64,
}

impl Channel {
    /// The channel as the log kept it.
    pub(crate) fn restore(
        settings: &crate::Channel,
        kept: Kept,
        log: Log,
        metrics: Metrics,
        clock: EpochClock,
    ) -> Self {
        let shape = Shape {
            grid: settings.grid,
            window_us: i64::try_from(settings.window.as_micros()).unwrap_or(i64::MAX / 4),
            part_us: settings.part.map(|part| i64::try_from(part.as_micros()).unwrap_or(i64::MAX)),
            max_bytes: LISTED_BYTES_MAX,
        };
        let channel = &settings.name;
        let timeline = Timeline::restore(shape, kept.restored).unwrap_or_else(|error| {
            tracing::error!(%channel, %error, "log: contradicts itself; the window begins anew");
            Timeline::new(shape)
        });
        let mut state = State {
            timeline,
            window: Window::default(),
            names: Names::default(),
            shift: Shift::default(),
            headers: HashMap::new(),
            measured: HashMap::new(),
            last_arrival: None,
            newest_period: None,
            log: Some(log),
            rendered: HashMap::new(),
            open: HashMap::new(),
            bells: HashMap::new(),
            told_of_long_chunks: false,
        };
        state.newest_period = state.timeline.periods().last().map(|period| period.number);
        for (track, id, bytes) in kept.headers {
            let newest = state.timeline.track(&track).map(|track| track.next_header().id);
            if let Some(header) = cmaf::Header::read(bytes.clone()).ok().filter(|_| newest == Some(id)) {
                state.keep_header(channel, &track, id, &bytes);
                let publishing = Publishing { header: Arc::new(header), id, fresh: false };
                state.headers.insert(track.clone(), publishing);
            } else {
                state.window.insert_header(&track, id, bytes, |_| true);
            }
        }
        for (track, start, bytes) in kept.segments {
            let listed = state.timeline.track(&track).is_some_and(|track| {
                track.segments().any(|segment| segment.start == start && segment.bytes > 0)
            });
            if listed {
                state.window.insert(&track, start, bytes, Vec::new());
            }
        }
        for track in state.timeline.tracks() {
            if let (Some(first), Some(last)) = (track.segments().next(), track.segments().last()) {
                tracing::info!(
                    %channel, track = %track.name(), first = first.number, last = last.number,
                    "restored from the log"
                );
            }
        }
        Self {
            name: settings.name.clone(),
            grid: settings.grid,
            clock,
            metrics,
            bodies: Semaphore::new(BODIES_MAX),
            state: Mutex::new(state),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }

    /// The header to read a track's chunks with.
    pub(crate) fn header(&self, track: &TrackName) -> Option<Arc<cmaf::Header>> {
        self.state().headers.get(track).map(|publishing| publishing.header.clone())
    }

    /// A track's header has come. Returns the decode time the publisher may go on from, where it counts from the
    /// epoch and the origin has some of the track.
    pub(crate) fn announce(
        &self,
        track: &TrackName,
        header: &Arc<cmaf::Header>,
    ) -> Result<Option<i64>, AnnounceError> {
        let id = header_id(&header.raw);
        let mut state = self.state();
        let state = &mut *state;
        let mut described = header_of(header, id);
        if let (Format::Video(video), Some(rate)) = (&mut described.format, state.measured.get(&id)) {
            video.frame_rate.get_or_insert(*rate);
        }
        state.timeline.announce(track, described)?;
        let known = state.headers.get(track).is_some_and(|publishing| publishing.id == id);
        if !known {
            tracing::info!(channel = %self.name, %track, format = %header.track.format, header = %id, "header");
            state.forget_unknown_tracks();
            state.keep_header(&self.name, track, id, &header.raw);
        }
        state.headers.insert(track.clone(), Publishing { header: header.clone(), id, fresh: true });
        let next = state.timeline.track(track).and_then(manifest::Track::next_start);
        Ok(next.filter(|_| state.shift.is_epoch()))
    }

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
        state.open.entry(track.clone()).or_insert_with(Open::new).push(bytes);
        state.last_arrival = Some(now);
        state.rendered.clear();
        state.ring(track);
        self.settle(state, update, now);
    }

    /// The open segment's publisher went on with a later one: what came of it is the segment, so that its number and the
    /// parts that players have stay true.
    fn close_open(&self, state: &mut State, track: &TrackName, now: Utc) {
        let Some(open) = state.timeline.track(track).and_then(manifest::Track::open) else {
            return;
        };
        let (start, duration) = (open.start(), open.end() - open.start());
        let parts = state.open.get(track).map(Open::parts).unwrap_or_default();
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        tracing::warn!(channel = %self.name, %track, start, "a segment ends early: its publisher went on without it");
        if let Ok(update) = state.timeline.append(track, Arrived { start, duration, bytes }, now) {
            self.keep(state, track, start, parts.concat().into());
            self.settle(state, update, now);
        }
    }

    /// Keeps a whole segment's bytes; where its parts were listed, theirs are the ones that count.
    fn keep(&self, state: &mut State, track: &TrackName, start: i64, bytes: Bytes) -> u64 {
        let Some(open) = state.open.remove(track) else {
            let len = bytes.len() as u64;
            state.window.insert(track, start, bytes, Vec::new());
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
        state.window.insert(track, start, bytes, ends);
        len
    }

    /// A whole segment has come. `Ok(false)`: the track has this time already.
    pub(crate) fn commit(&self, track: &TrackName, segment: Segment) -> Result<bool, CommitError> {
        let now = self.clock.now();
        let scale = segment.header.track.timescale;
        let shift_us = {
            let mut state = self.state();
            let state = &mut *state;
            let header_came =
                state.headers.get_mut(track).is_some_and(|publishing| std::mem::take(&mut publishing.fresh));
            let end = |track: &manifest::Track| {
                track.next_start().map(|end| Utc::of(MediaTime::new(end, track.next_header().timescale)))
            };
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
        let update = match state.timeline.append(track, arrived, now) {
            Ok(update) => update,
            Err(AppendError::Duplicate) => {
                self.metrics.refused(&self.name, "duplicate");
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        state.last_arrival = Some(now);
        let len = self.keep(state, track, arrived.start, bytes);
        self.metrics.segment(&self.name, track, len);
        self.settle(state, update, now);
        Ok(true)
    }

    /// Carries what an append changed to the window and the log.
    fn settle(&self, state: &mut State, update: Update, now: Utc) {
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

    /// Lets the log's thread end.
    pub(crate) fn close_log(&self) {
        self.state().log = None;
    }

    pub(crate) fn figures(&self, now: Utc) -> Figures {
        let state = self.state();
        let segments: usize = state.timeline.tracks().iter().map(|track| track.segments().len()).sum();
        Figures {
            on_air: state.is_on_air(now),
            bytes: i64::try_from(state.window.bytes()).unwrap_or(i64::MAX),
            segments: i64::try_from(segments).unwrap_or(i64::MAX),
            edge_age_ms: state.timeline.live_edge().map_or(0, |edge| (now.0 - edge.0) / 1_000),
        }
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.metrics.refused(&self.name, reason);
    }
}

impl State {
    /// Tells when something of the track is listed from now on.
    pub(crate) fn bell(&mut self, track: &TrackName) -> watch::Receiver<()> {
        self.bells.entry(track.clone()).or_default().subscribe()
    }

    fn ring(&self, track: &TrackName) {
        if let Some(bell) = self.bells.get(track) {
            bell.send_replace(());
        }
    }

    pub(crate) fn is_on_air(&self, now: Utc) -> bool {
        let longest = ON_AIR_TARGETS * i64::from(self.timeline.target_s()) * 1_000_000;
        self.last_arrival.is_some_and(|last| now.0 - last.0 <= longest)
    }

    /// The timeline makes room for new tracks by forgetting silent ones.
    fn forget_unknown_tracks(&mut self) {
        let timeline = &self.timeline;
        let known = |track: &TrackName| timeline.track(track).is_some();
        self.headers.retain(|track, _| known(track));
        self.window.retain_headers(known);
        let headers: Vec<_> = self.headers.values().map(|publishing| publishing.id).collect();
        self.measured.retain(|id, _| headers.contains(id));
    }

    fn keep_header(&mut self, channel: &ChannelName, track: &TrackName, id: HeaderId, bytes: &Bytes) {
        let timeline = &self.timeline;
        let used = |id: HeaderId| {
            timeline.track(track).is_some_and(|track| track.segments().any(|segment| segment.header.id == id))
        };
        self.window.insert_header(track, id, bytes.clone(), used);
        if let Some(log) = &self.log {
            let record = HeaderRecord { track: track.clone(), id };
            log.keep(channel, Record::Header(record, bytes.clone()));
        }
    }

    /// Where the header tells no frame rate, the first segment does.
    fn measure_frame_rate(
        &mut self,
        track: &TrackName,
        header: &Arc<cmaf::Header>,
        samples: u64,
        ticks: i64,
    ) {
        let Format::Video(video) = &header.track.format else {
            return;
        };
        let id = header_id(&header.raw);
        if video.frame_rate.is_some() || self.measured.contains_key(&id) {
            return;
        }
        let Some(rate) = nearest_rate(samples, ticks, header.track.timescale) else {
            return;
        };
        self.measured.insert(id, rate);
        let mut described: Header = header_of(header, id);
        if let Format::Video(video) = &mut described.format {
            video.frame_rate = Some(rate);
        }
        // The same id: no discontinuity, and the track was announced before.
        let _ = self.timeline.announce(track, described);
    }
}

/// The usual frame rate nearest to so many frames in so many ticks, else the rate to a thousandth.
fn nearest_rate(frames: u64, ticks: i64, scale: Timescale) -> Option<Rational> {
    let measured = frames as f64 * f64::from(scale.ticks_per_second()) / ticks as f64;
    let usual = [
        (24_000, 1_001),
        (24, 1),
        (25, 1),
        (30_000, 1_001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60_000, 1_001),
        (60, 1),
        (12, 1),
        (15, 1),
        (10, 1),
        (120, 1),
    ];
    let usual = usual.into_iter().filter_map(|(num, den)| Rational::new(num, den));
    let distance = |rate: &Rational| (rate.as_f64() / measured - 1.0).abs();
    let nearest = usual.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    if distance(&nearest) < 0.0005 {
        return Some(nearest);
    }
    if !(0.001..1_000.0).contains(&measured) {
        return None;
    }
    Rational::new((measured * 1_000.0).round() as u32, 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measured_rate_is_the_usual_one_it_means() {
        for (frames, ticks, text) in
            [(60, 180_000, "30"), (60, 180_180, "30000/1001"), (50, 180_000, "25"), (34, 180_000, "17")]
        {
            let rate = nearest_rate(frames, ticks, Timescale::MPEG).expect("a rate");
            assert_eq!(rate.to_string(), text);
        }
        assert_eq!(nearest_rate(0, 1, Timescale::MPEG), None);
    }
}
