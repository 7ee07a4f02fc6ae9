//! Figures of files that are fetched before they are played.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use wire::sample_stream::Feed;

use super::ChannelLabel;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabel {
    channel: String,
    reason: &'static str,
}

/// Every family, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Families {
    missing: Family<ChannelLabel, Gauge>,
    failures: Family<FailureLabel, Counter>,
}

/// One channel's figures.
#[derive(Clone, Debug)]
pub(crate) struct DownloadMetrics {
    channel: String,
    failures: Family<FailureLabel, Counter>,
    /// Files that are not there yet.
    pub(crate) missing: Gauge,
}

impl Families {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "downloads_missing",
            "Files of a channel that are still to be fetched",
            self.missing.clone(),
        );
        registry.register("download_failures", "Files not fetched, by reason", self.failures.clone());
    }

    pub(super) fn channel(&self, name: &Feed) -> DownloadMetrics {
        let label = ChannelLabel { channel: name.to_string() };
        DownloadMetrics {
            missing: self.missing.get_or_create_owned(&label),
            failures: self.failures.clone(),
            channel: label.channel,
        }
    }
}

impl DownloadMetrics {
    pub(crate) fn failed(&self, reason: &'static str) {
        self.failures.get_or_create(&FailureLabel { channel: self.channel.clone(), reason }).inc();
    }
}
