//! Samples from ingest to an encoder, over a unix stream socket.
//!
//! The encoder connects and sends one [`Request`]; ingest answers with [`Message`]s for as long as the connection
//! stands. A publisher's samples come between [`Message::Tracks`] and [`Message::Ended`]; a new `Tracks` in
//! between means the format changed. Publishers may follow each other on one connection.
//!
//! Framing, both ways: `u32` big-endian length of what follows, one kind byte, the body. Lengths over [`MAX_FRAME`]
//! break the connection. `Sample` is binary (it is the hot path); everything else is JSON.
//!
//! `Sample` body: track `u8`, flags `u8` (bit 0 sync, bit 1 duration known), composition offset `i32`, duration
//! `u32`, dts `i64`, all big-endian, then the payload.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use media::{ChannelName, Sample, Track, TrackId, Utc};
use serde::{Deserialize, Serialize};

/// Longest frame accepted: above any access unit ingest lets through.
pub const MAX_FRAME: usize = 16 << 20;
const SAMPLE_HEADER: usize = 1 + 1 + 4 + 4 + 8;

/// One input of a channel, and whoever publishes to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Feed {
    /// The channel.
    pub channel: ChannelName,
    /// Which of its inputs.
    pub input: FeedInput,
}

/// Which input of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedInput {
    /// `input`.
    Primary,
    /// `backup`.
    Backup,
}

impl From<ChannelName> for Feed {
    fn from(channel: ChannelName) -> Self {
        Self { channel, input: FeedInput::Primary }
    }
}

/// The channel's name, and `~backup` after it for its second input: no channel can have such a name.
impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.input {
            FeedInput::Primary => self.channel.fmt(f),
            FeedInput::Backup => write!(f, "{}~backup", self.channel),
        }
    }
}

/// The encoder's one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whose samples are wanted.
    #[serde(flatten)]
    pub feed: Feed,
    /// Replay kept samples from the last key frame at or before this time, so that a restarted encoder can make
    /// again the segment it was in. `None`: from the newest key frame kept.
    pub from: Option<Utc>,
}

/// What ingest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A publisher's tracks; its samples follow. Sample times are ticks since the Unix epoch.
    Tracks(Tracks),
    /// One coded frame.
    Sample(Sample),
    /// The publisher has gone.
    Ended(Ended),
}

/// A publisher's tracks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracks {
    /// Differs for each publishing session of the channel.
    pub session: u64,
    /// The tracks that can be carried; others were refused, named in ingest's log.
    pub tracks: Vec<Track>,
}

/// Why a publisher's samples stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// For the log: `the publisher said goodbye`, `connection lost: …`.
    pub reason: String,
}

/// A frame that cannot be one of ours. The connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Over [`MAX_FRAME`] or empty.
    #[error("frame of {0} bytes, bound {MAX_FRAME}")]
    Length(usize),
    /// No such kind.
    #[error("unknown frame kind {0}")]
    Kind(u8),
    /// A sample shorter than its header.
    #[error("sample frame of {0} bytes is shorter than its header")]
    ShortSample(usize),
    /// JSON that does not parse.
    #[error("frame body")]
    Json(#[from] serde_json::Error),
}

const REQUEST: u8 = 1;
const TRACKS: u8 = 2;
const SAMPLE: u8 = 3;
const ENDED: u8 = 4;

/// Appends a framed request.
pub fn encode_request(request: &Request, out: &mut BytesMut) {
    put_json(REQUEST, request, out);
}

/// Takes one whole request off the front of `buffer`; `None` until it is whole.
pub fn decode_request(buffer: &mut BytesMut) -> Result<Option<Request>, FrameError> {
    match take_frame(buffer)? {
        None => Ok(None),
        Some((REQUEST, body)) => Ok(Some(serde_json::from_slice(&body)?)),
        Some((kind, _)) => Err(FrameError::Kind(kind)),
    }
}

