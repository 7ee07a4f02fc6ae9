//! Another workflow, while everything runs: what stays as it is goes on untouched.
//!
//! Whoever wants it has written it to the run-time folder. Encoders of channels that go are stopped first; then origin and ingest
//! are told, each of which compares for itself; then encoders of new channels start. A role that is being started again reads
//! the new file by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use daemon::Drain;
use daemon::lines::{self, AskError};
use media::ChannelName;
use spec::{Channel, Control, Edge, Encoder, Listen, Workflow};
use tokio::sync::Mutex;

use super::{announce, encoders::Encoders, write_for_owner};
use crate::plan::Layout;
use crate::role::RELOAD;
use crate::workflow;

/// How often a role is asked that does not answer, because it is being started.
const ASKS: u32 = 100;
/// Between two of them.
const ASK_PAUSE: Duration = Duration::from_millis(100);

/// What runs, and how it becomes something else.
#[derive(Clone)]
pub(super) struct Stage {
    layout: Layout,
    /// What paths in the workflow are relative to.
    folder: PathBuf,
    encoders: Encoders,
    running: Arc<Mutex<Workflow>>,
    drain: Drain,
}

impl Stage {
    /// With `workflow` running.
    pub(super) fn new(
        layout: Layout,
        folder: PathBuf,
        encoders: Encoders,
        workflow: Workflow,
        drain: Drain,
    ) -> Self {
        Self { layout, folder, encoders, running: Arc::new(Mutex::new(workflow)), drain }
    }

    /// Runs the workflow that lies in the run-time folder; says what changed.
    pub(super) async fn apply(&self) -> Result<String, String> {
        self.try_apply().await.map_err(|fault| format!("{fault:#}"))
    }

    /// Starts an encoder process anew, while nothing else changes.
    pub(super) async fn restart(&self, encoder: &str) -> Result<String, String> {
        let _unchanged = self.running.lock().await;
        let restarted = self.encoders.restart(encoder).await;
        restarted.map(|()| format!("{encoder} was started anew")).map_err(|fault| format!("{fault:#}"))
    }

    async fn try_apply(&self) -> anyhow::Result<String> {
        let mut running = self.running.lock().await;
        let loaded = workflow::from_file(&self.layout.wanted(), Some(&self.folder))?;
        let wanted = loaded.workflow;
        ensure_fixed_stay(&running, &wanted)?;
        let processes = self.encoders.wanted(&wanted);
        self.encoders.stop_all_but(&processes).await;
        write_for_owner(&self.layout.workflow(), &loaded.text)?;
        // What is missing in one of them is told; the rest is as wanted all the same.
        let origin = self.tell("origin").await;
        let ingest = match self.tell("ingest").await {
            // It has opened all others, and tries that one again.
            Err(Untold::Failed(fault)) => {
                tracing::error!(fault, "an input cannot be opened; its channel goes without");
                Ok(())
            }
            told => told,
        };
        let edge = self.tell("edge").await;
        let started = self.encoders.start_all(processes);
        let Difference { added, changed, removed } = Difference::of(&running, &wanted);
        let count = wanted.channels.len();
        let list =
            |names: &[ChannelName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        tracing::info!(
            added = list(&added),
            changed = list(&changed),
            removed = list(&removed),
            "another workflow runs"
        );
        let mut new = wanted.clone();
        new.channels.retain(|channel| added.contains(&channel.name));
        tokio::spawn(announce::when_on_air(Arc::new(new), self.drain.clone()));
        *running = wanted;
        origin.and(ingest).and(edge)?;
        started?;
        Ok(format!("{count} channels run"))
    }

    /// Tells a role to look at the workflow again.
    async fn tell(&self, role: &'static str) -> Result<(), Untold> {
        let socket = self.layout.role_reload(role);
        for _ in 0..ASKS {
            match lines::ask_from_task(socket.clone(), RELOAD).await {
                Ok(_) => return Ok(()),
                Err(AskError::Failed(why)) => return Err(Untold::Failed(format!("{role}: {why}"))),
                Err(AskError::Nobody { .. } | AskError::Broken(_)) => tokio::time::sleep(ASK_PAUSE).await,
            }
        }
        Err(Untold::Away(role))
    }
}

/// A role that does not run what is wanted.
#[derive(Debug, thiserror::Error)]
enum Untold {
    /// It says why.
    #[error("{0}")]
    Failed(String),
    /// It does not answer.
    #[error("{0} does not answer; it reads the new workflow when it starts")]
    Away(&'static str),
}

/// Refuses to change what holds for as long as the supervisor runs.
pub(crate) fn ensure_fixed_stay(running: &Workflow, wanted: &Workflow) -> anyhow::Result<()> {
    let fixed = |workflow: &Workflow| -> (Listen, Edge, Encoder, Control) {
        let Workflow { listen, edge, encoder, control, .. } = workflow.clone();
        (listen, edge, encoder, control)
    };
    ensure!(
        fixed(wanted) == fixed(running),
        "[listen], [edge], [encoder] and [control] cannot change while they are used: stop and start `headwater up`"
    );
    Ok(())
}

fn find<'w>(workflow: &'w Workflow, name: &ChannelName) -> Option<&'w Channel> {
    workflow.channels.iter().find(|channel| channel.name == *name)
}

/// How one workflow's channels differ from another's.
struct Difference {
    added: Vec<ChannelName>,
    changed: Vec<ChannelName>,
    removed: Vec<ChannelName>,
}

impl Difference {
    fn of(before: &Workflow, after: &Workflow) -> Self {
        let mut difference = Self { added: Vec::new(), changed: Vec::new(), removed: Vec::new() };
        for channel in &after.channels {
            match find(before, &channel.name) {
                None => difference.added.push(channel.name.clone()),
                Some(other) if other != channel => difference.changed.push(channel.name.clone()),
                Some(_) => {}
            }
        }
        let gone = before.channels.iter().filter(|channel| find(after, &channel.name).is_none());
        difference.removed = gone.map(|channel| channel.name.clone()).collect();
        difference
    }
}
