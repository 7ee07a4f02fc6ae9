//! CMAF ingest bodies, read as they arrive.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use crate::boxes::{BoxHead, BoxRef, FourCc, boxes, ftyp};
use crate::fragment::Fragment;
use crate::shift::based_on_moof;
use crate::{Header, ReadError};

/// Largest `moov` taken, in bytes.
pub const MAX_MOOV: u64 = 8 << 20;
/// Largest `moof` taken, in bytes.
pub const MAX_MOOF: u64 = 4 << 20;
/// Largest `mdat` taken, in bytes: 16 s at 32 Mbit/s.
pub const MAX_MDAT: u64 = 64 << 20;
/// Largest `ftyp`, `styp` or `prft` taken, in bytes.
const MAX_SMALL: u64 = 4 << 10;
/// Largest sum of `styp`, `prft` and `emsg` before a `moof`, in bytes.
const MAX_LEAD: u64 = 1 << 20;
/// Largest box passed over between boxes that are kept, in bytes: it must be held to be cut out.
const MAX_INSIDE: u64 = 1 << 20;
/// Largest other box passed over, in bytes.
const MAX_SKIPPED: u64 = 64 << 20;

/// What a body holds, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A CMAF header. The chunks after it are its track's.
    Header(Arc<Header>),
    /// A `styp` that begins a segment.
    SegmentStart,
    /// One chunk, whole.
    Chunk(ReadChunk),
}

/// One chunk as it came, and what its `moof` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadChunk {
    /// `styp`, `prft` and `emsg` where they stood before it, `moof` and `mdat`. As they came, but that data offsets
    /// count from the `moof` (`default-base-is-moof`); other boxes between them are left out.
    pub raw: Bytes,
    /// Decode time of the first sample, in track ticks.
    pub decode_time: u64,
    /// Sum of the samples' durations, in track ticks.
    pub duration: u64,
    /// Samples in it, at least one.
    pub sample_count: u32,
    /// A decoder can start at the first sample.
    pub sync_first: bool,
    /// Earliest presentation time in track ticks, with the header's edit list applied.
    pub first_pts: i64,
    /// `mfhd`'s sequence number.
    pub sequence: u32,
    /// A `styp` that begins a segment stood before it.
    pub segment_start: bool,
}

/// Reads a CMAF ingest body in any pieces, from anyone.
///
/// Give it bytes with [`feed`](Self::feed), take events with [`next`](Self::next) until there are none, and say at
/// the end of the body [`finish`](Self::finish). A body may begin with its header or go on with one read before
/// ([`with_header`](Self::with_header)). It never holds more than one chunk, bounded by [`MAX_MOOF`] and
/// [`MAX_MDAT`], and takes memory only for bytes that a box's size has announced within its bound. Boxes nest at
/// most eight deep by construction: only known containers are entered.
#[derive(Debug, Default)]
pub struct ChunkReader {
    header: Option<Arc<Header>>,
    /// What was fed and is not taken yet.
    input: Bytes,
    /// Whole boxes kept for the next event, then what there is of the box being read: never a byte more.
    buffer: BytesMut,
    /// Bytes of whole boxes at the front of `buffer`.
    kept: usize,
    lead: Lead,
    segment_start: bool,
    /// Bytes of an unknown box that are still to pass over.
    skipping: u64,
}

/// What the kept boxes are.
#[derive(Debug, Default)]
enum Lead {
    /// `styp`, `prft`, `emsg` or nothing.
    #[default]
    Open,
    /// `ftyp`, so `moov` must follow.
    Ftyp,
    /// A `moof` that begins at this byte, so `mdat` must follow.
    Moof(usize, Fragment),
}

/// What came of one box.
enum Step {
    Event(Event),
    /// It was kept or passed over; go on.
    Done,
    /// It is not whole yet.
    Wait,
}

impl ChunkReader {
    /// A reader of a body that must begin with a header.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader of a body whose header came before, in another.
    pub fn with_header(header: Arc<Header>) -> Self {
        Self { header: Some(header), ..Self::default() }
    }

    /// The header that chunks are read with.
    pub fn header(&self) -> Option<&Arc<Header>> {
        self.header.as_ref()
    }

