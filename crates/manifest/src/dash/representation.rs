//! One track in one Period.

use media::Format;

use super::xml::{Attributes, Xml};
use super::{Addressing, Template, low_latency};
use crate::{Header, Period, Presence, Segment, Track};

/// The header of the track's segments in `period`; `None` where it has none to fetch.
pub(super) fn header(track: &Track, period: Period) -> Option<&Header> {
    segments(track, period).next().map(|segment| &*segment.header)
}

fn segments(track: &Track, period: Period) -> impl Iterator<Item = &Segment> {
    track.segments().filter(move |s| s.period == period.number && s.presence == Presence::Whole)
}

pub(super) fn write(xml: &mut Xml, track: &Track, period: Period, addressing: Addressing) {
    let Some(header) = header(track, period) else {
        return;
    };
    let bandwidth = track.peak_bps();
    let codecs = header.format.rfc6381();
    let scale = header.timescale.ticks_per_second();
    let base: [(&str, &dyn std::fmt::Display); 3] =
        [("id", track.name()), ("bandwidth", &bandwidth), ("codecs", &codecs)];
    match &header.format {
        Format::Video(video) => {
            let aspect = format!("{}:{}", video.sample_aspect.num(), video.sample_aspect.den());
            let rate = video.frame_rate;
            let mut all = base.to_vec();
            all.push(("width", &video.width));
            all.push(("height", &video.height));
            all.push(("sar", &aspect));
            if let Some(rate) = &rate {
                all.push(("frameRate", rate));
            }
            xml.open("Representation", &all);
        }
        Format::Audio(audio) => {
            let mut all = base.to_vec();
            all.push(("audioSamplingRate", &audio.sample_rate));
            xml.open("Representation", &all);
            xml.empty(
                "AudioChannelConfiguration",
                &[
                    ("schemeIdUri", &"urn:mpeg:dash:23003:3:audio_channel_configuration:2011"),
                    ("value", &audio.channels),
                ],
            );
        }
    }
    let initialization = format!("$RepresentationID$/init-{}.mp4", header.id);
    let template = match addressing {
        Addressing::Timeline(template) => template,
        Addressing::Slot { grid, first, part_us } => {
            low_latency::write_template(xml, header.timescale, &initialization, grid, first, part_us);
            xml.close("Representation");
            return;
        }
    };
    let offset = period.start(header.timescale);
    let first = segments(track, period).next().map_or(0, |segment| segment.number);
    let mut attributes: Vec<(&str, &dyn std::fmt::Display)> =
        vec![("timescale", &scale), ("presentationTimeOffset", &offset), ("initialization", &initialization)];
    match template {
        Template::Time => attributes.push(("media", &"$RepresentationID$/$Time$.m4s")),
        Template::Number => {
            attributes.push(("startNumber", &first));
            attributes.push(("media", &"$RepresentationID$/number-$Number$.m4s"));
        }
    }
    xml.open("SegmentTemplate", &attributes);
    xml.open("SegmentTimeline", &[]);
    for run in runs(segments(track, period)) {
        run.write(xml);
    }
    xml.close("SegmentTimeline");
    xml.close("SegmentTemplate");
    xml.close("Representation");
}

/// One `S`: equal durations, each beginning where the one before ended.
struct Run {
    /// Written where the segment does not begin where the last run ended.
    time: Option<i64>,
    duration: i64,
    repeats: u32,
}

impl Run {
    fn write(&self, xml: &mut Xml) {
        let mut attributes: Vec<(&str, &dyn std::fmt::Display)> = Vec::with_capacity(3);
        if let Some(time) = &self.time {
            attributes.push(("t", time));
        }
        attributes.push(("d", &self.duration));
        if self.repeats > 0 {
            attributes.push(("r", &self.repeats));
        }
        let attributes: &Attributes<'_> = &attributes;
        xml.empty("S", attributes);
    }
}

fn runs<'a>(segments: impl Iterator<Item = &'a Segment>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut end = None;
    let mut segments = segments.peekable();
    while let Some(segment) = segments.next() {
        // A segment that laps over its successor is told shorter: entries of a timeline never overlap (§5.3.9.6).
        let duration = match segments.peek() {
            Some(next) => segment.duration.min(next.start - segment.start),
            None => segment.duration,
        };
        let follows = end == Some(segment.start);
        match runs.last_mut() {
            Some(run) if follows && run.duration == duration => run.repeats += 1,
            _ => runs.push(Run { time: (!follows).then_some(segment.start), duration, repeats: 0 }),
        }
        end = Some(segment.start + duration);
    }
    runs
}
