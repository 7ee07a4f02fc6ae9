//! What inputs of datagrams tell of themselves.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rtp::{Leg, LegStatistics};

use super::{ChannelLabel, Float, forget};
use crate::udp::{Source, Statistics};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LegLabel {
    channel: String,
    leg: &'static str,
}

/// The names of legs.
const LEGS: [&str; 2] = ["1", "2"];

#[derive(Clone, Debug, Default)]
pub(super) struct Families {
    datagrams: Family<ChannelLabel, Counter>,
    malformed: Family<ChannelLabel, Counter>,
    strangers: Family<ChannelLabel, Counter>,
    packets: Family<ChannelLabel, Counter>,
    lost: Family<ChannelLabel, Counter>,
    recovered: Family<ChannelLabel, Counter>,
    corrections: Family<ChannelLabel, Counter>,
    difference_seconds: Family<ChannelLabel, Float>,
    leg_up: Family<LegLabel, Gauge>,
    leg_bytes: Family<LegLabel, Counter>,
    leg_packets: Family<LegLabel, Counter>,
    leg_lost: Family<LegLabel, Counter>,
    leg_late: Family<LegLabel, Counter>,
    leg_reordered: Family<LegLabel, Counter>,
    leg_duplicates: Family<LegLabel, Counter>,
    leg_foreign: Family<LegLabel, Counter>,
}

/// One channel's input of datagrams.
#[derive(Clone, Debug)]
pub(crate) struct DatagramMetrics {
    datagrams: Counter,
    malformed: Counter,
    strangers: Counter,
    rtp: Option<RtpMetrics>,
}

#[derive(Clone, Debug)]
struct RtpMetrics {
    packets: Counter,
    lost: Counter,
    recovered: Counter,
    corrections: Counter,
    difference_seconds: Float,
    legs: Vec<LegMetrics>,
}

#[derive(Clone, Debug)]
struct LegMetrics {
    up: Gauge,
    bytes: Counter,
    packets: Counter,
    lost: Counter,
    late: Counter,
    reordered: Counter,
    duplicates: Counter,
    foreign: Counter,
}

impl Families {
    pub(super) fn forget(&self, label: &ChannelLabel) {
        forget!(label, self.datagrams, self.malformed, self.strangers, self.packets, self.lost);
        forget!(label, self.recovered, self.corrections, self.difference_seconds);
        for leg in LEGS {
            let label = &LegLabel { channel: label.channel.clone(), leg };
            forget!(label, self.leg_up, self.leg_bytes, self.leg_packets, self.leg_lost);
            forget!(label, self.leg_late, self.leg_reordered, self.leg_duplicates, self.leg_foreign);
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let udp = registry.sub_registry_with_prefix("udp");
        udp.register(
            "datagrams",
            "Datagrams received, by UDP or RTP, of those who may send",
            self.datagrams.clone(),
        );
        udp.register(
            "malformed_datagrams",
            "Datagrams that are not what they should be",
            self.malformed.clone(),
        );
        udp.register(
            "stranger_datagrams",
            "Datagrams from others than those who may send, or than the one who sends",
            self.strangers.clone(),
        );
        let rtp = registry.sub_registry_with_prefix("rtp");
        rtp.register("packets", "Packets handed on, in order", self.packets.clone());
        rtp.register(
            "lost_packets",
            "Packets that neither a leg nor the error correction brought in time: holes in the stream",
            self.lost.clone(),
        );
        rtp.register("recovered_packets", "Packets that the error correction told", self.recovered.clone());
        rtp.register(
            "correction_packets",
            "Packets of the error correction received",
            self.corrections.clone(),
        );
        rtp.register(
            "leg_difference_seconds",
            "By how much the second leg comes behind the first, of late; negative: before it",
            self.difference_seconds.clone(),
        );
        rtp.register("leg_up", "1 while a leg brings packets", self.leg_up.clone());
        rtp.register("leg_bytes", "Bytes a leg brought", self.leg_bytes.clone());
        rtp.register("leg_packets", "Packets a leg brought", self.leg_packets.clone());
        rtp.register("leg_lost_packets", "Packets a leg did not bring in time", self.leg_lost.clone());
        rtp.register("leg_late_packets", "Packets a leg brought too late", self.leg_late.clone());
        rtp.register(
            "leg_reordered_packets",
            "Packets a leg brought out of order",
            self.leg_reordered.clone(),
        );
        rtp.register(
            "leg_duplicate_packets",
            "Packets a leg brought more than once",
            self.leg_duplicates.clone(),
        );
        rtp.register(
            "leg_foreign_packets",
            "Packets of another stream than the one followed",
            self.leg_foreign.clone(),
        );
    }

    pub(super) fn channel(&self, label: &ChannelLabel, source: &Source) -> DatagramMetrics {
        let leg = |name: &'static str| {
            let label = &LegLabel { channel: label.channel.clone(), leg: name };
            LegMetrics {
                up: self.leg_up.get_or_create_owned(label),
                bytes: self.leg_bytes.get_or_create_owned(label),
                packets: self.leg_packets.get_or_create_owned(label),
                lost: self.leg_lost.get_or_create_owned(label),
                late: self.leg_late.get_or_create_owned(label),
                reordered: self.leg_reordered.get_or_create_owned(label),
                duplicates: self.leg_duplicates.get_or_create_owned(label),
                foreign: self.leg_foreign.get_or_create_owned(label),
            }
        };
        let rtp = match source {
            Source::Udp(_) => None,
            Source::Rtp { second, .. } => Some(RtpMetrics {
                packets: self.packets.get_or_create_owned(label),
                lost: self.lost.get_or_create_owned(label),
                recovered: self.recovered.get_or_create_owned(label),
                corrections: self.corrections.get_or_create_owned(label),
                difference_seconds: self.difference_seconds.get_or_create_owned(label),
                legs: LEGS.into_iter().take(1 + usize::from(second.is_some())).map(leg).collect(),
            }),
        };
        DatagramMetrics {
            datagrams: self.datagrams.get_or_create_owned(label),
            malformed: self.malformed.get_or_create_owned(label),
            strangers: self.strangers.get_or_create_owned(label),
            rtp,
        }
    }
}

