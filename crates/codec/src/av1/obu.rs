//! Open bitstream units (AV1 §5.3).

use bytes::{BufMut, BytesMut};

use super::Av1Error;

pub(super) struct Obu<'a> {
    pub(super) kind: u8,
    pub(super) payload: &'a [u8],
    /// Where its header begins.
    pub(super) start: usize,
    /// Where the next OBU begins.
    pub(super) end: usize,
}

/// The OBUs in order; ends after the first fault. An OBU without a length reaches to the end.
pub(super) fn read(data: &[u8]) -> impl Iterator<Item = Result<Obu<'_>, Av1Error>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= data.len() {
            return None;
        }
        let start = at;
        let found = one(data, start).ok_or(Av1Error::Obu(start));
        at = found.as_ref().map_or(data.len(), |obu| obu.end);
        Some(found)
    })
}

fn one(data: &[u8], start: usize) -> Option<Obu<'_>> {
    let header = *data.get(start)?;
    let has_extension = header & 0b100 != 0;
    let has_size = header & 0b10 != 0;
    let mut at = start + if has_extension { 2 } else { 1 };
    let mut length = data.len().checked_sub(at)?;
    if has_size {
        length = 0;
        // leb128() (§4.10.5): seven bits a byte, at most eight bytes.
        for index in 0.. {
            if index == 8 {
                return None;
            }
            let byte = *data.get(at)?;
            at += 1;
            length |= usize::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    let end = at.checked_add(length)?;
    Some(Obu { kind: header >> 3 & 0xF, payload: data.get(at..end)?, start, end })
}

/// Appends an OBU with its length.
pub(super) fn write(out: &mut BytesMut, kind: u8, payload: &[u8]) {
    out.put_u8(kind << 3 | 0b10);
    let mut length = payload.len();
    while length > 0x7F {
        out.put_u8(length as u8 | 0x80);
        length >>= 7;
    }
    out.put_u8(length as u8);
    out.put_slice(payload);
}
