//! `mvhd`: the presentation's header (ISO/IEC 14496-12 §8.2.2). Written only: a fragmented file says nothing in it.

use bytes::{BufMut, BytesMut};
use media::Timescale;

use super::put_full;

/// The unity matrix of `mvhd` and `tkhd`.
pub(crate) const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

pub(crate) fn write(out: &mut BytesMut, timescale: Timescale, next_track_id: u32) {
    put_full(out, b"mvhd", 0, 0, |out| {
        out.put_u64(0); // created, modified
        out.put_u32(timescale.ticks_per_second());
        out.put_u32(0); // duration: told by the fragments
        out.put_u32(0x1_0000); // rate
        out.put_u16(0x0100); // volume
        out.put_slice(&[0; 10]);
        MATRIX.iter().for_each(|word| out.put_u32(*word));
        out.put_slice(&[0; 24]);
        out.put_u32(next_track_id);
    });
}
