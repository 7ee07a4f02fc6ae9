//! `hvcC`: the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1).

use bytes::{BufMut, Bytes, BytesMut};

use super::sps::Sps;
use super::{H265Error, NAL_PPS, NAL_SPS, NAL_VPS};

/// Offset of the byte whose two low bits are the length size minus one.
pub(super) const LENGTH_SIZE_AT: usize = 21;
const HEAD: usize = 23;

pub(super) struct Record<'a> {
    pub(super) length_size: u8,
    pub(super) sps: Option<&'a [u8]>,
}

pub(super) fn read(hvcc: &[u8]) -> Result<Record<'_>, H265Error> {
    let end = || H265Error::HvccEnd(hvcc.len());
    let (head, mut rest) = hvcc.split_first_chunk::<HEAD>().ok_or_else(end)?;
    if head[0] != 1 {
        return Err(H265Error::Version(head[0]));
    }
    let length_size = (head[LENGTH_SIZE_AT] & 0b11) + 1;
    if length_size == 3 {
        return Err(H265Error::LengthSize);
    }
    let mut sps = None;
    for _ in 0..head[22] {
        let (array, after) = rest.split_first_chunk::<3>().ok_or_else(end)?;
        rest = after;
        for _ in 0..u16::from_be_bytes([array[1], array[2]]) {
            let unit = take(&mut rest).ok_or_else(end)?;
            if array[0] & 0x3F == NAL_SPS {
                sps = sps.or(Some(unit));
            }
        }
    }
    Ok(Record { length_size, sps })
}

pub(super) fn write(vps: &[&[u8]], sps: &[&[u8]], pps: &[&[u8]], first: &Sps) -> Result<Bytes, H265Error> {
    let arrays = [(NAL_VPS, vps), (NAL_SPS, sps), (NAL_PPS, pps)];
    let most = usize::from(u16::MAX);
    if arrays.iter().any(|(_, units)| units.len() > most || units.iter().any(|unit| unit.len() > most)) {
        return Err(H265Error::DoNotFit);
    }
    let profile = &first.profile;
    let mut out = BytesMut::with_capacity(128);
    out.put_u8(1);
    out.put_u8(profile.space << 6 | u8::from(profile.high_tier) << 5 | profile.idc);
    out.put_u32(profile.compatibility);
    out.put_slice(&profile.constraints);
    out.put_u8(profile.level);
    out.put_u16(0xF000); // min_spatial_segmentation_idc: unknown
    out.put_u8(0xFC); // parallelismType: unknown
    out.put_u8(0xFC | first.chroma_format);
    out.put_u8(0xF8 | first.luma_depth_minus8);
    out.put_u8(0xF8 | first.chroma_depth_minus8);
    out.put_u16(0); // avgFrameRate: unknown
    // constantFrameRate unknown, the temporal layers, 4-byte lengths
    out.put_u8((first.sub_layers) << 3 | u8::from(first.temporal_id_nested) << 2 | 0b11);
    out.put_u8(arrays.len() as u8);
    for (kind, units) in arrays {
        out.put_u8(0x80 | kind); // array_completeness: none in the samples
        out.put_u16(units.len() as u16);
        for unit in units {
            out.put_u16(unit.len() as u16);
            out.put_slice(unit);
        }
    }
    Ok(out.freeze())
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(unit)
}
