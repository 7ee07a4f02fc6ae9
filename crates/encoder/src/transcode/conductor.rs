//! The thread that leads a channel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ffmpeg::{Frame, Picture as Coding};
use media::{Rational, Utc};
use spec::Latency;

use super::cadence::{Cadence, Place, frame_time_ns, nearest_frame};
use super::cuts::{AAC_RATE, Cuts, SOUND_RATE, first_frame_from};
use super::flow::Flow;
use super::input::{Decoded, Input, nanoseconds};
use super::pyramid::{Picture, Pyramid};
use super::rung::{RungThread, Shared, Work};
use super::sound::{Expect, Sound};
use super::speed::Speed;
use super::track::{Sink, TrackWriter};
use super::{Pace, Settings, Start, TranscodeError};
use crate::metrics::{ChannelFigures, TranscodeMetrics};
use crate::source::{Envelope, Event, Receiver};

/// A hole in the pictures up to this long is filled with the frame before it, in nanoseconds; a longer one stays a
/// hole in the output. A still of three seconds disturbs viewers less than the discontinuity they would get instead.
const GAP_NS: i64 = 3_000_000_000;
/// Blocks of sound that may wait for the first picture (some ten seconds of AAC); the oldest goes first.
const MAX_WAITING_SOUND: usize = 512;
/// A slot long past: output begins at the first cut after the pictures that come.
const AT_NEXT_CUT: i64 = 0;
/// While pictures are dropped, one in so many is shown still: a slide show says more than a still.
const SHOWN_WHILE_DROPPING: u64 = 6;
/// How often a silent source is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// One log line for so many damaged units.
const FAULTS_PER_LINE: u64 = 100;

pub(crate) struct Conductor<S> {
    settings: Settings,
    cuts: Cuts,
    /// The rates of the rungs, each once, the slowest first.
    rates: Vec<Rational>,
    pyramid: Arc<Pyramid>,
    rungs: Vec<RungThread<S>>,
    sound: Sound<S>,
    figures: ChannelFigures,
    input: Input,
    start: Start,
    flow: Flow,
    /// Added to source times so that its frames fall on the output's; `None` until a publisher's first frame.
    shift_ns: Option<i64>,
    /// Sound that came before it was known.
    waiting_sound: VecDeque<Heard>,
    run: Option<Run>,
    /// Frame of the slowest rung at which the last run ended.
    ended_at: i64,
    speed: Speed,
    faults: u64,
    dropped_in_a_row: u64,
}

/// A block of sound; `at` in samples since the epoch.
enum Heard {
    Decoded { frame: Frame, at: i64 },
    Raw { left: Vec<f32>, right: Vec<f32>, at: i64 },
}

/// A stretch of output without a hole.
struct Run {
    /// One a rate, in the order of `rates`, with the number of its first frame.
    cadences: Vec<(i64, Cadence)>,
    last: Option<Arc<Picture>>,
    /// Time of the latest source picture, shifted.
    last_ns: i64,
    /// When it came.
    last_arrived: Instant,
}

