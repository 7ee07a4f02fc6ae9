//! `ftyp` and `styp`: brands (ISO/IEC 14496-12 §4.3 and §8.16.2, ISO/IEC 23000-19 §7.2).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put};
use crate::ReadError;

/// A CMAF header: no edit list for video, signed composition offsets (`cmf2`).
pub(crate) fn write(out: &mut BytesMut) {
    brands(out, b"ftyp", b"cmf2", &[b"iso6", b"cmfc", b"cmf2"]);
}

/// The start of a segment.
pub(crate) fn write_segment(out: &mut BytesMut) {
    brands(out, b"styp", b"msdh", &[b"msdh", b"cmfs"]);
}

/// A chunk inside a segment.
pub(crate) fn write_chunk(out: &mut BytesMut) {
    brands(out, b"styp", b"cmfl", &[b"cmfl"]);
}

fn brands(out: &mut BytesMut, kind: &[u8; 4], major: &[u8; 4], compatible: &[&[u8; 4]]) {
    put(out, kind, |out| {
        out.put_slice(major);
        out.put_u32(0); // minor version
        compatible.iter().for_each(|brand| out.put_slice(*brand));
    });
}

/// True for the start of a segment, false where the brands say only that this is a chunk (`cmfl`).
pub(crate) fn starts_segment(styp: BoxRef<'_>) -> Result<bool, ReadError> {
    let mut fields = styp.fields();
    let major = fields.array::<4>()?;
    fields.u32()?;
    let mut has_chunk = major == *b"cmfl";
    let mut has_segment = is_segment(&major);
    for brand in fields.rest.chunks_exact(4) {
        has_chunk |= brand == b"cmfl";
        has_segment |= is_segment(brand);
    }
    Ok(has_segment || !has_chunk)
}

fn is_segment(brand: &[u8]) -> bool {
    matches!(brand, b"cmfs" | b"msdh" | b"msix" | b"cmff")
}
