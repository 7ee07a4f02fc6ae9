//! Channels and inputs to test with.

use std::collections::BTreeMap;

use aws::{Map, Value};
use serde_json::json;

use super::Feed;
use crate::endpoint::Endpoint;

/// A document of JSON, members by their names.
pub(crate) fn map(json: serde_json::Value) -> Map {
    serde_json::from_value(json).expect("a structure")
}

/// An input of these endpoints under the id `1`.
pub(crate) fn feeds(endpoints: &[Endpoint]) -> BTreeMap<String, Feed> {
    let feed = Feed { endpoints: endpoints.to_vec(), latency_ms: vec![None; endpoints.len()], senders: None };
    BTreeMap::from([("1".to_owned(), feed)])
}

/// Endpoints of RTMP publishers.
pub(crate) fn rtmp(streams: &[&str]) -> Vec<Endpoint> {
    streams.iter().map(|stream| Endpoint::Rtmp((*stream).to_owned())).collect()
}

/// The first seed, as it is written.
pub(crate) fn seed(names: &[&str]) -> Map {
    let output =
        |name: &&str| json!({"OutputSettings": {"HlsOutputSettings": {}}, "VideoDescriptionName": name});
    map(json!({
        "InputAttachments": [{"InputId": "1", "InputSettings": {"SourceEndBehavior": "LOOP"}}],
        "EncoderSettings": {"OutputGroups": [{
            "Name": "HLS Output",
            "OutputGroupSettings": {"HlsGroupSettings": {"SegmentLength": 10}},
            "Outputs": names.iter().map(output).collect::<Vec<_>>(),
        }]},
    }))
}

/// A channel of one 720p picture that says most of what can be said.
pub(crate) fn full() -> Map {
    map(json!({
        "Name": "main",
        "ChannelClass": "SINGLE_PIPELINE",
        "RoleArn": "arn:aws:iam::123456789012:role/x",
        "InputAttachments": [{"InputId": "1", "InputAttachmentName": "camera", "InputSettings": {
            "AudioSelectors": [{"Name": "english", "SelectorSettings": {"AudioLanguageSelection": {"LanguageCode": "eng"}}}],
            "SourceEndBehavior": "CONTINUE",
        }}],
        "Destinations": [{"Id": "here", "Settings": []}],
        "EncoderSettings": {
            "AudioDescriptions": [{"AudioSelectorName": "english", "Name": "sound", "StreamName": "English",
                "CodecSettings": {"AacSettings": {"Bitrate": 96000.0}}}],
            "GlobalConfiguration": {"InputLossBehavior": {"RepeatFrameMsec": 500, "BlackFrameMsec": 2000,
                "InputLossImageType": "COLOR", "InputLossImageColor": "102030"}},
            "OutputGroups": [{
                "OutputGroupSettings": {"HlsGroupSettings": {"Destination": {"DestinationRefId": "here"},
                    "SegmentLength": 4, "IndexNSegments": 10}},
                "Outputs": [{"OutputSettings": {"HlsOutputSettings": {"HlsSettings": {"StandardHlsSettings": {"M3u8Settings": {}}}}},
                    "VideoDescriptionName": "Main Picture", "AudioDescriptionNames": ["sound"]}],
            }],
            "TimecodeConfig": {"Source": "EMBEDDED"},
            "VideoDescriptions": [{"Name": "Main Picture", "Width": 1280, "Height": 720, "CodecSettings": {"H265Settings": {
                "FramerateNumerator": 30000, "FramerateDenominator": 1001, "Bitrate": 2000000}}}],
        },
    }))
}

