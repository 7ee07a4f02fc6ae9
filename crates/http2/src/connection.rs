//! One connection: what came is judged and answered frame by frame.

mod send;

use std::time::Instant;

use crate::attack::{Attack, Budgets};
use crate::fault::Fault;
use crate::frame::{self, ErrorCode, Head, Kind, setting};
use crate::headers::{Headers, List};
use crate::hpack::Decoder;
use crate::limits::{
    MAX_CONTINUATIONS, MAX_FRAME, MAX_HEADER_BLOCK, MAX_HEADER_LIST, MAX_STREAMS, MAX_TABLE, WINDOW,
    WINDOW_RETURN,
};
use crate::stream::{Ended, Standing, Stream, StreamId, Streams};

pub use send::Data;

/// Largest flow-control window (RFC 9113 §6.9.1).
const MAX_WINDOW: i64 = (1 << 31) - 1;
/// The windows we send into, until the peer says otherwise (§6.9.2).
const DEFAULT_WINDOW: i64 = 65_535;
/// Of the PING that finds out when the peer has seen a drain's first `GOAWAY`.
const DRAIN_PING: [u8; 8] = *b"draining";
/// Settings in one frame that cost as much as a frame.
const SETTINGS_A_FRAME: usize = 16;

/// Something for the caller to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request: its fields are in the [`Headers`] that were lent. A body may follow; it is not handed on, and not
    /// taken beyond [`WINDOW`].
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

#[derive(Debug)]
struct Block {
    stream: StreamId,
    end: End,
    bytes: Vec<u8>,
    continuations: u32,
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
        let mut settings = Vec::with_capacity(18);
        for (id, value) in [
            (setting::MAX_CONCURRENT_STREAMS, MAX_STREAMS as u32),
            (setting::MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST as u32),
            (setting::NO_RFC7540_PRIORITIES, 1),
        ] {
            settings.extend_from_slice(&id.to_be_bytes());
            settings.extend_from_slice(&value.to_be_bytes());
        }
        frame::write(Kind::Settings, 0, StreamId::CONNECTION, &settings, out);
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

    fn headers(&mut self, head: Head, payload: &[u8], turn: &mut Turn<'_>) -> Result<Option<Event>, Fault> {
        let mut fragment = unpadded(head, payload)?;
        if head.has(frame::PRIORITY) {
            fragment = fragment.get(5..).ok_or(Fault::FrameLength)?;
        }
        if !head.stream.is_client_opened() {
            return Err(Fault::StreamId);
        }
        if let Standing::Ended(how) = self.streams.standing(head.stream) {
            match how {
                // Trailers on their way to a stream that we have reset.
                Ended::Reset => self.budgets.spend(Attack::FrameFlood, 1, turn.now)?,
                Ended::Both => return Err(Fault::ClosedStream),
                Ended::Forgotten => return Err(Fault::StreamId),
            }
        }
        let end = if head.has(frame::END_STREAM) { End::Yes } else { End::No };
        if head.has(frame::END_HEADERS) {
            return self.block(head.stream, end, fragment, turn);
        }
        let block = Block { stream: head.stream, end, bytes: fragment.to_vec(), continuations: 0 };
        self.block = Some(Box::new(block));
        Ok(None)
    }

