//! From text to values.

use std::fmt;

use crate::attributes::Attributes;
use crate::limits::{MAX_DURATION_S, MAX_LINE_BYTES, MAX_LINES, MAX_PLAYLIST_BYTES};
use crate::media::{ByteRange, Key, Map, Media, Segment};
use crate::multivariant::{Multivariant, Rendition, Variant};
use crate::{Url, UrlFault};

/// What a URL that ends with `.m3u8` brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Playlist {
    /// A choice of streams.
    Multivariant(Multivariant),
    /// One stream's segments.
    Media(Media),
}

/// Why a text is no playlist that can be followed. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Over [`MAX_PLAYLIST_BYTES`].
    #[error("a playlist of more than {MAX_PLAYLIST_BYTES} bytes")]
    Bytes,
    /// Over [`MAX_LINES`].
    #[error("a playlist of more than {MAX_LINES} lines")]
    Lines,
    /// Over [`MAX_LINE_BYTES`].
    #[error("line {0} has more than {MAX_LINE_BYTES} bytes")]
    Line(usize),
    /// It does not begin with `#EXTM3U`, or is no UTF-8.
    #[error("this is no playlist: it does not begin with #EXTM3U")]
    NoPlaylist,
    /// A tag whose value makes no sense.
    #[error("line {line}: {tag} has a value that makes no sense")]
    Value {
        /// The line.
        line: usize,
        /// The tag.
        tag: &'static str,
    },
    /// A URL that cannot be fetched.
    #[error("line {line}: {fault}")]
    Url {
        /// The line.
        line: usize,
        /// Why.
        fault: UrlFault,
    },
    /// A media playlist without its longest duration.
    #[error("a playlist of segments without #EXT-X-TARGETDURATION")]
    NoTarget,
    /// Neither segments nor streams.
    #[error("a playlist that lists nothing")]
    Empty,
    /// An encryption that is not carried.
    #[error("line {line}: segments are encrypted by {method}; AES-128 is carried, and clear segments")]
    Encryption {
        /// The line.
        line: usize,
        /// What is asked of players.
        method: Encryption,
    },
    /// `EXT-X-DEFINE`.
    #[error("line {0}: playlists with variables (#EXT-X-DEFINE) are not carried")]
    Variables(usize),
}

/// A way of encryption that is not carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// `METHOD=SAMPLE-AES`.
    SampleAes,
    /// `METHOD=SAMPLE-AES-CTR`.
    SampleAesCtr,
    /// A `KEYFORMAT` of a DRM.
    Drm,
    /// None that the standard has.
    Unknown,
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SampleAes => "SAMPLE-AES",
            Self::SampleAesCtr => "SAMPLE-AES-CTR",
            Self::Drm => "a DRM (KEYFORMAT)",
            Self::Unknown => "a METHOD that is not known",
        })
    }
}

impl Playlist {
    /// Reads what was fetched from `base`. Tags that are not known are passed over, as clients have to (RFC 8216 §6.3.1).
    pub fn parse(bytes: &[u8], base: &Url) -> Result<Self, Unreadable> {
        if bytes.len() > MAX_PLAYLIST_BYTES {
            return Err(Unreadable::Bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NoPlaylist)?;
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut lines = text.lines().enumerate();
        if lines.next().is_none_or(|(_, first)| first.trim_end() != "#EXTM3U") {
            return Err(Unreadable::NoPlaylist);
        }
        let mut reader = Reader::new(base);
        for (index, line) in lines {
            if index >= MAX_LINES {
                return Err(Unreadable::Lines);
            }
            if line.len() > MAX_LINE_BYTES {
                return Err(Unreadable::Line(index + 1));
            }
            reader.line(index + 1, line.trim())?;
        }
        reader.finish()
    }
}

/// What stands between two URLs.
#[derive(Debug, Default)]
struct Pending {
    duration_s: Option<f64>,
    /// Length, and start where it is told.
    range: Option<(u64, Option<u64>)>,
    is_discontinuous: bool,
    is_gap: bool,
    variant: Option<(u64, Option<u32>, String, Option<String>)>,
}

struct Reader<'a> {
    base: &'a Url,
    pending: Pending,
    key: Option<Key>,
    map: Option<Map>,
    /// Where the segment before ends in its file.
    last_range: Option<(Url, u64)>,
    target_s: Option<f64>,
    first: u64,
    is_over: bool,
    segments: Vec<Segment>,
    streams: Multivariant,
}

