//! What may be missing from a channel, filled in: what clients see afterwards is what runs.

use aws::{Map, Value};
use media::{Rational, VideoCodec};

/// Sound where nothing is said of it, bits per second.
const AUDIO_BPS: i32 = 128_000;
/// The name of the description that is then made.
const AUDIO_NAME: &str = "audio_1";
/// The destination of a group that names none: this installation's origin.
pub(crate) const ORIGIN: &str = "headwater";

/// Fills in what may be missing. `is_pair`: an attached input has two endpoints, for two pipelines.
pub(crate) fn complete(settings: &mut Map, is_pair: bool) {
    if settings.get("ChannelClass").is_none() {
        settings.insert("ChannelClass", if is_pair { "STANDARD" } else { "SINGLE_PIPELINE" });
    }
    let encoder = structure(settings, "EncoderSettings");
    let timecode = structure(encoder, "TimecodeConfig");
    if timecode.get("Source").is_none() {
        timecode.insert("Source", "SYSTEMCLOCK");
    }
    sound(encoder);
    let named = video_names(encoder);
    let descriptions = list(encoder, "VideoDescriptions");
    for name in named {
        let is_there = |value: &Value| value.as_map().and_then(|map| map.text("Name")) == Some(name.as_str());
        if !descriptions.iter().any(is_there) && size_and_rate(&name).is_some() {
            descriptions.push(Map::new().with("Name", name).into());
        }
    }
    for description in maps(descriptions) {
        picture(description);
    }
    let mut needs_origin = false;
    for group in maps(list(encoder, "OutputGroups")) {
        needs_origin |= output_group(group);
    }
    if needs_origin {
        let destinations = list(settings, "Destinations");
        let is_origin = |value: &Value| value.as_map().and_then(|map| map.text("Id")) == Some(ORIGIN);
        if !destinations.iter().any(is_origin) {
            destinations.push(Map::new().with("Id", ORIGIN).with("Settings", Vec::new()).into());
        }
    }
}

/// Sound for outputs where nothing at all is said of it.
fn sound(encoder: &mut Map) {
    let descriptions = list(encoder, "AudioDescriptions");
    if descriptions.is_empty() {
        let aac = Map::new()
            .with("Bitrate", f64::from(AUDIO_BPS))
            .with("CodingMode", "CODING_MODE_2_0")
            .with("SampleRate", 48_000.0);
        let description = Map::new()
            .with("AudioSelectorName", "default")
            .with("CodecSettings", Map::new().with("AacSettings", aac))
            .with("Name", AUDIO_NAME);
        descriptions.push(description.into());
        for output in outputs(encoder) {
            let names = list(output, "AudioDescriptionNames");
            if names.is_empty() {
                names.push(AUDIO_NAME.into());
            }
        }
    }
}

fn picture(description: &mut Map) {
    let told = description.text("Name").and_then(size_and_rate);
    if let Some((width, height, _)) = told
        && description.get("Width").is_none()
        && description.get("Height").is_none()
    {
        description.insert("Width", width);
        description.insert("Height", height);
    }
    match (whole(description, "Width"), whole(description, "Height")) {
        (Some(width), None) if (1..=8_192).contains(&width) => {
            _ = description.insert("Height", even(width * 9, 16))
        }
        (None, Some(height)) if (1..=8_192).contains(&height) => {
            _ = description.insert("Width", even(height * 16, 9))
        }
        _ => {}
    }
    let height = whole(description, "Height").unwrap_or(720);
    let codecs = structure(description, "CodecSettings");
    if codecs.is_empty() {
        codecs.insert("H264Settings", Map::new());
    }
    let (member, is_hevc) =
        if codecs.get("H265Settings").is_some() { ("H265Settings", true) } else { ("H264Settings", false) };
    let Some(Value::Map(codec)) = codecs.get_mut(member) else { return };
    if codec.get("FramerateNumerator").is_none() && codec.get("FramerateControl").is_none() {
        codec.insert("FramerateControl", "SPECIFIED");
    }
    if codec.get("FramerateNumerator").is_none() && codec.text("FramerateControl") == Some("SPECIFIED") {
        codec.insert("FramerateNumerator", told.map_or(30, |(_, _, rate)| rate));
        codec.insert("FramerateDenominator", 1);
    }
    if codec.get("FramerateDenominator").is_none() {
        codec.insert("FramerateDenominator", 1);
    }
    if codec.get("Bitrate").is_none() && codec.get("MaxBitrate").is_none() {
        let member = if codec.text("RateControlMode") == Some("QVBR") { "MaxBitrate" } else { "Bitrate" };
        let per_second = whole(codec, "FramerateNumerator").unwrap_or(30)
            / whole(codec, "FramerateDenominator").unwrap_or(1).max(1);
        let fits = |number: i64| u32::try_from(number).unwrap_or(if number < 0 { 0 } else { u32::MAX });
        let rate = Rational::new(fits(per_second).max(1), 1).expect("neither part is zero");
        let coded = if is_hevc { VideoCodec::H265 } else { VideoCodec::H264 };
        codec.insert(member, spec::usual_bitrate(fits(height), rate, coded));
    }
}

