//! The client's side of one connection: asks a server to play a stream.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::acknowledgement::Acknowledgement;
use crate::amf::Value;
use crate::chunk::{self, Message, kind};
use crate::command::{self, Command};
use crate::handshake::{HALF_BYTES, VERSION, filler};
use crate::limits::*;
use crate::media::{MediaReader, after_amf3_mark, label};
use crate::session::{PING_REQUEST, PING_RESPONSE};
use crate::{Fault, Media, PeerError};

const COMMAND_STREAM: u32 = 3;
const PLAY_STREAM: u32 = 8;
/// User control events (§7.1.7).
const STREAM_EOF: u16 = 1;
const SET_BUFFER_LENGTH: u16 = 3;
/// What we say we buffer, in ms: servers send that much at once to begin with.
const BUFFER_MS: u32 = 1_000;
/// Transactions of the two commands that are answered.
const CONNECT: f64 = 1.0;
const CREATE_STREAM: f64 = 2.0;

/// What a server is asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The URL without the stream: `rtmp://host:port/app`.
    pub server_url: String,
    /// The application.
    pub app: String,
    /// The stream, with its query where it has one. May be a secret.
    pub stream: String,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("server_url", &self.server_url).finish_non_exhaustive()
    }
}

/// One connection to a server that plays us a stream.
#[derive(Debug)]
pub struct Client {
    target: Target,
    reader: chunk::Reader,
    writer: chunk::Writer,
    state: State,
    outgoing: BytesMut,
    shaken: u64,
    last_message: u64,
    media: MediaReader,
    acknowledgement: Acknowledgement,
}

/// ```text
/// Shaking --S0 S1 S2--> Connecting --_result--> Creating --_result--> Asking --Play.Start--> Playing
///                           '---------------'-----------------'--refusal---------|--stop-------|--> Over
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Shaking,
    Connecting,
    Creating,
    Asking { stream: u32 },
    Playing { stream: u32 },
    Over,
}

/// What a client yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Played {
    /// The server will play; media come when its own source brings some.
    Started,
    /// Of the stream.
    Media(Media),
    /// The server ends the stream in good order. Close.
    Ended,
    /// The server turned us down, with a reason of at most 64 printable characters. Close.
    Refused(String),
}

impl Client {
    /// A client that will ask for `target`; what begins the handshake is outgoing.
    pub fn new(target: Target) -> Self {
        let mut outgoing = BytesMut::with_capacity(1 + HALF_BYTES);
        outgoing.put_u8(VERSION);
        outgoing.put_bytes(0, 8);
        filler(&mut outgoing);
        Self {
            target,
            reader: chunk::Reader::new(),
            writer: chunk::Writer::new(),
            state: State::Shaking,
            outgoing,
            shaken: 0,
            last_message: 0,
            media: MediaReader::default(),
            acknowledgement: Acknowledgement::default(),
        }
    }

    /// Takes from the front of `input` until something happens; `None` when more bytes are wanted. Call again until
    /// `None`, then send [`Self::take_outgoing`]. Payloads share `input`'s memory.
    ///
    /// After an error the connection is of no more use.
    pub fn poll(&mut self, input: &mut BytesMut) -> Result<Option<Played>, PeerError> {
        self.advance(input).map_err(|fault| PeerError { offset: self.last_message, fault })
    }

    /// What must be sent to the server now; often empty.
    pub fn take_outgoing(&mut self) -> Bytes {
        self.outgoing.split().freeze()
    }

    /// Bytes of the connection taken so far.
    pub const fn taken(&self) -> u64 {
        self.shaken + self.reader.taken()
    }

    fn advance(&mut self, input: &mut BytesMut) -> Result<Option<Played>, Fault> {
        if self.state == State::Shaking && !self.shake(input)? {
            return Ok(None);
        }
        loop {
            if self.state == State::Over {
                input.clear();
                return Ok(None);
            }
            self.last_message = self.taken();
            let Some(message) = self.reader.next(input)? else {
                self.acknowledgement.tell(self.taken(), &mut self.writer, &mut self.outgoing);
                return Ok(None);
            };
            let played = self.message(message)?;
            if self.outgoing.len() > MAX_OUTGOING_BYTES {
                return Err(Fault::Deaf);
            }
            if played.is_some() {
                return Ok(played);
            }
        }
    }

    /// Takes S0, S1 and S2 together; true when they were there. S2 should echo C1, which some servers do not, so it is
    /// not compared.
    fn shake(&mut self, input: &mut BytesMut) -> Result<bool, Fault> {
        match input.first() {
            Some(&VERSION) | None => {}
            Some(&other) => return Err(Fault::Version(other)),
        }
        let whole = 1 + 2 * HALF_BYTES;
        if input.len() < whole {
            return Ok(false);
        }
        self.outgoing.extend_from_slice(&input[1..=HALF_BYTES]);
        input.advance(whole);
        self.shaken = whole as u64;
        let values = [command::connect(&self.target.app, &self.target.server_url)];
        self.send(COMMAND_STREAM, 0, command::body("connect", CONNECT, &values));
        self.state = State::Connecting;
        Ok(true)
    }

