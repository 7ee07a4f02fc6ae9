//! `labl`: what a person reads who chooses a track (ISO/IEC 14496-12 §8.10.5).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put_full};
use crate::ReadError;

pub(crate) fn write(out: &mut BytesMut, language: &str, label: &str) {
    put_full(out, b"labl", 0, 0, |out| {
        out.put_u8(0); // of the track, not of a group
        out.put_u16(0);
        for text in [language, label] {
            out.put_slice(text.as_bytes());
            out.put_u8(0);
        }
    });
}

/// The label, where it is the track's own.
pub(crate) fn read(labl: BoxRef<'_>) -> Result<Option<String>, ReadError> {
    let (_, _, mut fields) = labl.full()?;
    let of_group = fields.u8()? & 0x80 != 0;
    fields.u16()?;
    fields.string();
    let label = fields.string();
    Ok((!of_group && !label.is_empty()).then_some(label))
}
