//! H.264 (ITU-T H.264, ISO/IEC 14496-10): `avcC`, parameter sets, access units.

mod avcc;
mod parameter_sets;
mod recovery_point;
mod sps;

use bytes::{Bytes, BytesMut};
use media::{VideoCodec, VideoFormat};

use crate::{BitsError, nal};
pub use parameter_sets::ParameterSets;

const NAL_IDR: u8 = 5;
const NAL_SEI: u8 = 6;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_DELIMITER: u8 = 9;
const NAL_FILLER: u8 = 12;

/// Why bytes are no H.264 header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum H264Error {
    /// `avcC` of another version than 1.
    #[error("avcC version {0}, only 1 is known")]
    Version(u8),
    /// `avcC` ends inside a field or a parameter set.
    #[error("avcC of {0} bytes ends inside a parameter set")]
    AvccEnd(usize),
    /// NAL unit lengths of 3 bytes do not exist.
    #[error("avcC says NAL unit lengths have 3 bytes")]
    LengthSize,
    /// No sequence parameter set.
    #[error("no sequence parameter set")]
    NoSps,
    /// No picture parameter set.
    #[error("no picture parameter set")]
    NoPps,
    /// More parameter sets than `avcC` can hold (31 SPS, 255 PPS), or one over 65,535 bytes.
    #[error("parameter sets do not fit avcC")]
    DoNotFit,
    /// A unit in a parameter set's place has another NAL unit type.
    #[error("NAL unit of type {0} where a sequence parameter set belongs")]
    NotSps(u8),
    /// A field of the SPS outside its bounds.
    #[error("SPS field `{field}` is {value}")]
    Field {
        /// The standard's name of the field.
        field: &'static str,
        /// What stands there.
        value: u32,
    },
    /// The SPS ends too early.
    #[error("SPS: {0}")]
    Bits(#[from] BitsError),
}

/// The format an `avcC` payload describes (ISO/IEC 14496-15 §5.3.3.1).
///
/// `config` is the record as given, except that it always says 4-byte NAL unit lengths, as samples have; use
/// [`length_size`] with [`nal::with_four_byte_lengths`] on samples of a source that may have others.
pub fn format_from_avcc(avcc: Bytes) -> Result<VideoFormat, H264Error> {
    let record = avcc::read(&avcc)?;
    let config = if record.length_size == 4 {
        avcc.clone()
    } else {
        let mut four = BytesMut::from(&avcc[..]);
        four[avcc::LENGTH_SIZE_AT] |= 0b11;
        four.freeze()
    };
    let sps = record.sps.first().ok_or(H264Error::NoSps)?;
    format(sps, config)
}

/// Bytes in the NAL unit lengths of samples that go with this `avcC`: 1, 2 or 4.
pub fn length_size(avcc: &[u8]) -> Result<u8, H264Error> {
    Ok(avcc::read(avcc)?.length_size)
}

/// The format these parameter sets (NAL units without start codes) describe, with an `avcC` made of them.
pub fn format_from_parameter_sets(sps: &[&[u8]], pps: &[&[u8]]) -> Result<VideoFormat, H264Error> {
    let first = sps.first().ok_or(H264Error::NoSps)?;
    if pps.is_empty() {
        return Err(H264Error::NoPps);
    }
    let config = avcc::write(sps, pps, &sps::read(first)?)?;
    format(first, config)
}

/// The format described by the parameter sets in an Annex B stream, such as an encoder's extradata.
pub fn format_from_annexb(stream: &[u8]) -> Result<VideoFormat, H264Error> {
    let of_type = |wanted| -> Vec<&[u8]> {
        nal::annexb(stream).filter(|unit| unit_type(unit) == Some(wanted)).collect()
    };
    format_from_parameter_sets(&of_type(NAL_SPS), &of_type(NAL_PPS))
}

/// One Annex B access unit as [`media::Sample`] holds it. Access unit delimiters and filler data, which MP4
/// has no use for, are left out.
pub fn annexb_to_length_prefixed(access_unit: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(access_unit.len() + 32);
    for unit in nal::annexb(access_unit) {
        if !matches!(unit_type(unit), Some(NAL_DELIMITER | NAL_FILLER)) {
            nal::put(&mut out, unit);
        }
    }
    out.freeze()
}

/// True where a decoder can start at this sample: it holds a slice of an IDR picture. False on damage.
pub fn is_idr(sample: &[u8]) -> bool {
    nal::length_prefixed(sample).map_while(Result::ok).any(|unit| unit_type(unit) == Some(NAL_IDR))
}

/// True where a decoder can start at this sample: an IDR picture, or one that says it is exact from here on (a
/// recovery point of no frames, §D.2.8), as broadcast encoders mark the I pictures of open groups. False on damage.
pub fn is_random_access(sample: &[u8]) -> bool {
    nal::length_prefixed(sample).map_while(Result::ok).any(|unit| match unit_type(unit) {
        Some(NAL_IDR) => true,
        Some(NAL_SEI) => recovery_point::is_immediate(&unit[1..]),
        _ => false,
    })
}

/// True where this Annex B stream begins an access unit, by its delimiter, rather than goes on with one.
pub fn begins_access_unit(stream: &[u8]) -> bool {
    nal::annexb(stream).next().and_then(unit_type) == Some(NAL_DELIMITER)
}

fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|byte| byte & 0x1F)
}

fn format(sps: &[u8], config: Bytes) -> Result<VideoFormat, H264Error> {
    let sps = sps::read(sps)?;
    let [profile, constraints, level] = sps.profile;
    Ok(VideoFormat {
        codec: VideoCodec::H264,
        width: sps.width,
        height: sps.height,
        frame_rate: sps.frame_rate,
        sample_aspect: sps.sample_aspect,
        config,
        rfc6381: format!("avc1.{profile:02x}{constraints:02x}{level:02x}"),
    })
}

#[cfg(test)]
mod tests;
