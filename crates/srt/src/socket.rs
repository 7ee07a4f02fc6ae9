//! One libsrt socket, owned.

use std::ffi::c_int;
use std::net::UdpSocket;
use std::os::fd::IntoRawFd;
use std::sync::OnceLock;

use crate::error::Error;
use crate::ffi;
use crate::filter;

/// The number libsrt knows a socket by: what tells a peer's knock from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketId(pub(crate) ffi::SRTSOCKET);

/// A socket; closed when dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    id: SocketId,
}

impl Socket {
    /// A new socket for live mode.
    pub(crate) fn new() -> Result<Self, Error> {
        start()?;
        // SAFETY: the library is started.
        let id = unsafe { ffi::srt_create_socket() };
        match id == ffi::SRT_INVALID_SOCK {
            true => Err(Error::last("make an SRT socket")),
            false => Ok(Self { id: SocketId(id) }),
        }
    }

    /// Takes over a socket that libsrt made.
    pub(crate) const fn own(id: ffi::SRTSOCKET) -> Self {
        Self { id: SocketId(id) }
    }

    /// Gives it a bound UDP socket, which becomes libsrt's.
    pub(crate) fn bind(&self, udp: UdpSocket) -> Result<(), Error> {
        // libsrt waits in its reads for a time it sets; without the wait, its thread would spin.
        udp.set_nonblocking(false).map_err(|fault| Error::ours("take over the UDP socket", fault))?;
        filter::attach(&udp).map_err(|fault| Error::ours("filter the UDP socket", fault))?;
        // SAFETY: both sockets are ours, and the UDP socket is given away.
        match unsafe { ffi::srt_bind_acquire(self.raw(), udp.into_raw_fd()) } {
            ffi::SRT_ERROR => Err(Error::last("take over the UDP socket")),
            _ => Ok(()),
        }
    }

    pub(crate) const fn id(&self) -> SocketId {
        self.id
    }

    pub(crate) const fn raw(&self) -> ffi::SRTSOCKET {
        self.id.0
    }

    /// Closes it before its time: calls that wait on it return. Its number is not given out again.
    pub(crate) fn close(&self) {
        // SAFETY: libsrt looks numbers up; one that is closed already is refused.
        unsafe { ffi::srt_close(self.id.0) };
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.close();
    }
}

impl SocketId {
    /// Whether a connection stands behind it.
    pub fn is_connected(self) -> bool {
        self.state() == ffi::SRTS_CONNECTED
    }

    pub(crate) fn state(self) -> ffi::SRT_SOCKSTATUS {
        // SAFETY: libsrt looks numbers up, and says `SRTS_NONEXIST` for one that it does not know.
        unsafe { ffi::srt_getsockstate(self.0) }
    }
}

/// Sets an option: bytes of a text, or of a number as the machine holds it.
pub(crate) fn set(id: SocketId, option: ffi::SRT_SOCKOPT, value: &[u8]) -> Result<(), Error> {
    // SAFETY: `value` is read for its length; libsrt checks that the length fits the option.
    let result = unsafe { ffi::srt_setsockflag(id.0, option, value.as_ptr().cast(), value.len() as c_int) };
    match result {
        ffi::SRT_ERROR => Err(Error::last("set an option of an SRT socket")),
        _ => Ok(()),
    }
}

/// Sets an option that is on or off.
pub(crate) fn switch(id: SocketId, option: ffi::SRT_SOCKOPT, on: bool) -> Result<(), Error> {
    set(id, option, &[u8::from(on)])
}

/// Reads an option into `value`; returns what was filled.
pub(crate) fn read(id: SocketId, option: ffi::SRT_SOCKOPT, value: &mut [u8]) -> Result<&[u8], Error> {
    let mut length = value.len() as c_int;
    // SAFETY: `value` may be written for its length, which libsrt is told and shortens to what it wrote.
    let result = unsafe { ffi::srt_getsockflag(id.0, option, value.as_mut_ptr().cast(), &mut length) };
    match result {
        ffi::SRT_ERROR => Err(Error::last("read an option of an SRT socket")),
        _ => Ok(&value[..usize::try_from(length).unwrap_or(0).min(value.len())]),
    }
}

/// Starts the library, once in a process; it is never stopped.
fn start() -> Result<(), Error> {
    static STARTED: OnceLock<Result<(), Error>> = OnceLock::new();
    STARTED
        .get_or_init(|| {
            // SAFETY: called once, before any other call. It prints to standard error unless told not to: what matters
            // is said in results, and a stranger's datagrams shall not fill a log.
            let result = unsafe {
                ffi::srt_setloglevel(LOG_NOTHING);
                ffi::srt_startup()
            };
            match result {
                ffi::SRT_ERROR => Err(Error::last("start libsrt")),
                _ => Ok(()),
            }
        })
        .clone()
}

/// Syslog's `LOG_CRIT`: libsrt has nothing graver to say than `LOG_ERR` but that it must end.
const LOG_NOTHING: c_int = 2;
