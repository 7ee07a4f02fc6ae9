//! `elng`: the language as a BCP 47 tag (ISO/IEC 14496-12 §8.4.6).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put_full};
use crate::ReadError;

pub(crate) fn write(out: &mut BytesMut, tag: &str) {
    put_full(out, b"elng", 0, 0, |out| {
        out.put_slice(tag.as_bytes());
        out.put_u8(0);
    });
}

pub(crate) fn read(elng: BoxRef<'_>) -> Result<String, ReadError> {
    let (_, _, mut fields) = elng.full()?;
    Ok(fields.string())
}
