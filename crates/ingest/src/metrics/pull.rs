//! Figures of HLS streams that are read: fetched, or pushed.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{ChannelLabel, Float, forget};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    channel: String,
    reason: &'static str,
}

/// Every family, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Families {
    segments: Family<ChannelLabel, Counter>,
    ahead_seconds: Family<ChannelLabel, Float>,
    renditions: Family<ChannelLabel, Gauge>,
    faults: Family<ReasonLabel, Counter>,
    failed: Family<ChannelLabel, Gauge>,
}

/// One channel's figures.
#[derive(Clone, Debug)]
pub(crate) struct PullMetrics {
    channel: String,
    faults: Family<ReasonLabel, Counter>,
    /// Segments read.
    pub(crate) segments: Counter,
    /// How far what was read reaches beyond now.
    pub(crate) ahead_seconds: Float,
    /// Playlists that bring something, of pictures and of sound.
    pub(crate) renditions: Gauge,
    /// 1 while the source is in trouble.
    pub(crate) failed: Gauge,
}

impl Families {
    pub(super) fn forget(&self, label: &ChannelLabel) {
        forget!(label, self.segments, self.ahead_seconds, self.renditions);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("segments", "Segments read", self.segments.clone());
        registry.register(
            "ahead_seconds",
            "How far what was read reaches beyond what is handed on",
            self.ahead_seconds.clone(),
        );
        registry.register(
            "renditions",
            "Playlists that bring something, of pictures and of sound",
            self.renditions.clone(),
        );
        registry.register("faults", "What was wrong with a stream, by reason", self.faults.clone());
        registry.register("failed", "1 while a stream is in trouble", self.failed.clone());
    }

    pub(super) fn channel(&self, label: ChannelLabel) -> PullMetrics {
        PullMetrics {
            segments: self.segments.get_or_create_owned(&label),
            ahead_seconds: self.ahead_seconds.get_or_create_owned(&label),
            renditions: self.renditions.get_or_create_owned(&label),
            failed: self.failed.get_or_create_owned(&label),
            faults: self.faults.clone(),
            channel: label.channel,
        }
    }
}

impl PullMetrics {
    pub(crate) fn fault(&self, reason: &'static str) {
        self.faults.get_or_create(&ReasonLabel { channel: self.channel.clone(), reason }).inc();
    }
}
