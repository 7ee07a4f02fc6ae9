//! Readers of objects that are still growing: how long after a piece was made its last byte reaches each of them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::answer::Connection;
use crate::origin::{PERIOD, PIECE, PIECES};
use crate::{now_ns, percentile};

/// `open`
#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// The server that is asked.
    ask: SocketAddr,
    /// The origin behind it.
    origin: SocketAddr,
    #[arg(long, default_value_t = 50)]
    readers: usize,
    /// Growing objects, one after the other.
    #[arg(long, default_value_t = 2)]
    objects: usize,
    /// A name nobody has asked for yet.
    #[arg(long)]
    name: String,
}

impl Open {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let (mut delays, mut late_delays, mut failed) = (Vec::new(), Vec::new(), 0);
        for object in 0..self.objects {
            let path = format!("/open/{}-{object}", self.name);
            let mut reading = JoinSet::new();
            for reader in 0..self.readers {
                let (ask, path) = (self.ask, path.clone());
                // The second half comes one after the other, while the middle half of the object is made.
                let late = reader.saturating_sub(self.readers / 2) as u32;
                let wait = match late {
                    0 => Duration::ZERO,
                    _ => {
                        PERIOD * (PIECES as u32 / 4)
                            + PERIOD * (PIECES as u32 / 2) * late / (self.readers as u32 / 2)
                    }
                };
                reading.spawn(async move {
                    sleep(wait).await;
                    (late > 0, timeout(PERIOD * PIECES as u32 * 2, read(ask, &path)).await)
                });
            }
            while let Some(ended) = reading.join_next().await {
                match ended? {
                    (late, Ok(Ok(found))) => {
                        delays.extend_from_slice(&found);
                        if late {
                            late_delays.extend(found);
                        }
                    }
                    _ => failed += 1,
                }
            }
        }
        let mut control = Connection::open(self.origin).await?;
        let (_, fetches) = control.get(&format!("/control/count/open/{}", self.name)).await?;
        let figures = serde_json::json!({
            "readers": self.readers,
            "failed": failed,
            "fetches_per_object": String::from_utf8(fetches)?.parse::<f64>()? / self.objects as f64,
            "p50_ms": percentile(&mut delays, 0.5),
            "p99_ms": percentile(&mut delays, 0.99),
            "late_p50_ms": percentile(&mut late_delays, 0.5),
            "late_p99_ms": percentile(&mut late_delays, 0.99),
        });
        println!("{figures}");
        Ok(())
    }
}

/// Reads the object; the delays, in ms, of the pieces that were made after it was asked for.
async fn read(ask: SocketAddr, path: &str) -> anyhow::Result<Vec<f64>> {
    let mut connection = Connection::open(ask).await?;
    let asked = now_ns();
    connection.ask(path).await?;
    let (mut delays, mut stamp, mut at) = (Vec::new(), Vec::new(), 0);
    let status = connection
        .answer(|mut bytes| {
            while !bytes.is_empty() {
                let within = at % PIECE;
                let now = bytes.len().min(PIECE - within);
                if within < 20 {
                    stamp.extend_from_slice(&bytes[..now.min(20 - within)]);
                }
                at += now;
                bytes = &bytes[now..];
                if at % PIECE == 0 {
                    let made: u64 = String::from_utf8_lossy(&stamp).parse().unwrap_or(0);
                    stamp.clear();
                    if made > asked {
                        delays.push((now_ns() - made) as f64 / 1e6);
                    }
                }
            }
        })
        .await
        .context("read a growing object")?;
    anyhow::ensure!(status == 200 && at == PIECE * PIECES, "status {status}, {at} bytes");
    Ok(delays)
}
