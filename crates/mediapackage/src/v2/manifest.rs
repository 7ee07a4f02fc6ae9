//! What an origin endpoint of v2 asks for.

use aws::{Map, Value};
use toml::Value as Toml;

use super::filter::{self, Filter};
use crate::asked::{Kind, Manifest};
use crate::settings::{Refusal, Settings};

/// What an endpoint is, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Package {
    /// The endpoint's settings as they are carried out: members of the answer.
    pub(super) done: Map,
    pub(super) segment_s: Option<u32>,
    pub(super) manifests: Vec<Manifest>,
}

/// The lists of manifests, in the order in which [`Package::manifests`] has theirs.
pub(super) const LISTS: [(&str, Kind); 3] = [
    ("HlsManifests", Kind::Hls),
    ("LowLatencyHlsManifests", Kind::LowLatencyHls),
    ("DashManifests", Kind::Dash),
];
/// Members of requests that are not settings.
const NOT_SETTINGS: [&str; 6] =
    ["ChannelGroupName", "ChannelName", "OriginEndpointName", "ClientToken", "ETag", "Tags"];
/// What is shown a viewer where nothing is said, in seconds.
const WINDOW_S: u32 = 60;
/// Shortest window, in seconds.
const SHORTEST_WINDOW_S: u32 = 30;
/// Longest interval of dates, in seconds.
const LONGEST_INTERVAL_S: u32 = 1_209_600;
/// Longest times that an MPD tells, in seconds.
const LONGEST_MPD_S: u32 = 3_600;
/// What AWS calls segments where nothing is said; here they are called by their time in any case.
const SEGMENT_NAME: &str = "segment";