    fn message(&mut self, message: Message) -> Result<Option<Played>, Fault> {
        match message.kind {
            // Media before the answer to `play`: of another stream.
            of if MediaReader::takes(of) && !matches!(self.state, State::Playing { .. }) => Ok(None),
            of if MediaReader::takes(of) => Ok(self.media.read(message).map(Played::Media)),
            kind::COMMAND => Ok(self.command(&Command::read(&message.body)?)),
            kind::COMMAND_AMF3 => Ok(self.command(&Command::read(after_amf3_mark(&message.body))?)),
            kind::USER_CONTROL => self.user_control(&message.body),
            kind::ACK_WINDOW => self.acknowledgement.take_window(&message).map(|()| None),
            _ => Ok(None),
        }
    }

    fn command(&mut self, command: &Command) -> Option<Played> {
        match (command.name.as_str(), self.state) {
            ("_result", State::Connecting) if command.transaction == CONNECT => {
                self.writer.control(kind::ACK_WINDOW, &OUR_ACK_WINDOW.to_be_bytes(), &mut self.outgoing);
                self.send(COMMAND_STREAM, 0, command::body("createStream", CREATE_STREAM, &[Value::Null]));
                self.state = State::Creating;
                None
            }
            ("_result", State::Creating) if command.transaction == CREATE_STREAM => {
                let Some(stream) = command.argument(0).and_then(Value::as_number) else {
                    return Some(self.refused(command));
                };
                // A stream id is a whole number of 32 bits; anything else is cut to one.
                let stream = stream as u32;
                let mut buffer = command::user_control(SET_BUFFER_LENGTH, stream).to_vec();
                buffer.extend_from_slice(&BUFFER_MS.to_be_bytes());
                self.writer.control(kind::USER_CONTROL, &buffer, &mut self.outgoing);
                // -2: the live stream, or a recording of the name (§7.2.2.1).
                let values = [Value::Null, self.target.stream.as_str().into(), (-2000.0).into()];
                self.send(PLAY_STREAM, stream, command::body("play", 0.0, &values));
                self.state = State::Asking { stream };
                None
            }
            ("_error", State::Connecting | State::Creating) => Some(self.refused(command)),
            ("close", _) => Some(self.refused(command)),
            ("onStatus", _) => self.status(command),
            // `onBWDone`, `onFCSubscribe` and whatever else servers say: none waits for an answer.
            _ => None,
        }
    }

    fn status(&mut self, command: &Command) -> Option<Played> {
        let information = command.argument(0)?;
        let text = |name| information.member(name).and_then(Value::as_str).unwrap_or_default();
        match (text("code"), self.state) {
            ("NetStream.Play.Start", State::Asking { stream }) => {
                self.state = State::Playing { stream };
                Some(Played::Started)
            }
            (
                "NetStream.Play.Stop" | "NetStream.Play.Complete" | "NetStream.Play.UnpublishNotify",
                State::Playing { .. },
            ) => {
                self.state = State::Over;
                Some(Played::Ended)
            }
            _ if text("level") == "error" => Some(self.refused(command)),
            _ => None,
        }
    }

    fn refused(&mut self, command: &Command) -> Played {
        self.state = State::Over;
        let text = |name| command.argument(0).and_then(|value| value.member(name)).and_then(Value::as_str);
        let reason = text("description").filter(|text| !text.is_empty()).or_else(|| text("code"));
        // A server may repeat the stream's name, which can be a secret.
        let reason = label(reason.unwrap_or("no reason given"));
        let hidden = self.target.stream.split('?').next().is_some_and(|name| reason.contains(name));
        Played::Refused(if hidden { "it does not have the stream".to_owned() } else { reason })
    }

    fn user_control(&mut self, mut body: &[u8]) -> Result<Option<Played>, Fault> {
        let short = Fault::ControlLength { kind: kind::USER_CONTROL, length: body.len() };
        let event = body.try_get_u16().map_err(|_| short.clone())?;
        let value = body.try_get_u32().map_err(|_| short);
        match (event, self.state) {
            (PING_REQUEST, _) => {
                let pong = command::user_control(PING_RESPONSE, value?);
                self.writer.control(kind::USER_CONTROL, &pong, &mut self.outgoing);
                Ok(None)
            }
            (STREAM_EOF, State::Playing { stream }) if value? == stream => {
                self.state = State::Over;
                Ok(Some(Played::Ended))
            }
            _ => Ok(None),
        }
    }

    fn send(&mut self, chunk_stream: u32, stream: u32, body: Bytes) {
        let message = Message { kind: kind::COMMAND, stream, timestamp: 0, body };
        self.writer.write(chunk_stream, &message, &mut self.outgoing);
    }
}

#[cfg(test)]
mod tests;
