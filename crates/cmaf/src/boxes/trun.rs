//! `trun`: a run of samples (ISO/IEC 14496-12 §8.8.8).

use bytes::{BufMut, BytesMut};

use super::{BoxRef, put_full, unknown_version};
use crate::ReadError;
use crate::fragment::SampleDefaults;

const DATA_OFFSET: u32 = 0x001;
const FIRST_FLAGS: u32 = 0x004;
const DURATION: u32 = 0x100;
const SIZE: u32 = 0x200;
const FLAGS: u32 = 0x400;
const COMPOSITION: u32 = 0x800;

/// One sample of a run.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) composition_offset: i32,
}

/// Which fields each sample has of its own.
#[derive(Clone, Copy, Default)]
pub(crate) struct Columns {
    pub(crate) duration: bool,
    pub(crate) size: bool,
    pub(crate) flags: bool,
    pub(crate) composition_offset: bool,
    /// Flags of the first sample, where only they differ from the default.
    pub(crate) first_flags: Option<u32>,
}

impl Columns {
    const fn flags(self) -> u32 {
        let mut flags = DATA_OFFSET;
        if self.first_flags.is_some() {
            flags |= FIRST_FLAGS;
        }
        if self.duration {
            flags |= DURATION;
        }
        if self.size {
            flags |= SIZE;
        }
        if self.flags {
            flags |= FLAGS;
        }
        if self.composition_offset {
            flags |= COMPOSITION;
        }
        flags
    }
}

/// Writes version 1, whose composition offsets are signed; gives back where the data offset stands in `out`.
pub(crate) fn write(out: &mut BytesMut, columns: Columns, rows: impl ExactSizeIterator<Item = Row>) -> usize {
    let mut data_offset_at = 0;
    put_full(out, b"trun", 1, columns.flags(), |out| {
        out.put_u32(rows.len() as u32);
        data_offset_at = out.len();
        out.put_u32(0);
        if let Some(flags) = columns.first_flags {
            out.put_u32(flags);
        }
        for row in rows {
            if columns.duration {
                out.put_u32(row.duration);
            }
            if columns.size {
                out.put_u32(row.size);
            }
            if columns.flags {
                out.put_u32(row.flags);
            }
            if columns.composition_offset {
                out.put_i32(row.composition_offset);
            }
        }
    });
    data_offset_at
}

/// Where the run's data begins, in bytes from the fragment's base; `None`: where the run before it ended.
pub(crate) fn data_offset(trun: BoxRef<'_>) -> Result<Option<i32>, ReadError> {
    let (_, flags, mut fields) = trun.full()?;
    fields.u32()?;
    match flags & DATA_OFFSET {
        0 => Ok(None),
        _ => Ok(Some(fields.u32()? as i32)),
    }
}

/// Reads a run: `visit` gets each sample with the defaults filled in.
pub(crate) fn read(
    trun: BoxRef<'_>,
    defaults: SampleDefaults,
    most_samples: u64,
    mut visit: impl FnMut(Row),
) -> Result<(), ReadError> {
    let (version, flags, mut fields) = trun.full()?;
    if version > 1 {
        return unknown_version(trun, version);
    }
    let count = fields.u32()?;
    if u64::from(count) > most_samples {
        return Err(ReadError::SampleCount(u64::from(count)));
    }
    if flags & DATA_OFFSET != 0 {
        fields.u32()?;
    }
    let first_flags = match flags & FIRST_FLAGS {
        0 => None,
        _ => Some(fields.u32()?),
    };
    for index in 0..count {
        let mut or = |flag, default| match flags & flag {
            0 => Ok(default),
            _ => fields.u32(),
        };
        let duration = or(DURATION, defaults.duration)?;
        let size = or(SIZE, defaults.size)?;
        let own_flags = or(FLAGS, defaults.flags)?;
        // Version 0 is unsigned, but writers put negative offsets there too, and no real offset needs bit 31.
        let composition_offset = or(COMPOSITION, 0)? as i32;
        visit(Row {
            duration,
            size,
            flags: first_flags.filter(|_| index == 0).unwrap_or(own_flags),
            composition_offset,
        });
    }
    Ok(())
}

/// Appends `trun` with its data offset, where it has one, moved by `by` bytes.
pub(crate) fn write_moved(out: &mut BytesMut, trun: BoxRef<'_>, by: i32) -> Result<(), ReadError> {
    let (version, flags, mut fields) = trun.full()?;
    if flags & DATA_OFFSET == 0 {
        out.put_slice(trun.whole);
        return Ok(());
    }
    let count = fields.u32()?;
    let offset = fields.u32()? as i32;
    let moved = offset.checked_add(by).ok_or(ReadError::DataOutside)?;
    put_full(out, b"trun", version, flags, |out| {
        out.put_u32(count);
        out.put_i32(moved);
        out.put_slice(fields.rest);
    });
    Ok(())
}
