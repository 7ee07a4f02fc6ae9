//! Picture memory that is used again.

use std::ptr::NonNull;

use ffmpeg_sys_the_third as ffi;

use crate::error::{Error, check};
use crate::frame::Frame;

/// SIMD loads of FFmpeg's scaler and encoders want rows that begin on such a boundary, in bytes.
const ALIGNMENT: i32 = 64;

/// Buffers for pictures of one size: a dropped frame's memory serves the next, so memory stays flat and the kernel
/// need not zero pages for each frame.
#[derive(Debug)]
pub(crate) struct PicturePool {
    pool: NonNull<ffi::AVBufferPool>,
    width: u32,
    height: u32,
}

// SAFETY: AVBufferPool is locked inside; the pointer is owned by this value alone.
unsafe impl Send for PicturePool {}

impl PicturePool {
    pub(crate) fn new(width: u32, height: u32) -> Result<Self, Error> {
        // SAFETY: pure arithmetic; a size FFmpeg cannot hold comes back negative.
        let bytes = unsafe {
            ffi::av_image_get_buffer_size(ffi::AVPixelFormat::YUV420P, width as i32, height as i32, ALIGNMENT)
        };
        let bytes = check("av_image_get_buffer_size", bytes)? as usize;
        // The scaler may read and write up to a vector beyond the last row.
        let bytes = bytes + ALIGNMENT as usize;
        // SAFETY: no precondition; the default allocator is used where none is given.
        let pool = unsafe { ffi::av_buffer_pool_init(bytes, None) };
        let pool = NonNull::new(pool).ok_or(Error::memory("av_buffer_pool_init"))?;
        Ok(Self { pool, width, height })
    }

    /// A picture as [`Frame::picture`] makes it.
    pub(crate) fn picture(&self) -> Result<Frame, Error> {
        let mut frame = Frame::empty()?;
        frame.describe_picture(self.width, self.height)?;
        // SAFETY: the pool is valid; null means no memory.
        let buffer = unsafe { ffi::av_buffer_pool_get(self.pool.as_ptr()) };
        if buffer.is_null() {
            return Err(Error::memory("av_buffer_pool_get"));
        }
        let raw = frame.raw_mut();
        raw.buf[0] = buffer;
        // SAFETY: the buffer holds what av_image_get_buffer_size asked for this size, format and alignment, and the
        // frame's arrays have the four entries that are written. The frame owns the buffer from here on.
        let code = unsafe {
            ffi::av_image_fill_arrays(
                raw.data.as_mut_ptr(),
                raw.linesize.as_mut_ptr(),
                (*buffer).data,
                ffi::AVPixelFormat::YUV420P,
                raw.width,
                raw.height,
                ALIGNMENT,
            )
        };
        raw.extended_data = raw.data.as_mut_ptr();
        check("av_image_fill_arrays", code)?;
        Ok(frame)
    }
}

impl Drop for PicturePool {
    fn drop(&mut self) {
        let mut pool = self.pool.as_ptr();
        // SAFETY: the pool is ours; buffers still out keep it alive until they come back.
        unsafe { ffi::av_buffer_pool_uninit(&mut pool) };
    }
}
