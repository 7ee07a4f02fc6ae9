//! One rung of a ladder.

use std::fmt;

use media::{Rational, VideoCodec};
use serde::{Deserialize, Serialize};

/// One encoded rendition of the picture. Only [`crate::Ladder`] makes them, so every value is in bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Names the track in URLs: `a-z 0-9 - _`, such as `720p30`.
    pub name: String,
    /// Codec of this rung: H.264 unless asked otherwise.
    pub codec: VideoCodec,
    /// Width in luma samples, even.
    pub width: u32,
    /// Height in luma samples, even.
    pub height: u32,
    /// Frames per second, constant on the output.
    pub frame_rate: Rational,
    /// Average bitrate aimed at, bits per second.
    pub bitrate_bps: u32,
    /// Encoder effort.
    pub preset: Preset,
    /// Coding tools allowed.
    pub profile: Profile,
}

/// x264's and x265's effort presets, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the encoders' own names")]
pub enum Preset {
    Ultrafast,
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
}

impl Preset {
    /// Every preset, cheapest first.
    pub const ALL: [Self; 7] = [
        Self::Ultrafast,
        Self::Superfast,
        Self::Veryfast,
        Self::Faster,
        Self::Fast,
        Self::Medium,
        Self::Slow,
    ];

    /// How many presets are cheaper.
    pub const fn steps_to_cheapest(self) -> u8 {
        self as u8
    }

    /// The one `steps` cheaper, or the cheapest.
    pub const fn cheaper(self, steps: u8) -> Self {
        Self::ALL[(self as u8).saturating_sub(steps) as usize]
    }

    /// The encoders' own name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
        }
    }
}

/// H.264 profiles; HEVC rungs are always Main.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the standard's own names")]
pub enum Profile {
    Baseline,
    Main,
    High,
}

impl Profile {
    /// The encoder's own name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Main => "main",
            Self::High => "high",
        }
    }
}

/// One phrase for people: `720p30 1280x720 30 fps 2500 kbit/s h264 veryfast`.
impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codec = match self.codec {
            VideoCodec::H264 => "h264",
            VideoCodec::H265 => "hevc",
            VideoCodec::Av1 => "av1",
            VideoCodec::Mpeg2 => "mpeg2",
        };
        write!(
            f,
            "{} {}x{} {} fps {} kbit/s {codec} {}",
            self.name,
            self.width,
            self.height,
            self.frame_rate,
            self.bitrate_bps / 1_000,
            self.preset.as_str(),
        )
    }
}
