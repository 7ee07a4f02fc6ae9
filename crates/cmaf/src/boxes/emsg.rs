//! `emsg`: an event message (ISO/IEC 23009-1 §5.10.3.3). Only its time is touched here.

use bytes::{BufMut, BytesMut};
use media::{Timescale, rescale_nearest};

use super::BoxRef;
use crate::ReadError;

/// Appends `emsg` moved by `delta` ticks of `timescale`. Version 0 counts from its segment, so it stays.
pub(crate) fn write_shifted(
    out: &mut BytesMut,
    emsg: BoxRef<'_>,
    delta: i64,
    timescale: Timescale,
) -> Result<(), ReadError> {
    let (version, _, mut fields) = emsg.full()?;
    if version != 1 {
        out.put_slice(emsg.whole);
        return Ok(());
    }
    let own = fields.u32()?;
    let own =
        Timescale::checked(own).ok_or(ReadError::Field { kind: emsg.kind, field: "timescale", value: 0 })?;
    let time = fields.u64()?;
    let moved =
        time.checked_add_signed(rescale_nearest(delta, timescale, own)).ok_or(ReadError::TimeRange)?;
    let before = emsg.whole.len() - fields.rest.len() - 8;
    out.put_slice(&emsg.whole[..before]);
    out.put_u64(moved);
    out.put_slice(fields.rest);
    Ok(())
}
