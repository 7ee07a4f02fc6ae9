//! `headwater-encoder`: one process per transcoding channel, one for all passthrough channels.

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use daemon::memory::Sacrifice;
use daemon::{Drain, EpochClock, listen};
use encoder::channel::{Channel, Metrics};
use encoder::control::{self, Handles};
use encoder::door::Door;
use encoder::pulse::{Lane, Pulse};
use encoder::transcode::{Preview, Selector};
use encoder::{bench, calibrate, confine, passthrough};
use prometheus_client::registry::Registry;
use wire::broker::Request;
use wire::{Job, Ladder};

/// Longest job accepted, in bytes: a thousand passthrough channels with long paths fit four times.
const MAX_JOB_BYTES: u64 = 4 << 20;
/// A process that was asked to end does so within this time, whatever a peer or an encoder does.
const DRAIN_WITHIN: Duration = Duration::from_millis(1_900);

/// Name of a process that waits for a job.
const WAITING: &str = "headwater-spare";
const NO_JOB: &str =
    "no job on standard input: `headwater up` starts this program; see --help for what else it does";

/// How often the runtime shows that it turns.
const TURN: Duration = Duration::from_millis(200);

/// Encodes live channels for Headwater and pushes them to the origin as CMAF.
///
/// `headwater up` starts this program: one process for each transcoding channel, and one for all passthrough channels.
/// Without a subcommand it reads one line of JSON, its job, from standard input (what to make of which source, and
/// where to push it), and works until standard input ends or it gets SIGTERM or SIGINT. Then it closes the open
/// segments and ends with status 0 within two seconds.
///
/// Logs go to standard error (HEADWATER_LOG sets the filter, such as `debug`), metrics to the unix socket that the job
/// names.
#[derive(Debug, Parser)]
#[command(name = "headwater-encoder", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  headwater-encoder calibrate
      How many 720p30 frames a second this machine encodes, by preset, as JSON.
  headwater-encoder bench clip.mp4 --ladder 720p30,480p30,360p30 --preset superfast
      Encodes a file as fast as it goes and tells frames, wall and processor seconds as JSON.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures for about a second and a half how fast this machine encodes; prints JSON
    Calibrate,
    /// Encodes a file as fast as it goes, into nothing; prints JSON
    Bench {
        /// The media file
        file: PathBuf,
        /// Rungs by name, separated by commas, such as 720p30,480p30
        #[arg(long, default_value = "720p30,480p30,360p30")]
        ladder: String,
        /// Encoder effort: ultrafast, superfast, veryfast, faster, fast, medium or slow
        #[arg(long, default_value = "superfast")]
        preset: String,
        /// Cores to share among the rungs; all of this machine's where it is not set
        #[arg(long)]
        cores: Option<usize>,
    },
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    daemon::log::start();
    ffmpeg::log_to(|level, line| match level {
        ffmpeg::LogLevel::Error => tracing::warn!(target: "ffmpeg", "{line}"),
        ffmpeg::LogLevel::Warning => tracing::debug!(target: "ffmpeg", "{line}"),
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match arguments.command {
        None => {
            let pulse = Pulse::on_standard_input().context("the supervisor's socket on standard input")?;
            if !pulse.is_told() {
                let job = read_job()?.context(NO_JOB)?;
                return run_job(job, cores, &pulse);
            }
            // Whoever looks for encoders sees that this one is none yet.
            let name = be_called(WAITING);
            let importance = Sacrifice::First.offer();
            pulse.ready();
            // A supervisor that ends without a job for it has no need of it.
            let Some(job) = read_job()? else { return Ok(()) };
            be_called(&name);
            Sacrifice::take_back(importance);
            run_job(job, cores, &pulse)
        }
        Some(Command::Calibrate) => print(&calibrate::calibrate(cores).context("calibrate")?),
        Some(Command::Bench { file, ladder, preset, cores: wanted }) => {
            let rungs = bench::ladder(&ladder, &preset)?;
            print(&bench::run(&file, rungs, wanted.unwrap_or(cores))?)
        }
    }
}

fn print(figures: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(figures)?);
    Ok(())
}

/// Gives this process another name in lists of processes; the one it had.
fn be_called(name: &str) -> String {
    const NAME: &str = "/proc/self/comm";
    let before = std::fs::read_to_string(NAME).unwrap_or_default();
    // Where that cannot be, nothing is lost but the name.
    let _ = std::fs::write(NAME, name);
    before.trim_end().to_owned()
}

