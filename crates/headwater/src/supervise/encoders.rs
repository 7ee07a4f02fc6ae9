//! The encoder processes that run, and how that changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use media::ChannelName;
use spec::{Ladder, Workflow};
use wire::Job;

use super::child::{Child, Figures};
use super::encoder::{Encoder, Program, Spare, Ward};
use crate::plan::{self, EncoderProcess, Layout};

/// The encoder processes that run. Clones are the same.
#[derive(Clone)]
pub(super) struct Encoders(Arc<Shared>);

struct Shared {
    program: Option<Program>,
    spare: Spare,
    layout: Layout,
    /// Passthrough channels that share a process: those that were there at the start. Each later one gets its own, so that it
    /// can come and go without the others.
    sharing: Vec<ChannelName>,
    running: Mutex<Vec<Running>>,
}

struct Running {
    job: Job,
    child: Child,
    ward: Option<Ward>,
}

impl Encoders {
    /// None yet. `program` is missing where there will never be any.
    pub(super) fn new(program: Option<Program>, spare: Spare, layout: Layout, workflow: &Workflow) -> Self {
        let passes = |channel: &&spec::Channel| matches!(channel.ladder, Ladder::Passthrough);
        let sharing = workflow.channels.iter().filter(passes).map(|channel| channel.name.clone()).collect();
        Self(Arc::new(Shared { program, spare, layout, sharing, running: Mutex::default() }))
    }

    /// The processes that `workflow` wants.
    pub(super) fn wanted(&self, workflow: &Workflow) -> Vec<EncoderProcess> {
        plan::encoders(workflow, &self.0.layout, &self.0.sharing)
    }

    /// Stops those that are not wanted, or not so; returns when they have gone.
    pub(super) async fn stop_all_but(&self, wanted: &[EncoderProcess]) {
        let stays = |running: &Running| wanted.iter().any(|process| process.job == running.job);
        let gone: Vec<_> = self.running().extract_if(.., |running| !stays(running)).collect();
        stop(gone).await;
    }

    /// Starts those of `wanted` that do not run.
    pub(super) fn start_all(&self, wanted: Vec<EncoderProcess>) -> anyhow::Result<()> {
        for EncoderProcess { name, job } in wanted {
            if self.running().iter().any(|running| running.job == job) {
                continue;
            }
            let program = self.0.program.clone();
            let program = program.ok_or_else(|| anyhow::anyhow!("this machine runs no encoders"))?;
            let encoder = Encoder {
                name,
                program,
                spare: self.0.spare.clone(),
                memory_bytes: Some(job.confinement.memory_bytes),
                evidence: self.0.layout.quarantine(),
                job: job.clone(),
            };
            let (child, ward) = encoder.start();
            self.running().push(Running { job, child, ward });
        }
        Ok(())
    }

    /// Ends the process of this name and starts it anew; the reason where that cannot be. What is wanted must not change meanwhile.
    pub(super) async fn restart(&self, name: &str) -> anyhow::Result<()> {
        let gone: Vec<_> = self.running().extract_if(.., |running| running.child.name() == name).collect();
        let [Running { job, .. }] = gone.as_slice() else {
            anyhow::bail!("there is no encoder `{name}`");
        };
        let again = EncoderProcess { name: name.to_owned(), job: job.clone() };
        stop(gone).await;
        self.start_all(vec![again])
    }

    /// Stops all of them.
    pub(super) async fn stop(&self) {
        let all = std::mem::take(&mut *self.running());
        stop(all).await;
    }

    /// Where each answers with its metrics, and what the supervisor knows of it.
    pub(super) fn figures(&self) -> Vec<(PathBuf, Arc<Figures>)> {
        let socket = |child: &Child| self.0.layout.metrics_socket(child.name());
        self.running().iter().map(|running| (socket(&running.child), running.child.figures())).collect()
    }

    /// The ways to channels' encoders.
    pub(super) fn wards(&self) -> Vec<Ward> {
        self.running().iter().filter_map(|running| running.ward.clone()).collect()
    }

    /// For each channel: how many processes of its are up.
    pub(super) fn up(&self) -> Vec<(ChannelName, usize)> {
        let mut up: Vec<(ChannelName, usize)> = Vec::new();
        for running in self.running().iter() {
            let one = usize::from(running.child.figures().is_up());
            for channel in &running.job.channels {
                match up.iter_mut().find(|(name, _)| *name == channel.name) {
                    Some((_, count)) => *count += one,
                    None => up.push((channel.name.clone(), one)),
                }
            }
        }
        up
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All at once: each may take its time to finish what it has.
async fn stop(gone: Vec<Running>) {
    for running in &gone {
        running.child.ask_to_stop();
    }
    for running in gone {
        running.child.stop().await;
    }
}
