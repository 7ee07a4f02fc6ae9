//! `tkhd`: a track's id and the size it is shown at (ISO/IEC 14496-12 §8.3.2).

use bytes::{BufMut, BytesMut};
use media::Format;

use super::mvhd::MATRIX;
use super::{BoxRef, put_full, unknown_version};
use crate::ReadError;

/// Enabled, in the movie, in the preview.
const FLAGS: u32 = 7;

pub(crate) fn write(out: &mut BytesMut, track_id: u32, format: &Format) {
    put_full(out, b"tkhd", 0, FLAGS, |out| {
        out.put_u64(0); // created, modified
        out.put_u32(track_id);
        out.put_u32(0);
        out.put_u32(0); // duration: told by the fragments
        out.put_u64(0);
        out.put_u32(0); // layer, alternate group
        out.put_u16(if format.is_video() { 0 } else { 0x0100 }); // volume
        out.put_u16(0);
        MATRIX.iter().for_each(|word| out.put_u32(*word));
        let (width, height) = match format {
            Format::Video(video) => {
                let aspect = video.sample_aspect;
                let wide = (u64::from(video.width) << 16) * u64::from(aspect.num()) / u64::from(aspect.den());
                (u32::try_from(wide).unwrap_or(video.width << 16), video.height << 16)
            }
            Format::Audio(_) => (0, 0),
        };
        out.put_u32(width); // 16.16
        out.put_u32(height);
    });
}

/// The track's id.
pub(crate) fn read(tkhd: BoxRef<'_>) -> Result<u32, ReadError> {
    let (version, _, mut fields) = tkhd.full()?;
    fields.bytes(match version {
        0 => 8,
        1 => 16,
        other => return unknown_version(tkhd, other),
    })?;
    fields.u32()
}
