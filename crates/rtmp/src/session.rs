//! The server's side of one connection.

use bytes::{Buf, Bytes, BytesMut};

use crate::acknowledgement::Acknowledgement;
use crate::amf::Value;
use crate::chunk::{self, Message, kind};
use crate::command::{self, Command};
use crate::handshake::Handshake;
use crate::limits::*;
use crate::media::{MediaReader, after_amf3_mark, label};
use crate::{Fault, Key, Media, PeerError};

/// Chunk streams our messages go out on.
const COMMAND_STREAM: u32 = 3;
const STATUS_STREAM: u32 = 5;

const STREAM_BEGIN: u16 = 0;
/// A user control event that wants [`PING_RESPONSE`] with the same number.
pub(crate) const PING_REQUEST: u16 = 6;
/// The answer to a ping.
pub(crate) const PING_RESPONSE: u16 = 7;
/// Set Peer Bandwidth's limit type that leaves the choice to the peer (§5.4.5).
const DYNAMIC: u8 = 2;

/// One connection from a publisher, as the server sees it.
#[derive(Debug, Default)]
pub struct Session {
    handshake: Handshake,
    reader: chunk::Reader,
    writer: chunk::Writer,
    state: State,
    outgoing: BytesMut,
    /// Bytes taken for the handshake.
    shaken: u64,
    /// Where the message at hand, or the handshake, began.
    last_message: u64,
    streams: u32,
    media: MediaReader,
    acknowledgement: Acknowledgement,
}

/// ```text
/// Connecting --connect--> Connected --publish--> Deciding --accept--> Publishing
///                             ^                     |refuse               |
///                             |                     v                     |
///                             |                  Closed                   |
///                             '------- FCUnpublish, deleteStream ---------'
/// ```
/// `play` goes from Connected to Closed.
#[derive(Debug, Default)]
enum State {
    #[default]
    Connecting,
    Connected {
        app: String,
        encoder: String,
    },
    Deciding {
        app: String,
        encoder: String,
        stream: u32,
    },
    Publishing {
        app: String,
        encoder: String,
        stream: u32,
    },
    Closed,
}

/// What a session yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer wants to publish. Answer with [`Session::accept`] or [`Session::refuse`]; nothing more is read until
    /// then.
    Publish(PublishRequest),
    /// Of its stream.
    Media(Media),
    /// The peer ends its stream in good order.
    Unpublish,
    /// The peer wanted to play; it has been told that streams are only taken here. Send what is outgoing and close.
    PlayRefused,
}

/// A wish to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishRequest {
    /// The application: what lies between host and key in the URL, without slashes at its ends and without a query.
    pub app: String,
    /// The stream key.
    pub key: Key,
    /// What the encoder calls itself, at most 64 printable characters; for logs.
    pub encoder: String,
}

impl Session {
    /// A session that awaits the handshake.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes from the front of `input` until something happens; `None` when more bytes are wanted, or a decision on a
    /// publish request. Call again until `None`, then send [`Self::take_outgoing`]. Up to a chunk of bytes may stay in
    /// `input`; payloads of events share its memory.
    ///
    /// After an error the session is over; what is outgoing may still be sent.
    pub fn poll(&mut self, input: &mut BytesMut) -> Result<Option<Event>, PeerError> {
        self.advance(input).map_err(|fault| PeerError { offset: self.last_message, fault })
    }

    /// Lets the pending publish request in. Does nothing without one.
    pub fn accept(&mut self) {
        match std::mem::take(&mut self.state) {
            State::Deciding { app, encoder, stream } => {
                let begin = command::user_control(STREAM_BEGIN, stream);
                self.writer.control(kind::USER_CONTROL, &begin, &mut self.outgoing);
                self.status(stream, "status", "NetStream.Publish.Start", "Publishing.");
                self.state = State::Publishing { app, encoder, stream };
            }
            other => self.state = other,
        }
    }

    /// Turns the pending publish request down with a text the encoder may show. Send what is outgoing, then close.
    /// Does nothing without one.
    pub fn refuse(&mut self, reason: &str) {
        if let State::Deciding { stream, .. } = self.state {
            self.status(stream, "error", "NetStream.Publish.BadName", reason);
            self.state = State::Closed;
        }
    }

