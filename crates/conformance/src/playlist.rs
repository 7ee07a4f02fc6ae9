//! A media playlist's text as values.

use std::collections::HashMap;

/// A media playlist, whole or a delta update.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Playlist {
    /// `EXT-X-VERSION`.
    pub version: u64,
    /// `EXT-X-TARGETDURATION`, in seconds.
    pub target_s: u64,
    /// `EXT-X-PART-INF:PART-TARGET`, in seconds.
    pub part_target: Option<f64>,
    /// `EXT-X-SERVER-CONTROL`, by attribute.
    pub control: HashMap<String, String>,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub media_sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: u64,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
    /// `EXT-X-SKIP:SKIPPED-SEGMENTS`.
    pub skipped: Option<u64>,
    /// Segments that are whole.
    pub segments: Vec<Segment>,
    /// What is listed of the segment that is being made.
    pub open: Open,
    /// `EXT-X-PRELOAD-HINT:TYPE=PART`.
    pub hint: Option<String>,
    /// `EXT-X-RENDITION-REPORT`.
    pub reports: Vec<Report>,
}

/// A segment that is whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Its media sequence number.
    pub number: u64,
    /// `EXTINF`, in seconds.
    pub duration: f64,
    /// Where it is.
    pub uri: String,
    /// Its header.
    pub map: Option<String>,
    /// How often `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuities: u64,
    /// Whether it is a gap.
    pub gap: bool,
    /// `EXT-X-PROGRAM-DATE-TIME` before it.
    pub date_time: Option<String>,
    /// Its parts, as far as they are listed.
    pub parts: Vec<Part>,
}

/// What is listed of the segment that is being made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Open {
    /// Its parts so far.
    pub parts: Vec<Part>,
}

/// `EXT-X-PART`.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// In seconds.
    pub duration: f64,
    /// Where it is.
    pub uri: String,
    /// Whether a decoder can start there.
    pub independent: bool,
}

/// `EXT-X-RENDITION-REPORT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The other rendition.
    pub uri: String,
    /// Its newest segment, whole or not.
    pub last_msn: u64,
    /// That segment's newest part.
    pub last_part: Option<u64>,
}

