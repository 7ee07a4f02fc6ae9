//! Named options handed to FFmpeg at open.

use std::ffi::CString;

use ffmpeg_sys_the_third as ffi;

use crate::error::{Error, check};

/// An owned dictionary.
pub(crate) struct Options(*mut ffi::AVDictionary);

impl Options {
    pub(crate) const fn new() -> Self {
        Self(std::ptr::null_mut())
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let name = CString::new(name).map_err(|_| Error::invalid("av_dict_set"))?;
        let value = CString::new(value).map_err(|_| Error::invalid("av_dict_set"))?;
        // SAFETY: both strings end with NUL and are copied by the call; the dictionary pointer is ours.
        let code = unsafe { ffi::av_dict_set(&mut self.0, name.as_ptr(), value.as_ptr(), 0) };
        check("av_dict_set", code).map(drop)
    }

    /// For calls that take what they know and leave the rest.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut *mut ffi::AVDictionary {
        &mut self.0
    }

    /// Entries the call did not know.
    pub(crate) fn left(&self) -> usize {
        // SAFETY: a null dictionary counts as empty.
        unsafe { ffi::av_dict_count(self.0) as usize }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: the dictionary is ours or null, and av_dict_free takes both.
        unsafe { ffi::av_dict_free(&mut self.0) };
    }
}
