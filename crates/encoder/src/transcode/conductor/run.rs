//! A stretch of output without a hole: which picture each of its frames shows.

use std::sync::Arc;
use std::time::Instant;

use ffmpeg::{Frame, Picture as Coding};
use media::{Rational, Utc};

use super::hearing::samples_at;
use super::{AT_NEXT_CUT, Conductor, GAP_NS};
use crate::transcode::cadence::{Cadence, Place, frame_time_ns, nearest_frame};
use crate::transcode::cuts::{AAC_RATE, first_frame_from};
use crate::transcode::flow::Flow;
use crate::transcode::pyramid::Picture;
use crate::transcode::rung::{RungThread, Work};
use crate::transcode::track::Sink;
use crate::transcode::{Start, TranscodeError};

/// While pictures are dropped, one in so many is shown still: a slide show says more than a still.
const SHOWN_WHILE_DROPPING: u64 = 6;

/// A stretch of output without a hole.
pub(super) struct Run {
    /// One a rate, in the order of `rates`, with the number of its first frame.
    pub(super) cadences: Vec<(i64, Cadence)>,
    last: Option<Arc<Picture>>,
    /// Time of the latest source picture, shifted.
    pub(super) last_ns: i64,
    /// When it came.
    pub(super) last_arrived: Instant,
}

