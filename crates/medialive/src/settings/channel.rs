//! Settings of channels that are neither output, picture nor sound.

use super::Rule::{Done, Kept, Only, Refused};
use super::{Row, Rule};

const NO_LIMIT: Rule = Kept("any input that can be decoded is taken, whatever its codec, size and bitrate");
const OFF: Rule = Only(&["DISABLED"]);

pub(super) const ROWS: &[Row] = &[
    ("CreateChannelRequest", CHANNEL),
    ("UpdateChannelRequest", CHANNEL),
    ("ChannelEngineVersionRequest", &[("Version", Done)]),
    (
        "EncoderSettings",
        &[
            ("AudioDescriptions", Done),
            ("AvailBlanking", Done),
            ("AvailConfiguration", Refused("SCTE-35 messages are not carried; leave it out")),
            ("BlackoutSlate", Done),
            ("CaptionDescriptions", Refused("captions are not implemented; leave them out")),
            ("FeatureActivations", Done),
            ("GlobalConfiguration", Done),
            ("MotionGraphicsConfiguration", Done),
            ("NielsenConfiguration", Done),
            ("OutputGroups", Done),
            ("ThumbnailConfiguration", Done),
            ("TimecodeConfig", Done),
            ("VideoDescriptions", Done),
        ],
    ),
    ("ThumbnailConfiguration", &[("State", Done)]),
    ("AvailBlanking", &[("State", OFF)]),
    ("BlackoutSlate", &[("State", OFF), ("NetworkEndBlackout", OFF)]),
    (
        "FeatureActivations",
        &[("InputPrepareScheduleActions", OFF), ("OutputStaticImageOverlayScheduleActions", OFF)],
    ),
    ("MotionGraphicsConfiguration", &[("MotionGraphicsInsertion", OFF)]),
    ("NielsenConfiguration", &[("NielsenPcmToId3Tagging", OFF)]),
    (
        "TimecodeConfig",
        &[
            ("Source", Kept("output times are the machine's clock; a timecode is shown nowhere")),
            ("SyncThreshold", Kept("output times are the machine's clock; a timecode is shown nowhere")),
        ],
    ),
    (
        "GlobalConfiguration",
        &[
            ("InitialAudioGain", Only(&["0"])),
            ("InputEndAction", Only(&["NONE"])),
            ("InputLossBehavior", Done),
            ("OutputLockingMode", Kept("both pipelines are always locked to the epoch")),
            ("OutputTimingSource", Only(&["SYSTEM_CLOCK"])),
            ("SupportLowFramerateInputs", Kept("inputs of any frame rate are taken")),
        ],
    ),
    (
        "InputLossBehavior",
        &[
            ("BlackFrameMsec", Done),
            ("InputLossImageColor", Done),
            ("InputLossImageSlate", Refused("a picture as slate cannot be fetched yet; use a colour")),
            ("InputLossImageType", Only(&["COLOR"])),
            ("RepeatFrameMsec", Done),
        ],
    ),
    (
        "InputAttachment",
        &[
            ("AutomaticInputFailoverSettings", Done),
            ("InputAttachmentName", Done),
            ("InputId", Done),
            ("InputSettings", Done),
        ],
    ),
    (
        "AutomaticInputFailoverSettings",
        &[
            ("ErrorClearTimeMsec", Done),
            ("FailoverConditions", Done),
            ("InputPreference", Done),
            ("SecondaryInputId", Done),
        ],
    ),
    ("FailoverCondition", &[("FailoverConditionSettings", Done)]),
    (
        "FailoverConditionSettings",
        &[("AudioSilenceSettings", Done), ("InputLossSettings", Done), ("VideoBlackSettings", Done)],
    ),
    ("AudioSilenceFailoverSettings", &[("AudioSelectorName", Done), ("AudioSilenceThresholdMsec", Done)]),
    ("InputLossFailoverSettings", &[("InputLossThresholdMsec", Done)]),
    ("VideoBlackFailoverSettings", &[("BlackDetectThreshold", Done), ("VideoBlackThresholdMsec", Done)]),
    (
        "InputSettings",
        &[
            ("AudioSelectors", Done),
            ("CaptionSelectors", Kept("no captions are made of them")),
            ("DeblockFilter", OFF),
            ("DenoiseFilter", OFF),
            ("FilterStrength", Kept("the filters it belongs to are off")),
            ("InputFilter", Only(&["AUTO", "DISABLED"])),
            ("NetworkInputSettings", Done),
            ("Smpte2038DataPreference", Only(&["IGNORE"])),
            ("SourceEndBehavior", Done),
            ("VideoSelector", Done),
        ],
    ),
    (
        "NetworkInputSettings",
        &[("HlsInputSettings", Done), ("ServerValidation", Only(&["CHECK_CRYPTOGRAPHY_AND_VALIDATE_NAME"]))],
    ),
    (
        "HlsInputSettings",
        &[
            ("Bandwidth", Done),
            ("BufferSegments", Kept("three segments are in hand at any time")),
            ("Retries", Kept("a segment is tried three times, a playlist until it is there")),
            ("RetryInterval", Kept("a segment is tried three times, a playlist until it is there")),
            ("Scte35Source", Kept("SCTE-35 messages are not carried from either")),
        ],
    ),
    (
        "VideoSelector",
        &[
            ("ColorSpace", Only(&["FOLLOW"])),
            ("ColorSpaceUsage", Kept("the source's colours are followed")),
            ("SelectorSettings", Done),
        ],
    ),
    ("VideoSelectorSettings", &[("VideoSelectorPid", Done), ("VideoSelectorProgramId", Done)]),
    ("VideoSelectorPid", &[("Pid", Done)]),
    ("VideoSelectorProgramId", &[("ProgramId", Done)]),
];

const CHANNEL: &[(&str, Rule)] = &[
    ("ChannelClass", Done),
    ("ChannelEngineVersion", Done),
    ("ChannelId", Done),
    ("Destinations", Done),
    ("DryRun", Done),
    ("EncoderSettings", Done),
    ("InputAttachments", Done),
    ("InputSpecification", NO_LIMIT),
    ("LogLevel", Kept("the installation's log has every channel")),
    ("Maintenance", Kept("nothing is restarted for maintenance")),
    ("Name", Done),
    ("RequestId", Done),
    ("RoleArn", Kept("nothing is reached in a role's name")),
    ("Tags", Done),
];
