//! One rendition: its headers, its listed segments and those that wait for the other tracks.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use media::{Format, Grid, MediaTime, Timescale};
use serde::{Deserialize, Serialize};

use crate::restore::Kept;
use crate::segment::micros;
use crate::timeline::{HOLE_US, LAP_US};
use crate::{Arrived, Awaited, Open, Part, Presence, Segment, TrackName};

/// Names a CMAF header by its content, so that the same header has the same id after every restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeaderId(pub u64);

impl fmt::Display for HeaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a CMAF header says about its track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name in URLs.
    pub id: HeaderId,
    /// Ticks per second of the track's segments.
    pub timescale: Timescale,
    /// Codec, size, rate.
    pub format: Format,
    /// BCP 47 tag, where the header tells one.
    pub language: Option<String>,
    /// What a person reads who chooses it, where the header tells it: without quotation marks and control characters.
    pub label: Option<String>,
    /// What its encoder aims at, bits per second, where the header tells it.
    pub declared_bps: Option<u32>,
}

/// A segment that waits for the other tracks.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// It does not go on where the track's last segment ended, whatever the times say.
    pub(crate) after_break: bool,
    pub(crate) header: Arc<Header>,
    pub(crate) arrived: Arrived,
}

impl Pending {
    pub(crate) fn start_us(&self) -> i64 {
        micros(self.arrived.start, self.header.timescale)
    }

    pub(crate) fn end_us(&self) -> i64 {
        micros(self.arrived.start.saturating_add(self.arrived.duration), self.header.timescale)
    }

    pub(crate) fn middle_us(&self) -> i64 {
        let (start, end) = (self.start_us(), self.end_us());
        start + (end - start) / 2
    }
}

/// One rendition of a channel.
#[derive(Clone, Debug)]
pub struct Track {
    pub(crate) name: TrackName,
    /// The header of segments to come.
    pub(crate) header: Arc<Header>,
    /// Listed, oldest first; numbers rise by one.
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) pending: VecDeque<Pending>,
    /// The segment that is coming in part by part, after all listed ones.
    pub(crate) open: Option<Open>,
    /// The number of the next segment, once there was one.
    pub(crate) next_number: Option<u64>,
    /// The period of the last numbered segment.
    pub(crate) period: Option<u64>,
    /// The period of the segment that was removed last.
    pub(crate) removed_period: Option<u64>,
    /// End of the last whole segment received, waiting ones included.
    pub(crate) received_end_us: Option<i64>,
    /// Up to where this track holds the others no longer back: `received_end_us`, or later by the grace it has after
    /// a start or a jump.
    pub(crate) edge_us: Option<i64>,
    /// It fell too far behind; the others go on without it until it comes back.
    pub(crate) stalled: bool,
    /// The next segment to come is after a break.
    pub(crate) interrupted: bool,
    /// Restored after a restart that may have lost numbered segments after this.
    pub(crate) kept: Option<Kept>,
    /// Restored with nothing listed, so where its numbers ended is not known: they are behind its slots in any case.
    pub(crate) from_slot: bool,
    /// Highest bit rate of any listed segment under the current header.
    pub(crate) peak_bps: u64,
}

/// So many segments tell how long a publisher's are.
const RECENT_SEGMENTS: usize = 6;

impl Track {
    pub(crate) fn new(name: TrackName, header: Arc<Header>) -> Self {
        Self {
            name,
            header,
            segments: VecDeque::new(),
            pending: VecDeque::new(),
            open: None,
            next_number: None,
            period: None,
            removed_period: None,
            received_end_us: None,
            edge_us: None,
            stalled: false,
            interrupted: false,
            kept: None,
            from_slot: false,
            peak_bps: 0,
        }
    }

    /// Its name.
    pub fn name(&self) -> &TrackName {
        &self.name
    }

    /// The header of its newest listed segment, or of the first to come.
    pub fn header(&self) -> &Header {
        self.segments.back().map_or(&self.header, |segment| &segment.header)
    }

    /// The header of segments to come.
    pub fn next_header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Its listed segments, oldest first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> + ExactSizeIterator + Clone {
        self.segments.iter()
    }

    /// The segment that is coming in, where its parts are listed.
    pub fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// Number and index of the newest part listed, or the number of the newest segment where it has no parts.
    pub fn newest(&self) -> Option<(u64, Option<usize>)> {
        match (&self.open, self.segments.back()) {
            (Some(open), _) => Some((open.number, Some(open.parts.len() - 1))),
            (None, Some(last)) => Some((last.number, last.parts.len().checked_sub(1))),
            (None, None) => None,
        }
    }

