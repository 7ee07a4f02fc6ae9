//! What a channel of another door makes, as encoder settings: those from which MediaLive would make the same.

use aws::{Map, Value};
use media::VideoCodec;
use spec::{AudioRendition, Channel, Fill, Ladder, Profile, Rung, Slate};

use crate::mapping::ORIGIN;

/// The longest that AWS can say; one more means "for ever".
const MAX_FILL_MS: u32 = 999_999;

/// The encoder settings. A passthrough channel and one that others encode have no video descriptions: nothing is encoded here.
pub(super) fn settings(channel: &Channel) -> Map {
    let (videos, audios) = match &channel.ladder {
        Ladder::Transcode(rungs) => (
            rungs.iter().map(|rung| video(rung, channel)).collect(),
            channel.audio.iter().enumerate().map(|(index, audio)| sound(index, audio, channel)).collect(),
        ),
        Ladder::Passthrough => (Vec::new(), vec![passed_through()]),
        Ladder::Pushed => (Vec::new(), Vec::new()),
    };
    let group = Map::new()
        .with("Name", ORIGIN)
        .with("OutputGroupSettings", Map::new().with("HlsGroupSettings", hls(channel)))
        .with("Outputs", outputs(channel));
    let mut settings = Map::new()
        .with("AudioDescriptions", audios)
        .with("OutputGroups", vec![Value::from(group)])
        .with("TimecodeConfig", Map::new().with("Source", "SYSTEMCLOCK"))
        .with("VideoDescriptions", videos);
    if matches!(channel.ladder, Ladder::Transcode(_)) {
        let global = Map::new().with("InputLossBehavior", input_loss(&channel.fill));
        settings.insert("GlobalConfiguration", global);
    }
    settings
}

fn video(rung: &Rung, channel: &Channel) -> Value {
    let mut codec = Map::new()
        .with("Bitrate", rung.bitrate_bps)
        .with("FramerateControl", "SPECIFIED")
        .with("FramerateDenominator", rung.frame_rate.den())
        .with("FramerateNumerator", rung.frame_rate.num())
        .with("GopSize", f64::from(channel.grid.duration_ms()) / 1e3)
        .with("GopSizeUnits", "SECONDS");
    let kind = match rung.codec {
        VideoCodec::H265 => {
            codec.insert("Profile", "MAIN");
            "H265Settings"
        }
        _ => {
            let profile = match rung.profile {
                Profile::Baseline => "BASELINE",
                Profile::Main => "MAIN",
                Profile::High => "HIGH",
            };
            codec.insert("Profile", profile);
            "H264Settings"
        }
    };
    Map::new()
        .with("CodecSettings", Map::new().with(kind, codec))
        .with("Height", rung.height)
        .with("Name", rung.name.as_str())
        .with("Width", rung.width)
        .into()
}

fn sound(index: usize, audio: &AudioRendition, channel: &Channel) -> Value {
    let name = AudioRendition::track_name(index);
    let aac = Map::new()
        .with("Bitrate", f64::from(channel.audio_bps))
        .with("CodingMode", "CODING_MODE_2_0")
        .with("Profile", "LC")
        .with("SampleRate", 48_000.0);
    let mut map = Map::new()
        .with("AudioSelectorName", name.as_str())
        .with("CodecSettings", Map::new().with("AacSettings", aac))
        .with("Name", name);
    if let Some(language) = &audio.language {
        map.insert("LanguageCode", language.as_str());
        map.insert("LanguageCodeControl", "USE_CONFIGURED");
    }
    if let Some(name) = &audio.name {
        map.insert("StreamName", name.as_str());
    }
    map.into()
}

/// Sound that is not decoded.
fn passed_through() -> Value {
    let name = AudioRendition::track_name(0);
    Map::new()
        .with("AudioSelectorName", "default")
        .with("CodecSettings", Map::new().with("PassThroughSettings", Map::new()))
        .with("Name", name)
        .into()
}

/// The channel's window at this installation's origin. A length of segments that is no whole number of seconds has no word.
fn hls(channel: &Channel) -> Map {
    let segment_ms = channel.grid.duration_ms();
    let segments = channel.window_ms / u64::from(segment_ms);
    let mut group = Map::new()
        .with("Destination", Map::new().with("DestinationRefId", ORIGIN))
        .with("IndexNSegments", i32::try_from(segments).unwrap_or(i32::MAX));
    if segment_ms.is_multiple_of(1_000) {
        group.insert("SegmentLength", segment_ms / 1_000);
    }
    group
}

/// One for each picture, with all the sound; else one for what passes through.
fn outputs(channel: &Channel) -> Vec<Value> {
    let hls = || {
        let settings = Map::new().with("HlsSettings", Map::new().with("Fmp4HlsSettings", Map::new()));
        Map::new().with("HlsOutputSettings", settings)
    };
    let output = |name: &str| Map::new().with("OutputName", name).with("OutputSettings", hls());
    let names =
        |count: usize| (0..count).map(|index| AudioRendition::track_name(index).into()).collect::<Vec<_>>();
    match &channel.ladder {
        Ladder::Transcode(rungs) => {
            let one = |rung: &Rung| {
                output(&rung.name)
                    .with("AudioDescriptionNames", names(channel.audio.len()))
                    .with("VideoDescriptionName", rung.name.as_str())
                    .into()
            };
            rungs.iter().map(one).collect()
        }
        Ladder::Passthrough => vec![output("passthrough").with("AudioDescriptionNames", names(1)).into()],
        Ladder::Pushed => vec![output("pushed").into()],
    }
}

/// What is shown while the source is away. MediaLive has a colour for the slate, and no word for the channel's name on it, nor for a file
/// of this machine.
fn input_loss(fill: &Fill) -> Map {
    let ms = |ms: u32| ms.min(MAX_FILL_MS);
    let loss =
        Map::new().with("BlackFrameMsec", ms(fill.black_ms)).with("RepeatFrameMsec", ms(fill.repeat_ms));
    match fill.slate {
        Slate::Colour([red, green, blue]) => loss
            .with("InputLossImageColor", format!("{red:02X}{green:02X}{blue:02X}"))
            .with("InputLossImageType", "COLOR"),
        Slate::Name | Slate::File(_) => loss,
    }
}
