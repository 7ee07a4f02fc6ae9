//! A publisher's socket, read when bytes come or at fixed ticks.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::Scratch;
use crate::ticks::Ticks;

/// A read this long lets others run before the next.
const YIELD_BYTES: usize = 64 << 10;

/// How bytes are waited for.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Each arrival wakes us: least delay.
    Evented(TcpStream),
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
    /// Takes over an accepted connection.
    pub(crate) fn new(stream: TcpStream, ticks: Option<&Ticks>) -> io::Result<Self> {
        match ticks {
            None => Ok(Self::Evented(stream)),
            Some(ticks) => {
                Ok(Self::Ticked { stream: stream.into_std()?, ticks: ticks.follow(), more: false })
            }
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
            Self::Evented(stream) => stream.try_write(bytes),
            Self::Ticked { stream, .. } => stream.write(bytes),
        };
        match written {
            Err(fault) if is_transient(&fault) => Ok(0),
            other => other,
        }
    }

    /// The stream again as tokio has it, for a last word.
    pub(crate) fn into_tokio(self) -> io::Result<TcpStream> {
        match self {
            Self::Evented(stream) => Ok(stream),
            Self::Ticked { stream, .. } => TcpStream::from_std(stream),
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
