//! Pushes one track to the origin: its CMAF header, then a `PUT` a segment (DASH-IF Live Media Ingest, interface 1).
//!
//! One task and one kept-alive connection a track. A segment's body goes out chunk by chunk as they are made. Until
//! the origin has answered for a segment its chunks are kept, so a lost connection costs nothing: the body is sent
//! again from its start, after the header. What waits is bounded by [`MAX_WAITING_SEGMENTS`] and
//! [`MAX_WAITING_BYTES`]; at the bound the oldest segment that is not being sent is dropped and counted.
//!
//! Our origin answers from memory and says how far it has the track on disk (`Headwater-Durable`). What is not there yet
//! is kept in the same bounds; where the origin comes back without it (`Headwater-Next`), it is sent again. The header says
//! what there is to come (`Headwater-Has`), so that the origin can answer viewers once it is there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use cmaf::Chunk;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use wire::Measured;

use crate::door::Door;

mod connection;
mod metrics;
mod segment;

pub use metrics::{PushMetrics, TrackLabels};
use segment::Segment;

/// Most segments kept for an origin that is away.
pub const MAX_WAITING_SEGMENTS: usize = 8;
/// Most bytes kept for an origin that is away, beyond the segment being made.
pub const MAX_WAITING_BYTES: usize = 16 << 20;
/// Largest segment: as much as any reader takes in one `mdat`. A longer one is given up.
pub const MAX_SEGMENT_BYTES: usize = 64 << 20;

/// Where a track is pushed to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The publishing point, such as `http://127.0.0.1:8300/ingest/main`.
    pub push_url: String,
    /// For labels and logs.
    pub channel: String,
    /// The track's name in URLs, such as `720p30`.
    pub track: String,
    /// Pictures or sound, for the content type.
    pub is_video: bool,
    /// The way there.
    pub door: Door,
    /// Which of two pipelines this is, where there are two.
    pub pipeline: Option<u8>,
}

/// Why a push URL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PushUrlError {
    /// Not a URL.
    #[error("push URL `{0}` does not read: {1}")]
    Syntax(String, #[source] hyper::http::uri::InvalidUri),
    /// Something other than `http://host[:port]/path`.
    #[error("push URL `{0}` is not http://host[:port]/path")]
    Kind(String),
}

/// One track's way to the origin. Dropping it gives up what has not been sent; see [`finish`](Self::finish).
#[derive(Debug)]
pub struct PushHandle {
    shared: Arc<Shared>,
    next: watch::Receiver<Option<Next>>,
    task: JoinHandle<()>,
}

/// The decode time after the last segment the origin holds; `None` where it holds none or does not say.
type Next = Option<i64>;

/// What the handle and the task share.
#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something changed in the queue.
    changed: Notify,
    metrics: PushMetrics,
    labels: TrackLabels,
}

#[derive(Debug)]
struct Queue {
    /// The header of segments to come.
    header: Bytes,
    /// Oldest first; the first may be on its way, the last may be open.
    segments: VecDeque<Arc<Segment>>,
    /// Taken by the origin and not on its disk yet, oldest first.
    kept: VecDeque<Arc<Segment>>,
    /// What the origin shows when nobody publishes, and its header.
    slate: Option<(Bytes, Bytes)>,
    /// The origin of this connection has it.
    slate_sent: bool,
    /// The first is on its way.
    sending: bool,
    /// Nothing more will come.
    closing: bool,
}

impl PushHandle {
    /// Starts to connect and to push; works from the start though the origin may be away. Call inside a tokio
    /// runtime. `init` is the track's CMAF header.
    pub fn spawn(target: &Target, init: Bytes, metrics: &PushMetrics) -> Result<Self, PushUrlError> {
        let peer = connection::Peer::new(target)?;
        let labels = TrackLabels { channel: target.channel.clone(), track: target.track.clone() };
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                header: init,
                segments: VecDeque::new(),
                kept: VecDeque::new(),
                slate: None,
                slate_sent: false,
                sending: false,
                closing: false,
            }),
            changed: Notify::new(),
            metrics: metrics.clone(),
            labels,
        });
        let (told, next) = watch::channel(None);
        let task = tokio::spawn(connection::run(peer, shared.clone(), told));
        Ok(Self { shared, next, task })
    }

    /// A new header for the segments to come; those that wait keep theirs.
    pub fn header(&self, init: Bytes) {
        let mut queue = self.shared.queue();
        if let Some(open) = queue.segments.back() {
            open.end();
        }
        queue.header = init;
        drop(queue);
        self.shared.changed.notify_one();
    }

    /// Where this track's slate is put.
    pub fn slate_door(&self) -> SlateDoor {
        SlateDoor(self.shared.clone())
    }

    /// Takes the track's next chunk. One that starts a segment ends the segment before it.
    pub fn chunk(&self, chunk: Chunk) {
        let mut queue = self.shared.queue();
        if chunk.segment_start {
            if let Some(open) = queue.segments.back() {
                open.end();
            }
            let segment = Arc::new(Segment::new(chunk.first_dts, queue.header.clone()));
            queue.segments.push_back(segment);
        }
        let Some(open) = queue.segments.back() else {
            // Its segment was given up.
            return;
        };
        open.add(chunk.bytes);
        if open.bytes() > MAX_SEGMENT_BYTES {
            open.give_up();
            let (channel, track) = (&self.shared.labels.channel, &self.shared.labels.track);
            tracing::warn!(%channel, %track, "push: a segment grew over {MAX_SEGMENT_BYTES} bytes and is left out");
        }
        let dropped = queue.drop_over_bounds();
        drop(queue);
        self.shared.changed.notify_one();
        if dropped > 0 {
            self.shared.metrics.dropped(&self.shared.labels, dropped);
        }
    }

    /// Says what is wrong with the open segment; it goes with it.
    pub fn measured(&self, measured: Measured) {
        if let Some(open) = self.shared.queue().segments.back() {
            open.measured(measured);
        }
    }

    /// The open segment is complete.
    pub fn end_segment(&self) {
        if let Some(open) = self.shared.queue().segments.back() {
            open.end();
        }
        self.shared.changed.notify_one();
    }

    /// Nothing more comes of the open segment: it is not published.
    pub fn break_off(&self) {
        if let Some(open) = self.shared.queue().segments.back().filter(|open| open.is_open()) {
            open.give_up();
        }
        self.shared.changed.notify_one();
    }

    /// What the origin expects next, from its answer to the header: the decode time in track ticks after the last
    /// segment it holds, `None` where it holds none or does not say. Waits until the origin has answered, so put
    /// a limit on it.
    pub async fn next_expected(&self) -> Option<i64> {
        let mut next = self.next.clone();
        let answered = next.wait_for(Option::is_some).await.ok()?;
        answered.flatten()
    }

    /// Ends the open segment and waits until everything is sent, or `within` has passed.
    pub async fn finish(mut self, within: Duration) {
        self.end_segment();
        self.shared.queue().closing = true;
        self.shared.changed.notify_one();
        // Past the limit the rest is given up: dropping `self` ends the task.
        let _ = tokio::time::timeout(within, &mut self.task).await;
    }
}

