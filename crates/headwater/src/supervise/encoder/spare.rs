//! A process that waits to take the place of the next encoder that dies: its program is loaded, its libraries are linked.
//!
//! One a machine, whatever the number of channels. It is in no sandbox yet, but has read nothing that came from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::launch::{Process, Program};

/// How long after one was taken the next is started: whoever took it needs the machine first.
const REFILL: Duration = Duration::from_secs(2);
/// The same after one that died by itself.
const REFILL_AFTER_DEATH: Duration = Duration::from_secs(30);

/// The machine's spare. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Spare {
    asks: mpsc::Sender<oneshot::Sender<Option<Process>>>,
    figures: Arc<Figures>,
}

/// How it is, for the metrics page.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    is_ready: AtomicBool,
    used: AtomicU64,
}

impl Figures {
    /// As OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        format!(
            "# HELP headwater_supervisor_spare_ready Whether a spare encoder process waits\n\
             # TYPE headwater_supervisor_spare_ready gauge\n\
             headwater_supervisor_spare_ready {}\n\
             # HELP headwater_supervisor_spare_used Times it took the place of an encoder that died\n\
             # TYPE headwater_supervisor_spare_used counter\n\
             headwater_supervisor_spare_used_total {}\n",
            u8::from(self.is_ready.load(Ordering::Relaxed)),
            self.used.load(Ordering::Relaxed),
        )
    }
}

impl Spare {
    /// Keeps one of `program`, or none. Call inside a tokio runtime.
    pub(crate) fn start(program: Option<Program>) -> Self {
        let (asks, asked) = mpsc::channel(1);
        let figures = Arc::<Figures>::default();
        if let Some(program) = program {
            tokio::spawn(keep(program, asked, figures.clone()));
        }
        Self { asks, figures }
    }

    pub(crate) fn figures(&self) -> Arc<Figures> {
        self.figures.clone()
    }

    /// The one that waits; `None` where none does at this moment.
    pub(super) async fn take(&self) -> Option<Process> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(reply).await.ok()?;
        answer.await.ok().flatten()
    }
}

/// Until every [`Spare`] has gone.
async fn keep(
    program: Program,
    mut asked: mpsc::Receiver<oneshot::Sender<Option<Process>>>,
    figures: Arc<Figures>,
) {
    let mut pause = REFILL;
    loop {
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => break,
                reply = asked.recv() => match reply {
                    Some(reply) => drop(reply.send(None)),
                    None => return,
                },
            }
        }
        pause = REFILL_AFTER_DEATH;
        let mut process = match Process::launch(&program) {
            Ok(process) => process,
            Err(fault) => {
                let (program, fault) = (program.path.display(), daemon::WithShortage(&fault));
                tracing::warn!("no spare encoder: cannot start `{program}`: {fault}");
                continue;
            }
        };
        figures.is_ready.store(true, Ordering::Relaxed);
        let reply = tokio::select! {
            _ = process.child.wait() => None,
            reply = asked.recv() => match reply {
                Some(reply) => Some(reply),
                None => return,
            },
        };
        figures.is_ready.store(false, Ordering::Relaxed);
        match reply {
            None => tracing::warn!(pid = process.pid, "the spare encoder ended; another one is started"),
            Some(reply) => {
                pause = REFILL;
                figures.used.fetch_add(1, Ordering::Relaxed);
                // Whoever asked may have been stopped: then it is killed here.
                drop(reply.send(Some(process)));
            }
        }
    }
}
