//! What ingest tells Prometheus.

mod datagrams;
mod download;
mod pull;
mod push;
mod srt;

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use wire::sample_stream::Feed;

use crate::udp::Source;

pub(crate) use datagrams::{DatagramMetrics, Way};
pub(crate) use download::DownloadMetrics;
pub(crate) use pull::PullMetrics;
pub(crate) use push::PushMetrics;
pub(crate) use srt::SrtMetrics;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabel {
    channel: String,
    fault: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

type Float = Gauge<f64, AtomicU64>;

/// Takes a label out of families.
macro_rules! forget {
    ($label:expr, $($family:expr),*) => { $($family.remove($label);)* };
}
use forget;

/// Every family, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    publishers: Family<ChannelLabel, Gauge>,
    sessions: Family<ChannelLabel, Counter>,
    bytes: Family<ChannelLabel, Counter>,
    video_frames: Family<ChannelLabel, Counter>,
    audio_frames: Family<ChannelLabel, Counter>,
    video_fps: Family<ChannelLabel, Float>,
    bitrate_bps: Family<ChannelLabel, Float>,
    ahead_seconds: Family<ChannelLabel, Float>,
    replay_bytes: Family<ChannelLabel, Gauge>,
    replay_overflows: Family<ChannelLabel, Counter>,
    subscribers: Family<ChannelLabel, Gauge>,
    dropped: Family<ChannelLabel, Counter>,
    faults: Family<FaultLabel, Counter>,
    refused: Family<ReasonLabel, Counter>,
    connections: Gauge,
    srt: srt::Families,
    datagrams: datagrams::Families,
    downloads: download::Families,
    pull: pull::Families,
    push: push::Families,
}

/// One channel's figures, looked up once.
#[derive(Clone, Debug)]
pub(crate) struct ChannelMetrics {
    name: String,
    faults: Family<FaultLabel, Counter>,
    /// 1 while a publisher is there.
    pub(crate) publishers: Gauge,
    /// Publishing sessions begun.
    pub(crate) sessions: Counter,
    /// Bytes received from publishers.
    pub(crate) bytes: Counter,
    /// Video samples handed on.
    pub(crate) video_frames: Counter,
    /// Audio samples handed on.
    pub(crate) audio_frames: Counter,
    /// Video samples a second, over two seconds.
    pub(crate) video_fps: Float,
    /// Bits received a second, over two seconds.
    pub(crate) bitrate_bps: Float,
    /// How far the publisher's clock runs ahead of ours.
    pub(crate) ahead_seconds: Float,
    /// Bytes the replay log holds.
    pub(crate) replay_bytes: Gauge,
    /// Groups of pictures longer than the replay log.
    pub(crate) replay_overflows: Counter,
    /// Encoders connected.
    pub(crate) subscribers: Gauge,
    /// Samples subscribers missed because they were too slow.
    pub(crate) dropped: Counter,
}

