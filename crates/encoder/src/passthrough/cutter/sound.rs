//! Sound, cut where the pictures are.

use std::collections::VecDeque;

use cmaf::DtsBackwards;
use media::{Grid, MediaTime, Sample, Timescale, TrackId, rescale_ceil, rescale_floor};

use super::{Lane, Output};

/// How far sound may run ahead of the pictures before it goes on alone, in milliseconds.
const MAX_LEAD_MS: i64 = 3_000;

/// One track of sound: cut at the first frame that is presented at or after a cut of the pictures.
#[derive(Debug)]
pub(super) struct Sound {
    lane: Lane,
    /// Frames that the pictures have not come to.
    waiting: VecDeque<Sample>,
    /// When pictures were cut, as far as this has not come there.
    cuts: VecDeque<MediaTime>,
    /// It has come to a cut, and the frame that begins its segment is still to be given on.
    cut_is_due: bool,
}

/// How far pictures have come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Come {
    /// There are none: it is cut on the grid.
    Never,
    NotYet,
    To(MediaTime),
}

impl Sound {
    pub(super) const fn of(lane: Lane) -> Self {
        Self { lane, waiting: VecDeque::new(), cuts: VecDeque::new(), cut_is_due: false }
    }

    pub(super) const fn id(&self) -> TrackId {
        self.lane.id
    }

    /// Pictures are cut at `pts`.
    pub(super) fn cut_at(&mut self, pts: MediaTime) {
        self.cuts.push_back(pts);
    }

    /// Takes a frame; it waits.
    pub(super) fn push(&mut self, sample: Sample) {
        self.waiting.push_back(sample);
    }

    /// Gives frames on as far as pictures have come.
    pub(super) fn release(
        &mut self,
        grid: Grid,
        pictures: Come,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Result<(), DtsBackwards> {
        let mut result = Ok(());
        while let Some(first) = self.waiting.front() {
            let at = MediaTime::new(first.pts(), self.lane.timescale);
            let is_alone = matches!(pictures, Come::Never) || self.runs_alone();
            let have_come = match pictures {
                Come::To(pictures) => rescale_floor(pictures.ticks, pictures.scale, at.scale) >= at.ticks,
                Come::Never | Come::NotYet => false,
            };
            if !is_alone && !have_come {
                break;
            }
            result = result.and(self.give(grid, at, is_alone, out));
        }
        result
    }

    /// Ends its segment; no more pictures come, so what waits for them goes on.
    pub(super) fn finish(
        mut self,
        grid: Grid,
        out: &mut impl FnMut(TrackId, Output),
    ) -> (TrackId, MediaTime) {
        while let Some(first) = self.waiting.front() {
            let at = MediaTime::new(first.pts(), self.lane.timescale);
            let _ = self.give(grid, at, false, out);
        }
        self.lane.finish(out)
    }

    /// Gives on the first frame that waits, presented at `at`.
    fn give(
        &mut self,
        grid: Grid,
        at: MediaTime,
        is_alone: bool,
        out: &mut impl FnMut(TrackId, Output),
    ) -> Result<(), DtsBackwards> {
        let has_come = |cut: &MediaTime| rescale_ceil(cut.ticks, cut.scale, at.scale) <= at.ticks;
        while self.cuts.front().is_some_and(has_come) {
            self.cuts.pop_front();
            self.cut_is_due = true;
        }
        let Some(sample) = self.waiting.pop_front() else {
            return Ok(());
        };
        let lane = &mut self.lane;
        let slot = grid.slot(at);
        let is_new_slot = lane.slot.is_none_or(|last| slot > last);
        let cuts = self.cut_is_due || (is_alone && (is_new_slot || !lane.is_started));
        if sample.dts < lane.floor {
            // The cut, if it is one, is made at the first frame after the floor.
            self.cut_is_due = cuts;
            return Ok(());
        }
        lane.push(sample, cuts, out)?;
        if cuts {
            lane.slot = Some(slot);
            self.cut_is_due = false;
        }
        Ok(())
    }

    /// It has waited for pictures as long as it may.
    fn runs_alone(&self) -> bool {
        let (Some(first), Some(last)) = (self.waiting.front(), self.waiting.back()) else {
            return false;
        };
        let lead = rescale_floor(last.dts - first.dts, self.lane.timescale, Timescale::MILLIS);
        lead > MAX_LEAD_MS
    }
}
