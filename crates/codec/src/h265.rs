//! H.265 (ITU-T H.265, ISO/IEC 23008-2): `hvcC`, parameter sets, access units.

mod hvcc;
mod parameter_sets;
mod sps;

use bytes::{Bytes, BytesMut};
use media::{VideoCodec, VideoFormat};

use crate::{BitsError, nal};
pub use parameter_sets::ParameterSets;

const NAL_IRAP: std::ops::RangeInclusive<u8> = 16..=23;
const NAL_VPS: u8 = 32;
const NAL_SPS: u8 = 33;
const NAL_PPS: u8 = 34;
const NAL_DELIMITER: u8 = 35;
const NAL_FILLER: u8 = 38;

/// Why bytes are no H.265 header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum H265Error {
    /// `hvcC` of another version than 1.
    #[error("hvcC version {0}, only 1 is known")]
    Version(u8),
    /// `hvcC` ends inside a field or a parameter set.
    #[error("hvcC of {0} bytes ends inside a parameter set")]
    HvccEnd(usize),
    /// NAL unit lengths of 3 bytes do not exist.
    #[error("hvcC says NAL unit lengths have 3 bytes")]
    LengthSize,
    /// No video parameter set.
    #[error("no video parameter set")]
    NoVps,
    /// No sequence parameter set.
    #[error("no sequence parameter set")]
    NoSps,
    /// No picture parameter set.
    #[error("no picture parameter set")]
    NoPps,
    /// Over 65,535 sets of a kind, or a set of over 65,535 bytes.
    #[error("parameter sets do not fit hvcC")]
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

/// The format an `hvcC` payload describes (ISO/IEC 14496-15 §8.3.3.1). `config` is the record as given, except
/// that it always says 4-byte NAL unit lengths; see [`length_size`].
pub fn format_from_hvcc(hvcc: Bytes) -> Result<VideoFormat, H265Error> {
    let record = hvcc::read(&hvcc)?;
    let config = if record.length_size == 4 {
        hvcc.clone()
    } else {
        let mut four = BytesMut::from(&hvcc[..]);
        four[hvcc::LENGTH_SIZE_AT] |= 0b11;
        four.freeze()
    };
    format(record.sps.ok_or(H265Error::NoSps)?, config)
}

/// Bytes in the NAL unit lengths of samples that go with this `hvcC`: 1, 2 or 4.
pub fn length_size(hvcc: &[u8]) -> Result<u8, H265Error> {
    Ok(hvcc::read(hvcc)?.length_size)
}

/// The format these parameter sets (NAL units without start codes) describe, with an `hvcC` made of them.
pub fn format_from_parameter_sets(
    vps: &[&[u8]],
    sps: &[&[u8]],
    pps: &[&[u8]],
) -> Result<VideoFormat, H265Error> {
    let first = sps.first().ok_or(H265Error::NoSps)?;
    if vps.is_empty() {
        return Err(H265Error::NoVps);
    }
    if pps.is_empty() {
        return Err(H265Error::NoPps);
    }
    let config = hvcc::write(vps, sps, pps, &sps::read(first)?)?;
    format(first, config)
}

/// The format described by the parameter sets in an Annex B stream, such as an encoder's extradata.
pub fn format_from_annexb(stream: &[u8]) -> Result<VideoFormat, H265Error> {
    let of_type = |wanted| -> Vec<&[u8]> {
        nal::annexb(stream).filter(|unit| unit_type(unit) == Some(wanted)).collect()
    };
    format_from_parameter_sets(&of_type(NAL_VPS), &of_type(NAL_SPS), &of_type(NAL_PPS))
}

/// One Annex B access unit as [`media::Sample`] holds it, without access unit delimiters and filler data.
pub fn annexb_to_length_prefixed(access_unit: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(access_unit.len() + 32);
    for unit in nal::annexb(access_unit) {
        if !matches!(unit_type(unit), Some(NAL_DELIMITER | NAL_FILLER)) {
            nal::put(&mut out, unit);
        }
    }
    out.freeze()
}

/// True where a decoder can start at this sample: it holds a slice of an IDR, CRA or BLA picture (an intra
/// random access point, H.265 §3.69). False on damage.
pub fn is_irap(sample: &[u8]) -> bool {
    nal::length_prefixed(sample)
        .map_while(Result::ok)
        .any(|unit| unit_type(unit).is_some_and(|kind| NAL_IRAP.contains(&kind)))
}

/// True where this Annex B stream begins an access unit, by its delimiter, rather than goes on with one.
pub fn begins_access_unit(stream: &[u8]) -> bool {
    nal::annexb(stream).next().and_then(unit_type) == Some(NAL_DELIMITER)
}

fn unit_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|byte| byte >> 1 & 0x3F)
}

fn format(sps: &[u8], config: Bytes) -> Result<VideoFormat, H265Error> {
    let sps = sps::read(sps)?;
    Ok(VideoFormat {
        codec: VideoCodec::H265,
        width: sps.width,
        height: sps.height,
        frame_rate: sps.frame_rate,
        sample_aspect: sps.sample_aspect,
        config,
        rfc6381: rfc6381(&sps.profile),
    })
}

/// ISO/IEC 14496-15 Annex E.3: profile space and number, compatibility flags in reverse bit order, tier and
/// level, then the constraint bytes up to the last that is not zero.
fn rfc6381(profile: &sps::ProfileTierLevel) -> String {
    let space = ["", "A", "B", "C"][usize::from(profile.space & 3)];
    let tier = if profile.high_tier { 'H' } else { 'L' };
    let mut name = format!(
        "hvc1.{space}{}.{:X}.{tier}{}",
        profile.idc,
        profile.compatibility.reverse_bits(),
        profile.level
    );
    let kept = profile.constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &profile.constraints[..kept] {
        name.push_str(&format!(".{byte:X}"));
    }
    name
}

#[cfg(test)]
mod tests;
