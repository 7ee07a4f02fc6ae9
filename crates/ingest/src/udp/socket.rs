//! A UDP socket that reads many datagrams in one system call.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt};
use rtp::limits::MAX_DATAGRAM;
use socket2::{Domain, Protocol, Type};
use spec::Network;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::Endpoint;

/// Datagrams taken by one system call.
const BATCH: usize = 32;
/// Batches taken at one look, so that a flood leaves room for others.
const MAX_BATCHES: usize = 16;
/// A datagram's place in the buffer: one byte more than may come shows what was cut.
const SLOT: usize = MAX_DATAGRAM + 1;
/// Receive buffer asked for, in bytes. Without the right to more (`CAP_NET_ADMIN`) the system cuts it to `net.core.rmem_max`.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Why datagrams cannot be received.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The socket cannot be had.
    #[error("receive datagrams on {address}; has another program the port, or this machine no such address?")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The group cannot be joined.
    #[error("join the multicast group {group}; is the interface up, and has it a route for multicast?")]
    Join {
        /// The group.
        group: IpAddr,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The interface of an endpoint that joins no IPv4 group, or a sender of the other address family.
    #[error("{address}: an interface is for IPv4 groups, and a sender is of the address's family")]
    Mismatch {
        /// The endpoint's address.
        address: SocketAddr,
    },
    /// The runtime does not take a socket.
    #[error("read datagrams")]
    Open(#[source] io::Error),
    /// Ports end before those of the error correction.
    #[error("{address}: error correction comes on the ports two and four above, choose 65531 or less")]
    NoFecPort {
        /// The media's address.
        address: SocketAddr,
    },
}

/// A socket for what comes to `endpoint`: bound to it, its group joined.
///
/// # Errors
/// When the address cannot be bound or the group not be joined.
pub fn bind(endpoint: &Endpoint) -> Result<std::net::UdpSocket, BindError> {
    let Endpoint { address, interface, senders } = endpoint;
    let address = *address;
    let joins_ipv4 = address.is_ipv4() && address.ip().is_multicast();
    let same_family = senders.iter().all(|sender| sender.is_ipv4() == address.is_ipv4());
    if !same_family || (interface.is_some() && !joins_ipv4) {
        return Err(BindError::Mismatch { address });
    }
    let socket = open(address).map_err(|source| BindError::Bind { address, source })?;
    if address.ip().is_multicast() {
        join(&socket, endpoint).map_err(|source| BindError::Join { group: address.ip(), source })?;
    }
    Ok(socket.into())
}

/// A bound socket with its buffer.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    senders: Vec<Network>,
    buffer: Box<[u8]>,
}

impl Socket {
    /// Reads what comes to a bound socket from `senders`; from anybody where there are none.
    pub(super) fn open(socket: std::net::UdpSocket, senders: Vec<Network>) -> io::Result<Socket> {
        Ok(Socket { socket: UdpSocket::from_std(socket)?, senders, buffer: vec![0; BATCH * SLOT].into() })
    }

    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // An error shows itself when the socket is read.
        self.socket.poll_recv_ready(context).map(|_| ())
    }

    /// Gives each datagram that is there to `take`, up to a bound; the rest stays for the next look. Returns how many came
    /// from others than the senders and were left out.
    pub(super) fn read(&mut self, mut take: impl FnMut(SocketAddr, &[u8])) -> u64 {
        let mut strangers = 0;
        for _ in 0..MAX_BATCHES {
            let Socket { socket, senders, buffer } = self;
            let received = socket.try_io(Interest::READABLE, || receive(socket.as_raw_fd(), buffer));
            let received = match received {
                Ok(received) => received,
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => break,
                Err(fault) => {
                    // Linux tells a socket's pending error once.
                    tracing::warn!(%fault, "receive datagrams");
                    break;
                }
            };
            for ((length, from), slot) in received.iter().zip(self.buffer.chunks_exact(SLOT)) {
                match from {
                    Some(from) if is_allowed(senders, *from) => take(*from, &slot[..*length]),
                    _ => strangers += 1,
                }
            }
            if received.len() < BATCH {
                break;
            }
        }
        strangers
    }
}

/// The lengths and senders of the datagrams that lie in the buffer's slots now.
fn receive(socket: i32, buffer: &mut [u8]) -> io::Result<Vec<(usize, Option<SocketAddr>)>> {
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut slots: Vec<_> = buffer.chunks_exact_mut(SLOT).map(|slot| [IoSliceMut::new(slot)]).collect();
    let received = recvmmsg(socket, &mut headers, slots.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
    Ok(received.map(|message| (message.bytes, message.address.as_ref().and_then(sender))).collect())
}

fn sender(address: &SockaddrStorage) -> Option<SocketAddr> {
    let ipv4 = address.as_sockaddr_in().map(|address| SocketAddrV4::from(*address).into());
    ipv4.or_else(|| address.as_sockaddr_in6().map(|address| SocketAddrV6::from(*address).into()))
}

fn is_allowed(senders: &[Network], from: SocketAddr) -> bool {
    senders.is_empty() || senders.iter().any(|sender| sender.contains(from.ip()))
}

fn open(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.ip().is_multicast() {
        // Others on this machine may listen to the group too.
        socket.set_reuse_address(true)?;
    }
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    }
    // Bound to the group's own address, other groups' datagrams to this port stay away.
    socket.bind(&address.into())?;
    Ok(socket)
}

fn join(socket: &socket2::Socket, endpoint: &Endpoint) -> io::Result<()> {
    match endpoint.address {
        SocketAddr::V4(address) => {
            // What others on this machine joined, on other interfaces, is not for us.
            socket.set_multicast_all_v4(false)?;
            let (group, interface) = (address.ip(), endpoint.interface.unwrap_or(Ipv4Addr::UNSPECIFIED));
            let only: Option<Vec<Ipv4Addr>> = endpoint.senders.iter().map(Network::only_ipv4).collect();
            match only.as_deref() {
                None | Some([]) => socket.join_multicast_v4(group, &interface),
                Some(senders) => {
                    senders.iter().try_for_each(|sender| socket.join_ssm_v4(sender, group, &interface))
                }
            }
        }
        SocketAddr::V6(address) => {
            let group: &Ipv6Addr = address.ip();
            socket.join_multicast_v6(group, address.scope_id())
        }
    }
}
