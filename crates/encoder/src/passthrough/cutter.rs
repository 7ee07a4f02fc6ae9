//! Where a publisher's own samples are cut: pure, one publisher's tracks at a time.
//!
//! Video is cut at the first key frame in each new slot of the epoch grid; audio at the first frame that is presented
//! at or after the video cut. A publisher without video is cut on the grid. So that an audio frame is never cut
//! off too late, it waits until video has come as far.

use std::collections::VecDeque;

use cmaf::{Begins, Chunk, DtsBackwards, Fragmenter};
use media::{Grid, MediaTime, Parts, Sample, Timescale, Track, TrackId, rescale_ceil, rescale_floor};

/// How far audio may run ahead of video before it goes on alone, in milliseconds.
const MAX_AUDIO_LEAD_MS: i64 = 3_000;
/// A chunk is cut here at the latest, in bytes: half of what a fragment should need to be read.
const MAX_CHUNK_BYTES: usize = 16 << 20;

/// What to tell the track's pusher.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output {
    Chunk(Chunk),
    EndSegment,
}

/// Cuts the samples of one `Tracks` message.
#[derive(Debug)]
pub(super) struct Cutter {
    grid: Grid,
    video: Option<Lane>,
    audio: Option<Lane>,
    /// Audio frames that video has not come to.
    waiting: VecDeque<Sample>,
    /// When video was cut, as far as audio has not come there.
    cuts: VecDeque<MediaTime>,
    /// Audio has come to a video cut and the frame that begins its segment is still to be given on.
    audio_cut_is_due: bool,
    /// Decode time of the newest video sample.
    video_at: Option<MediaTime>,
}

#[derive(Debug)]
struct Lane {
    id: TrackId,
    timescale: Timescale,
    fragmenter: Fragmenter,
    /// Samples before this belong to segments that are out already.
    floor: i64,
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
    /// `part_ms`: cut segments into parts no longer than this; `None`: one chunk a segment.
    pub(super) fn new(
        grid: Grid,
        video: Option<Start<'_>>,
        audio: Option<Start<'_>>,
        part_ms: Option<u32>,
    ) -> Self {
        let lane = |start: Start<'_>| Lane::new(start, part_ms);
        Self {
            grid,
            video: video.map(lane),
            audio: audio.map(lane),
            waiting: VecDeque::new(),
            cuts: VecDeque::new(),
            audio_cut_is_due: false,
            video_at: None,
        }
    }

    /// Takes a sample in the order it came. Samples of other tracks are passed over. On [`DtsBackwards`] the sample
    /// is dropped and nothing has changed.
    pub(super) fn push(
        &mut self,
        sample: Sample,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Result<(), DtsBackwards> {
        if self.video.as_ref().is_some_and(|lane| lane.id == sample.track) {
            let result = self.push_video(sample, out);
            return self.release(out).and(result);
        }
        if self.audio.as_ref().is_some_and(|lane| lane.id == sample.track) {
            self.waiting.push_back(sample);
            return self.release(out);
        }
        Ok(())
    }

    /// Ends every segment: the publisher is gone or its format changes. Gives back where each track ended.
    pub(super) fn finish(mut self, out: &mut impl FnMut(TrackId, Output)) -> Vec<(TrackId, MediaTime)> {
        // Video will not come: what waits for it goes on.
        while let (Some(lane), Some(first)) = (&self.audio, self.waiting.front()) {
            let at = MediaTime::new(first.pts(), lane.timescale);
            let _ = self.push_audio(at, false, out);
        }
        let lanes = self.video.into_iter().chain(self.audio);
        lanes.map(|lane| lane.finish(out)).collect()
    }

    fn push_video(
        &mut self,
        sample: Sample,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Result<(), DtsBackwards> {
        let lane = self.video.as_mut().expect("push() looked");
        let dts = MediaTime::new(sample.dts, lane.timescale);
        let pts = MediaTime::new(sample.pts(), lane.timescale);
        let slot = self.grid.slot(dts);
        let is_new_slot = lane.slot.is_none_or(|last| slot > last);
        let may_start = !lane.is_started && sample.dts >= lane.floor;
        let cuts = sample.sync && (is_new_slot || may_start);
        lane.push(sample, cuts, out)?;
        if cuts {
            lane.slot = Some(slot);
            if self.audio.is_some() {
                self.cuts.push_back(pts);
            }
        }
        self.video_at = Some(dts);
        Ok(())
    }

    /// Gives audio frames on as far as video has come.
    fn release(&mut self, out: &mut impl FnMut(TrackId, Output)) -> Result<(), DtsBackwards> {
        let mut result = Ok(());
        while let (Some(lane), Some(first)) = (&self.audio, self.waiting.front()) {
            let at = MediaTime::new(first.pts(), lane.timescale);
            let is_alone = self.video.is_none() || self.runs_alone();
            let video_has_come = self
                .video_at
                .is_some_and(|video| rescale_floor(video.ticks, video.scale, at.scale) >= at.ticks);
            if !is_alone && !video_has_come {
                break;
            }
            result = result.and(self.push_audio(at, is_alone, out));
        }
        result
    }

    /// Gives on the first audio frame that waits, presented at `at`.
    fn push_audio(
        &mut self,
        at: MediaTime,
        is_alone: bool,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Result<(), DtsBackwards> {
        let has_come = |cut: &MediaTime| rescale_ceil(cut.ticks, cut.scale, at.scale) <= at.ticks;
        while self.cuts.front().is_some_and(has_come) {
            self.cuts.pop_front();
            self.audio_cut_is_due = true;
        }
        let (Some(lane), Some(sample)) = (self.audio.as_mut(), self.waiting.pop_front()) else {
            return Ok(());
        };
        let slot = self.grid.slot(at);
        let is_new_slot = lane.slot.is_none_or(|last| slot > last);
        let cuts = self.audio_cut_is_due || (is_alone && (is_new_slot || !lane.is_started));
        if sample.dts < lane.floor {
            // The cut, if it is one, is made at the first frame after the floor.
            self.audio_cut_is_due = cuts;
            return Ok(());
        }
        lane.push(sample, cuts, out)?;
        if cuts {
            lane.slot = Some(slot);
            self.audio_cut_is_due = false;
        }
        Ok(())
    }

    /// Audio has waited for video as long as it may.
    fn runs_alone(&self) -> bool {
        let (Some(lane), Some(first), Some(last)) = (&self.audio, self.waiting.front(), self.waiting.back())
        else {
            return false;
        };
        let lead = rescale_floor(last.dts - first.dts, lane.timescale, Timescale::MILLIS);
        lead > MAX_AUDIO_LEAD_MS
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
