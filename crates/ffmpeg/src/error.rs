//! What FFmpeg answers when it refuses.

use std::ffi::{CStr, c_int};
use std::fmt;

use ffmpeg_sys_the_third as ffi;

/// A call FFmpeg refused: which one, and its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    call: &'static str,
    code: c_int,
}

impl Error {
    pub(crate) const fn new(call: &'static str, code: c_int) -> Self {
        Self { call, code }
    }

    /// Memory that could not be had.
    pub(crate) const fn memory(call: &'static str) -> Self {
        Self { call, code: ffi::AVERROR(ENOMEM) }
    }

    /// A value FFmpeg cannot take.
    pub(crate) const fn invalid(call: &'static str) -> Self {
        Self { call, code: ffi::AVERROR(EINVAL) }
    }

    /// The input was damaged: the next packet may decode again.
    pub const fn is_damaged_input(&self) -> bool {
        self.code == ffi::AVERROR_INVALIDDATA
    }
}

pub(crate) const EAGAIN: c_int = 11;
const ENOMEM: c_int = 12;
const EINVAL: c_int = 22;

/// Turns a negative return value into an error.
pub(crate) fn check(call: &'static str, code: c_int) -> Result<c_int, Error> {
    if code < 0 { Err(Error { call, code }) } else { Ok(code) }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 128];
        // SAFETY: the buffer and its length belong together; av_strerror always ends it with NUL within the length.
        let text = unsafe {
            ffi::av_strerror(self.code, text.as_mut_ptr(), text.len());
            CStr::from_ptr(text.as_ptr())
        };
        write!(f, "{}: {}", self.call, text.to_string_lossy())
    }
}

impl std::error::Error for Error {}