impl DatagramMetrics {
    /// Takes an input's figures; `before` are those it told last. Gives the legs that came or went.
    pub(crate) fn update(&self, now: &Statistics, before: &Statistics) -> Vec<(Leg, Way)> {
        grow(&self.datagrams, now.datagrams, before.datagrams);
        grow(&self.malformed, now.malformed, before.malformed);
        grow(&self.strangers, now.strangers, before.strangers);
        let (Some(rtp), Some(now)) = (&self.rtp, &now.rtp) else {
            return Vec::new();
        };
        let before = before.rtp.unwrap_or_default();
        grow(&rtp.packets, now.delivered, before.delivered);
        grow(&rtp.lost, now.lost, before.lost);
        grow(&rtp.recovered, now.recovered, before.recovered);
        grow(&rtp.corrections, now.fec.received, before.fec.received);
        rtp.difference_seconds.set(now.difference_ms.unwrap_or(0.0) / 1e3);
        let mut moved = Vec::new();
        for (leg, metrics) in Leg::BOTH.into_iter().zip(&rtp.legs) {
            moved.extend(
                metrics.update(&now.legs[leg as usize], &before.legs[leg as usize]).map(|way| (leg, way)),
            );
        }
        moved
    }
}

/// What became of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It brings packets.
    Came,
    /// It brings none any more.
    Went,
}

impl LegMetrics {
    fn update(&self, now: &LegStatistics, before: &LegStatistics) -> Option<Way> {
        for (counter, now, before) in [
            (&self.bytes, now.bytes, before.bytes),
            (&self.packets, now.received, before.received),
            (&self.lost, now.lost, before.lost),
            (&self.late, now.late, before.late),
            (&self.reordered, now.reordered, before.reordered),
            (&self.duplicates, now.duplicate, before.duplicate),
            (&self.foreign, now.foreign, before.foreign),
        ] {
            grow(counter, now, before);
        }
        let up = i64::from(now.received > before.received);
        match (self.up.set(up), up) {
            (0, 1) => Some(Way::Came),
            (1, 0) => Some(Way::Went),
            _ => None,
        }
    }
}

fn grow(counter: &Counter, now: u64, before: u64) {
    counter.inc_by(now.saturating_sub(before));
}