impl Metrics {
    /// Registers every family.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        let registry = registry.sub_registry_with_prefix("headwater_ingest");
        registry.register("publishers", "Publishers connected and accepted", all.publishers.clone());
        registry.register("sessions", "Publishing sessions begun", all.sessions.clone());
        registry.register("bytes", "Bytes received from publishers", all.bytes.clone());
        registry.register("video_frames", "Video samples handed on", all.video_frames.clone());
        registry.register("audio_frames", "Audio samples handed on", all.audio_frames.clone());
        registry.register("video_fps", "Video samples a second, over two seconds", all.video_fps.clone());
        registry.register("bitrate_bps", "Bits received a second, over two seconds", all.bitrate_bps.clone());
        registry.register(
            "ahead_seconds",
            "How far the publisher's clock runs ahead of this machine's since it was anchored",
            all.ahead_seconds.clone(),
        );
        registry.register("replay_bytes", "Bytes held for late subscribers", all.replay_bytes.clone());
        registry.register(
            "replay_overflows",
            "Groups of pictures too long for the replay, so that encoders cannot join in them",
            all.replay_overflows.clone(),
        );
        registry.register("subscribers", "Encoders taking samples", all.subscribers.clone());
        registry.register("dropped_samples", "Samples slow subscribers missed", all.dropped.clone());
        registry.register("faults", "Faults in publishers' streams", all.faults.clone());
        registry.register("refused", "Connections refused or broken off, by reason", all.refused.clone());
        registry.register("connections", "RTMP connections open", all.connections.clone());
        all.srt.register(registry.sub_registry_with_prefix("srt"));
        all.datagrams.register(registry);
        all.downloads.register(registry);
        all.pull.register(registry.sub_registry_with_prefix("pull"));
        all.push.register(registry.sub_registry_with_prefix("push"));
        all
    }

    /// The figures of one channel; they are exported from now on, at zero.
    pub(crate) fn channel(&self, name: &Feed) -> ChannelMetrics {
        let label = ChannelLabel { channel: name.to_string() };
        ChannelMetrics {
            faults: self.faults.clone(),
            publishers: self.publishers.get_or_create_owned(&label),
            sessions: self.sessions.get_or_create_owned(&label),
            bytes: self.bytes.get_or_create_owned(&label),
            video_frames: self.video_frames.get_or_create_owned(&label),
            audio_frames: self.audio_frames.get_or_create_owned(&label),
            video_fps: self.video_fps.get_or_create_owned(&label),
            bitrate_bps: self.bitrate_bps.get_or_create_owned(&label),
            ahead_seconds: self.ahead_seconds.get_or_create_owned(&label),
            replay_bytes: self.replay_bytes.get_or_create_owned(&label),
            replay_overflows: self.replay_overflows.get_or_create_owned(&label),
            subscribers: self.subscribers.get_or_create_owned(&label),
            dropped: self.dropped.get_or_create_owned(&label),
            name: label.channel,
        }
    }

    /// The link figures of one channel that SRT brings; they are exported from now on, at zero.
    pub(crate) fn srt(&self, name: &Feed) -> SrtMetrics {
        self.srt.channel(&ChannelLabel { channel: name.to_string() })
    }

    /// The figures of one channel whose stream comes in datagrams; they are exported from now on, at zero.
    pub(crate) fn datagrams(&self, name: &Feed, source: &Source) -> DatagramMetrics {
        self.datagrams.channel(&ChannelLabel { channel: name.to_string() }, source)
    }

    /// The figures of one channel whose files are fetched; they are exported from now on, at zero.
    pub(crate) fn download(&self, name: &Feed) -> DownloadMetrics {
        self.downloads.channel(name)
    }

    /// The figures of one channel that fetches HLS; they are exported from now on, at zero.
    pub(crate) fn pull(&self, name: &Feed) -> PullMetrics {
        self.pull.channel(ChannelLabel { channel: name.to_string() })
    }

    /// The figures of one channel to which HLS is pushed, as a stream and as what comes; they are exported from now on, at zero.
    pub(crate) fn push(&self, name: &Feed) -> (PullMetrics, PushMetrics) {
        let label = ChannelLabel { channel: name.to_string() };
        let push = self.push.channel(&label);
        (self.push.streams.channel(label), push)
    }

    /// A channel is no more: its figures are exported no longer.
    pub(crate) fn forget(&self, name: &Feed) {
        let label = &ChannelLabel { channel: name.to_string() };
        forget!(label, self.publishers, self.sessions, self.bytes, self.video_frames, self.audio_frames);
        forget!(label, self.video_fps, self.bitrate_bps, self.ahead_seconds, self.replay_bytes);
        forget!(label, self.replay_overflows, self.subscribers, self.dropped);
        self.srt.forget(label);
        self.datagrams.forget(label);
        self.pull.forget(label);
        self.push.forget(label);
    }

    /// Counts a connection that was refused or broken off.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ReasonLabel { reason }).inc();
    }

    /// RTMP connections open.
    pub(crate) const fn connections(&self) -> &Gauge {
        &self.connections
    }
}

impl ChannelMetrics {
    /// Counts a fault of the channel's publisher.
    pub(crate) fn fault(&self, fault: &'static str) {
        self.faults.get_or_create(&FaultLabel { channel: self.name.clone(), fault }).inc();
    }

    /// Nothing flows any more.
    pub(crate) fn off_air(&self) {
        self.publishers.set(0);
        self.video_fps.set(0.0);
        self.bitrate_bps.set(0.0);
        self.ahead_seconds.set(0.0);
    }
}
