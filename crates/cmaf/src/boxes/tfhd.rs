//! `tfhd`: a track fragment's track and defaults (ISO/IEC 14496-12 §8.8.7).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put_full};
use crate::ReadError;
use crate::fragment::SampleDefaults;

const BASE_DATA_OFFSET: u32 = 0x01;
const DESCRIPTION_INDEX: u32 = 0x02;
const DURATION: u32 = 0x08;
const SIZE: u32 = 0x10;
const FLAGS: u32 = 0x20;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

pub(crate) struct Tfhd {
    pub(crate) track_id: u32,
    /// Data offsets count from a place in the file that the publisher knew, not from the `moof`.
    pub(crate) has_base_data_offset: bool,
    pub(crate) defaults: SampleDefaults,
}

/// Writes those of the defaults that are given; data offsets count from the `moof`.
pub(crate) fn write(
    out: &mut BytesMut,
    track_id: u32,
    duration: Option<u32>,
    size: Option<u32>,
    sample_flags: Option<u32>,
) {
    let given = [(DURATION, duration), (SIZE, size), (FLAGS, sample_flags)];
    let flags = given
        .iter()
        .filter(|(_, value)| value.is_some())
        .fold(DEFAULT_BASE_IS_MOOF, |flags, (flag, _)| flags | flag);
    put_full(out, b"tfhd", 0, flags, |out| {
        out.put_u32(track_id);
        given.iter().filter_map(|(_, value)| *value).for_each(|value| out.put_u32(value));
    });
}

pub(crate) fn read(tfhd: BoxRef<'_>, trex: SampleDefaults) -> Result<Tfhd, ReadError> {
    let (_, flags, mut fields) = tfhd.full()?;
    let track_id = fields.u32()?;
    if flags & BASE_DATA_OFFSET != 0 {
        fields.u64()?;
    }
    if flags & DESCRIPTION_INDEX != 0 {
        fields.u32()?;
    }
    let mut or = |flag, default| if flags & flag != 0 { fields.u32() } else { Ok(default) };
    Ok(Tfhd {
        track_id,
        has_base_data_offset: flags & BASE_DATA_OFFSET != 0,
        defaults: SampleDefaults {
            duration: or(DURATION, trex.duration)?,
            size: or(SIZE, trex.size)?,
            flags: or(FLAGS, trex.flags)?,
        },
    })
}

/// Appends `tfhd` with its data offsets counted from the `moof`.
pub(crate) fn write_based_on_moof(out: &mut BytesMut, tfhd: BoxRef<'_>) -> Result<(), ReadError> {
    let (version, flags, mut fields) = tfhd.full()?;
    let track_id = fields.u32()?;
    if flags & BASE_DATA_OFFSET != 0 {
        fields.u64()?;
    }
    let flags = flags & !BASE_DATA_OFFSET | DEFAULT_BASE_IS_MOOF;
    put_full(out, b"tfhd", version, flags, |out| {
        out.put_u32(track_id);
        out.put_slice(fields.rest);
    });
    Ok(())
}