/// The channel of AWS's live-streaming solution: six pictures with their sound, to a MediaPackage channel.
pub(crate) fn solution() -> Map {
    // Width, height, frames per second, bits per second, quality.
    let ladder = [
        (512, 288, 15, 400_000, 6),
        (640, 360, 30, 800_000, 7),
        (768, 432, 30, 1_200_000, 7),
        (960, 540, 30, 1_800_000, 7),
        (1280, 720, 30, 2_700_000, 8),
        (1920, 1080, 30, 4_100_000, 8),
    ];
    let video = |(width, height, fps, bps, quality): (i32, i32, i32, i32, i32)| {
        json!({
            "Name": format!("video_{height}p{fps}"), "Width": width, "Height": height,
            "RespondToAfd": "NONE", "ScalingBehavior": "DEFAULT", "Sharpness": 50,
            "CodecSettings": {"H264Settings": {
                "AdaptiveQuantization": "HIGH", "AfdSignaling": "NONE", "Bitrate": bps, "BufSize": 2 * bps,
                "ColorMetadata": "INSERT", "EntropyEncoding": "CAVLC", "FlickerAq": "ENABLED",
                "FramerateControl": "SPECIFIED", "FramerateNumerator": fps, "FramerateDenominator": 1,
                "GopBReference": "ENABLED", "GopClosedCadence": 1, "GopNumBFrames": 3, "GopSize": 2.0, "GopSizeUnits": "SECONDS",
                "Level": "H264_LEVEL_AUTO", "LookAheadRateControl": "HIGH", "MaxBitrate": bps, "NumRefFrames": 5,
                "ParControl": "SPECIFIED", "ParNumerator": 1, "ParDenominator": 1,
                "Profile": if height == 1080 { "HIGH" } else { "MAIN" }, "QvbrQualityLevel": quality,
                "RateControlMode": "QVBR", "ScanType": "PROGRESSIVE", "SceneChangeDetect": "ENABLED", "Slices": 1,
                "SpatialAq": "ENABLED", "Syntax": "DEFAULT", "TemporalAq": "ENABLED", "TimecodeInsertion": "DISABLED",
            }},
        })
    };
    let audio = |index: usize| {
        json!({
            "AudioSelectorName": "default", "AudioTypeControl": "FOLLOW_INPUT", "LanguageCodeControl": "FOLLOW_INPUT",
            "Name": format!("audio_{index}_aac96"),
            "CodecSettings": {"AacSettings": {"Bitrate": 96000.0, "CodingMode": "CODING_MODE_2_0", "InputType": "NORMAL",
                "Profile": "LC", "RateControlMode": "CBR", "RawFormat": "NONE", "SampleRate": 48000.0, "Spec": "MPEG4"}},
        })
    };
    let output = |(index, rung): (usize, &(i32, i32, i32, i32, i32))| {
        json!({
            "AudioDescriptionNames": [format!("audio_{index}_aac96")], "CaptionDescriptionNames": [],
            "OutputName": rung.1.to_string(), "OutputSettings": {"MediaPackageOutputSettings": {}},
            "VideoDescriptionName": format!("video_{}p{}", rung.1, rung.2),
        })
    };
    map(json!({
        "Name": "live", "ChannelClass": "STANDARD", "LogLevel": "DISABLED",
        "InputSpecification": {"Codec": "AVC", "Resolution": "HD", "MaximumBitrate": "MAX_20_MBPS"},
        "InputAttachments": [{"InputId": "1", "InputSettings": {"AudioSelectors": [], "CaptionSelectors": [],
            "DeblockFilter": "DISABLED", "DenoiseFilter": "DISABLED", "FilterStrength": 1, "InputFilter": "AUTO",
            "SourceEndBehavior": "CONTINUE"}}],
        "Destinations": [{"Id": "destination1", "Settings": [], "MediaPackageSettings": [{"ChannelId": "live-channel"}]}],
        "EncoderSettings": {
            "AudioDescriptions": (0..6).map(audio).collect::<Vec<_>>(),
            "CaptionDescriptions": [],
            "OutputGroups": [{"Name": "MediaPackage",
                "OutputGroupSettings": {"MediaPackageGroupSettings": {"Destination": {"DestinationRefId": "destination1"}}},
                "Outputs": ladder.iter().enumerate().map(output).collect::<Vec<_>>()}],
            "TimecodeConfig": {"Source": "EMBEDDED"},
            "VideoDescriptions": ladder.map(video),
        },
    }))
}

/// Sets a member by its place: `EncoderSettings.OutputGroups.0.Name`.
pub(crate) fn set(map: &mut Map, place: &str, value: impl Into<Value>) {
    let (first, rest) = place.split_once('.').map_or((place, None), |(first, rest)| (first, Some(rest)));
    let Some(rest) = rest else {
        map.insert(first.to_owned(), value);
        return;
    };
    if map.get(first).is_none() {
        map.insert(first.to_owned(), Map::new());
    }
    match map.get_mut(first) {
        Some(Value::Map(inner)) => set(inner, rest, value),
        Some(Value::List(list)) => {
            let (index, rest) = rest.split_once('.').expect("an element's member");
            match &mut list[index.parse::<usize>().expect("an index")] {
                Value::Map(inner) => set(inner, rest, value),
                other => panic!("{place}: {}", other.kind()),
            }
        }
        other => panic!("{place}: {other:?}"),
    }
}
