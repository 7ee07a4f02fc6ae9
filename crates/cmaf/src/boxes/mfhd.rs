//! `mfhd`: a fragment's sequence number (ISO/IEC 14496-12 §8.8.5).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put_full};
use crate::ReadError;

pub(crate) fn write(out: &mut BytesMut, sequence: u32) {
    put_full(out, b"mfhd", 0, 0, |out| out.put_u32(sequence));
}

pub(crate) fn read(mfhd: BoxRef<'_>) -> Result<u32, ReadError> {
    let (_, _, mut fields) = mfhd.full()?;
    fields.u32()
}
