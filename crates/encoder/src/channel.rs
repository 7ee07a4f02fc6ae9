//! One transcoding channel of a job: its source, its transcoder and its pushes, started together and again after a
//! failure.

use std::time::Duration;

use daemon::{Drain, EpochClock};
use media::{MediaTime, Rational, Timescale, Utc};
use spec::{AudioRendition, Fill, Rung};
use tokio::sync::oneshot;
use wire::sample_stream::{Feed, FeedInput};
use wire::{ChannelJob, Pipeline, Source};

use crate::door::Door;
use crate::metrics::TranscodeMetrics;
use crate::pulse::Pulse;
use crate::push::{PushHandle, PushMetrics, PushUrlError, Target};
use crate::source::file::{FileSource, Play};
use crate::source::pattern::Pattern;
use crate::source::{self, Gate, Receiver};
use crate::transcode::{
    self, Pace, Preview, Selector, Settings, Side, Sources, Start, TrackHead, TranscodeError,
};

/// Longest wait at the start for the origin to say where the timeline stands.
const NEXT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait at the end for what is still to be sent: a drained process ends within two seconds.
const FINISH_TIMEOUT: Duration = Duration::from_millis(1_200);
/// What is older than this is not made again, in microseconds: viewers have moved on.
const MAX_REPLAY_US: i64 = 10_000_000;
/// A picture that belongs to a slot's cut may say it is a little earlier, in microseconds.
const REPLAY_MARGIN_US: i64 = 100_000;
/// First wait after a failure; doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// A channel that ran this long has recovered.
const RECOVERED: Duration = Duration::from_secs(30);

/// A transcoding channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Name, source, grid and push URL.
    pub job: ChannelJob,
    /// Highest bitrate first, never empty.
    pub rungs: Vec<Rung>,
    /// Bits per second of each AAC track.
    pub audio_bps: u32,
    /// The audio renditions, never empty.
    pub audio: Vec<AudioRendition>,
    /// What is shown while the source is away.
    pub fill: Fill,
    /// Which of its inputs the operator wants to see.
    pub selector: Selector,
    /// Lets others look at what it shows.
    pub preview: Preview,
    /// Cores it may keep busy.
    pub cores: usize,
    /// Its way outside.
    pub door: Door,
    /// Tells the supervisor that it goes on.
    pub pulse: Pulse,
}

/// Figures of all channels of the process.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// What transcoding counts.
    pub transcode: TranscodeMetrics,
    /// What pushing counts.
    pub push: PushMetrics,
}

/// Why an attempt ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Transcode(#[from] TranscodeError),
    #[error(transparent)]
    PushUrl(#[from] PushUrlError),
    #[error("a thread could not be started: {0}")]
    Thread(std::io::Error),
    #[error("the transcoder panicked")]
    Panicked,
}

