//! The MPD of a low-latency channel (DASH-IF IOP part 5, low-latency live; ISO/IEC 23009-1 §5.3.9.5.3, §5.12, §K).
//!
//! Segments are addressed by the number of their slot on the epoch grid, so a player knows the URL of the segment that is
//! being made without asking for the manifest again, and may fetch it as soon as its first part is there. Only the newest
//! period is offered: who joins here joins at the live edge.

use media::{Grid, Timescale, Utc};

use super::xml::Xml;
use super::{Addressing, CLOCK_PATH, representation, write_period};
use crate::decimal::Seconds;
use crate::{Order, Period, Timeline, Track};

const CLOCK_SCHEME: &str = "urn:mpeg:dash:utc:http-iso:2014";
/// Players aim this many parts behind the moment of capture: three parts held, as in HLS, one being made, and two for
/// encoder, network and decoder.
const TARGET_PARTS: i64 = 6;
/// Suggested to players that count the delay from the newest part on, as Shaka Player does: none is being made there.
const DELAY_PARTS: i64 = 5;
/// The target exceeds a segment by this at least: DASH-IF asks that a segment be shorter than the target where players
/// may switch renditions only at its start.
const OVER_SEGMENT_US: i64 = 100_000;
/// The period to offer and the part target, where slots address the segments of every track offered.
pub(super) fn applies(timeline: &Timeline) -> Option<(Period, i64)> {
    let shape = timeline.shape();
    let part_us = shape.part_us?;
    let period = *timeline.periods().next_back()?;
    let mut tracks = timeline.offered().into_iter();
    let on_grid = tracks.all(|track| track.is_on_grid(shape.grid, period.number));
    on_grid.then_some((period, part_us))
}

pub(super) fn mpd(timeline: &Timeline, period: Period, part_us: i64) -> String {
    let shape = timeline.shape();
    let slot_us = i64::from(shape.grid.duration_ms()) * 1_000;
    let first = period.start_us().div_euclid(slot_us);
    let target_us = (TARGET_PARTS * part_us).max(slot_us + OVER_SEGMENT_US);
    let seconds = |micros: i64| format!("PT{}S", Seconds(micros, Timescale::MICROS));
    let mut xml = Xml::new();
    xml.open(
        "MPD",
        &[
            ("xmlns", &"urn:mpeg:dash:schema:mpd:2011"),
            (
                "profiles",
                &"urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019,\
                 http://www.dashif.org/guidelines/low-latency-live-v5",
            ),
            ("type", &"dynamic"),
            ("availabilityStartTime", &"1970-01-01T00:00:00Z"),
            ("publishTime", &timeline.changed()),
            ("minimumUpdatePeriod", &seconds(timeline.target_us())),
            ("minBufferTime", &seconds(part_us)),
            ("timeShiftBufferDepth", &seconds(shape.window_us)),
            ("suggestedPresentationDelay", &seconds(DELAY_PARTS * part_us)),
            ("maxSegmentDuration", &seconds(timeline.target_us())),
        ],
    );
    xml.open("ServiceDescription", &[("id", &0)]);
    let target_ms = target_us / 1_000;
    xml.empty(
        "Latency",
        &[("referenceId", &0), ("target", &target_ms), ("min", &(target_ms / 2)), ("max", &(target_ms * 3))],
    );
    // A player catches up with the target, but never slows down to meet it: who is nearer to the live edge and plays
    // on without a stall is welcome to it.
    xml.empty("PlaybackRate", &[("min", &"1"), ("max", &"1.04")]);
    xml.close("ServiceDescription");
    let oldest_us = timeline.live_edge().map_or(0, |edge| edge.0 - shape.window_us);
    let addressing = Addressing::Slot { grid: shape.grid, first, part_us };
    let start = Seconds(first * slot_us, Timescale::MICROS);
    write_period(&mut xml, timeline, period, oldest_us, start, addressing, Order::Channel);
    write_clock(&mut xml);
    xml.close("MPD");
    xml.finish()
}

/// Presentation times are epoch times, so the clock on the wall and on the media line are one.
pub(super) fn write_producer_reference_time(
    xml: &mut Xml,
    tracks: &[&Track],
    period: Period,
    addressing: Addressing,
) {
    let header = tracks.first().and_then(|track| representation::header(track, period));
    let (Some(header), Addressing::Slot { grid, first, .. }) = (header, addressing) else { return };
    let wall_clock = Utc(first * i64::from(grid.duration_ms()) * 1_000);
    xml.open(
        "ProducerReferenceTime",
        &[
            ("id", &0),
            ("type", &"captured"),
            ("wallClockTime", &wall_clock),
            ("presentationTime", &grid.start(first, header.timescale)),
        ],
    );
    write_clock(xml);
    xml.close("ProducerReferenceTime");
}

pub(super) fn write_template(
    xml: &mut Xml,
    scale: Timescale,
    initialization: &str,
    grid: Grid,
    first: i64,
    part_us: i64,
) {
    let part = media::rescale_floor(part_us, Timescale::MICROS, scale);
    xml.empty("Resync", &[("type", &0), ("dT", &part)]);
    let slot_us = i64::from(grid.duration_ms()) * 1_000;
    xml.empty(
        "SegmentTemplate",
        &[
            ("timescale", &scale.ticks_per_second()),
            ("presentationTimeOffset", &grid.start(first, scale)),
            ("duration", &media::rescale_nearest(slot_us, Timescale::MICROS, scale)),
            ("startNumber", &first),
            ("availabilityTimeOffset", &Seconds(slot_us - part_us, Timescale::MICROS)),
            ("availabilityTimeComplete", &"false"),
            ("initialization", &initialization),
            ("media", &"$RepresentationID$/slot-$Number$.m4s"),
        ],
    );
}

fn write_clock(xml: &mut Xml) {
    xml.empty("UTCTiming", &[("schemeIdUri", &CLOCK_SCHEME), ("value", &CLOCK_PATH)]);
}
