//! What an origin endpoint of v1 asks for: one package, and how it is reached.

use aws::{Map, Value};
use toml::Value as Toml;

use crate::asked::{Kind, Manifest};
use crate::settings::{Refusal, Settings};

/// What an endpoint is, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Package {
    /// The endpoint's settings as they are carried out: members of the answer.
    pub(super) done: Map,
    pub(super) segment_s: Option<u32>,
    pub(super) manifests: Vec<Manifest>,
    /// Networks that may watch; everybody's where there is none.
    pub(super) allow: Vec<String>,
    /// `Origination` is ALLOW.
    pub(super) is_served: bool,
}

/// The members that are packages.
pub(super) const PACKAGES: [&str; 4] = ["HlsPackage", "DashPackage", "CmafPackage", "MssPackage"];
/// The manifest's name where none is given.
const INDEX: &str = "index";
/// What v1 shows a viewer where nothing is said, in seconds.
const WINDOW_S: u32 = 60;
/// Shortest window, in seconds.
const SHORTEST_WINDOW_S: u32 = 6;
/// Longest segment, in seconds.
const LONGEST_SEGMENT_S: u32 = 30;
/// Longest times that an MPD tells, in seconds.
const LONGEST_MPD_S: u32 = 3_600;
/// Longest interval of dates, in seconds: two weeks.
const LONGEST_INTERVAL_S: u32 = 1_209_600;
/// Most networks of a white list: those that a workflow's endpoint takes.
const MAX_NETWORKS: usize = 64;
/// A network that is everybody.
const EVERYBODY: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// Reads an endpoint's settings: a request's members without ids and tags.
pub(super) fn read(settings: &Map) -> Result<Package, Refusal> {
    let mut all = Settings::new("", settings);
    all.text("Description");
    let name = match all.keep("ManifestName").and_then(Value::as_str) {
        None => INDEX.to_owned(),
        Some(name) => checked_name("ManifestName", name)?,
    };
    let is_served = all.word_or("Origination", &["ALLOW", "DENY"], "ALLOW")? == "ALLOW";
    if all.whole_or("StartoverWindowSeconds", 0..=u32::MAX, 0)? > 0 {
        return Err(all.refusal("StartoverWindowSeconds", "start-over is not carried out here; leave it out"));
    }
    let delay_s = all.whole_or("TimeDelaySeconds", 0..=Manifest::LONGEST_S - SHORTEST_WINDOW_S, 0)?;
    let allow = allowed(&mut all)?;
    all.keep("Authorization");
    if settings.get("MssPackage").is_some() {
        return Err(all.refusal("MssPackage", "Microsoft Smooth Streaming is not carried out here"));
    }
    let given: Vec<_> = PACKAGES.into_iter().filter(|package| settings.get(package).is_some()).collect();
    let [package] = given[..] else {
        return Err(Refusal::new(
            given.get(1).copied().unwrap_or("HlsPackage"),
            "an origin endpoint has exactly one of HlsPackage, DashPackage and CmafPackage",
        ));
    };
    let inside = all.inside(package).ok_or_else(|| all.refusal(package, "a structure is wanted"))?;
    let (done, segment_s, manifests) = match package {
        "HlsPackage" => hls(inside, name, delay_s)?,
        "DashPackage" => dash(inside, name, delay_s)?,
        _ => cmaf(inside, delay_s)?,
    };
    all.insert(package, done);
    Ok(Package { done: all.finish()?, segment_s, manifests, is_served, allow })
}

/// The networks of `Whitelist`; none where everybody is let in.
fn allowed(all: &mut Settings<'_>) -> Result<Vec<String>, Refusal> {
    let listed = all.keep("Whitelist").and_then(Value::as_list).unwrap_or_default();
    let listed: Vec<&str> = listed.iter().filter_map(Value::as_str).collect();
    if listed.iter().any(|cidr| EVERYBODY.contains(cidr)) {
        return Ok(Vec::new());
    }
    if listed.len() > MAX_NETWORKS {
        return Err(all.refusal("Whitelist", format!("at most {MAX_NETWORKS} networks are carried out here")));
    }
    for cidr in &listed {
        cidr.parse::<spec::Network>().map_err(|why| all.refusal("Whitelist", why))?;
    }
    Ok(listed.into_iter().map(str::to_owned).collect())
}

type Read = Result<(Map, Option<u32>, Vec<Manifest>), Refusal>;

fn hls(mut hls: Settings<'_>, name: String, delay_s: u32) -> Read {
    let segment_s = hls.whole("SegmentDurationSeconds", 1..=LONGEST_SEGMENT_S)?;
    let mut manifest = playlist(&mut hls, name, delay_s)?;
    hls.off("IncludeDvbSubtitles")?;
    // A CMAF segment is of one track, so sound is always a rendition of its own; the answer says so.
    hls.keep("UseAudioRenditionGroup");
    hls.insert("UseAudioRenditionGroup", true);
    selection(&mut hls, &mut manifest)?;
    Ok((hls.finish()?, segment_s, vec![manifest]))
}

