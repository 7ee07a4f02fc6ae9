//! `btrt`: the track's bitrate (ISO/IEC 14496-12 §8.5.2).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put};
use crate::ReadError;

pub(crate) fn write(out: &mut BytesMut, bitrate_bps: u32) {
    put(out, b"btrt", |out| {
        out.put_u32(0); // bufferSizeDB: not said
        out.put_u32(bitrate_bps);
        out.put_u32(bitrate_bps);
    });
}

/// The average, or the highest where no average is said; `None` where neither is.
pub(crate) fn read(btrt: BoxRef<'_>) -> Result<Option<u32>, ReadError> {
    let mut fields = btrt.fields();
    fields.u32()?;
    let highest = fields.u32()?;
    let average = fields.u32()?;
    Ok([average, highest].into_iter().find(|rate| *rate > 0))
}
