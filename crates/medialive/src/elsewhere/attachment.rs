//! How a channel of another door uses its inputs, as attachments.

use aws::{Map, Value};
use door::Other;
use spec::{AudioRendition, Channel, Failover, Input, Ladder, Preference, Select};

use super::input::{self, Role};

/// The attachments: of the inputs that MediaLive has a name for.
pub(super) fn all(other: &Other<Channel>) -> Vec<Value> {
    let channel = &other.spec;
    let mut attachments: Vec<Value> = Vec::new();
    let named: Vec<Role> = input::roles(other).collect();
    for role in &named {
        let Some(input) = role.of(channel) else { continue };
        let mut attachment = Map::new()
            .with("InputAttachmentName", role.name(other))
            .with("InputId", role.id(other))
            .with("InputSettings", settings(input, channel));
        if let (Role::Input, [_, second], Some(backup)) = (role, named.as_slice(), &channel.backup) {
            let failover = failover(&backup.failover).with("SecondaryInputId", second.id(other));
            attachment.insert("AutomaticInputFailoverSettings", failover);
        }
        attachments.push(attachment.into());
    }
    attachments
}

fn failover(failover: &Failover) -> Map {
    let mut conditions: Vec<Value> = Vec::new();
    let mut add = |kind: &'static str, settings: Map| {
        let condition = Map::new().with(kind, settings);
        conditions.push(Map::new().with("FailoverConditionSettings", condition).into());
    };
    if let Some(ms) = failover.loss_ms {
        add("InputLossSettings", Map::new().with("InputLossThresholdMsec", ms));
    }
    if let Some(ms) = failover.black_ms {
        let level = f64::from(failover.black_permille) / 1e3;
        let black = Map::new().with("BlackDetectThreshold", level).with("VideoBlackThresholdMsec", ms);
        add("VideoBlackSettings", black);
    }
    if let Some(ms) = failover.silence_ms {
        let first = AudioRendition::track_name(0);
        let silence = Map::new().with("AudioSelectorName", first).with("AudioSilenceThresholdMsec", ms);
        add("AudioSilenceSettings", silence);
    }
    let preference = match failover.preference {
        Preference::Primary => "PRIMARY_INPUT_PREFERRED",
        Preference::Equal => "EQUAL_INPUT_PREFERENCE",
    };
    Map::new()
        .with("ErrorClearTimeMsec", failover.clear_ms)
        .with("FailoverConditions", conditions)
        .with("InputPreference", preference)
}

fn settings(input: &Input, channel: &Channel) -> Map {
    let select = match input {
        Input::Srt(input) => input.select,
        Input::SrtCall(input) => input.select,
        Input::Udp(input) => input.select,
        Input::Rtp(input) => input.select,
        _ => Select::default(),
    };
    let mut settings = Map::new();
    if matches!(channel.ladder, Ladder::Transcode(_)) {
        let pid = select.audio_pid.filter(|_| channel.audio.len() == 1);
        let selectors = channel.audio.iter().enumerate();
        let selectors = selectors.map(|(index, audio)| sound(index, audio, pid));
        settings.insert("AudioSelectors", selectors.collect::<Vec<_>>());
    }
    match input {
        Input::Files(files) => {
            settings.insert("SourceEndBehavior", end(files.is_looped));
        }
        Input::Hls(pull) => {
            settings.insert("SourceEndBehavior", end(pull.is_looped));
            if let Some(bps) = pull.choice.max_bandwidth_bps {
                let hls = Map::new().with("Bandwidth", i32::try_from(bps).unwrap_or(i32::MAX));
                settings.insert("NetworkInputSettings", Map::new().with("HlsInputSettings", hls));
            }
        }
        _ => {}
    }
    let mut picture = Map::new();
    if let Some(pid) = select.video_pid {
        picture.insert("VideoSelectorPid", Map::new().with("Pid", i32::from(pid)));
    }
    if let Some(program) = select.program {
        picture.insert("VideoSelectorProgramId", Map::new().with("ProgramId", i32::from(program)));
    }
    if !picture.is_empty() {
        settings.insert("VideoSelector", Map::new().with("SelectorSettings", picture));
    }
    settings
}

fn end(is_looped: bool) -> &'static str {
    if is_looped { "LOOP" } else { "CONTINUE" }
}

/// The selector of a rendition. A packet id is the sound of a stream that has one alone.
fn sound(index: usize, audio: &AudioRendition, pid: Option<u16>) -> Value {
    let mut selected = Map::new();
    match (pid, audio.track, &audio.language) {
        (Some(pid), ..) => {
            selected.insert("AudioPidSelection", Map::new().with("Pid", i32::from(pid)));
        }
        (None, Some(track), _) => {
            let track = Value::from(Map::new().with("Track", i32::from(track)));
            selected.insert("AudioTrackSelection", Map::new().with("Tracks", vec![track]));
        }
        (None, None, Some(language)) => {
            // The first is there in any case; a further one is silent where its language is missing.
            let policy = if index == 0 { "LOOSE" } else { "STRICT" };
            let chosen =
                Map::new().with("LanguageCode", language.as_str()).with("LanguageSelectionPolicy", policy);
            selected.insert("AudioLanguageSelection", chosen);
        }
        (None, None, None) => {}
    }
    let selector = Map::new().with("Name", AudioRendition::track_name(index));
    if selected.is_empty() { selector.into() } else { selector.with("SelectorSettings", selected).into() }
}
