//! Header blocks: a request on a new stream, trailers on one that is under way.

use super::{Connection, Drain, End, Event, Turn, unpadded};
use crate::attack::Attack;
use crate::fault::Fault;
use crate::frame::{self, ErrorCode, Head};
use crate::headers::List;
use crate::limits::{MAX_CONTINUATIONS, MAX_HEADER_BLOCK, MAX_STREAMS, WINDOW};
use crate::stream::{Ended, Standing, Stream, StreamId};

/// A header block of which the end has not come.
#[derive(Debug)]
pub(super) struct Block {
    stream: StreamId,
    end: End,
    bytes: Vec<u8>,
    continuations: u32,
}

impl Connection {
    pub(super) fn headers(
        &mut self,
        head: Head,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<Option<Event>, Fault> {
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

    pub(super) fn continuation(
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
}