impl Drop for PushHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes what the origin shows of a track when nobody publishes.
#[derive(Clone, Debug)]
pub struct SlateDoor(Arc<Shared>);

impl SlateDoor {
    /// `media` is a segment that goes with the header `init`; it is sent on each connection whose header that is.
    pub fn put(&self, init: Bytes, media: Bytes) {
        let mut queue = self.0.queue();
        queue.slate = Some((init, media));
        queue.slate_sent = false;
        drop(queue);
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("nobody panics with the queue locked")
    }

    /// Waits until there is a segment to send; false when there will be none.
    async fn until_wanted(&self) -> bool {
        loop {
            {
                let queue = self.queue();
                if !queue.segments.is_empty() || queue.closing {
                    return !queue.segments.is_empty();
                }
            }
            self.changed.notified().await;
        }
    }
}

impl Queue {
    /// The header to begin a connection with.
    fn first_header(&self) -> Bytes {
        let first = self.segments.front();
        first.map_or_else(|| self.header.clone(), |first| first.header.clone())
    }

    /// First decode time of the newest whole segment that can be sent.
    fn newest_whole(&self) -> Option<i64> {
        let whole = |segment: &&Arc<Segment>| !segment.is_open() && !segment.is_given_up();
        let newest = self.segments.iter().rev().find(whole).or_else(|| self.kept.back());
        newest.map(|segment| segment.first_dts)
    }

    /// The slate, where the origin has not got it and `header` is its own.
    fn slate_to_send(&self, header: &Bytes) -> Option<Bytes> {
        let (init, media) = self.slate.as_ref().filter(|_| !self.slate_sent)?;
        (init == header).then(|| media.clone())
    }

    /// The origin has taken `segment`, and has on disk what begins before `durable`; `None`: it never says.
    fn taken(&mut self, segment: &Arc<Segment>, durable: Option<i64>) {
        self.done_with(segment);
        let Some(durable) = durable else {
            self.kept.clear();
            return;
        };
        self.kept.push_back(segment.clone());
        self.kept.retain(|kept| kept.first_dts >= durable);
        let bytes = |kept: &VecDeque<Arc<Segment>>| kept.iter().map(|kept| kept.bytes()).sum::<usize>();
        while self.kept.len() > MAX_WAITING_SEGMENTS || bytes(&self.kept) > MAX_WAITING_BYTES {
            self.kept.pop_front();
        }
    }

    /// `segment` is not sent again.
    fn done_with(&mut self, segment: &Arc<Segment>) {
        self.sending = false;
        self.segments.retain(|waiting| !Arc::ptr_eq(waiting, segment));
    }

    /// The origin has nothing from `next` on: what it has taken of that waits again. How many segments.
    fn take_back(&mut self, next: Next) -> usize {
        let from = self.kept.partition_point(|kept| next.is_some_and(|next| kept.first_dts < next));
        let lost = self.kept.split_off(from);
        let count = lost.len();
        lost.into_iter().rev().for_each(|segment| self.segments.push_front(segment));
        count
    }

    /// Drops the oldest segments that are not being sent, nor the newest, until the rest is in bounds.
    fn drop_over_bounds(&mut self) -> u64 {
        let mut dropped = 0;
        let first = usize::from(self.sending);
        while self.is_over_bounds() && self.segments.len() > first + 1 {
            self.segments.remove(first);
            dropped += 1;
        }
        dropped
    }

    fn is_over_bounds(&self) -> bool {
        let newest = self.segments.back().map_or(0, |newest| newest.bytes());
        let all: usize = self.segments.iter().map(|segment| segment.bytes()).sum();
        self.segments.len() > MAX_WAITING_SEGMENTS || all - newest > MAX_WAITING_BYTES
    }
}

#[cfg(test)]
mod tests;
