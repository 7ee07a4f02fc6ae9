//! Settings of sound.

use super::Row;
use super::Rule::{Done, Kept, Only, Refused};

pub(super) const ROWS: &[Row] = &[
    (
        "AudioDescription",
        &[
            ("AudioNormalizationSettings", Refused("loudness is not changed; leave it out")),
            ("AudioSelectorName", Done),
            ("AudioType", Only(&["UNDEFINED"])),
            ("AudioTypeControl", Kept("no audio type is told either way")),
            ("CodecSettings", Done),
            ("LanguageCode", Done),
            ("LanguageCodeControl", Done),
            ("Name", Done),
            ("StreamName", Done),
        ],
    ),
    (
        "AudioCodecSettings",
        &[
            ("AacSettings", Done),
            ("Ac3Settings", Refused("only AAC is encoded; use AacSettings")),
            ("Eac3AtmosSettings", Refused("only AAC is encoded; use AacSettings")),
            ("Eac3Settings", Refused("only AAC is encoded; use AacSettings")),
            ("Mp2Settings", Refused("only AAC is encoded; use AacSettings")),
            ("PassThroughSettings", Refused("sound is always encoded; use AacSettings")),
            ("WavSettings", Refused("only AAC is encoded; use AacSettings")),
        ],
    ),
    (
        "AacSettings",
        &[
            ("Bitrate", Done),
            ("CodingMode", Only(&["CODING_MODE_2_0"])),
            ("InputType", Only(&["NORMAL"])),
            ("Profile", Only(&["LC"])),
            ("RateControlMode", Only(&["CBR"])),
            ("RawFormat", Only(&["NONE"])),
            ("SampleRate", Only(&["48000"])),
            ("Spec", Only(&["MPEG4"])),
            ("VbrQuality", Kept("the bitrate is constant")),
        ],
    ),
    ("AudioSelector", &[("Name", Done), ("SelectorSettings", Done)]),
    (
        "AudioSelectorSettings",
        &[
            ("AudioHlsRenditionSelection", Refused("choose the sound of an HLS input by its language")),
            ("AudioLanguageSelection", Done),
            ("AudioPidSelection", Done),
            ("AudioTrackSelection", Done),
        ],
    ),
    ("AudioLanguageSelection", &[("LanguageCode", Done), ("LanguageSelectionPolicy", Done)]),
    ("AudioPidSelection", &[("Pid", Done)]),
    ("AudioTrackSelection", &[("Tracks", Done)]),
    ("AudioTrack", &[("Track", Done)]),
];
