//! Where a publisher's own samples are cut: pure, one publisher's tracks at a time.
//!
//! Pictures are cut at the first key frame that is presented in each new slot of the epoch grid, each rendition for itself: where
//! their key frames are presented at the same times all are cut alike, and a rendition that comes later begins at such a cut
//! ([`alignment`](super::alignment) tells where they lie apart). Sound is cut at the first frame that is presented
//! at or after the pictures' cut. A publisher without pictures is cut on the grid. So that a frame of sound is never cut
//! off too late, it waits until pictures have come as far.

mod sound;

use cmaf::{Begins, Chunk, DtsBackwards, Fragmenter};
use media::{Grid, MediaTime, Parts, Sample, Timescale, Track, TrackId, rescale_floor};

use super::alignment::{Alignment, Told};
use sound::{Come, Sound};

/// A chunk is cut here at the latest, in bytes: half of what a fragment should need to be read.
const MAX_CHUNK_BYTES: usize = 16 << 20;

/// What to tell the track's pusher.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    Chunk(Chunk),
    EndSegment,
}

/// Cuts the samples of one publisher.
#[derive(Debug)]
pub(super) struct Cutter {
    grid: Grid,
    part_ms: Option<u32>,
    /// Renditions of one picture, each cut for itself: at key frames that are presented at the same time all are cut alike.
    pictures: Vec<Lane>,
    sounds: Vec<Sound>,
    alignment: Alignment,
    told: Option<Told>,
    /// Decode time of the newest picture of any rendition.
    pictures_at: Option<MediaTime>,
}

#[derive(Debug)]
struct Lane {
    id: TrackId,
    timescale: Timescale,
    fragmenter: Fragmenter,
    /// Samples before this belong to segments that are out already.
    floor: i64,
    /// The slot in which its first sample is presented.
    first_slot: Option<i64>,
    /// The slot of the last cut.
    slot: Option<i64>,
    /// A segment is open; until then samples have nowhere to go.
    is_started: bool,
    /// Longest part in ticks, where a segment is cut into parts.
    longest_part: Option<i64>,
    /// How the open segment is shared out among its parts: as if it were like the one before it.
    parts: Option<Parts>,
    /// Decode time of the open segment's first sample.
    segment_dts: i64,
    /// Samples of the open segment.
    segment_samples: i64,
    /// Decode time of the newest sample.
    last_dts: i64,
}

/// One track and the decode time to begin at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'a> {
    pub(super) track: &'a Track,
    /// In the track's ticks; 0 for anywhere.
    pub(super) floor: i64,
}

impl Cutter {
    /// Without any track. `part_ms`: cut segments into parts no longer than this; `None`: one chunk a segment.
    pub(super) fn new(grid: Grid, part_ms: Option<u32>) -> Self {
        Self {
            grid,
            part_ms,
            pictures: Vec::new(),
            sounds: Vec::new(),
            alignment: Alignment::default(),
            told: None,
            pictures_at: None,
        }
    }

    /// Takes one more track. Where the pictures are cut already it begins where they are.
    pub(super) fn add(&mut self, start: Start<'_>) {
        let lane = Lane::new(start, self.part_ms);
        match start.track.format.is_video() {
            true => self.pictures.push(lane),
            false => self.sounds.push(Sound::of(lane)),
        }
    }

