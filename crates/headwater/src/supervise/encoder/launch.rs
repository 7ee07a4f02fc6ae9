//! An encoder process: started, given its job, listened to.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use wire::Job;
use wire::report::{REPORT_BYTES, Report};

use crate::role::SUPERVISED_VARIABLE;
use crate::supervise::child::Environment;

/// How long a process may take to read its job.
const JOB_LIMIT: Duration = Duration::from_secs(10);
/// Reports read at once.
const READ_BYTES: usize = REPORT_BYTES * 64;

/// Which program encoders are.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// `headwater-encoder`.
    pub(crate) path: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// More environment.
    pub(crate) environment: Environment,
}

/// A running process, with a job or waiting for one. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) pid: u32,
    /// Where it asks for the sockets and files of its job, until it has one.
    broker: Option<OwnedFd>,
    pub(super) reports: Reports,
}

impl Process {
    /// Starts one, which then waits for its job.
    pub(super) fn launch(program: &Program) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = theirs.into_std()?;
        // Its reads wait; the pair came from the runtime.
        theirs.set_nonblocking(false)?;
        let (broker, asks) = broker::pair()?;
        let mut command = Command::new(&program.path);
        command
            .args(&program.arguments)
            .env(SUPERVISED_VARIABLE, "1")
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(asks))
            // A process group of its own: Ctrl-C in the terminal reaches the supervisor alone.
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn()?;
        let pid = child.id().expect("a child that was not waited for has an id");
        Ok(Self { child, pid, broker: Some(broker), reports: Reports { line: ours, heard: VecDeque::new() } })
    }

    /// Gives it its job, and what the job names when it asks.
    pub(super) async fn assign(&mut self, job: Job) -> io::Result<()> {
        let mut line = serde_json::to_vec(&job)?;
        line.push(b'\n');
        if let Some(broker) = self.broker.take() {
            tokio::spawn(broker::serve(broker, Arc::new(job)));
        }
        let written = tokio::time::timeout(JOB_LIMIT, self.reports.line.write_all(&line));
        written.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Kills it, and waits until it has gone.
    pub(super) async fn kill(mut self) {
        // It may have gone in this moment.
        let _ = self.child.kill().await;
    }
}

/// What a process reports. The socket is its standard input too: held open, it tells that its supervisor is there.
#[derive(Debug)]
pub(super) struct Reports {
    line: UnixStream,
    /// Bytes of a report that is not whole yet, and of those behind it.
    heard: VecDeque<u8>,
}

impl Reports {
    /// The next report. Where there will be none, never: how the process ended is known by waiting for it, and one that
    /// says what is no report by its silence from then on. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Report {
        loop {
            if let Some(report) = self.heard() {
                return report;
            }
            let read = match self.line.readable().await {
                Ok(()) => self.read(),
                Err(fault) => Err(fault),
            };
            match read {
                Ok(1..) => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => std::future::pending().await,
            }
        }
    }

    /// A report that is there already.
    pub(super) fn next_now(&mut self) -> Option<Report> {
        self.heard().or_else(|| match self.read() {
            Ok(1..) => self.heard(),
            Ok(0) | Err(_) => None,
        })
    }

    fn heard(&mut self) -> Option<Report> {
        if self.heard.len() < REPORT_BYTES {
            return None;
        }
        let mut bytes = [0; REPORT_BYTES];
        self.heard.drain(..REPORT_BYTES).zip(&mut bytes).for_each(|(from, to)| *to = from);
        Report::decode(&bytes).ok()
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut bytes = [0; READ_BYTES];
        let read = self.line.try_read(&mut bytes)?;
        self.heard.extend(&bytes[..read]);
        Ok(read)
    }
}
