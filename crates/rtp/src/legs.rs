//! The two legs of SMPTE ST 2022-7: the same packets on two paths.

use std::time::{Duration, Instant};

/// One of the paths a stream comes by. A stream that is not protected comes by the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Leg {
    /// Both, in order.
    pub const BOTH: [Leg; 2] = [Leg::First, Leg::Second];

    /// The other one.
    pub const fn other(self) -> Leg {
        match self {
            Leg::First => Leg::Second,
            Leg::Second => Leg::First,
        }
    }
}

/// Some of the legs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LegSet(u8);

impl LegSet {
    pub(crate) fn add(&mut self, leg: Leg) {
        self.0 |= 1 << leg as u8;
    }

    pub(crate) fn has(self, leg: Leg) -> bool {
        self.0 & 1 << leg as u8 != 0
    }
}

/// Where a leg is in a source's packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// The number it joined with: what came before is not missed on it.
    pub(crate) joined: u64,
    /// The highest number it brought.
    pub(crate) newest: u64,
    /// When it last brought one.
    pub(crate) heard: Instant,
}

/// What one leg brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegStatistics {
    /// Datagrams, good and bad.
    pub received: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Datagrams that are not RTP with MPEG-TS.
    pub malformed: u64,
    /// Packets of the stream this leg did not bring within the latency after they were known of. They are missed
    /// by viewers only if the other leg and the error correction did not bring them either.
    pub lost: u64,
    /// Those of them that came afterwards.
    pub late: u64,
    /// Packets that came behind one with a higher number.
    pub reordered: u64,
    /// Packets that came more than once.
    pub duplicate: u64,
    /// Packets of a source that was not the one followed when they came: another sender, or one that started anew.
    pub foreign: u64,
}

/// How far one leg is behind the other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Difference {
    /// Second leg behind the first, in µs, smoothed as RFC 3550 §6.4.1 does jitter.
    smoothed_us: Option<i64>,
    greatest: Duration,
}

impl Difference {
    /// `leg` brought a packet so much later than the other.
    pub(crate) fn measured(&mut self, leg: Leg, behind: Duration) {
        let us = i64::try_from(behind.as_micros()).unwrap_or(i64::MAX);
        let signed_us = match leg {
            Leg::First => -us,
            Leg::Second => us,
        };
        let before = self.smoothed_us.unwrap_or(signed_us);
        self.smoothed_us = Some(before + (signed_us - before) / 16);
        self.greatest = self.greatest.max(behind);
    }

    pub(crate) fn ms(self) -> Option<f64> {
        self.smoothed_us.map(|us| us as f64 / 1_000.0)
    }

    pub(crate) fn greatest_ms(self) -> f64 {
        self.greatest.as_secs_f64() * 1_000.0
    }
}