    /// What must be sent to the peer now; often empty.
    pub fn take_outgoing(&mut self) -> Bytes {
        self.outgoing.split().freeze()
    }

    /// Bytes of the connection taken so far.
    pub const fn taken(&self) -> u64 {
        self.shaken + self.reader.taken()
    }

    fn advance(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Fault> {
        if !matches!(self.handshake, Handshake::Done) {
            let before = input.len();
            let done = self.handshake.advance(input, &mut self.outgoing)?;
            self.shaken += (before - input.len()) as u64;
            if !done {
                return Ok(None);
            }
        }
        loop {
            match self.state {
                State::Deciding { .. } => return Ok(None),
                State::Closed => {
                    input.clear();
                    return Ok(None);
                }
                State::Connecting | State::Connected { .. } | State::Publishing { .. } => {}
            }
            self.last_message = self.taken();
            let Some(message) = self.reader.next(input)? else {
                self.acknowledgement.tell(self.taken(), &mut self.writer, &mut self.outgoing);
                return Ok(None);
            };
            let event = self.message(message)?;
            if self.outgoing.len() > MAX_OUTGOING_BYTES {
                return Err(Fault::Deaf);
            }
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    fn message(&mut self, message: Message) -> Result<Option<Event>, Fault> {
        let publishing = matches!(self.state, State::Publishing { .. });
        match message.kind {
            // Media outside a publication: the tail some encoders send after saying goodbye.
            of if MediaReader::takes(of) && !publishing => Ok(None),
            of if MediaReader::takes(of) => Ok(self.media.read(message).map(Event::Media)),
            kind::COMMAND => self.command(Command::read(&message.body)?, message.stream),
            kind::COMMAND_AMF3 => {
                self.command(Command::read(after_amf3_mark(&message.body))?, message.stream)
            }
            kind::USER_CONTROL => self.user_control(&message.body).map(|()| None),
            kind::ACK_WINDOW => self.acknowledgement.take_window(&message).map(|()| None),
            // Set Chunk Size and Abort are the reader's; acknowledgements and bandwidth ask nothing of a server that
            // sends a few hundred bytes; other types are none of a publisher's.
            _ => Ok(None),
        }
    }

    fn user_control(&mut self, mut body: &[u8]) -> Result<(), Fault> {
        let short = Fault::ControlLength { kind: kind::USER_CONTROL, length: body.len() };
        let event = body.try_get_u16().map_err(|_| short.clone())?;
        if event == PING_REQUEST {
            let time = body.try_get_u32().map_err(|_| short)?;
            let pong = command::user_control(PING_RESPONSE, time);
            self.writer.control(kind::USER_CONTROL, &pong, &mut self.outgoing);
        }
        Ok(())
    }

    fn command(&mut self, command: Command, stream: u32) -> Result<Option<Event>, Fault> {
        match command.name.as_str() {
            "connect" => self.connect(&command).map(|()| None),
            "createStream" => self.create_stream(&command).map(|()| None),
            "publish" => self.publish(&command, stream).map(Some),
            "play" | "play2" => {
                self.status(
                    stream,
                    "error",
                    "NetStream.Play.Failed",
                    "This server takes streams; play them over HTTP.",
                );
                self.state = State::Closed;
                Ok(Some(Event::PlayRefused))
            }
            "releaseStream" => {
                self.answer(&command, &[Value::Null, Value::Undefined]);
                Ok(None)
            }
            "FCPublish" => {
                self.answer(&command, &[Value::Null, Value::Undefined]);
                let start = command::information("status", "NetStream.Publish.Start", "FCPublish");
                self.send(COMMAND_STREAM, 0, command::body("onFCPublish", 0.0, &[Value::Null, start]));
                Ok(None)
            }
            "FCUnpublish" | "closeStream" | "deleteStream" => {
                if command.name != "closeStream" {
                    self.answer(&command, &[Value::Null, Value::Undefined]);
                }
                Ok(self.unpublish(&command))
            }
            // `_checkbw`, `_result` and whatever else encoders say: nothing waits for an answer.
            _ => Ok(None),
        }
    }

    fn connect(&mut self, command: &Command) -> Result<(), Fault> {
        if !matches!(self.state, State::Connecting) {
            return Err(Fault::ConnectTwice);
        }
        let app = command.member("app").and_then(Value::as_str).ok_or(Fault::App)?;
        if app.len() > MAX_NAME_BYTES {
            return Err(Fault::App);
        }
        let app = without_query(app).trim_matches('/').to_owned();
        let encoder = command.member("flashVer").and_then(Value::as_str).map(label).unwrap_or_default();
        let encoding = command.member("objectEncoding").and_then(Value::as_number).unwrap_or(0.0);

        let out = &mut self.outgoing;
        self.writer.control(kind::ACK_WINDOW, &OUR_ACK_WINDOW.to_be_bytes(), out);
        let mut bandwidth = [DYNAMIC; 5];
        bandwidth[..4].copy_from_slice(&OUR_ACK_WINDOW.to_be_bytes());
        self.writer.control(kind::PEER_BANDWIDTH, &bandwidth, out);
        self.writer.set_chunk_size(OUR_CHUNK_SIZE, out);
        self.answer(command, &command::connected(encoding));
        self.state = State::Connected { app, encoder };
        Ok(())
    }

    fn create_stream(&mut self, command: &Command) -> Result<(), Fault> {
        if self.streams == MAX_MESSAGE_STREAMS {
            return Err(Fault::MessageStreams);
        }
        self.streams += 1;
        self.answer(command, &[Value::Null, f64::from(self.streams).into()]);
        Ok(())
    }

    fn publish(&mut self, command: &Command, stream: u32) -> Result<Event, Fault> {
        let name = command.argument(0).and_then(Value::as_str).ok_or(Fault::Publish)?;
        if name.len() > MAX_NAME_BYTES {
            return Err(Fault::Publish);
        }
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Connected { app, encoder } => {
                let name = name.trim_start_matches('/');
                // With the whole URL given as the server, the key is the application's last element.
                let (app, name) = match app.rsplit_once('/') {
                    Some((front, last)) if without_query(name).is_empty() => {
                        (front.to_owned(), last.to_owned())
                    }
                    _ => (app, name.to_owned()),
                };
                let request =
                    PublishRequest { app: app.clone(), key: Key::new(&name), encoder: encoder.clone() };
                self.state = State::Deciding { app, encoder, stream };
                Ok(Event::Publish(request))
            }
            State::Publishing { .. } => Err(Fault::PublishTwice),
            State::Connecting | State::Deciding { .. } | State::Closed => Err(Fault::Publish),
        }
    }

    fn unpublish(&mut self, command: &Command) -> Option<Event> {
        let State::Publishing { app, encoder, stream } = &mut self.state else {
            return None;
        };
        let other_stream = command.name == "deleteStream"
            && command.argument(0).and_then(Value::as_number).is_some_and(|id| id != f64::from(*stream));
        if other_stream {
            return None;
        }
        let stream = *stream;
        self.state = State::Connected { app: std::mem::take(app), encoder: std::mem::take(encoder) };
        self.status(stream, "status", "NetStream.Unpublish.Success", "Unpublished.");
        Some(Event::Unpublish)
    }

    fn answer(&mut self, command: &Command, values: &[Value]) {
        if command.transaction != 0.0 {
            self.send(COMMAND_STREAM, 0, command::body("_result", command.transaction, values));
        }
    }

    fn status(&mut self, stream: u32, level: &str, code: &str, description: &str) {
        let information = command::information(level, code, description);
        self.send(STATUS_STREAM, stream, command::body("onStatus", 0.0, &[Value::Null, information]));
    }

    fn send(&mut self, chunk_stream: u32, stream: u32, body: Bytes) {
        let message = Message { kind: kind::COMMAND, stream, timestamp: 0, body };
        self.writer.write(chunk_stream, &message, &mut self.outgoing);
    }
}

fn without_query(name: &str) -> &str {
    name.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
