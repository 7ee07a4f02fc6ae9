//! What SRT links tell of themselves.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use srt::Stats;

use super::{ChannelLabel, Float, forget};

#[derive(Clone, Debug, Default)]
pub(super) struct Families {
    rtt_seconds: Family<ChannelLabel, Float>,
    bandwidth_bps: Family<ChannelLabel, Float>,
    latency_seconds: Family<ChannelLabel, Float>,
    buffer_seconds: Family<ChannelLabel, Float>,
    key_bits: Family<ChannelLabel, Gauge>,
    packets: Family<ChannelLabel, Counter>,
    lost: Family<ChannelLabel, Counter>,
    retransmitted: Family<ChannelLabel, Counter>,
    dropped: Family<ChannelLabel, Counter>,
    undecrypted: Family<ChannelLabel, Counter>,
}

/// One channel's link.
#[derive(Clone, Debug)]
pub(crate) struct SrtMetrics {
    rtt_seconds: Float,
    bandwidth_bps: Float,
    latency_seconds: Float,
    buffer_seconds: Float,
    /// Bits of the AES key, 0 in the clear.
    pub(crate) key_bits: Gauge,
    packets: Counter,
    lost: Counter,
    retransmitted: Counter,
    dropped: Counter,
    undecrypted: Counter,
}

impl Families {
    pub(super) fn forget(&self, label: &ChannelLabel) {
        forget!(label, self.rtt_seconds, self.bandwidth_bps, self.latency_seconds, self.buffer_seconds);
        forget!(
            label,
            self.key_bits,
            self.packets,
            self.lost,
            self.retransmitted,
            self.dropped,
            self.undecrypted
        );
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("rtt_seconds", "Round trip time of the link", self.rtt_seconds.clone());
        registry.register(
            "bandwidth_bps",
            "What the link could carry, estimated",
            self.bandwidth_bps.clone(),
        );
        registry.register("latency_seconds", "Latency both sides agreed on", self.latency_seconds.clone());
        registry.register("buffer_seconds", "Span received and held back", self.buffer_seconds.clone());
        registry.register("key_bits", "Bits of the AES key, 0 in the clear", self.key_bits.clone());
        registry.register("packets", "Data packets received", self.packets.clone());
        registry.register(
            "lost_packets",
            "Packets missed when a later one came; most are sent again",
            self.lost.clone(),
        );
        registry.register(
            "retransmitted_packets",
            "Packets received that had been sent before",
            self.retransmitted.clone(),
        );
        registry.register(
            "dropped_packets",
            "Packets that did not come in time: holes in the stream",
            self.dropped.clone(),
        );
        registry.register(
            "undecrypted_packets",
            "Packets that could not be decrypted",
            self.undecrypted.clone(),
        );
    }

    pub(super) fn channel(&self, label: &ChannelLabel) -> SrtMetrics {
        SrtMetrics {
            rtt_seconds: self.rtt_seconds.get_or_create_owned(label),
            bandwidth_bps: self.bandwidth_bps.get_or_create_owned(label),
            latency_seconds: self.latency_seconds.get_or_create_owned(label),
            buffer_seconds: self.buffer_seconds.get_or_create_owned(label),
            key_bits: self.key_bits.get_or_create_owned(label),
            packets: self.packets.get_or_create_owned(label),
            lost: self.lost.get_or_create_owned(label),
            retransmitted: self.retransmitted.get_or_create_owned(label),
            dropped: self.dropped.get_or_create_owned(label),
            undecrypted: self.undecrypted.get_or_create_owned(label),
        }
    }
}

impl SrtMetrics {
    /// Takes a connection's figures; `before` are those it told last.
    pub(crate) fn update(&self, now: &Stats, before: &Stats) {
        self.rtt_seconds.set(now.rtt.as_secs_f64());
        self.bandwidth_bps.set(now.bandwidth_bps);
        self.latency_seconds.set(now.latency.as_secs_f64());
        self.buffer_seconds.set(now.buffered.as_secs_f64());
        for (counter, now, before) in [
            (&self.packets, now.received, before.received),
            (&self.lost, now.lost, before.lost),
            (&self.retransmitted, now.retransmitted, before.retransmitted),
            (&self.dropped, now.dropped, before.dropped),
            (&self.undecrypted, now.undecrypted, before.undecrypted),
        ] {
            counter.inc_by(now.saturating_sub(before));
        }
    }

    /// There is no link any more.
    pub(crate) fn off(&self) {
        for gauge in [&self.rtt_seconds, &self.bandwidth_bps, &self.latency_seconds, &self.buffer_seconds] {
            gauge.set(0.0);
        }
        self.key_bits.set(0);
    }
}