impl<'a> Reader<'a> {
    fn new(base: &'a Url) -> Self {
        Self {
            base,
            pending: Pending::default(),
            key: None,
            map: None,
            last_range: None,
            target_s: None,
            first: 0,
            is_over: false,
            segments: Vec::new(),
            streams: Multivariant::default(),
        }
    }

    fn line(&mut self, line: usize, text: &str) -> Result<(), Unreadable> {
        if !text.starts_with('#') {
            return if text.is_empty() { Ok(()) } else { self.uri(line, text) };
        }
        let (tag, value) = text.split_once(':').unwrap_or((text, ""));
        let bad = |tag| Unreadable::Value { line, tag };
        match tag {
            "#EXTINF" => {
                let number = value.split(',').next().unwrap_or("").trim();
                self.pending.duration_s = Some(seconds(number).ok_or(bad("#EXTINF"))?);
            }
            "#EXT-X-BYTERANGE" => {
                self.pending.range = Some(byte_range(value).ok_or(bad("#EXT-X-BYTERANGE"))?);
            }
            "#EXT-X-DISCONTINUITY" => self.pending.is_discontinuous = true,
            "#EXT-X-GAP" => self.pending.is_gap = true,
            "#EXT-X-TARGETDURATION" => {
                self.target_s = Some(seconds(value).ok_or(bad("#EXT-X-TARGETDURATION"))?.max(0.5));
            }
            "#EXT-X-MEDIA-SEQUENCE" => {
                // Half the range, so that counting on never overflows.
                let first = value.parse().ok().filter(|first| *first <= u64::MAX / 2);
                self.first = first.ok_or(bad("#EXT-X-MEDIA-SEQUENCE"))?;
            }
            "#EXT-X-ENDLIST" => self.is_over = true,
            "#EXT-X-DEFINE" => return Err(Unreadable::Variables(line)),
            "#EXT-X-KEY" => {
                let list = Attributes::read(value).ok_or(bad("#EXT-X-KEY"))?;
                self.key = self.read_key(line, &list)?;
            }
            "#EXT-X-MAP" => {
                let list = Attributes::read(value).ok_or(bad("#EXT-X-MAP"))?;
                let url = self.join(line, list.text("URI").ok_or(bad("#EXT-X-MAP"))?)?;
                let range = match list.text("BYTERANGE") {
                    None => None,
                    Some(text) => {
                        let (length, start) = byte_range(text).ok_or(bad("#EXT-X-MAP"))?;
                        Some(ByteRange { start: start.unwrap_or(0), length })
                    }
                };
                self.map = Some(Map { url, range, key: self.key.clone() });
            }
            "#EXT-X-STREAM-INF" => {
                let list = Attributes::read(value).ok_or(bad("#EXT-X-STREAM-INF"))?;
                let height = list.text("RESOLUTION").and_then(|size| size.split_once('x')?.1.parse().ok());
                self.pending.variant = Some((
                    list.number("BANDWIDTH").unwrap_or(0),
                    height,
                    list.text("CODECS").unwrap_or("").to_owned(),
                    list.text("AUDIO").map(str::to_owned),
                ));
            }
            "#EXT-X-MEDIA" => {
                let list = Attributes::read(value).ok_or(bad("#EXT-X-MEDIA"))?;
                self.rendition(line, &list)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn read_key(&self, line: usize, list: &Attributes<'_>) -> Result<Option<Key>, Unreadable> {
        let bad = Unreadable::Value { line, tag: "#EXT-X-KEY" };
        let refused = |method| Err(Unreadable::Encryption { line, method });
        match list.text("METHOD") {
            Some("NONE") => return Ok(None),
            Some("AES-128") => {}
            Some("SAMPLE-AES") => return refused(Encryption::SampleAes),
            Some("SAMPLE-AES-CTR") => return refused(Encryption::SampleAesCtr),
            _ => return refused(Encryption::Unknown),
        }
        if list.text("KEYFORMAT").is_some_and(|format| format != "identity") {
            return refused(Encryption::Drm);
        }
        let url = self.join(line, list.text("URI").ok_or(bad.clone())?)?;
        let iv = match list.text("IV") {
            None => None,
            Some(text) => {
                let digits =
                    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).ok_or(bad.clone())?;
                let fits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let iv = u128::from_str_radix(digits, 16).ok().filter(|_| fits).ok_or(bad)?;
                Some(iv.to_be_bytes())
            }
        };
        Ok(Some(Key { url, iv }))
    }

    fn rendition(&mut self, line: usize, list: &Attributes<'_>) -> Result<(), Unreadable> {
        if list.text("TYPE") != Some("AUDIO") {
            return Ok(());
        }
        let Some(group) = list.text("GROUP-ID") else {
            return Err(Unreadable::Value { line, tag: "#EXT-X-MEDIA" });
        };
        let url = list.text("URI").map(|uri| self.join(line, uri)).transpose()?;
        self.streams.audio.push(Rendition {
            group: group.to_owned(),
            url,
            language: list.text("LANGUAGE").map(str::to_owned),
            is_default: list.is_yes("DEFAULT"),
        });
        Ok(())
    }

    fn uri(&mut self, line: usize, uri: &str) -> Result<(), Unreadable> {
        let url = self.join(line, uri)?;
        let pending = std::mem::take(&mut self.pending);
        if let Some((bandwidth_bps, height, codecs, audio_group)) = pending.variant {
            self.streams.variants.push(Variant { url, bandwidth_bps, height, codecs, audio_group });
            return Ok(());
        }
        let bad = |tag| Unreadable::Value { line, tag };
        let duration_s = pending.duration_s.ok_or(bad("#EXTINF"))?;
        let range = match pending.range {
            None => None,
            Some((length, start)) => {
                // Without a start it goes on where the one before it ended in the same file.
                let before = self.last_range.as_ref().filter(|(file, _)| *file == url).map(|(_, end)| *end);
                let start = start.or(before).ok_or(bad("#EXT-X-BYTERANGE"))?;
                let end = start.checked_add(length).ok_or(bad("#EXT-X-BYTERANGE"))?;
                self.last_range = Some((url.clone(), end));
                Some(ByteRange { start, length })
            }
        };
        self.segments.push(Segment {
            number: self.first + self.segments.len() as u64,
            url,
            range,
            duration_s,
            is_discontinuous: pending.is_discontinuous,
            is_gap: pending.is_gap,
            key: self.key.clone(),
            map: self.map.clone(),
        });
        Ok(())
    }

    fn join(&self, line: usize, reference: &str) -> Result<Url, Unreadable> {
        self.base.join(reference).map_err(|fault| Unreadable::Url { line, fault })
    }

    fn finish(mut self) -> Result<Playlist, Unreadable> {
        if !self.streams.variants.is_empty() {
            return Ok(Playlist::Multivariant(self.streams));
        }
        let Some(target_s) = self.target_s else {
            return Err(if self.segments.is_empty() { Unreadable::Empty } else { Unreadable::NoTarget });
        };
        // The number of the first may be told after it.
        for (segment, number) in self.segments.iter_mut().zip(self.first..) {
            segment.number = number;
        }
        let Self { first, is_over, segments, .. } = self;
        Ok(Playlist::Media(Media { target_s, is_over, segments, first }))
    }
}

fn seconds(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|seconds| (0.0..=MAX_DURATION_S).contains(seconds))
}

/// `length[@start]`.
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (length, start) = match text.trim().split_once('@') {
        Some((length, start)) => (length, Some(start.parse().ok()?)),
        None => (text.trim(), None),
    };
    length.parse().ok().filter(|length| *length > 0).map(|length| (length, start))
}

#[cfg(test)]
mod tests;
