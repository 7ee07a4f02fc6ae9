//! AV1: `av1C`, the sequence header, temporal units (AV1 bitstream specification, AV1 in ISOBMFF).

mod obu;
mod sequence_header;

use bytes::{BufMut, Bytes, BytesMut};
use media::{Rational, VideoCodec, VideoFormat};

use crate::BitsError;
use obu::Obu;
use sequence_header::SequenceHeader;

const OBU_SEQUENCE_HEADER: u8 = 1;
const OBU_TEMPORAL_DELIMITER: u8 = 2;
const OBU_FRAME_HEADER: u8 = 3;
const OBU_TILE_LIST: u8 = 8;
const OBU_FRAME: u8 = 6;
const OBU_PADDING: u8 = 15;

/// Why bytes are no AV1 header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Av1Error {
    /// `av1C` shorter than its four fixed bytes.
    #[error("av1C of {0} bytes, at least 4 are needed")]
    Short(usize),
    /// Marker and version are not 1 and 1.
    #[error("av1C begins with {0:#04x} instead of marker and version 0x81")]
    Version(u8),
    /// No sequence header among the OBUs.
    #[error("no sequence header OBU")]
    NoSequenceHeader,
    /// An OBU that reaches past the end, or says its length in over 8 bytes.
    #[error("OBU at byte {0} reaches past the end")]
    Obu(usize),
    /// A field of the sequence header outside its bounds.
    #[error("sequence header field `{field}` is {value}")]
    Field {
        /// The specification's name of the field.
        field: &'static str,
        /// What stands there.
        value: u32,
    },
    /// The sequence header ends too early.
    #[error("sequence header: {0}")]
    Bits(#[from] BitsError),
}

/// The format an `av1C` payload describes (AV1 in ISOBMFF §2.3). It must hold a sequence header.
pub fn format_from_av1c(av1c: Bytes) -> Result<VideoFormat, Av1Error> {
    let (head, obus) = av1c.split_first_chunk::<4>().ok_or(Av1Error::Short(av1c.len()))?;
    if head[0] != 0x81 {
        return Err(Av1Error::Version(head[0]));
    }
    let header = sequence_header::read(find_sequence_header(obus)?.payload)?;
    Ok(format(&header, av1c.clone()))
}

/// The format described by the sequence header among these OBUs (an encoder's extradata or a key frame), with an
/// `av1C` made of it.
pub fn format_from_obus(obus: &[u8]) -> Result<VideoFormat, Av1Error> {
    let found = find_sequence_header(obus)?;
    let header = sequence_header::read(found.payload)?;
    let mut config = BytesMut::with_capacity(8 + found.payload.len());
    config.put_u8(0x81);
    config.put_slice(&header.av1c_bytes());
    obu::write(&mut config, OBU_SEQUENCE_HEADER, found.payload);
    Ok(format(&header, config.freeze()))
}

/// True where a decoder can start at this temporal unit: its first frame is a shown key frame. False on damage.
pub fn is_key_frame(temporal_unit: &[u8]) -> bool {
    obu::read(temporal_unit)
        .map_while(Result::ok)
        .find(|obu| matches!(obu.kind, OBU_FRAME | OBU_FRAME_HEADER))
        .and_then(|obu| obu.payload.first().copied())
        // show_existing_frame 0, frame_type KEY_FRAME (0), show_frame 1
        .is_some_and(|byte| byte >> 4 == 0b0001)
}

/// A temporal unit as [`media::Sample`] holds it: without temporal delimiters, padding and tile lists (AV1 in
/// ISOBMFF §2.4). Copies only where one of them stands after the start.
pub fn strip_temporal_delimiters(temporal_unit: Bytes) -> Result<Bytes, Av1Error> {
    let dropped = |kind| matches!(kind, OBU_TEMPORAL_DELIMITER | OBU_PADDING | OBU_TILE_LIST);
    let mut lead = 0;
    let mut in_lead = true;
    let mut later = false;
    for obu in obu::read(&temporal_unit) {
        let obu = obu?;
        if !dropped(obu.kind) {
            in_lead = false;
        } else if in_lead {
            lead = obu.end;
        } else {
            later = true;
        }
    }
    if !later {
        return Ok(temporal_unit.slice(lead..));
    }
    let mut out = BytesMut::with_capacity(temporal_unit.len());
    for obu in obu::read(&temporal_unit).map_while(Result::ok) {
        if !dropped(obu.kind) {
            out.put_slice(&temporal_unit[obu.start..obu.end]);
        }
    }
    Ok(out.freeze())
}

fn find_sequence_header(obus: &[u8]) -> Result<Obu<'_>, Av1Error> {
    for obu in obu::read(obus) {
        let obu = obu?;
        if obu.kind == OBU_SEQUENCE_HEADER {
            return Ok(obu);
        }
    }
    Err(Av1Error::NoSequenceHeader)
}

fn format(header: &SequenceHeader, config: Bytes) -> VideoFormat {
    VideoFormat {
        codec: VideoCodec::Av1,
        width: header.width,
        height: header.height,
        frame_rate: header.frame_rate,
        sample_aspect: Rational::whole(1),
        config,
        rfc6381: header.rfc6381(),
    }
}

#[cfg(test)]
mod tests;
