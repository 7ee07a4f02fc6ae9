//! A raw picture or a block of sound.

use std::ptr::NonNull;

use ffmpeg_sys_the_third as ffi;
use media::Rational;

use crate::error::{Error, check};
use crate::packet::known;

/// One raw frame, owned: a picture or a block of sound. Its pixels are counted references, so [`Self::reference`]
/// copies nothing.
#[derive(Debug)]
pub struct Frame(NonNull<ffi::AVFrame>);

// SAFETY: the AVFrame is owned by this value alone; the buffers it refers to have atomic counts and, once shared, are
// only read.
unsafe impl Send for Frame {}
// SAFETY: through `&Frame` fields and pixels are only read, and av_frame_clone only raises atomic counts.
unsafe impl Sync for Frame {}

/// How a picture's numbers mean colours, as H.264's VUI codes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Matrix coefficients.
    pub(crate) space: ffi::AVColorSpace,
    /// Colour primaries.
    pub(crate) primaries: ffi::AVColorPrimaries,
    /// Transfer characteristics.
    pub(crate) transfer: ffi::AVColorTransferCharacteristic,
}

impl Colour {
    /// ITU-R BT.709, high definition.
    pub const BT709: Self = Self {
        space: ffi::AVColorSpace::BT709,
        primaries: ffi::AVColorPrimaries::BT709,
        transfer: ffi::AVColorTransferCharacteristic::BT709,
    };
    /// SMPTE 170M, standard definition.
    pub const SMPTE170M: Self = Self {
        space: ffi::AVColorSpace::SMPTE170M,
        primaries: ffi::AVColorPrimaries::SMPTE170M,
        transfer: ffi::AVColorTransferCharacteristic::SMPTE170M,
    };
}

impl Colour {
    /// Whether pictures of `self` and `other` mix without their numbers being converted.
    pub fn same_matrix(self, other: Self) -> bool {
        self.space == other.space
    }
}

impl Frame {
    pub(crate) fn empty() -> Result<Self, Error> {
        // SAFETY: av_frame_alloc has no precondition; null means no memory.
        NonNull::new(unsafe { ffi::av_frame_alloc() }).map(Self).ok_or(Error::memory("av_frame_alloc"))
    }

    /// A planar 4:2:0 picture of 8 bits, limited range, square pixels; its pixels are not yet set.
    pub fn picture(width: u32, height: u32) -> Result<Self, Error> {
        let mut frame = Self::empty()?;
        frame.describe_picture(width, height)?;
        // SAFETY: the frame is ours, has no buffers yet, and says format and size.
        check("av_frame_get_buffer", unsafe { ffi::av_frame_get_buffer(frame.as_mut_ptr(), 0) })?;
        Ok(frame)
    }

    /// Writes what a 4:2:0 picture of ours is, without buffers.
    pub(crate) fn describe_picture(&mut self, width: u32, height: u32) -> Result<(), Error> {
        let side = |side: u32| i32::try_from(side).map_err(|_| Error::invalid("av_frame_get_buffer"));
        let raw = self.raw_mut();
        raw.width = side(width)?;
        raw.height = side(height)?;
        raw.format = ffi::AVPixelFormat::YUV420P.0;
        raw.color_range = ffi::AVColorRange::MPEG;
        raw.sample_aspect_ratio = ffi::AVRational { num: 1, den: 1 };
        Ok(())
    }

    /// Says what the picture's numbers mean.
    pub const fn set_colour(&mut self, colour: Colour) {
        let raw = self.raw_mut();
        raw.colorspace = colour.space;
        raw.color_primaries = colour.primaries;
        raw.color_trc = colour.transfer;
    }

    /// Another owner of the same pixels.
    pub fn reference(&self) -> Result<Self, Error> {
        // SAFETY: the frame is valid; av_frame_clone reads it and raises its buffers' counts.
        NonNull::new(unsafe { ffi::av_frame_clone(self.0.as_ptr()) })
            .map(Self)
            .ok_or(Error::memory("av_frame_clone"))
    }

    pub(crate) const fn as_ptr(&self) -> *const ffi::AVFrame {
        self.0.as_ptr()
    }

    pub(crate) const fn as_mut_ptr(&mut self) -> *mut ffi::AVFrame {
        self.0.as_ptr()
    }

    pub(crate) const fn raw(&self) -> &ffi::AVFrame {
        // SAFETY: the pointer is valid for as long as self.
        unsafe { self.0.as_ref() }
    }

    pub(crate) const fn raw_mut(&mut self) -> &mut ffi::AVFrame {
        // SAFETY: the pointer is valid for as long as self, and `&mut self` keeps others out.
        unsafe { self.0.as_mut() }
    }

    /// Drops the buffers, keeps the frame.
    pub(crate) fn clear(&mut self) {
        // SAFETY: the frame is ours.
        unsafe { ffi::av_frame_unref(self.as_mut_ptr()) };
    }

    /// Width in luma samples.
    pub const fn width(&self) -> u32 {
        self.raw().width as u32
    }

    /// Height in luma samples.
    pub const fn height(&self) -> u32 {
        self.raw().height as u32
    }

    /// Presentation time in the maker's time base, where it is known: the decoder's best estimate for its frames.
    pub const fn pts(&self) -> Option<i64> {
        match known(self.raw().best_effort_timestamp) {
            Some(time) => Some(time),
            None => known(self.raw().pts),
        }
    }

