//! What pushing counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Whose figure it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TrackLabels {
    /// The channel.
    pub channel: String,
    /// The track's name in URLs.
    pub track: String,
}

/// Counters of every track pushed by this process. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct PushMetrics {
    segments: Family<TrackLabels, Counter>,
    bytes: Family<TrackLabels, Counter>,
    dropped: Family<TrackLabels, Counter>,
    refused: Family<TrackLabels, Counter>,
    connections: Family<TrackLabels, Counter>,
    connected: Family<TrackLabels, Gauge>,
}

impl PushMetrics {
    /// Registers them as `headwater_encoder_push_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("headwater_encoder_push");
        registry.register("segments", "Segments the origin has taken", self.segments.clone());
        registry.register("bytes", "Bytes of segments the origin has taken", self.bytes.clone());
        registry.register(
            "dropped_segments",
            "Segments dropped because the origin was away or too slow",
            self.dropped.clone(),
        );
        registry.register("refused_segments", "Segments the origin refused", self.refused.clone());
        registry.register("connections", "Connections made to the origin", self.connections.clone());
        registry.register("connected", "1 while connected to the origin", self.connected.clone());
    }

    pub(super) fn sent(&self, labels: &TrackLabels, bytes: usize) {
        self.segments.get_or_create(labels).inc();
        self.bytes.get_or_create(labels).inc_by(bytes as u64);
    }

    pub(super) fn dropped(&self, labels: &TrackLabels, segments: u64) {
        self.dropped.get_or_create(labels).inc_by(segments);
    }

    pub(super) fn refused(&self, labels: &TrackLabels) {
        self.refused.get_or_create(labels).inc();
    }

    pub(super) fn connected(&self, labels: &TrackLabels) {
        self.connections.get_or_create(labels).inc();
        self.connected.get_or_create(labels).set(1);
    }

    pub(super) fn disconnected(&self, labels: &TrackLabels) {
        self.connected.get_or_create(labels).set(0);
    }

    #[cfg(test)]
    pub(super) fn is_connected(&self, labels: &TrackLabels) -> bool {
        self.connected.get_or_create(labels).get() == 1
    }

    /// Segments the origin has taken, those dropped, and those it refused.
    #[cfg(test)]
    pub(super) fn figures(&self, labels: &TrackLabels) -> (u64, u64, u64) {
        let of = |family: &Family<TrackLabels, Counter>| family.get_or_create(labels).get();
        (of(&self.segments), of(&self.dropped), of(&self.refused))
    }
}
