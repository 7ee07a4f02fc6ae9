//! The UDP socket of an edge that others may share: the one it takes over from, and the one that takes over from it.
//!
//! ```text
//!                       Reading --a successor calls--> Taken over
//!                          ^                               |
//!                          '------ its line breaks --------'
//! ```
//! Exactly one edge reads the socket, so that what a client sends comes to whoever can answer it. A new one calls all that are
//! there ([`Line`]); each stops reading and says so. From then on the new one hands on what is for their connections, by the
//! generation in the connection id ([`ids`](super::ids)); new clients, whose first ids are of their own choosing, are its own.
//! All send by the shared socket. What comes for a generation that is gone stays with the reader, who tells the client by a
//! stateless reset (RFC 9000 §10.3).

use std::fs::DirBuilder;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};
use rustix::net::sockopt::{set_socket_recv_buffer_size, socket_cookie};

use super::ids::{Generation, Keys};
use super::line::{Door, Line, Sent};
use crate::counters::{Counters, Handed};
use crate::datagram::{Envelope, destination};

/// How a call begins: what is spoken on the line, then the socket it is about, so that edges on other sockets, which may have
/// the same folder, hang up.
const HELLO: &[u8; 4] = b"HWQ1";
/// The answer: the socket is not read any more.
const TAKEN: &[u8; 1] = b"T";
/// Successors at once: each newer than the last, while this edge still drains. More are hung up on.
const SUCCESSORS: usize = 8;

/// Bytes the kernel may hold until they are read, if the system allows as many (`net.core.rmem_max`); what comes on top is lost.
/// A first packet counts 2.3 KB: enough for 1,800 viewers who come at the same moment.
const UNREAD: usize = 4 << 20;

/// The socket, as quinn uses it.
#[derive(Debug)]
pub(crate) struct Shared {
    udp: Arc<dyn AsyncUdpSocket>,
    lines: Mutex<Lines>,
}

#[derive(Debug)]
struct Lines {
    generation: Generation,
    door: Door,
    hello: Vec<u8>,
    elders: Vec<Elder>,
    successors: Vec<Successor>,
    keys: Keys,
    counters: Arc<Counters>,
}

/// An edge from before, which drains or soon will.
#[derive(Debug)]
struct Elder {
    generation: Generation,
    line: Line,
}

/// Whoever called.
#[derive(Debug)]
struct Successor {
    line: Line,
    /// Whether it has said what it is, and reads the socket.
    reads: bool,
}

impl Shared {
    /// Takes `socket` over from the edges that have it, if there are any, by the sockets they have in `folder`. Call in the
    /// runtime that will serve it.
    pub(crate) fn take_over(
        socket: UdpSocket,
        folder: &Path,
        keys: &Keys,
        counters: Arc<Counters>,
    ) -> io::Result<Shared> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = |generation: Generation| folder.join(format!("edge.quic.{generation:02x}.sock"));
        // The system's bound stands where it is lower.
        let _ = set_socket_recv_buffer_size(&socket, UNREAD);
        let hello = [&HELLO[..], &socket_cookie(&socket)?.to_be_bytes()].concat();
        let mut elders = Vec::new();
        for generation in 0..=Generation::MAX {
            match Line::call(&path(generation), &hello) {
                Ok(line) => elders.extend(line.map(|line| Elder { generation, line })),
                Err(fault) => {
                    tracing::warn!(at = %path(generation).display(), %fault, "an edge that cannot be called");
                }
            }
        }
        for generation in 0..=Generation::MAX {
            let Some(door) = Door::open(path(generation))? else { continue };
            let udp = TokioRuntime.wrap_udp_socket(socket)?;
            let (keys, successors) = (keys.clone(), Vec::new());
            tracing::debug!(generation, elders = elders.len(), "takes the UDP socket over");
            let lines = Lines { generation, door, hello, elders, successors, keys, counters };
            return Ok(Shared { udp, lines: Mutex::new(lines) });
        }
        Err(io::Error::other("256 edges have their sockets there: remove those of edges that are gone"))
    }

    pub(crate) fn generation(&self) -> Generation {
        self.lines().generation
    }

    /// Whether another edge reads the socket, and gets whoever is new.
    pub(crate) fn is_taken_over(&self) -> bool {
        self.lines().is_taken_over()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().expect("nothing panics while it holds the lines")
    }
}

impl AsyncUdpSocket for Shared {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.udp.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.udp.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut lines = self.lines();
        lines.let_in(cx);
        match lines.receive(cx, buffers, metas) {
            0 if lines.is_taken_over() => Poll::Pending,
            0 => {
                let came = ready!(self.udp.poll_recv(cx, buffers, metas))?;
                lines.hand_on(cx, &mut buffers[..came], &mut metas[..came]);
                Poll::Ready(Ok(came))
            }
            handed => Poll::Ready(Ok(handed)),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.udp.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.udp.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.udp.may_fragment()
    }
}

impl Lines {
    fn is_taken_over(&self) -> bool {
        self.successors.iter().any(|successor| successor.reads)
    }

    fn let_in(&mut self, cx: &mut Context<'_>) {
        // One that the system has no descriptor for is let in at a later look.
        while let Poll::Ready(Ok(line)) = self.door.poll_accept(cx) {
            if self.successors.len() < SUCCESSORS {
                self.successors.push(Successor { line, reads: false });
            }
        }
    }

