//! `kind`: a track's role (ISO/IEC 14496-12 §8.10.4), in DASH's role scheme.

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put_full};
use crate::ReadError;

const DASH_ROLE: &str = "urn:mpeg:dash:role:2011";

pub(crate) fn write(out: &mut BytesMut, role: &str) {
    put_full(out, b"kind", 0, 0, |out| {
        for text in [DASH_ROLE, role] {
            out.put_slice(text.as_bytes());
            out.put_u8(0);
        }
    });
}

/// The role, where the scheme is DASH's.
pub(crate) fn read(kind: BoxRef<'_>) -> Result<Option<String>, ReadError> {
    let (_, _, mut fields) = kind.full()?;
    let scheme = fields.string();
    Ok((scheme == DASH_ROLE).then(|| fields.string()))
}