impl Channel {
    /// Runs until the drain: a failed encoder or source is started again, with the numbers going on. Call inside a
    /// tokio runtime.
    pub async fn run(self, clock: EpochClock, metrics: Metrics, drain: Drain) -> Result<(), PushUrlError> {
        let figures = metrics.transcode.channel(self.job.name.as_str());
        let mut backoff = MIN_BACKOFF;
        loop {
            let started = tokio::time::Instant::now();
            match self.attempt(clock, &metrics, &drain).await {
                Ok(()) => {}
                Err(Failure::PushUrl(fault)) => return Err(fault),
                Err(failure) => tracing::error!(channel = %self.job.name, "{failure}; starting again"),
            }
            if drain.is_requested() {
                return Ok(());
            }
            figures.restarts.inc();
            backoff =
                if started.elapsed() > RECOVERED { MIN_BACKOFF } else { (backoff * 2).min(MAX_BACKOFF) };
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                () = drain.requested() => return Ok(()),
            }
        }
    }

    async fn attempt(&self, clock: EpochClock, metrics: &Metrics, drain: &Drain) -> Result<(), Failure> {
        let mut settings = Settings {
            channel: self.job.name.to_string(),
            rungs: self.rungs.clone(),
            audio_bps: self.audio_bps,
            audio: self.audio.clone(),
            grid: self.job.grid,
            latency: self.job.latency,
            pace: Pace::Live,
            start: Start::Now,
            fill: self.fill.clone(),
            door: self.door.clone(),
            backup: self.job.backup.as_ref().map(|backup| backup.failover.clone()),
            prefers: match self.job.pipeline {
                Some(Pipeline { prefers_backup: true, .. }) => Side::Backup,
                Some(_) | None => Side::Primary,
            },
            selector: self.selector.clone(),
            preview: self.preview.clone(),
            cores: self.cores,
            pulse: self.pulse.clone(),
            clock,
            drain: drain.clone(),
        };
        let heads = settings.heads()?;
        let mut pushes = Vec::with_capacity(heads.len());
        for head in &heads {
            let target = Target {
                push_url: self.job.push_url.clone(),
                channel: settings.channel.clone(),
                track: head.name.clone(),
                is_video: head.track.format.is_video(),
                door: self.door.clone(),
                pipeline: self.job.pipeline.map(|pipeline| pipeline.number),
            };
            pushes.push(PushHandle::spawn(&target, head.init.clone(), &metrics.push)?);
        }
        settings.start = self.resume(&settings, &heads, &pushes).await;
        let from = match settings.start {
            Start::Now => None,
            Start::Slot(slot) => {
                Some(Utc(settings.grid.start(slot, Timescale::MICROS)).plus_micros(-REPLAY_MARGIN_US))
            }
        };
        let primary = self.start_source(&self.job.source, FeedInput::Primary, clock, from, drain)?;
        let backup = self
            .job
            .backup
            .as_ref()
            .map(|backup| self.start_source(&backup.source, FeedInput::Backup, clock, None, drain));
        let sources = Sources { primary, backup: backup.transpose()? };

        let (ended, outcome) = oneshot::channel();
        let counted = metrics.transcode.clone();
        let span = tracing::info_span!("transcode", channel = %self.job.name);
        let transcode = move || {
            let _entered = span.enter();
            // Nobody waits any more only when the process ends.
            let _ = ended.send(transcode::run(settings, sources, pushes, &counted));
        };
        std::thread::Builder::new().name("conductor".into()).spawn(transcode).map_err(Failure::Thread)?;
        let pushes = outcome.await.map_err(|_| Failure::Panicked)??;
        let finishing: Vec<_> =
            pushes.into_iter().map(|push| tokio::spawn(push.finish(FINISH_TIMEOUT))).collect();
        for push in finishing {
            let _ = push.await;
        }
        Ok(())
    }

    /// Where to go on: at the slot after the last one that the origin holds of every track.
    async fn resume(&self, settings: &Settings, heads: &[TrackHead], pushes: &[PushHandle]) -> Start {
        let asked = tokio::time::Instant::now();
        let mut next = Vec::with_capacity(pushes.len());
        for push in pushes {
            let left = NEXT_TIMEOUT.saturating_sub(asked.elapsed());
            next.push(tokio::time::timeout(left, push.next_expected()).await.ok().flatten());
        }
        let now = MediaTime::new(settings.clock.now().0, Timescale::MICROS);
        let current = settings.grid.slot(now);
        let Some(slot) = settings.resume_slot(heads, &next) else {
            // Two pipelines have every segment alike, the first one too.
            return if self.job.pipeline.is_some() { Start::Slot(current) } else { Start::Now };
        };
        let oldest = MediaTime::new(now.ticks - MAX_REPLAY_US, now.scale);
        if slot < settings.grid.slot(oldest) {
            tracing::info!(channel = %self.job.name, slot = current, "the origin holds only older media: going on now");
            return Start::Slot(current);
        }
        // A clock that was set back must not stop the channel until it has caught up.
        let slot = slot.min(current + 1);
        tracing::info!(channel = %self.job.name, slot, "going on where the origin's media ends");
        Start::Slot(slot)
    }

    /// Starts one of the channel's sources.
    fn start_source(
        &self,
        source: &Source,
        input: FeedInput,
        clock: EpochClock,
        from: Option<Utc>,
        drain: &Drain,
    ) -> Result<Receiver, Failure> {
        let (sender, receiver) = source::queue(match source {
            Source::Pattern => source::RAW_EVENTS,
            Source::Ingest { .. } | Source::Files { .. } => source::CODED_EVENTS,
        });
        let drain = drain.clone();
        let mut gate = Gate::new(input, &self.job.quarantine, self.pulse.clone());
        let feed = Feed { channel: self.job.name.clone(), input };
        let span = tracing::info_span!("source", channel = %feed);
        match source {
            // What is no publisher has one session. The transcoder goes on without it for as long as the sender lives.
            Source::Pattern | Source::Files { .. } if !gate.begins(0) => {
                tokio::spawn(async move {
                    drain.requested().await;
                    drop(sender);
                });
            }
            Source::Ingest { socket } => {
                let pump = source::pump(socket.clone(), self.door.clone(), feed, from, gate, sender);
                tokio::spawn(async move {
                    tokio::select! {
                        () = pump => {}
                        () = drain.requested() => {}
                    }
                });
            }
            Source::Pattern => {
                let pattern = self.pattern();
                spawn("pattern", move || {
                    let _entered = span.enter();
                    if let Err(fault) = pattern.run(&clock, from, &sender, &drain) {
                        tracing::error!("the pattern cannot be made: {fault}");
                    }
                })?;
            }
            Source::Files { paths, is_looped } => {
                let play = if *is_looped { Play::Looped } else { Play::Listed };
                let file = FileSource { paths: paths.clone(), play, door: self.door.clone() };
                // Reading it apart is FFmpeg's, too.
                self.pulse.decodes(input);
                spawn("file", move || {
                    let _entered = span.enter();
                    file.run(&clock, from, &sender, &drain);
                })?;
            }
        }
        Ok(receiver)
    }

    /// The pattern in the size of the largest rung and at the rate of the fastest.
    fn pattern(&self) -> Pattern {
        let largest =
            self.rungs.iter().max_by_key(|rung| rung.width * rung.height).expect("a ladder has rungs");
        let rates = self.rungs.iter().map(|rung| rung.frame_rate);
        let fastest = rates.max_by(|one, other| one.as_f64().total_cmp(&other.as_f64()));
        Pattern {
            width: largest.width.max(320),
            height: largest.height.max(180),
            frame_rate: fastest.unwrap_or(Rational::whole(30)),
            name: self.job.name.to_string(),
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop).map_err(Failure::Thread)
}
