//! What a channel shows when nobody publishes.
//!
//! An encoder pushes a slate once a track: a picture that stands, or silence, in a few frames. [`Slate`] makes segments of
//! them for any stretch of the timeline; [`outlook`] says when that is due.

mod outlook;

use std::sync::Arc;

use bytes::Bytes;
use cmaf::{Begins, Chunk, ChunkReader, Event, Fragmenter, Header};
use manifest::HeaderId;
use media::{Cuts, Parts, Rational, Sample};

pub(crate) use outlook::{Due, Outlook};

/// Most frames of a slate: a slot of 16 s at 60 fps.
const FRAMES_MAX: usize = 1_000;

/// Frames a second of a slate, least and most: beyond are no pictures and no sound, but a way to make endless segments.
const RATE: std::ops::RangeInclusive<f64> = 1.0..=400.0;

/// Why something is no slate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlateError {
    /// It cannot be read without its header.
    #[error("send the track's CMAF header (ftyp, moov) first")]
    Header,
    /// Not CMAF.
    #[error("{0}")]
    Cmaf(#[from] cmaf::ReadError),
    /// Headers have their own place.
    #[error("it brings a header of its own")]
    Headers,
    /// Players must be able to start at its first frame.
    #[error("it does not begin with a sync sample")]
    NotSync,
    /// It must be cut anywhere, so every frame lasts as long as the others.
    #[error("its frames do not all last the same")]
    Uneven,
    /// It must be cut anywhere, so frames are shown in the order they are decoded.
    #[error("its frames are not shown in the order they are decoded")]
    Reordered,
    /// No rate that anybody shows.
    #[error("its frames are not {} to {} a second", RATE.start(), RATE.end())]
    Rate,
    /// Nothing in it, or too much.
    #[error("it has {0} frames, not 1 to {FRAMES_MAX}")]
    Frames(usize),
}

/// One track's slate.
#[derive(Clone, Debug)]
pub struct Slate {
    header: Arc<Header>,
    id: HeaderId,
    bytes: Bytes,
    frames: Vec<Sample>,
    /// Ticks of each.
    ticks: i64,
    /// Ticks by which decode times run ahead of presentation.
    reorder: i64,
    rate: Rational,
}

impl Slate {
    /// Reads a slate that goes with `header`, whose id is `id`.
    pub fn read(bytes: Bytes, header: Arc<Header>, id: HeaderId) -> Result<Self, SlateError> {
        let mut reader = ChunkReader::with_header(header.clone());
        reader.feed(bytes.clone());
        let mut frames = Vec::new();
        while let Some(event) = reader.next()? {
            match event {
                Event::Header(_) => return Err(SlateError::Headers),
                Event::SegmentStart => {}
                Event::Chunk(chunk) => frames.extend(cmaf::read_samples(&chunk.raw, &header)?),
            }
            if frames.len() > FRAMES_MAX {
                return Err(SlateError::Frames(frames.len()));
            }
        }
        reader.finish()?;
        let first = frames.first().ok_or(SlateError::Frames(0))?;
        if !first.sync {
            return Err(SlateError::NotSync);
        }
        let (duration, offset) = (first.duration.unwrap_or(0), first.composition_offset);
        if frames.iter().any(|frame| frame.duration != Some(duration)) {
            return Err(SlateError::Uneven);
        }
        if offset < 0 || frames.iter().any(|frame| frame.composition_offset != offset) {
            return Err(SlateError::Reordered);
        }
        let rate = Rational::new(header.track.timescale.ticks_per_second(), duration);
        let rate = rate.filter(|rate| RATE.contains(&rate.as_f64())).ok_or(SlateError::Rate)?;
        Ok(Self { header, id, bytes, frames, ticks: duration.into(), reorder: offset.into(), rate })
    }

    pub(crate) const fn header(&self) -> &Arc<Header> {
        &self.header
    }

    pub(crate) const fn id(&self) -> HeaderId {
        self.id
    }

    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Ticks of each frame.
    pub(crate) const fn ticks(&self) -> i64 {
        self.ticks
    }

    /// Frames a second.
    pub(crate) const fn rate(&self) -> Rational {
        self.rate
    }

    pub(crate) fn is_video(&self) -> bool {
        self.header.track.format.is_video()
    }

    /// The slot that what is decoded from `start` on belongs to.
    pub(crate) const fn slot(&self, cuts: Cuts, start: i64) -> i64 {
        let shown = start + self.reorder;
        cuts.slot_of_frame(-(-shown).div_euclid(self.ticks), self.rate)
    }

    /// Decode time of a slot's first frame.
    pub(crate) const fn cut(&self, cuts: Cuts, slot: i64) -> i64 {
        cuts.frame_of(slot, self.rate) * self.ticks - self.reorder
    }