/// Whether it needs the built-in origin as a destination.
fn output_group(group: &mut Map) -> bool {
    let mut needs_origin = false;
    if let Some(Value::Map(settings)) = group.get_mut("OutputGroupSettings") {
        for kind in ["HlsGroupSettings", "CmafIngestGroupSettings"] {
            if let Some(Value::Map(kind)) = settings.get_mut(kind) {
                let destination = structure(kind, "Destination");
                if destination.text("DestinationRefId").unwrap_or_default().is_empty() {
                    destination.insert("DestinationRefId", ORIGIN);
                    needs_origin = true;
                }
            }
        }
    }
    for output in maps(list(group, "Outputs")) {
        let Some(Value::Map(settings)) = output.get_mut("OutputSettings") else { continue };
        let Some(Value::Map(hls)) = settings.get_mut("HlsOutputSettings") else { continue };
        let hls = structure(hls, "HlsSettings");
        if hls.is_empty() {
            hls.insert("Fmp4HlsSettings", Map::new());
        }
        if let Some(Value::Map(only)) = hls.get_mut("AudioOnlyHlsSettings")
            && only.get("AudioTrackType").is_none()
        {
            only.insert("AudioTrackType", "ALTERNATE_AUDIO_AUTO_SELECT");
        }
        if let Some(Value::Map(standard)) = hls.get_mut("StandardHlsSettings") {
            structure(standard, "M3u8Settings");
        }
    }
    needs_origin
}

/// The video descriptions that outputs name.
fn video_names(encoder: &Map) -> Vec<String> {
    let each = |value: Option<&Value>| value.and_then(Value::as_list).unwrap_or_default().to_vec();
    let groups = each(encoder.get("OutputGroups"));
    let outputs = groups.iter().filter_map(Value::as_map).flat_map(|group| each(group.get("Outputs")));
    let mut names: Vec<String> = Vec::new();
    for output in outputs {
        let name = output.as_map().and_then(|output| output.text("VideoDescriptionName")).unwrap_or_default();
        if !name.is_empty() && !names.iter().any(|other| other == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn outputs(encoder: &mut Map) -> impl Iterator<Item = &mut Map> {
    maps(list(encoder, "OutputGroups")).flat_map(|group| maps(list(group, "Outputs")))
}

/// The size and rate in a name such as `video_1080p30`.
fn size_and_rate(name: &str) -> Option<(i32, i32, i32)> {
    let (height, rate) = name.rsplit('_').next()?.split_once('p')?;
    let (height, rate): (i32, i32) = (height.parse().ok()?, rate.parse().ok()?);
    let fits = (64..=2_304).contains(&height) && height % 2 == 0 && (1..=120).contains(&rate);
    fits.then(|| (even(i64::from(height) * 16, 9), height, rate))
}

/// `number / divisor` as an even number: 853 1/3 is 854.
fn even(number: i64, divisor: i64) -> i32 {
    i32::try_from((number / divisor + 1) / 2 * 2).unwrap_or(i32::MAX - 1)
}

fn whole(map: &Map, member: &str) -> Option<i64> {
    match map.get(member)? {
        Value::Integer(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

/// The structure of a member; an empty one where there is none.
fn structure<'m>(map: &'m mut Map, member: &'static str) -> &'m mut Map {
    if map.get(member).and_then(Value::as_map).is_none() {
        map.insert(member, Map::new());
    }
    match map.get_mut(member) {
        Some(Value::Map(map)) => map,
        _ => unreachable!("it was put there"),
    }
}

/// The list of a member; an empty one where there is none.
fn list<'m>(map: &'m mut Map, member: &'static str) -> &'m mut Vec<Value> {
    if map.get(member).and_then(Value::as_list).is_none() {
        map.insert(member, Vec::new());
    }
    match map.get_mut(member) {
        Some(Value::List(list)) => list,
        _ => unreachable!("it was put there"),
    }
}

fn maps(list: &mut [Value]) -> impl Iterator<Item = &mut Map> {
    list.iter_mut().filter_map(|value| match value {
        Value::Map(map) => Some(map),
        _ => None,
    })
}
