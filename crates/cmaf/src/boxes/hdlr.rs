//! `hdlr`: what kind of media a track holds, and its name (ISO/IEC 14496-12 §8.4.3).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, FourCc, put_full};
use crate::ReadError;

pub(crate) fn write(out: &mut BytesMut, handler: &[u8; 4], name: &str) {
    put_full(out, b"hdlr", 0, 0, |out| {
        out.put_u32(0);
        out.put_slice(handler);
        out.put_slice(&[0; 12]);
        out.put_slice(name.as_bytes());
        out.put_u8(0);
    });
}

/// The handler and the name.
pub(crate) fn read(hdlr: BoxRef<'_>) -> Result<(FourCc, String), ReadError> {
    let (_, _, mut fields) = hdlr.full()?;
    fields.u32()?;
    let handler = FourCc(fields.array()?);
    fields.bytes(12)?;
    Ok((handler, fields.string()))
}
