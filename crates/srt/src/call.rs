//! A connection made from here.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::address;
use crate::connection::Connection;
use crate::error::Error;
use crate::ffi;
use crate::rejection;
use crate::socket::{Socket, set, switch};
use crate::terms::Terms;

/// A call under way: it is answered or fails by itself within three seconds.
#[derive(Debug)]
pub struct Calling {
    socket: Option<Socket>,
    peer: SocketAddr,
}

impl Calling {
    /// Calls `peer`, asks it for `stream_id` (may be empty), under `terms`. Does not wait.
    ///
    /// # Errors
    /// When libsrt refuses a setting, or the address cannot be reached at all.
    pub fn start(peer: SocketAddr, stream_id: &str, terms: &Terms) -> Result<Self, Error> {
        let socket = Socket::new()?;
        Terms::size_buffers(socket.id(), terms.latency)?;
        terms.apply(socket.id())?;
        if !stream_id.is_empty() {
            set(socket.id(), ffi::SRTO_STREAMID, stream_id.as_bytes())?;
        }
        switch(socket.id(), ffi::SRTO_RCVSYN, false)?;
        // libsrt would take a port of its own, whose packets nothing filters.
        let any: SocketAddr = match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let udp = UdpSocket::bind(any).map_err(|fault| Error::ours("take a UDP port", fault))?;
        socket.bind(udp)?;
        // SAFETY: the address is whole for as long as the call takes; a socket that does not block returns at once.
        let result =
            address::with(peer, |name, length| unsafe { ffi::srt_connect(socket.raw(), name, length) });
        match result {
            ffi::SRT_ERROR => Err(Error::last("call")),
            _ => Ok(Self { socket: Some(socket), peer }),
        }
    }

    /// The connection once there is one; `None` while the call is under way, and after the connection was taken.
    ///
    /// # Errors
    /// When the peer turned us away or did not answer, with its reason.
    pub fn poll(&mut self) -> Result<Option<Connection>, Error> {
        let Some(socket) = self.socket.take() else { return Ok(None) };
        match socket.id().state() {
            ffi::SRTS_CONNECTED => Connection::new(socket, self.peer).map(Some),
            ffi::SRTS_INIT | ffi::SRTS_OPENED | ffi::SRTS_CONNECTING => {
                self.socket = Some(socket);
                Ok(None)
            }
            _ => {
                // SAFETY: libsrt looks the number up.
                let reason = unsafe { ffi::srt_getrejectreason(socket.raw()) };
                Err(Error::ours("call", rejection::words(reason)))
            }
        }
    }
}