impl<S: Sink + 'static> Conductor<S> {
    /// Places one source picture.
    pub(super) fn picture(
        &mut self,
        time_ns: i64,
        frame: Frame,
        arrived: Instant,
    ) -> Result<(), TranscodeError> {
        let slowest = self.cuts.slowest();
        let shift_ns = match self.shift_ns {
            Some(shift_ns) => shift_ns,
            None => {
                let shift_ns = frame_time_ns(nearest_frame(time_ns, slowest), slowest) - time_ns;
                self.shift_ns = Some(shift_ns);
                for heard in std::mem::take(&mut self.waiting_sound) {
                    self.hear(heard);
                }
                shift_ns
            }
        };
        let time_ns = time_ns + shift_ns;
        if self.flow == Flow::Skipping {
            self.figures.frames_dropped.inc();
            return Ok(());
        }
        if let Some(run) = &self.run {
            let step = time_ns - run.last_ns;
            if step <= 0 {
                // Shown already: ingest repeats samples when its connection is made again.
                return Ok(());
            }
            if step > GAP_NS {
                tracing::warn!(gap_ms = step / 1_000_000, "a hole in the source's pictures: starting afresh");
                self.end_run()?;
            }
        }
        if self.run.is_none() {
            let Some(first) = self.first_frame(nearest_frame(time_ns, slowest)) else { return Ok(()) };
            self.begin_run(first, &frame, time_ns, arrived)?;
        }
        let run = self.run.as_mut().expect("a run has begun");
        run.last_ns = time_ns;
        run.last_arrived = arrived;
        let is_first = run.last.is_none();
        let drops = self.flow == Flow::Dropping && !is_first;
        self.dropped_in_a_row = if drops { self.dropped_in_a_row + 1 } else { 0 };
        let shown = if drops && !self.dropped_in_a_row.is_multiple_of(SHOWN_WHILE_DROPPING) {
            self.figures.frames_dropped.inc();
            None
        } else {
            Some(Arc::new(self.pyramid.picture(frame)))
        };
        for rate in 0..self.rates.len() {
            let run = self.run.as_mut().expect("a run has begun");
            if let Place::Show { index, fill } = run.cadences[rate].1.place(time_ns) {
                let before = run.last.clone().or_else(|| shown.clone()).expect("one of them is there");
                for filled in index - fill..index {
                    self.send(rate, filled, &before, Coding::Repeat)?;
                }
                match &shown {
                    Some(picture) => self.send(rate, index, picture, Coding::Any)?,
                    None => self.send(rate, index, &before, Coding::Repeat)?,
                }
            }
        }
        if let (Some(run), Some(picture)) = (&mut self.run, shown) {
            run.last = Some(picture);
        }
        self.speed.tell(time_ns, &self.figures);
        Ok(())
    }

    /// The frame of the slowest rung at which a run may begin with a picture that stands nearest to `nearest`;
    /// `None` while it is too early.
    fn first_frame(&mut self, nearest: i64) -> Option<i64> {
        if nearest < self.ended_at {
            return None;
        }
        let Start::Slot(slot) = self.start else { return Some(nearest) };
        let cut = self.cuts.frame(slot);
        if nearest < cut {
            return None;
        }
        // A picture missing right at the cut is made up for by the next one.
        if nearest <= cut + 1 {
            return Some(cut);
        }
        let next = self.cuts.slot_of_frame(nearest, self.cuts.slowest()) + 1;
        if slot != AT_NEXT_CUT {
            tracing::info!(wanted = slot, next, "the source does not reach back to the slot to go on with");
        }
        self.start = Start::Slot(next);
        None
    }

    fn begin_run(
        &mut self,
        first: i64,
        frame: &Frame,
        time_ns: i64,
        arrived: Instant,
    ) -> Result<(), TranscodeError> {
        if self.ended_at != i64::MIN {
            self.figures.restarts.inc();
        }
        let slowest = self.cuts.slowest();
        let at = Utc(frame_time_ns(first, slowest) / 1_000);
        tracing::info!("encoding from {at}");
        self.start = Start::Now;
        let colour = frame.colour();
        let of_rate = |rate: Rational| first_frame_from(first, slowest, rate);
        let cadences =
            self.rates.iter().map(|rate| (of_rate(*rate), Cadence::new(*rate, of_rate(*rate)))).collect();
        for index in 0..self.rungs.len() {
            let first = of_rate(self.rungs[index].rung.frame_rate);
            self.tell(index, Work::Begin { first, colour })?;
        }
        self.sound.begin(first_frame_from(first, slowest, AAC_RATE))?;
        self.run = Some(Run { cadences, last: None, last_ns: time_ns, last_arrived: arrived });
        Ok(())
    }

    /// Ends the run where the slowest rung is; faster ones show their last picture until then.
    pub(super) fn end_run(&mut self) -> Result<(), TranscodeError> {
        let Some(mut run) = self.run.take() else { return Ok(()) };
        let slowest = self.cuts.slowest();
        let end = run.cadences[0].1.next();
        if let Some(last) = &run.last {
            for rate in 1..self.rates.len() {
                let (first, cadence) = &mut run.cadences[rate];
                let missing = first_frame_from(end, slowest, self.rates[rate]) - cadence.next();
                let (first, from) = (*first, cadence.repeat(missing.max(0)));
                for index in from..from + missing {
                    self.send_from(first, rate, index, last, Coding::Repeat)?;
                }
            }
        }
        for index in 0..self.rungs.len() {
            self.tell(index, Work::End)?;
        }
        self.ended_at = end;
        self.sound.end(samples_at(frame_time_ns(end, slowest)))
    }

    fn send(
        &mut self,
        rate: usize,
        index: i64,
        picture: &Arc<Picture>,
        coding: Coding,
    ) -> Result<(), TranscodeError> {
        let first = self.run.as_ref().expect("a run has begun").cadences[rate].0;
        self.send_from(first, rate, index, picture, coding)
    }

    /// Sends a frame to every rung of a rate. Waits while a rung's queue is full.
    fn send_from(
        &mut self,
        first: i64,
        rate: usize,
        index: i64,
        picture: &Arc<Picture>,
        coding: Coding,
    ) -> Result<(), TranscodeError> {
        let rate = self.rates[rate];
        let kind = if index == first || self.cuts.is_cut(index, rate) { Coding::Key } else { coding };
        for rung in 0..self.rungs.len() {
            if self.rungs[rung].rung.frame_rate == rate {
                self.tell(rung, Work::Frame { index, picture: picture.clone(), kind })?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, rung: usize, work: Work) -> Result<(), TranscodeError> {
        if self.rungs[rung].work.send(work).is_ok() {
            return Ok(());
        }
        // Its thread has ended: with an error, which says why.
        let RungThread { rung, thread, .. } = self.rungs.swap_remove(rung);
        match thread.join() {
            Ok(Err(fault)) => Err(fault),
            Ok(Ok(_)) | Err(_) => Err(TranscodeError::Panicked(rung.name)),
        }
    }
}
