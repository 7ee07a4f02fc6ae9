//! What is on, as JSON.

use manifest::{Presence, Track};
use media::{Format, Utc};
use serde::Serialize;

use crate::Origin;
use crate::channel::Channel;

#[derive(Serialize)]
struct Status<'a> {
    channel: &'a str,
    on_air: bool,
    live_edge: Option<String>,
    target_duration: u32,
    /// Longest part in seconds, on a low-latency channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    part_target: Option<f64>,
    tracks: Vec<TrackStatus<'a>>,
}

#[derive(Serialize)]
struct TrackStatus<'a> {
    name: &'a str,
    kind: &'static str,
    codecs: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame_rate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample_rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<u16>,
    average_bps: u64,
    peak_bps: u64,
    segments: usize,
    live_edge: Option<String>,
}

#[derive(Serialize)]
struct Channels<'a> {
    channels: Vec<ChannelEntry<'a>>,
}

#[derive(Serialize)]
struct ChannelEntry<'a> {
    name: &'a str,
    on_air: bool,
}

/// `status.json` of a channel.
pub(super) fn channel(channel: &Channel, now: Utc) -> String {
    let state = channel.state();
    let timeline = &state.timeline;
    let status = Status {
        channel: channel.name.as_str(),
        on_air: state.is_on_air(now),
        live_edge: timeline.live_edge().map(|edge| edge.to_string()),
        target_duration: timeline.target_s(),
        part_target: timeline.shape().part_us.map(|us| us as f64 / 1e6),
        tracks: timeline
            .tracks()
            .iter()
            .filter(|track| track.segments().len() > 0)
            .map(track_status)
            .collect(),
    };
    json(&status)
}

/// All channels and whether they are on air.
pub(super) fn channels(origin: &Origin) -> String {
    let now = origin.clock.now();
    let listed = origin.channels.all();
    let channels = listed.iter();
    let channels = channels
        .map(|(name, channel)| ChannelEntry { name: name.as_str(), on_air: channel.state().is_on_air(now) });
    json(&Channels { channels: channels.collect() })
}

fn track_status(track: &Track) -> TrackStatus<'_> {
    let format = &track.header().format;
    let (video, audio) = match format {
        Format::Video(video) => (Some(video), None),
        Format::Audio(audio) => (None, Some(audio)),
    };
    let whole = track.segments().filter(|segment| segment.presence == Presence::Whole);
    let edge = whole
        .clone()
        .next_back()
        .map(|segment| Utc::of(media::MediaTime::new(segment.end(), segment.timescale())).to_string());
    TrackStatus {
        name: track.name().as_str(),
        kind: if format.is_video() { "video" } else { "audio" },
        codecs: format.rfc6381(),
        width: video.map(|video| video.width),
        height: video.map(|video| video.height),
        frame_rate: video.and_then(|video| video.frame_rate).map(|rate| rate.to_string()),
        sample_rate: audio.map(|audio| audio.sample_rate),
        channels: audio.map(|audio| audio.channels),
        average_bps: track.average_bps(),
        peak_bps: track.peak_bps(),
        segments: whole.count(),
        live_edge: edge,
    }
}

fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).expect("plain structs become JSON");
    text.push('\n');
    text
}
