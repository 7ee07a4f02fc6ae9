//! The bodies of video and audio messages: FLV 10.1 annex E and Enhanced RTMP v2.
//!
//! Reading never fails: what cannot be carried is [`Skipped`], by name, and the stream goes on.

mod audio;
mod multitrack;
mod video;

use std::fmt;

pub(crate) use audio::CARRIED as CARRIED_AUDIO;
pub use audio::{Audio, AudioPacket};
pub(crate) use video::CARRIED as CARRIED_VIDEO;
pub use video::{Video, VideoPacket};

/// A FourCC from outside; prints with anything unprintable as `.`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FourCc(pub [u8; 4]);

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| match byte {
            b' '..=b'~' => write!(f, "{}", *byte as char),
            _ => f.write_str("."),
        })
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// Why a video or audio message carries no sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It ends inside its header. Some encoders send empty messages.
    Short,
    /// A codec of the old numbering that is not carried: `Sorenson H.263`, `MP3`, …
    Codec(&'static str),
    /// A FourCC that is not carried.
    FourCc(FourCc),
    /// A seek command in a video message.
    CommandFrame,
    /// HDR metadata, an MPEG-2 TS header or a multichannel description: nothing a sample needs.
    Description,
    /// A packet type of a later Enhanced RTMP.
    PacketType(u8),
    /// Only tracks other than 0.
    OtherTrack,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("message ends inside its header"),
            Self::Codec(name) => write!(f, "codec {name}"),
            Self::FourCc(fourcc) => write!(f, "codec `{fourcc}`"),
            Self::CommandFrame => f.write_str("command frame"),
            Self::Description => f.write_str("stream description"),
            Self::PacketType(kind) => write!(f, "packet type {kind}"),
            Self::OtherTrack => f.write_str("a track other than 0"),
        }
    }
}
