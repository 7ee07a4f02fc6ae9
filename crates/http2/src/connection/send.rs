//! What the caller has to say: heads, data, resets, and the end.

use std::time::Instant;

use super::{Connection, DRAIN_PING, Drain, End, Phase};
use crate::attack::Attack;
use crate::fault::Fault;
use crate::frame::{self, ErrorCode, Head, Kind};
use crate::hpack;
use crate::limits::{CUTS_PER_DATA, SMALL_DATA, UPDATES_PER_DATA};
use crate::stream::{Ended, StreamId};

/// The measure of a DATA frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data {
    /// Its bytes.
    pub len: usize,
    /// What it would carry if the peer's windows were open.
    pub want: usize,
    /// Whether it ends the stream.
    pub end: End,
}

impl Connection {
    /// Appends the head of an answer: `block` is one header block in pieces, at most `MAX_HEADER_BLOCK`. Does nothing
    /// on a stream that is gone.
    pub fn send_headers(&mut self, stream: StreamId, block: &[&[u8]], end: End, out: &mut Vec<u8>) {
        let Some(at) = self.streams.find(stream) else { return };
        let update: &[u8] = if std::mem::take(&mut self.table_update) { &[hpack::EMPTY_TABLE] } else { &[] };
        let len = update.len() + block.iter().map(|piece| piece.len()).sum::<usize>();
        let flags = if end == End::Yes { frame::END_STREAM } else { 0 };
        if len <= self.peer_frame {
            Head { len, kind: Kind::Headers, flags: flags | frame::END_HEADERS, stream }.write(out);
            out.extend_from_slice(update);
            block.iter().for_each(|piece| out.extend_from_slice(piece));
        } else {
            let whole = [&[update], block].concat().concat();
            let mut frames = whole.chunks(self.peer_frame).peekable();
            let (mut kind, mut flags) = (Kind::Headers, flags);
            while let Some(fragment) = frames.next() {
                let last = if frames.peek().is_none() { frame::END_HEADERS } else { 0 };
                frame::write(kind, flags | last, stream, fragment, out);
                (kind, flags) = (Kind::Continuation, 0);
            }
        }
        if end == End::Yes {
            self.end_stream(at, out);
        }
    }

    /// How many of `want` bytes a DATA frame on `stream` may carry now; 0 where a window is shut or the stream is gone.
    pub fn allowance(&mut self, stream: StreamId, want: usize) -> usize {
        let Some(at) = self.streams.find(stream) else { return 0 };
        let window = self.send_window.min(self.streams.at(at).send_window).max(0);
        want.min(self.peer_frame).min(window as usize)
    }

    /// Whether it is the stream's own window that is shut.
    pub fn is_shut(&mut self, stream: StreamId) -> bool {
        self.streams.find(stream).is_some_and(|at| self.streams.at(at).send_window <= 0)
    }

    /// Appends a DATA frame of `len` bytes, at most what [`Connection::allowance`] gave; `fill` appends them. Where it
    /// cannot, nothing has changed. `want` is what would have been sent into an open window.
    ///
    /// # Errors
    /// Those of `fill`, or that the peer's windows have cut too many frames short: then a `GOAWAY` stands in `out`.
    pub fn send_data<E: From<Fault>>(
        &mut self,
        stream: StreamId,
        data: Data,
        now: Instant,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(at) = self.streams.find(stream) else { return Ok(()) };
        let Data { len, want, end } = data;
        if len < want.min(SMALL_DATA)
            && let Err(attack) = self.budgets.spend(Attack::BrokeWindow, 1, now)
        {
            let fault = Fault::Attack(attack);
            self.end(fault.code(), out);
            return Err(fault.into());
        }
        let begin = out.len();
        let flags = if end == End::Yes { frame::END_STREAM } else { 0 };
        Head { len, kind: Kind::Data, flags, stream }.write(out);
        if let Err(fault) = fill(out) {
            out.truncate(begin);
            return Err(fault);
        }
        assert_eq!(out.len(), begin + frame::HEAD + len, "a DATA frame is as long as was said");
        self.send_window -= len as i64;
        self.streams.at(at).send_window -= len as i64;
        self.budgets.earn(Attack::FrameFlood, UPDATES_PER_DATA);
        if len >= SMALL_DATA {
            self.budgets.earn(Attack::BrokeWindow, CUTS_PER_DATA);
        }
        if end == End::Yes {
            self.end_stream(at, out);
        }
        Ok(())
    }

    /// We have sent all. A client that has not is told that it need not (§8.1).
    fn end_stream(&mut self, at: usize, out: &mut Vec<u8>) {
        let stream = *self.streams.at(at);
        if stream.remote_ended {
            self.streams.remove(at, Ended::Both);
        } else {
            let code = ErrorCode::NoError as u32;
            frame::write(Kind::RstStream, 0, stream.id, &code.to_be_bytes(), out);
            self.streams.remove(at, Ended::Reset);
        }
    }

    /// Gives an answer up for a reason of ours.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode, out: &mut Vec<u8>) {
        let Some(at) = self.streams.find(stream) else { return };
        let how = if self.streams.at(at).remote_ended { Ended::Both } else { Ended::Reset };
        self.streams.remove(at, how);
        frame::write(Kind::RstStream, 0, stream, &(code as u32).to_be_bytes(), out);
    }

    /// Ends the connection with a `GOAWAY`: streams above the last one seen were not touched.
    pub fn end(&mut self, code: ErrorCode, out: &mut Vec<u8>) {
        if self.phase != Phase::Ended {
            self.phase = Phase::Ended;
            go_away(self.streams.last(), code, out);
        }
    }

    /// Ends the connection because of what the peer did that only the caller can see.
    pub fn accuse(&mut self, attack: Attack, out: &mut Vec<u8>) -> Fault {
        let fault = Fault::Attack(attack);
        self.end(fault.code(), out);
        fault
    }

    /// Asks the client to go: first without naming a last stream, so that requests on their way are answered, then, when
    /// it must have heard that, for good (§6.8). Answers under way go out.
    pub fn drain(&mut self, out: &mut Vec<u8>) {
        if self.drain == Drain::No && self.phase != Phase::Ended {
            self.drain = Drain::Asked;
            go_away(StreamId::new(u32::MAX), ErrorCode::NoError, out);
            frame::write(Kind::Ping, 0, StreamId::CONNECTION, &DRAIN_PING, out);
        }
    }

    /// The drain's second step, without waiting longer for the client to hear the first.
    pub fn tell_drain(&mut self, out: &mut Vec<u8>) {
        if self.phase != Phase::Ended && !matches!(self.drain, Drain::Told { .. }) {
            let last = self.streams.last();
            self.drain = Drain::Told { last };
            go_away(last, ErrorCode::NoError, out);
        }
    }

    /// Whether nothing more will be answered and nothing is under way.
    pub fn is_drained(&self) -> bool {
        self.streams.len() == 0 && matches!(self.drain, Drain::Told { .. })
    }

    /// Streams under way.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Whether the peer owes the rest of its preface, its settings or of a header block.
    pub fn is_owed(&self) -> bool {
        self.block.is_some() || matches!(self.phase, Phase::Preface | Phase::Settings)
    }
}

fn go_away(last: StreamId, code: ErrorCode, out: &mut Vec<u8>) {
    let mut payload = [0; 8];
    payload[..4].copy_from_slice(&last.number().to_be_bytes());
    payload[4..].copy_from_slice(&(code as u32).to_be_bytes());
    frame::write(Kind::GoAway, 0, StreamId::CONNECTION, &payload, out);
}