impl<S: Sink + 'static> Conductor<S> {
    pub(crate) fn start(
        settings: Settings,
        sinks: Vec<S>,
        metrics: &TranscodeMetrics,
    ) -> Result<Self, TranscodeError> {
        let cuts = Cuts::new(settings.grid, settings.slowest());
        let (pyramid, levels) = Pyramid::new(&settings.rungs).map_err(TranscodeError::Scaler)?;
        let latency = settings.latency;
        let shared = Shared { pyramid: Arc::new(pyramid), cuts, latency };
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
            let thread = RungThread::start(rung.clone(), level, threads, shared.clone(), writer(index))?;
            rungs.push(thread);
        }
        let figures = metrics.channel(&settings.channel);
        let silent = figures.silent_frames.clone();
        let sound = Sound::new(settings.audio_bps, cuts, writer(settings.rungs.len()), silent);
        Ok(Self {
            cuts,
            rates,
            pyramid: shared.pyramid,
            rungs,
            sound,
            figures,
            input: Input::default(),
            start: settings.start,
            flow: Flow::start(Instant::now()),
            shift_ns: None,
            waiting_sound: VecDeque::new(),
            run: None,
            ended_at: i64::MIN,
            speed: Speed::default(),
            faults: 0,
            dropped_in_a_row: 0,
            settings,
        })
    }

    /// Takes events until the source has gone.
    pub(crate) fn run(mut self, mut source: Receiver) -> Result<Vec<S>, TranscodeError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(TranscodeError::Thread)?;
        let outcome = loop {
            let received = runtime.block_on(async { tokio::time::timeout(LOOK, source.receive()).await });
            let outcome = match received {
                Ok(Some(envelope)) => self.take(envelope),
                Ok(None) => break self.end_of_source(),
                Err(_) => self.look(Instant::now()),
            };
            if outcome.is_err() {
                break outcome;
            }
            // What still waits would only delay the end.
            if self.settings.drain.is_requested() {
                break self.end_of_source();
            }
        };
        // The source must not wait for a transcoder that takes nothing more.
        drop(source);
        self.finish(outcome)
    }

    fn take(&mut self, envelope: Envelope) -> Result<(), TranscodeError> {
        let arrived = envelope.arrived;
        if self.settings.pace == Pace::Live {
            self.keep_up(arrived)?;
            self.look(arrived)?;
        }
        let mut decoded = Decoded::default();
        let outcome = match envelope.event {
            Event::Tracks(tracks) => {
                self.drain_input(arrived)?;
                self.shift_ns = None;
                let fastest = self.rates.iter().copied().max_by(|a, b| a.as_f64().total_cmp(&b.as_f64()));
                let fastest = fastest.expect("a ladder has rungs");
                // A decoder on several threads holds a frame back for each.
                let cores = match self.settings.latency {
                    Latency::Standard => self.settings.cores,
                    Latency::Low { .. } => 1,
                };
                self.input = Input::open(&tracks, fastest, cores, &self.figures);
                if !self.input.has_video() {
                    tracing::warn!("the source has no pictures that can be decoded: waiting for some");
                } else if !self.input.has_audio() {
                    tracing::warn!("the source has no sound that can be decoded: the track is silent");
                }
                Ok(())
            }
            Event::Sample(sample) => self.input.decode(&sample, &mut decoded),
            Event::Picture { frame, time } => {
                self.figures.has_video.set(1);
                decoded.pictures.push((nanoseconds(time), frame));
                Ok(())
            }
            Event::Sound { left, right, at } => {
                self.figures.has_audio.set(1);
                self.hear(Heard::Raw { left, right, at });
                Ok(())
            }
            Event::Ended(reason) => {
                tracing::info!("the source ended: {reason}");
                return self.drain_input(arrived);
            }
            Event::Fault(reason) => {
                self.figures.source_faults.inc();
                tracing::warn!("{reason}");
                Ok(())
            }
        };
        if let Err(fault) = outcome {
            self.count_fault(fault);
        }
        self.show(decoded, arrived)
    }

    fn count_fault(&mut self, fault: ffmpeg::Error) {
        self.figures.source_faults.inc();
        if self.faults.is_multiple_of(FAULTS_PER_LINE) {
            tracing::warn!(so_far = self.faults, "damaged sample: {fault}");
        }
        self.faults += 1;
    }

    /// Shows what the decoders still hold, and closes them.
    fn drain_input(&mut self, arrived: Instant) -> Result<(), TranscodeError> {
        let mut decoded = Decoded::default();
        if let Err(fault) = self.input.finish(&mut decoded) {
            self.count_fault(fault);
        }
        self.show(decoded, arrived)
    }

    fn show(&mut self, decoded: Decoded, arrived: Instant) -> Result<(), TranscodeError> {
        for (time_ns, frame) in decoded.sounds {
            self.hear(Heard::Decoded { frame, at: samples_at(time_ns) });
        }
        for (time_ns, frame) in decoded.pictures {
            self.figures.frames_in.inc();
            self.picture(time_ns, frame, arrived)?;
        }
        self.encode_sound()
    }

    /// Places one source picture.
    fn picture(&mut self, time_ns: i64, frame: Frame, arrived: Instant) -> Result<(), TranscodeError> {
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
    fn end_run(&mut self) -> Result<(), TranscodeError> {
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

    /// Encodes sound up to where the picture is.
    fn encode_sound(&mut self) -> Result<(), TranscodeError> {
        let Some(run) = &self.run else { return Ok(()) };
        let shown = frame_time_ns(run.cadences[0].1.next(), self.cuts.slowest());
        // Raw sources send sound beside pictures without having announced tracks.
        let expect =
            if self.input.has_audio() || !self.input.has_video() { Expect::Sound } else { Expect::Silence };
        self.sound.encode_until(samples_at(shown), expect)
    }

    /// Ends the run once no picture has come for [`GAP_NS`].
    fn look(&mut self, now: Instant) -> Result<(), TranscodeError> {
        let silent = |run: &Run| now.saturating_duration_since(run.last_arrived);
        if self.settings.pace == Pace::Live
            && self.run.as_ref().is_some_and(|run| silent(run).as_nanos() > GAP_NS as u128)
        {
            tracing::warn!(silent_ms = GAP_NS / 1_000_000, "no picture: waiting for the source");
            self.end_run()?;
        }
        Ok(())
    }

    /// Moves between keeping everything, dropping pictures, and jumping to the live edge.
    fn keep_up(&mut self, arrived: Instant) -> Result<(), TranscodeError> {
        let now = Instant::now();
        let shown = self.run.as_ref().map(|run| Utc(run.last_ns / 1_000));
        let age = now.saturating_duration_since(arrived);
        let next = self.flow.after(age, now, self.settings.clock.now(), shown);
        if std::mem::discriminant(&next) != std::mem::discriminant(&self.flow) {
            let behind_ms = age.as_millis() as u64;
            match next {
                Flow::Live => tracing::info!("encoding keeps up with the source"),
                Flow::Dropping => {
                    tracing::warn!(behind_ms, "encoding is slower than real time: dropping pictures")
                }
                Flow::Skipping => {
                    tracing::warn!(behind_ms, "encoding cannot keep up: jumping to the live edge");
                    self.end_run()?;
                    self.start = Start::Slot(AT_NEXT_CUT);
                }
                Flow::CatchingUp { .. } => {}
            }
        }
        self.flow = next;
        Ok(())
    }

    /// Lays sound on its line, shifted as the pictures are; until a picture tells by how much, it waits.
    fn hear(&mut self, heard: Heard) {
        let Some(shift_ns) = self.shift_ns else {
            if self.waiting_sound.len() >= MAX_WAITING_SOUND {
                self.waiting_sound.pop_front();
            }
            self.waiting_sound.push_back(heard);
            return;
        };
        let shift = samples_at(shift_ns);
        let outcome = match heard {
            Heard::Decoded { frame, at } => self.sound.push_frame(&frame, at + shift),
            Heard::Raw { left, right, at } => {
                self.sound.push_samples(&left, &right, at + shift);
                Ok(())
            }
        };
        if let Err(fault) = outcome {
            self.count_fault(fault);
        }
    }

    fn end_of_source(&mut self) -> Result<(), TranscodeError> {
        self.drain_input(Instant::now())?;
        self.end_run()
    }

    /// Ends every thread and gathers the sinks.
    fn finish(self, outcome: Result<(), TranscodeError>) -> Result<Vec<S>, TranscodeError> {
        let mut outcome = outcome;
        let mut sinks = Vec::with_capacity(self.rungs.len() + 1);
        for RungThread { rung, work, thread } in self.rungs {
            drop(work);
            match thread.join() {
                Ok(Ok(sink)) => sinks.push(sink),
                Ok(Err(fault)) => outcome = outcome.and(Err(fault)),
                Err(_) => outcome = outcome.and(Err(TranscodeError::Panicked(rung.name))),
            }
        }
        sinks.push(self.sound.into_sink());
        outcome.map(|()| sinks)
    }
}

/// Nanoseconds to samples of the output's sound, to the nearest.
const fn samples_at(time_ns: i64) -> i64 {
    let scaled = time_ns as i128 * SOUND_RATE as i128 * 2 + 1_000_000_000;
    scaled.div_euclid(2_000_000_000) as i64
}
