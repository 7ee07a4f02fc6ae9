//! One connection: what came is judged and answered frame by frame.

mod flow;
mod header_block;
mod send;
mod settings;

use std::time::Instant;

use crate::attack::{Attack, Budgets};
use crate::fault::Fault;
use crate::frame::{self, ErrorCode, Head, Kind};
use crate::headers::Headers;
use crate::hpack::Decoder;
use crate::limits::MAX_FRAME;
use crate::stream::{Ended, Standing, StreamId, Streams};

use header_block::Block;

pub use send::Data;

/// Largest flow-control window (RFC 9113 §6.9.1).
const MAX_WINDOW: i64 = (1 << 31) - 1;
/// The windows we send into, until the peer says otherwise (§6.9.2).
const DEFAULT_WINDOW: i64 = 65_535;
/// Of the PING that finds out when the peer has seen a drain's first `GOAWAY`.
const DRAIN_PING: [u8; 8] = *b"draining";

/// Something for the caller to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request: its fields are in the [`Headers`] that were lent. A body may follow; it is not handed on, and not
    /// taken beyond [`WINDOW`](crate::limits::WINDOW).
    Request {
        /// Where the answer goes.
        stream: StreamId,
    },
    /// A request with more fields than are kept; to be answered 431.
    TooLarge {
        /// Where the answer goes.
        stream: StreamId,
    },
    /// An answer under way is not wanted any more, or cannot be sent. Its stream is gone.
    Reset {
        /// The stream.
        stream: StreamId,
    },
}

/// What [`Connection::receive`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Bytes of the input that are done with.
    pub used: usize,
    /// What they meant; `None` when the rest is no whole frame.
    pub event: Option<Event>,
}

/// Whether something ends the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More follows.
    No,
    /// Nothing follows.
    Yes,
}

/// The server's side of one connection.
#[derive(Debug)]
pub struct Connection {
    phase: Phase,
    decoder: Decoder,
    streams: Streams,
    /// A header block of which the end has not come.
    block: Option<Box<Block>>,
    send_window: i64,
    /// Bytes of bodies received and not yet given back.
    taken: u32,
    peer_window: i64,
    peer_frame: usize,
    /// The peer asked for a smaller table and has not been told that ours is empty.
    table_update: bool,
    budgets: Budgets,
    drain: Drain,
}

///  Preface --24 bytes--> Settings --first SETTINGS--> Open --fault--> Ended
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Preface,
    Settings,
    Open,
    Ended,
}

///  No --drain()--> Asked --PING comes back--> Told: streams after `last` are not answered
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    No,
    Asked,
    Told { last: StreamId },
}

/// What every frame's handler works with.
struct Turn<'a> {
    now: Instant,
    headers: &'a mut Headers,
    out: &'a mut Vec<u8>,
}

impl Connection {
    /// A connection that begins. Appends our SETTINGS.
    pub fn new(now: Instant, out: &mut Vec<u8>) -> Connection {
        settings::write_ours(out);
        Connection {
            phase: Phase::Preface,
            decoder: Decoder::default(),
            streams: Streams::default(),
            block: None,
            send_window: DEFAULT_WINDOW,
            taken: 0,
            peer_window: DEFAULT_WINDOW,
            peer_frame: MAX_FRAME,
            table_update: false,
            budgets: Budgets::new(now),
            drain: Drain::No,
        }
    }

    /// Reads frames from the front of `input` up to the first that means something to the caller, and appends what they
    /// must be answered with to `out`. To be called again with what was not used, until there is no event; then more
    /// must come first: at most [`MAX_FRAME`] and [`frame::HEAD`] bytes are left then.
    ///
    /// After an error a `GOAWAY` stands at the end of `out`, and nothing is left to do but to send it and close.
    pub fn receive(
        &mut self,
        input: &[u8],
        now: Instant,
        headers: &mut Headers,
        out: &mut Vec<u8>,
    ) -> Result<Received, Fault> {
        let mut turn = Turn { now, headers, out };
        let received = self.frames(input, &mut turn);
        if let Err(fault) = received {
            self.end(fault.code(), turn.out);
        }
        received
    }

    fn frames(&mut self, input: &[u8], turn: &mut Turn<'_>) -> Result<Received, Fault> {
        let mut used = 0;
        if self.phase == Phase::Preface {
            let len = input.len().min(frame::PREFACE.len());
            if input[..len] != frame::PREFACE[..len] {
                return Err(Fault::Preface);
            }
            if len < frame::PREFACE.len() {
                return Ok(Received { used: 0, event: None });
            }
            self.phase = Phase::Settings;
            used = len;
        }
        while self.phase != Phase::Ended {
            let rest = &input[used..];
            let Some(head) = Head::read(rest) else { break };
            if head.len > MAX_FRAME {
                return Err(Fault::FrameLength);
            }
            let Some(payload) = rest.get(frame::HEAD..frame::HEAD + head.len) else { break };
            used += frame::HEAD + head.len;
            let event = self.frame(head, payload, turn)?;
            if event.is_some() {
                return Ok(Received { used, event });
            }
        }
        Ok(Received { used, event: None })
    }

