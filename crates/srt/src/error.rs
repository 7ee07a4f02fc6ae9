//! What libsrt refuses.

use std::ffi::CStr;

use crate::ffi;

/// A call that libsrt refused, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{doing}: {words}")]
pub struct Error {
    /// What was being done.
    pub(crate) doing: &'static str,
    /// libsrt's words.
    pub(crate) words: String,
}

impl Error {
    /// This thread's last error, met while `doing` something.
    pub(crate) fn last(doing: &'static str) -> Self {
        // SAFETY: libsrt answers with a string it keeps for this thread until its next call here.
        let words = unsafe { CStr::from_ptr(ffi::srt_getlasterror_str()) };
        Self { doing, words: words.to_string_lossy().into_owned() }
    }

    /// A refusal of our own.
    pub(crate) fn ours(doing: &'static str, words: impl ToString) -> Self {
        Self { doing, words: words.to_string() }
    }
}

/// The number of this thread's last error.
pub(crate) fn last_code() -> std::ffi::c_int {
    // SAFETY: the pointer for the system's error number may be null.
    unsafe { ffi::srt_getlasterror(std::ptr::null_mut()) }
}