    /// Chunks from decode time `start` to the end of its slot, without a gap to either side: one, or parts none longer
    /// than `longest` ticks. The first begins with a key frame. Empty where less than a frame is left.
    pub fn rest_of_slot(&self, cuts: Cuts, start: i64, longest: Option<i64>) -> Vec<Chunk> {
        let slot = self.slot(cuts, start);
        let (begin, end) = (self.cut(cuts, slot), self.cut(cuts, slot + 1));
        let count = (end - start) / self.ticks;
        let of = (end - begin) / self.ticks;
        let parts = longest.map(|longest| Parts::new(of * self.ticks, of, longest));
        let mut fragmenter = Fragmenter::new(&self.header.track);
        let mut chunks = Vec::new();
        for (index, frame) in (0..count).zip(self.frames.iter().cycle()) {
            let dts = start + index * self.ticks;
            let is_last = index + 1 == count;
            // Where a publisher ended between two frames, the last one lasts until the cut.
            let duration = if is_last { end - dts } else { self.ticks };
            let sample = Sample { dts, duration: u32::try_from(duration).ok(), ..frame.clone() };
            let begins = if index == 0 { Begins::Segment } else { Begins::Nothing };
            chunks.extend(fragmenter.push(sample, begins).expect("decode times rise"));
            let into = dts - begin;
            let ends_part = |parts: Parts| parts.index(into) != parts.index(into + self.ticks);
            if is_last || parts.is_some_and(ends_part) {
                chunks.extend(fragmenter.cut_chunk());
            }
        }
        chunks
    }
}

#[cfg(test)]
mod tests {
    use cmaf::{Labels, init_segment};
    use media::{AudioCodec, AudioFormat, Format, Grid, Timescale, Track, TrackId};
    use proptest::prelude::*;

    use super::*;

    /// A slate of `count` frames of `ticks` in a timescale, each shown `offset` later than decoded. What is in the frames
    /// is nobody's business here.
    fn slate(scale: u32, ticks: u32, offset: i32, count: i64) -> Result<Slate, SlateError> {
        let format = Format::Audio(AudioFormat {
            codec: AudioCodec::Aac,
            sample_rate: 48_000,
            channels: 2,
            config: Bytes::from_static(&[0x11, 0x90]),
            rfc6381: "mp4a.40.2".to_owned(),
        });
        let track = Track { id: TrackId(0), timescale: Timescale::new(scale), format, language: None };
        let header = Header::read(init_segment(&track, &Labels::named("t"))).expect("ours");
        let mut fragmenter = Fragmenter::new(&track);
        for frame in 0..count {
            let sample = Sample {
                track: TrackId(0),
                dts: frame * i64::from(ticks),
                composition_offset: offset,
                duration: Some(ticks),
                sync: frame == 0,
                data: vec![frame as u8; 10].into(),
            };
            fragmenter.push(sample, Begins::Nothing).expect("in order");
        }
        let bytes = fragmenter.finish().map(|chunk| chunk.to_bytes()).unwrap_or_default();
        Slate::read(bytes, Arc::new(header), HeaderId(1))
    }

    #[test]
    fn what_cannot_be_cut_anywhere_is_no_slate() {
        assert_eq!(slate(90_000, 3_000, 0, 0).unwrap_err(), SlateError::Frames(0));
        assert_eq!(slate(90_000, 3_000, 0, 1_001).unwrap_err(), SlateError::Frames(1_001));
        assert_eq!(slate(90_000, 3_000, -1, 2).unwrap_err(), SlateError::Reordered);
        assert_eq!(slate(90_000, 1, 0, 2).unwrap_err(), SlateError::Rate);
        assert_eq!(slate(90_000, 90_001, 0, 2).unwrap_err(), SlateError::Rate);
        assert!(slate(90_000, 3_000, 6_000, 2).is_ok());
        let good = slate(90_000, 3_000, 0, 4).expect("a slate");
        for cut in 1..good.bytes.len() {
            assert!(Slate::read(good.bytes.slice(..cut), good.header.clone(), HeaderId(1)).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_damage_is_read_without_fault(at in 0..400_usize, with: u8, slot in 0..1_000_000_000_i64) {
            let good = slate(48_000, 1_024, 0, 4).expect("a slate");
            let mut bytes = good.bytes.to_vec();
            let at = at % bytes.len();
            bytes[at] = with;
            if let Ok(slate) = Slate::read(bytes.into(), good.header.clone(), HeaderId(1)) {
                let cuts = Cuts::new(Grid::new(2_000), slate.rate());
                prop_assert!(slate.rest_of_slot(cuts, slate.cut(cuts, slot).max(0), None).len() <= 1);
            }
        }

        /// Pictures decoded early, pictures of a drop-frame rate, and AAC: slots of any length follow each other exactly.
        #[test]
        fn slots_follow_each_other_frame_by_frame(
            kind in 0..3_usize, slot in 0..1_000_000_000_i64, frames in 1..100_i64, parts in any::<bool>(),
            into in 0..40_i64,
        ) {
            let (scale, ticks, offset) = [(90_000, 3_000, 6_000), (30_000, 1_001, 0), (48_000, 1_024, 0)][kind];
            let slate = slate(scale, ticks, offset, frames).expect("a slate");
            let slowest = if kind == 2 { Rational::whole(30) } else { slate.rate() };
            let cuts = Cuts::new(Grid::new(2_000), slowest);
            let mut at = slate.cut(cuts, slot) + into * i64::from(ticks);
            for slot in slot..slot + 3 {
                prop_assert_eq!(slate.slot(cuts, at), slot);
                let chunks = slate.rest_of_slot(cuts, at, parts.then_some(i64::from(scale) / 3));
                prop_assert_eq!(chunks.len() > 1, parts);
                prop_assert!(chunks[0].independent && chunks[0].segment_start);
                for chunk in &chunks {
                    prop_assert_eq!(chunk.first_dts, at);
                    prop_assert_eq!(chunk.duration, u64::from(chunk.sample_count) * u64::from(ticks));
                    at = chunk.end_dts();
                }
                prop_assert_eq!(at, slate.cut(cuts, slot + 1));
            }
        }
    }
}
