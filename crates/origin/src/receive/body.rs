//! A body, read into headers, parts and whole segments.

use std::sync::Arc;

use bytes::Bytes;
use cmaf::{ChunkReader, Event, ReadChunk};
use manifest::{Part, TrackName};
use media::{MediaTime, Timescale};
use wire::Measured;

use super::parts::{Joiner, TooLong, join};
use super::refusal::Refusal;
use super::target::Cut;
use super::{HEADER_BYTES_MAX, SEGMENT_BYTES_MAX};
use crate::channel::{Channel, Pipeline, Segment};

/// One body being read. A segment is committed once it is whole: at the body's end, or in a stream where the next
/// begins; dropped before that, it leaves nothing behind.
pub(super) struct Reading<'a> {
    channel: &'a Arc<Channel>,
    track: TrackName,
    cut: Cut,
    pipeline: Pipeline,
    reader: ChunkReader,
    open: Option<Open>,
    /// This stream marks its segments.
    marked: bool,
    next: Option<i64>,
    /// The body was read to its end. One that was not has left its pipeline's other one alone.
    ended: bool,
}

/// The segment that is coming in.
struct Open {
    chunks: Vec<Bytes>,
    bytes: usize,
    start: i64,
    end: i64,
    samples: u64,
    /// On low-latency channels, until a chunk shows itself longer than a part.
    parts: Option<Joiner>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(channel: &'a Arc<Channel>, track: TrackName, cut: Cut, pipeline: Pipeline) -> Self {
        let reader = match channel.header_of(&track, pipeline) {
            Some(header) => ChunkReader::with_header(header),
            None => ChunkReader::new(),
        };
        Self { channel, track, cut, pipeline, reader, open: None, marked: false, next: None, ended: false }
    }

    pub(super) fn feed(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        self.reader.feed(bytes);
        while let Some(event) = self.reader.next()? {
            match event {
                Event::Header(header) => {
                    self.commit(None)?;
                    if header.raw.len() > HEADER_BYTES_MAX {
                        return Err(Refusal::TooLarge(HEADER_BYTES_MAX));
                    }
                    self.next = self.channel.announced(&self.track, &header, self.pipeline)?;
                }
                Event::SegmentStart => self.marked = true,
                Event::Chunk(chunk) => self.take(chunk)?,
            }
        }
        Ok(())
    }

    /// The body has ended whole; `measured` is what was told of the segment in it.
    pub(super) fn finish(mut self, measured: Option<Measured>) -> Result<Option<i64>, Refusal> {
        self.reader.finish()?;
        self.ended = true;
        self.commit(measured)?;
        Ok(self.next)
    }

    fn take(&mut self, chunk: ReadChunk) -> Result<(), Refusal> {
        let start = i64::try_from(chunk.decode_time).map_err(|_| cmaf::ReadError::TimeRange)?;
        let duration = i64::try_from(chunk.duration).map_err(|_| cmaf::ReadError::TimeRange)?;
        let end = start.checked_add(duration).ok_or(cmaf::ReadError::TimeRange)?;
        if self.cut == Cut::Stream && self.begins_segment(&chunk, start) {
            self.commit(None)?;
        }
        let bytes = chunk.raw.len() + self.open.as_ref().map_or(0, |open| open.bytes);
        if bytes > SEGMENT_BYTES_MAX {
            return Err(Refusal::TooLarge(SEGMENT_BYTES_MAX));
        }
        let Some(open) = &mut self.open else {
            if !chunk.sync_first {
                // A stream joined in the middle: what comes before its first sync sample is of no use.
                return match self.cut {
                    Cut::Stream => Ok(()),
                    Cut::Body => Err(Refusal::NotSync),
                };
            }
            let mut open = Open {
                bytes,
                chunks: vec![chunk.raw.clone()],
                start,
                end,
                samples: chunk.sample_count.into(),
                parts: self.joiner(),
            };
            self.list_parts(&mut open, &chunk, start, duration);
            self.open = Some(open);
            return Ok(());
        };
        if start < open.end && start <= open.start {
            return Err(Refusal::Backwards);
        }
        open.bytes = bytes;
        open.chunks.push(chunk.raw.clone());
        open.end = open.end.max(end);
        open.samples += u64::from(chunk.sample_count);
        if let Some(mut open) = self.open.take() {
            self.list_parts(&mut open, &chunk, start, duration);
            self.open = Some(open);
        }
        Ok(())
    }

    fn joiner(&self) -> Option<Joiner> {
        let scale = self.timescale();
        let slot = media::rescale_floor(self.channel.grid.duration_ms().into(), Timescale::MILLIS, scale);
        self.channel.longest_part(scale).map(|longest| Joiner::new(slot, longest))
    }

    /// Gives the channel the parts that `chunk` completes.
    fn list_parts(&self, open: &mut Open, chunk: &ReadChunk, start: i64, duration: i64) {
        let Some(joiner) = &mut open.parts else { return };
        match joiner.push(chunk, start, duration) {
            Ok(parts) => {
                for (part, bytes) in parts {
                    self.bring_part(open.start, part, bytes);
                }
            }
            Err(TooLong) => {
                open.parts = None;
                self.channel.has_long_chunks(&self.track, MediaTime::new(duration, self.timescale()));
            }
        }
    }

    fn bring_part(&self, segment_start: i64, part: Part, bytes: Bytes) {
        if let Some(header) = self.reader.header() {
            self.channel.bring_part(&self.track, header, self.pipeline, segment_start, part, bytes);
        }
    }

    fn begins_segment(&self, chunk: &ReadChunk, start: i64) -> bool {
        let (Some(open), true) = (&self.open, chunk.sync_first) else {
            return false;
        };
        if self.marked {
            return chunk.segment_start;
        }
        let slot = |ticks| self.channel.grid.slot(MediaTime::new(ticks, self.timescale()));
        slot(start) > slot(open.start)
    }

    fn timescale(&self) -> Timescale {
        self.reader.header().map_or(Timescale::MPEG, |header| header.track.timescale)
    }

    fn commit(&mut self, measured: Option<Measured>) -> Result<(), Refusal> {
        let (Some(open), Some(header)) = (self.open.take(), self.reader.header().cloned()) else {
            return Ok(());
        };
        if let Some((part, bytes)) = open.parts.and_then(|mut joiner| joiner.finish()) {
            self.bring_part(open.start, part, bytes);
        }
        let segment = Segment {
            header,
            start: open.start,
            duration: open.end - open.start,
            samples: open.samples,
            bytes: join(open.chunks),
            pipeline: self.pipeline,
            measured,
            is_slate: false,
        };
        self.channel.bring_segment(&self.track, segment)?;
        Ok(())
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.channel.gone(&self.track, self.pipeline);
        }
    }
}
