//! Flow control (RFC 9113 §5.2): what comes is counted against our windows, and the peer opens his.

use super::{Connection, Event, MAX_WINDOW, Turn, unpadded};
use crate::attack::Attack;
use crate::fault::Fault;
use crate::frame::{self, ErrorCode, Head, Kind};
use crate::limits::{WINDOW, WINDOW_RETURN};
use crate::stream::{Ended, Standing, StreamId};

impl Connection {
    pub(super) fn data(
        &mut self,
        head: Head,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<Option<Event>, Fault> {
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

    pub(super) fn window_update(
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
}
