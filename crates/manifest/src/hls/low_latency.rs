//! What a low-latency channel's playlists have beyond others' (RFC 8216bis §4.4.3.7, §4.4.3.8, §4.4.4.9, §4.4.5).
//!
//! The same for every viewer of a URL, so that caches share it. Every function writes nothing on a standard channel.

use media::{Timescale, rescale_nearest};

use super::media_playlist::line;
use crate::decimal::Seconds;
use crate::{Part, Timeline, Track};

/// Parts of segments that end this many target durations before the playlist's end are listed no longer (§6.2.2).
const PARTS_TARGETS: i64 = 3;
/// Segments that end this many target durations before the playlist's end may be skipped (§4.4.3.8: at least six).
const SKIP_TARGETS: i64 = 6;
/// Players stay this many parts, or target durations, behind the end (Apple's authoring specification: at least three).
const HOLD_BACK: i64 = 3;

pub(super) fn write_control(out: &mut String, timeline: &Timeline) {
    let Some(part_us) = timeline.shape().part_us else { return };
    let seconds = |us: i64| Seconds(us, Timescale::MICROS);
    let target_us = timeline.target_us();
    line(
        out,
        format_args!(
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={},HOLD-BACK={},PART-HOLD-BACK={}",
            seconds(SKIP_TARGETS * target_us),
            seconds(HOLD_BACK * target_us),
            seconds(HOLD_BACK * part_us)
        ),
    );
    line(out, format_args!("#EXT-X-PART-INF:PART-TARGET={}", seconds(part_us)));
}

/// Index of the first listed segment whose parts are listed.
pub(super) fn parts_from(timeline: &Timeline, track: &Track) -> usize {
    older_than(track, PARTS_TARGETS * timeline.target_us())
}

/// How many segments a delta update leaves out.
pub(super) fn skippable(timeline: &Timeline, track: &Track) -> usize {
    match timeline.shape().part_us {
        Some(_) => older_than(track, SKIP_TARGETS * timeline.target_us()),
        None => 0,
    }
}

pub(super) fn write_parts(out: &mut String, segment_start: i64, parts: &[Part], scale: Timescale) {
    for (index, part) in parts.iter().enumerate() {
        let independent = if part.independent { ",INDEPENDENT=YES" } else { "" };
        let duration = Seconds(part.duration, scale);
        line(
            out,
            format_args!("#EXT-X-PART:DURATION={duration},URI=\"{segment_start}.{index}.m4s\"{independent}"),
        );
    }
}

/// The open segment's parts, the part to come, and how far the other renditions are.
pub(super) fn write_edge(out: &mut String, timeline: &Timeline, track: &Track, playlist: &str) {
    if timeline.shape().part_us.is_none() {
        return;
    }
    if let Some(open) = track.open() {
        write_parts(out, open.start(), open.parts(), open.timescale());
    }
    if let Some((start, index)) = track.next_part(timeline.shape().grid) {
        line(out, format_args!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{start}.{index}.m4s\""));
    }
    for other in timeline.offered() {
        if other.name() == track.name() {
            continue;
        }
        if let Some((number, part)) = other.newest() {
            let name = other.name();
            let part = part.map_or_else(String::new, |part| format!(",LAST-PART={part}"));
            line(
                out,
                format_args!(
                    "#EXT-X-RENDITION-REPORT:URI=\"../{name}/{playlist}.m3u8\",LAST-MSN={number}{part}"
                ),
            );
        }
    }
}

/// How many segments end at least this long before the playlist's end, in media that is listed: a break of the publisher
/// lasts nothing.
fn older_than(track: &Track, us: i64) -> usize {
    let open = track
        .open()
        .map_or(0, |open| rescale_nearest(open.end() - open.start(), open.timescale(), Timescale::MICROS));
    let mut behind_us = open;
    let newer = track.segments().rev().take_while(|segment| {
        let ends_too_near = behind_us < us;
        behind_us += segment.duration_us();
        ends_too_near
    });
    track.segments().len() - newer.count()
}
