//! Figures of all that runs, for CloudWatch: the supervisor's page of metrics, read again and again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use history::History;
use monitor::{Names, Publisher, Subjects};
use store::Store;
use tokio::time::MissedTickBehavior;

use super::doors::now;
use crate::fetch;

/// How often figures are taken.
const PERIOD: Duration = Duration::from_secs(10);
/// Largest page, in bytes.
const MAX_PAGE_BYTES: usize = 32 << 20;

/// Takes figures.
pub(super) struct Watch {
    /// Where the supervisor answers with metrics.
    metrics: SocketAddr,
    store: Store,
    history: Arc<History>,
}

impl Watch {
    pub(super) fn new(metrics: SocketAddr, store: Store, history: Arc<History>) -> Self {
        Self { metrics, store, history }
    }

    /// For ever.
    pub(super) async fn run(&self) {
        let mut publisher = Publisher::default();
        let mut subjects = (i64::MIN, Subjects::default());
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(fault) = self.name(&mut subjects).await {
                tracing::warn!(%fault, "what channels and distributions are called is not known; the names before go on");
            }
            let Some(page) = fetch::text(self.metrics, "/metrics", MAX_PAGE_BYTES).await else {
                tracing::warn!(address = %self.metrics, "no figures: the supervisor's metrics cannot be read");
                continue;
            };
            match publisher.scrape(&page, &subjects.1, now()) {
                Ok(samples) => {
                    // What has no room is counted by the history.
                    let _ = self.history.record(&samples, now());
                }
                Err(fault) => tracing::warn!(%fault, "figures cannot be read"),
            }
        }
    }

    /// What AWS's services call the workflow's channels and distributions, where the store has changed.
    async fn name(&self, known: &mut (i64, Subjects)) -> Result<(), store::Error> {
        let revision = self.store.revision().await?;
        if revision == known.0 {
            return Ok(());
        }
        let (revision, resources) = self.store.every().await?;
        let mut channels: BTreeMap<String, Names> = BTreeMap::new();
        for (name, id) in medialive::media_names(&resources) {
            channels.entry(name).or_default().channel_id = Some(id);
        }
        for (name, package) in mediapackage::media_names(&resources) {
            channels.entry(name).or_default().package = Some(match package {
                (None, channel) => monitor::Package::V1 { channel },
                (Some(group), channel) => monitor::Package::V2 { group, channel },
            });
        }
        let distributions = cloudfront::distribution_names(&resources).into_iter().collect();
        *known = (revision, Subjects { channels, distributions });
        Ok(())
    }
}