    /// Gives it the next bytes of the body, after [`next`](Self::next) has said that it needs more.
    pub fn feed(&mut self, bytes: Bytes) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            self.input = [&self.input[..], &bytes].concat().into();
        }
    }

    /// The next event; `None` when more bytes are needed. After an error the reader is of no more use.
    #[allow(clippy::should_implement_trait, reason = "`None` is not its end")]
    pub fn next(&mut self) -> Result<Option<Event>, ReadError> {
        loop {
            let skipped = self.skipping.min(self.input.len() as u64);
            self.input.advance(skipped as usize);
            self.skipping -= skipped;
            if self.skipping > 0 {
                return Ok(None);
            }
            let Some(head) = self.head()? else {
                return Ok(None);
            };
            match self.take(head)? {
                Step::Event(event) => return Ok(Some(event)),
                Step::Done => {}
                Step::Wait => return Ok(None),
            }
        }
    }

    /// The body has ended: was that between chunks?
    pub fn finish(&self) -> Result<(), ReadError> {
        let open = &self.buffer[self.kept..];
        if !open.is_empty() || self.skipping > 0 {
            let kind = BoxHead::read(open).map_or(FourCc(*b"????"), |head| head.kind);
            return Err(ReadError::Truncated(kind));
        }
        match self.lead {
            Lead::Open => Ok(()),
            Lead::Ftyp => Err(ReadError::TornHeader),
            Lead::Moof(..) => Err(ReadError::Truncated(FourCc(*b"moof"))),
        }
    }

    fn head(&mut self) -> Result<Option<BoxHead>, ReadError> {
        if !self.fill(8) {
            return Ok(None);
        }
        if BoxHead::read(&self.buffer[self.kept..]).is_none() && !self.fill(16) {
            return Ok(None);
        }
        let head = BoxHead::read(&self.buffer[self.kept..]).expect("16 bytes hold any box header");
        match head.size {
            0 => Err(ReadError::OpenEnded(head.kind)),
            size if size < head.length as u64 => Err(ReadError::Size { kind: head.kind, size }),
            _ => Ok(Some(head)),
        }
    }

    fn take(&mut self, head: BoxHead) -> Result<Step, ReadError> {
        let kind = &head.kind.0;
        match self.lead {
            Lead::Moof(..) if kind != b"mdat" => return Err(ReadError::MoofWithoutMdat(head.kind)),
            Lead::Ftyp if is_lead(kind) || matches!(kind, b"ftyp" | b"moof" | b"mdat") => {
                return Err(ReadError::TornHeader);
            }
            _ => {}
        }
        match kind {
            b"ftyp" => {
                if self.kept > 0 {
                    return Err(ReadError::TornHeader);
                }
                let Some(whole) = self.whole(head, MAX_SMALL)? else {
                    return Ok(Step::Wait);
                };
                self.kept = whole;
                self.lead = Lead::Ftyp;
                Ok(Step::Done)
            }
            b"moov" => self.take_moov(head),
            b"moof" => self.take_moof(head),
            b"mdat" => self.take_mdat(head),
            kind if is_lead(kind) => self.take_lead(head),
            _ => self.pass_over(head),
        }
    }

    fn take_moov(&mut self, head: BoxHead) -> Result<Step, ReadError> {
        if !matches!(self.lead, Lead::Ftyp) {
            return Err(ReadError::TornHeader);
        }
        let Some(_) = self.whole(head, MAX_MOOV)? else {
            return Ok(Step::Wait);
        };
        let header = Arc::new(Header::read(self.release())?);
        self.header = Some(header.clone());
        Ok(Step::Event(Event::Header(header)))
    }

    fn take_lead(&mut self, head: BoxHead) -> Result<Step, ReadError> {
        let bound = match &head.kind.0 {
            b"emsg" => MAX_LEAD,
            _ => MAX_SMALL,
        };
        let bound = bound.min(MAX_LEAD.saturating_sub(self.kept as u64));
        let Some(whole) = self.whole(head, bound)? else {
            return Ok(Step::Wait);
        };
        let start = std::mem::replace(&mut self.kept, whole);
        if &head.kind.0 == b"styp" && ftyp::starts_segment(one(&self.buffer[start..])?)? {
            self.segment_start = true;
            return Ok(Step::Event(Event::SegmentStart));
        }
        Ok(Step::Done)
    }

    fn take_moof(&mut self, head: BoxHead) -> Result<Step, ReadError> {
        let Some(header) = self.header.clone() else {
            return Err(ReadError::HeaderMissing);
        };
        let Some(whole) = self.whole(head, MAX_MOOF)? else {
            return Ok(Step::Wait);
        };
        let start = std::mem::replace(&mut self.kept, whole);
        let fragment = Fragment::read(one(&self.buffer[start..])?, &header)?;
        self.lead = Lead::Moof(start, fragment);
        Ok(Step::Done)
    }

    fn take_mdat(&mut self, head: BoxHead) -> Result<Step, ReadError> {
        let Lead::Moof(moof_at, fragment) = &self.lead else {
            return Err(ReadError::MdatWithoutMoof);
        };
        bounded(head, MAX_MDAT)?;
        let moof = (self.kept - moof_at) as u64;
        let data = moof + head.length as u64..moof.saturating_add(head.size);
        if fragment.data.start < data.start || fragment.data.end > data.end {
            return Err(ReadError::DataOutside);
        }
        let Some(_) = self.whole(head, MAX_MDAT)? else {
            return Ok(Step::Wait);
        };
        let Lead::Moof(_, fragment) = std::mem::take(&mut self.lead) else {
            unreachable!("the lead was a moof a moment ago");
        };
        let mut raw = self.release();
        if fragment.has_base_data_offset {
            raw = based_on_moof(&raw)?;
        }
        let edit_start = self.header.as_ref().map_or(0, |header| header.edit_start);
        Ok(Step::Event(Event::Chunk(ReadChunk {
            raw,
            decode_time: fragment.decode_time,
            duration: fragment.duration,
            sample_count: fragment.sample_count,
            sync_first: fragment.sync_first,
            first_pts: fragment.first_pts.saturating_sub(edit_start),
            sequence: fragment.sequence,
            segment_start: std::mem::take(&mut self.segment_start),
        })))
    }

    /// `sidx`, `free`, `mfra` and all that is not known: streamed past where nothing is kept, else cut out.
    fn pass_over(&mut self, head: BoxHead) -> Result<Step, ReadError> {
        if self.kept == 0 {
            bounded(head, MAX_SKIPPED)?;
            self.buffer.clear();
            self.skipping = head.size - head.length as u64;
            return Ok(Step::Done);
        }
        let Some(_) = self.whole(head, MAX_INSIDE)? else {
            return Ok(Step::Wait);
        };
        self.buffer.truncate(self.kept);
        Ok(Step::Done)
    }

    /// The end in `buffer` of the box that begins after the kept ones, once it is whole.
    fn whole(&mut self, head: BoxHead, bound: u64) -> Result<Option<usize>, ReadError> {
        bounded(head, bound)?;
        let size = head.size as usize;
        let end = self.kept + size;
        if self.buffer.capacity() < end {
            // Exactly: windows keep these bytes for minutes, so a half-empty buffer would be costly.
            let mut exact = BytesMut::with_capacity(end);
            exact.extend_from_slice(&self.buffer);
            self.buffer = exact;
        }
        Ok(self.fill(size).then_some(end))
    }

    /// Takes input until `count` bytes stand after the kept ones; false when it runs out.
    fn fill(&mut self, count: usize) -> bool {
        let wanted = (self.kept + count).saturating_sub(self.buffer.len());
        let there = self.input.split_to(wanted.min(self.input.len()));
        self.buffer.extend_from_slice(&there);
        there.len() == wanted
    }

    /// Everything in the buffer, which is then empty.
    fn release(&mut self) -> Bytes {
        self.kept = 0;
        self.lead = Lead::Open;
        std::mem::take(&mut self.buffer).freeze()
    }
}

const fn is_lead(kind: &[u8; 4]) -> bool {
    matches!(kind, b"styp" | b"prft" | b"emsg")
}

fn bounded(head: BoxHead, bound: u64) -> Result<(), ReadError> {
    if head.size > bound {
        return Err(ReadError::TooLarge { kind: head.kind, size: head.size, bound });
    }
    Ok(())
}

/// The whole box at the start of `data`.
fn one(data: &[u8]) -> Result<BoxRef<'_>, ReadError> {
    boxes(data).next().expect("a whole box was taken, so its header is there")
}

#[cfg(test)]
mod tests;