/// A line that means nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text}")]
pub struct Unreadable {
    /// Counted from 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

impl Playlist {
    /// Takes the text apart; tags this crate knows nothing of are passed over, as the draft asks of clients (§6.3.1).
    pub fn parse(text: &str) -> Result<Playlist, Unreadable> {
        let mut playlist = Playlist { version: 1, ..Playlist::default() };
        let mut next = Segment::default();
        let mut map = None;
        for (index, line) in text.lines().enumerate() {
            let unreadable = || Unreadable { line: index + 1, text: line.to_owned() };
            if index == 0 {
                if line != "#EXTM3U" {
                    return Err(unreadable());
                }
                continue;
            }
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            let integer = |text: &str| text.parse::<u64>().map_err(|_| unreadable());
            let decimal = |text: &str| text.parse::<f64>().map_err(|_| unreadable());
            let attributes = || attributes(value).ok_or_else(unreadable);
            match tag {
                "#EXT-X-VERSION" => playlist.version = integer(value)?,
                "#EXT-X-TARGETDURATION" => playlist.target_s = integer(value)?,
                "#EXT-X-MEDIA-SEQUENCE" => playlist.media_sequence = integer(value)?,
                "#EXT-X-DISCONTINUITY-SEQUENCE" => playlist.discontinuity_sequence = integer(value)?,
                "#EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent_segments = true,
                "#EXT-X-SERVER-CONTROL" => playlist.control = attributes()?,
                "#EXT-X-PART-INF" => {
                    let attributes = attributes()?;
                    playlist.part_target =
                        Some(decimal(attributes.get("PART-TARGET").ok_or_else(unreadable)?)?);
                }
                "#EXT-X-SKIP" => {
                    let attributes = attributes()?;
                    playlist.skipped =
                        Some(integer(attributes.get("SKIPPED-SEGMENTS").ok_or_else(unreadable)?)?);
                }
                "#EXT-X-MAP" => map = Some(attributes()?.remove("URI").ok_or_else(unreadable)?),
                "#EXT-X-DISCONTINUITY" => next.discontinuities += 1,
                "#EXT-X-GAP" => next.gap = true,
                "#EXT-X-PROGRAM-DATE-TIME" => next.date_time = Some(value.to_owned()),
                "#EXTINF" => next.duration = decimal(value.split(',').next().unwrap_or_default())?,
                "#EXT-X-PART" => {
                    let mut attributes = attributes()?;
                    next.parts.push(Part {
                        duration: decimal(attributes.get("DURATION").ok_or_else(unreadable)?)?,
                        independent: attributes.get("INDEPENDENT").is_some_and(|value| value == "YES"),
                        uri: attributes.remove("URI").ok_or_else(unreadable)?,
                    });
                }
                "#EXT-X-PRELOAD-HINT" => {
                    let mut attributes = attributes()?;
                    if attributes.get("TYPE").is_some_and(|kind| kind == "PART") {
                        playlist.hint = Some(attributes.remove("URI").ok_or_else(unreadable)?);
                    }
                }
                "#EXT-X-RENDITION-REPORT" => {
                    let mut attributes = attributes()?;
                    playlist.reports.push(Report {
                        last_msn: integer(attributes.get("LAST-MSN").ok_or_else(unreadable)?)?,
                        last_part: attributes.get("LAST-PART").map(|part| integer(part)).transpose()?,
                        uri: attributes.remove("URI").ok_or_else(unreadable)?,
                    });
                }
                _ if line.starts_with('#') || line.is_empty() => {}
                _ => {
                    next.uri = line.to_owned();
                    next.map.clone_from(&map);
                    next.number = playlist.media_sequence
                        + playlist.skipped.unwrap_or(0)
                        + playlist.segments.len() as u64;
                    playlist.segments.push(std::mem::take(&mut next));
                }
            }
        }
        playlist.open = Open { parts: next.parts };
        Ok(playlist)
    }

    /// The media sequence number of the segment after the last whole one.
    pub fn next_number(&self) -> u64 {
        self.media_sequence + self.skipped.unwrap_or(0) + self.segments.len() as u64
    }

    /// Seconds of media that are listed, the open segment's parts included.
    pub fn listed_s(&self) -> f64 {
        let whole: f64 = self.segments.iter().map(|segment| segment.duration).sum();
        whole + self.open.parts.iter().map(|part| part.duration).sum::<f64>()
    }

    /// A number of `EXT-X-SERVER-CONTROL`.
    pub fn control_s(&self, attribute: &str) -> Option<f64> {
        self.control.get(attribute)?.parse().ok()
    }

    /// What a client has after it applied this delta update to the playlist it had (§6.3.7): nothing where the two do not
    /// fit together.
    pub fn applied_to(&self, base: &Playlist) -> Option<Playlist> {
        let skipped = self.skipped?;
        let first = self.media_sequence;
        let kept: Vec<Segment> = base
            .segments
            .iter()
            .filter(|segment| (first..first + skipped).contains(&segment.number))
            // Parts that a delta leaves out with their segment are too old to be listed.
            .map(|segment| Segment { parts: Vec::new(), ..segment.clone() })
            .collect();
        if kept.len() as u64 != skipped {
            return None;
        }
        // A header holds until the next.
        let map = kept.last().and_then(|segment| segment.map.clone());
        let went_on =
            |segment: &Segment| Segment { map: segment.map.clone().or(map.clone()), ..segment.clone() };
        let segments = kept.iter().cloned().chain(self.segments.iter().map(went_on)).collect();
        Some(Playlist { skipped: None, segments, ..self.clone() })
    }
}

/// `NAME=value,NAME="quoted, value"` (§4.2).
fn attributes(list: &str) -> Option<HashMap<String, String>> {
    let mut found = HashMap::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        // No attribute stands twice.
        if found.insert(name.to_owned(), value.to_owned()).is_some() {
            return None;
        }
        rest = match after.strip_prefix(',') {
            Some(more) => more,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(found)
}
