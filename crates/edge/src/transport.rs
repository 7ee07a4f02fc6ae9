//! What carries a viewer's connection: TCP, or TLS over it.
//!
//! Sending is made of attempts that do not wait ([`Transport::try_send`]), so that whoever sends can watch the reader's
//! pace. Over TCP a file leaves by `sendfile`. Over TLS bytes are encrypted a step at a time and only when the kernel took
//! the step before, so that a reader who stops holds no more than [`TLS_STEP`] of them.

use std::cell::RefCell;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::net::SendFlags;
use rustls::{HandshakeKind, ServerConnection};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::depth::{Depth, Queued};
use crate::worker::Shared;

/// Most bytes that are encrypted before the kernel took what was encrypted before, in bytes: four of the largest records.
const TLS_STEP: usize = 4 * TLS_RECORD;
/// Most bytes of one record (RFC 8446 §5.1).
const TLS_RECORD: usize = 16 * 1024;

thread_local! {
    /// A file's bytes on their way to encryption. Nothing is kept in it between two calls.
    static PLAIN: RefCell<Box<[u8]>> = RefCell::new(vec![0; TLS_STEP].into());
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Transport {
    tcp: TcpStream,
    tls: Option<Box<Tls>>,
    /// Bytes the kernel took, encrypted where they are.
    taken: u64,
    depth: Depth,
    /// What is on its way is thrown away at the close.
    aborted: bool,
}

#[derive(Debug)]
struct Tls {
    session: ServerConnection,
    /// What was encrypted last waits for what follows.
    ahead: bool,
}

/// What one attempt sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outgoing<'a> {
    /// Bytes.
    Bytes(&'a [IoSlice<'a>]),
    /// Bytes that may wait for the [`Outgoing::File`] that follows at once.
    Ahead(&'a [u8]),
    /// At most `len` bytes of a file, which has them.
    File { file: &'a OwnedFd, offset: u64, len: usize },
    /// What was encrypted and has not left.
    Rest,
}

impl Transport {
    /// Over TCP alone.
    pub(crate) fn plain(tcp: TcpStream) -> Transport {
        Transport { tcp, tls: None, taken: 0, depth: Depth::new(Instant::now()), aborted: false }
    }

    /// Over a TLS session whose handshake is done.
    pub(crate) fn tls(tcp: TcpStream, mut session: ServerConnection) -> Transport {
        session.set_buffer_limit(Some(TLS_STEP));
        let tls = Some(Box::new(Tls { session, ahead: false }));
        Transport { tcp, tls, taken: 0, depth: Depth::new(Instant::now()), aborted: false }
    }

    /// Does what is left of the handshake; the caller bounds the time.
    pub(crate) async fn shake_hands(&mut self) -> io::Result<()> {
        let Some(Tls { session, .. }) = self.tls.as_deref_mut() else { return Ok(()) };
        loop {
            while let Err(fault) = flush(&self.tcp, session, &mut self.taken) {
                match fault.kind() {
                    // Nothing is owed to a socket that was just made: it has room soon or never.
                    io::ErrorKind::WouldBlock => self.tcp.writable().await?,
                    _ => return Err(fault),
                }
            }
            if !session.is_handshaking() {
                return Ok(());
            }
            self.tcp.readable().await?;
            // A socket at its end stays readable: to wait for more would never end.
            if receive(&self.tcp, session, &mut self.taken)? == Received::End && session.is_handshaking() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whether it is TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The protocol the handshake agreed on, by its name in ALPN.
    pub(crate) fn agreed_protocol(&self) -> Option<&[u8]> {
        self.tls.as_ref()?.session.alpn_protocol()
    }

    /// What answers over it say of other ways to come: only those that the certificate vouches for may (RFC 7838 §2.1).
    pub(crate) fn alt_svc<'a>(&self, shared: &'a Shared) -> Option<&'a str> {
        shared.alt_svc.as_deref().filter(|_| self.tls.is_some())
    }

    /// Whether the handshake was spared by a ticket.
    pub(crate) fn is_resumed(&self) -> bool {
        let session = self.tls.as_ref().map(|tls| &tls.session);
        session.and_then(|session| session.handshake_kind()) == Some(HandshakeKind::Resumed)
    }

    /// Bytes the kernel took so far, encrypted where they are.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether encrypted bytes wait for the kernel.
    pub(crate) fn has_rest(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.session.wants_write())
    }

    /// Reads what came into `room`; nothing read means that the viewer will send no more.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(tls) = &mut self.tls else {
            return Pin::new(&mut self.tcp).poll_read(cx, room);
        };
        loop {
            match tls.session.reader().read(room.initialize_unfilled()) {
                Ok(read) => {
                    room.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(fault) => return Poll::Ready(Err(fault)),
            }
            ready!(self.tcp.poll_read_ready(cx))?;
            receive(&self.tcp, &mut tls.session, &mut self.taken)?;
        }
    }

    /// Resolves when the viewer has gone (true), or has sent more (false).
    pub(crate) async fn gone(&mut self) -> bool {
        let Some(tls) = &mut self.tls else {
            return !matches!(self.tcp.peek(&mut [0]).await, Ok(1..));
        };
        loop {
            match tls.session.reader().fill_buf() {
                Ok(plain) => return plain.is_empty(),
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return true,
            }
            if self.tcp.readable().await.is_err()
                || receive(&self.tcp, &mut tls.session, &mut self.taken).is_err()
            {
                return true;
            }
        }
    }

    /// Sends what the socket has room for: how many of the bytes need not be given again, or `WouldBlock`.
    pub(crate) fn try_send(&mut self, outgoing: Outgoing<'_>) -> io::Result<usize> {
        let Transport { tcp, tls, taken, .. } = self;
        tcp.try_io(Interest::WRITABLE, || attempt(tcp, tls.as_deref_mut(), taken, outgoing))
    }

    /// The same, whether the kernel reported room or not.
    pub(crate) fn send_anyway(&mut self, outgoing: Outgoing<'_>) -> io::Result<usize> {
        attempt(&self.tcp, self.tls.as_deref_mut(), &mut self.taken, outgoing)
    }

    /// What was given last was taken at once. A reader who does so long enough gets a deeper queue.
    pub(crate) fn took(&mut self, file: bool) {
        match (&self.tls, file) {
            (None, true) => self.depth.took(&self.tcp, self.taken, Queued::Pages),
            (Some(_), _) => self.took_copies(),
            // Small answers gather in no depth.
            (None, false) => {}
        }
    }

    /// The same, where what was given was this connection's own copy.
    pub(crate) fn took_copies(&mut self) {
        self.depth.took(&self.tcp, self.taken, Queued::Copies);
    }

    /// The reader kept the edge waiting.
    pub(crate) fn waited(&mut self) {
        self.depth.waited(&self.tcp, self.taken);
    }

    /// Whether the kernel reports room; if not, who asks is woken when it does.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(cx)
    }

    /// Waits until the kernel reports room.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.tcp.writable().await
    }

    /// Closes, from now on, so that what is on its way is thrown away: for a reader that does not take it, and for an
    /// answer that must not seem complete.
    pub(crate) fn abort(&mut self) {
        self.aborted = true;
        let _ = socket2::SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
    }

    /// Says that no more will be sent, so that the reader can tell it from a cut connection (RFC 8446 §6.1); nothing
    /// after [`Self::abort`].
    pub(crate) fn shut(&mut self) {
        if self.aborted {
            return;
        }
        if let Some(tls) = &mut self.tls {
            tls.session.send_close_notify();
            // A socket without room belongs to a reader who would not read this either.
            let _ = flush(&self.tcp, &mut tls.session, &mut self.taken);
        }
        let _ = socket2::SockRef::from(&self.tcp).shutdown(Shutdown::Write);
    }

    /// The socket: what the viewer still sends comes here, encrypted where it is.
    pub(crate) fn tcp(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }
}

