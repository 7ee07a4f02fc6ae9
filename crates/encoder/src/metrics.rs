//! What transcoding counts.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::push::TrackLabels;
use crate::transcode::{Reason, Side};

/// Whose figure it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChannelLabels {
    /// The channel.
    pub channel: String,
}

/// Whose fill, and which.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FillLabels {
    channel: String,
    shown: Shown,
}

/// What stands in for a source's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// Its last picture.
    Repeat,
    /// Black.
    Black,
    /// The slate.
    Slate,
}

impl Shown {
    /// The word in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repeat => "repeat",
            Self::Black => "black",
            Self::Slate => "slate",
        }
    }
}

impl EncodeLabelValue for Shown {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

/// What can be wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing comes.
    Loss,
    /// Nothing is to be seen.
    Black,
    /// Nothing is to be heard.
    Silence,
    /// Nothing moves.
    Frozen,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 4] = [Self::Loss, Self::Black, Self::Silence, Self::Frozen];

    /// The word in logs and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Black => "black",
            Self::Silence => "silence",
            Self::Frozen => "frozen",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InputLabels {
    channel: String,
    input: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabels {
    channel: String,
    input: &'static str,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailoverLabels {
    channel: String,
    reason: &'static str,
}

/// Figures of a channel's two inputs.
#[derive(Clone, Debug)]
pub(crate) struct InputFigures {
    /// 1 for the one that is shown.
    pub(crate) active: [Gauge; 2],
    /// 1 while it has the fault, in the order of [`Cause::ALL`].
    pub(crate) faults: [[Gauge; 4]; 2],
    /// In the order of [`Reason::ALL`].
    pub(crate) failovers: [Counter; 6],
}

/// Figures of every transcoding channel of this process. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct TranscodeMetrics {
    frames_in: Family<ChannelLabels, Counter>,
    frames_dropped: Family<ChannelLabels, Counter>,
    source_faults: Family<ChannelLabels, Counter>,
    restarts: Family<ChannelLabels, Counter>,
    silent_frames: Family<ChannelLabels, Counter>,
    has_video: Family<ChannelLabels, Gauge>,
    has_audio: Family<ChannelLabels, Gauge>,
    speed: Family<ChannelLabels, Gauge<f64, AtomicU64>>,
    input_lost: Family<ChannelLabels, Gauge>,
    fill_frames: Family<FillLabels, Counter>,
    timestamp_jumps: Family<ChannelLabels, Counter>,
    drift_ppm: Family<ChannelLabels, Gauge<f64, AtomicU64>>,
    quality_step: Family<ChannelLabels, Gauge>,
    decode_errors: Family<ChannelLabels, Counter>,
    input_changes: Family<ChannelLabels, Counter>,
    long_gop: Family<ChannelLabels, Gauge>,
    av_drift_ms: Family<ChannelLabels, Gauge>,
    audio_lost: Family<TrackLabels, Gauge>,
    input_active: Family<InputLabels, Gauge>,
    input_fault: Family<FaultLabels, Gauge>,
    failovers: Family<FailoverLabels, Counter>,
    frames_out: Family<TrackLabels, Counter>,
    frames_repeated: Family<TrackLabels, Counter>,
    segments: Family<TrackLabels, Counter>,
    bytes: Family<TrackLabels, Counter>,
}

