//! The supervisor as what runs workflows: it is asked over its socket, and looked at.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use control::{Applied, Refused, Runner};
use daemon::{Drain, lines};
use door::{ChannelSeen, Seen};
use spec::Workflow;
use tokio::sync::{Notify, watch};

use crate::fetch;
use crate::plan::{Layout, reachable};
use crate::supervise::{control as desk, gather, write_for_owner};

/// How often what runs is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Longest list of channels taken from it, in bytes.
const MAX_LIST_BYTES: usize = 1 << 20;

/// The supervisor of this machine.
pub(super) struct Supervisor {
    layout: Layout,
    applied: Arc<AtomicI64>,
    changed: Arc<Notify>,
    seen: watch::Receiver<Arc<Seen>>,
}

impl Supervisor {
    /// Looks at what runs, from now on until the drain. Call inside a tokio runtime.
    pub(super) fn start(layout: &Layout, workflow: &Workflow, drain: Drain) -> Self {
        let (sights, seen) = watch::channel(Arc::default());
        let (applied, changed) = (Arc::new(AtomicI64::new(0)), Arc::new(Notify::new()));
        let watcher = Watcher {
            layout: layout.clone(),
            origin: reachable(workflow.listen.origin),
            applied: applied.clone(),
        };
        let news = changed.clone();
        tokio::spawn(async move {
            loop {
                if let Some(seen) = watcher.look().await {
                    sights.send_if_modified(|shown| {
                        let is_news = **shown != seen;
                        if is_news {
                            *shown = Arc::new(seen);
                        }
                        is_news
                    });
                }
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = news.notified() => {}
                    () = drain.requested() => return,
                }
            }
        });
        Self { layout: layout.clone(), applied, changed, seen }
    }
}

impl Runner for Supervisor {
    fn apply<'a>(&'a self, workflow: &'a str, revision: i64) -> Applied<'a> {
        Box::pin(async move {
            let refused = |fault: &dyn std::error::Error| Refused(daemon::words(fault));
            write_for_owner(&self.layout.wanted(), workflow)
                .map_err(|fault| Refused(format!("{fault:#}")))?;
            lines::ask_from_task(self.layout.control_socket(), desk::APPLY)
                .await
                .map_err(|fault| refused(&fault))?;
            self.applied.store(revision, Ordering::Release);
            self.changed.notify_one();
            Ok(())
        })
    }

    fn seen(&self) -> watch::Receiver<Arc<Seen>> {
        self.seen.clone()
    }
}

struct Watcher {
    layout: Layout,
    origin: SocketAddr,
    /// The revision of what was applied last.
    applied: Arc<AtomicI64>,
}

#[derive(serde::Deserialize)]
struct Listed {
    channels: Vec<Channel>,
}

#[derive(serde::Deserialize)]
struct Channel {
    name: String,
    on_air: bool,
}

impl Watcher {
    /// What runs; `None` where the supervisor does not say.
    async fn look(&self) -> Option<Seen> {
        // Read first: what is seen may be newer than it, and must not be older.
        let revision = self.applied.load(Ordering::Acquire);
        let said = lines::ask_from_task(self.layout.control_socket(), desk::ENCODERS).await.ok()?;
        let encoders: BTreeMap<String, u8> = serde_json::from_str(&said).ok()?;
        let listed = self.listed().await.unwrap_or_default();
        let fed = gather::scrape(&self.layout.metrics_socket("ingest")).await.unwrap_or_default();
        let fed = publishers(&fed);
        let channels = listed.into_iter().map(|Channel { name, on_air }| {
            let seen = ChannelSeen {
                encoders: encoders.get(&name).copied().unwrap_or(0),
                is_on_air: on_air,
                // Inputs that ingest does not know need nobody.
                has_source: fed.get(name.as_str()).copied().unwrap_or(true),
            };
            (name, seen)
        });
        Some(Seen { revision, channels: channels.collect(), refused: BTreeMap::new() })
    }

    /// The origin's channels; `None` where it does not answer.
    async fn listed(&self) -> Option<Vec<Channel>> {
        let text = fetch::text(self.origin, "/channels.json", MAX_LIST_BYTES).await?;
        Some(serde_json::from_str::<Listed>(&text).ok()?.channels)
    }
}

/// Which channels' primary inputs have a publisher, in ingest's metrics.
fn publishers(text: &str) -> BTreeMap<&str, bool> {
    let family = "headwater_ingest_publishers{channel=\"";
    let lines = text.lines().filter_map(|line| line.strip_prefix(family)?.split_once("\"} "));
    lines.map(|(channel, count)| (channel, count != "0")).collect()
}
