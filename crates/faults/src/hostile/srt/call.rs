//! A call made packet by packet.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::wire::{self, Handshake};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(1_000);
/// Between two data packets.
const BETWEEN: Duration = Duration::from_millis(2);
/// A whole message, to be delivered in order.
const SOLO: u32 = 0xE000_0000;

/// A caller that has a cookie, or a connection.
#[derive(Debug)]
pub(super) struct Call {
    socket: UdpSocket,
    cookie: u32,
    id: u32,
    peer: u32,
    sequence: u32,
    message: u32,
    began: Instant,
}

impl Call {
    /// Gets a cookie; `None` where nobody answers.
    pub(super) fn begin(to: SocketAddr) -> Option<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
        socket.connect(to).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        let id = 0x2000_0000 | u32::from(socket.local_addr().ok()?.port());
        let mut call =
            Self { socket, cookie: 0, id, peer: 0, sequence: 1_000, message: 1, began: Instant::now() };
        call.send(&Handshake::induction(id).packet());
        let (_, _, _, cookie) = call.answered()?;
        call.cookie = cookie;
        Some(call)
    }

    /// Opens a connection to `stream`; `None` where it is refused.
    pub(super) fn open(to: SocketAddr, stream: &[u8]) -> Option<Self> {
        let mut call = Self::begin(to)?;
        call.send(&call.conclusion(stream).packet());
        let (_, kind, peer, _) = call.answered()?;
        call.peer = peer;
        // Anything else is a reason to refuse.
        (kind == u32::MAX).then_some(call)
    }

    fn answered(&self) -> Option<(u32, u32, u32, u32)> {
        let mut bytes = [0; 2_048];
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let length = self.socket.recv(&mut bytes).ok()?;
            if let Some(answer) = wire::answer(&bytes[..length]) {
                return Some(answer);
            }
        }
        None
    }

    /// The second handshake.
    pub(super) fn conclusion(&self, stream: &[u8]) -> Handshake {
        Handshake::conclusion(self.id, self.cookie, stream)
    }

    /// The number of the other end's connection.
    pub(super) const fn peer_id(&self) -> u32 {
        self.peer
    }

    /// Sends a packet as it is.
    pub(super) fn send(&self, packet: &[u8]) {
        // What cannot be sent is as good as lost.
        let _ = self.socket.send(packet);
    }

    fn now(&self) -> u32 {
        self.began.elapsed().as_micros() as u32
    }

    /// Sends `bytes` in messages.
    pub(super) fn stream(&mut self, bytes: &[u8], length: usize) {
        for payload in bytes.chunks(length) {
            self.send(&wire::data(self.sequence, SOLO | self.message, self.now(), self.peer, payload));
            self.sequence = (self.sequence + 1) & 0x7FFF_FFFF;
            self.message = (self.message + 1) & 0x03FF_FFFF;
            std::thread::sleep(BETWEEN);
        }
    }

    /// Leaves `count` packets out.
    pub(super) const fn skip(&mut self, count: u32) {
        self.sequence = self.sequence.wrapping_add(count) & 0x7FFF_FFFF;
    }

    /// Says that it lives.
    pub(super) fn keep_alive(&self) {
        self.send(&wire::control(wire::KEEP_ALIVE, 0, 0, self.now(), self.peer, &[0; 4]));
    }

    /// Says goodbye.
    pub(super) fn close(&self) {
        self.send(&wire::control(wire::SHUTDOWN, 0, 0, self.now(), self.peer, &[0; 4]));
    }
}
