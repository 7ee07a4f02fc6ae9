//! How soon viewers see what happens.

use std::ops::RangeInclusive;

use media::{Parts, Timescale};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::fields::Field;
use crate::ladder::Ladder;

/// Parts of a channel that names none, in milliseconds: the first of these, in steps of 10, that divides its segments well.
const DEFAULT_PARTS_MS: RangeInclusive<u32> = 300..=500;
/// Parts fill this share of the longest, in percent.
const PART_FILLED_PERCENT: f64 = Parts::FILLED_PERCENT as f64;
/// Parts of a channel that names none are longer than this: see [`Parts`].
const PASSED_OVER_MS: f64 = 250.0;

/// How soon viewers see what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    /// `latency = "standard"`: whole segments, so viewers are some segments behind.
    Standard,
    /// `latency = "low"`: segments leave part by part, so viewers are some parts behind.
    Low {
        /// Longest part: `part`, in seconds, 0.2 to 0.5, default 0.3, or a little more where that divides the
        /// segments better.
        part_ms: u32,
    },
}

impl Latency {
    pub(crate) fn read(
        latency: Option<Field<'_>>,
        part: Option<Field<'_>>,
        ladder: &Ladder,
        segment_ms: u32,
    ) -> Result<Self, Fault> {
        let low = match latency {
            None => None,
            Some(field) => field.choice(&[("standard", false), ("low", true)])?.then_some(field),
        };
        let Some(low) = low else {
            return match part {
                None => Ok(Self::Standard),
                Some(part) => Err(part.fault("only a channel with latency = \"low\" has parts")),
            };
        };
        let default = DEFAULT_PARTS_MS.step_by(10).find(|part_ms| {
            filled_percent(ladder, *part_ms) >= PART_FILLED_PERCENT
                && shortest_ms(ladder, segment_ms, *part_ms) > PASSED_OVER_MS
        });
        let Some(part) = part else {
            return default.map(|part_ms| Self::Low { part_ms }).ok_or_else(|| {
                low.fault(format!(
                    "segments of {} s at these frame rates do not divide into parts of 0.3 to 0.5 s: write latency = \
                     \"standard\", or give rungs of 10 frames per second or more",
                    f64::from(segment_ms) / 1e3
                ))
            });
        };
        let part_ms = (part.number(0.2..=0.5, "seconds")? * 1e3).round() as u32;
        let filled = filled_percent(ladder, part_ms);
        if filled < PART_FILLED_PERCENT && matches!(ladder, Ladder::Transcode(_)) {
            let better =
                default.map_or_else(String::new, |ms| format!("; {} suits them", f64::from(ms) / 1e3));
            return Err(part.fault(format!(
                "the whole frames of a rung that fit fill {filled:.0} % of such a part, and HLS asks for \
                 {PART_FILLED_PERCENT}{better}"
            )));
        }
        Ok(Self::Low { part_ms })
    }

    /// Longest part, where there are parts.
    pub const fn part_ms(self) -> Option<u32> {
        match self {
            Self::Standard => None,
            Self::Low { part_ms } => Some(part_ms),
        }
    }
}

/// The share of a part that the whole frames fill that fit, of the track where it is least.
fn filled_percent(ladder: &Ladder, part_ms: u32) -> f64 {
    let filled = ladder.rates().map(|rate| {
        let frames = f64::from(part_ms) / 1e3 * rate.as_f64();
        (frames + 1e-6).floor() / frames * 100.0
    });
    filled.fold(100.0, f64::min)
}

/// The shortest part of any track, in milliseconds.
fn shortest_ms(ladder: &Ladder, segment_ms: u32, part_ms: u32) -> f64 {
    let shortest = ladder.rates().flat_map(|rate| {
        let ticks = |ms: u32| media::rescale_floor(ms.into(), Timescale::MILLIS, rate.frame_timescale());
        let frame = i64::from(rate.frame_ticks());
        let (segment, fewest) = (ticks(segment_ms), ticks(segment_ms) / frame);
        // Where frames do not divide the segment, some segments have one more than others.
        [fewest, (segment + frame - 1) / frame].map(|frames| {
            let parts = Parts::new(frames * frame, frames, ticks(part_ms));
            parts.shortest() as f64 / rate.as_f64() * 1e3
        })
    });
    shortest.fold(f64::INFINITY, f64::min)
}
