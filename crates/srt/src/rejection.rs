//! Why a peer is turned away, as it is told.

use std::ffi::{CStr, c_int};
use std::fmt;

use crate::ffi;

/// A reason for refusing a peer (SRT access control guidelines, "Error codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The stream id cannot be read: 1400.
    BadRequest,
    /// The peer may not publish what it named: 1401.
    Unauthorised,
    /// Too many peers at once: 1402.
    Overload,
    /// The peer may not publish from where it is: 1403.
    Forbidden,
    /// No such stream: 1404.
    NotFound,
    /// The wish to play, or to do both: 1405.
    BadMode,
    /// Somebody publishes this stream: 1409.
    Conflict,
    /// The stream is not to be had for the moment: 1423.
    Locked,
    /// A fault of ours: 1500.
    Internal,
    /// A handshake from before stream ids: 1505.
    Version,
}

impl Rejection {
    pub(crate) const fn code(self) -> c_int {
        (match self {
            Self::BadRequest => ffi::SRT_REJX_BAD_REQUEST,
            Self::Unauthorised => ffi::SRT_REJX_UNAUTHORIZED,
            Self::Overload => ffi::SRT_REJX_OVERLOAD,
            Self::Forbidden => ffi::SRT_REJX_FORBIDDEN,
            Self::NotFound => ffi::SRT_REJX_NOTFOUND,
            Self::BadMode => ffi::SRT_REJX_BAD_MODE,
            Self::Conflict => ffi::SRT_REJX_CONFLICT,
            Self::Locked => ffi::SRT_REJX_LOCKED,
            Self::Internal => ffi::SRT_REJX_ISE,
            Self::Version => ffi::SRT_REJX_VERSION,
        }) as c_int
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadRequest => "the stream id cannot be read",
            Self::Unauthorised => "not authorised",
            Self::Overload => "the server is overloaded",
            Self::Forbidden => "access is denied",
            Self::NotFound => "no such stream",
            Self::BadMode => "streams are only taken here",
            Self::Conflict => "the stream has a publisher already",
            Self::Locked => "the stream is not to be had for the moment",
            Self::Internal => "a fault of the server",
            Self::Version => "a handshake without stream id",
        })
    }
}

/// Why a peer turned us away, in words, with its number.
pub(crate) fn words(code: c_int) -> String {
    let known = match u32::try_from(code).unwrap_or(0) {
        ffi::SRT_REJX_BAD_REQUEST => "the stream id cannot be read",
        ffi::SRT_REJX_UNAUTHORIZED => "not authorised",
        ffi::SRT_REJX_OVERLOAD => "the server is overloaded",
        ffi::SRT_REJX_FORBIDDEN => "access is denied",
        ffi::SRT_REJX_NOTFOUND => "no such stream",
        ffi::SRT_REJX_BAD_MODE => "the server does not offer this mode",
        ffi::SRT_REJX_CONFLICT => "the stream is in use",
        ffi::SRT_REJX_LOCKED => "the stream is not to be had for the moment",
        ffi::SRT_REJ_BADSECRET => "the passphrase is wrong",
        ffi::SRT_REJ_UNSECURE => "one side wants encryption, the other has no passphrase",
        ffi::SRT_REJ_TIMEOUT => "no answer",
        _ => "",
    };
    if known.is_empty() {
        // SAFETY: any number is answered with a string that lives as long as the library.
        let words = unsafe { CStr::from_ptr(ffi::srt_rejectreason_str(code)) };
        return format!("{} ({code})", words.to_string_lossy());
    }
    format!("{known} ({code})")
}
