//! `mdhd`: a track's timescale and language (ISO/IEC 14496-12 §8.4.2).

use bytes::{BufMut, BytesMut};
use media::Timescale;

use super::{BoxRef, put_full, unknown_version};
use crate::ReadError;

const UNDETERMINED: &str = "und";

pub(crate) fn write(out: &mut BytesMut, timescale: Timescale, language: &str) {
    put_full(out, b"mdhd", 0, 0, |out| {
        out.put_u64(0); // created, modified
        out.put_u32(timescale.ticks_per_second());
        out.put_u32(0); // duration: told by the fragments
        out.put_u16(pack(language).unwrap_or_else(|| pack(UNDETERMINED).expect("three letters")));
        out.put_u16(0);
    });
}

/// Timescale and ISO 639-2 language.
pub(crate) fn read(mdhd: BoxRef<'_>) -> Result<(Timescale, String), ReadError> {
    let (version, _, mut fields) = mdhd.full()?;
    fields.bytes(match version {
        0 => 8,
        1 => 16,
        other => return unknown_version(mdhd, other),
    })?;
    let timescale = Timescale::checked(fields.u32()?).ok_or(ReadError::Field {
        kind: mdhd.kind,
        field: "timescale",
        value: 0,
    })?;
    fields.bytes(if version == 0 { 4 } else { 8 })?;
    Ok((timescale, unpack(fields.u16()?)))
}

/// Three letters a to z, five bits each; `None` for anything else, which `elng` then tells.
pub(crate) fn pack(language: &str) -> Option<u16> {
    let letters: &[u8; 3] = language.as_bytes().try_into().ok()?;
    letters.iter().try_fold(0, |packed, letter| {
        letter.is_ascii_lowercase().then(|| packed << 5 | u16::from(letter - 0x60))
    })
}

fn unpack(packed: u16) -> String {
    let letters = [10, 5, 0].map(|shift| (packed >> shift & 0x1F) as u8 + 0x60);
    match std::str::from_utf8(&letters) {
        Ok(text) if letters.iter().all(u8::is_ascii_lowercase) => text.to_owned(),
        _ => UNDETERMINED.to_owned(),
    }
}