fn cmaf(mut cmaf: Settings<'_>, delay_s: u32) -> Read {
    let segment_s = cmaf.whole("SegmentDurationSeconds", 1..=LONGEST_SEGMENT_S)?;
    if cmaf.text("SegmentPrefix").is_some_and(|prefix| !prefix.is_empty()) {
        return Err(cmaf.refusal("SegmentPrefix", "segments are called by their time here; leave it out"));
    }
    let mut selected =
        Manifest { name: String::new(), kind: Kind::Hls, window_s: 0, delay_s, more: Vec::new() };
    selection(&mut cmaf, &mut selected)?;
    let (mut manifests, mut told) = (Vec::<Manifest>::new(), Vec::<Value>::new());
    for mut each in cmaf.each("HlsManifests").unwrap_or_default() {
        let name = match each.keep("ManifestName").and_then(Value::as_str) {
            None => INDEX.to_owned(),
            Some(name) => checked_name("HlsManifests.ManifestName", name)?,
        };
        each.insert("ManifestName", name.clone());
        each.keep("Id");
        let mut manifest = playlist(&mut each, name, delay_s)?;
        if manifests.iter().any(|other| other.name == manifest.name) {
            return Err(each.refusal("ManifestName", "another manifest has this name"));
        }
        manifest.more.extend(selected.more.iter().cloned());
        manifests.push(manifest);
        told.push(each.finish()?.into());
    }
    if manifests.is_empty() {
        return Err(cmaf.refusal("HlsManifests", "at least one manifest is needed"));
    }
    cmaf.insert("HlsManifests", told);
    Ok((cmaf.finish()?, segment_s, manifests))
}

/// What HlsPackage and the manifests of CmafPackage have in common.
fn playlist(from: &mut Settings<'_>, name: String, delay_s: u32) -> Result<Manifest, Refusal> {
    let window_s = window(from, "PlaylistWindowSeconds", delay_s)?;
    let interval_s = from.whole_or("ProgramDateTimeIntervalSeconds", 0..=LONGEST_INTERVAL_S, 0)?;
    from.word_or("PlaylistType", &["NONE"], "NONE")?;
    // Media comes in without ad markers in any manifest, so what is passed through is none.
    from.word_or("AdMarkers", &["NONE", "PASSTHROUGH"], "NONE")?;
    from.empty("AdTriggers")?;
    from.word("AdsOnDeliveryRestrictions", &["NONE"])?;
    from.off("IncludeIframeOnlyStream")?;
    let more = vec![("date_interval", Toml::from(interval_s))];
    Ok(Manifest { name, kind: Kind::Hls, window_s, delay_s, more })
}

fn dash(mut dash: Settings<'_>, name: String, delay_s: u32) -> Read {
    let segment_s = dash.whole("SegmentDurationSeconds", 1..=LONGEST_SEGMENT_S)?;
    let window_s = window(&mut dash, "ManifestWindowSeconds", delay_s)?;
    let mut manifest = Manifest { name, kind: Kind::Dash, window_s, delay_s, more: Vec::new() };
    for (member, setting) in [
        ("MinBufferTimeSeconds", "min_buffer"),
        ("MinUpdatePeriodSeconds", "update_period"),
        ("SuggestedPresentationDelaySeconds", "presentation_delay"),
    ] {
        if let Some(seconds) = dash.whole(member, 0..=LONGEST_MPD_S)? {
            manifest.more.push((setting, seconds.into()));
        }
    }
    let templates = ["NUMBER_WITH_TIMELINE", "TIME_WITH_TIMELINE"];
    let template = match dash.word_or("SegmentTemplateFormat", &templates, templates[0])? {
        "TIME_WITH_TIMELINE" => "time",
        _ => "number",
    };
    manifest.more.push(("segment_template", template.into()));
    if dash.word("UtcTiming", &["HTTP-XSDATE", "NONE"])? == Some("NONE") {
        manifest.more.push(("clock", false.into()));
    }
    dash.word_or("Profile", &["NONE"], "NONE")?;
    dash.word_or("ManifestLayout", &["FULL"], "FULL")?;
    dash.empty("PeriodTriggers")?;
    dash.empty("AdTriggers")?;
    dash.word("AdsOnDeliveryRestrictions", &["NONE"])?;
    dash.off("IncludeIframeOnlyStream")?;
    selection(&mut dash, &mut manifest)?;
    Ok((dash.finish()?, segment_s, vec![manifest]))
}

fn window(from: &mut Settings<'_>, member: &'static str, delay_s: u32) -> Result<u32, Refusal> {
    let longest = Manifest::LONGEST_S - delay_s;
    from.whole_or(member, SHORTEST_WINDOW_S..=longest, WINDOW_S.min(longest))
}

fn selection(package: &mut Settings<'_>, manifest: &mut Manifest) -> Result<(), Refusal> {
    let Some(mut chosen) = package.inside("StreamSelection") else { return Ok(()) };
    let least = chosen.whole("MinVideoBitsPerSecond", 0..=i32::MAX as u32)?;
    let most = chosen.whole("MaxVideoBitsPerSecond", 0..=i32::MAX as u32)?;
    if least.unwrap_or(0) > most.unwrap_or(u32::MAX) {
        return Err(chosen.refusal("MinVideoBitsPerSecond", "it is above MaxVideoBitsPerSecond"));
    }
    manifest.more.extend(least.map(|bps| ("min_video_bitrate", bps.into())));
    manifest.more.extend(most.map(|bps| ("max_video_bitrate", bps.into())));
    let orders = ["ORIGINAL", "VIDEO_BITRATE_ASCENDING", "VIDEO_BITRATE_DESCENDING"];
    let order = match chosen.word_or("StreamOrder", &orders, "ORIGINAL")? {
        "VIDEO_BITRATE_ASCENDING" => "ascending",
        "VIDEO_BITRATE_DESCENDING" => "descending",
        _ => "channel",
    };
    manifest.more.push(("order", order.into()));
    let done = chosen.finish()?;
    package.insert("StreamSelection", done);
    Ok(())
}

fn checked_name(path: &str, name: &str) -> Result<String, Refusal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !(1..=256).contains(&name.len()) || name.starts_with('.') || !name.bytes().all(fits) {
        return Err(Refusal::new(path, "1 to 256 of A-Z a-z 0-9 - _ . not beginning with a dot"));
    }
    Ok(name.to_owned())
}
