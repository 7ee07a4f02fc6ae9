//! What a track is: codec, size, rate, and the bytes a decoder needs first.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Rational, Timescale};

/// A track within one source. RTMP's video is 0 and its audio is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrackId(pub u8);

/// One elementary stream of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Its id within the source.
    pub id: TrackId,
    /// Ticks per second of its samples.
    pub timescale: Timescale,
    /// What its samples are.
    pub format: Format,
    /// The language of its sound where the source tells it: ISO 639-2 (`eng`) or BCP 47 (`pt-BR`).
    #[serde(default)]
    pub language: Option<String>,
}

/// What a track's samples are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Pictures.
    Video(VideoFormat),
    /// Sound.
    Audio(AudioFormat),
}

/// A video codec that can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    /// ITU-T H.264, AVC.
    H264,
    /// ITU-T H.265, HEVC.
    H265,
    /// AOMedia AV1.
    Av1,
    /// MPEG-2 video, ITU-T H.262.
    Mpeg2,
}

/// An audio codec that can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudioCodec {
    /// MPEG-4 AAC.
    Aac,
    /// Opus.
    Opus,
    /// MPEG-1 and MPEG-2 audio, layers I and II.
    Mp2,
    /// MPEG-1 and MPEG-2 audio, layer III.
    Mp3,
    /// Dolby AC-3.
    Ac3,
    /// Dolby E-AC-3.
    Eac3,
}

/// A coded picture stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoFormat {
    /// The codec.
    pub codec: VideoCodec,
    /// Width of the cropped picture in luma samples.
    pub width: u32,
    /// Height of the cropped picture in luma samples.
    pub height: u32,
    /// Frames per second where the stream declares it; never guessed.
    pub frame_rate: Option<Rational>,
    /// Width : height of one luma sample; 1 where the stream does not say.
    pub sample_aspect: Rational,
    /// The decoder configuration record: the payload of `avcC`, `hvcC` or `av1C`; for MPEG-2 the sequence header and its
    /// extensions.
    pub config: Bytes,
    /// RFC 6381 `codecs` value, such as `avc1.64001f`.
    pub rfc6381: String,
}

/// A coded sound stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFormat {
    /// The codec.
    pub codec: AudioCodec,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels heard.
    pub channels: u16,
    /// The decoder configuration: AudioSpecificConfig for AAC, the payload of `dOps`, `dac3` or `dec3` for Opus, AC-3 and
    /// E-AC-3; empty for MPEG audio.
    pub config: Bytes,
    /// RFC 6381 `codecs` value, such as `mp4a.40.2`.
    pub rfc6381: String,
}

impl Format {
    /// True for pictures.
    pub const fn is_video(&self) -> bool {
        matches!(self, Self::Video(_))
    }

    /// True for what CMAF is made of here as it is; other formats must be decoded.
    pub const fn in_cmaf(&self) -> bool {
        match self {
            Self::Video(video) => !matches!(video.codec, VideoCodec::Mpeg2),
            Self::Audio(audio) => matches!(audio.codec, AudioCodec::Aac | AudioCodec::Opus),
        }
    }

    /// The codec as people call it.
    pub const fn codec_name(&self) -> &'static str {
        match self {
            Self::Video(video) => match video.codec {
                VideoCodec::H264 => "H.264",
                VideoCodec::H265 => "H.265",
                VideoCodec::Av1 => "AV1",
                VideoCodec::Mpeg2 => "MPEG-2",
            },
            Self::Audio(audio) => match audio.codec {
                AudioCodec::Aac => "AAC",
                AudioCodec::Opus => "Opus",
                AudioCodec::Mp2 => "MP2",
                AudioCodec::Mp3 => "MP3",
                AudioCodec::Ac3 => "AC-3",
                AudioCodec::Eac3 => "E-AC-3",
            },
        }
    }

    /// RFC 6381 `codecs` value.
    pub fn rfc6381(&self) -> &str {
        match self {
            Self::Video(video) => &video.rfc6381,
            Self::Audio(audio) => &audio.rfc6381,
        }
    }
}

/// One phrase for a log line: `avc1.64001f 1280x720 30 fps`, `mp4a.40.2 48000 Hz 2 ch`.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Video(video) => {
                write!(f, "{} {}x{}", video.rfc6381, video.width, video.height)?;
                match video.frame_rate {
                    Some(rate) => write!(f, " {rate} fps"),
                    None => Ok(()),
                }
            }
            Self::Audio(audio) => {
                write!(f, "{} {} Hz {} ch", audio.rfc6381, audio.sample_rate, audio.channels)
            }
        }
    }
}
