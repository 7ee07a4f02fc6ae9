//! Listeners.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;

use crate::Drain;

/// Connections the kernel may hold before they are accepted: enough for an event's start.
const BACKLOG: i32 = 4_096;
/// Wait after the system had no descriptor for a connection.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(100);

/// A listener that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody has the port.
    #[error(
        "port {port} is in use: stop what listens there, or set `{setting}` under [listen] to another address"
    )]
    InUse {
        /// The port.
        port: u16,
        /// The setting that chooses it.
        setting: &'static str,
    },
    /// Any other refusal of the system.
    #[error("cannot listen on {address} (`{setting}` under [listen])")]
    Io {
        /// The address asked for.
        address: SocketAddr,
        /// The setting that chooses it.
        setting: &'static str,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The supervisor handed over something else than a listener.
    #[error("the handed-over listener for `{setting}`")]
    HandedOver {
        /// The setting it is for.
        setting: &'static str,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// Binds `address`, chosen by `setting` under `[listen]`. The listener does not block.
pub fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { port: address.port(), setting },
        _ => ListenError::Io { address, setting, source },
    };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).map_err(io)?;
    socket.set_reuse_address(true).map_err(io)?;
    socket.set_nonblocking(true).map_err(io)?;
    socket.bind(&address.into()).map_err(io)?;
    socket.listen(BACKLOG).map_err(io)?;
    Ok(socket.into())
}

/// Binds a UDP socket the same way.
pub fn bind_udp(setting: &'static str, address: SocketAddr) -> Result<UdpSocket, ListenError> {
    let bind = || {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    bind().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { port: address.port(), setting },
        _ => ListenError::Io { address, setting, source },
    })
}

/// Binds a unix socket. A socket file left from an earlier run is replaced.
pub fn unix(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
        _ => {}
    }
    UnixListener::bind(path)
}

/// [`unix`], for nobody but this process's user.
pub fn unix_for_owner(path: &Path) -> io::Result<UnixListener> {
    let listener = unix(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// What connections are accepted from.
pub trait Listener: Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<Self::Stream> {
        Ok(self.accept().await?.0)
    }
}

impl Listener for tokio::net::TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<Self::Stream> {
        Ok(self.accept().await?.0)
    }
}

/// The next connection from `listener`, and no error: a failed accept is the system out of descriptors, and some may
/// come back.
pub async fn accept<L: Listener>(listener: &L) -> L::Stream {
    loop {
        match listener.next().await {
            Ok(stream) => return stream,
            Err(_) => tokio::time::sleep(EXHAUSTED_WAIT).await,
        }
    }
}

/// Hands each connection from `listener` to `serve`, `at_most` of them at a time, until the drain; further ones wait in the
/// kernel, and those under way go on. Call inside a tokio runtime.
pub fn each<L: Listener, F>(
    listener: L,
    at_most: usize,
    drain: Drain,
    serve: impl Fn(L::Stream) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(at_most));
    tokio::spawn(async move {
        loop {
            let next = async {
                let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
                (accept(&listener).await, place)
            };
            let (stream, place) = tokio::select! {
                next = next => next,
                () = drain.requested() => return,
            };
            let served = serve(stream);
            tokio::spawn(async move {
                served.await;
                drop(place);
            });
        }
    });
}

/// The listeners the supervisor handed over (`LISTEN_FDS`, systemd's convention), by their place in its list. What was
/// not handed over is bound here.
///
/// A handed-over listener outlives this process: connections made while a role restarts wait in the kernel and are
/// not refused.
#[expect(missing_debug_implementations, reason = "what it holds has none")]
pub struct Inherited(listenfd::ListenFd);

impl Inherited {
    /// Looks once what was handed over; a second look would find nothing.
    pub fn from_environment() -> Self {
        Self(listenfd::ListenFd::from_env())
    }

    /// The TCP listener at `place`, or one bound to `address`.
    pub fn tcp_or_bind(
        &mut self,
        place: usize,
        setting: &'static str,
        address: SocketAddr,
    ) -> Result<TcpListener, ListenError> {
        let handed_over = |source| ListenError::HandedOver { setting, source };
        match self.0.take_tcp_listener(place).map_err(handed_over)? {
            Some(listener) => {
                listener.set_nonblocking(true).map_err(handed_over)?;
                Ok(listener)
            }
            None => bind(setting, address),
        }
    }

    /// The UDP socket at `place`, or one bound to `address`.
    pub fn udp_or_bind(
        &mut self,
        place: usize,
        setting: &'static str,
        address: SocketAddr,
    ) -> Result<UdpSocket, ListenError> {
        match self.udp(place, setting)? {
            Some(socket) => Ok(socket),
            None => bind_udp(setting, address),
        }
    }

    /// The UDP socket at `place`, where one was handed over.
    pub fn udp(&mut self, place: usize, setting: &'static str) -> Result<Option<UdpSocket>, ListenError> {
        let handed_over = |source| ListenError::HandedOver { setting, source };
        let socket = self.0.take_udp_socket(place).map_err(handed_over)?;
        if let Some(socket) = &socket {
            socket.set_nonblocking(true).map_err(handed_over)?;
        }
        Ok(socket)
    }
}

/// The one listener the supervisor handed over, or one bound here.
pub fn inherited_or_bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    Inherited::from_environment().tcp_or_bind(0, setting, address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_names_the_port_and_the_setting() {
        let first = bind("viewers", "127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = first.local_addr().expect("bound");
        let refused = bind("viewers", address).expect_err("taken").to_string();
        assert!(refused.contains(&address.port().to_string()) && refused.contains("viewers"), "{refused}");
    }

    #[tokio::test]
    async fn a_socket_left_from_an_earlier_run_is_replaced_and_may_be_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("door.sock");
        drop(unix(&path).expect("a new socket"));
        let listener = unix_for_owner(&path).expect("in place of the old one");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let _client = tokio::net::UnixStream::connect(&path).await.expect("connects");
        accept(&listener).await;
    }
}
