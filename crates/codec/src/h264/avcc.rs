//! `avcC`: the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).

use bytes::{BufMut, Bytes, BytesMut};

use super::H264Error;
use super::sps::Sps;

/// Offset of the byte whose two low bits are the length size minus one.
pub(super) const LENGTH_SIZE_AT: usize = 4;
/// A count of five bits.
const MAX_SPS: usize = 31;

pub(super) struct Record<'a> {
    pub(super) length_size: u8,
    pub(super) sps: Vec<&'a [u8]>,
}

pub(super) fn read(avcc: &[u8]) -> Result<Record<'_>, H264Error> {
    let end = H264Error::AvccEnd(avcc.len());
    let Some((head, mut rest)) = avcc.split_first_chunk::<6>() else {
        return Err(end);
    };
    if head[0] != 1 {
        return Err(H264Error::Version(head[0]));
    }
    let length_size = (head[LENGTH_SIZE_AT] & 0b11) + 1;
    if length_size == 3 {
        return Err(H264Error::LengthSize);
    }
    let mut sps = Vec::new();
    for _ in 0..head[5] & 0x1F {
        sps.push(take(&mut rest).ok_or_else(|| end.clone())?);
    }
    let (count, after) = rest.split_first().ok_or_else(|| end.clone())?;
    rest = after;
    for _ in 0..*count {
        take(&mut rest).ok_or_else(|| end.clone())?;
    }
    if *count == 0 {
        return Err(H264Error::NoPps);
    }
    Ok(Record { length_size, sps })
}

pub(super) fn write(sps: &[&[u8]], pps: &[&[u8]], first: &Sps) -> Result<Bytes, H264Error> {
    let too_long = |set: &&[u8]| set.len() > usize::from(u16::MAX);
    if sps.len() > MAX_SPS || pps.len() > usize::from(u8::MAX) || sps.iter().chain(pps).any(too_long) {
        return Err(H264Error::DoNotFit);
    }
    let mut out = BytesMut::with_capacity(64);
    out.put_u8(1);
    out.put_slice(&first.profile);
    out.put_u8(0xFF); // 4-byte lengths
    out.put_u8(0xE0 | sps.len() as u8);
    sps.iter().for_each(|set| put(&mut out, set));
    out.put_u8(pps.len() as u8);
    pps.iter().for_each(|set| put(&mut out, set));
    if matches!(first.profile[0], 100 | 110 | 122 | 144) {
        out.put_u8(0xFC | first.chroma_format);
        out.put_u8(0xF8 | first.luma_depth_minus8);
        out.put_u8(0xF8 | first.chroma_depth_minus8);
        out.put_u8(0); // no SPS extensions
    }
    Ok(out.freeze())
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    let (set, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(set)
}

fn put(out: &mut BytesMut, set: &[u8]) {
    out.put_u16(set.len() as u16);
    out.put_slice(set);
}
