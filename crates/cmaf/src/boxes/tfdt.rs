//! `tfdt`: the decode time of a fragment's first sample (ISO/IEC 14496-12 §8.8.12).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put_full, unknown_version};
use crate::ReadError;

pub(crate) fn write(out: &mut BytesMut, decode_time: u64) {
    put_full(out, b"tfdt", 1, 0, |out| out.put_u64(decode_time));
}

pub(crate) fn read(tfdt: BoxRef<'_>) -> Result<u64, ReadError> {
    let (version, _, mut fields) = tfdt.full()?;
    let time = match version {
        0 => u64::from(fields.u32()?),
        1 => fields.u64()?,
        other => return unknown_version(tfdt, other),
    };
    if time > i64::MAX as u64 {
        return Err(ReadError::TimeRange);
    }
    Ok(time)
}
