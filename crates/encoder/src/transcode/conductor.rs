//! The thread that leads a channel.

mod hearing;
mod run;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{Rational, Utc};
use spec::Latency;

use self::hearing::{Heard, samples_at};
use self::run::Run;
use super::cuts::Cuts;
use super::flow::Flow;
use super::input::{Decoded, Input, nanoseconds};
use super::pyramid::Pyramid;
use super::rung::{RungThread, Shared};
use super::sound::Sound;
use super::speed::Speed;
use super::track::{Sink, TrackWriter};
use super::{Pace, Settings, Start, TranscodeError};
use crate::metrics::{ChannelFigures, TranscodeMetrics};
use crate::source::{Envelope, Event, Receiver};

/// A hole in the pictures up to this long is filled with the frame before it, in nanoseconds; a longer one stays a
/// hole in the output. A still of three seconds disturbs viewers less than the discontinuity they would get instead.
const GAP_NS: i64 = 3_000_000_000;
/// A slot long past: output begins at the first cut after the pictures that come.
const AT_NEXT_CUT: i64 = 0;
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
