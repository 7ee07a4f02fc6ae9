//! One encoder process after another: given its job, watched, killed where it hangs, followed at once by the next.
//!
//! ```text
//!           .-- dies, hangs, or nears its memory bound -----------.
//!           |                                                     v
//!  Running -+                     another takes its job: the spare where one waits, else a new process
//!     |     `-- 3 times in 60 s of one input --> that input's samples are kept, and the next runs without it
//!     `--- asked to stop --> SIGTERM, the drain limit, SIGKILL --> gone
//! ```
//!
//! - [`launch`]: the process, its job and its reports.
//! - [`watchdog`]: whether it hangs. [`death`]: how it went, and whether its input may have done it.
//! - [`quarantine`]: which input kills encoders. [`evidence`]: what that input sent.
//! - [`spare`]: a process that waits for the next job.
//! - [`figures`]: all that for the metrics page.
//!
//! A process that is killed leaves no hole: the origin drops the segment that is under way, and the next process makes it
//! again from what ingest holds.

mod death;
mod evidence;
mod figures;
mod launch;
mod quarantine;
mod spare;
mod watchdog;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use wire::report::{Beat, Report};
use wire::sample_stream::{Feed, FeedInput};
use wire::{ChannelJob, Job, Ladder, Quarantined, Source};

use super::child::{self, Child};
use death::Death;
pub(crate) use figures::EncoderFigures;
use launch::Process;
pub(crate) use launch::Program;
use quarantine::Record;
pub(crate) use spare::{Figures as SpareFigures, Spare};
use watchdog::Watchdog;

/// A process that encoded for this long is followed at once when it goes; others after a while that doubles.
const WELL: Duration = Duration::from_secs(2);

/// What to run.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// For logs and metrics.
    pub(crate) name: String,
    /// The program, where no spare waits.
    pub(crate) program: Program,
    /// The machine's spare.
    pub(crate) spare: Spare,
    /// Its job while nothing is in quarantine.
    pub(crate) job: Job,
    /// Bytes of memory near which it is replaced.
    pub(crate) memory_bytes: Option<u64>,
    /// Where samples of harmful inputs are kept.
    pub(crate) evidence: PathBuf,
}

/// The way to a channel's encoder, for the operator.
#[derive(Clone, Debug)]
pub(crate) struct Ward {
    /// The channel it alone encodes.
    pub(crate) channel: String,
    figures: Arc<EncoderFigures>,
    releases: mpsc::Sender<oneshot::Sender<usize>>,
}

impl Ward {
    /// What is in quarantine.
    pub(crate) fn held(&self) -> Vec<FeedInput> {
        self.figures.held()
    }

    /// Lets everything out; how much that was.
    pub(crate) async fn release(&self) -> usize {
        let (reply, released) = oneshot::channel();
        match self.releases.send(reply).await {
            Ok(()) => released.await.unwrap_or(0),
            Err(_) => 0,
        }
    }
}

impl Encoder {
    /// Keeps one running until the child is stopped. No ward where it has several channels: none of them can be blamed.
    pub(crate) fn start(self) -> (Child, Option<Ward>) {
        let figures = Arc::new(EncoderFigures::default());
        let (releases, released) = mpsc::channel(1);
        let ward = match self.job.channels.as_slice() {
            [only] => Some(Ward { channel: only.name.to_string(), figures: figures.clone(), releases }),
            _ => None,
        };
        let watched = figures.clone();
        let child = Child::kept(self.name.clone(), Some(watched), |running, stopping| {
            let record = Record::default();
            Keeper {
                encoder: self,
                figures,
                running,
                record,
                lost: None,
                told_lost: None,
                chosen: None,
                well: None,
            }
            .keep(stopping, released)
        });
        (child, ward)
    }
}

/// Why a process is no longer attended.
enum End {
    Stop,
    Released,
    Died(Death),
}

struct Keeper {
    encoder: Encoder,
    figures: Arc<EncoderFigures>,
    /// For the metrics page.
    running: Arc<child::Figures>,
    record: Record,
    /// When the one before was lost, until the next brings something.
    lost: Option<Instant>,
    /// The same, where operators were told of it, which is once until the next brings something.
    told_lost: Option<Instant>,
    /// The input that the operator wants shown.
    chosen: Option<FeedInput>,
    /// Since when the one that runs brings something.
    well: Option<Instant>,
}

