//! The output side of a channel: numbered frames to every rung, sound beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ffmpeg::{Colour, Picture as Coding};
use media::{Rational, Utc};
use wire::Content;

use super::cadence::{Cadence, Place, frame_time_ns};
use super::cuts::{AAC_RATE, Cuts, SOUND_RATE, first_frame_from};
use super::preview::Preview;
use super::pyramid::{Picture, Pyramid};
use super::rung::{RungThread, Shared, Work};
use super::sound::{Expect, Sound};
use super::track::{Ending, Sink, TrackWriter};
use super::{Pace, Settings, TranscodeError};
use crate::metrics::TranscodeMetrics;

/// Every rung and the sound.
pub(crate) struct Output<S> {
    pub(crate) cuts: Cuts,
    pub(crate) pyramid: Arc<Pyramid>,
    /// The audio renditions.
    pub(crate) sounds: Vec<Sound<S>>,
    /// The rates of the rungs, each once, the slowest first.
    rates: Vec<Rational>,
    rungs: Vec<RungThread<S>>,
    preview: Preview,
    /// What the rungs look at, at each cut.
    step: Arc<AtomicU8>,
    run: Option<Run>,
    /// Frame of the slowest rung at which the last run ended.
    ended_at: i64,
}

/// A stretch of output without a hole.
struct Run {
    /// One a rate, in the order of `rates`.
    lanes: Vec<Lane>,
    /// What was shown last, on some lane.
    latest: Option<Arc<Picture>>,
}

/// The frames of one rate.
struct Lane {
    /// Number of the run's first.
    first: i64,
    cadence: Cadence,
    /// What the frame before shows.
    shown: Option<Arc<Picture>>,
}

