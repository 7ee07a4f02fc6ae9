//! A coded packet.

use std::ptr::NonNull;

use ffmpeg_sys_the_third as ffi;

use crate::error::{Error, check};

/// One coded packet, owned.
#[derive(Debug)]
pub struct Packet(NonNull<ffi::AVPacket>);

// SAFETY: the packet is owned by this value alone and its buffer's count is atomic; no thread-bound state.
unsafe impl Send for Packet {}
// SAFETY: through `&Packet` fields and bytes are only read.
unsafe impl Sync for Packet {}

impl Packet {
    /// A packet without data.
    pub(crate) fn empty() -> Result<Self, Error> {
        // SAFETY: av_packet_alloc has no precondition; null means no memory.
        NonNull::new(unsafe { ffi::av_packet_alloc() }).map(Self).ok_or(Error::memory("av_packet_alloc"))
    }

    /// A packet that holds a copy of `data`, padded as decoders need it.
    pub(crate) fn copy_of(data: &[u8]) -> Result<Self, Error> {
        let packet = Self::empty()?;
        let length = i32::try_from(data.len()).map_err(|_| Error::invalid("av_new_packet"))?;
        // SAFETY: the packet is ours and empty. av_new_packet allocates `length` bytes and the padding after them,
        // so the copy stays inside.
        unsafe {
            check("av_new_packet", ffi::av_new_packet(packet.as_ptr(), length))?;
            std::ptr::copy_nonoverlapping(data.as_ptr(), (*packet.as_ptr()).data, data.len());
        }
        Ok(packet)
    }

    pub(crate) const fn as_ptr(&self) -> *mut ffi::AVPacket {
        self.0.as_ptr()
    }

    const fn raw(&self) -> &ffi::AVPacket {
        // SAFETY: the pointer is valid for as long as self.
        unsafe { self.0.as_ref() }
    }

    /// Presentation time in the maker's time base, where it is known.
    pub const fn pts(&self) -> Option<i64> {
        known(self.raw().pts)
    }

    /// Decode time in the maker's time base, where it is known.
    pub const fn dts(&self) -> Option<i64> {
        known(self.raw().dts)
    }

    /// Duration in the maker's time base, zero where it is not known.
    pub const fn duration(&self) -> i64 {
        self.raw().duration
    }

    /// A decoder can start here.
    pub const fn is_key(&self) -> bool {
        self.raw().flags & ffi::AV_PKT_FLAG_KEY != 0
    }

    /// The stream of its demuxer.
    pub const fn stream(&self) -> usize {
        self.raw().stream_index as usize
    }

    pub(crate) const fn set_times(&mut self, pts: i64, dts: i64) {
        // SAFETY: the pointer is valid and `&mut self` keeps others out.
        let raw = unsafe { self.0.as_mut() };
        raw.pts = pts;
        raw.dts = dts;
    }

    /// The payload.
    pub fn data(&self) -> &[u8] {
        let raw = self.raw();
        if raw.data.is_null() || raw.size <= 0 {
            return &[];
        }
        // SAFETY: FFmpeg keeps `size` readable bytes at `data` while the packet lives, and `self` is borrowed.
        unsafe { std::slice::from_raw_parts(raw.data, raw.size as usize) }
    }
}

impl AsRef<[u8]> for Packet {
    fn as_ref(&self) -> &[u8] {
        self.data()
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the packet is ours and is not used again.
        unsafe { ffi::av_packet_free(&mut raw) };
    }
}

pub(crate) const fn known(time: i64) -> Option<i64> {
    if time == ffi::AV_NOPTS_VALUE { None } else { Some(time) }
}
