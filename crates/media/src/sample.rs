//! One coded frame.

use bytes::Bytes;

use crate::TrackId;

/// One coded access unit of one track, in decode order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The track it belongs to; its timescale is the [`crate::Track`]'s.
    pub track: TrackId,
    /// Decode time in track ticks since the Unix epoch.
    pub dts: i64,
    /// Presentation time minus decode time, in track ticks; may be negative.
    pub composition_offset: i32,
    /// Ticks until the next sample's decode time where the source knows it (AAC frames, a fixed frame
    /// rate); otherwise the difference to the next sample tells.
    pub duration: Option<u32>,
    /// A decoder can start here (an IDR, CRA or AV1 key frame; every audio frame).
    pub sync: bool,
    /// The payload as CMAF stores it: length-prefixed NAL units (4-byte lengths) for H.264 and H.265, a temporal
    /// unit without temporal delimiters for AV1, a raw frame without ADTS for AAC; for other codecs a whole frame, for
    /// MPEG-2 a picture with the headers in front of it.
    pub data: Bytes,
}

impl Sample {
    /// Presentation time in track ticks since the Unix epoch.
    pub const fn pts(&self) -> i64 {
        self.dts + self.composition_offset as i64
    }
}
