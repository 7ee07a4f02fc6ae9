//! The playlist of one rendition.

use std::fmt::Write;

use media::{Timescale, Utc};

use crate::decimal::Seconds;
use crate::{Presence, Timeline, TrackName};

/// A lost segment reports zero bytes; its duration, when printed, stays at most the target duration.
const LONGEST_S: Timescale = Timescale::new(1);

/// The media playlist of a track, or `None` where the track has no listed segment.
///
/// URIs are relative to `/{channel}/{track}/`: `init-{id}.mp4` and `{first decode time}.m4s`. Discontinuity numbers
/// are period numbers, so they match in all renditions. EXT-X-PROGRAM-DATE-TIME stands on the first segment and on
/// every discontinuity. Spec: RFC 8216bis §4.4.2–4.4.4.
pub fn media(timeline: &Timeline, name: &TrackName) -> Option<String> {
    let track = timeline.track(name)?;
    let first = track.segments().next()?;
    let mut text = String::with_capacity(512 + track.segments().len() * 64);
    let out = &mut text;
    line(out, format_args!("#EXTM3U"));
    line(out, format_args!("#EXT-X-VERSION:{}", super::VERSION));
    line(out, format_args!("#EXT-X-INDEPENDENT-SEGMENTS"));
    line(out, format_args!("#EXT-X-TARGETDURATION:{}", timeline.target_s()));
    line(out, format_args!("#EXT-X-MEDIA-SEQUENCE:{}", first.number));
    line(out, format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{}", first.period));

    let mut period = first.period;
    let mut header = None;
    let mut dated = false;
    for segment in track.segments() {
        // One tag for each period begun since: a rendition that had nothing in between still counts it.
        for _ in period..segment.period {
            line(out, format_args!("#EXT-X-DISCONTINUITY"));
            dated = false;
        }
        period = segment.period;
        if header != Some(segment.header.id) {
            header = Some(segment.header.id);
            line(out, format_args!("#EXT-X-MAP:URI=\"init-{}.mp4\"", segment.header.id));
        }
        if !std::mem::replace(&mut dated, true) {
            let date = Utc(segment.start_us());
            line(out, format_args!("#EXT-X-PROGRAM-DATE-TIME:{date}"));
        }
        if segment.presence == Presence::Lost {
            line(out, format_args!("#EXT-X-GAP"));
        }
        let longest = i64::from(timeline.target_s());
        let longest = media::rescale_floor(longest, LONGEST_S, segment.timescale());
        let duration = match segment.presence {
            Presence::Whole => segment.duration,
            Presence::Lost => segment.duration.min(longest),
        };
        line(out, format_args!("#EXTINF:{},", Seconds(duration, segment.timescale())));
        line(out, format_args!("{}.m4s", segment.start));
    }
    Some(text)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}
