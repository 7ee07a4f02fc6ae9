//! One child process: started, watched, restarted with backoff, stopped.
//!
//! ```text
//!  Running --exits--> Waiting (0.1 s, doubling to 5 s) --> Running
//!     `--- asked to stop --> SIGTERM, 5 s, SIGKILL --> gone
//! ```

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::role::SUPERVISED_VARIABLE;

/// First wait before a restart: short, because viewers are watching.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Longest wait before a restart.
const MAX_BACKOFF: Duration = Duration::from_secs(5);
/// A child that ran this long starts over with the first backoff.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);
/// How long a child may take to finish what it has in flight.
const DRAIN_LIMIT: Duration = Duration::from_secs(8);
/// Where a handed-over listener lies in the child: the first descriptor after standard error, as `LISTEN_FDS` says.
const LISTENER_FD: i32 = 3;

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
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// A listener to hand over.
    pub(crate) listener: Option<TcpListener>,
    /// What it reads first on standard input, which then stays open.
    pub(crate) input: Vec<u8>,
}

/// Figures of a child for the metrics page.
#[derive(Debug)]
pub(crate) struct Figures {
    /// The child's name.
    pub(crate) name: String,
    restarts: AtomicU64,
    /// 0 while it is not running.
    pid: AtomicU32,
}

impl Figures {
    /// Times it was started again.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Whether it is running.
    pub(crate) fn is_up(&self) -> bool {
        self.pid.load(Ordering::Relaxed) != 0
    }
}

/// A supervised child process.
#[derive(Debug)]
pub(crate) struct Child {
    figures: Arc<Figures>,
    stop: watch::Sender<bool>,
    keeper: JoinHandle<()>,
}

impl Child {
    /// Starts the child and keeps it running until [`Self::stop`].
    pub(crate) fn start(spec: Spec) -> Self {
        let figures = Arc::new(Figures {
            name: spec.name.clone(),
            restarts: AtomicU64::new(0),
            pid: AtomicU32::new(0),
        });
        let (stop, stopping) = watch::channel(false);
        let keeper = tokio::spawn(keep_running(spec, figures.clone(), stopping));
        Self { figures, stop, keeper }
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

async fn keep_running(spec: Spec, figures: Arc<Figures>, mut stopping: watch::Receiver<bool>) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let started = Instant::now();
        match spawn(&spec).await {
            Ok((mut process, _held_open)) => {
                let pid = process.id().expect("a child that was not waited for has an id");
                figures.pid.store(pid, Ordering::Relaxed);
                tracing::info!(process = spec.name, pid, "started");
                let exited = tokio::select! {
                    exited = process.wait() => Some(exited),
                    _ = stopping.wait_for(|stop| *stop) => None,
                };
                match exited {
                    None => {
                        terminate(&spec.name, process).await;
                        figures.pid.store(0, Ordering::Relaxed);
                        return;
                    }
                    Some(exited) => {
                        figures.pid.store(0, Ordering::Relaxed);
                        tracing::error!(process = spec.name, pid, "{}; restarting", ended(exited));
                    }
                }
            }
            Err(fault) => {
                tracing::error!(process = spec.name, "cannot start `{}`: {fault}", spec.program.display());
            }
        }
        if started.elapsed() >= HEALTHY_AFTER {
            backoff = FIRST_BACKOFF;
        }
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        backoff = (backoff * 2).min(MAX_BACKOFF);
        figures.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts the process. Its standard input must be held open: its end tells the child that its supervisor has gone.
async fn spawn(spec: &Spec) -> io::Result<(tokio::process::Child, ChildStdin)> {
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.arguments)
        .env(SUPERVISED_VARIABLE, "1")
        .envs(spec.environment.iter().copied())
        .stdin(Stdio::piped())
        // A process group of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops roles in order.
        .process_group(0)
        .kill_on_drop(true);
    if let Some(listener) = &spec.listener {
        let mapping = FdMapping { parent_fd: listener.try_clone()?.into(), child_fd: LISTENER_FD };
        command
            .env("LISTEN_FDS", "1")
            .as_std_mut()
            .fd_mappings(vec![mapping])
            .expect("one mapping cannot collide with itself");
    }
    let mut process = command.spawn()?;
    let mut input = process.stdin.take().expect("standard input is piped");
    input.write_all(&spec.input).await?;
    input.flush().await?;
    Ok((process, input))
}

async fn terminate(name: &str, mut process: tokio::process::Child) {
    let pid = process.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        // It may have gone in this moment; waiting tells.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    match tokio::time::timeout(DRAIN_LIMIT, process.wait()).await {
        Ok(exited) => tracing::info!(process = name, "{}", ended(exited)),
        Err(_) => {
            tracing::warn!(process = name, "did not drain within {} s: killed", DRAIN_LIMIT.as_secs());
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
