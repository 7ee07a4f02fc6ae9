//! Parts: what viewers get of a segment before it is whole.
//!
//! A segment gets parts only while it continues its track, so that its number and period are certain when its first
//! part comes. One that begins after a break is listed when it is whole, like every segment of a standard channel.

use std::sync::Arc;

use media::Timescale;

use crate::Header;

/// A part of a segment (RFC 8216bis §4.4.4.9). With its segment's start and its index it is addressed as
/// `{segment start}.{index}.m4s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// First decode time, in ticks of the segment's header since the Unix epoch.
    pub start: i64,
    /// Decode time covered, in the same ticks; above zero.
    pub duration: i64,
    /// A decoder can start here.
    pub independent: bool,
}

/// The segment that is coming in, as far as it is listed.
#[derive(Clone, Debug)]
pub struct Open {
    pub(crate) header: Arc<Header>,
    pub(crate) number: u64,
    pub(crate) period: u64,
    pub(crate) start: i64,
    /// Never empty; each begins where the one before ended.
    pub(crate) parts: Vec<Part>,
}

impl Open {
    /// Its HLS media sequence number.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// First decode time, in ticks.
    pub const fn start(&self) -> i64 {
        self.start
    }

    /// First decode time after its last part, in ticks.
    pub fn end(&self) -> i64 {
        self.parts.last().map_or(self.start, |last| last.start + last.duration)
    }

    /// Its parts so far.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Ticks per second of its times.
    pub fn timescale(&self) -> Timescale {
        self.header.timescale
    }
}

/// Whether a playlist that a player asked for by number is there (RFC 8216bis §6.2.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// It is.
    Here,
    /// It will be: hold the request until the track changes, and look again.
    NotYet,
    /// It lies so far ahead that the player is mistaken.
    TooFar,
}
