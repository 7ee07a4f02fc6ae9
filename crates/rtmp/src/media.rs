//! What a stream is made of, whichever side sends it.

use ::media::Unwrap;

use crate::amf::{self, Value};
use crate::chunk::{Message, kind};
use crate::flv::{Audio, Video};
use crate::limits::MAX_COMMAND_BYTES;

/// A message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// What the sender says of it.
    Metadata(Metadata),
    /// A video message.
    Video {
        /// Its decode time in ms, unwrapped: 32-bit wraps are no step.
        timestamp_ms: i64,
        /// Its body.
        video: Video,
    },
    /// An audio message.
    Audio {
        /// Its time in ms, on the same line as video's.
        timestamp_ms: i64,
        /// Its body.
        audio: Audio,
    },
}

/// What `onMetaData` says, as far as it helps an operator. Never trusted: codec headers tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The encoder's name, at most 64 printable characters.
    pub encoder: Option<String>,
    /// Picture width in pixels.
    pub width: Option<u32>,
    /// Picture height in pixels.
    pub height: Option<u32>,
    /// Video bits per second.
    pub video_bps: Option<u32>,
    /// Audio bits per second.
    pub audio_bps: Option<u32>,
}

/// Reads a stream's messages, whose times are 32 bits of milliseconds that begin again after 49.7 days.
#[derive(Debug, Default)]
pub(crate) struct MediaReader(Unwrap<{ 1 << 32 }>);

impl MediaReader {
    /// Whether messages of this kind are of a stream.
    pub(crate) const fn takes(of: u8) -> bool {
        matches!(of, kind::VIDEO | kind::AUDIO | kind::DATA | kind::DATA_AMF3)
    }

    /// Reads one of those; `None` where it says nothing of the stream.
    pub(crate) fn read(&mut self, message: Message) -> Option<Media> {
        let Message { kind: of, timestamp, body, .. } = message;
        match of {
            kind::VIDEO => {
                Some(Media::Video { timestamp_ms: self.time_ms(timestamp), video: Video::read(body) })
            }
            kind::AUDIO => {
                Some(Media::Audio { timestamp_ms: self.time_ms(timestamp), audio: Audio::read(body) })
            }
            kind::DATA => Metadata::read(&body).map(Media::Metadata),
            kind::DATA_AMF3 => Metadata::read(after_amf3_mark(&body)).map(Media::Metadata),
            _ => None,
        }
    }

    fn time_ms(&mut self, timestamp: u32) -> i64 {
        self.0.next(timestamp.into())
    }
}

impl Metadata {
    /// Reads `@setDataFrame onMetaData {…}` or `onMetaData {…}`; other data and unreadable data are nothing.
    fn read(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_COMMAND_BYTES {
            return None;
        }
        let values = amf::read_all(body).ok()?;
        let at = values.iter().take(2).position(|value| value.as_str() == Some("onMetaData"))?;
        let data = values.get(at + 1)?;
        let number = |name| data.member(name).and_then(Value::as_number).filter(|number| *number > 0.0);
        let bps = |name| number(name).map(|kbps: f64| (kbps * 1e3) as u32);
        Some(Self {
            encoder: data.member("encoder").and_then(Value::as_str).map(label),
            width: number("width").map(|width| width as u32),
            height: number("height").map(|height| height as u32),
            video_bps: bps("videodatarate"),
            audio_bps: bps("audiodatarate"),
        })
    }
}

/// AMF 3 messages begin with a format byte; peers go on in AMF 0 behind it.
pub(crate) fn after_amf3_mark(body: &[u8]) -> &[u8] {
    match body {
        [0, rest @ ..] => rest,
        _ => body,
    }
}

/// A name from outside, fit for a log line.
pub(crate) fn label(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