    /// What successors hand on: how many datagrams.
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> usize {
        let mut places = buffers.iter_mut().zip(metas).peekable();
        let mut handed = 0;
        self.successors.retain_mut(|successor| {
            while let Some((buffer, meta)) = places.peek_mut() {
                match successor.poll_receive(cx, &self.hello, buffer, meta) {
                    Poll::Pending => return true,
                    Poll::Ready(Heard::Datagram) => {
                        self.counters.handed(Handed::Taken);
                        handed += 1;
                        places.next();
                    }
                    Poll::Ready(Heard::Hello) => {
                        tracing::info!("another edge reads the UDP socket from now on")
                    }
                    Poll::Ready(Heard::End) => {
                        if successor.reads {
                            tracing::info!("the edge that read the UDP socket has gone");
                        }
                        return false;
                    }
                }
            }
            true
        });
        handed
    }

    /// Hands on what is for elders' connections; the rest stays, moved together.
    fn hand_on(&mut self, cx: &mut Context<'_>, buffers: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) {
        self.elders.retain(|elder| !elder.has_gone(cx));
        if self.elders.is_empty() {
            return;
        }
        for (buffer, meta) in buffers.iter_mut().zip(metas) {
            let came = *meta;
            meta.len =
                keep(&mut buffer[..came.len], came.stride, |datagram| !self.hand_on_one(&came, datagram));
        }
    }

    /// Whether a datagram was an elder's.
    fn hand_on_one(&mut self, meta: &RecvMeta, datagram: &[u8]) -> bool {
        let Some(id) = destination(datagram) else { return false };
        let Some(at) = self.elders.iter().position(|elder| elder.generation == id[0]) else { return false };
        if self.keys.generation(id).is_none() {
            return false;
        }
        let envelope = Envelope { from: meta.addr, to: meta.dst_ip, ecn: meta.ecn }.write();
        match self.elders[at].line.send(&[IoSlice::new(&envelope), IoSlice::new(datagram)]) {
            Sent::Whole => self.counters.handed(Handed::On),
            // As the network loses datagrams: it will be sent again.
            Sent::Lost => self.counters.handed(Handed::Lost),
            Sent::Gone => {
                self.elders.remove(at);
                return false;
            }
        }
        true
    }
}

/// Moves the datagrams together that are `ours`; how many bytes they are. The system may have joined several that came from one
/// address: each of `stride` bytes, but for the last, which may be shorter.
fn keep(joined: &mut [u8], stride: usize, mut ours: impl FnMut(&[u8]) -> bool) -> usize {
    let (mut at, mut kept) = (0, 0);
    while at < joined.len() {
        let end = joined.len().min(at + stride.max(1));
        if ours(&joined[at..end]) {
            joined.copy_within(at..end, kept);
            kept += end - at;
        }
        at = end;
    }
    kept
}

impl Elder {
    fn has_gone(&self, cx: &mut Context<'_>) -> bool {
        // It says nothing more but, by the line's end, that it is gone.
        let mut nothing = [0; 1];
        loop {
            match self.line.poll_receive(cx, &mut [IoSliceMut::new(&mut nothing)]) {
                Poll::Pending => return false,
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => return true,
            }
        }
    }
}

/// What a successor said.
enum Heard {
    /// It reads the socket from now on.
    Hello,
    /// A datagram came to it that is for a connection of this edge.
    Datagram,
    /// It is gone, or no successor.
    End,
}

impl Successor {
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        hello: &[u8],
        buffer: &mut IoSliceMut<'_>,
        meta: &mut RecvMeta,
    ) -> Poll<Heard> {
        let mut head = [0; Envelope::LEN];
        let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(buffer)];
        let Some(len) = ready!(self.line.poll_receive(cx, &mut parts)) else {
            return Poll::Ready(Heard::End);
        };
        if !self.reads {
            let called =
                head.get(..len) == Some(hello) && self.line.send(&[IoSlice::new(TAKEN)]) == Sent::Whole;
            self.reads = called;
            return Poll::Ready(if called { Heard::Hello } else { Heard::End });
        }
        let (Some(len), Ok(envelope)) = (len.checked_sub(Envelope::LEN), Envelope::read(&head)) else {
            return Poll::Ready(Heard::End);
        };
        (meta.addr, meta.dst_ip, meta.ecn) = (envelope.from, envelope.to, envelope.ecn);
        (meta.len, meta.stride) = (len, len);
        Poll::Ready(Heard::Datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(joined: &str, stride: usize, kept: &str) {
        let mut bytes = joined.as_bytes().to_vec();
        let len = keep(&mut bytes, stride, |datagram| datagram[0].is_ascii_lowercase());
        assert_eq!(std::str::from_utf8(&bytes[..len]), Ok(kept), "{joined}");
    }

    #[test]
    fn what_stays_of_joined_datagrams_keeps_its_order_and_its_bounds() {
        check("aaabbbcccd", 3, "aaabbbcccd");
        check("AAAbbbCCCd", 3, "bbbd");
        check("aaaBBBcccD", 3, "aaaccc");
        check("AAAB", 3, "");
        check("aaa", 3, "aaa");
        check("aaa", 9, "aaa");
        check("", 0, "");
    }
}
