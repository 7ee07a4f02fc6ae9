//! What a running supervisor is asked for: to replace the edge, by SIGHUP or over a socket that says how it went, and to
//! let inputs out of quarantine.
//!
//! The socket lies in the run-time folder, which is its owner's alone. One line asks, one answers.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use daemon::{Drain, listen};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::signal::unix::{SignalKind, signal};

use super::child::{Replaced, Replacer};
use super::encoder::Ward;

/// What can be asked.
pub(super) const RESTART_EDGE: &str = "restart edge";
/// Which inputs are in quarantine.
pub(super) const QUARANTINE: &str = "quarantine";
/// Let a channel's inputs out; its name follows.
pub(super) const RELEASE: &str = "quarantine release";
/// Longest line taken, in bytes.
const MAX_LINE: u64 = 256;
/// A client that has not asked by then is let go.
const ASK_LIMIT: Duration = Duration::from_secs(5);
/// Longer than a replacement takes, whatever becomes of it.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How an answer begins that is not what was asked for.
const FAILED: &str = "failed: ";

/// Answers on `socket`, and to SIGHUP, until the drain. A socket left from an earlier run is replaced.
pub(crate) fn serve(socket: &Path, edge: Replacer, wards: Vec<Ward>, drain: Drain) -> io::Result<()> {
    let listener = listen::unix(socket)?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // One after the other: there is one edge.
                stream = listen::accept(&listener) => drop(answer(stream, &edge, &wards).await),
                // The log says how it went.
                _ = hangup.recv() => drop(edge.replace().await),
                () = drain.requested() => return,
            }
        }
    });
    Ok(())
}

async fn answer(mut stream: tokio::net::UnixStream, edge: &Replacer, wards: &[Ward]) -> io::Result<()> {
    let mut line = String::new();
    let mut lines = BufReader::new((&mut stream).take(MAX_LINE));
    let read = lines.read_line(&mut line);
    tokio::time::timeout(ASK_LIMIT, read).await.map_err(io::Error::other)??;
    let said = match line.trim_end() {
        RESTART_EDGE => said(&edge.replace().await),
        QUARANTINE => held(wards),
        line => match line.strip_prefix(RELEASE).map(str::trim) {
            Some(channel) => release(wards, channel).await,
            None => {
                format!("{FAILED}no such request; there is: {RESTART_EDGE}, {QUARANTINE}, {RELEASE} CHANNEL")
            }
        },
    };
    stream.write_all(format!("{said}\n").as_bytes()).await
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

async fn release(wards: &[Ward], channel: &str) -> String {
    let mut released = 0;
    for ward in wards.iter().filter(|ward| ward.channel == channel) {
        released += ward.release().await;
    }
    match released {
        0 => format!("{FAILED}no input of channel `{channel}` is in quarantine"),
        _ => format!("{channel}: its inputs are taken again"),
    }
}

fn said(replaced: &Replaced) -> String {
    match replaced {
        Ok((old, new)) => format!("edge: process {new} serves; process {old} lets its viewers go"),
        Err(fault) => format!("{FAILED}{fault}; the running edge goes on"),
    }
}

/// Asks one line of the process at `socket`; what it said.
pub(crate) fn ask(socket: &Path, request: &str) -> anyhow::Result<String> {
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("no `headwater up` answers at `{}`", socket.display()))?;
    let mut said = String::new();
    let mut talk = || {
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(format!("{request}\n").as_bytes())?;
        stream.read_to_string(&mut said)
    };
    talk().context("talk to `headwater up`")?;
    match said.trim_end().strip_prefix(FAILED) {
        Some(fault) => bail!("{fault}"),
        None => Ok(said.trim_end().to_owned()),
    }
}
