//! What a running supervisor is asked for: to replace the edge, by SIGHUP or over a socket that says how it went, to
//! let inputs out of quarantine, to run another workflow.
//!
//! The socket lies in the run-time folder, which is its owner's alone. One line asks, one answers.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use daemon::{Drain, lines};
use tokio::signal::unix::{SignalKind, signal};

use super::apply::Stage;
use super::child::{Replaced, Replacer};
use super::encoder::Ward;
use super::encoders::Encoders;

/// What can be asked.
pub(super) const RESTART_EDGE: &str = "restart edge";
/// Which inputs are in quarantine.
pub(super) const QUARANTINE: &str = "quarantine";
/// Let a channel's inputs out; its name follows.
pub(super) const RELEASE: &str = "quarantine release";
/// Run the workflow that lies in the run-time folder.
pub(crate) const APPLY: &str = "apply";
/// Start an encoder process anew; its name follows.
pub(crate) const RESTART_ENCODER: &str = "restart encoder";
/// How many encoder processes of each channel are up, as JSON.
pub(crate) const ENCODERS: &str = "encoders";

/// What answers need.
pub(super) struct Desk {
    pub(super) edge: Replacer,
    pub(super) encoders: Encoders,
    /// None where the machine is an edge alone.
    pub(super) stage: Option<Stage>,
}

/// Answers on `socket`, and to SIGHUP, until the drain. A socket left from an earlier run is replaced.
pub(super) fn serve(socket: &Path, desk: Desk, drain: Drain) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (edge, until) = (desk.edge.clone(), drain.clone());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // The log says how it went.
                _ = hangup.recv() => drop(edge.replace().await),
                () = until.requested() => return,
            }
        }
    });
    let desk = Arc::new(desk);
    lines::serve(socket, drain, move |line| {
        let desk = desk.clone();
        async move { desk.answer(&line).await }
    })
}

impl Desk {
    async fn answer(&self, line: &str) -> Result<String, String> {
        match (line, &self.stage) {
            (RESTART_EDGE, _) => said(&self.edge.replace().await),
            (QUARANTINE, _) => Ok(held(&self.encoders.wards())),
            (APPLY, Some(stage)) => stage.apply().await,
            (ENCODERS, _) => Ok(up(&self.encoders)),
            (line, stage) => {
                let named = |order: &str| line.strip_prefix(order).map(str::trim);
                match (named(RELEASE), named(RESTART_ENCODER), stage) {
                    (Some(channel), ..) => release(&self.encoders.wards(), channel).await,
                    (None, Some(encoder), Some(stage)) => stage.restart(encoder).await,
                    _ => Err(format!(
                        "no such request; there is: {RESTART_EDGE}, {QUARANTINE}, {RELEASE} CHANNEL, {RESTART_ENCODER} NAME, \
                         {APPLY}, {ENCODERS}"
                    )),
                }
            }
        }
    }
}

fn up(encoders: &Encoders) -> String {
    let up: serde_json::Map<_, _> =
        encoders.up().into_iter().map(|(channel, count)| (channel.to_string(), count.into())).collect();
    serde_json::Value::Object(up).to_string()
}

/// The channels with inputs in quarantine. A channel with several encoders may be there several times.
fn held(wards: &[Ward]) -> String {
    let words = |ward: &Ward| {
        let inputs: Vec<_> = ward.held().iter().map(|input| format!("{input:?}").to_lowercase()).collect();
        (!inputs.is_empty()).then(|| format!("{}: {}", ward.channel, inputs.join(", ")))
    };
    let held: Vec<_> = wards.iter().filter_map(words).collect();
    if held.is_empty() { "nothing is in quarantine".to_owned() } else { held.join("; ") }
}

async fn release(wards: &[Ward], channel: &str) -> Result<String, String> {
    let mut released = 0;
    for ward in wards.iter().filter(|ward| ward.channel == channel) {
        released += ward.release().await;
    }
    match released {
        0 => Err(format!("no input of channel `{channel}` is in quarantine")),
        _ => Ok(format!("{channel}: its inputs are taken again")),
    }
}

fn said(replaced: &Replaced) -> Result<String, String> {
    match replaced {
        Ok((old, new)) => Ok(format!("edge: process {new} serves; process {old} lets its viewers go")),
        Err(fault) => Err(format!("{fault}; the running edge goes on")),
    }
}

/// Asks one line of the process at `socket`; what it said.
pub(crate) fn ask(socket: &Path, request: &str) -> anyhow::Result<String> {
    lines::ask(socket, request).context("ask `headwater up`: does it run with this `--data`?")
}
