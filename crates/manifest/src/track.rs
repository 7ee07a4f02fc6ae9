//! One rendition: its headers, its listed segments and those that wait for the other tracks.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use media::{Format, Timescale};
use serde::{Deserialize, Serialize};

use crate::restore::Kept;
use crate::segment::micros;
use crate::{Arrived, Presence, Segment, TrackName};

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
    /// The number of the next segment, once there was one.
    pub(crate) next_number: Option<u64>,
    /// The period of the last numbered segment.
    pub(crate) period: Option<u64>,
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

impl Track {
    pub(crate) fn new(name: TrackName, header: Arc<Header>) -> Self {
        Self {
            name,
            header,
            segments: VecDeque::new(),
            pending: VecDeque::new(),
            next_number: None,
            period: None,
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