/// The job; `None` where standard input ends without one.
fn read_job() -> anyhow::Result<Option<Job>> {
    let mut line = String::new();
    std::io::stdin().lock().take(MAX_JOB_BYTES).read_line(&mut line).context("read the job")?;
    if line.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&line).map(Some).context("the job on standard input")
}

/// Shows that the runtime turns, which passes on what is encoded.
async fn turn(lane: Lane) {
    loop {
        lane.mark();
        tokio::time::sleep(TURN).await;
    }
}

fn run_job(job: Job, cores: usize, pulse: &Pulse) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let broker = {
        let _inside = runtime.enter();
        broker::Client::on_standard_output().context("the supervisor's line on standard output")?
    };
    daemon::metrics::open_process_figures();
    let confined = confine::enter(&job, cores, broker.is_some())?;
    let outcome = runtime.block_on(async {
        let drain = Drain::on_signal_or_orphaned().context("watch the supervisor")?;
        pulse.start().context("start the pulse")?;
        tokio::spawn(turn(pulse.lane()));
        let (metrics, passed) = (Metrics::default(), passthrough::Metrics::default());
        let metrics = Metrics { push: passed.push.clone(), ..metrics };
        let mut registry = Registry::default();
        metrics.transcode.register(&mut registry);
        passed.register(&mut registry);
        confined.register(&mut registry);
        let listener = match &broker {
            None => listen::unix(&job.metrics_socket),
            Some(client) => client.ask_listener(Request::Metrics).await,
        };
        let listener =
            listener.with_context(|| format!("metrics socket `{}`", job.metrics_socket.display()))?;
        daemon::metrics::serve_unix(registry, listener, drain.clone());
        let clock = EpochClock::start();
        let mut channels = tokio::task::JoinSet::new();
        let mut handles = control::Channels::new();
        for (place, channel) in (0_u16..).zip(job.channels) {
            let drain = drain.clone();
            let door = match &broker {
                None => Door::Itself,
                Some(client) => Door::brokered(client.clone(), place, &channel),
            };
            match channel.ladder.clone() {
                Ladder::Passthrough => {
                    let passed = passed.clone();
                    let settings = passthrough::Settings { part_ms: channel.latency.part_ms() };
                    channels.spawn(async move {
                        passthrough::run(channel, settings, door, passed, drain)
                            .await
                            .map_err(anyhow::Error::from)
                    });
                }
                Ladder::Transcode { rungs, audio_bps, audio, fill } => {
                    if rungs.is_empty() {
                        bail!("channel `{}`: the ladder has no rungs", channel.name);
                    }
                    let name = channel.name.clone();
                    let selector = Selector::default();
                    selector.choose(channel.chosen.map(Into::into));
                    let preview = Preview::default();
                    let chooses = channel.backup.is_some().then(|| selector.clone());
                    let handle = Handles { selector: chooses, preview: preview.clone() };
                    handles.insert(channel.name.to_string(), handle);
                    let channel = Channel {
                        job: channel,
                        rungs,
                        audio_bps,
                        audio,
                        fill,
                        selector,
                        preview,
                        cores,
                        door,
                        pulse: pulse.clone(),
                    };
                    let metrics = metrics.clone();
                    channels.spawn(async move {
                        channel.run(clock, metrics, drain).await.with_context(|| format!("channel `{name}`"))
                    });
                }
            }
        }
        if !handles.is_empty() {
            let listener = match &broker {
                None => listen::unix_for_owner(&job.control_socket),
                Some(client) => client.ask_listener(Request::Control).await,
            };
            let listener =
                listener.with_context(|| format!("control socket `{}`", job.control_socket.display()))?;
            control::serve(listener, handles, pulse.clone(), drain.clone());
        }
        let late = async {
            drain.requested().await;
            tokio::time::sleep(DRAIN_WITHIN).await;
        };
        tokio::pin!(late);
        loop {
            tokio::select! {
                ended = channels.join_next() => match ended {
                    None if drain.is_requested() => return Ok(()),
                    None => bail!("no channel is left to run"),
                    // One channel's bad job must not end the others; it is told, and the process goes on.
                    Some(Ok(Err(fault))) => tracing::error!("{fault:#}"),
                    Some(Ok(Ok(()))) => {}
                    Some(Err(fault)) => tracing::error!("a channel's task ended: {fault}"),
                },
                () = &mut late => {
                    tracing::warn!("draining took too long: what is left is given up");
                    return Ok(());
                }
            }
        }
    });
    // Threads that have not ended by now are of no more use.
    runtime.shutdown_background();
    outcome
}