/// One attempt on a socket that may have room.
fn attempt(
    tcp: &TcpStream,
    tls: Option<&mut Tls>,
    taken: &mut u64,
    outgoing: Outgoing<'_>,
) -> io::Result<usize> {
    match tls {
        None => {
            let sent = attempt_plain(tcp, outgoing)?;
            *taken += sent as u64;
            Ok(sent)
        }
        Some(tls) => attempt_tls(tcp, tls, taken, outgoing),
    }
}

fn attempt_plain(tcp: &TcpStream, outgoing: Outgoing<'_>) -> io::Result<usize> {
    Ok(match outgoing {
        Outgoing::Bytes([one]) => rustix::net::send(tcp, one, SendFlags::NOSIGNAL)?,
        Outgoing::Bytes(many) => rustix::io::writev(tcp, many)?,
        // The kernel waits for the file's first bytes, so that they share the packet.
        Outgoing::Ahead(bytes) => rustix::net::send(tcp, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?,
        Outgoing::File { file, offset, len } => {
            match rustix::fs::sendfile(tcp, file, Some(&mut { offset }), len)? {
                0 => return Err(too_short()),
                sent => sent,
            }
        }
        Outgoing::Rest => 0,
    })
}

fn attempt_tls(
    tcp: &TcpStream,
    Tls { session, ahead }: &mut Tls,
    taken: &mut u64,
    outgoing: Outgoing<'_>,
) -> io::Result<usize> {
    if !*ahead {
        flush(tcp, session, taken)?;
    }
    let sent = match outgoing {
        Outgoing::Rest => 0,
        Outgoing::Bytes(slices) => session.writer().write_vectored(slices)?,
        Outgoing::Ahead(bytes) => {
            *ahead = bytes.len() <= TLS_RECORD;
            session.writer().write(bytes)?
        }
        Outgoing::File { file, offset, len } => {
            let room = if *ahead { TLS_STEP - TLS_RECORD } else { TLS_STEP };
            PLAIN.with_borrow_mut(|plain| {
                match rustix::io::pread(file, &mut plain[..len.min(room)], offset)? {
                    0 => Err(too_short()),
                    read => session.writer().write(&plain[..read]),
                }
            })?
        }
    };
    if *ahead && matches!(outgoing, Outgoing::Ahead(_)) {
        return Ok(sent);
    }
    *ahead = false;
    match flush(tcp, session, taken) {
        // The session holds them; the next attempt begins with them.
        Err(fault) if fault.kind() == io::ErrorKind::WouldBlock && sent > 0 => Ok(sent),
        flushed => flushed.map(|()| sent),
    }
}

/// What a look at the socket found.
#[derive(PartialEq, Eq)]
enum Received {
    Nothing,
    Bytes,
    /// The viewer will send no more. After the handshake the session tells whether he said so.
    End,
}

/// Reads what the socket has and decrypts it.
fn receive(tcp: &TcpStream, session: &mut ServerConnection, taken: &mut u64) -> io::Result<Received> {
    let received = match session.read_tls(&mut Wire { tcp, taken }) {
        Ok(0) => Received::End,
        Ok(_) => Received::Bytes,
        Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => return Ok(Received::Nothing),
        Err(fault) => return Err(fault),
    };
    let processed = session.process_new_packets();
    if session.wants_write() {
        // The answer to a key update, or the alert that says what was wrong. What finds no room leaves with what is sent
        // next.
        let _ = flush(tcp, session, taken);
    }
    processed.map(|_| received).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
}

/// Sends everything that is encrypted, or as much as there is room for and `WouldBlock`.
fn flush(tcp: &TcpStream, session: &mut ServerConnection, taken: &mut u64) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(&mut Wire { tcp, taken })?;
    }
    Ok(())
}

/// The socket under a session.
struct Wire<'a> {
    tcp: &'a TcpStream,
    taken: &'a mut u64,
}

impl Read for Wire<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.tcp.try_read(room)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let sent = rustix::io::writev(self.tcp, slices)?;
        *self.taken += sent as u64;
        Ok(sent)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file shorter than what was read of it before: cannot be.
fn too_short() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