    fn frame(&mut self, head: Head, payload: &[u8], turn: &mut Turn<'_>) -> Result<Option<Event>, Fault> {
        if self.phase == Phase::Settings {
            if head.kind != Kind::Settings || head.has(frame::ACK) {
                return Err(Fault::FirstFrame);
            }
            self.phase = Phase::Open;
        }
        if self.block.is_some() && head.kind != Kind::Continuation {
            return Err(Fault::Interleaved);
        }
        match head.kind {
            Kind::Headers => self.headers(head, payload, turn),
            Kind::Continuation => self.continuation(head, payload, turn),
            Kind::Data => self.data(head, payload, turn),
            Kind::RstStream => self.rst_stream(head, payload, turn),
            Kind::WindowUpdate => self.window_update(head, payload, turn),
            Kind::Settings => self.settings(head, payload, turn).map(|()| None),
            Kind::Ping => self.ping(head, payload, turn).map(|()| None),
            Kind::PushPromise => Err(Fault::Push),
            Kind::Priority => {
                if head.stream == StreamId::CONNECTION {
                    return Err(Fault::StreamId);
                }
                if payload.len() != 5 {
                    return Err(Fault::FrameLength);
                }
                self.budgets.spend(Attack::FrameFlood, 1, turn.now)?;
                Ok(None)
            }
            Kind::GoAway => {
                if head.stream != StreamId::CONNECTION {
                    return Err(Fault::StreamId);
                }
                if payload.len() < 8 {
                    return Err(Fault::FrameLength);
                }
                // It names streams of ours, and there are none; the client closes when it has its answers.
                self.budgets.spend(Attack::FrameFlood, 1, turn.now)?;
                Ok(None)
            }
            Kind::Unknown(_) => {
                self.budgets.spend(Attack::FrameFlood, 1, turn.now)?;
                Ok(None)
            }
        }
    }

    fn rst_stream(
        &mut self,
        head: Head,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<Option<Event>, Fault> {
        if payload.len() != 4 {
            return Err(Fault::FrameLength);
        }
        if head.stream == StreamId::CONNECTION {
            return Err(Fault::StreamId);
        }
        match self.streams.standing(head.stream) {
            Standing::Idle => Err(Fault::IdleStream),
            Standing::Ended(_) => {
                self.budgets.spend(Attack::FrameFlood, 1, turn.now)?;
                Ok(None)
            }
            Standing::Open(at) => {
                self.streams.remove(at, Ended::Both);
                self.budgets.spend(Attack::RapidReset, 1, turn.now)?;
                Ok(Some(Event::Reset { stream: head.stream }))
            }
        }
    }

    fn ping(&mut self, head: Head, payload: &[u8], turn: &mut Turn<'_>) -> Result<(), Fault> {
        if head.stream != StreamId::CONNECTION {
            return Err(Fault::StreamId);
        }
        if payload.len() != 8 {
            return Err(Fault::FrameLength);
        }
        self.budgets.spend(Attack::Ping, 1, turn.now)?;
        if !head.has(frame::ACK) {
            frame::write(Kind::Ping, frame::ACK, StreamId::CONNECTION, payload, turn.out);
        } else if self.drain == Drain::Asked && payload == DRAIN_PING {
            self.tell_drain(turn.out);
        }
        Ok(())
    }

    /// The peer broke a rule on one stream: it is reset.
    fn stream_fault(
        &mut self,
        id: StreamId,
        code: ErrorCode,
        turn: &mut Turn<'_>,
    ) -> Result<Option<Event>, Fault> {
        frame::write(Kind::RstStream, 0, id, &(code as u32).to_be_bytes(), turn.out);
        let event = match self.streams.find(id) {
            Some(at) => {
                self.streams.remove(at, Ended::Reset);
                Some(Event::Reset { stream: id })
            }
            None => {
                self.streams.ended(id, Ended::Reset);
                None
            }
        };
        self.budgets.spend(Attack::MadeYouReset, 1, turn.now)?;
        Ok(event)
    }
}

fn unpadded(head: Head, payload: &[u8]) -> Result<&[u8], Fault> {
    if !head.has(frame::PADDED) {
        return Ok(payload);
    }
    let (padding, rest) = payload.split_first().ok_or(Fault::FrameLength)?;
    let len = rest.len().checked_sub(usize::from(*padding)).ok_or(Fault::Padding)?;
    Ok(&rest[..len])
}

#[cfg(test)]
mod tests;
