//! Timelines from a line of text, for tests.

use std::fmt::Write;

use media::{AudioCodec, AudioFormat, Format, Grid, Rational, Timescale, Utc, VideoCodec, VideoFormat};

use crate::{Arrived, Header, HeaderId, Restored, RestoredTrack, Shape, Timeline, TrackName, Update};

/// 2001-09-09T01:46:40Z, a whole slot of 2 s.
pub(crate) const EPOCH_S: i64 = 1_000_000_000;

pub(crate) fn shape(window_s: i64) -> Shape {
    Shape { grid: Grid::new(2_000), window_us: window_s * 1_000_000, part_us: None, max_bytes: u64::MAX }
}

/// A header for a track named like `720p`, `720p25`, `audio` or `audio-de`; each version has its own id.
pub(crate) fn header(name: &str, version: u64) -> Header {
    let id = name.bytes().fold(version, |id, byte| id * 31 + u64::from(byte));
    if let Some(rest) = name.strip_prefix("audio") {
        return Header {
            id: HeaderId(id),
            timescale: Timescale::new(48_000),
            format: Format::Audio(AudioFormat {
                codec: AudioCodec::Aac,
                sample_rate: 48_000,
                channels: 2,
                config: Vec::new().into(),
                rfc6381: "mp4a.40.2".to_owned(),
            }),
            language: rest.strip_prefix('-').map(str::to_owned),
            label: None,
            declared_bps: None,
        };
    }
    let (height, fps) = name.split_once('p').expect("a track named like 720p25");
    let height: u32 = height.parse().expect("a height");
    Header {
        id: HeaderId(id),
        timescale: Timescale::MPEG,
        format: Format::Video(VideoFormat {
            codec: VideoCodec::H264,
            width: height * 16 / 9,
            height,
            frame_rate: Rational::new(fps.parse().unwrap_or(30), 1),
            sample_aspect: Rational::whole(1),
            config: Vec::new().into(),
            rfc6381: "avc1.64001f".to_owned(),
        }),
        language: None,
        label: None,
        declared_bps: None,
    }
}

/// Plays a script into a timeline: `720p 0+2x6, audio 0+2x6; 720p#1 12+2` appends six segments of 2 s from second 0
/// of both tracks in time order, then one under another header. A track alone announces itself. All segments of a
/// track `720p` have 720 kB a second.
pub(crate) fn play(timeline: &mut Timeline, script: &str) -> Vec<Update> {
    let mut updates = Vec::new();
    for batch in script.split(';') {
        let mut segments = Vec::new();
        for (order, item) in batch.split(',').enumerate() {
            let mut words = item.split_whitespace();
            let track = words.next().expect("a track");
            let (name, version) = track.split_once('#').unwrap_or((track, "0"));
            let header = header(name, version.parse().expect("a header version"));
            let name: TrackName = name.parse().expect("a track name");
            let known = timeline.track(&name).is_some_and(|t| **t.next_header() == header);
            let run = words.next();
            if !known || run.is_none() {
                timeline.announce(&name, header.clone()).expect("room for the track");
            }
            let Some(run) = run else { continue };
            let (start, rest) = run.split_once('+').expect("start+duration");
            let (duration, count) = rest.split_once('x').unwrap_or((rest, "1"));
            let start: f64 = start.parse().expect("seconds");
            let duration: f64 = duration.parse().expect("seconds");
            for index in 0..count.parse::<u32>().expect("a count") {
                let at = start + duration * f64::from(index);
                segments.push(((at * 1e6) as i64, order, name.clone(), header.timescale, duration));
            }
        }
        segments.sort_by_key(|(at, order, ..)| (*at, *order));
        for (at_us, _, name, scale, duration) in segments {
            let size = name.as_str().split('p').next().and_then(|n| n.parse().ok()).unwrap_or(16.0);
            let arrived = Arrived {
                start: Utc(EPOCH_S * 1_000_000 + at_us).ticks(scale),
                duration: (duration * f64::from(scale.ticks_per_second())) as i64,
                bytes: (size * duration * 1e3) as u64,
            };
            let now = Utc(EPOCH_S * 1_000_000 + at_us + (duration * 1e6) as i64 + 100_000);
            match timeline.append(&name, arrived, now) {
                Ok(update) => updates.push(update),
                Err(fault) => panic!("{name} at {at_us}: {fault}"),
            }
        }
    }
    updates
}

pub(crate) fn played(script: &str) -> Timeline {
    let mut timeline = Timeline::new(shape(20));
    play(&mut timeline, script);
    timeline
}

/// One line a track: `720p: 500000000 P0 [0 2 4] P1 [6]`, starts in seconds; `-` before one that is lost.
pub(crate) fn listing(timeline: &Timeline) -> String {
    let mut text = String::new();
    for track in timeline.tracks() {
        write!(text, "{}:", track.name()).expect("writes");
        let mut period = None;
        for segment in track.segments() {
            if period.is_none() {
                write!(text, " {}", segment.number).expect("writes");
            }
            if period.replace(segment.period) != Some(segment.period) {
                write!(text, " P{}", segment.period).expect("writes");
            }
            let start = (segment.start_us() - EPOCH_S * 1_000_000) as f64 / 1e6;
            let lost = if segment.presence == crate::Presence::Lost { "-" } else { "" };
            write!(text, " {lost}{start}").expect("writes");
        }
        writeln!(text).expect("writes");
    }
    text
}

/// What a log that lost the last `tail` segments of each track, but not all, would hold of it.
pub(crate) fn kept(timeline: &Timeline, tail: usize) -> Restored {
    let tracks = timeline.tracks().iter().map(|track| {
        let whole = track.segments().filter(|s| s.presence == crate::Presence::Whole);
        let kept = whole.clone().count().saturating_sub(tail).max(1);
        RestoredTrack {
            name: track.name().clone(),
            header: track.next_header().clone(),
            next_number: track.next_number.filter(|_| track.segments.is_empty()),
            segments: whole.take(kept).cloned().collect(),
        }
    });
    Restored {
        periods: timeline.periods().copied().collect(),
        target_s: timeline.target_s(),
        tracks: tracks.collect(),
    }
}
