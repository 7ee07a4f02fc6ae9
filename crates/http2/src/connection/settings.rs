//! SETTINGS (RFC 9113 §6.5): ours, and what the peer's change.

use super::{Connection, MAX_WINDOW, Turn};
use crate::attack::Attack;
use crate::fault::Fault;
use crate::frame::{self, Head, Kind, setting};
use crate::limits::{MAX_FRAME, MAX_HEADER_LIST, MAX_STREAMS, MAX_TABLE};
use crate::stream::StreamId;

/// Settings in one frame that cost as much as a frame.
const SETTINGS_A_FRAME: usize = 16;

/// Appends our SETTINGS.
pub(super) fn write_ours(out: &mut Vec<u8>) {
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
}

impl Connection {
    pub(super) fn settings(&mut self, head: Head, payload: &[u8], turn: &mut Turn<'_>) -> Result<(), Fault> {
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
}
