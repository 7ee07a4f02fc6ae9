//! One output track: coded frames to CMAF chunks to whoever takes them.

use bytes::Bytes;
use cmaf::{Begins, Chunk, Fragmenter, Labels};
use media::{Parts, Sample, Timescale, Track};
use spec::Latency;
use wire::{Content, Measured};

use super::cuts::Place;
use super::tally::Tally;
use crate::metrics::TrackFigures;
use crate::push::{PushHandle, SlateDoor};

/// Chunks of a standard channel are this long at least, in milliseconds: short enough for an edge to stream an open
/// segment, long enough that boxes stay below 1 % of the bytes.
const CHUNK_MS: i64 = 500;

/// Where a segment is cut into chunks.
#[derive(Clone, Copy, Debug)]
enum Chunks {
    /// When one has this many ticks, and another frame shows that it is over.
    Of(i64),
    /// Parts, none longer than this many ticks. Each leaves with its last frame; frames come in the order they are shown.
    Parts(i64),
}

/// How a run of frames ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// There are no more: what there is of the last segment is a segment.
    Over,
    /// The encoder goes, and the next one makes the last segment again from its beginning.
    Left,
}

/// Who takes a track's CMAF.
pub trait Sink: Send {
    /// A header, for the segments to come. The track's first is known to the sink from its making.
    fn header(&mut self, init: Bytes);
    /// The next chunk.
    fn chunk(&mut self, chunk: Chunk);
    /// The open segment is complete, and this is wrong with it.
    fn end_segment(&mut self, measured: Measured);
    /// Nothing more comes of the open segment: whoever goes on makes it again, whole.
    fn break_off(&mut self);
    /// Where the track's slate is put, which is shown when nothing comes; `None`: nobody wants one.
    fn slate_door(&self) -> Option<SlateDoor> {
        None
    }
}

impl Sink for PushHandle {
    fn header(&mut self, init: Bytes) {
        Self::header(self, init);
    }

    fn chunk(&mut self, chunk: Chunk) {
        Self::chunk(self, chunk);
    }

    fn end_segment(&mut self, measured: Measured) {
        Self::measured(self, measured);
        Self::end_segment(self);
    }

    fn break_off(&mut self) {
        Self::break_off(self);
    }

    fn slate_door(&self) -> Option<SlateDoor> {
        Some(Self::slate_door(self))
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
        Self::labelled(&labels, track, reorder_ticks)
    }

    pub(crate) fn labelled(labels: &Labels, track: Track, reorder_ticks: i64) -> Self {
        let init = cmaf::init_segment(&track, labels);
        Self { name: labels.name.clone(), track, init, reorder_ticks }
    }
}

