//! What of a transport stream is wanted.

use crate::fault::Fault;
use crate::fields::Fields;

/// Which program of a transport stream and which of its streams; the first of each where nothing is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// `program`: its number in the association table, 1 to 65,535.
    pub program: Option<u16>,
    /// `video_pid`: the PID of its pictures.
    pub video_pid: Option<u16>,
    /// `audio_pid`: the PID of its sound.
    pub audio_pid: Option<u16>,
}

/// PIDs that streams may have (ISO/IEC 13818-1, table 2-3).
const PIDS: std::ops::RangeInclusive<i64> = 0x10..=0x1FFE;

impl Select {
    /// Reads the choice from the settings of an input.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, Fault> {
        let mut number = |name, bound, unit| match fields.take(name) {
            None => Ok(None),
            Some(field) => field.integer(bound, unit).map(|number| Some(number as u16)),
        };
        Ok(Self {
            program: number("program", 1..=65_535, "as a program's number")?,
            video_pid: number("video_pid", PIDS, "as a PID")?,
            audio_pid: number("audio_pid", PIDS, "as a PID")?,
        })
    }
}
