//! Samples in, CMAF chunks out.

use bytes::{BufMut, Bytes, BytesMut};
use media::{MediaTime, Sample, Timescale, Track};

use crate::boxes::trun::{Columns, Row};
use crate::boxes::{ftyp, mfhd, prft, put, tfdt, tfhd, trun};
use crate::fragment::NON_SYNC;
use crate::init_segment::file_track_id;

/// Depends on no other sample (ISO/IEC 14496-12 §8.6.4.3).
const SYNC: u32 = 0x0200_0000;
/// Depends on others, and no decoder starts here.
const DEPENDENT: u32 = 0x0100_0000 | NON_SYNC;
/// Payloads below this are copied together: a copy of this size costs less than another piece to write.
const JOIN_BELOW: usize = 4_096;

/// What the sample being pushed begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// Nothing: it goes on with the chunk.
    Nothing,
    /// A chunk inside the segment.
    Chunk,
    /// A segment.
    Segment,
}

/// One CMAF chunk: `styp prft moof mdat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its bytes in order; large payloads are the samples' own memory.
    pub bytes: Vec<Bytes>,
    /// Decode time of its first sample, in track ticks.
    pub first_dts: i64,
    /// Earliest presentation time in it, in track ticks.
    pub first_pts: i64,
    /// Ticks from its first sample's decode time to its end, which is where the next chunk starts.
    pub duration: u64,
    /// Samples in it.
    pub sample_count: u32,
    /// A decoder can start at its first sample.
    pub independent: bool,
    /// It is the first of its segment.
    pub segment_start: bool,
}

impl Chunk {
    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.bytes.iter().map(Bytes::len).sum()
    }

    /// Never true: a chunk has at least its boxes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in one piece.
    pub fn to_bytes(&self) -> Bytes {
        self.bytes.concat().into()
    }

    /// The decode time at which the next chunk starts.
    pub const fn end_dts(&self) -> i64 {
        self.first_dts + self.duration as i64
    }
}

/// A sample that does not come after the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("decode time {dts} does not come after {previous}")]
pub struct DtsBackwards {
    /// The last decode time taken.
    pub previous: i64,
    /// The one refused.
    pub dts: i64,
}

/// Cuts one track's samples into CMAF chunks on one continuous decode timeline.
///
/// Samples come in decode order: `dts` rises, composition offset may be negative, both in track ticks and from
/// the Unix epoch. A sample lasts until the next one's decode time, so the last one is held until that is known.
/// Where to cut is the caller's choice.
#[derive(Debug)]
pub struct Fragmenter {
    track_id: u32,
    timescale: Timescale,
    pending: Vec<Pending>,
    /// Decode time of the last sample taken.
    last_dts: i64,
    /// Where the last chunk ended.
    end: i64,
    /// Ticks of the last sample whose duration was known.
    last_duration: u32,
    /// The first pending sample begins a segment.
    starts_segment: bool,
    sequence: u32,
}

#[derive(Debug)]
struct Pending {
    dts: i64,
    /// Known once the next sample is, or where the source said it.
    duration: Option<u32>,
    composition_offset: i32,
    sync: bool,
    data: Bytes,
}

impl Fragmenter {
    /// A fragmenter for `track`, whose first sample begins a segment.
    pub fn new(track: &Track) -> Self {
        Self {
            track_id: file_track_id(track),
            timescale: track.timescale,
            pending: Vec::new(),
            last_dts: -1,
            end: 0,
            last_duration: 0,
            starts_segment: true,
            sequence: 0,
        }
    }

    /// Takes the next sample. Where it begins a chunk or a segment, gives back the chunk of all samples before it.
    ///
    /// A sample that starts before the end of a chunk already given (its duration was declared too long) is moved
    /// to that end and keeps its presentation time. On [`DtsBackwards`] nothing has changed; push may go on.
    ///
    /// Spec: ISO/IEC 14496-12 §8.8.12 (tfdt).
    pub fn push(&mut self, sample: Sample, begins: Begins) -> Result<Option<Chunk>, DtsBackwards> {
        if sample.dts <= self.last_dts {
            return Err(DtsBackwards { previous: self.last_dts, dts: sample.dts });
        }
        if let Some(last) = self.pending.last_mut() {
            let duration = u32::try_from(sample.dts - last.dts).unwrap_or(u32::MAX);
            last.duration = Some(duration);
            self.last_duration = duration;
        }
        let chunk = match begins {
            Begins::Nothing => None,
            Begins::Chunk | Begins::Segment => self.emit(),
        };
        if begins == Begins::Segment {
            self.starts_segment = true;
        }
        let mut pending = Pending {
            dts: sample.dts,
            duration: sample.duration,
            composition_offset: sample.composition_offset,
            sync: sample.sync,
            data: sample.data,
        };
        if self.pending.is_empty() && pending.dts < self.end {
            let by = i32::try_from(self.end - pending.dts).unwrap_or(i32::MAX);
            pending.composition_offset = pending.composition_offset.saturating_sub(by);
            pending.dts = self.end;
        }
        self.last_dts = pending.dts;
        self.pending.push(pending);
        Ok(chunk)
    }

    /// Ticks of samples taken and not yet given back, as far as their durations are known.
    pub fn pending_ticks(&self) -> i64 {
        match (self.pending.first(), self.pending.last()) {
            (Some(first), Some(last)) => last.dts - first.dts + i64::from(last.duration.unwrap_or(0)),
            _ => 0,
        }
    }

