//! Another workflow, while everything runs: what stays as it is goes on untouched.
//!
//! Whoever wants it has written it to the run-time folder. Encoders of channels that go are stopped first; then origin and ingest
//! are told, each of which compares for itself; then encoders of new channels start. A role that is being started again reads
//! the new file by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use daemon::Drain;
use daemon::lines::{self, AskError};
use media::ChannelName;
use spec::Workflow;
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

    async fn try_apply(&self) -> anyhow::Result<String> {
        let mut running = self.running.lock().await;
        let loaded = workflow::from_file(&self.layout.wanted(), Some(&self.folder))?;
        let wanted = loaded.workflow;
        let fixed = |workflow: &Workflow| {
            let Workflow { listen, edge, encoder, control, .. } = workflow.clone();
            (listen, edge, encoder, control)
        };
        ensure!(
            fixed(&wanted) == fixed(&running),
            "[listen], [edge], [encoder] and [control] cannot change while they are used: stop and start `headwater up`"
        );
        let processes = self.encoders.wanted(&wanted);
        self.encoders.stop_all_but(&processes).await;
        write_for_owner(&self.layout.workflow(), &loaded.text)?;
        // What is missing in one of them is told; the rest is as wanted all the same.
        let origin = self.tell("origin").await;
        let ingest = self.tell("ingest").await;
        let edge = self.tell("edge").await;
        let started = self.encoders.start_all(processes);
        let (added, removed) = difference(&running, &wanted);
        *running = wanted.clone();
        drop(running);
        let new = Workflow {
            channels: wanted.channels.into_iter().filter(|channel| added.contains(&channel.name)).collect(),
            ..wanted
        };
        tokio::spawn(announce::when_on_air(Arc::new(new), self.drain.clone()));
        let list =
            |names: &[ChannelName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        tracing::info!(added = list(&added), removed = list(&removed), "another workflow runs");
        origin.and(ingest).and(edge)?;
        started?;
        Ok(format!("{} channels run", self.running.lock().await.channels.len()))
    }

    /// Tells a role to look at the workflow again.
    async fn tell(&self, role: &'static str) -> anyhow::Result<()> {
        let socket = self.layout.role_reload(role);
        for _ in 0..ASKS {
            match lines::ask_from_task(socket.clone(), RELOAD).await {
                Err(AskError::Nobody { .. } | AskError::Broken(_)) => tokio::time::sleep(ASK_PAUSE).await,
                told => return told.map(drop).context(role),
            }
        }
        anyhow::bail!("{role} does not answer; it reads the new workflow when it starts")
    }
}

/// The channels that are new or other than before, and those that are no more.
fn difference(before: &Workflow, after: &Workflow) -> (Vec<ChannelName>, Vec<ChannelName>) {
    let missing = |of: &Workflow, from: &Workflow| {
        let channels = of.channels.iter().filter(|channel| !from.channels.contains(channel));
        channels.map(|channel| channel.name.clone()).collect::<Vec<_>>()
    };
    let added = missing(after, before);
    let mut removed = missing(before, after);
    removed.retain(|name| !added.contains(name));
    (added, removed)
}
