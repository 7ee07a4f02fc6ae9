//! What can be wrong with a publisher's stream, while it goes on.

use std::fmt;

use rtmp::flv::Skipped;

/// A fault of a stream that keeps the connection: counted by [`Trouble::label`], logged in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A video codec that is not carried.
    UnsupportedVideo(Skipped),
    /// An audio codec that is not carried.
    UnsupportedAudio(Skipped),
    /// A decoder configuration record for video that does not parse.
    BadVideoHeader(String),
    /// A decoder configuration record for audio that does not parse.
    BadAudioHeader(String),
    /// No video two seconds after the first sound.
    NoVideo,
    /// No audio two seconds after the first picture.
    NoAudio,
    /// A frame before its decoder configuration, or of another codec.
    MissingHeader,
    /// A picture before the first that a decoder can start at.
    BeforeKeyFrame,
    /// A payload that cannot be what it says.
    BadSample(String),
    /// A packet type of a later protocol.
    UnknownPacket(Skipped),
    /// More tracks of a kind than are carried.
    OtherTrack,
    /// Splice information (SCTE 35), which is not carried.
    Cue,
    /// Timed metadata (ID3), which is not carried.
    Metadata,
    /// The timestamps jumped, by this many ms; the stream is anchored anew.
    TimestampJump(i64),
    /// Audio later than its frames add up to, by this many ms: a gap.
    AudioGap(i64),
    /// An audio frame earlier than its predecessors' end, by this many ms: dropped.
    AudioOverlap(i64),
    /// A decode time that did not rise: moved a tick behind its predecessor.
    DecodeTime,
    /// A picture that is to be shown before it is decoded: decoded when it is shown.
    PresentationTime,
    /// A sample at or before the end of what its track has had: dropped.
    BehindTrack,
    /// A sample further ahead of now than fetched media may lie: left out.
    TooFarAhead,
    /// What is wrong with a transport stream.
    Ts(mpegts::Warning),
}

impl Trouble {
    /// The value of the metric's `fault` label.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::UnsupportedVideo(_) => "unsupported_video",
            Self::UnsupportedAudio(_) => "unsupported_audio",
            Self::BadVideoHeader(_) => "bad_video_header",
            Self::BadAudioHeader(_) => "bad_audio_header",
            Self::NoVideo => "no_video",
            Self::NoAudio => "no_audio",
            Self::MissingHeader => "missing_header",
            Self::BeforeKeyFrame => "before_key_frame",
            Self::BadSample(_) => "bad_sample",
            Self::UnknownPacket(_) => "unknown_packet",
            Self::OtherTrack => "other_track",
            Self::Cue => "cue",
            Self::Metadata => "metadata",
            Self::TimestampJump(_) => "timestamp_jump",
            Self::AudioGap(_) => "audio_gap",
            Self::AudioOverlap(_) => "audio_overlap",
            Self::DecodeTime => "decode_time",
            Self::PresentationTime => "presentation_time",
            Self::BehindTrack => "behind_track",
            Self::TooFarAhead => "too_far_ahead",
            Self::Ts(warning) => warning.label(),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedVideo(what) => write!(f, "video cannot be carried: {what}"),
            Self::UnsupportedAudio(what) => write!(f, "audio cannot be carried: {what}"),
            Self::BadVideoHeader(why) => write!(f, "video header: {why}"),
            Self::BadAudioHeader(why) => write!(f, "audio header: {why}"),
            Self::NoVideo => f.write_str("the source has no video"),
            Self::NoAudio => f.write_str("the source has no audio"),
            Self::MissingHeader => f.write_str("a frame came before its decoder configuration"),
            Self::BeforeKeyFrame => f.write_str("a picture came before the first key frame"),
            Self::BadSample(why) => write!(f, "a frame is damaged: {why}"),
            Self::UnknownPacket(what) => write!(f, "skipped {what}"),
            Self::OtherTrack => f.write_str("more tracks come than are carried"),
            Self::Cue => f.write_str("splice information (SCTE 35) is not carried: passed over"),
            Self::Metadata => f.write_str("timed metadata (ID3) are not carried: passed over"),
            Self::TimestampJump(ms) => write!(f, "timestamps jumped by {ms} ms, anchored anew"),
            Self::AudioGap(ms) => write!(f, "{ms} ms of audio are missing"),
            Self::AudioOverlap(ms) => write!(f, "an audio frame {ms} ms too early was dropped"),
            Self::DecodeTime => f.write_str("a decode time did not rise"),
            Self::PresentationTime => f.write_str("a picture's presentation time is before its decode time"),
            Self::BehindTrack => f.write_str("a sample from before the end of its track was dropped"),
            Self::TooFarAhead => f.write_str("a sample from far ahead of now was left out"),
            Self::Ts(warning) => warning.fmt(f),
        }
    }
}