    /// Decode time of the first sample taken and not yet given back.
    pub fn pending_since(&self) -> Option<i64> {
        self.pending.first().map(|first| first.dts)
    }

    /// Bytes of samples taken and not yet given back.
    pub fn pending_bytes(&self) -> usize {
        self.pending.iter().map(|one| one.data.len()).sum()
    }

    /// The decode time at which the last chunk given back ended; 0 before the first.
    pub const fn end_dts(&self) -> i64 {
        self.end
    }

    /// Gives back a chunk of every sample whose duration is known; the next sample goes on with the same segment.
    /// `None` where there is no such sample.
    pub fn cut_chunk(&mut self) -> Option<Chunk> {
        let held = self.pending.pop_if(|last| last.duration.is_none());
        let chunk = self.emit();
        if let Some(held) = held {
            self.pending.push(held);
        }
        chunk
    }

    /// Gives back a chunk of every sample; the last lasts as long as it said, or as the one before it. The next
    /// sample begins a segment. For the end of the source, or a place where its timeline jumps.
    pub fn finish(&mut self) -> Option<Chunk> {
        let like_the_last = self.last_duration.max(1);
        if let Some(last) = self.pending.last_mut() {
            last.duration.get_or_insert(like_the_last);
        }
        let chunk = self.emit();
        self.starts_segment = true;
        chunk
    }

    fn emit(&mut self) -> Option<Chunk> {
        let (first, last) = (self.pending.first()?, self.pending.last()?);
        let first_dts = first.dts;
        let independent = first.sync;
        let end = last.dts + i64::from(known(last));
        let first_pts = self.pending.iter().map(|one| one.dts + i64::from(one.composition_offset));
        let first_pts = first_pts.min().expect("there is a first");
        let segment_start = std::mem::take(&mut self.starts_segment);
        let start = MediaTime::new(first_dts, self.timescale);
        // Numbers rise, across restarts too, where chunks last a second or more: they never fall below the time.
        let seconds = first_dts / i64::from(self.timescale.ticks_per_second());
        self.sequence = self.sequence.saturating_add(1).max(seconds as u32);

        let mut head = BytesMut::with_capacity(192 + 16 * self.pending.len());
        if segment_start {
            ftyp::write_segment(&mut head);
        } else {
            ftyp::write_chunk(&mut head);
        }
        prft::write(&mut head, self.track_id, start);
        self.write_moof(&mut head, first_dts);
        let payload: usize = self.pending.iter().map(|one| one.data.len()).sum();
        head.put_u32(8 + payload as u32);
        head.put_slice(b"mdat");
        let chunk = Chunk {
            first_dts,
            first_pts,
            duration: (end - first_dts) as u64,
            sample_count: self.pending.len() as u32,
            independent,
            segment_start,
            bytes: self.join(head),
        };
        self.end = end;
        Some(chunk)
    }

    fn write_moof(&self, out: &mut BytesMut, first_dts: i64) {
        let rows = self.pending.iter().map(|one| Row {
            duration: known(one),
            size: one.data.len() as u32,
            flags: if one.sync { SYNC } else { DEPENDENT },
            composition_offset: one.composition_offset,
        });
        let same = |field: fn(&Row) -> u32| {
            let mut values = rows.clone().map(|row| field(&row));
            let first = values.next()?;
            values.all(|value| value == first).then_some(first)
        };
        let duration = same(|row| row.duration);
        let size = same(|row| row.size);
        let first_flags = rows.clone().next().map_or(0, |row| row.flags);
        // Mostly one key frame and then none, or all alike.
        let mut later_flags = rows.clone().skip(1).map(|row| row.flags);
        let later = later_flags.next().unwrap_or(first_flags);
        let flags = later_flags.all(|flags| flags == later).then_some(later);
        let columns = Columns {
            duration: duration.is_none(),
            size: size.is_none(),
            flags: flags.is_none(),
            composition_offset: rows.clone().any(|row| row.composition_offset != 0),
            first_flags: flags.filter(|flags| *flags != first_flags).map(|_| first_flags),
        };
        let moof_at = out.len();
        let mut data_offset_at = 0;
        put(out, b"moof", |out| {
            mfhd::write(out, self.sequence);
            put(out, b"traf", |out| {
                tfhd::write(out, self.track_id, duration, size, flags);
                tfdt::write(out, first_dts as u64);
                data_offset_at = trun::write(out, columns, rows);
            });
        });
        let data_offset = (out.len() - moof_at + 8) as u32;
        out[data_offset_at..data_offset_at + 4].copy_from_slice(&data_offset.to_be_bytes());
    }

    /// Head and payloads as few pieces: small payloads copied together, large ones as they are.
    fn join(&mut self, head: BytesMut) -> Vec<Bytes> {
        let mut pieces = Vec::with_capacity(8);
        let mut open = head;
        for sample in self.pending.drain(..) {
            if sample.data.len() < JOIN_BELOW {
                open.put_slice(&sample.data);
            } else {
                if !open.is_empty() {
                    pieces.push(open.split().freeze());
                }
                pieces.push(sample.data);
            }
        }
        if !open.is_empty() {
            pieces.push(open.freeze());
        }
        pieces
    }
}

fn known(sample: &Pending) -> u32 {
    sample.duration.expect("emit() is called where every duration is known")
}

#[cfg(test)]
mod tests;
