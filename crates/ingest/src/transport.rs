//! A publisher's socket, read when bytes come or at fixed ticks.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsStream;
use tokio_util::either::Either;

use crate::Scratch;
use crate::ticks::Ticks;

/// A read this long lets others run before the next.
const YIELD_BYTES: usize = 64 << 10;

/// A connection, in the clear or by TLS.
pub(crate) type Socket = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// How bytes are waited for.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Each arrival wakes us: least delay.
    Evented(Socket),
    /// The socket is looked at at ticks that all such publishers share. Nothing wakes us in between, so
    /// one wake-up serves many messages of many publishers: a publisher of standard latency costs a fraction.
    Ticked {
        stream: std::net::TcpStream,
        ticks: watch::Receiver<()>,
        /// The last look filled the scratch, so there may be more: the next one does not wait.
        more: bool,
    },
}

/// What a look at the socket brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Bytes, in the scratch.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The peer has closed.
    End,
}

impl Transport {
    /// Takes over a connection. One by TLS is always read as bytes come: its records are no less work later.
    pub(crate) fn new(socket: Socket, ticks: Option<&Ticks>) -> io::Result<Self> {
        match (socket, ticks) {
            (Either::Left(stream), Some(ticks)) => {
                Ok(Self::Ticked { stream: stream.into_std()?, ticks: ticks.follow(), more: false })
            }
            (socket, _) => Ok(Self::Evented(socket)),
        }
    }

    /// Waits for bytes or the next tick, at most `limit`, then reads into `scratch` and hands it to `take`. One system call.
    pub(crate) async fn read(
        &mut self,
        scratch: &Scratch,
        limit: Duration,
        take: impl FnOnce(&[u8]),
    ) -> io::Result<Arrival> {
        match self {
            Self::Evented(stream) => {
                let mut take = Some(take);
                let arrival = std::future::poll_fn(|context| {
                    let mut scratch = scratch.lock();
                    let mut buffer = ReadBuf::new(&mut scratch);
                    let polled = Pin::new(&mut *stream).poll_read(context, &mut buffer);
                    polled.map_ok(|()| match buffer.filled() {
                        [] => Arrival::End,
                        filled => {
                            if let Some(take) = take.take() {
                                take(filled);
                            }
                            Arrival::Bytes(filled.len())
                        }
                    })
                });
                let arrival = timeout(limit, arrival).await.unwrap_or(Ok(Arrival::Nothing));
                // A publisher that sends all it can leaves room for the others and for its subscribers.
                if matches!(arrival, Ok(Arrival::Bytes(YIELD_BYTES..))) {
                    tokio::task::yield_now().await;
                }
                arrival
            }
            Self::Ticked { stream, ticks, more } => {
                match std::mem::take(more) {
                    true => tokio::task::yield_now().await,
                    false => ticks.changed().await.map_err(io::Error::other)?,
                }
                let mut scratch = scratch.lock();
                match stream.read(&mut scratch) {
                    Ok(0) => Ok(Arrival::End),
                    Ok(length) => {
                        *more = length == scratch.len();
                        take(&scratch[..length]);
                        Ok(Arrival::Bytes(length))
                    }
                    Err(fault) if is_transient(&fault) => Ok(Arrival::Nothing),
                    Err(fault) => Err(fault),
                }
            }
        }
    }

    /// Writes what the socket takes at once; returns how much.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Self::Evented(Either::Left(stream)) => stream.try_write(bytes),
            // Nobody is woken when there is room: the next arrival asks again.
            Self::Evented(Either::Right(stream)) => {
                match Pin::new(stream).poll_write(&mut Context::from_waker(Waker::noop()), bytes) {
                    Poll::Ready(written) => written,
                    Poll::Pending => Ok(0),
                }
            }
            Self::Ticked { stream, .. } => stream.write(bytes),
        };
        match written {
            Err(fault) if is_transient(&fault) => Ok(0),
            other => other,
        }
    }

    /// The connection as it was, for a last word.
    pub(crate) fn into_socket(self) -> io::Result<Socket> {
        match self {
            Self::Evented(socket) => Ok(socket),
            Self::Ticked { stream, .. } => TcpStream::from_std(stream).map(Either::Left),
        }
    }
}

fn is_transient(fault: &io::Error) -> bool {
    matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The peer's address for logs: an IPv4 peer of an IPv6 listener reads as IPv4.
pub(crate) fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}
