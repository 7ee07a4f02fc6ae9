//! One connection, receiving.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::error::{Error, last_code};
use crate::ffi;
use crate::socket::{Socket, SocketId, read, switch};
use crate::stats::Stats;
use crate::stream_id::StreamId;

/// A transport that brings a stream's messages, in order and each once. It never blocks: one looks when it suits.
pub trait Link: Send {
    /// Takes the next message into `buffer`, which has [`crate::MAX_MESSAGE_BYTES`] at least.
    ///
    /// # Errors
    /// When the link is lost; every later call says the same.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Lost>;

    /// The link's figures; `None` once it is lost.
    fn stats(&mut self) -> Option<Stats>;

    /// The other end.
    fn peer(&self) -> SocketAddr;
}

/// What a look brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A message of so many bytes.
    Message(usize),
    /// Nothing for now.
    Nothing,
    /// The peer has closed, and everything was read.
    Closed,
}

/// Why a link is no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection lost: {0}")]
pub struct Lost(pub String);

/// An SRT connection.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    peer: SocketAddr,
    retransmitted: u64,
    /// When the last message was read, or the connection was made.
    heard: Instant,
    /// libsrt does not say who ended a connection. One heard from within this time was not given up for silence.
    recently: Duration,
}

/// A peer not heard from for this long is given up; libsrt's own setting.
const PEER_SILENCE: Duration = Duration::from_secs(5);
/// What may pass between a connection's end and our look at it.
const LOOK_SLACK: Duration = Duration::from_secs(1);

impl Connection {
    /// Takes over a socket that is connected to `peer`.
    pub(crate) fn new(socket: Socket, peer: SocketAddr) -> Result<Self, Error> {
        switch(socket.id(), ffi::SRTO_RCVSYN, false)?;
        let mut latency_ms = [0; 4];
        read(socket.id(), ffi::SRTO_RCVLATENCY, &mut latency_ms)?;
        let latency = Duration::from_millis(u32::from_ne_bytes(latency_ms).into());
        // What comes before the silence is read a latency later.
        let recently = PEER_SILENCE.saturating_sub(latency + LOOK_SLACK);
        Ok(Self { socket, peer, retransmitted: 0, heard: Instant::now(), recently })
    }

    /// The number its knock had.
    pub const fn id(&self) -> SocketId {
        self.socket.id()
    }

    /// The stream id that the caller sent; empty where there was none.
    pub fn stream_id(&self) -> String {
        let mut bytes = [0; StreamId::MAX_BYTES + 1];
        let told = read(self.id(), ffi::SRTO_STREAMID, &mut bytes).unwrap_or_default();
        String::from_utf8_lossy(told).into_owned()
    }

    /// Bytes of the AES key its stream is encrypted with: 16, 24 or 32; `None` for a stream in the clear.
    pub fn key_bytes(&self) -> Option<u32> {
        let mut number = [0; 4];
        read(self.id(), ffi::SRTO_RCVKMSTATE, &mut number).ok()?;
        if u32::from_ne_bytes(number) != ffi::SRT_KM_S_SECURED {
            return None;
        }
        read(self.id(), ffi::SRTO_PBKEYLEN, &mut number).ok()?;
        Some(u32::from_ne_bytes(number))
    }
}

impl Link for Connection {
    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Lost> {
        let length = std::ffi::c_int::try_from(buffer.len()).unwrap_or(std::ffi::c_int::MAX);
        // SAFETY: `buffer` may be written for `length` bytes; the socket is ours, and does not block.
        let received = unsafe { ffi::srt_recvmsg(self.socket.raw(), buffer.as_mut_ptr().cast(), length) };
        match usize::try_from(received) {
            Ok(0) => Ok(Received::Closed),
            Ok(length) => {
                self.heard = Instant::now();
                Ok(Received::Message(length))
            }
            Err(_) => match last_code() {
                ffi::SRT_EASYNCRCV => Ok(Received::Nothing),
                ffi::SRT_ECONNLOST if self.heard.elapsed() < self.recently => Ok(Received::Closed),
                ffi::SRT_ECONNLOST => Err(Lost("the peer went silent, or closed after a silence".to_owned())),
                _ => Err(Lost(Error::last("receive").words)),
            },
        }
    }

    fn stats(&mut self) -> Option<Stats> {
        Stats::read(self.socket.id(), &mut self.retransmitted).ok()
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}