/// Appends a framed message.
pub fn encode(message: &Message, out: &mut BytesMut) {
    match message {
        Message::Tracks(tracks) => put_json(TRACKS, tracks, out),
        Message::Ended(ended) => put_json(ENDED, ended, out),
        Message::Sample(sample) => {
            out.reserve(SAMPLE_HEADER + 5 + sample.data.len());
            put_sample_header(sample, out);
            out.put_slice(&sample.data);
        }
    }
}

/// Appends the frame and sample header only; `sample.data` must follow it on the wire, so that a large payload
/// need not be copied.
pub fn put_sample_header(sample: &Sample, out: &mut BytesMut) {
    out.put_u32((1 + SAMPLE_HEADER + sample.data.len()) as u32);
    out.put_u8(SAMPLE);
    out.put_u8(sample.track.0);
    out.put_u8(u8::from(sample.sync) | u8::from(sample.duration.is_some()) << 1);
    out.put_i32(sample.composition_offset);
    out.put_u32(sample.duration.unwrap_or(0));
    out.put_i64(sample.dts);
}

/// Takes one whole message off the front of `buffer`; `None` until it is whole. Payloads share `buffer`'s memory.
pub fn decode(buffer: &mut BytesMut) -> Result<Option<Message>, FrameError> {
    let Some((kind, mut body)) = take_frame(buffer)? else {
        return Ok(None);
    };
    match kind {
        TRACKS => Ok(Some(Message::Tracks(serde_json::from_slice(&body)?))),
        ENDED => Ok(Some(Message::Ended(serde_json::from_slice(&body)?))),
        SAMPLE => {
            if body.len() < SAMPLE_HEADER {
                return Err(FrameError::ShortSample(body.len()));
            }
            let track = TrackId(body.get_u8());
            let flags = body.get_u8();
            let composition_offset = body.get_i32();
            let duration = body.get_u32();
            let dts = body.get_i64();
            Ok(Some(Message::Sample(Sample {
                track,
                dts,
                composition_offset,
                duration: (flags & 2 != 0).then_some(duration),
                sync: flags & 1 != 0,
                data: body,
            })))
        }
        kind => Err(FrameError::Kind(kind)),
    }
}

fn put_json(kind: u8, body: &impl Serialize, out: &mut BytesMut) {
    let json = serde_json::to_vec(body).expect("our own messages have string keys");
    out.reserve(5 + json.len());
    out.put_u32((1 + json.len()) as u32);
    out.put_u8(kind);
    out.put_slice(&json);
}

fn take_frame(buffer: &mut BytesMut) -> Result<Option<(u8, Bytes)>, FrameError> {
    let Some(prefix) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*prefix) as usize;
    if length == 0 || length > MAX_FRAME {
        return Err(FrameError::Length(length));
    }
    if buffer.len() < 4 + length {
        buffer.reserve(4 + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(4);
    let mut frame = buffer.split_to(length).freeze();
    let kind = frame.get_u8();
    Ok(Some((kind, frame)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_any_split_of_the_stream() {
        let messages = [
            Message::Tracks(Tracks { session: 7, tracks: vec![] }),
            Message::Sample(Sample {
                track: TrackId(1),
                dts: -5,
                composition_offset: -3,
                duration: Some(1_024),
                sync: true,
                data: Bytes::from_static(b"payload"),
            }),
            Message::Ended(Ended { reason: "the publisher said goodbye".into() }),
        ];
        let mut whole = BytesMut::new();
        for message in &messages {
            encode(message, &mut whole);
        }
        for step in 1..whole.len() {
            let mut buffer = BytesMut::new();
            let mut seen = Vec::new();
            for piece in whole.chunks(step) {
                buffer.extend_from_slice(piece);
                while let Some(message) = decode(&mut buffer).expect("our own frames decode") {
                    seen.push(message);
                }
            }
            assert_eq!(seen, messages, "step {step}");
        }
    }

    #[test]
    fn a_frame_over_the_bound_is_refused_before_it_is_awaited() {
        let mut buffer = BytesMut::from(&[0xFF_u8, 0xFF, 0xFF, 0xFF][..]);
        assert!(matches!(decode(&mut buffer), Err(FrameError::Length(_))));
    }
}
