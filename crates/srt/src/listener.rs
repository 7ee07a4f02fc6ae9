//! One UDP port that many peers call.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::address;
use crate::connection::Connection;
use crate::error::Error;
use crate::ffi;
use crate::rejection::Rejection;
use crate::socket::{Socket, SocketId, switch};
use crate::terms::Terms;

/// Connections that wait to be accepted; further peers are refused.
const BACKLOG: c_int = 64;

/// A peer that wants in.
#[derive(Clone, Copy, Debug)]
pub struct Knock<'a> {
    /// What its connection will be called, should it come about.
    pub id: SocketId,
    /// Who it is.
    pub peer: SocketAddr,
    /// What it asks for, up to 512 bytes.
    pub stream_id: &'a str,
}

type Gate = Box<dyn Fn(Knock<'_>) -> Result<Terms, Rejection> + Send + Sync>;

/// A listening socket. [`Self::accept`] waits; another thread's [`Self::close`] ends that.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    hook: &'static Hook,
}

/// What libsrt calls back with. It stays for ever, a few bytes a listener, so that no call can come too late; the gate
/// in it goes with the listener.
struct Hook(RwLock<Option<Gate>>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

impl Listener {
    /// Listens on a bound UDP socket. `gate` is asked about every peer, before it is accepted, in a thread of libsrt's that
    /// receives for all: it must not wait. `longest` is the longest latency of any terms it gives.
    ///
    /// # Errors
    /// When libsrt refuses the socket.
    pub fn start(
        socket: UdpSocket,
        longest: Duration,
        gate: impl Fn(Knock<'_>) -> Result<Terms, Rejection> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let listener = Socket::new()?;
        Terms::size_buffers(listener.id(), longest)?;
        let hook: &'static Hook = Box::leak(Box::new(Hook(RwLock::new(Some(Box::new(gate))))));
        let opaque: *const Hook = hook;
        listener.bind(socket)?;
        // SAFETY: the socket is ours; the hook lives for ever, and is only read.
        unsafe {
            if ffi::srt_listen_callback(listener.raw(), Some(knocked), opaque.cast_mut().cast())
                == ffi::SRT_ERROR
            {
                return Err(Error::last("set the gate"));
            }
            if ffi::srt_listen(listener.raw(), BACKLOG) == ffi::SRT_ERROR {
                return Err(Error::last("listen"));
            }
        }
        switch(listener.id(), ffi::SRTO_RCVSYN, true)?;
        Ok(Self { socket: listener, hook })
    }

    /// Waits for the next peer that passed the gate and proved that it has the passphrase.
    ///
    /// # Errors
    /// When the listener is closed.
    pub fn accept(&self) -> Result<Connection, Error> {
        loop {
            let mut storage = ffi::sockaddr_storage::default();
            let mut length = size_of_val(&storage) as c_int;
            let peer: *mut ffi::sockaddr_storage = &mut storage;
            // SAFETY: `peer` has room for every address, and its length is told.
            let accepted = unsafe { ffi::srt_accept(self.socket.raw(), peer.cast(), &mut length) };
            if accepted == ffi::SRT_INVALID_SOCK {
                return Err(Error::last("accept"));
            }
            let socket = Socket::own(accepted);
            // SAFETY: libsrt has filled in the peer's address.
            let peer = unsafe { address::read(peer.cast_const().cast()) };
            // A connection that broke before it was taken is no fault of the listener's.
            if let Some(peer) = peer
                && let Ok(connection) = Connection::new(socket, peer)
            {
                return Ok(connection);
            }
        }
    }

    /// Stops listening; connections go on. A waiting [`Self::accept`] returns.
    pub fn close(&self) {
        self.socket.close();
        *self.hook.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

unsafe extern "C" fn knocked(
    opaque: *mut c_void,
    id: ffi::SRTSOCKET,
    handshake: c_int,
    peer: *const ffi::sockaddr,
    stream_id: *const c_char,
) -> c_int {
    let id = SocketId(id);
    // A panic must not cross into C.
    let decided = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `opaque` is the hook that was given with this function, and it lives for ever; libsrt gives a peer's
        // whole address, and a stream id that ends with NUL, or null.
        let (hook, peer, stream_id) = unsafe {
            let stream_id = match stream_id.is_null() {
                true => c"",
                false => CStr::from_ptr(stream_id),
            };
            (&*opaque.cast_const().cast::<Hook>(), address::read(peer), stream_id)
        };
        let gate = hook.0.read().unwrap_or_else(PoisonError::into_inner);
        let (Some(gate), Some(peer)) = (&*gate, peer) else { return Err(Rejection::Internal) };
        if handshake < FIRST_WITH_STREAM_ID {
            return Err(Rejection::Version);
        }
        let stream_id = stream_id.to_str().map_err(|_| Rejection::BadRequest)?;
        let terms = gate(Knock { id, peer, stream_id })?;
        terms.apply(id).map_err(|_| Rejection::Internal)
    }));
    match decided.unwrap_or(Err(Rejection::Internal)) {
        Ok(()) => 0,
        Err(rejection) => {
            // SAFETY: a number that libsrt gave us; should it know it no longer, it says so.
            unsafe { ffi::srt_setrejectreason(id.0, rejection.code()) };
            ffi::SRT_ERROR
        }
    }
}

/// Version 5 of the handshake brought extensions, the stream id among them.
const FIRST_WITH_STREAM_ID: c_int = 5;