/// Writes one track.
pub(crate) struct TrackWriter<S> {
    sink: S,
    init: Bytes,
    fragmenter: Fragmenter,
    chunks: Chunks,
    tally: Tally,
    /// A run has begun.
    has_begun: bool,
    /// Where the open segment's latest frame stands.
    open: Option<Place>,
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
            tally: Tally::default(),
            has_begun: false,
            open: None,
            figures,
        }
    }

    /// Whether `head`'s header is not the one that samples have now.
    pub(crate) fn has_other_header(&self, head: &TrackHead) -> bool {
        head.init != self.init
    }

    /// Says what the next frame sent to the encoder shows; it belongs to `slot`.
    pub(crate) fn note(&mut self, slot: i64, content: Content, is_late: bool) {
        self.tally.add(slot, content, is_late);
    }

    /// Says that a run of samples begins at `place`, whose header is `head`'s.
    pub(crate) fn begin(&mut self, head: &TrackHead, place: Place) {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.tally.begin(place);
        }
        self.go_on(head);
    }

    /// Says that samples go on whose header is `head`'s.
    pub(crate) fn go_on(&mut self, head: &TrackHead) {
        if self.has_other_header(head) {
            self.init = head.init.clone();
            self.sink.header(head.init.clone());
        }
    }

    /// Takes the next coded frame, which lasts as long as it says.
    pub(crate) fn push(&mut self, sample: Sample, place: Place) -> Result<(), cmaf::DtsBackwards> {
        let starts_segment = sample.sync && place.at == 0;
        let frame = i64::from(sample.duration.unwrap_or(0));
        let pending = self.fragmenter.pending_ticks();
        let begins = match self.chunks {
            _ if starts_segment => Begins::Segment,
            Chunks::Of(ticks) if pending + ticks / 10 >= ticks => Begins::Chunk,
            Chunks::Of(_) | Chunks::Parts(_) => Begins::Nothing,
        };
        self.figures.frames_out.inc();
        if let Some(chunk) = self.fragmenter.push(sample, begins)? {
            self.give(chunk);
            if starts_segment {
                self.end_segment();
            }
        }
        self.open = Some(place);
        if let Chunks::Parts(longest) = self.chunks {
            self.end_part(place, Parts::new(place.of * frame, place.of, longest), frame);
        }
        Ok(())
    }

    /// Lets the part go whose last frame stands at `place`.
    fn end_part(&mut self, place: Place, parts: Parts, frame: i64) {
        let is_last = place.at + 1 == place.of;
        if is_last || parts.index(place.at * frame) != parts.index((place.at + 1) * frame) {
            if let Some(chunk) = self.fragmenter.cut_chunk() {
                self.give(chunk);
            }
            if is_last {
                self.end_segment();
            }
        }
    }

    /// The run of samples has ended: closes the open segment, or breaks it off where it is not whole.
    pub(crate) fn finish(&mut self, ending: Ending) {
        if let Some(chunk) = self.fragmenter.finish() {
            self.give(chunk);
        }
        match (ending, self.open) {
            (Ending::Left, Some(place)) if place.at + 1 < place.of => {
                self.open = None;
                self.sink.break_off();
            }
            _ => self.end_segment(),
        }
    }

    fn end_segment(&mut self) {
        if let Some(place) = self.open.take() {
            self.sink.end_segment(self.tally.take(place));
        }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use media::{AudioCodec, AudioFormat, Format, TrackId};

    use super::*;
    use crate::metrics::TranscodeMetrics;

    enum Given {
        Chunk(Chunk),
        EndOfSegment,
    }

    impl Sink for mpsc::Sender<Given> {
        fn header(&mut self, _: Bytes) {}

        fn chunk(&mut self, chunk: Chunk) {
            self.send(Given::Chunk(chunk)).expect("the test listens");
        }

        fn end_segment(&mut self, _: Measured) {
            self.send(Given::EndOfSegment).expect("the test listens");
        }

        fn break_off(&mut self) {}
    }

    /// Frames in each chunk of three segments, segment by segment; checks that each chunk left with its last frame.
    fn chunks_of(latency: Latency, frame_ticks: u32, frames: u32) -> Vec<Vec<u32>> {
        // What is in the frames is nobody's business here.
        let format = Format::Audio(AudioFormat {
            codec: AudioCodec::Aac,
            sample_rate: 48_000,
            channels: 2,
            config: Bytes::from_static(&[0x11, 0x90]),
            rfc6381: "mp4a.40.2".to_owned(),
        });
        let track = Track { id: TrackId(1), timescale: Timescale::MPEG, format, language: None };
        let head = TrackHead::new("t", track, 1_000, 0);
        let (sink, given) = mpsc::channel();
        let mut writer = TrackWriter::new(&head, latency, sink, TranscodeMetrics::default().track("c", "t"));
        let (mut segments, mut chunks, mut left) = (Vec::new(), Vec::new(), 0);
        for frame in 0..frames * 3 {
            let at = frame % frames;
            let sample = Sample {
                track: TrackId(1),
                dts: i64::from(frame) * i64::from(frame_ticks),
                composition_offset: 0,
                duration: Some(frame_ticks),
                sync: at == 0,
                data: Bytes::from_static(b"frame"),
            };
            writer.push(sample, Place { slot: 0, at: at.into(), of: frames.into() }).expect("in order");
            for given in given.try_iter() {
                match given {
                    Given::Chunk(chunk) => {
                        assert_eq!(chunk.segment_start, chunks.is_empty(), "a segment begins with its chunk");
                        assert_eq!(chunk.independent, chunks.is_empty());
                        chunks.push(chunk.sample_count);
                        left += chunk.sample_count;
                        let in_time = matches!(latency, Latency::Standard) || left == frame + 1;
                        assert!(in_time, "a part leaves with its last frame: {left} of {}", frame + 1);
                    }
                    Given::EndOfSegment if chunks.is_empty() => {}
                    Given::EndOfSegment => segments.push(std::mem::take(&mut chunks)),
                }
            }
        }
        segments
    }

    #[test]
    fn a_segment_is_shared_out_evenly_among_its_parts() {
        // Ticks of 90 kHz a frame; 1,920 are an AAC frame's.
        for (frame_ticks, frames, part_ms, expected) in [
            (3_000, 60, 300, [9, 8, 9, 8, 9, 8, 9].as_slice()),
            (3_000, 60, 360, &[10; 6]),
            (3_600, 50, 360, &[8, 9, 8, 8, 9, 8]),
            (1_920, 94, 300, &[13, 14, 13, 14, 13, 14, 13]),
        ] {
            let segments = chunks_of(Latency::Low { part_ms }, frame_ticks, frames);
            assert_eq!(segments, vec![expected.to_vec(); 3], "{frame_ticks} ticks a frame");
        }
    }

    #[test]
    fn a_standard_channel_s_chunks_are_about_half_a_second() {
        let segments = chunks_of(Latency::Standard, 3_000, 60);
        assert_eq!(
            segments,
            vec![vec![14, 14, 14, 14, 4]; 2],
            "the last segment is open until its end is known"
        );
    }
}
