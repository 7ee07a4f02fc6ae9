//! What one side asks of a connection.

use std::time::Duration;

use crate::error::Error;
use crate::ffi;
use crate::passphrase::Passphrase;
use crate::socket::{SocketId, set};

/// Under what terms a connection is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The secret, where the stream is encrypted; then it must be. The sender chooses the key length.
    pub passphrase: Option<Passphrase>,
    /// How long received packets are held back, so that lost ones can be sent again. The longer wish of both sides holds.
    pub latency: Duration,
}

impl Terms {
    /// Buffers are made for this rate, in bytes a second.
    const BYTES_PER_SECOND: usize = 10_000_000;
    /// A packet on the wire, with its share of headers, as libsrt counts it.
    const PACKET_BYTES: usize = 1_500 - 28;
    /// libsrt's own choices, below which nothing is gained.
    const LEAST_PACKETS: usize = 8_192;
    const LEAST_WINDOW: usize = 25_600;

    /// Sets what may differ from connection to connection of one listener.
    pub(crate) fn apply(&self, id: SocketId) -> Result<(), Error> {
        if let Some(passphrase) = &self.passphrase {
            set(id, ffi::SRTO_PASSPHRASE, passphrase.as_bytes())?;
        }
        let latency_ms = i32::try_from(self.latency.as_millis()).unwrap_or(i32::MAX);
        set(id, ffi::SRTO_RCVLATENCY, &latency_ms.to_ne_bytes())
    }

    /// Sizes the receive buffer of `id`, and of what it will accept, for `latency` and a second more in which nobody may
    /// look. It is filled as need be.
    pub(crate) fn size_buffers(id: SocketId, latency: Duration) -> Result<(), Error> {
        let bytes = (latency.as_millis() as usize + 1_000).saturating_mul(Self::BYTES_PER_SECOND / 1_000);
        let packets = (bytes / Self::PACKET_BYTES).clamp(Self::LEAST_PACKETS, 1 << 20);
        let int = |number: usize| i32::try_from(number).unwrap_or(i32::MAX).to_ne_bytes();
        // The window first: the buffer may not exceed it.
        set(id, ffi::SRTO_FC, &int(packets.max(Self::LEAST_WINDOW)))?;
        set(id, ffi::SRTO_RCVBUF, &int(packets * Self::PACKET_BYTES))
    }
}
