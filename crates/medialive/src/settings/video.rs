//! Settings of pictures.

use super::Row;
use super::Rule::{self, Done, Kept, Only, Refused};

const TOOLS: Rule =
    Kept("how an encoder spends its bits: ours decides by its preset; size, rate and bitrate are as asked");
const LEVEL: Rule = Kept("the level is told that the picture, its rate and its bitrate need");
const BUFFER: Rule = Kept("the bitrate is aimed at as an average, within a buffer of the encoder's choice");
const KEY_FRAMES: Rule =
    Kept("a key frame stands where a segment begins; in MediaPackage groups this sets the segments");
const NO_INTERLACED: Rule = Only(&["PROGRESSIVE"]);
const NO_FILTER: Rule = Refused("pictures are not filtered; leave it out");

pub(super) const ROWS: &[Row] = &[
    (
        "VideoDescription",
        &[
            ("Border", Only(&["0"])),
            ("CodecSettings", Done),
            ("Height", Done),
            ("Name", Done),
            ("RespondToAfd", Only(&["NONE"])),
            ("ScalingBehavior", Only(&["DEFAULT"])),
            ("Sharpness", Only(&["50"])),
            ("Width", Done),
        ],
    ),
    (
        "VideoCodecSettings",
        &[
            ("Av1Settings", Refused("H.264 and HEVC are encoded; use H264Settings or H265Settings")),
            ("FrameCaptureSettings", Refused("H.264 and HEVC are encoded; use H264Settings or H265Settings")),
            ("H264Settings", Done),
            ("H265Settings", Done),
            ("Mpeg2Settings", Refused("H.264 and HEVC are encoded; use H264Settings or H265Settings")),
        ],
    ),
    (
        "H264Settings",
        &[
            ("AdaptiveQuantization", TOOLS),
            ("AfdSignaling", Only(&["NONE"])),
            ("AllowExplicitWeightedPrediction", TOOLS),
            ("Bitrate", Done),
            ("BufFillPct", BUFFER),
            ("BufSize", BUFFER),
            ("ColorMetadata", Only(&["INSERT"])),
            ("ColorSpaceSettings", Done),
            ("EntropyEncoding", TOOLS),
            ("FilterSettings", Done),
            ("FlickerAq", TOOLS),
            ("ForceFieldPictures", Only(&["DISABLED"])),
            ("FramerateControl", Only(&["SPECIFIED"])),
            ("FramerateDenominator", Done),
            ("FramerateNumerator", Done),
            ("GopBReference", TOOLS),
            ("GopClosedCadence", KEY_FRAMES),
            ("GopNumBFrames", TOOLS),
            ("GopSize", Done),
            ("GopSizeUnits", Done),
            ("Level", LEVEL),
            ("LookAheadRateControl", TOOLS),
            ("MaxBitrate", Done),
            ("MinBitrate", BUFFER),
            ("MinIInterval", KEY_FRAMES),
            ("MinQp", TOOLS),
            ("NumRefFrames", TOOLS),
            ("ParControl", Only(&["SPECIFIED"])),
            ("ParDenominator", Done),
            ("ParNumerator", Done),
            ("Profile", Done),
            ("QualityLevel", TOOLS),
            ("QvbrQualityLevel", TOOLS),
            ("RateControlMode", Only(&["CBR", "QVBR", "VBR"])),
            ("ScanType", NO_INTERLACED),
            ("SceneChangeDetect", TOOLS),
            ("Slices", TOOLS),
            ("Softness", Only(&["0"])),
            ("SpatialAq", TOOLS),
            ("SubgopLength", TOOLS),
            ("Syntax", Only(&["DEFAULT"])),
            ("TemporalAq", TOOLS),
            ("TimecodeInsertion", Only(&["DISABLED"])),
        ],
    ),
    ("H264ColorSpaceSettings", COLOUR),
    ("H264FilterSettings", FILTER),
    (
        "H265Settings",
        &[
            ("AdaptiveQuantization", TOOLS),
            ("AfdSignaling", Only(&["NONE"])),
            ("AlternativeTransferFunction", Only(&["OMIT"])),
            ("Bitrate", Done),
            ("BufSize", BUFFER),
            ("ColorMetadata", Only(&["INSERT"])),
            ("ColorSpaceSettings", Done),
            ("Deblocking", Only(&["ENABLED"])),
            ("FilterSettings", Done),
            ("FlickerAq", TOOLS),
            ("FramerateDenominator", Done),
            ("FramerateNumerator", Done),
            ("GopBReference", TOOLS),
            ("GopClosedCadence", KEY_FRAMES),
            ("GopNumBFrames", TOOLS),
            ("GopSize", Done),
            ("GopSizeUnits", Done),
            ("Level", LEVEL),
            ("LookAheadRateControl", TOOLS),
            ("MaxBitrate", Done),
            ("MinBitrate", BUFFER),
            ("MinIInterval", KEY_FRAMES),
            ("MinQp", TOOLS),
            ("MvOverPictureBoundaries", TOOLS),
            ("MvTemporalPredictor", TOOLS),
            ("ParDenominator", Done),
            ("ParNumerator", Done),
            ("Profile", Only(&["MAIN"])),
            ("QvbrQualityLevel", TOOLS),
            ("RateControlMode", Only(&["CBR", "QVBR"])),
            ("ScanType", NO_INTERLACED),
            ("SceneChangeDetect", TOOLS),
            ("Slices", TOOLS),
            ("SubgopLength", TOOLS),
            ("Tier", LEVEL),
            ("TileHeight", TOOLS),
            ("TilePadding", TOOLS),
            ("TileWidth", TOOLS),
            ("TimecodeInsertion", Only(&["DISABLED"])),
            ("TreeblockSize", TOOLS),
        ],
    ),
    ("H265ColorSpaceSettings", COLOUR),
    ("H265FilterSettings", FILTER),
];

const COLOUR: &[(&str, Rule)] = &[
    ("ColorSpacePassthroughSettings", Done),
    ("DolbyVision81Settings", NO_COLOUR),
    ("Hdr10Settings", NO_COLOUR),
    ("Hlg2020Settings", NO_COLOUR),
    ("Rec601Settings", NO_COLOUR),
    ("Rec709Settings", NO_COLOUR),
];
const NO_COLOUR: Rule =
    Refused("the source's colours are kept as they are; use ColorSpacePassthroughSettings or leave it out");

const FILTER: &[(&str, Rule)] = &[
    ("AutoFilterSettings", NO_FILTER),
    ("BandwidthReductionFilterSettings", NO_FILTER),
    ("NoneFilterSettings", Done),
    ("PerceptualFilterSettings", NO_FILTER),
    ("TemporalFilterSettings", NO_FILTER),
];
