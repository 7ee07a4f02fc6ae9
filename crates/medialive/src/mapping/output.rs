//! The output group: where the media is named and how it is cut.

use aws::Map;
use door::media_name;

use crate::at::{At, Invalid};

/// Segments the workflow file takes, in milliseconds.
const SEGMENT_MS: std::ops::RangeInclusive<i64> = 1_000..=10_000;
/// Windows it takes.
const WINDOW_MS: std::ops::RangeInclusive<i64> = 12_000..=3_600_000;
/// A window holds so many segments at least.
const LEAST_SEGMENTS: i64 = 6;
/// AWS's own default of `HlsGroupSettings.SegmentLength`, in seconds.
const HLS_SEGMENT_S: i64 = 10;
/// Segments of a MediaPackage group whose key frames say nothing else.
const DEFAULT_MS: i64 = 2_000;

/// The channel's one output group.
pub(crate) struct Group<'a> {
    /// Its name as a workflow channel.
    pub(crate) media: String,
    /// Its outputs, never empty.
    pub(crate) outputs: Vec<Output<'a>>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Hls(At<'a>),
    MediaPackage(At<'a>),
    MediaPackageV2(At<'a>),
    CmafIngest(At<'a>),
}

/// One output.
pub(crate) struct Output<'a> {
    pub(crate) at: At<'a>,
    /// Its sound is what players choose by themselves.
    pub(crate) is_default_sound: bool,
}

/// The names of the workflow channel's media that the settings of channel `id` lead to.
pub(crate) fn media(id: &str, settings: &Map) -> Result<String, Invalid> {
    let root = At::root(settings);
    let encoder =
        root.at("EncoderSettings").ok_or_else(|| root.invalid("EncoderSettings", "this is needed"))?;
    Group::read(id, &root, &encoder).map(|group| group.media)
}

impl<'a> Group<'a> {
    pub(crate) fn read(id: &str, root: &At<'a>, encoder: &At<'a>) -> Result<Self, Invalid> {
        let groups = encoder.each("OutputGroups");
        let [group] = groups.as_slice() else {
            return Err(match groups.get(1) {
                None => encoder.invalid("OutputGroups", "an output group is needed"),
                Some(second) => Invalid {
                    path: second.path("").trim_end_matches('/').to_owned(),
                    message: "more than one output group is not implemented; put its outputs into the first"
                        .to_owned(),
                },
            });
        };
        let settings = group
            .at("OutputGroupSettings")
            .filter(|settings| settings.map.len() == 1)
            .ok_or_else(|| group.invalid("OutputGroupSettings", "one kind of output group is needed here"))?;
        let (kind, at, member) = if let Some(at) = settings.at("HlsGroupSettings") {
            (Kind::Hls(at.clone()), at, "HlsOutputSettings")
        } else if let Some(at) = settings.at("MediaPackageGroupSettings") {
            let kind = match at.at("MediapackageV2GroupSettings") {
                Some(v2) => Kind::MediaPackageV2(v2),
                None => Kind::MediaPackage(at.clone()),
            };
            (kind, at, "MediaPackageOutputSettings")
        } else if let Some(at) = settings.at("CmafIngestGroupSettings") {
            (Kind::CmafIngest(at.clone()), at, "CmafIngestOutputSettings")
        } else {
            let other = settings.map.iter().next().map_or("", |(name, _)| name);
            return Err(settings.invalid(other, "this output group is not implemented"));
        };
        let outputs = group.each("Outputs");
        if outputs.is_empty() {
            return Err(group.invalid("Outputs", "an output is needed"));
        }
        let outputs = outputs.into_iter().map(|at| Output::read(at, member)).collect::<Result<_, _>>()?;
        let media = destination(id, root, &at, &kind)?;
        Ok(Self { media, outputs, kind })
    }

    /// How long segments are. `key_frame_ms`: how often pictures ask for key frames.
    pub(crate) fn segment_ms(&self, key_frame_ms: Option<(i64, Invalid)>) -> Result<u32, Invalid> {
        let (ms, complaint) = match &self.kind {
            Kind::Hls(at) => {
                let s = at.integer("SegmentLength").unwrap_or(HLS_SEGMENT_S);
                (s.saturating_mul(1_000), at.invalid("SegmentLength", ""))
            }
            Kind::MediaPackage(at) => key_frame_ms.unwrap_or((DEFAULT_MS, at.invalid("Destination", ""))),
            Kind::MediaPackageV2(at) | Kind::CmafIngest(at) => {
                let length = at.integer("SegmentLength").unwrap_or(1);
                let unit = match at.text("SegmentLengthUnits") {
                    Some("MILLISECONDS") => 1,
                    _ => 1_000,
                };
                (length.saturating_mul(unit), at.invalid("SegmentLength", ""))
            }
        };
        match u32::try_from(ms) {
            Ok(fits) if SEGMENT_MS.contains(&ms) => Ok(fits),
            _ => Err(Invalid {
                message: "segments of 1 to 10 seconds are implemented".to_owned(),
                ..complaint
            }),
        }
    }

    /// How far back viewers can go, where the group says: `IndexNSegments`, at least what the origin lists.
    pub(crate) fn window_ms(&self, segment_ms: u32) -> Result<Option<u32>, Invalid> {
        let Kind::Hls(at) = &self.kind else { return Ok(None) };
        let Some(segments) = at.integer("IndexNSegments") else { return Ok(None) };
        let ms = segments.max(LEAST_SEGMENTS).saturating_mul(segment_ms.into()).max(*WINDOW_MS.start());
        match u32::try_from(ms) {
            Ok(fits) if WINDOW_MS.contains(&ms) => Ok(Some(fits)),
            _ => Err(at.invalid("IndexNSegments", "playlists of at most an hour are implemented")),
        }
    }
}

impl<'a> Output<'a> {
    fn read(at: At<'a>, member: &str) -> Result<Self, Invalid> {
        let settings =
            at.at("OutputSettings").filter(|settings| settings.map.len() == 1 && settings.has(member));
        let settings = settings.ok_or_else(|| {
            at.invalid("OutputSettings", format!("outputs of this group have {member}, and nothing else"))
        })?;
        let hls = settings.at(member).and_then(|output| output.at("HlsSettings"));
        let Some(only) = hls.and_then(|hls| hls.at("AudioOnlyHlsSettings")) else {
            return Ok(Self { at, is_default_sound: false });
        };
        if at.has("VideoDescriptionName") {
            return Err(at.invalid("VideoDescriptionName", "an audio-only output has no picture"));
        }
        match only.text("AudioTrackType") {
            None | Some("ALTERNATE_AUDIO_AUTO_SELECT") => Ok(Self { at, is_default_sound: false }),
            Some("ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT") => Ok(Self { at, is_default_sound: true }),
            Some(other) => Err(only.invalid(
                "AudioTrackType",
                format!(
                    "{other} is not implemented; use ALTERNATE_AUDIO_AUTO_SELECT or ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT"
                ),
            )),
        }
    }
}

/// The name of the media that the group's destination leads to.
fn destination(id: &str, root: &At<'_>, group: &At<'_>, kind: &Kind<'_>) -> Result<String, Invalid> {
    let own = media_name("ml", id);
    let needs_package = matches!(kind, Kind::MediaPackage(_) | Kind::MediaPackageV2(_));
    let location = group.at("Destination");
    let reference = location.as_ref().and_then(|location| location.filled("DestinationRefId"));
    let Some(reference) = reference else {
        return if needs_package {
            Err(group
                .invalid("Destination", "a MediaPackage group names a destination with MediaPackageSettings"))
        } else {
            Ok(own)
        };
    };
    let all = root.each("Destinations");
    let Some(found) = all.into_iter().find(|destination| destination.text("Id") == Some(reference)) else {
        let at = location.unwrap_or_else(|| group.clone());
        return Err(at.invalid("DestinationRefId", format!("there is no destination {reference}")));
    };
    let (urls, packages) = (found.each("Settings"), found.each("MediaPackageSettings"));
    let (member, names): (_, Vec<String>) = if needs_package {
        if let Some(first) = urls.first() {
            return Err(
                first.invalid("Url", "a MediaPackage group has MediaPackageSettings, and no Settings")
            );
        }
        ("MediaPackageSettings", packages.iter().map(package).collect::<Result<_, _>>()?)
    } else {
        if let Some(first) = packages.first() {
            return Err(
                first.invalid("ChannelId", "this output group has Settings, and no MediaPackageSettings")
            );
        }
        let is_cmaf = matches!(kind, Kind::CmafIngest(_));
        let name = |at: &At<'_>| url(at, &own, is_cmaf);
        ("Settings", urls.iter().map(name).collect::<Result<_, _>>()?)
    };
    match names.as_slice() {
        [] if needs_package => Err(found.invalid(member, "name the MediaPackage channel")),
        [] => Ok(own),
        [first, rest @ ..] if rest.iter().all(|name| name == first) => Ok(first.clone()),
        _ => {
            Err(found
                .invalid(member, "all of them have to lead to the same channel; more is not implemented"))
        }
    }
}

/// The media's name of a MediaPackage channel.
fn package(at: &At<'_>) -> Result<String, Invalid> {
    match (at.filled("ChannelId"), at.filled("ChannelGroup"), at.filled("ChannelName")) {
        (Some(id), None, None) => Ok(media_name("mp", id)),
        (None, Some(group), Some(name)) => Ok(media_name("mp", &format!("{group}/{name}"))),
        _ => Err(at.invalid("ChannelId", "either ChannelId, or ChannelGroup and ChannelName, are needed")),
    }
}

/// The media's name of a place that is pushed to: our own origin, and ingest of MediaPackage v2.
fn url(at: &At<'_>, own: &str, is_cmaf: bool) -> Result<String, Invalid> {
    let Some(url) = at.filled("Url") else { return Ok(own.to_owned()) };
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    if path == format!("{own}/index.m3u8") {
        return Ok(own.to_owned());
    }
    let parts: Vec<_> = path.split('/').collect();
    match parts.as_slice() {
        ["in", "v1", group, "1" | "2", channel, ..] if is_cmaf => Ok(media_name("mp", &format!("{group}/{channel}"))),
        _ => Err(at.invalid(
            "Url",
            "pushing to other servers is not implemented; without a URL the channel plays from this installation",
        )),
    }
}
