//! Names from a pushed MPD.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Most elements looked at.
const ELEMENTS_MAX: usize = 100_000;
/// Most representations whose names are kept.
const REPRESENTATIONS_MAX: usize = 32;
/// Longest template.
const TEMPLATE_MAX: usize = 256;

/// Which files a pushed MPD says belong to which representation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Representation id, and the patterns of its header's and segments' names.
    representations: Vec<(String, Vec<Pattern>)>,
}

/// A file name with numbers left open.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// Fixed text between the numbers; one more piece than numbers.
    pieces: Vec<String>,
}

/// Why a pushed MPD was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MpdError {
    /// Not XML.
    #[error("the MPD is not well-formed XML at byte {0}")]
    Xml(u64),
    /// Over a bound.
    #[error("the MPD has too many elements")]
    TooMany,
    /// It has a document type, which is never needed and can grow without bound.
    #[error("the MPD has a document type")]
    DocType,
}

impl Names {
    /// The representation that this file belongs to.
    pub(crate) fn track(&self, file: &str) -> Option<String> {
        let found =
            self.representations.iter().find(|(_, patterns)| patterns.iter().any(|p| p.matches(file)));
        found.map(|(id, _)| id.clone())
    }
}

impl Pattern {
    /// Resolves `$RepresentationID$` and leaves `$Number$`, `$Time$` and their `%0xd` forms open; `None` where the
    /// template is not understood.
    fn read(template: &str, id: &str) -> Option<Self> {
        let file = template.rsplit('/').next().unwrap_or(template);
        let mut pieces = vec![String::new()];
        for (index, part) in file.split('$').enumerate() {
            let name = part.split('%').next().unwrap_or(part);
            match (index % 2, name) {
                (0, _) => pieces.last_mut()?.push_str(part),
                (_, "") => pieces.last_mut()?.push('$'),
                (_, "RepresentationID") => pieces.last_mut()?.push_str(id),
                (_, "Number" | "Time" | "Bandwidth") => pieces.push(String::new()),
                _ => return None,
            }
        }
        Some(Self { pieces })
    }

    fn matches(&self, file: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else {
            return false;
        };
        let Some(mut left) = file.strip_prefix(first.as_str()) else {
            return false;
        };
        for piece in rest {
            let digits = left.bytes().take_while(u8::is_ascii_digit).count();
            // `strip_prefix` of the piece after the digits: a piece that begins with digits cannot follow a number.
            match left[digits..].strip_prefix(piece.as_str()) {
                Some(after) if digits > 0 => left = after,
                _ => return false,
            }
        }
        left.is_empty()
    }
}

/// Reads which names an MPD gives to the files of its representations. What it says otherwise is not used: times and
/// formats come with the media.
pub fn read_mpd(text: &[u8]) -> Result<Names, MpdError> {
    let text = std::str::from_utf8(text).map_err(|fault| MpdError::Xml(fault.valid_up_to() as u64))?;
    let mut reader = Reader::from_str(text);
    let mut names = Names::default();
    // The templates of the enclosing AdaptationSet, then of the Representation, which count more.
    let mut outer: Vec<String> = Vec::new();
    let mut representation: Option<(String, Vec<String>)> = None;
    for _ in 0..ELEMENTS_MAX {
        let event = reader.read_event().map_err(|_| MpdError::Xml(reader.error_position()))?;
        let (element, empty) = match &event {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(end) => {
                match end.local_name().as_ref() {
                    "AdaptationSet" | "Period" => outer.clear(),
                    "Representation" => names.keep(representation.take(), &outer),
                    _ => {}
                }
                continue;
            }
            Event::DocType(_) => return Err(MpdError::DocType),
            Event::Eof => return Ok(names),
            _ => continue,
        };
        match element.local_name().as_ref() {
            "Representation" => {
                representation = attribute(element, "id").map(|id| (id, Vec::new()));
                if empty {
                    names.keep(representation.take(), &outer);
                }
            }
            "SegmentTemplate" => {
                let templates = match &mut representation {
                    Some((_, templates)) => templates,
                    None => &mut outer,
                };
                templates.extend(attribute(element, "initialization"));
                templates.extend(attribute(element, "media"));
                templates.truncate(4);
            }
            _ => {}
        }
    }
    Err(MpdError::TooMany)
}

impl Names {
    fn keep(&mut self, representation: Option<(String, Vec<String>)>, outer: &[String]) {
        let Some((id, own)) = representation else { return };
        let templates = if own.is_empty() { outer } else { &own };
        let patterns: Vec<_> = templates.iter().filter_map(|t| Pattern::read(t, &id)).collect();
        if self.representations.len() < REPRESENTATIONS_MAX && !patterns.is_empty() {
            self.representations.push((id, patterns));
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.attributes().flatten().find(|a| a.key.local_name().as_ref() == name)?;
    let text = quick_xml::escape::unescape(&attribute.value).ok()?;
    (text.len() <= TEMPLATE_MAX).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FFMPEG: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"><Period id="0" start="PT0.0S">
<AdaptationSet id="0" contentType="video"><Representation id="0" mimeType="video/mp4" codecs="avc1.64001e">
<SegmentTemplate timescale="1000000" initialization="init-stream$RepresentationID$.m4s" media="chunk-stream$RepresentationID$-$Number%05d$.m4s" startNumber="1"/>
</Representation></AdaptationSet>
<AdaptationSet><SegmentTemplate initialization="$RepresentationID$_i.mp4" media="a/$RepresentationID$_$Time$.mp4"/>
<Representation id="sound"/></AdaptationSet></Period></MPD>"#;

    #[test]
    fn templates_name_the_files_of_representations() {
        let names = read_mpd(FFMPEG.as_bytes()).expect("an MPD");
        for (file, track) in [
            ("init-stream0.m4s", Some("0")),
            ("chunk-stream0-00017.m4s", Some("0")),
            ("chunk-stream0-.m4s", None),
            ("chunk-stream1-00017.m4s", None),
            ("sound_i.mp4", Some("sound")),
            ("sound_153000.mp4", Some("sound")),
            ("sound_153000.mp4x", None),
        ] {
            assert_eq!(names.track(file).as_deref(), track, "{file}");
        }
    }

    #[test]
    fn what_could_grow_without_bound_is_refused() {
        let bomb = b"<!DOCTYPE lol [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MPD>&b;</MPD>";
        assert_eq!(read_mpd(bomb), Err(MpdError::DocType));
        assert_eq!(read_mpd(&b"<a/>".repeat(ELEMENTS_MAX + 1)), Err(MpdError::TooMany));
        assert!(matches!(read_mpd(b"<MPD></Period>"), Err(MpdError::Xml(_))));
    }

    proptest! {
        #[test]
        fn any_damage_is_read_without_fault(at in 0..FFMPEG.len(), with: u8, cut in 0..FFMPEG.len()) {
            let mut text = FFMPEG.as_bytes().to_vec();
            text[at] = with;
            text.truncate(cut.max(at));
            let _ = read_mpd(&text).map(|names| names.track("chunk-stream0-00017.m4s"));
        }
    }
}