impl<S: Sink + 'static> Output<S> {
    pub(crate) fn start(
        settings: &Settings,
        sinks: Vec<S>,
        metrics: &TranscodeMetrics,
    ) -> Result<Self, TranscodeError> {
        let cuts = Cuts::new(settings.grid, settings.slowest());
        let (pyramid, levels) = Pyramid::new(&settings.rungs).map_err(TranscodeError::Scaler)?;
        let latency = settings.latency;
        let (pulse, step) = (settings.pulse.clone(), Arc::<AtomicU8>::default());
        let clock = (settings.pace == Pace::Live).then_some(settings.clock);
        let shared = Shared { pyramid: Arc::new(pyramid), cuts, latency, clock, pulse, step: step.clone() };
        let mut rates = vec![cuts.slowest()];
        for rung in &settings.rungs {
            if !rates.contains(&rung.frame_rate) {
                rates.push(rung.frame_rate);
            }
        }
        let heads = settings.heads()?;
        assert_eq!(sinks.len(), heads.len(), "a sink a track");
        let threads = settings.threads();
        let mut sinks = sinks.into_iter();
        let mut writer = |index: usize| {
            let head: &super::TrackHead = &heads[index];
            let sink = sinks.next().expect("a sink a track");
            TrackWriter::new(head, latency, sink, metrics.track(&settings.channel, &head.name))
        };
        let mut rungs = Vec::with_capacity(settings.rungs.len());
        for (index, rung) in settings.rungs.iter().enumerate() {
            let (level, threads) = (levels[index], threads[index]);
            rungs.push(RungThread::start(rung.clone(), level, threads, shared.clone(), writer(index))?);
        }
        let sound =
            |index: usize| Sound::new(settings, index, cuts, writer(settings.rungs.len() + index), metrics);
        let sounds = (0..settings.audio.len()).map(sound).collect();
        let pyramid = shared.pyramid;
        let preview = settings.preview.clone();
        Ok(Self { cuts, pyramid, sounds, rates, rungs, preview, step, run: None, ended_at: i64::MIN })
    }

    /// From their next cut on, rungs take this step of [`Effort`](super::effort::Effort).
    pub(crate) fn take_step(&self, step: u8) {
        self.step.store(step, Ordering::Relaxed);
    }

    /// How long each rung has worked, in nanoseconds.
    pub(crate) fn worked_ns(&self) -> Vec<u64> {
        self.rungs.iter().map(|rung| rung.worked_ns.load(Ordering::Relaxed)).collect()
    }

    /// The fastest rung's rate.
    pub(crate) fn fastest(&self) -> Rational {
        let fastest = self.rates.iter().copied().max_by(|a, b| a.as_f64().total_cmp(&b.as_f64()));
        fastest.expect("a ladder has rungs")
    }

    /// Number of the slowest rung's next frame; `None` while nothing runs.
    pub(crate) fn next_frame(&self) -> Option<i64> {
        self.run.as_ref().map(|run| run.lanes[0].cadence.next())
    }

    /// Its time, in nanoseconds since the epoch.
    pub(crate) fn next_ns(&self) -> Option<i64> {
        self.next_frame().map(|index| frame_time_ns(index, self.cuts.slowest()))
    }

    /// Frame of the slowest rung at which the last run ended; long ago where there was none.
    pub(crate) const fn ended_at(&self) -> i64 {
        self.ended_at
    }

    /// Begins a run at frame `first` of the slowest rung.
    pub(crate) fn begin(&mut self, first: i64, colour: Colour) -> Result<(), TranscodeError> {
        let slowest = self.cuts.slowest();
        let of_rate = |rate: Rational| first_frame_from(first, slowest, rate);
        let lane = |rate: &Rational| {
            let first = of_rate(*rate);
            Lane { first, cadence: Cadence::new(*rate, first), shown: None }
        };
        self.run = Some(Run { lanes: self.rates.iter().map(lane).collect(), latest: None });
        for index in 0..self.rungs.len() {
            let first = of_rate(self.rungs[index].rung.frame_rate);
            self.tell(index, Work::Begin { first, colour })?;
        }
        let first = first_frame_from(first, slowest, AAC_RATE);
        self.sounds.iter_mut().try_for_each(|sound| sound.begin(first))
    }

    /// Shows `picture` at `time_ns` on every rung that has a frame for it, and what was shown before at the frames
    /// left free until then; `None` shows that once more, because encoding is too slow. The run has begun.
    pub(crate) fn show(
        &mut self,
        time_ns: i64,
        picture: Option<&Arc<Picture>>,
        content: Content,
    ) -> Result<(), TranscodeError> {
        for rate in 0..self.rates.len() {
            let lane = self.lane(rate);
            let Place::Show { index, fill } = lane.cadence.place(time_ns) else { continue };
            let before = lane.shown.clone();
            let before = before.or_else(|| self.latest()).or_else(|| picture.cloned());
            let before = before.expect("a run begins with a picture");
            for filled in index - fill..index {
                self.send(rate, filled, &before, content)?;
            }
            self.send(rate, index, picture.unwrap_or(&before), content)?;
        }
        if let (Some(run), Some(picture)) = (&mut self.run, picture) {
            run.latest = Some(picture.clone());
        }
        Ok(())
    }

    /// Shows `picture_at(time)` at every frame up to the one at `until_ns`; how many of the slowest rung.
    pub(crate) fn fill(
        &mut self,
        until_ns: i64,
        picture_at: impl Fn(i64) -> (Arc<Picture>, Content),
    ) -> Result<i64, TranscodeError> {
        let mut filled = 0;
        for rate in 0..self.rates.len() {
            let of_rate = self.rates[rate];
            let cadence = &mut self.lane(rate).cadence;
            let mut count = 0;
            while frame_time_ns(cadence.next() + count, of_rate) <= until_ns {
                count += 1;
            }
            let from = cadence.repeat(count);
            for index in from..from + count {
                let (picture, content) = picture_at(frame_time_ns(index, of_rate));
                self.send(rate, index, &picture, content)?;
            }
            if rate == 0 {
                filled = count;
            }
        }
        Ok(filled)
    }

    /// Ends the run where the slowest rung is; faster ones show their last picture until then.
    pub(crate) fn end(&mut self, ending: Ending) -> Result<(), TranscodeError> {
        let Some(end) = self.next_frame() else { return Ok(()) };
        let slowest = self.cuts.slowest();
        for rate in 1..self.rates.len() {
            let until = first_frame_from(end, slowest, self.rates[rate]);
            let lane = self.lane(rate);
            let missing = (until - lane.cadence.next()).max(0);
            let from = lane.cadence.repeat(missing);
            let last = lane.shown.clone();
            let Some(last) = last.or_else(|| self.latest()) else { continue };
            for index in from..from + missing {
                self.send(rate, index, &last, Content::Source)?;
            }
        }
        self.run = None;
        for index in 0..self.rungs.len() {
            self.tell(index, Work::End(ending))?;
        }
        self.ended_at = end;
        let end = samples_at(frame_time_ns(end, slowest));
        self.sounds.iter_mut().try_for_each(|sound| sound.end(end, ending))
    }

    /// Encodes sound up to where the picture is; `expect` says of which renditions some may still come.
    pub(crate) fn encode_sound(&mut self, expect: impl Fn(usize) -> Expect) -> Result<(), TranscodeError> {
        let Some(shown_ns) = self.next_ns() else { return Ok(()) };
        let until = samples_at(shown_ns);
        let mut sounds = self.sounds.iter_mut().enumerate();
        sounds.try_for_each(|(index, sound)| sound.encode_until(until, expect(index)))
    }

    fn lane(&mut self, rate: usize) -> &mut Lane {
        &mut self.run.as_mut().expect("a run has begun").lanes[rate]
    }

    fn latest(&self) -> Option<Arc<Picture>> {
        self.run.as_ref().and_then(|run| run.latest.clone())
    }

    /// Sends a frame to every rung of a rate. Waits while a rung's queue is full.
    fn send(
        &mut self,
        rate: usize,
        index: i64,
        picture: &Arc<Picture>,
        content: Content,
    ) -> Result<(), TranscodeError> {
        let lane = self.lane(rate);
        let is_repeat = lane.shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, picture));
        let is_first = index == lane.first;
        lane.shown = Some(picture.clone());
        let rate = self.rates[rate];
        self.preview.show(picture, Utc(frame_time_ns(index, rate) / 1_000));
        let kind = match is_first || self.cuts.is_cut(index, rate) {
            true => Coding::Key,
            false if is_repeat => Coding::Repeat,
            false => Coding::Any,
        };
        for rung in 0..self.rungs.len() {
            if self.rungs[rung].rung.frame_rate == rate {
                self.tell(rung, Work::Frame { index, picture: picture.clone(), kind, content })?;
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

    /// Ends every thread and gathers the sinks.
    pub(crate) fn finish(self, outcome: Result<(), TranscodeError>) -> Result<Vec<S>, TranscodeError> {
        let mut outcome = outcome;
        let mut sinks = Vec::with_capacity(self.rungs.len() + 1);
        for RungThread { rung, work, thread, .. } in self.rungs {
            drop(work);
            match thread.join() {
                Ok(Ok(sink)) => sinks.push(sink),
                Ok(Err(fault)) => outcome = outcome.and(Err(fault)),
                Err(_) => outcome = outcome.and(Err(TranscodeError::Panicked(rung.name))),
            }
        }
        sinks.extend(self.sounds.into_iter().map(Sound::into_sink));
        outcome.map(|()| sinks)
    }
}

/// Nanoseconds to samples of the output's sound, to the nearest.
pub(crate) const fn samples_at(time_ns: i64) -> i64 {
    let scaled = time_ns as i128 * SOUND_RATE as i128 * 2 + 1_000_000_000;
    scaled.div_euclid(2_000_000_000) as i64
}