impl Keeper {
    async fn keep(
        mut self,
        mut stopping: watch::Receiver<bool>,
        mut released: mpsc::Receiver<oneshot::Sender<usize>>,
    ) {
        let mut backoff = Duration::ZERO;
        loop {
            self.well = None;
            let end = match self.begin().await {
                Ok(mut process) => {
                    self.running.runs(process.pid);
                    let end = self.attend(&mut process, &mut stopping, &mut released).await;
                    self.running.ended();
                    if matches!(end, End::Stop) {
                        self.tell_over("it is no longer wanted");
                        child::terminate(&self.encoder.name, child::DRAIN_LIMIT, process.child).await;
                        return;
                    }
                    process.kill().await;
                    end
                }
                Err(fault) => {
                    let program = self.encoder.program.path.display();
                    let fault = daemon::WithShortage(&fault);
                    tracing::error!(process = self.encoder.name, "cannot start `{program}`: {fault}");
                    End::Died(Death::NotStarted)
                }
            };
            let lost = Instant::now();
            self.lost.get_or_insert(lost);
            // The first one is followed at once, for viewers are watching.
            let was_well = self.well.is_some_and(|since| since.elapsed() >= WELL);
            match end {
                End::Died(death) => {
                    self.died(death, lost);
                    backoff = if was_well { Duration::ZERO } else { backoff };
                }
                End::Released | End::Stop => backoff = Duration::ZERO,
            }
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                () = child::stop_asked(&mut stopping) => return self.tell_over("it is no longer wanted"),
            }
            backoff = (backoff * 2).clamp(child::FIRST_BACKOFF, child::MAX_BACKOFF);
            self.running.restarted();
        }
    }

    /// Gives the job to the spare, or to a new process where there is none or it cannot be talked to.
    async fn begin(&mut self) -> std::io::Result<Process> {
        let job = self.job();
        self.record.begins();
        // Its first start is no emergency.
        if self.lost.is_some()
            && let Some(mut spare) = self.encoder.spare.take().await
            && spare.assign(job.clone()).await.is_ok()
        {
            tracing::info!(process = self.encoder.name, pid = spare.pid, "the spare took over");
            return Ok(spare);
        }
        let mut process = Process::launch(&self.encoder.program)?;
        tracing::info!(process = self.encoder.name, pid = process.pid, "started");
        process.assign(job).await?;
        Ok(process)
    }

    fn job(&self) -> Job {
        let mut job = self.encoder.job.clone();
        if let [only] = job.channels.as_mut_slice() {
            only.quarantine = self.record.held().to_vec();
            only.chosen = self.chosen;
        }
        job
    }

    /// Watches a process until something is to be done.
    async fn attend(
        &mut self,
        process: &mut Process,
        stopping: &mut watch::Receiver<bool>,
        released: &mut mpsc::Receiver<oneshot::Sender<usize>>,
    ) -> End {
        let mut watchdog = Watchdog::new(Instant::now());
        let mut memory = Memory::default();
        loop {
            tokio::select! {
                biased;
                () = child::stop_asked(stopping) => return End::Stop,
                exited = process.child.wait() => {
                    // What it said last tells whose samples it was decoding.
                    while let Some(report) = process.reports.next_now() {
                        self.hear(&report);
                    }
                    return End::Died(Death::of(exited, memory.is_near));
                }
                report = process.reports.next() => {
                    watchdog.hear(&report, Instant::now());
                    self.hear(&report);
                    if let Report::Beat(beat) = report
                        && memory.is_to_be_replaced(process.pid, self.encoder.memory_bytes, beat)
                    {
                        return End::Died(Death::Memory);
                    }
                }
                Some(reply) = released.recv() => {
                    let held = self.record.release();
                    self.figures.hold(self.record.held());
                    held.iter().for_each(|held| self.tell_free(held, "the operator"));
                    // Whoever asked may have left.
                    let _ = reply.send(held.len());
                    if !held.is_empty() {
                        return End::Released;
                    }
                }
                () = tokio::time::sleep_until(watchdog.due().into()) => {}
            }
            if watchdog.hangs(Instant::now()) {
                return End::Died(Death::of_silence(process.pid));
            }
        }
    }

    fn hear(&mut self, report: &Report) {
        if let Some(held) = self.record.hear(report) {
            self.figures.hold(self.record.held());
            self.tell_free(&held, "another publisher");
        }
        if let Report::Chosen { input } = report {
            self.chosen = *input;
        }
        if let Report::Beat(beat) = report
            && (beat.frames > 0 || !self.encodes())
            && self.well.is_none()
        {
            self.well = Some(Instant::now());
            let Some(lost) = self.lost.take() else { return };
            self.figures.recovered(lost.elapsed());
            self.tell_over("it encodes again");
        }
    }

    /// Says once that the process is there again, or that it need not be.
    fn tell_over(&mut self, how: &str) {
        if let Some(since) = self.told_lost.take() {
            let after_ms = since.elapsed().as_millis() as u64;
            let process = &self.encoder.name;
            tracing::info!(event = "encoder_lost", state = "cleared", process, after_ms, "{how}");
        }
    }

    /// Whether it makes frames; a passthrough process only beats.
    fn encodes(&self) -> bool {
        self.encoder.job.channels.iter().any(|channel| matches!(channel.ladder, Ladder::Transcode { .. }))
    }

    fn died(&mut self, death: Death, now: Instant) {
        self.figures.died(death);
        let (process, reason) = (&self.encoder.name, death.as_str());
        if self.told_lost.is_none() {
            self.told_lost = self.lost;
            tracing::error!(
                event = "encoder_lost",
                state = "raised",
                process,
                reason,
                "{death}; starting again"
            );
        } else {
            tracing::error!(process, reason, "{death} before it encoded; starting again");
        }
        if !death.may_be_the_input() || self.encoder.job.channels.len() != 1 {
            return;
        }
        if let Some(held) = self.record.died(now) {
            self.figures.hold(self.record.held());
            self.tell_held(held);
        }
    }

    fn channel(&self) -> &ChannelJob {
        self.encoder.job.channels.first().expect("only a lone channel's input is held")
    }

    fn tell_held(&self, held: Quarantined) {
        let feed = Feed { channel: self.channel().name.clone(), input: held.input };
        let source = match (held.input, &self.channel().backup) {
            (FeedInput::Backup, Some(backup)) => &backup.source,
            _ => &self.channel().source,
        };
        let session = held.session;
        let tell = move |sample: String| {
            tracing::error!(
                event = "poison_input",
                state = "raised",
                channel = %feed,
                session,
                sample,
                "this input has killed the encoder three times in a minute and is left out until another publisher comes \
                 or `headwater quarantine release`"
            );
        };
        match source {
            Source::Ingest { socket } => {
                let feed = Feed { channel: self.channel().name.clone(), input: held.input };
                let kept = evidence::keep(socket.clone(), feed, self.encoder.evidence.clone());
                tokio::spawn(async move {
                    tell(match kept.await {
                        Ok(path) => path.display().to_string(),
                        Err(fault) => format!("none: {fault}"),
                    });
                });
            }
            Source::Files { paths, .. } => {
                let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
                tell(paths.join(", "));
            }
            Source::Pattern => tell("none: it is the built-in pattern".to_owned()),
        }
    }

    fn tell_free(&self, held: &Quarantined, by: &str) {
        let feed = Feed { channel: self.channel().name.clone(), input: held.input };
        tracing::info!(event = "poison_input", state = "cleared", channel = %feed, by, "the input is taken again");
    }
}

/// Looks at what a process has in memory.
#[derive(Debug, Default)]
struct Memory {
    /// It is near its bound.
    is_near: bool,
    /// Segments begun when it came near.
    segments: Option<u32>,
}

impl Memory {
    /// Whether the process is to be replaced now: it is near its bound, and a segment has just begun, so that little is
    /// to be made again.
    fn is_to_be_replaced(&mut self, pid: u32, bound: Option<u64>, beat: Beat) -> bool {
        let resident = || child::resident_bytes(pid);
        self.is_near = bound.is_some_and(|bound| resident().is_some_and(|bytes| bytes > bound / 10 * 9));
        if !self.is_near {
            self.segments = None;
            return false;
        }
        *self.segments.get_or_insert(beat.segments) != beat.segments
    }
}

#[cfg(test)]
mod tests;
