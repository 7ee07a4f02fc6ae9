//! `trex`: a track's sample defaults (ISO/IEC 14496-12 §8.8.3).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put_full};
use crate::ReadError;
use crate::fragment::SampleDefaults;

/// Writes no defaults: each fragment says its own.
pub(crate) fn write(out: &mut BytesMut, track_id: u32) {
    put_full(out, b"trex", 0, 0, |out| {
        out.put_u32(track_id);
        out.put_u32(1); // sample description
        out.put_slice(&[0; 12]);
    });
}

/// The track's id and its defaults.
pub(crate) fn read(trex: BoxRef<'_>) -> Result<(u32, SampleDefaults), ReadError> {
    let (_, _, mut fields) = trex.full()?;
    let track_id = fields.u32()?;
    fields.u32()?;
    Ok((track_id, SampleDefaults { duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? }))
}
