//! Socket addresses to and from C.

use std::net::SocketAddr;

use socket2::SockAddr;

use crate::ffi;

/// The address behind a C pointer; `None` where it is of no internet family.
///
/// # Safety
/// `address` points to a whole `sockaddr_in` or `sockaddr_in6`, as its family says.
pub(crate) unsafe fn read(address: *const ffi::sockaddr) -> Option<SocketAddr> {
    // SAFETY: every address begins with its family.
    let family = i32::from(unsafe { (*address).sa_family });
    let length = match family {
        family if family == i32::from(socket2::Domain::IPV4) => size_of::<ffi::sockaddr_in>(),
        family if family == i32::from(socket2::Domain::IPV6) => size_of::<ffi::sockaddr_in6>(),
        _ => return None,
    };
    // SAFETY: the caller's address has that many bytes, and the storage room for any address.
    let (_, address) = unsafe {
        SockAddr::try_init(|storage, stored| {
            std::ptr::copy_nonoverlapping(address.cast::<u8>(), storage.cast::<u8>(), length);
            *stored = length as _;
            Ok(())
        })
    }
    .ok()?;
    address.as_socket()
}

/// Hands `address` to C.
pub(crate) fn with<T>(
    address: SocketAddr,
    give: impl FnOnce(*const ffi::sockaddr, std::ffi::c_int) -> T,
) -> T {
    let address = SockAddr::from(address);
    give(address.as_ptr().cast(), address.len() as std::ffi::c_int)
}
