//! `moof`: what a movie fragment says of its one track's samples.

use bytes::Bytes;
use media::Sample;

use crate::boxes::{BoxHead, BoxRef, FourCc, boxes, mfhd, tfdt, tfhd, trun};
use crate::{Header, ReadError};

/// Most samples in one fragment: a minute of 96 kHz audio in the shortest frames there are, with room.
const MAX_SAMPLES: u64 = 65_536;
/// The bit of the sample flags that says a decoder cannot start here (ISO/IEC 14496-12 §8.8.3.1).
pub(crate) const NON_SYNC: u32 = 0x0001_0000;

/// What samples are where a fragment does not say: `trex`'s values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleDefaults {
    /// In ticks.
    pub duration: u32,
    /// In bytes.
    pub size: u32,
    /// Dependency and sync flags.
    pub flags: u32,
}

/// A `moof`, read and checked.
#[derive(Debug)]
pub(crate) struct Fragment {
    pub(crate) sequence: u32,
    pub(crate) decode_time: u64,
    /// Sum of the samples' durations, in ticks.
    pub(crate) duration: u64,
    pub(crate) sample_count: u32,
    /// A decoder can start at the first sample.
    pub(crate) sync_first: bool,
    /// Earliest presentation time, before any edit list.
    pub(crate) first_pts: i64,
    /// Data offsets are absolute in a file we do not have; the chunk must be rewritten.
    pub(crate) has_base_data_offset: bool,
    /// Where sample data begins and ends, in bytes from the start of the `moof`.
    pub(crate) data: std::ops::Range<u64>,
}

impl Fragment {
    pub(crate) fn read(moof: BoxRef<'_>, header: &Header) -> Result<Self, ReadError> {
        Self::visit(moof, header, |_, _, _| {})
    }

    /// Reads the fragment; `each` gets every sample's decode time, place from the start of the `moof`, and row.
    fn visit(
        moof: BoxRef<'_>,
        header: &Header,
        each: impl FnMut(u64, u64, trun::Row),
    ) -> Result<Self, ReadError> {
        let traf = moof.need(b"traf")?;
        for other in moof.children() {
            let other = other?;
            if other.is(b"traf") && other.whole.as_ptr() != traf.whole.as_ptr() {
                let found = tfhd::read(other.need(b"tfhd")?, header.defaults)?.track_id;
                return Err(wrong_track(header, found));
            }
        }
        Self::visit_track(moof, traf, header, each)
    }

    /// As [`Self::visit`], for one of the fragment's tracks.
    pub(crate) fn visit_track(
        moof: BoxRef<'_>,
        traf: BoxRef<'_>,
        header: &Header,
        mut each: impl FnMut(u64, u64, trun::Row),
    ) -> Result<Self, ReadError> {
        let sequence = mfhd::read(moof.need(b"mfhd")?)?;
        let head = tfhd::read(traf.need(b"tfhd")?, header.defaults)?;
        if head.track_id != header.track_id {
            return Err(wrong_track(header, head.track_id));
        }
        let decode_time = tfdt::read(traf.need(b"tfdt")?)?;
        let mut fragment = Self {
            sequence,
            decode_time,
            duration: 0,
            sample_count: 0,
            sync_first: true,
            first_pts: i64::MAX,
            has_base_data_offset: head.has_base_data_offset,
            data: 0..0,
        };
        let mut run_end = None;
        for child in traf.children() {
            let child = child?;
            if child.is(b"trun") {
                fragment.run(child, head.defaults, &mut run_end, &mut each)?;
            }
        }
        if fragment.sample_count == 0 {
            return Err(ReadError::Missing { kind: FourCc(*b"trun"), parent: traf.kind });
        }
        let end = decode_time.checked_add(fragment.duration);
        if end.is_none_or(|end| end > i64::MAX as u64) {
            return Err(ReadError::TimeRange);
        }
        Ok(fragment)
    }

    fn run(
        &mut self,
        trun: BoxRef<'_>,
        defaults: SampleDefaults,
        run_end: &mut Option<u64>,
        each: &mut impl FnMut(u64, u64, trun::Row),
    ) -> Result<(), ReadError> {
        let left = MAX_SAMPLES - u64::from(self.sample_count);
        let start = match (trun::data_offset(trun)?, *run_end) {
            (Some(offset), _) => u64::try_from(offset).map_err(|_| ReadError::DataOutside)?,
            (None, Some(end)) => end,
            (None, None) => {
                return Err(ReadError::Field { kind: trun.kind, field: "data_offset", value: 0 });
            }
        };
        let mut at = start;
        trun::read(trun, defaults, left, |row| {
            let dts = self.decode_time.saturating_add(self.duration);
            if self.sample_count == 0 {
                self.sync_first = row.flags & NON_SYNC == 0;
            }
            let pts = i64::try_from(dts).unwrap_or(i64::MAX);
            let pts = pts.saturating_add(i64::from(row.composition_offset));
            self.first_pts = self.first_pts.min(pts);
            each(dts, at, row);
            self.duration += u64::from(row.duration);
            self.sample_count += 1;
            at += u64::from(row.size);
        })?;
        self.data = match run_end {
            None => start..at,
            Some(_) => self.data.start.min(start)..self.data.end.max(at),
        };
        *run_end = Some(at);
        Ok(())
    }
}

fn wrong_track(header: &Header, found: u32) -> ReadError {
    ReadError::WrongTrack { expected: header.track_id, found }
}

/// The samples of a chunk that a [`crate::ChunkReader`] gave or a [`crate::Fragmenter`] made, in decode order;
/// payloads share `chunk`'s memory. Several chunks may stand behind each other.
pub fn read_samples(chunk: &Bytes, header: &Header) -> Result<Vec<Sample>, ReadError> {
    let mut samples = Vec::new();
    let mut at = 0;
    // Where the last `moof` begins, and its samples.
    let mut moof_at = None;
    let mut rows = Vec::new();
    for found in boxes(chunk) {
        let found = found?;
        if found.is(b"moof") {
            rows.clear();
            Fragment::visit(found, header, |dts, place, row| rows.push((dts, place, row)))?;
            moof_at = Some(at);
        } else if found.is(b"mdat") {
            let moof_at = moof_at.take().ok_or(ReadError::MdatWithoutMoof)?;
            let head = BoxHead::read(found.whole).map_or(8, |head| head.length);
            for (dts, place, row) in rows.drain(..) {
                let start = moof_at as u64 + place;
                let end = start + u64::from(row.size);
                if start < (at + head) as u64 || end > (at + found.whole.len()) as u64 {
                    return Err(ReadError::DataOutside);
                }
                samples.push(Sample {
                    track: header.track.id,
                    dts: dts as i64,
                    composition_offset: row.composition_offset,
                    duration: Some(row.duration),
                    sync: row.flags & NON_SYNC == 0,
                    data: chunk.slice(start as usize..end as usize),
                });
            }
        }
        at += found.whole.len();
    }
    Ok(samples)
}
