//! Telling the peer how much of what it sent was taken (§5.4.3).

use bytes::BytesMut;

use crate::Fault;
use crate::chunk::{self, Message, kind};
use crate::limits::MIN_ACK_WINDOW;

/// When the peer is to be told next.
#[derive(Debug, Default)]
pub(crate) struct Acknowledgement {
    /// Bytes after which it wants to be; `None`: never.
    window: Option<u64>,
    told: u64,
}

impl Acknowledgement {
    /// The peer says after how many bytes it wants to be told (§5.4.4).
    pub(crate) fn take_window(&mut self, message: &Message) -> Result<(), Fault> {
        let length = message.body.len();
        let bytes = message.body.first_chunk().ok_or(Fault::ControlLength { kind: message.kind, length })?;
        self.window = Some(u32::from_be_bytes(*bytes).max(MIN_ACK_WINDOW).into());
        Ok(())
    }

    /// Tells it, where it is time: so many bytes of the connection were taken.
    pub(crate) fn tell(&mut self, taken: u64, writer: &mut chunk::Writer, outgoing: &mut BytesMut) {
        if self.window.is_some_and(|window| taken - self.told >= window) {
            self.told = taken;
            // 32 bits that wrap, as the specification's sequence number does.
            writer.control(kind::ACKNOWLEDGEMENT, &(taken as u32).to_be_bytes(), outgoing);
        }
    }
}
