//! Figures of HLS that is pushed, beside those it has as a stream that is read.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{ChannelLabel, forget, pull};

/// Every family, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Families {
    pub(super) streams: pull::Families,
    uploads: Family<ChannelLabel, Counter>,
    stored_bytes: Family<ChannelLabel, Gauge>,
    standby: Family<ChannelLabel, Gauge>,
}

/// One channel's figures.
#[derive(Clone, Debug)]
pub(crate) struct PushMetrics {
    /// Files that came whole.
    pub(crate) uploads: Counter,
    /// Bytes kept of them.
    pub(crate) stored_bytes: Gauge,
    /// 1 while the standby is read.
    pub(crate) standby: Gauge,
}

impl Families {
    pub(super) fn forget(&self, label: &ChannelLabel) {
        self.streams.forget(label);
        forget!(label, self.uploads, self.stored_bytes, self.standby);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        self.streams.register(registry);
        registry.register("uploads", "Files that were pushed whole", self.uploads.clone());
        registry.register("stored_bytes", "Bytes kept of pushed files", self.stored_bytes.clone());
        registry.register("standby", "1 while the standby of a pushed stream is read", self.standby.clone());
    }

    pub(super) fn channel(&self, label: &ChannelLabel) -> PushMetrics {
        PushMetrics {
            uploads: self.uploads.get_or_create_owned(label),
            stored_bytes: self.stored_bytes.get_or_create_owned(label),
            standby: self.standby.get_or_create_owned(label),
        }
    }
}
