//! Settings of outputs and destinations.

use super::Row;
use super::Rule::{self, Done, Kept, Only, Refused};

const GROUPS: &str = "use HlsGroupSettings, MediaPackageGroupSettings or CmafIngestGroupSettings: other output groups are not implemented";
const CMAF: Rule = Kept("segments are CMAF: they have no packet ids and tables");
const NO_ID3: Rule = Kept("no ID3 is written: segments and playlists tell their times");
const NAMES: Rule = Kept("the origin names playlists and segments");
const NOT_SENT: Rule = Kept("the origin has the media; nothing is sent elsewhere");
const CLEAR: Rule = Kept("nothing is encrypted");
const PASSES_NOT: Rule = Only(&["NO_PASSTHROUGH"]);
const OFF: Rule = Only(&["DISABLED"]);

pub(super) const ROWS: &[Row] = &[
    ("OutputDestination", &[("Id", Done), ("MediaPackageSettings", Done), ("Settings", Done)]),
    (
        "MediaPackageOutputDestinationSettings",
        &[
            ("ChannelEndpointId", Kept("both ingest endpoints of a channel are one place here")),
            ("ChannelGroup", Done),
            ("ChannelId", Done),
            ("ChannelName", Done),
            ("MediaPackageRegionName", Kept("every region's channels are on this installation")),
        ],
    ),
    ("OutputDestinationSettings", &[("Url", Done)]),
    ("OutputGroup", &[("Name", Kept("for people")), ("OutputGroupSettings", Done), ("Outputs", Done)]),
    (
        "OutputGroupSettings",
        &[
            ("ArchiveGroupSettings", Refused(GROUPS)),
            ("CmafIngestGroupSettings", Done),
            ("FrameCaptureGroupSettings", Refused(GROUPS)),
            ("HlsGroupSettings", Done),
            ("MediaConnectRouterGroupSettings", Refused(GROUPS)),
            ("MediaPackageGroupSettings", Done),
            ("MsSmoothGroupSettings", Refused(GROUPS)),
            ("MultiplexGroupSettings", Refused(GROUPS)),
            ("RtmpGroupSettings", Refused(GROUPS)),
            ("SrtGroupSettings", Refused(GROUPS)),
            ("UdpGroupSettings", Refused(GROUPS)),
        ],
    ),
    ("OutputLocationRef", &[("DestinationRefId", Done)]),
    (
        "HlsGroupSettings",
        &[
            ("AdMarkers", Refused("SCTE-35 messages are not carried; leave the list empty")),
            ("CaptionLanguageSetting", Only(&["NONE", "OMIT"])),
            ("ClientCache", Kept("EXT-X-ALLOW-CACHE is no part of HLS any more")),
            ("CodecSpecification", Kept("codecs are told as RFC 6381 has them, which includes RFC 4281's")),
            ("Destination", Done),
            ("DirectoryStructure", NAMES),
            ("DiscontinuityTags", Kept("a transcoded channel has no discontinuities")),
            ("HlsCdnSettings", NOT_SENT),
            ("HlsId3SegmentTagging", OFF),
            ("IFrameOnlyPlaylists", OFF),
            ("IncompleteSegmentBehavior", Kept("a segment is listed when it is whole")),
            ("IndexNSegments", Done),
            ("InputLossAction", Only(&["EMIT_OUTPUT"])),
            ("IvInManifest", CLEAR),
            ("IvSource", CLEAR),
            ("KeepSegments", Kept("segments are kept for longer than they are listed")),
            ("ManifestCompression", Only(&["NONE"])),
            ("ManifestDurationFormat", Kept("durations are told exactly")),
            ("MinSegmentLength", Kept("segments are of one length")),
            ("Mode", Only(&["LIVE"])),
            ("OutputSelection", Only(&["MANIFESTS_AND_SEGMENTS"])),
            ("ProgramDateTime", Kept("playlists always tell dates")),
            ("ProgramDateTimeClock", Kept("dates are the machine's clock")),
            ("ProgramDateTimePeriod", Kept("playlists always tell dates")),
            ("RedundantManifest", Kept("one playlist stands for both pipelines")),
            ("SegmentLength", Done),
            ("SegmentationMode", Only(&["USE_SEGMENT_DURATION"])),
            ("SegmentsPerSubdirectory", NAMES),
            ("StreamInfResolution", Kept("playlists always tell the resolution")),
            ("TimedMetadataId3Frame", NO_ID3),
            ("TimedMetadataId3Period", NO_ID3),
            ("TimestampDeltaMilliseconds", Only(&["0"])),
            ("TsFileMode", Only(&["SEGMENTED_FILES"])),
        ],
    ),
    ("MediaPackageGroupSettings", &[("Destination", Done), ("MediapackageV2GroupSettings", Done)]),
    (
        "MediaPackageV2GroupSettings",
        &[
            ("CaptionLanguageSetting", Kept("there are no captions")),
            ("Id3Behavior", OFF),
            ("KlvBehavior", PASSES_NOT),
            ("NielsenId3Behavior", PASSES_NOT),
            ("Scte35Type", Only(&["NONE"])),
            ("SegmentLength", Done),
            ("SegmentLengthUnits", Done),
            ("TimedMetadataId3Frame", NO_ID3),
            ("TimedMetadataId3Period", NO_ID3),
            ("TimedMetadataPassthrough", OFF),
        ],
    ),
    (
        "CmafIngestGroupSettings",
        &[
            ("Destination", Done),
            ("Id3Behavior", OFF),
            ("Id3NameModifier", NAMES),
            ("KlvBehavior", PASSES_NOT),
            ("KlvNameModifier", NAMES),
            ("NielsenId3Behavior", PASSES_NOT),
            ("NielsenId3NameModifier", NAMES),
            ("Scte35NameModifier", NAMES),
            ("Scte35Type", Only(&["NONE"])),
            ("SegmentLength", Done),
            ("SegmentLengthUnits", Done),
            ("SendDelayMs", NOT_SENT),
            ("TimedMetadataId3Frame", NO_ID3),
            ("TimedMetadataId3Period", NO_ID3),
            ("TimedMetadataPassthrough", OFF),
        ],
    ),
    (
        "Output",
        &[
            ("AudioDescriptionNames", Done),
            ("CaptionDescriptionNames", Refused("captions are not implemented; leave them out")),
            ("OutputName", Kept("for people; a rung is named as its VideoDescription")),
            ("OutputSettings", Done),
            ("VideoDescriptionName", Done),
        ],
    ),
    (
        "OutputSettings",
        &[
            ("ArchiveOutputSettings", Refused(GROUPS)),
            ("CmafIngestOutputSettings", Done),
            ("FrameCaptureOutputSettings", Refused(GROUPS)),
            ("HlsOutputSettings", Done),
            ("MediaConnectRouterOutputSettings", Refused(GROUPS)),
            ("MediaPackageOutputSettings", Done),
            ("MsSmoothOutputSettings", Refused(GROUPS)),
            ("MultiplexOutputSettings", Refused(GROUPS)),
            ("RtmpOutputSettings", Refused(GROUPS)),
            ("SrtOutputSettings", Refused(GROUPS)),
            ("UdpOutputSettings", Refused(GROUPS)),
        ],
    ),
    (
        "HlsOutputSettings",
        &[
            ("H265PackagingType", Only(&["HVC1"])),
            ("HlsSettings", Done),
            ("NameModifier", NAMES),
            ("SegmentModifier", NAMES),
        ],
    ),
    (
        "HlsSettings",
        &[
            ("AudioOnlyHlsSettings", Done),
            ("Fmp4HlsSettings", Done),
            ("FrameCaptureHlsSettings", Refused("frame capture is not implemented")),
            ("StandardHlsSettings", Done),
        ],
    ),
    (
        "AudioOnlyHlsSettings",
        &[
            ("AudioGroupId", Kept("every rendition goes with every rung")),
            ("AudioTrackType", Done),
            ("SegmentType", CMAF),
        ],
    ),
    (
        "Fmp4HlsSettings",
        &[
            ("AudioRenditionSets", Kept("every rendition goes with every rung")),
            ("NielsenId3Behavior", PASSES_NOT),
            ("TimedMetadataBehavior", PASSES_NOT),
        ],
    ),
    (
        "StandardHlsSettings",
        &[("AudioRenditionSets", Kept("every rendition goes with every rung")), ("M3u8Settings", Done)],
    ),
    (
        "M3u8Settings",
        &[
            ("AudioFramesPerPes", CMAF),
            ("AudioPids", CMAF),
            ("EcmPid", CMAF),
            ("KlvBehavior", PASSES_NOT),
            ("KlvDataPids", CMAF),
            ("NielsenId3Behavior", PASSES_NOT),
            ("PatInterval", CMAF),
            ("PcrControl", CMAF),
            ("PcrPeriod", CMAF),
            ("PcrPid", CMAF),
            ("PmtInterval", CMAF),
            ("PmtPid", CMAF),
            ("ProgramNum", CMAF),
            ("Scte35Behavior", PASSES_NOT),
            ("Scte35Pid", CMAF),
            ("TimedMetadataBehavior", PASSES_NOT),
            ("TimedMetadataPid", CMAF),
            ("TransportStreamId", CMAF),
            ("VideoPid", CMAF),
        ],
    ),
    ("MediaPackageOutputSettings", &[("MediaPackageV2DestinationSettings", Done)]),
    (
        "MediaPackageV2DestinationSettings",
        &[
            ("AudioGroupId", Kept("every rendition goes with every rung")),
            ("AudioRenditionSets", Kept("every rendition goes with every rung")),
            ("HlsAutoSelect", Only(&["OMIT", "YES"])),
            ("HlsDefault", Only(&["OMIT"])),
        ],
    ),
    ("CmafIngestOutputSettings", &[("NameModifier", NAMES)]),
];
