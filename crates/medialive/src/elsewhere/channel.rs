//! A channel of another door as MediaLive describes its own.

use aws::{Map, Value};
use door::{Caller, Other, OtherState, Site};
use spec::{Ladder, Pipelines, Rung};

use super::{attachment, encoder, id};
use crate::describe::VERSION;
use crate::mapping::ORIGIN;

/// Lines of a picture in standard definition, at most.
const SD_LINES: u32 = 576;
/// The same in high definition.
const HD_LINES: u32 = 1_080;

/// The channel's state, by what is seen to run: as for MediaLive's own, an encoder that runs is a channel that runs.
pub(crate) fn state(other: &Other<spec::Channel>) -> &'static str {
    match other.sight.state {
        OtherState::Running => "RUNNING",
        OtherState::Starting if other.sight.encoders > 0 => "RUNNING",
        OtherState::Starting => "STARTING",
        OtherState::Stopping => "STOPPING",
        OtherState::Stopped | OtherState::Refused | OtherState::Disabled => "IDLE",
    }
}

/// How many encoder processes it asks for.
pub(crate) fn pipelines(channel: &spec::Channel) -> u8 {
    if channel.pipelines == Pipelines::One { 1 } else { 2 }
}

/// The channel, described.
pub(super) fn described(other: &Other<spec::Channel>, caller: &Caller, site: &Site) -> Map {
    let channel = &other.spec;
    let id = id::channel(&other.name);
    let state = state(other);
    let running = if state == "RUNNING" { other.sight.encoders.min(pipelines(channel)) } else { 0 };
    let attachments = attachment::all(other);
    let mut map = Map::new()
        .with("Arn", caller.arn("medialive", &format!("channel:{id}")))
        .with("ChannelClass", if pipelines(channel) == 1 { "SINGLE_PIPELINE" } else { "STANDARD" })
        .with("ChannelEngineVersion", Map::new().with("Version", VERSION))
        .with("Destinations", vec![destination(&other.name, site)])
        .with("EgressEndpoints", Vec::new())
        .with("EncoderSettings", encoder::settings(channel))
        .with("Id", id)
        .with("Name", other.name.as_str())
        .with("PipelineDetails", details(running, &attachments))
        .with("PipelinesRunningCount", i32::from(running))
        .with("State", state)
        .with("Tags", door::tag_map(&other.shown_tags()))
        .with("InputAttachments", attachments);
    if let Ladder::Transcode(rungs) = &channel.ladder {
        map.insert("InputSpecification", specification(rungs));
    }
    map
}

/// This installation's origin, with the URL that plays.
fn destination(name: &str, site: &Site) -> Value {
    let url = format!("{}/{name}/index.m3u8", site.url("http", site.viewers));
    let settings = vec![Value::from(Map::new().with("Url", url))];
    Map::new().with("Id", ORIGIN).with("Settings", settings).into()
}

/// The pipelines that run. Which input is shown is told where there is one alone.
fn details(running: u8, attachments: &[Value]) -> Vec<Value> {
    let only = match attachments {
        [only] => only.as_map().and_then(|only| only.text("InputAttachmentName")),
        _ => None,
    };
    let detail = |id: u8| {
        let mut map = Map::new().with("PipelineId", id.to_string());
        if let Some(name) = only {
            map.insert("ActiveInputAttachmentName", name);
        }
        map.with("ChannelEngineVersion", Map::new().with("Version", VERSION)).into()
    };
    (0..running).map(detail).collect()
}

/// What an input has to be for the largest of these pictures: nothing is said of what comes really.
fn specification(rungs: &[Rung]) -> Map {
    let lines = rungs.iter().map(|rung| rung.height).max().unwrap_or_default();
    let (resolution, bitrate) = match lines {
        _ if lines <= SD_LINES => ("SD", "MAX_10_MBPS"),
        _ if lines <= HD_LINES => ("HD", "MAX_20_MBPS"),
        _ => ("UHD", "MAX_50_MBPS"),
    };
    Map::new().with("Codec", "AVC").with("MaximumBitrate", bitrate).with("Resolution", resolution)
}
