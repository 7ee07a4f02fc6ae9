//! One segment of one track.

use std::sync::Arc;

use media::{MediaTime, Timescale, Utc};

use crate::{Header, Part};

/// A whole segment, as it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// First decode time, in ticks of the track's header since the Unix epoch.
    pub start: i64,
    /// Decode time covered, in the same ticks; above zero.
    pub duration: i64,
    /// Size.
    pub bytes: u64,
}

/// Whether a numbered segment can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is whole and can be fetched.
    Whole,
    /// Its number was or may have been given out, but its bytes are lost: HLS lists it as a gap, DASH leaves it out.
    Lost,
}

/// A numbered segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// HLS media sequence number: dense within its track, never repeated.
    pub number: u64,
    /// The number of the [`crate::Period`] it belongs to.
    pub period: u64,
    /// The header that decodes it; its timescale is this segment's.
    pub header: Arc<Header>,
    /// First decode time in ticks since the Unix epoch. With the track it addresses the segment.
    pub start: i64,
    /// Decode time covered, in ticks.
    pub duration: i64,
    /// Size.
    pub bytes: u64,
    /// Whether it can be fetched.
    pub presence: Presence,
    /// Its parts, where they were listed before it was whole.
    pub parts: Vec<Part>,
    /// When it was first listed.
    pub published: Utc,
}

impl Segment {
    /// Ticks per second of `start` and `duration`.
    pub fn timescale(&self) -> Timescale {
        self.header.timescale
    }

    /// First decode time after it, in ticks.
    pub const fn end(&self) -> i64 {
        self.start + self.duration
    }

    pub(crate) fn start_us(&self) -> i64 {
        micros(self.start, self.timescale())
    }

    pub(crate) fn end_us(&self) -> i64 {
        micros(self.end(), self.timescale())
    }

    pub(crate) fn duration_us(&self) -> i64 {
        micros(self.duration, self.timescale())
    }
}

/// For comparing tracks of different timescales; what is listed stays in ticks.
pub(crate) const fn micros(ticks: i64, scale: Timescale) -> i64 {
    MediaTime::new(ticks, scale).floor_to(Timescale::MICROS).ticks
}
