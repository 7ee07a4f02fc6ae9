//! A channel after a restart.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use daemon::EpochClock;
use manifest::{Shape, Timeline};
use tokio::sync::Semaphore;

use super::{CatchUp, Channel, Publishing, State};
use crate::log::{Kept, Log};
use crate::metrics::Metrics;
use crate::receive::Names;
use crate::rendered::Rendered;
use crate::shift::Shift;
use crate::slate::Slate;
use crate::window::Window;

/// Most bytes of segments a channel lists: an hour of 8 Mbit/s. Beyond it the window is shorter than asked for.
const LISTED_BYTES_MAX: u64 = 4 << 30;
/// Bodies read at once for a channel: every track of two pipelines twice, while publishers take over from others.
const BODIES_MAX: usize = 128;

impl Channel {
    /// The channel as the log kept it.
    pub(crate) fn restore(
        settings: &crate::Channel,
        kept: Kept,
        log: Option<Log>,
        metrics: Metrics,
        clock: EpochClock,
    ) -> Self {
        let shape = Shape {
            grid: settings.grid,
            window_us: settings.window_us(),
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
            slates: HashMap::new(),
            slate_shown: None,
            headers: HashMap::new(),
            pipeline_headers: HashMap::new(),
            listed_of: HashMap::new(),
            low_score: super::LowScore::default(),
            served: super::Served::default(),
            gaps: super::MediaGaps::default(),
            measured: HashMap::new(),
            last_arrival: None,
            newest_period: None,
            log,
            rendered: Rendered::default(),
            open: HashMap::new(),
            bells: HashMap::new(),
            told_of_long_chunks: false,
        };
        state.newest_period = state.timeline.periods().last().map(|period| period.number);
        let headers: HashMap<_, _> = kept.headers.iter().map(|(_, id, bytes)| (*id, bytes.clone())).collect();
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
                state.window.insert(&track, start, bytes, Vec::new(), None);
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
        let slates = kept.slates.into_iter().filter_map(|(track, id, bytes)| {
            let header = cmaf::Header::read(headers.get(&id)?.clone()).ok()?;
            Some((track, Slate::read(bytes, Arc::new(header), id).ok()?))
        });
        let slates: Vec<_> = slates.collect();
        metrics.slate(channel, false);
        let began = clock.now();
        let catch_up = CatchUp::new(state.timeline.tracks().iter().map(|track| track.name().clone()));
        let restored = Self {
            name: settings.name.clone(),
            grid: settings.grid,
            settings: settings.clone(),
            clock,
            metrics,
            bodies: Semaphore::new(BODIES_MAX),
            heard_us: AtomicI64::new(began.0),
            began,
            catch_up,
            contests: Mutex::default(),
            state: Mutex::new(state),
        };
        for (track, slate) in slates {
            restored.state().keep_slate(&restored, &track, slate);
        }
        restored
    }
}
