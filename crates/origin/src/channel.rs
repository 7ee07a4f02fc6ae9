//! One channel: its timeline, its bytes, and who publishes.

mod catch_up;
mod contest;
mod frame_rate;
mod low_score;
mod media_gap;
mod part;
mod pipelines;
mod restore;
mod segment;
mod served;
mod slate;

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use daemon::EpochClock;
use daemon::memory::Memory;
use manifest::{AnnounceError, HeaderId, Timeline, TrackName};
use media::{ChannelName, Format, Grid, Rational, Utc};
use tokio::sync::{Semaphore, watch};

use crate::log::{HeaderRecord, Log, Record};
use crate::metrics::Metrics;
use crate::open::Open;
use crate::receive::{Names, header_of};
use crate::rendered::Rendered;
use crate::shift::Shift;
use crate::slate::Slate;
use crate::window::{Window, header_id};

use catch_up::CatchUp;
use contest::Contest;
use low_score::LowScore;
use media_gap::MediaGaps;
use pipelines::Brought;
use served::Served;

pub(crate) use pipelines::{NoPipeline, Pipeline};
pub(crate) use segment::{CommitError, Segment};

/// A channel is on air while segments come at least this often, in target durations.
const ON_AIR_TARGETS: i64 = 3;

/// One channel of the origin.
pub(crate) struct Channel {
    pub(crate) name: ChannelName,
    pub(crate) grid: Grid,
    /// What it was opened with.
    pub(crate) settings: crate::Channel,
    clock: EpochClock,
    metrics: Metrics,
    /// One for each body that may be read at once.
    pub(crate) bodies: Semaphore,
    /// When a byte of media last came, in microseconds since the epoch.
    heard_us: AtomicI64,
    began: Utc,
    catch_up: CatchUp,
    /// Where two pipelines make a track. Locked before the state, where both are.
    contests: Mutex<HashMap<TrackName, Contest<Brought>>>,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) timeline: Timeline,
    pub(crate) window: Window,
    /// Names that a pushed MPD told.
    pub(crate) names: Names,
    shift: Shift,
    /// What tracks show when nobody publishes.
    slates: HashMap<TrackName, Slate>,
    /// The last slot that slate was made for, while it is what is shown.
    slate_shown: Option<i64>,
    /// Each track's newest header, for reading its chunks.
    headers: HashMap<TrackName, Publishing>,
    /// The headers that each of two pipelines sent last.
    pipeline_headers: HashMap<(TrackName, Pipeline), Arc<cmaf::Header>>,
    /// Whose segment each track's newest is.
    listed_of: HashMap<TrackName, Pipeline>,
    low_score: LowScore,
    served: Served,
    gaps: MediaGaps,
    /// Frame rates that were measured where a header tells none.
    measured: HashMap<HeaderId, Rational>,
    last_arrival: Option<Utc>,
    /// The newest period that a segment was listed in.
    newest_period: Option<u64>,
    log: Option<Log>,
    pub(crate) rendered: Rendered,
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

/// Figures of one moment.
pub(crate) struct Figures {
    pub(crate) on_air: bool,
    pub(crate) bytes: i64,
    pub(crate) segments: i64,
    pub(crate) edge_age_ms: i64,
}

impl Channel {
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
        Ok(state.next_start(track))
    }

    /// The decode time a track's publisher may go on from, where it counts from the epoch and the origin has some of it.
    fn next_start(&self, track: &TrackName) -> Option<i64> {
        self.state().next_start(track)
    }

    fn contests(&self) -> MutexGuard<'_, HashMap<TrackName, Contest<Brought>>> {
        self.contests.lock().expect("no holder of the lock panics")
    }

    /// While memory is short its window is a quarter shorter than what is listed, look by look, down to what HLS asks for;
    /// else it is the whole one.
    pub(crate) fn fit(&self, memory: Memory) {
        let mut state = self.state();
        let whole_us = self.settings.window_us();
        let window_us = match memory {
            Memory::Short => whole_us.min(state.timeline.longest_playlist_us() / 4 * 3),
            Memory::Ample => whole_us,
        };
        state.timeline.set_window(window_us);
        state.window.set_memory(memory);
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

    fn next_start(&self, track: &TrackName) -> Option<i64> {
        let next = self.timeline.track(track).and_then(manifest::Track::next_start);
        next.filter(|_| self.shift.is_epoch())
    }

    /// The timeline makes room for new tracks by forgetting silent ones.
    fn forget_unknown_tracks(&mut self) {
        let timeline = &self.timeline;
        let known = |track: &TrackName| timeline.track(track).is_some();
        self.headers.retain(|track, _| known(track));
        self.pipeline_headers.retain(|(track, _), _| known(track));
        self.listed_of.retain(|track, _| known(track));
        self.low_score.retain(known);
        self.window.retain_headers(known);
        self.slates.retain(|track, _| known(track));
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
}