/// A request without names, tokens and tags.
pub(super) fn without_names(input: &Map) -> Map {
    let members = input.iter().filter(|(name, _)| !NOT_SETTINGS.contains(&&***name));
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Reads an endpoint's settings, as [`without_names`] leaves them.
pub(super) fn read(settings: &Map) -> Result<Package, Refusal> {
    let mut all = Settings::new("", settings);
    all.text("Description");
    all.word("ContainerType", &["CMAF"])?;
    if all.whole_or("StartoverWindowSeconds", 0..=u32::MAX, 0)? > 0 {
        return Err(all.refusal("StartoverWindowSeconds", "start-over is not carried out here; leave it out"));
    }
    let (segment_s, segment) = match all.inside("Segment") {
        Some(from) => self::segment(from)?,
        None => (None, Map::new()),
    };
    all.insert("Segment", segment);
    if let Some(mut errors) = all.inside("ForceEndpointErrorConfiguration") {
        errors.empty("EndpointErrorConditions")?;
        let done = errors.finish()?;
        all.insert("ForceEndpointErrorConfiguration", done);
    }
    all.empty("MssManifests")?;
    let mut manifests: Vec<Manifest> = Vec::new();
    for (list, kind) in LISTS {
        let Some(each) = all.each(list) else { continue };
        let mut told: Vec<Value> = Vec::new();
        for from in each {
            let (manifest, done) = self::manifest(from, kind)?;
            if manifests.iter().any(|other| other.file() == manifest.file()) {
                let why = format!("{} is another manifest's file", manifest.file());
                return Err(all.refusal(list, why));
            }
            manifests.push(manifest);
            told.push(done.into());
        }
        all.insert(list, told);
    }
    Ok(Package { done: all.finish()?, segment_s, manifests })
}

fn segment(mut from: Settings<'_>) -> Result<(Option<u32>, Map), Refusal> {
    let segment_s = from.whole("SegmentDurationSeconds", 1..=30)?;
    if from.text("SegmentName").is_some_and(|name| name != SEGMENT_NAME) {
        return Err(from.refusal("SegmentName", "segments are called by their time here; leave it out"));
    }
    for member in ["TsUseAudioRenditionGroup", "TsIncludeDvbSubtitles", "IncludeIframeOnlyStreams"] {
        from.off(member)?;
    }
    from.word("OutputTimestampMode", &["PASSTHROUGH"])?;
    if let Some(mut scte) = from.inside("Scte") {
        scte.empty("ScteFilter")?;
        scte.word("ScteInSegments", &["NONE"])?;
        scte.empty("CustomAdTypes")?;
        let done = scte.finish()?;
        from.insert("Scte", done);
    }
    Ok((segment_s, from.finish()?))
}

fn manifest(mut from: Settings<'_>, kind: Kind) -> Result<(Manifest, Map), Refusal> {
    let name = from.text("ManifestName").unwrap_or_default().to_owned();
    let Filter { delay_s, more } = match from.inside("FilterConfiguration") {
        None => Filter::default(),
        Some(inside) => {
            let (filter, done) = filter::read(inside)?;
            from.insert("FilterConfiguration", done);
            filter
        }
    };
    if delay_s > 0 && kind == Kind::LowLatencyHls {
        return Err(from.refusal("FilterConfiguration.TimeDelaySeconds", "what comes later has no parts"));
    }
    let longest = Manifest::LONGEST_S - delay_s;
    let window_s =
        from.whole_or("ManifestWindowSeconds", SHORTEST_WINDOW_S..=longest, WINDOW_S.min(longest))?;
    let mut manifest = Manifest { name, kind, window_s, delay_s, more };
    match kind {
        Kind::Hls | Kind::LowLatencyHls => playlist(&mut from, &mut manifest)?,
        Kind::Dash => mpd(&mut from, &mut manifest)?,
    }
    from.word("UriPathType", &["LEAF"])?;
    Ok((manifest, from.finish()?))
}

fn playlist(from: &mut Settings<'_>, manifest: &mut Manifest) -> Result<(), Refusal> {
    // AWS leaves dates out where no interval is given.
    let interval_s = from.whole("ProgramDateTimeIntervalSeconds", 1..=LONGEST_INTERVAL_S)?;
    manifest.more.push(("date_interval", interval_s.unwrap_or(0).into()));
    from.off("UrlEncodeChildManifest")
}

fn mpd(from: &mut Settings<'_>, manifest: &mut Manifest) -> Result<(), Refusal> {
    for (member, setting) in [
        ("MinBufferTimeSeconds", "min_buffer"),
        ("MinUpdatePeriodSeconds", "update_period"),
        ("SuggestedPresentationDelaySeconds", "presentation_delay"),
    ] {
        if let Some(seconds) = from.whole(member, 0..=LONGEST_MPD_S)? {
            manifest.more.push((setting, Toml::from(seconds)));
        }
    }
    from.word_or("SegmentTemplateFormat", &["NUMBER_WITH_TIMELINE"], "NUMBER_WITH_TIMELINE")?;
    manifest.more.push(("segment_template", "number".into()));
    if let Some(mut timing) = from.inside("UtcTiming") {
        timing.word("TimingMode", &["HTTP_XSDATE"])?;
        let done = timing.finish()?;
        from.insert("UtcTiming", done);
    }
    // Periods begin where the source changes or breaks off; avails and keys there are none.
    if let Some(triggers) = from.keep("PeriodTriggers").and_then(Value::as_list) {
        let has = |wanted: &str| triggers.iter().any(|trigger| trigger.as_str() == Some(wanted));
        if !(has("SOURCE_CHANGES") && has("SOURCE_DISRUPTIONS")) || has("NONE") {
            let why =
                "periods begin at SOURCE_CHANGES and SOURCE_DISRUPTIONS here; name both, or leave it out";
            return Err(from.refusal("PeriodTriggers", why));
        }
    }
    from.word("Compactness", &["NONE"])?;
    from.word("DrmSignaling", &["INDIVIDUAL"])?;
    from.empty("Profiles")?;
    from.empty("BaseUrls")
}
