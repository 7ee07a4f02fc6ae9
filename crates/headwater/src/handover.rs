//! An edge that stands alone hands its sockets to a successor: SIGUSR2 starts the program that lies there now, with the same
//! arguments, on the same sockets. Once the successor serves, it tells this process to drain (SIGTERM), as its parent.
//!
//! ```text
//!  Serving --SIGUSR2--> a successor starts --it serves--> SIGTERM: draining --> gone
//!     ^                       |
//!     `---- it ends first ----'
//! ```
//! Where a supervisor holds the sockets it does this instead ([`crate::supervise`]); systemd, as their holder, lets
//! connections wait while it starts a unit again.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use anyhow::Context;
use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, Signal, getppid, kill_process};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Tells a successor whose it is: that process's id.
const PREDECESSOR_VARIABLE: &str = "HEADWATER_PREDECESSOR";
/// The first descriptor after standard error, as `LISTEN_FDS` says.
const FIRST_SOCKET_FD: i32 = 3;

/// Hands `sockets`, in the order [`daemon::listen::Inherited`] is asked for them, to a successor at each SIGUSR2. Call
/// inside a tokio runtime.
pub(crate) fn on_signal(sockets: Vec<OwnedFd>) -> anyhow::Result<()> {
    // Found now: later the name may belong to a newer program, which is then meant.
    let program = std::env::current_exe().context("find this program")?;
    let mut wanted = signal(SignalKind::user_defined2()).context("handle SIGUSR2")?;
    tokio::spawn(async move {
        while wanted.recv().await.is_some() {
            match start(&program, &sockets) {
                Ok(mut successor) => {
                    tracing::info!(pid = successor.id(), "a successor starts");
                    // Where it serves, this process ends before it does.
                    let ended = successor.wait().await;
                    tracing::error!("the successor ended ({ended:?}); this edge goes on");
                }
                Err(fault) => tracing::error!("no successor: {fault:#}; this edge goes on"),
            }
        }
    });
    Ok(())
}

fn start(program: &PathBuf, sockets: &[OwnedFd]) -> anyhow::Result<tokio::process::Child> {
    let mappings = sockets
        .iter()
        .zip(FIRST_SOCKET_FD..)
        .map(|(socket, child_fd)| Ok(FdMapping { parent_fd: socket.try_clone()?, child_fd }))
        .collect::<std::io::Result<Vec<_>>>()
        .context("copy the sockets")?;
    let mut command = Command::new(program);
    command
        .args(std::env::args_os().skip(1).collect::<Vec<OsString>>())
        .env("LISTEN_FDS", mappings.len().to_string())
        // systemd's word on whose the sockets are holds for one process alone.
        .env_remove("LISTEN_PID")
        .env(PREDECESSOR_VARIABLE, std::process::id().to_string());
    command.as_std_mut().fd_mappings(mappings).expect("each has a place of its own");
    command.spawn().with_context(|| format!("start `{}`", program.display()))
}

/// This process serves: its predecessor may go, where it has one.
pub(crate) fn serving() {
    let named = std::env::var(PREDECESSOR_VARIABLE).ok().and_then(|pid| pid.parse().ok());
    // Only ever the parent: an id that was handed out again belongs to somebody else.
    if let Some(predecessor) = named.and_then(Pid::from_raw)
        && getppid() == Some(predecessor)
    {
        tracing::info!(pid = predecessor.as_raw_nonzero().get(), "taking over");
        // It may have gone in this moment.
        let _ = kill_process(predecessor, Signal::TERM);
    }
}
