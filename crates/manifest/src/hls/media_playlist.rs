//! The playlist of one rendition.

use std::fmt::Write;

use media::{Timescale, Utc};

use super::{Dates, Style, low_latency};
use crate::decimal::Seconds;
use crate::{Presence, Segment, Timeline, TrackName};

/// A lost segment reports zero bytes; its duration, when printed, stays at most the target duration.
const LONGEST_S: Timescale = Timescale::new(1);

/// How much of a playlist is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Without the older segments, which the player knows (RFC 8216bis §6.2.5.1), where there are such.
    Delta,
}

/// The media playlist of a track, or `None` where the track has no listed segment.
///
/// URIs are relative to `/{channel}/{track}/`: `init-{id}.mp4`, `{first decode time}.m4s` and, on low-latency channels,
/// `{segment's first decode time}.{index}.m4s` for parts. Discontinuity numbers are period numbers, so they match in all
/// renditions. EXT-X-PROGRAM-DATE-TIME stands on the first segment and on every discontinuity.
/// Spec: RFC 8216bis §4.4.2–4.4.5.
pub fn media(timeline: &Timeline, name: &TrackName, extent: Extent) -> Option<String> {
    media_in(&Style::default(), timeline, name, extent)
}

/// The same in another style.
pub fn media_in(style: &Style, timeline: &Timeline, name: &TrackName, extent: Extent) -> Option<String> {
    let track = timeline.track(name)?;
    let first = track.segments().next()?;
    let skipped = match extent {
        Extent::Whole => 0,
        Extent::Delta => low_latency::skippable(timeline, track),
    };
    let mut text = String::with_capacity(512 + track.segments().len() * 64);
    let out = &mut text;
    line(out, format_args!("#EXTM3U"));
    let version = if skipped > 0 { super::SKIP_VERSION } else { super::VERSION };
    line(out, format_args!("#EXT-X-VERSION:{version}"));
    line(out, format_args!("#EXT-X-INDEPENDENT-SEGMENTS"));
    line(out, format_args!("#EXT-X-TARGETDURATION:{}", timeline.target_s()));
    low_latency::write_control(out, timeline);
    line(out, format_args!("#EXT-X-MEDIA-SEQUENCE:{}", first.number));
    // A tag goes when its segment goes, so that who skips a segment in a delta update has it as it is.
    let mut period = track.period_before()?;
    line(out, format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{period}"));
    if skipped > 0 {
        line(out, format_args!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"));
    }

    let mut header = None;
    let mut dated = Dated { dates: style.dates, interval: None };
    let with_parts = low_latency::parts_from(timeline, track);
    for (index, segment) in track.segments().enumerate() {
        if index < skipped {
            (period, header) = (segment.period, Some(segment.header.id));
            dated.next(segment.start_us());
            continue;
        }
        // One tag for each period begun since: a rendition that had nothing in between still counts it.
        for _ in period..segment.period {
            line(out, format_args!("#EXT-X-DISCONTINUITY"));
            dated.interval = None;
        }
        period = segment.period;
        if header != Some(segment.header.id) {
            header = Some(segment.header.id);
            line(out, format_args!("#EXT-X-MAP:URI=\"init-{}.mp4\"", segment.header.id));
        }
        if dated.next(segment.start_us()) {
            let date = Utc(segment.start_us());
            line(out, format_args!("#EXT-X-PROGRAM-DATE-TIME:{date}"));
        }
        if index >= with_parts {
            low_latency::write_parts(out, segment.start, &segment.parts, segment.timescale());
        }
        if segment.presence == Presence::Lost {
            line(out, format_args!("#EXT-X-GAP"));
        }
        write_segment(out, timeline, segment);
    }
    low_latency::write_edge(out, timeline, track, &style.playlist);
    Some(text)
}

/// Whether a segment has a date.
struct Dated {
    dates: Dates,
    /// Of the segment before; 0 where there are no intervals.
    interval: Option<i64>,
}

impl Dated {
    /// Whether the segment that begins here has one.
    fn next(&mut self, start_us: i64) -> bool {
        let interval = match self.dates {
            Dates::Never => return false,
            Dates::First => 0,
            Dates::Every(us) => start_us.div_euclid(us.max(1)),
        };
        self.interval.replace(interval) != Some(interval)
    }
}

fn write_segment(out: &mut String, timeline: &Timeline, segment: &Segment) {
    let longest = i64::from(timeline.target_s());
    let longest = media::rescale_floor(longest, LONGEST_S, segment.timescale());
    let duration = match segment.presence {
        Presence::Whole => segment.duration,
        Presence::Lost => segment.duration.min(longest),
    };
    line(out, format_args!("#EXTINF:{},", Seconds(duration, segment.timescale())));
    line(out, format_args!("{}.m4s", segment.start));
}

pub(super) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}
