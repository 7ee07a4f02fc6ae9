//! `elst`: the edit list (ISO/IEC 14496-12 §8.6.6). Read only: what we write needs none.

use super::{BoxRef, unknown_version};
use crate::ReadError;

/// The media time that is presented first: the first edit's that is not empty, 0 where there is none.
pub(crate) fn read(elst: BoxRef<'_>) -> Result<i64, ReadError> {
    let (version, _, mut fields) = elst.full()?;
    for _ in 0..fields.u32()? {
        let media_time = match version {
            0 => {
                fields.u32()?;
                i64::from(fields.u32()? as i32)
            }
            1 => {
                fields.u64()?;
                fields.u64()? as i64
            }
            other => return unknown_version(elst, other),
        };
        fields.u32()?; // media rate
        if media_time >= 0 {
            return Ok(media_time);
        }
    }
    Ok(0)
}
