//! Many viewers wait for one object; what that costs the server, and how long its arrival takes to reach them all.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::answer::Connection;
use crate::{now_ns, percentile};

/// How long the origin holds the object. No multiple of half a second, at which some servers look again.
const HELD: Duration = Duration::from_millis(2_300);
/// How long a viewer waits for its answer once the origin let go.
const PATIENCE: Duration = Duration::from_secs(20);

/// `herd`
#[derive(Debug, clap::Args)]
pub(crate) struct Herd {
    /// The server that is asked.
    ask: SocketAddr,
    /// The origin behind it.
    origin: SocketAddr,
    #[arg(long)]
    viewers: usize,
    /// Size of the object.
    #[arg(long)]
    bytes: usize,
    /// A name nobody has asked for yet.
    #[arg(long)]
    name: String,
    /// The server's processes, whose memory is told.
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
}

impl Herd {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let path = format!("/held/{}/{}?_HLS_msn=1", self.name, self.bytes);
        let mut control = Connection::open(self.origin).await.context("connect to the origin")?;
        let before = self.memory_kib()?;
        let mut connections = Vec::new();
        for _ in 0..self.viewers {
            connections.push(Connection::open(self.ask).await.context("connect a viewer")?);
        }
        let first = now_ns();
        for connection in &mut connections {
            connection.ask(&path).await.context("ask")?;
        }
        let asked_within_ms = (now_ns() - first) as f64 / 1e6;
        let mut waiting = JoinSet::new();
        for mut connection in connections {
            let bytes = self.bytes;
            waiting.spawn(async move {
                let mut got = 0;
                let status = connection.answer(|piece| got += piece.len()).await;
                let arrived = now_ns();
                // Kept open: what closing costs is no part of the fan-out.
                (matches!(status, Ok(200)) && got == bytes).then_some((arrived, connection))
            });
        }
        tokio::time::sleep(HELD).await;
        let after = self.memory_kib()?;
        let (_, body) = control.get(&format!("/control/release/{}", self.name)).await?;
        let released: u64 = String::from_utf8(body)?.parse()?;
        let mut done = Vec::new();
        let _ = timeout(PATIENCE, async {
            while let Some(ended) = waiting.join_next().await {
                done.extend(ended.ok().flatten());
            }
        })
        .await;
        let mut delays: Vec<f64> =
            done.iter().map(|(at, _)| at.saturating_sub(released) as f64 / 1e6).collect();
        let (_, fetches) = control.get(&format!("/control/count/held/{}", self.name)).await?;
        let figures = serde_json::json!({
            "viewers": self.viewers,
            "failed": self.viewers - delays.len(),
            "fetches": String::from_utf8(fetches)?.parse::<u64>()?,
            "asked_within_ms": asked_within_ms,
            "p50_ms": percentile(&mut delays, 0.5),
            "p99_ms": percentile(&mut delays, 0.99),
            "kib_per_viewer": (after - before) / self.viewers as f64,
        });
        println!("{figures}");
        Ok(())
    }

    /// Memory of the server's processes, what they share counted once.
    fn memory_kib(&self) -> anyhow::Result<f64> {
        let mut sum = 0.0;
        for pid in &self.pids {
            let path = format!("/proc/{pid}/smaps_rollup");
            let text = std::fs::read_to_string(&path).with_context(|| format!("read `{path}`"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("no Pss line")?;
            sum += line.trim().trim_end_matches("kB").trim().parse::<f64>()?;
        }
        Ok(sum)
    }
}
