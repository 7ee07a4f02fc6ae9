//! Moves a chunk on its track's timeline.

use bytes::{BufMut, Bytes, BytesMut};
use media::Timescale;

use crate::ReadError;
use crate::boxes::{BoxRef, boxes, emsg, prft, put, tfdt, tfhd, trun};

/// The chunk (or several, or a segment) with every decode time moved by `delta` ticks of its track's `timescale`:
/// `tfdt`, and `prft` and `emsg` that go with it. A 32-bit `tfdt` becomes a 64-bit one, so the size may grow.
///
/// For publishers whose times do not count from the Unix epoch.
pub fn shift_decode_time(chunk: &Bytes, delta: i64, timescale: Timescale) -> Result<Bytes, ReadError> {
    let mut out = BytesMut::with_capacity(chunk.len() + 32);
    for found in boxes(chunk) {
        let found = found?;
        match &found.kind.0 {
            b"moof" => rewrite(&mut out, found, delta)?,
            b"prft" => prft::write_shifted(&mut out, found, delta)?,
            b"emsg" => emsg::write_shifted(&mut out, found, delta, timescale)?,
            _ => out.put_slice(found.whole),
        }
    }
    Ok(out.freeze())
}

/// The chunk with data offsets counted from its `moof` instead of from the start of a file.
pub(crate) fn based_on_moof(chunk: &Bytes) -> Result<Bytes, ReadError> {
    // No time moves, so the timescale does not matter.
    shift_decode_time(chunk, 0, Timescale::MPEG)
}

/// Appends `moof` with its time moved and its data offsets true again.
fn rewrite(out: &mut BytesMut, moof: BoxRef<'_>, delta: i64) -> Result<(), ReadError> {
    let mut trial = BytesMut::with_capacity(moof.whole.len() + 16);
    write(&mut trial, moof, delta, 0)?;
    let growth = trial.len() as i64 - moof.whole.len() as i64;
    write(out, moof, delta, growth as i32)
}

fn write(out: &mut BytesMut, moof: BoxRef<'_>, delta: i64, offset_by: i32) -> Result<(), ReadError> {
    let mut fault = Ok(());
    put(out, b"moof", |out| {
        fault = each(moof, out, |child, out| match child.is(b"traf") {
            true => {
                let mut fault = Ok(());
                put(out, b"traf", |out| {
                    fault = each(child, out, |child, out| traf_child(child, out, delta, offset_by));
                });
                fault
            }
            false => {
                out.put_slice(child.whole);
                Ok(())
            }
        });
    });
    fault
}

fn each(
    parent: BoxRef<'_>,
    out: &mut BytesMut,
    mut write: impl FnMut(BoxRef<'_>, &mut BytesMut) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    for child in parent.children() {
        write(child?, out)?;
    }
    Ok(())
}

fn traf_child(child: BoxRef<'_>, out: &mut BytesMut, delta: i64, offset_by: i32) -> Result<(), ReadError> {
    match &child.kind.0 {
        b"tfhd" => tfhd::write_based_on_moof(out, child),
        b"tfdt" => {
            let moved = tfdt::read(child)?.checked_add_signed(delta);
            let moved = moved.filter(|time| *time <= i64::MAX as u64);
            tfdt::write(out, moved.ok_or(ReadError::TimeRange)?);
            Ok(())
        }
        b"trun" => trun::write_moved(out, child, offset_by),
        _ => {
            out.put_slice(child.whole);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