    /// The period of the segment before the first that is listed, or of that one where none is known.
    pub(crate) fn period_before(&self) -> Option<u64> {
        self.removed_period.or(self.segments.front().map(|first| first.period))
    }

    /// The part that comes next, as far as can be told: its segment's start and its index there. `None` where the track
    /// has nothing listed that it could continue.
    pub fn next_part(&self, grid: Grid) -> Option<(i64, usize)> {
        let Some(open) = &self.open else {
            return Some((self.segments.back()?.end(), 0));
        };
        let ends =
            match self.segments.back().filter(|last| !starts_on_grid(grid, last.start, last.timescale())) {
                // Cut on the grid: whatever comes after the slot's end begins the next segment.
                None => slot(grid, open.end(), open) > slot(grid, open.start, open),
                // Cut at a publisher's key frames, which mostly come evenly; one that was cut short by a break says
                // nothing.
                Some(_) => {
                    let recent = self.segments.iter().rev().take(RECENT_SEGMENTS);
                    recent
                        .map(|segment| segment.duration)
                        .max()
                        .is_some_and(|longest| open.end() - open.start >= longest)
                }
            };
        Some(if ends { (open.end(), 0) } else { (open.start, open.parts.len()) })
    }

    /// Whether the playlist that holds segment `msn`, or its part `part`, is there. `part_us` is the longest part.
    /// Spec: RFC 8216bis §6.2.5.2.
    pub fn awaited(&self, msn: u64, part: Option<u64>, part_us: i64) -> Awaited {
        let Some(last) = self.segments.back() else {
            return Awaited::NotYet;
        };
        let open = self.open.as_ref().map_or(0, |open| open.parts.len() as u64);
        // A part behind a segment's last is the first of the next.
        let (msn, part) = match part {
            Some(part) if msn == last.number && part >= last.parts.len() as u64 => (msn + 1, Some(0)),
            part => (msn, part),
        };
        if msn <= last.number {
            return Awaited::Here;
        }
        let most_ahead = if part_us < 1_000_000 { 3_000_000_u64.div_ceil(part_us.max(1) as u64) } else { 3 };
        match (msn - last.number, part) {
            (1, Some(part)) if part < open => Awaited::Here,
            (1, Some(part)) if part >= open + most_ahead => Awaited::TooFar,
            (2, Some(part)) if part >= most_ahead => Awaited::TooFar,
            (1 | 2, _) => Awaited::NotYet,
            _ => Awaited::TooFar,
        }
    }

    /// The listed or open segment that begins in the grid's slot: whether it is whole, and its start.
    pub fn in_slot(&self, grid: Grid, number: i64) -> Option<(Whole, i64)> {
        let is_there = |start, scale| grid.slot(MediaTime::new(start, scale)) == number;
        if let Some(open) = self.open.as_ref().filter(|open| is_there(open.start, open.timescale())) {
            return Some((Whole::No, open.start));
        }
        let listed = self.segments.iter().rev().filter(|segment| segment.presence == Presence::Whole);
        let waiting = self.pending.iter().map(|pending| (pending.arrived.start, pending.header.timescale));
        listed
            .map(|segment| (segment.start, segment.timescale()))
            .chain(waiting)
            .find(|(start, scale)| is_there(*start, *scale))
            .map(|(start, _)| (Whole::Yes, start))
    }

    /// Whether every segment of the period ends where the grid's slots do, so that slots can address them.
    pub(crate) fn is_on_grid(&self, grid: Grid, period: u64) -> bool {
        let whole = |s: &&Segment| s.period == period && s.presence == Presence::Whole;
        self.segments.iter().filter(whole).all(|s| starts_on_grid(grid, s.end(), s.timescale()))
    }

    /// Lists a part of a segment that continues the track; false where it does not, or does not follow the last part.
    pub(crate) fn take_part(&mut self, segment_start: i64, part: Part, period: Option<u64>) -> bool {
        if let Some(open) = self.open.as_mut().filter(|open| open.start == segment_start) {
            let follows = part.start == open.end();
            if follows {
                open.parts.push(part);
            }
            return follows;
        }
        let Some(last) = self.segments.back() else {
            return false;
        };
        let goes_on = self.open.is_none()
            && self.pending.is_empty()
            && !self.interrupted
            && self.kept.is_none()
            && last.presence == Presence::Whole
            && last.header.id == self.header.id
            && Some(last.period) == period
            && part.start == segment_start
            && part.independent
            && follows(last, micros(segment_start, self.header.timescale));
        if let (true, Some(number)) = (goes_on, self.next_number) {
            let (header, period) = (self.header.clone(), last.period);
            self.open = Some(Open { header, number, period, start: segment_start, parts: vec![part] });
            return true;
        }
        false
    }

