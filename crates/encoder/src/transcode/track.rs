//! One output track: coded frames to CMAF chunks to whoever takes them.

use bytes::Bytes;
use cmaf::{Begins, Chunk, Fragmenter, Labels};
use media::{Sample, Timescale, Track};
use spec::Latency;

use crate::metrics::TrackFigures;
use crate::push::PushHandle;

/// Chunks of a standard channel are this long at least, in milliseconds: short enough for an edge to stream an open
/// segment, long enough that boxes stay below 1 % of the bytes.
const CHUNK_MS: i64 = 500;

/// Where a segment is cut into chunks.
#[derive(Clone, Copy, Debug)]
enum Chunks {
    /// When one has this many ticks, and another frame shows that it is over.
    Of(i64),
    /// Parts: as many frames as fit in this many ticks. Each leaves with its last frame, a segment's last as well.
    Parts(i64),
}

/// Who takes a track's CMAF.
pub trait Sink: Send {
    /// A header, for the segments to come. The track's first is known to the sink from its making.
    fn header(&mut self, init: Bytes);
    /// The next chunk.
    fn chunk(&mut self, chunk: Chunk);
    /// The open segment is complete.
    fn end_segment(&mut self);
}

impl Sink for PushHandle {
    fn header(&mut self, init: Bytes) {
        Self::header(self, init);
    }

    fn chunk(&mut self, chunk: Chunk) {
        Self::chunk(self, chunk);
    }

    fn end_segment(&mut self) {
        Self::end_segment(self);
    }
}

/// What a track's sink is made of before the first sample: its header and how its encoder reorders.
#[derive(Clone, Debug)]
pub struct TrackHead {
    /// The track's name in URLs.
    pub name: String,
    /// Codec, size, timescale.
    pub track: Track,
    /// The CMAF header.
    pub init: Bytes,
    /// Ticks by which decode times run ahead of presentation.
    pub reorder_ticks: i64,
}

impl TrackHead {
    pub(crate) fn new(name: &str, track: Track, bitrate_bps: u32, reorder_ticks: i64) -> Self {
        let labels = Labels { bitrate_bps: Some(bitrate_bps), ..Labels::named(name) };
        let init = cmaf::init_segment(&track, &labels);
        Self { name: name.to_owned(), track, init, reorder_ticks }
    }
}

/// Where a frame stands in its segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) starts_segment: bool,
    /// The next frame starts a segment. Said where frames come in the order they are shown.
    pub(crate) ends_segment: bool,
}

/// Writes one track.
pub(crate) struct TrackWriter<S> {
    sink: S,
    init: Bytes,
    fragmenter: Fragmenter,
    chunks: Chunks,
    figures: TrackFigures,
}

impl<S: Sink> TrackWriter<S> {
    /// A writer to `sink`, which knows `head`'s header already.
    pub(crate) fn new(head: &TrackHead, latency: Latency, sink: S, figures: TrackFigures) -> Self {
        let ticks = |ms: i64| media::rescale_floor(ms, Timescale::MILLIS, head.track.timescale);
        Self {
            sink,
            init: head.init.clone(),
            fragmenter: Fragmenter::new(&head.track),
            chunks: match latency {
                Latency::Standard => Chunks::Of(ticks(CHUNK_MS)),
                Latency::Low { part_ms } => Chunks::Parts(ticks(part_ms.into())),
            },
            figures,
        }
    }

    /// Says that a run of samples begins whose header is `head`'s.
    pub(crate) fn begin(&mut self, head: &TrackHead) {
        if head.init != self.init {
            self.init = head.init.clone();
            self.sink.header(head.init.clone());
        }
    }

    /// Takes the next coded frame, which lasts as long as it says.
    pub(crate) fn push(&mut self, sample: Sample, at: Place) -> Result<(), cmaf::DtsBackwards> {
        let starts_segment = at.starts_segment;
        let frame_ticks = i64::from(sample.duration.unwrap_or(0));
        let is_full = match self.chunks {
            Chunks::Of(ticks) => self.fragmenter.pending_ticks() + ticks / 10 >= ticks,
            Chunks::Parts(ticks) => self.fragmenter.pending_ticks() + frame_ticks > ticks,
        };
        let begins = match (starts_segment, is_full) {
            (true, _) => Begins::Segment,
            (false, true) => Begins::Chunk,
            (false, false) => Begins::Nothing,
        };
        self.figures.frames_out.inc();
        if let Some(chunk) = self.fragmenter.push(sample, begins)? {
            self.give(chunk);
            if starts_segment {
                self.sink.end_segment();
            }
        }
        if let Chunks::Parts(ticks) = self.chunks
            && (at.ends_segment || self.fragmenter.pending_ticks() + frame_ticks > ticks)
        {
            if let Some(chunk) = self.fragmenter.cut_chunk() {
                self.give(chunk);
            }
            if at.ends_segment {
                self.sink.end_segment();
            }
        }
        Ok(())
    }

    /// The run of samples has ended: closes the open segment.
    pub(crate) fn finish(&mut self) {
        if let Some(chunk) = self.fragmenter.finish() {
            self.give(chunk);
        }
        self.sink.end_segment();
    }

    fn give(&mut self, chunk: Chunk) {
        self.figures.segments.inc_by(u64::from(chunk.segment_start));
        self.figures.bytes.inc_by(chunk.len() as u64);
        self.sink.chunk(chunk);
    }

    pub(crate) const fn figures(&self) -> &TrackFigures {
        &self.figures
    }

    /// The sink back, at the end.
    pub(crate) fn into_sink(self) -> S {
        self.sink
    }
}
