//! The DASH manifest (ISO/IEC 23009-1).

mod low_latency;
mod representation;
mod style;
mod xml;

use std::collections::BTreeMap;

use media::{Format, Grid, Timescale};

pub use self::style::{Style, Template};
use self::xml::Xml;
use crate::decimal::Seconds;
use crate::{Order, Period, Presence, Timeline, Track};

/// The `Content-Type` of a manifest.
pub const CONTENT_TYPE: &str = "application/dash+xml";

/// Where the server tells the time, for [`mpd`]'s UTCTiming.
pub const CLOCK_PATH: &str = "/_/time";

/// The dynamic MPD, or `None` while nothing is listed.
///
/// Live profile, availability from the Unix epoch, `$Time$` addressing by exact SegmentTimelines; a Period for each
/// [`Period`], whose presentation times are epoch times. A low-latency channel whose segments lie on the grid has
/// `$Number$` addressing by slot instead, so that a player can ask for a segment while it is being made. URLs are relative to
/// `/{channel}/`.
/// Spec: ISO/IEC 23009-1 §5.3, §8.4.
pub fn mpd(timeline: &Timeline) -> Option<String> {
    mpd_in(&Style::default(), timeline)
}

/// The same in another style.
pub fn mpd_in(style: &Style, timeline: &Timeline) -> Option<String> {
    let live_edge = timeline.live_edge()?;
    let target_us = timeline.target_us();
    let seconds = |micros: i64| format!("PT{}S", Seconds(micros, Timescale::MICROS));
    if let Some((period, part_us)) = low_latency::applies(timeline) {
        return Some(low_latency::mpd(timeline, period, part_us));
    }
    let set = |s: Option<u32>, default_us: i64| seconds(s.map_or(default_us, |s| i64::from(s) * 1_000_000));
    let mut xml = Xml::new();
    xml.open(
        "MPD",
        &[
            ("xmlns", &"urn:mpeg:dash:schema:mpd:2011"),
            ("profiles", &"urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019"),
            ("type", &"dynamic"),
            ("availabilityStartTime", &"1970-01-01T00:00:00Z"),
            ("publishTime", &timeline.changed()),
            ("minimumUpdatePeriod", &set(style.update_s, target_us)),
            ("minBufferTime", &set(style.min_buffer_s, target_us)),
            ("timeShiftBufferDepth", &seconds(timeline.shape().window_us)),
            ("suggestedPresentationDelay", &set(style.delay_s, 3 * target_us + delay_us(timeline))),
            ("maxSegmentDuration", &seconds(target_us + 500_000)),
        ],
    );
    let oldest_us = live_edge.0 - timeline.shape().window_us;
    for period in timeline.periods() {
        let start = Seconds(period.start_ms, Timescale::MILLIS);
        write_period(
            &mut xml,
            timeline,
            *period,
            oldest_us,
            start,
            Addressing::Timeline(style.template),
            style.order,
        );
    }
    if style.tells_clock {
        let scheme = "urn:mpeg:dash:utc:http-xsdate:2014";
        xml.empty("UTCTiming", &[("schemeIdUri", &scheme), ("value", &CLOCK_PATH)]);
    }
    xml.close("MPD");
    Some(xml.finish())
}

/// How long after its end the latest of the listed segments was listed, in whole seconds of microseconds: media that
/// is encoded late, or lags behind the clock, is played that much later.
fn delay_us(timeline: &Timeline) -> i64 {
    let listed = timeline.tracks().iter().flat_map(Track::segments);
    let whole = listed.filter(|segment| segment.presence == Presence::Whole);
    let late = whole.map(|segment| segment.published.0 - segment.end_us()).max();
    let late = late.unwrap_or(0).clamp(0, timeline.shape().window_us);
    (late + 999_999) / 1_000_000 * 1_000_000
}

/// Video is listed first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Video,
    Audio,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// What one AdaptationSet holds: tracks a player may switch between.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SetKey {
    kind: Kind,
    codec: String,
    language: Option<String>,
    label: Option<String>,
}

fn set_key(track: &Track, period: Period) -> Option<SetKey> {
    let header = representation::header(track, period)?;
    let codecs = header.format.rfc6381();
    Some(SetKey {
        kind: match header.format {
            Format::Video(_) => Kind::Video,
            Format::Audio(_) => Kind::Audio,
        },
        codec: codecs.split('.').next().unwrap_or(codecs).to_owned(),
        language: header.language.clone(),
        label: header.label.clone(),
    })
}

/// How a player finds a segment's URL.
#[derive(Clone, Copy)]
enum Addressing {
    /// By its first decode time or its number, from a SegmentTimeline.
    Timeline(Template),
    /// By the number of its slot on the grid, from the time.
    Slot { grid: Grid, first: i64, part_us: i64 },
}

fn write_period(
    xml: &mut Xml,
    timeline: &Timeline,
    period: Period,
    oldest_us: i64,
    start: Seconds,
    addressing: Addressing,
    order: Order,
) {
    let mut sets: BTreeMap<SetKey, Vec<&Track>> = BTreeMap::new();
    for track in timeline.tracks() {
        // A track that fell silent is not offered beyond the window of those that play on.
        let shown = track
            .segments()
            .any(|s| s.period == period.number && s.presence == Presence::Whole && s.end_us() > oldest_us);
        if let Some(key) = set_key(track, period).filter(|_| shown) {
            sets.entry(key).or_default().push(track);
        }
    }
    if sets.is_empty() {
        return;
    }
    xml.open("Period", &[("id", &period.number), ("start", &format!("PT{start}S"))]);
    for (key, tracks) in &mut sets {
        if key.kind == Kind::Video {
            order.sort(tracks);
        }
        let kind = key.kind.name();
        let mime = format!("{}/mp4", key.kind.name());
        let language = key.language.as_deref().unwrap_or("und");
        let mut attributes: Vec<(&str, &dyn std::fmt::Display)> =
            vec![("contentType", &kind), ("mimeType", &mime)];
        if key.kind == Kind::Audio {
            attributes.push(("lang", &language));
        }
        attributes.push(("segmentAlignment", &"true"));
        attributes.push(("startWithSAP", &"1"));
        xml.open("AdaptationSet", &attributes);
        if let Some(label) = &key.label {
            xml.text("Label", label);
        }
        if let Addressing::Slot { .. } = addressing {
            low_latency::write_producer_reference_time(xml, tracks, period, addressing);
        }
        xml.empty("Role", &[("schemeIdUri", &"urn:mpeg:dash:role:2011"), ("value", &"main")]);
        for track in tracks.iter() {
            representation::write(xml, track, period, addressing);
        }
        xml.close("AdaptationSet");
    }
    xml.close("Period");
}