    /// True while it lags so far behind that the others go on without it.
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Decode time after the last whole segment received, listed or waiting, in ticks of [`Self::next_header`]
    /// (rounded up where the timescale changed).
    pub fn next_start(&self) -> Option<i64> {
        let (end, scale) = match (self.pending.back(), self.segments.back()) {
            (Some(last), _) => (last.arrived.start + last.arrived.duration, last.header.timescale),
            (None, Some(last)) => (last.end(), last.timescale()),
            (None, None) => return None,
        };
        Some(media::rescale_ceil(end, scale, self.header.timescale))
    }

    /// Start of the last whole segment received.
    pub(crate) fn newest_start_us(&self) -> Option<i64> {
        let listed = self.segments.back().map(Segment::start_us);
        self.pending.back().map(Pending::start_us).or(listed)
    }

    /// Bits per second to plan with: what the encoder aims at, or the mean of the listed segments where that is more. Easy
    /// pictures take less than was aimed at, but a ladder ordered by what they happen to take would mislead players
    /// when the pictures change. 0 where neither is known.
    pub fn average_bps(&self) -> u64 {
        self.measured_average_bps().max(self.header().declared_bps.map_or(0, u64::from))
    }

    /// Mean bit rate of the listed segments, in bits per second; 0 with none.
    fn measured_average_bps(&self) -> u64 {
        let mut bytes = 0_u128;
        let mut span_us = 0_i128;
        for segment in self.segments.iter().filter(|s| s.presence == Presence::Whole) {
            bytes += u128::from(segment.bytes);
            span_us += i128::from(segment.duration_us());
        }
        bits_per_second(bytes, span_us)
    }

    /// Highest bit rate of a segment so far under the present header, in bits per second; 0 with none. It only rises
    /// while the header lasts, so that a multivariant playlist read earlier stays true.
    pub fn peak_bps(&self) -> u64 {
        self.peak_bps.max(self.average_bps())
    }

    /// Listed time in microseconds.
    pub(crate) fn listed_us(&self) -> i64 {
        self.segments.iter().map(Segment::duration_us).sum()
    }

    /// Measures the newest segment, with as many before it as make half a target duration: a shorter span is no
    /// peak (RFC 8216bis §4.4.6.2, BANDWIDTH).
    pub(crate) fn measure_peak(&mut self, target_us: i64) {
        let mut bytes = 0_u128;
        let mut span_us = 0_i64;
        for segment in self.segments.iter().rev() {
            if segment.presence == Presence::Lost || segment.header.id != self.header.id {
                return;
            }
            bytes += u128::from(segment.bytes);
            span_us += segment.duration_us();
            if span_us * 2 >= target_us {
                self.peak_bps = self.peak_bps.max(bits_per_second(bytes, span_us.into()));
                return;
            }
        }
    }
}

fn bits_per_second(bytes: u128, span_us: i128) -> u64 {
    if span_us <= 0 {
        return 0;
    }
    let bits = bytes * 8_000_000;
    u64::try_from(bits.div_ceil(span_us as u128)).unwrap_or(u64::MAX)
}

/// Whether a segment can be fetched whole already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// It can.
    Yes,
    /// Its bytes are still coming.
    No,
}

/// A segment cut on the grid begins with the first frame of its slot.
const FRAME_US: i64 = 50_000;

fn starts_on_grid(grid: Grid, start: i64, scale: Timescale) -> bool {
    let slot = grid.slot(MediaTime::new(start, scale));
    micros(start - grid.start(slot, scale), scale) < FRAME_US
}

fn slot(grid: Grid, ticks: i64, open: &Open) -> i64 {
    grid.slot(MediaTime::new(ticks, open.timescale()))
}

/// Whether media from `start_us` on continues `last`.
pub(crate) fn follows(last: &Segment, start_us: i64) -> bool {
    (-LAP_US..=HOLE_US).contains(&(start_us - last.end_us()))
}
