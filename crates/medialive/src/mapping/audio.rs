//! The sound: which tracks of the source, under which names and at which bitrate.

use door::table;
use toml::{Table, Value};

use super::output::Group;
use crate::at::{At, Invalid};

/// Bitrates of the sound, in bits per second.
const BITRATE_BPS: std::ops::RangeInclusive<f64> = 32_000.0..=512_000.0;
/// AWS's own default, for stereo.
const DEFAULT_BPS: f64 = 192_000.0;
/// Most renditions of a channel, and tracks of a source.
const MAX: usize = 8;

/// The sound of a channel.
pub(crate) struct Sound<'a> {
    pub(crate) bitrate_bps: u32,
    /// Never empty.
    renditions: Vec<Rendition<'a>>,
}

struct Rendition<'a> {
    at: At<'a>,
    selector: &'a str,
    language: Option<&'a str>,
    name: Option<&'a str>,
}

/// What an attachment's selectors make of a channel's sound.
#[derive(Default, PartialEq)]
pub(crate) struct Selection {
    /// `[[channel.audio]]`; empty for the first track alone.
    pub(crate) tables: Vec<Table>,
    /// The packet id of the sound, where that is chosen.
    pub(crate) pid: Option<i64>,
}

impl<'a> Sound<'a> {
    /// The sound of the group's outputs.
    pub(crate) fn read(encoder: &At<'a>, group: &Group<'a>) -> Result<Self, Invalid> {
        let descriptions = encoder.each("AudioDescriptions");
        let mut seen: Vec<&str> = Vec::new();
        let mut renditions: Vec<Rendition<'a>> = Vec::new();
        let mut bitrate: Option<f64> = None;
        for output in &group.outputs {
            for (path, name) in output.at.texts("AudioDescriptionNames") {
                if seen.contains(&name) {
                    continue;
                }
                seen.push(name);
                let mut named =
                    descriptions.iter().filter(|description| description.text("Name") == Some(name));
                let message = format!("there is no audio description {name}");
                let description = named.next().ok_or(Invalid { path, message })?;
                if let Some(second) = named.next() {
                    return Err(second.invalid("Name", format!("another audio description is named {name}")));
                }
                let (bps, complaint) = bitrate_bps(description)?;
                if bitrate.is_some_and(|other| other != bps) {
                    let message = "one bitrate for all sound of a channel is implemented".to_owned();
                    return Err(Invalid { message, ..complaint });
                }
                bitrate = Some(bps);
                let rendition = Rendition::read(description)?;
                let same = |other: &Rendition<'_>| rendition.is_like(other);
                match renditions.iter().position(same) {
                    Some(_) => {}
                    None if output.is_default_sound => renditions.insert(0, rendition),
                    None => renditions.push(rendition),
                }
            }
        }
        match renditions.len() {
            0 => Err(encoder.invalid(
                "OutputGroups",
                "a channel without sound is not implemented; name an audio description in an output",
            )),
            1..=MAX => Ok(Self { bitrate_bps: bitrate.unwrap_or(DEFAULT_BPS) as u32, renditions }),
            _ => {
                Err(encoder
                    .invalid("AudioDescriptions", format!("a channel has at most {MAX} audio renditions")))
            }
        }
    }

    /// The name of the selector whose sound is watched for silence.
    pub(crate) fn first_selector(&self) -> &str {
        self.renditions[0].selector
    }

