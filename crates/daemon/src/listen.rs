//! Listeners.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel may hold before they are accepted: enough for an event's start.
const BACKLOG: i32 = 4_096;

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
        let handed_over = |source| ListenError::HandedOver { setting, source };
        match self.0.take_udp_socket(place).map_err(handed_over)? {
            Some(socket) => {
                socket.set_nonblocking(true).map_err(handed_over)?;
                Ok(socket)
            }
            None => bind_udp(setting, address),
        }
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
}
