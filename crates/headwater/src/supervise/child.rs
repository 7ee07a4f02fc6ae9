//! One child process: started, watched, restarted with backoff, replaced, stopped.
//!
//! ```text
//!  Running --exits--> Waiting (0.1 s, doubling to 5 s) --> Running
//!     |--- asked to be replaced --> a second one starts; once it answers, the first gets SIGTERM and drains
//!     `--- asked to stop --> SIGTERM, the drain limit, SIGKILL --> gone
//! ```

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use daemon::WithShortage;
use tokio::process::{ChildStdin, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::encoder::EncoderFigures;
use crate::role::SUPERVISED_VARIABLE;

/// First wait before a restart: short, because viewers are watching.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Longest wait before a restart.
pub(super) const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// A child that ran this long starts over with the first backoff.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);
/// How long a child may take to finish what it has in flight, where its role has no setting for it.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_secs(8);
/// How long a successor may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks whether it does.
const START_LOOK: Duration = Duration::from_millis(20);
/// Where the handed-over listeners begin in the child: the first descriptor after standard error, as `LISTEN_FDS` says.
const FIRST_LISTENER_FD: i32 = 3;

/// Variables and their values.
pub(crate) type Environment = Vec<(&'static str, OsString)>;

/// What to run.
#[derive(Debug)]
pub(crate) struct Spec {
    /// For logs and metrics.
    pub(crate) name: String,
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// More environment.
    pub(crate) environment: Environment,
    /// Listeners to hand over, each at its place.
    pub(crate) listeners: Vec<OwnedFd>,
    /// Where it answers with its metrics: it binds this anew once it serves.
    pub(crate) metrics_socket: PathBuf,
    /// How long it may take to finish what it has in flight; then it is killed.
    pub(crate) drain_limit: Duration,
}

/// Figures of a child for the metrics page.
#[derive(Debug)]
pub(crate) struct Figures {
    /// The child's name.
    pub(crate) name: String,
    restarts: AtomicU64,
    /// 0 while it is not running.
    pid: AtomicU32,
    /// Where it is an encoder.
    pub(super) encoder: Option<Arc<EncoderFigures>>,
}

impl Figures {
    /// Times it was started again.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Whether it is running.
    pub(crate) fn is_up(&self) -> bool {
        self.pid() != 0
    }

    /// Its process id; 0 while it is not running.
    pub(super) fn pid(&self) -> u32 {
        self.pid.load(Ordering::Relaxed)
    }

    /// It runs as this process.
    pub(super) fn runs(&self, pid: u32) {
        self.pid.store(pid, Ordering::Relaxed);
    }

    /// It does not run.
    pub(super) fn ended(&self) {
        self.runs(0);
    }

    /// It is started again.
    pub(super) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

/// A supervised child process.
#[derive(Debug)]
pub(crate) struct Child {
    figures: Arc<Figures>,
    stop: watch::Sender<bool>,
    replace: mpsc::Sender<oneshot::Sender<Replaced>>,
    keeper: JoinHandle<()>,
}

/// What became of a replacement: the process ids of the one that left and the one that took over, or why the running one
/// goes on.
pub(crate) type Replaced = Result<(u32, u32), String>;

/// Asks for a child's replacement, from anywhere.
#[derive(Clone, Debug)]
pub(crate) struct Replacer(mpsc::Sender<oneshot::Sender<Replaced>>);

impl Replacer {
    /// Starts another process on the same listeners; once it serves, the running one is told to drain.
    pub(crate) async fn replace(&self) -> Replaced {
        let (reply, replaced) = oneshot::channel();
        let asked = self.0.send(reply).await;
        match (asked, replaced.await) {
            (Ok(()), Ok(replaced)) => replaced,
            _ => Err("it is being stopped".to_owned()),
        }
    }
}

/// A running process. Its standard input must be held open: its end tells the child that its supervisor has gone.
struct Running {
    process: tokio::process::Child,
    pid: u32,
    _held_open: ChildStdin,
}

impl Child {
    /// Starts the child and keeps it running until [`Self::stop`].
    pub(crate) fn start(spec: Spec) -> Self {
        let (replace, replacing) = mpsc::channel(1);
        let name = spec.name.clone();
        let child =
            Self::kept(name, None, |figures, stopping| keep_running(spec, figures, stopping, replacing));
        Self { replace, ..child }
    }

    /// A child that `keep` keeps running until it is asked to stop.
    pub(super) fn kept<K: Future<Output = ()> + Send + 'static>(
        name: String,
        encoder: Option<Arc<EncoderFigures>>,
        keep: impl FnOnce(Arc<Figures>, watch::Receiver<bool>) -> K,
    ) -> Self {
        let (restarts, pid) = (AtomicU64::new(0), AtomicU32::new(0));
        let figures = Arc::new(Figures { name, restarts, pid, encoder });
        let (stop, stopping) = watch::channel(false);
        let keeper = tokio::spawn(keep(figures.clone(), stopping));
        // Where nobody listens, nothing is replaced.
        let (replace, _) = mpsc::channel(1);
        Self { figures, stop, replace, keeper }
    }

    /// For whoever may ask for its replacement.
    pub(crate) fn replacer(&self) -> Replacer {
        Replacer(self.replace.clone())
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.figures.name
    }

    /// Its figures, shared.
    pub(crate) fn figures(&self) -> Arc<Figures> {
        self.figures.clone()
    }

    /// Sends SIGTERM and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Sends SIGTERM and waits until the child has gone, by SIGKILL where it must be.
    pub(crate) async fn stop(self) {
        self.ask_to_stop();
        // A keeper that panicked has dropped its child, which kills it.
        let _ = self.keeper.await;
    }
}

async fn keep_running(
    spec: Spec,
    figures: Arc<Figures>,
    mut stopping: watch::Receiver<bool>,
    mut replacing: mpsc::Receiver<oneshot::Sender<Replaced>>,
) {
    let mut backoff = FIRST_BACKOFF;
    let mut lost = false;
    // Those that were replaced and still drain.
    let mut leaving = JoinSet::new();
    loop {
        let started = Instant::now();
        match spawn(&spec).await {
            Ok(mut running) => {
                let (process, pid) = (&spec.name, running.pid);
                match std::mem::take(&mut lost) {
                    true => tracing::info!(
                        event = "process_lost",
                        state = "cleared",
                        process,
                        pid,
                        "started again"
                    ),
                    false => tracing::info!(process, pid, "started"),
                }
                let exited = loop {
                    figures.runs(running.pid);
                    tokio::select! {
                        exited = running.process.wait() => break Some(exited),
                        () = stop_asked(&mut stopping) => break None,
                        _ = leaving.join_next(), if !leaving.is_empty() => {}
                        Some(reply) = replacing.recv() => {
                            let replaced = replace(&spec, &mut running, &mut leaving).await;
                            if let Err(fault) = &replaced {
                                tracing::error!(process = spec.name, "not replaced: {fault}");
                            }
                            // Whoever asked may have left.
                            let _ = reply.send(replaced);
                        }
                    }
                };
                match exited {
                    None => {
                        terminate(&spec.name, spec.drain_limit, running.process).await;
                        while leaving.join_next().await.is_some() {}
                        figures.ended();
                        return;
                    }
                    Some(exited) => {
                        figures.ended();
                        let (process, pid) = (&spec.name, running.pid);
                        let how = ended(exited);
                        tracing::error!(
                            event = "process_lost",
                            state = "raised",
                            process,
                            pid,
                            "{how}; restarting"
                        );
                        lost = true;
                    }
                }
            }
            Err(fault) => {
                let (process, program) = (&spec.name, spec.program.display());
                tracing::error!(
                    event = "process_lost",
                    state = "raised",
                    process,
                    "cannot start `{program}`: {}",
                    WithShortage(&fault)
                );
                lost = true;
            }
        }
        if started.elapsed() >= HEALTHY_AFTER {
            backoff = FIRST_BACKOFF;
        }
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            () = stop_asked(&mut stopping) => return,
        }
        backoff = (backoff * 2).min(MAX_BACKOFF);
        figures.restarted();
    }
}

pub(super) async fn stop_asked(stopping: &mut watch::Receiver<bool>) {
    // Where nobody is left to ask, nobody is left to run for.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Starts a successor on the same listeners. Once it serves it is the one that runs, and the other drains by itself;
/// where it does not, nothing has changed.
async fn replace(spec: &Spec, running: &mut Running, leaving: &mut JoinSet<()>) -> Replaced {
    let socket = || std::fs::metadata(&spec.metrics_socket).map(|file| file.ino()).ok();
    let before = socket();
    let mut successor = spawn(spec)
        .await
        .map_err(|fault| format!("cannot start `{}`: {}", spec.program.display(), WithShortage(&fault)))?;
    let serves = async {
        while socket().is_none_or(|now| Some(now) == before) {
            tokio::time::sleep(START_LOOK).await;
        }
    };
    tokio::select! {
        () = serves => {}
        exited = successor.process.wait() => {
            return Err(format!("the successor {}", ended(exited)));
        }
        () = tokio::time::sleep(START_LIMIT) => {
            return Err(format!("the successor does not serve after {} s", START_LIMIT.as_secs()));
        }
    }
    let pids = (running.pid, successor.pid);
    tracing::info!(process = spec.name, pid = pids.1, "took over from {}", pids.0);
    let before = std::mem::replace(running, successor);
    let (name, drain_limit) = (spec.name.clone(), spec.drain_limit);
    leaving.spawn(async move {
        let Running { process, _held_open, .. } = before;
        terminate(&name, drain_limit, process).await;
    });
    Ok(pids)
}

/// Starts the process.
async fn spawn(spec: &Spec) -> io::Result<Running> {
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.arguments)
        .env(SUPERVISED_VARIABLE, "1")
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        // A process group of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops roles in order.
        .process_group(0)
        .kill_on_drop(true);
    if !spec.listeners.is_empty() {
        let mappings = spec
            .listeners
            .iter()
            .zip(FIRST_LISTENER_FD..)
            .map(|(listener, child_fd)| Ok(FdMapping { parent_fd: listener.try_clone()?, child_fd }))
            .collect::<io::Result<Vec<_>>>()?;
        command
            .env("LISTEN_FDS", mappings.len().to_string())
            .as_std_mut()
            .fd_mappings(mappings)
            .expect("each has a place of its own");
    }
    let mut process = command.spawn()?;
    let input = process.stdin.take().expect("standard input is piped");
    let pid = process.id().expect("a child that was not waited for has an id");
    Ok(Running { process, pid, _held_open: input })
}

/// Sends SIGTERM, and SIGKILL when the limit has passed.
pub(super) async fn terminate(name: &str, limit: Duration, mut process: tokio::process::Child) {
    let pid = process.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // It may have gone in this moment; waiting tells.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    match tokio::time::timeout(limit, process.wait()).await {
        Ok(exited) => tracing::info!(process = name, "{}", ended(exited)),
        Err(_) => {
            tracing::warn!(process = name, "did not drain within {} s: killed", limit.as_secs());
            let _ = process.kill().await;
        }
    }
}

fn ended(exited: io::Result<ExitStatus>) -> String {
    match exited {
        Ok(status) if status.success() => "ended".to_owned(),
        Ok(status) => format!("ended by {status}"),
        Err(fault) => format!("cannot be waited for: {fault}"),
    }
}

/// Memory of a process, in bytes; `None` where it cannot be told (proc_pid_statm(5)).
pub(super) fn resident_bytes(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