    fn continuation(
        &mut self,
        head: Head,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<Option<Event>, Fault> {
        let Some(mut block) = self.block.take() else { return Err(Fault::Interleaved) };
        if block.stream != head.stream {
            return Err(Fault::Interleaved);
        }
        block.continuations += 1;
        if block.continuations > MAX_CONTINUATIONS || block.bytes.len() + payload.len() > MAX_HEADER_BLOCK {
            return Err(Attack::Continuation.into());
        }
        block.bytes.extend_from_slice(payload);
        if head.has(frame::END_HEADERS) {
            return self.block(block.stream, block.end, &block.bytes, turn);
        }
        self.block = Some(block);
        Ok(None)
    }

    /// A whole header block. It is always unpacked, or the tables would differ from then on.
    fn block(
        &mut self,
        id: StreamId,
        end: End,
        block: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<Option<Event>, Fault> {
        let standing = self.streams.standing(id);
        let headers = &mut *turn.headers;
        headers.begin(if standing == Standing::Idle { List::Request } else { List::Trailer });
        let mut scratch = std::mem::take(&mut headers.scratch);
        let unpacked = self.decoder.decode(block, &mut scratch, headers);
        headers.scratch = scratch;
        unpacked?;
        match standing {
            Standing::Ended(_) => Ok(None),
            Standing::Open(at) => {
                if self.streams.at(at).remote_ended {
                    return self.stream_fault(id, ErrorCode::StreamClosed, turn);
                }
                if end == End::No || turn.headers.end().is_err() {
                    return self.stream_fault(id, ErrorCode::ProtocolError, turn);
                }
                self.streams.at(at).remote_ended = true;
                Ok(None)
            }
            Standing::Idle => {
                self.streams.saw(id);
                if let Drain::Told { last } = self.drain
                    && id > last
                {
                    // The client knows, or will, that it was not answered, and asks elsewhere (§6.8).
                    self.streams.ended(id, Ended::Reset);
                    self.budgets.spend(Attack::FrameFlood, 1, turn.now)?;
                    return Ok(None);
                }
                if self.streams.len() >= MAX_STREAMS {
                    return self.stream_fault(id, ErrorCode::RefusedStream, turn);
                }
                if turn.headers.end().is_err() {
                    return self.stream_fault(id, ErrorCode::ProtocolError, turn);
                }
                self.streams.add(Stream {
                    id,
                    remote_ended: end == End::Yes,
                    send_window: self.peer_window,
                    receive_window: WINDOW,
                });
                Ok(Some(match turn.headers.is_too_large() {
                    true => Event::TooLarge { stream: id },
                    false => Event::Request { stream: id },
                }))
            }
        }
    }

    fn data(&mut self, head: Head, payload: &[u8], turn: &mut Turn<'_>) -> Result<Option<Event>, Fault> {
        if head.stream == StreamId::CONNECTION {
            return Err(Fault::StreamId);
        }
        // Padding counts too, and so does what comes for streams that are gone.
        let len = payload.len() as u32;
        self.taken += len;
        if self.taken > WINDOW {
            return Err(Fault::Window);
        }
        if self.taken >= WINDOW_RETURN {
            let increment = std::mem::take(&mut self.taken).to_be_bytes();
            frame::write(Kind::WindowUpdate, 0, StreamId::CONNECTION, &increment, turn.out);
        }
        let data = unpadded(head, payload)?;
        let is_end = head.has(frame::END_STREAM);
        if data.is_empty() && !is_end {
            self.budgets.spend(Attack::EmptyData, 1, turn.now)?;
        }
        let at = match self.streams.standing(head.stream) {
            Standing::Idle => return Err(Fault::IdleStream),
            Standing::Ended(Ended::Reset) => {
                self.budgets.spend(Attack::FrameFlood, 1, turn.now)?;
                return Ok(None);
            }
            Standing::Ended(_) => return self.stream_fault(head.stream, ErrorCode::StreamClosed, turn),
            Standing::Open(at) => at,
        };
        let stream = self.streams.at(at);
        if stream.remote_ended {
            return self.stream_fault(head.stream, ErrorCode::StreamClosed, turn);
        }
        match stream.receive_window.checked_sub(len) {
            Some(left) => stream.receive_window = left,
            None => return self.stream_fault(head.stream, ErrorCode::FlowControlError, turn),
        }
        stream.remote_ended = is_end;
        Ok(None)
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

    fn window_update(
        &mut self,
        head: Head,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<Option<Event>, Fault> {
        let increment =
            *payload.first_chunk::<4>().filter(|_| payload.len() == 4).ok_or(Fault::FrameLength)?;
        let increment = i64::from(u32::from_be_bytes(increment) & 0x7fff_ffff);
        self.budgets.spend(Attack::FrameFlood, 1, turn.now)?;
        if head.stream == StreamId::CONNECTION {
            if increment == 0 {
                return Err(Fault::WindowIncrement);
            }
            self.send_window += increment;
            return if self.send_window > MAX_WINDOW { Err(Fault::Window) } else { Ok(None) };
        }
        let at = match self.streams.standing(head.stream) {
            Standing::Idle => return Err(Fault::IdleStream),
            Standing::Ended(_) => return Ok(None),
            Standing::Open(at) => at,
        };
        if increment == 0 {
            return self.stream_fault(head.stream, ErrorCode::ProtocolError, turn);
        }
        let stream = self.streams.at(at);
        stream.send_window += increment;
        if stream.send_window > MAX_WINDOW {
            return self.stream_fault(head.stream, ErrorCode::FlowControlError, turn);
        }
        Ok(None)
    }

    fn settings(&mut self, head: Head, payload: &[u8], turn: &mut Turn<'_>) -> Result<(), Fault> {
        if head.stream != StreamId::CONNECTION {
            return Err(Fault::StreamId);
        }
        if head.has(frame::ACK) {
            self.budgets.spend(Attack::Settings, 1, turn.now)?;
            return if payload.is_empty() { Ok(()) } else { Err(Fault::FrameLength) };
        }
        if !payload.len().is_multiple_of(6) {
            return Err(Fault::FrameLength);
        }
        let cost = 1 + payload.len() / 6 / SETTINGS_A_FRAME;
        self.budgets.spend(Attack::Settings, cost as u32, turn.now)?;
        let mut window = self.peer_window;
        for entry in payload.chunks_exact(6) {
            let value = u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]);
            match u16::from_be_bytes([entry[0], entry[1]]) {
                setting::HEADER_TABLE_SIZE => self.table_update |= (value as usize) < MAX_TABLE,
                setting::ENABLE_PUSH if value > 1 => return Err(Fault::Setting),
                setting::INITIAL_WINDOW_SIZE => {
                    window = i64::from(value);
                    if window > MAX_WINDOW {
                        return Err(Fault::Window);
                    }
                }
                setting::MAX_FRAME_SIZE => {
                    if !(16_384..=16_777_215).contains(&value) {
                        return Err(Fault::Setting);
                    }
                    // Longer frames than this would only keep other streams waiting.
                    self.peer_frame = (value as usize).min(MAX_FRAME);
                }
                _ => {}
            }
        }
        // Only the last one counts: no byte is sent between two settings of a frame.
        let change = window - self.peer_window;
        self.peer_window = window;
        if change != 0 {
            for stream in self.streams.iter_mut() {
                stream.send_window += change;
                if stream.send_window > MAX_WINDOW {
                    return Err(Fault::Window);
                }
            }
        }
        frame::write(Kind::Settings, frame::ACK, StreamId::CONNECTION, &[], turn.out);
        Ok(())
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
