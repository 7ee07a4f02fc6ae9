//! Viewers of a live channel: each waits for the playlist that lists the next segment, then takes the segment.

use std::net::SocketAddr;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::answer::Connection;
use crate::origin::SEGMENT;

/// `viewers`
#[derive(Debug, clap::Args)]
pub(crate) struct Viewers {
    /// The server that is asked.
    ask: SocketAddr,
    /// The origin behind it.
    origin: SocketAddr,
    #[arg(long)]
    viewers: usize,
    /// Segments that each viewer takes, one a second.
    #[arg(long, default_value_t = 5)]
    segments: u32,
    /// A channel nobody has asked for yet.
    #[arg(long)]
    name: String,
}

impl Viewers {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let mut watching = JoinSet::new();
        for _ in 0..self.viewers {
            let mut connection = Connection::open(self.ask).await?;
            let (name, segments) = (self.name.clone(), self.segments);
            watching.spawn(timeout(SEGMENT * (segments + 20), async move {
                for segment in 1..=segments {
                    let playlist =
                        connection.get(&format!("/live/{name}/index.m3u8?_HLS_msn={segment}")).await?;
                    let media = connection.get(&format!("/live/{name}/{segment}.m4s")).await?;
                    anyhow::ensure!((playlist.0, media.0) == (200, 200), "{} {}", playlist.0, media.0);
                }
                Ok(())
            }));
        }
        let mut failed = 0;
        while let Some(ended) = watching.join_next().await {
            failed += usize::from(!matches!(ended?, Ok(Ok(()))));
        }
        let mut control = Connection::open(self.origin).await?;
        let (_, requests) = control.get(&format!("/control/count/live/{}", self.name)).await?;
        let requests: f64 = String::from_utf8(requests)?.parse()?;
        let figures = serde_json::json!({
            "viewers": self.viewers,
            "failed": failed,
            "origin_requests_per_segment": requests / f64::from(self.segments),
        });
        println!("{figures}");
        Ok(())
    }
}
