//! Holds samples back until the tracks can be told.

use std::collections::VecDeque;

use media::{Sample, Timescale, rescale_floor};

use crate::event::{Event, Stream};
use crate::limits::{MAX_PENDING_BYTES, MAX_PENDING_SAMPLES, TRACKS_WAIT_MS};
use crate::stream::Elementary;

/// ```text
/// Waiting --all formats, or the wait is over--> Announced
///    ^                                             |
///    '--------- no announced stream is left -------'
/// ```
#[derive(Debug)]
pub(crate) enum Announcer {
    Waiting { pending: Vec<Sample>, bytes: usize, since_ms: Option<i64> },
    Announced,
}

impl Announcer {
    pub(crate) const fn new() -> Self {
        Self::Waiting { pending: Vec::new(), bytes: 0, since_ms: None }
    }

    pub(crate) const fn is_announced(&self) -> bool {
        matches!(self, Self::Announced)
    }

    /// Takes a sample of `scale`.
    pub(crate) fn sample(
        &mut self,
        sample: Sample,
        scale: Timescale,
        streams: &[Elementary],
        events: &mut VecDeque<Event>,
    ) {
        let Self::Waiting { pending, bytes, since_ms } = self else {
            return events.push_back(Event::Sample(sample));
        };
        let now_ms = rescale_floor(sample.dts, scale, Timescale::MILLIS);
        let waited_ms = now_ms.saturating_sub(*since_ms.get_or_insert(now_ms)).saturating_abs();
        *bytes += sample.data.len();
        pending.push(sample);
        let full = pending.len() >= MAX_PENDING_SAMPLES || *bytes >= MAX_PENDING_BYTES;
        if waited_ms >= TRACKS_WAIT_MS || full {
            self.announce(streams, events);
        }
    }

    /// Tells the tracks whose formats are known, then what waited for that.
    pub(crate) fn announce(&mut self, streams: &[Elementary], events: &mut VecDeque<Event>) {
        let waited = std::mem::replace(self, Self::Announced);
        events.push_back(Event::Tracks(tracks(streams)));
        if let Self::Waiting { pending, .. } = waited {
            events.extend(pending.into_iter().map(Event::Sample));
        }
    }
}

fn tracks(streams: &[Elementary]) -> Vec<Stream> {
    let known = streams.iter().filter_map(|stream| {
        let track = stream.track.clone()?;
        Some(Stream { track, pid: stream.pid(), language: stream.language })
    });
    known.collect()
}
