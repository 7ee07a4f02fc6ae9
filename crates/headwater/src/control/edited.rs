//! Another workflow file, while everything runs: `headwater apply` lays it into the run-time folder, and asks here.

use std::fs;
use std::sync::Arc;

use anyhow::Context;
use control::Identity;
use daemon::{Drain, lines};
use spec::Workflow;
use store::Store;
use tokio::sync::Mutex;

use crate::desired;
use crate::plan::Layout;
use crate::role::RELOAD;
use crate::supervise::apply::ensure_fixed_stay;
use crate::supervise::write_for_owner;
use crate::workflow::{self, Loaded};

/// Applies files.
pub(super) struct Desk {
    layout: Layout,
    /// What paths in the file are relative to.
    folder: std::path::PathBuf,
    running: Workflow,
    store: Store,
    file: control::File,
    /// One file at a time.
    turn: Mutex<()>,
}

impl Desk {
    pub(super) fn new(layout: &Layout, loaded: &Loaded, store: &Store, identity: &Identity) -> Self {
        Self {
            layout: layout.clone(),
            folder: loaded.folder.clone(),
            running: loaded.workflow.clone(),
            store: store.clone(),
            file: control::File::of(identity),
            turn: Mutex::default(),
        }
    }

    /// Answers until the drain.
    pub(super) fn serve(self, drain: Drain) -> anyhow::Result<()> {
        let socket = self.layout.role_reload("control");
        let desk = Arc::new(self);
        let answer = move |line: String| {
            let desk = desk.clone();
            async move {
                match line.as_str() {
                    RELOAD => desk.apply().await.map_err(|fault| format!("{fault:#}")),
                    _ => Err(format!("no such request; there is: {RELOAD}")),
                }
            }
        };
        lines::serve(&socket, drain, answer).with_context(|| format!("answer at `{}`", socket.display()))
    }

    /// Applies the file that lies there; says what that took.
    async fn apply(&self) -> anyhow::Result<String> {
        let _turn = self.turn.lock().await;
        let next = workflow::from_file(&self.layout.next_file(), Some(&self.folder))?;
        ensure_fixed_stay(&self.running, &next.workflow)?;
        // What is refused is refused before anything is written.
        self.file.plan(&self.store, &next.text).await?;
        let path = self.layout.file();
        let before = fs::read_to_string(&path).with_context(|| format!("read `{}`", path.display()))?;
        // The file first: whatever ends this process from here on, the next one applies it as it starts.
        write_for_owner(&path, &next.text)?;
        let applied = self.file.apply(&self.store, &next.text).await;
        if applied.is_err() {
            write_for_owner(&path, &before)?;
        }
        Ok(desired::words(&applied?))
    }
}
