//! `prft`: when on the wall clock a media time was produced (ISO/IEC 14496-12 §8.16.5).

use bytes::{BufMut, BytesMut};
use media::{MediaTime, Utc};

use super::{BoxRef, put_full, unknown_version};
use crate::ReadError;

/// The clock time is the media time's own: consistent, and that of capture.
const CAPTURED: u32 = 24;
/// Seconds from 1900, NTP's epoch, to 1970.
const NTP_TO_UNIX: i64 = 2_208_988_800;

/// Says that `time`, which counts from the Unix epoch, is that very date.
pub(crate) fn write(out: &mut BytesMut, track_id: u32, time: MediaTime) {
    let micros = Utc::of(time).0;
    // NTP's seconds wrap in 2036, and readers know.
    let seconds = (micros.div_euclid(1_000_000) + NTP_TO_UNIX) as u32;
    let fraction = ((micros.rem_euclid(1_000_000) as u64) << 32) / 1_000_000;
    put_full(out, b"prft", 1, CAPTURED, |out| {
        out.put_u32(track_id);
        out.put_u32(seconds);
        out.put_u32(fraction as u32);
        out.put_u64(time.ticks as u64);
    });
}

/// Appends `prft` with its media time moved by `delta` ticks.
pub(crate) fn write_shifted(out: &mut BytesMut, prft: BoxRef<'_>, delta: i64) -> Result<(), ReadError> {
    let (version, flags, mut fields) = prft.full()?;
    let track_and_clock = fields.bytes(12)?;
    let time = match version {
        0 => u64::from(fields.u32()?),
        1 => fields.u64()?,
        other => return unknown_version(prft, other),
    };
    let moved = time.checked_add_signed(delta).ok_or(ReadError::TimeRange)?;
    put_full(out, b"prft", 1, flags, |out| {
        out.put_slice(track_and_clock);
        out.put_u64(moved);
    });
    Ok(())
}