    /// Sets the presentation time.
    pub const fn set_pts(&mut self, pts: i64) {
        let raw = self.raw_mut();
        raw.pts = pts;
        raw.best_effort_timestamp = pts;
    }

    /// Width : height of one luma sample; 1 where the frame does not say.
    pub fn sample_aspect(&self) -> Rational {
        let ratio = self.raw().sample_aspect_ratio;
        match (u32::try_from(ratio.num), u32::try_from(ratio.den)) {
            (Ok(num), Ok(den)) => Rational::new(num, den).unwrap_or(Rational::whole(1)),
            _ => Rational::whole(1),
        }
    }

    /// Whether the picture is two fields.
    pub const fn is_interlaced(&self) -> bool {
        #[cfg(frame_flags)]
        return self.raw().flags & ffi::AV_FRAME_FLAG_INTERLACED as i32 != 0;
        #[cfg(not(frame_flags))]
        return self.raw().interlaced_frame != 0;
    }

    /// Whether encoders can take the picture as it is: planar 4:2:0 of 8 bits, limited range, square pixels.
    pub fn is_plain(&self) -> bool {
        let raw = self.raw();
        raw.format == ffi::AVPixelFormat::YUV420P.0
            && raw.color_range != ffi::AVColorRange::JPEG
            && self.sample_aspect() == Rational::whole(1)
    }

    /// The picture's colours as it says, or as its size makes likely where it does not.
    pub fn colour(&self) -> Colour {
        let raw = self.raw();
        let likely = if raw.height >= 720 { Colour::BT709 } else { Colour::SMPTE170M };
        let mut colour =
            Colour { space: raw.colorspace, primaries: raw.color_primaries, transfer: raw.color_trc };
        // RGB is converted on the way in.
        if matches!(colour.space, ffi::AVColorSpace::UNSPECIFIED | ffi::AVColorSpace::RGB) {
            colour.space = likely.space;
        }
        if colour.primaries == ffi::AVColorPrimaries::UNSPECIFIED {
            colour.primaries = likely.primaries;
        }
        if colour.transfer == ffi::AVColorTransferCharacteristic::UNSPECIFIED {
            colour.transfer = likely.transfer;
        }
        colour
    }

    /// The rows of one plane of an 8-bit planar 4:2:0 picture: bytes and stride. Plane 0 is luma.
    pub fn plane(&self, plane: usize) -> (&[u8], usize) {
        let (rows, stride) = self.plane_shape(plane);
        let raw = self.raw();
        // SAFETY: plane_shape checked format, plane number, pointer and stride; FFmpeg keeps `rows` rows of `stride`
        // bytes at `data` (the last one possibly only as wide as the picture, so it is cut there).
        let bytes =
            unsafe { std::slice::from_raw_parts(raw.data[plane], self.plane_bytes(plane, rows, stride)) };
        (bytes, stride)
    }

    /// As [`Self::plane`], to write; the pixels are copied first where they are shared.
    pub fn plane_mut(&mut self, plane: usize) -> Result<(&mut [u8], usize), Error> {
        // SAFETY: the frame is ours and has buffers, or the call refuses.
        check("av_frame_make_writable", unsafe { ffi::av_frame_make_writable(self.as_mut_ptr()) })?;
        let (rows, stride) = self.plane_shape(plane);
        let length = self.plane_bytes(plane, rows, stride);
        // SAFETY: as in `plane`; after make_writable nobody else refers to the pixels, and `&mut self` keeps other
        // borrows out.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.raw().data[plane], length) };
        Ok((bytes, stride))
    }

    /// Rows and stride of a plane; panics where the frame is no 8-bit planar 4:2:0 picture or has no such plane.
    fn plane_shape(&self, plane: usize) -> (usize, usize) {
        let raw = self.raw();
        assert!(
            [ffi::AVPixelFormat::YUV420P.0, ffi::AVPixelFormat::YUVJ420P.0].contains(&raw.format)
                && plane < 3,
            "plane {plane} of an 8-bit 4:2:0 picture was asked for, the format is {}",
            raw.format
        );
        assert!(!raw.data[plane].is_null() && raw.linesize[plane] > 0, "the picture has pixels");
        let rows = if plane == 0 { raw.height } else { (raw.height + 1) / 2 };
        (rows as usize, raw.linesize[plane] as usize)
    }

    fn plane_bytes(&self, plane: usize, rows: usize, stride: usize) -> usize {
        let width = if plane == 0 { self.width() } else { self.width().div_ceil(2) } as usize;
        (rows - 1) * stride + width
    }

    /// Samples per channel of a block of sound.
    pub const fn samples(&self) -> usize {
        self.raw().nb_samples as usize
    }

    /// Samples per second of a block of sound.
    pub const fn sample_rate(&self) -> u32 {
        self.raw().sample_rate as u32
    }

    /// Whether what it was decoded from was damaged: some of it is made up.
    pub const fn is_damaged(&self) -> bool {
        let raw = self.raw();
        raw.decode_error_flags != 0 || raw.flags & ffi::AV_FRAME_FLAG_CORRUPT != 0
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the frame is ours and is not used again.
        unsafe { ffi::av_frame_free(&mut raw) };
    }
}