    /// What an attachment's selectors make of it. `can_choose_pid`: it brings a transport stream.
    pub(crate) fn select(
        &self,
        settings: Option<&At<'_>>,
        can_choose_pid: bool,
    ) -> Result<Selection, Invalid> {
        let selectors = settings.map(|settings| settings.each("AudioSelectors")).unwrap_or_default();
        let mut selection = Selection::default();
        for (index, rendition) in self.renditions.iter().enumerate() {
            let found = selectors.iter().find(|selector| selector.text("Name") == Some(rendition.selector));
            if found.is_none() && !rendition.selector.eq_ignore_ascii_case("default") {
                let message = format!("an attached input has no audio selector {}", rendition.selector);
                return Err(rendition.at.invalid("AudioSelectorName", message));
            }
            let chosen = found.and_then(|selector| selector.at("SelectorSettings"));
            let mut entry = Table::new();
            let mut set = |key: &str, value: Value| entry.insert(key.to_owned(), value);
            match chosen.filter(|chosen| !chosen.map.is_empty()) {
                None => _ = set("track", Value::from(1)),
                Some(at) if at.map.len() > 1 => {
                    return Err(at.invalid("AudioTrackSelection", "one way to choose is needed"));
                }
                Some(at) => {
                    if let Some(language) = at.at("AudioLanguageSelection") {
                        set("language", language_code(&language, rendition, index)?.into());
                    } else if let Some(tracks) = at.at("AudioTrackSelection") {
                        set("track", track(&tracks)?.into());
                    } else if let Some(pid) = at.at("AudioPidSelection") {
                        if self.renditions.len() > 1 || !can_choose_pid {
                            return Err(pid.invalid(
                                "Pid",
                                "a packet id is chosen for one rendition of a transport stream; choose by track or language",
                            ));
                        }
                        selection.pid = pid.integer("Pid");
                        set("track", Value::from(1));
                    }
                }
            }
            if let Some(language) = rendition.language {
                entry.insert("language".to_owned(), language.into());
            }
            if let Some(name) = rendition.name {
                entry.insert("name".to_owned(), name.into());
            }
            let is_like = |other: &Table| {
                other.get("name") == entry.get("name") && other.get("language") == entry.get("language")
            };
            if selection.tables.iter().any(is_like) {
                let message =
                    "another rendition has this language and name: viewers could not tell them apart";
                return Err(rendition.at.invalid("LanguageCode", message));
            }
            selection.tables.push(entry);
        }
        if selection.tables == [table([("track", 1)])] {
            selection.tables.clear();
        }
        Ok(selection)
    }
}

impl<'a> Rendition<'a> {
    fn read(at: &At<'a>) -> Result<Self, Invalid> {
        let codecs = at.at("CodecSettings");
        if codecs.is_some_and(|codecs| codecs.map.len() != 1 || !codecs.has("AacSettings")) {
            return Err(at.invalid("CodecSettings", "AacSettings are needed"));
        }
        let language = at.filled("LanguageCode");
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if language.is_some_and(|language| !(2..=35).contains(&language.len()) || !plain(language)) {
            return Err(at.invalid("LanguageCode", "a language is ISO 639-2 or BCP 47, such as eng or pt-BR"));
        }
        let name = at.filled("StreamName");
        let is_name =
            |name: &str| name.len() <= 64 && !name.chars().any(|sign| sign.is_control() || sign == '"');
        if name.is_some_and(|name| !is_name(name)) {
            return Err(
                at.invalid("StreamName", "1 to 64 bytes of text without quotation marks are implemented")
            );
        }
        let selector = at.filled("AudioSelectorName").unwrap_or("default");
        Ok(Self { at: at.clone(), selector, language, name })
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.selector, self.language, self.name) == (other.selector, other.language, other.name)
    }
}

fn bitrate_bps(description: &At<'_>) -> Result<(f64, Invalid), Invalid> {
    let settings = description.at("CodecSettings").and_then(|codecs| codecs.at("AacSettings"));
    let at = settings.unwrap_or_else(|| description.clone());
    let bps = at.number("Bitrate").unwrap_or(DEFAULT_BPS);
    match BITRATE_BPS.contains(&bps) {
        true => Ok((bps.round(), at.invalid("Bitrate", ""))),
        false => Err(at.invalid("Bitrate", "32,000 to 512,000 bits per second are implemented")),
    }
}

fn language_code(at: &At<'_>, rendition: &Rendition<'_>, index: usize) -> Result<String, Invalid> {
    let code = at.filled("LanguageCode").unwrap_or_default();
    if !(2..=35).contains(&code.len())
        || !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Err(at.invalid("LanguageCode", "a language is ISO 639-2 or BCP 47, such as eng or pt-BR"));
    }
    if rendition.language.is_some_and(|told| !told.eq_ignore_ascii_case(code)) {
        let message =
            format!("sound that is chosen by its language, {code}, is told as that; choose it by its track");
        return Err(rendition.at.invalid("LanguageCode", message));
    }
    match (at.text("LanguageSelectionPolicy"), index) {
        (Some("STRICT"), 0) => Err(at.invalid(
            "LanguageSelectionPolicy",
            "the first rendition takes the source's first track where its language is missing: LOOSE",
        )),
        (Some("LOOSE"), 1..) => Err(at.invalid(
            "LanguageSelectionPolicy",
            "a further rendition is silent where its language is missing: STRICT",
        )),
        _ => Ok(code.to_owned()),
    }
}

fn track(at: &At<'_>) -> Result<i64, Invalid> {
    let complaint = at.invalid("Tracks", "one track from 1 to 8 is implemented");
    match at.each("Tracks").as_slice() {
        [only] => only.integer("Track").filter(|track| (1..=MAX as i64).contains(track)).ok_or(complaint),
        _ => Err(complaint),
    }
}