impl TranscodeMetrics {
    /// Registers them as `headwater_encoder_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("headwater_encoder");
        registry.register("frames_in", "Source frames decoded", self.frames_in.clone());
        registry.register(
            "frames_dropped",
            "Source frames dropped because encoding was slower than real time",
            self.frames_dropped.clone(),
        );
        registry.register(
            "source_faults",
            "Damaged units, unsupported tracks and failed reads of the source",
            self.source_faults.clone(),
        );
        registry.register("restarts", "Times encoding began afresh after a gap", self.restarts.clone());
        registry.register(
            "silent_frames",
            "AAC frames whose sound was missing, in part or whole, and filled with silence",
            self.silent_frames.clone(),
        );
        registry.register("source_has_video", "1 while the source has pictures", self.has_video.clone());
        registry.register("source_has_audio", "1 while the source has sound", self.has_audio.clone());
        registry.register("speed", "Media seconds encoded a second of the clock", self.speed.clone());
        registry.register(
            "input_lost",
            "1 while fill is shown for want of the source",
            self.input_lost.clone(),
        );
        registry.register(
            "fill_frames",
            "Frames of the slowest rung that stood in for the source's, by what they showed",
            self.fill_frames.clone(),
        );
        registry.register(
            "timestamp_jumps",
            "Times the source's timestamps were laid on the output anew",
            self.timestamp_jumps.clone(),
        );
        registry.register(
            "source_drift_ppm",
            "How fast the source's clock runs against this machine's, in parts per million",
            self.drift_ppm.clone(),
        );
        registry.register(
            "quality_step",
            "Steps of quality given up because encoding was slower than real time",
            self.quality_step.clone(),
        );
        registry.register(
            "decode_errors",
            "Damaged units and pictures of the source: dropped, or shown with what is missing made up",
            self.decode_errors.clone(),
        );
        registry.register(
            "input_changes",
            "Times a source came with other formats than before",
            self.input_changes.clone(),
        );
        registry.register(
            "long_gop",
            "1 while the source's key frames are more than ten seconds apart",
            self.long_gop.clone(),
        );
        registry.register(
            "av_drift_ms",
            "How far the source's sound has run from its own times within five minutes: later is positive",
            self.av_drift_ms.clone(),
        );
        registry.register(
            "audio_lost",
            "1 while silence stands in for a track's sound",
            self.audio_lost.clone(),
        );
        registry.register("input_active", "1 for the input that is shown", self.input_active.clone());
        registry.register("input_fault", "1 while an input has this fault", self.input_fault.clone());
        registry.register("failovers", "Times the other input was shown, by reason", self.failovers.clone());
        registry.register("frames_out", "Frames encoded", self.frames_out.clone());
        registry.register(
            "frames_repeated",
            "Frames shown again to keep the frame rate",
            self.frames_repeated.clone(),
        );
        registry.register("segments", "Segments made", self.segments.clone());
        registry.register("bytes", "Bytes of CMAF made", self.bytes.clone());
    }

    /// The figures of one channel.
    pub fn channel(&self, channel: &str) -> ChannelFigures {
        let labels = ChannelLabels { channel: channel.to_owned() };
        ChannelFigures {
            frames_in: self.frames_in.get_or_create(&labels).clone(),
            frames_dropped: self.frames_dropped.get_or_create(&labels).clone(),
            source_faults: self.source_faults.get_or_create(&labels).clone(),
            restarts: self.restarts.get_or_create(&labels).clone(),
            silent_frames: self.silent_frames.get_or_create(&labels).clone(),
            has_video: self.has_video.get_or_create(&labels).clone(),
            has_audio: self.has_audio.get_or_create(&labels).clone(),
            speed: self.speed.get_or_create(&labels).clone(),
            input_lost: self.input_lost.get_or_create(&labels).clone(),
            fill_frames: [Shown::Repeat, Shown::Black, Shown::Slate].map(|shown| {
                let labels = FillLabels { channel: channel.to_owned(), shown };
                self.fill_frames.get_or_create(&labels).clone()
            }),
            timestamp_jumps: self.timestamp_jumps.get_or_create(&labels).clone(),
            drift_ppm: self.drift_ppm.get_or_create(&labels).clone(),
            quality_step: self.quality_step.get_or_create(&labels).clone(),
            decode_errors: self.decode_errors.get_or_create(&labels).clone(),
            input_changes: self.input_changes.get_or_create(&labels).clone(),
            long_gop: self.long_gop.get_or_create(&labels).clone(),
            av_drift_ms: self.av_drift_ms.get_or_create(&labels).clone(),
        }
    }

    /// The figures of a channel's two inputs.
    pub(crate) fn inputs(&self, channel: &str) -> InputFigures {
        let sides = [Side::Primary, Side::Backup].map(Side::as_str);
        let active = |input| InputLabels { channel: channel.to_owned(), input };
        let fault = |input, cause| FaultLabels { channel: channel.to_owned(), input, cause };
        let reason = |reason: Reason| FailoverLabels { channel: channel.to_owned(), reason: reason.as_str() };
        InputFigures {
            active: sides.map(|side| self.input_active.get_or_create(&active(side)).clone()),
            faults: sides.map(|side| {
                Cause::ALL.map(|cause| self.input_fault.get_or_create(&fault(side, cause.as_str())).clone())
            }),
            failovers: Reason::ALL.map(|why| self.failovers.get_or_create(&reason(why)).clone()),
        }
    }

    /// 1 while silence stands in for the sound of a track.
    pub(crate) fn audio_lost(&self, channel: &str, track: &str) -> Gauge {
        let labels = TrackLabels { channel: channel.to_owned(), track: track.to_owned() };
        self.audio_lost.get_or_create(&labels).clone()
    }

    /// The figures of one output track.
    pub fn track(&self, channel: &str, track: &str) -> TrackFigures {
        let labels = TrackLabels { channel: channel.to_owned(), track: track.to_owned() };
        TrackFigures {
            frames_out: self.frames_out.get_or_create(&labels).clone(),
            frames_repeated: self.frames_repeated.get_or_create(&labels).clone(),
            segments: self.segments.get_or_create(&labels).clone(),
            bytes: self.bytes.get_or_create(&labels).clone(),
        }
    }
}

/// One channel's figures.
#[derive(Clone, Debug)]
pub struct ChannelFigures {
    /// Source frames decoded.
    pub frames_in: Counter,
    /// Source frames dropped for want of speed.
    pub frames_dropped: Counter,
    /// Damaged units, unsupported tracks, failed reads.
    pub source_faults: Counter,
    /// Fresh starts after a gap.
    pub restarts: Counter,
    /// AAC frames filled with silence.
    pub silent_frames: Counter,
    /// 1 while the source has pictures.
    pub has_video: Gauge,
    /// 1 while the source has sound.
    pub has_audio: Gauge,
    /// Media seconds a second of the clock.
    pub speed: Gauge<f64, AtomicU64>,
    /// 1 while fill is shown for want of the source.
    pub input_lost: Gauge,
    /// Frames that repeated, were black, showed the slate.
    pub fill_frames: [Counter; 3],
    /// Times the source was laid on the output anew.
    pub timestamp_jumps: Counter,
    /// Parts per million by which the source's clock runs fast.
    pub drift_ppm: Gauge<f64, AtomicU64>,
    /// Steps of quality given up for want of speed.
    pub quality_step: Gauge,
    /// Damaged units and pictures.
    pub decode_errors: Counter,
    /// Times other formats came.
    pub input_changes: Counter,
    /// 1 while key frames are far apart.
    pub long_gop: Gauge,
    /// Milliseconds by which sound has run late.
    pub av_drift_ms: Gauge,
}

/// One output track's figures.
#[derive(Clone, Debug)]
pub struct TrackFigures {
    /// Frames encoded.
    pub frames_out: Counter,
    /// Frames that repeat the one before.
    pub frames_repeated: Counter,
    /// Segments made.
    pub segments: Counter,
    /// Bytes of CMAF made.
    pub bytes: Counter,
}