    /// Ends the segments of the tracks that are not to stay; the others go on untouched. Gives back where each ended.
    pub(super) fn retain(
        &mut self,
        stays: impl Fn(TrackId) -> bool,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Vec<(TrackId, MediaTime)> {
        let gone: Vec<_> = self.pictures.extract_if(.., |lane| !stays(lane.id)).collect();
        let mut ends: Vec<_> = gone.into_iter().map(|lane| lane.finish(out)).collect();
        let gone: Vec<_> = self.sounds.extract_if(.., |sound| !stays(sound.id())).collect();
        ends.extend(gone.into_iter().map(|sound| sound.finish(self.grid, out)));
        ends
    }

    /// What operators are to be told of how the renditions lie.
    pub(super) fn told(&mut self) -> Option<Told> {
        self.told.take()
    }

    /// Takes a sample in the order it came. Samples of other tracks are passed over. On [`DtsBackwards`] the sample
    /// is dropped and nothing has changed.
    pub(super) fn push(
        &mut self,
        sample: Sample,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Result<(), DtsBackwards> {
        let mut result = Ok(());
        if let Some(at) = self.pictures.iter().position(|lane| lane.id == sample.track) {
            result = self.push_picture(at, sample, out);
        } else if let Some(sound) = self.sounds.iter_mut().find(|sound| sound.id() == sample.track) {
            sound.push(sample);
        }
        let pictures = match self.pictures_at {
            _ if self.pictures.is_empty() => Come::Never,
            None => Come::NotYet,
            Some(at) => Come::To(at),
        };
        for sound in &mut self.sounds {
            result = sound.release(self.grid, pictures, out).and(result);
        }
        result
    }

    /// Ends every segment: the publisher is gone or its format changes. Gives back where each track ended.
    pub(super) fn finish(mut self, out: &mut impl FnMut(TrackId, Output)) -> Vec<(TrackId, MediaTime)> {
        self.retain(|_| false, out)
    }

    fn push_picture(
        &mut self,
        at: usize,
        sample: Sample,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Result<(), DtsBackwards> {
        let lane = &mut self.pictures[at];
        let dts = MediaTime::new(sample.dts, lane.timescale);
        let pts = MediaTime::new(sample.pts(), lane.timescale);
        let slot = self.alignment.slot_cut_at(pts).unwrap_or_else(|| self.grid.slot(pts));
        let is_new_slot = lane.slot.is_none_or(|last| slot > last);
        let is_wanted = sample.dts >= lane.floor;
        // Where others are cut already it begins with them, or with the first key frame of a slot.
        let first_slot = *lane.first_slot.get_or_insert(slot);
        let fits = lane.is_started || slot > first_slot || self.alignment.fits(pts);
        let cuts = sample.sync && fits && (is_new_slot || !lane.is_started && is_wanted);
        lane.push(sample, cuts, out)?;
        if cuts {
            lane.slot = Some(slot);
            let (is_first, told) = match is_wanted {
                true => self.alignment.cut(lane.id, slot, pts),
                // Out already; of the sound that may not be so.
                false => (true, None),
            };
            self.told = told.or(self.told.take());
            if is_first {
                self.sounds.iter_mut().for_each(|sound| sound.cut_at(pts));
            }
        }
        let is_ahead = |newest: MediaTime| rescale_floor(newest.ticks, newest.scale, dts.scale) < dts.ticks;
        if self.pictures_at.is_none_or(is_ahead) {
            self.pictures_at = Some(dts);
        }
        Ok(())
    }
}

impl Lane {
    fn new(start: Start<'_>, part_ms: Option<u32>) -> Self {
        let timescale = start.track.timescale;
        Self {
            id: start.track.id,
            timescale,
            fragmenter: Fragmenter::new(start.track),
            floor: start.floor,
            first_slot: None,
            slot: None,
            is_started: false,
            last_dts: i64::MAX,
            longest_part: part_ms.map(|ms| rescale_floor(i64::from(ms), Timescale::MILLIS, timescale)),
            parts: None,
            segment_dts: 0,
            segment_samples: 0,
        }
    }

    /// Gives the sample to the fragmenter, and what comes of it out.
    fn push(
        &mut self,
        sample: Sample,
        cuts: bool,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Result<(), DtsBackwards> {
        if sample.dts < self.floor || !(cuts || self.is_started) {
            return Ok(());
        }
        let begins = if cuts {
            Begins::Segment
        } else if self.chunk_is_due(&sample) {
            Begins::Chunk
        } else {
            Begins::Nothing
        };
        let dts = sample.dts;
        let chunk = self.fragmenter.push(sample, begins)?;
        self.last_dts = dts;
        if let Some(chunk) = chunk {
            out(self.id, Output::Chunk(chunk));
        }
        if cuts {
            if self.is_started {
                out(self.id, Output::EndSegment);
            }
            self.begin_segment(dts);
        }
        self.segment_samples += 1;
        Ok(())
    }

    fn begin_segment(&mut self, dts: i64) {
        self.is_started = true;
        self.parts = self
            .longest_part
            .filter(|_| self.segment_samples > 0)
            .map(|longest| Parts::new(dts - self.segment_dts, self.segment_samples, longest));
        self.segment_dts = dts;
        self.segment_samples = 0;
    }

    fn chunk_is_due(&self, next: &Sample) -> bool {
        let since = self.fragmenter.pending_since();
        let grown = since.map_or(0, |since| next.dts - since);
        // The next sample lasts as long as the one before it, for all that is known.
        let step = next.dts.saturating_sub(self.last_dts).max(0);
        let part_of = |parts: Parts, dts: i64| parts.index(dts - self.segment_dts);
        let is_next_part = |(parts, since)| part_of(parts, next.dts) != part_of(parts, since);
        self.longest_part.is_some_and(|longest| grown + step > longest)
            || self.parts.zip(since).is_some_and(is_next_part)
            // Looking at each payload costs, so only once a chunk is long.
            || (grown > i64::from(self.timescale.ticks_per_second())
                && self.fragmenter.pending_bytes() + next.data.len() > MAX_CHUNK_BYTES)
    }

    fn finish(mut self, out: &mut impl FnMut(TrackId, Output)) -> (TrackId, MediaTime) {
        if let Some(chunk) = self.fragmenter.finish() {
            out(self.id, Output::Chunk(chunk));
        }
        if self.is_started {
            out(self.id, Output::EndSegment);
        }
        let end = self.fragmenter.end_dts().max(self.floor);
        (self.id, MediaTime::new(end, self.timescale))
    }
}

#[cfg(test)]
mod tests;
