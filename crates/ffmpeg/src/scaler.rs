//! Pictures to another size and to plain 4:2:0.

use std::ffi::c_int;
use std::ptr::NonNull;

use ffmpeg_sys_the_third as ffi;

use crate::error::{Error, check};
use crate::frame::{Colour, Frame};
use crate::pool::PicturePool;

/// Where the scaled picture lies within the output; the rest is black. Everything is even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// Scales pictures to one size, as planar 4:2:0 of 8 bits, limited range, square pixels. Bicubic.
#[derive(Debug)]
pub struct Scaler {
    pool: PicturePool,
    width: u32,
    height: u32,
    context: Option<Context>,
}

impl Scaler {
    /// A scaler whose output is `width` × `height`, both even and not zero.
    pub fn new(width: u32, height: u32) -> Result<Self, Error> {
        Ok(Self { pool: PicturePool::new(width, height)?, width, height, context: None })
    }

    /// Scales `source` into `placement` and makes its numbers mean `colour`: the matrix is converted, primaries and
    /// transfer are taken as they are. Time stamps, captions and other side data are carried over. The source may
    /// change size and format from call to call.
    pub fn scale(&mut self, source: &Frame, placement: Placement, colour: Colour) -> Result<Frame, Error> {
        let inside =
            placement.x + placement.width <= self.width && placement.y + placement.height <= self.height;
        let even = [placement.x, placement.y, placement.width, placement.height].iter().all(|n| n % 2 == 0);
        if !inside || !even || placement.width == 0 || placement.height == 0 {
            return Err(Error::invalid("sws_getContext"));
        }
        let geometry = Geometry::of(source, placement, colour);
        let context = match self.context.take() {
            Some(context) if context.geometry == geometry => self.context.insert(context),
            _ => self.context.insert(Context::open(geometry)?),
        };
        let mut target = self.pool.picture()?;
        // SAFETY: both frames are valid; copying properties raises counts of side data only.
        check("av_frame_copy_props", unsafe {
            ffi::av_frame_copy_props(target.as_mut_ptr(), source.as_ptr())
        })?;
        target.describe_picture(self.width, self.height)?;
        target.set_colour(colour);
        if (placement.width, placement.height) != (self.width, self.height) {
            blacken_around(&mut target, placement)?;
        }
        context.scale(source, &mut target, placement)?;
        Ok(target)
    }
}

/// What a context was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Geometry {
    width: c_int,
    height: c_int,
    format: c_int,
    full_range: bool,
    matrix: ffi::AVColorSpace,
    /// The output's.
    target_matrix: ffi::AVColorSpace,
    placement: Placement,
}

impl Geometry {
    fn of(source: &Frame, placement: Placement, colour: Colour) -> Self {
        let raw = source.raw();
        Self {
            width: raw.width,
            height: raw.height,
            format: raw.format,
            full_range: raw.color_range == ffi::AVColorRange::JPEG,
            matrix: source.colour().space,
            target_matrix: colour.space,
            placement,
        }
    }
}

/// libswscale's `SWS_BICUBIC`: a macro up to FFmpeg 7 and an enum since, with one value.
const BICUBIC: c_int = 4;

/// libswscale's state for one geometry.
#[derive(Debug)]
struct Context {
    raw: NonNull<ffi::SwsContext>,
    geometry: Geometry,
}

// SAFETY: libswscale's state has no thread-bound part; the pointer is owned by this value alone.
unsafe impl Send for Context {}

impl Context {
    fn open(geometry: Geometry) -> Result<Self, Error> {
        let Geometry { width, height, format, full_range, matrix, target_matrix, placement } = geometry;
        // The deprecated full-range formats are the plain ones with a flag.
        let (format, full_range) = match ffi::AVPixelFormat(format) {
            ffi::AVPixelFormat::YUVJ420P => (ffi::AVPixelFormat::YUV420P, true),
            ffi::AVPixelFormat::YUVJ422P => (ffi::AVPixelFormat::YUV422P, true),
            ffi::AVPixelFormat::YUVJ444P => (ffi::AVPixelFormat::YUV444P, true),
            format => (format, full_range),
        };
        // SAFETY: plain values; null comes back where libswscale cannot convert.
        let raw = unsafe {
            ffi::sws_getContext(
                width,
                height,
                format,
                placement.width as c_int,
                placement.height as c_int,
                ffi::AVPixelFormat::YUV420P,
                BICUBIC,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null(),
            )
        };
        let raw = NonNull::new(raw).ok_or(Error::invalid("sws_getContext"))?;
        let context = Self { raw, geometry };
        // SAFETY: the tables are static; the context is ours. Refused (negative) where neither side has a matrix,
        // which leaves the defaults.
        unsafe {
            let from = ffi::sws_getCoefficients(matrix.0 as c_int);
            let to = ffi::sws_getCoefficients(target_matrix.0 as c_int);
            let (one, source_range) = (1 << 16, c_int::from(full_range));
            ffi::sws_setColorspaceDetails(raw.as_ptr(), from, source_range, to, 0, 0, one, one);
        }
        Ok(context)
    }

    fn scale(&mut self, source: &Frame, target: &mut Frame, at: Placement) -> Result<(), Error> {
        let from = source.raw();
        let to = target.raw();
        let (x, y) = (at.x as usize, at.y as usize);
        let offsets = [
            y * to.linesize[0] as usize + x,
            y / 2 * to.linesize[1] as usize + x / 2,
            y / 2 * to.linesize[2] as usize + x / 2,
        ];
        let mut planes = [std::ptr::null_mut(); 4];
        for (plane, offset) in offsets.into_iter().enumerate() {
            // SAFETY: `scale` checked that the placement lies inside the target, so the offset stays in the plane.
            planes[plane] = unsafe { to.data[plane].add(offset) };
        }
        // SAFETY: the context was opened for exactly this source size and format and a target of this placement's
        // size; `&mut self` keeps other threads out of the context, `&mut target` out of the pixels.
        let rows = unsafe {
            ffi::sws_scale(
                self.raw.as_ptr(),
                from.data.as_ptr().cast(),
                from.linesize.as_ptr(),
                0,
                from.height,
                planes.as_ptr(),
                to.linesize.as_ptr(),
            )
        };
        check("sws_scale", rows).map(drop)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is ours and is not used again.
        unsafe { ffi::sws_freeContext(self.raw.as_ptr()) };
    }
}

/// Paints the bars around `placement` black (16, 128, 128: limited range).
fn blacken_around(frame: &mut Frame, placement: Placement) -> Result<(), Error> {
    for (plane, divisor, black) in [(0, 1, 16), (1, 2, 128), (2, 2, 128)] {
        let width = (frame.width() / divisor) as usize;
        let height = (frame.height() / divisor) as usize;
        let [left, top, inner_width, inner_height] =
            [placement.x, placement.y, placement.width, placement.height].map(|n| (n / divisor) as usize);
        let (bytes, stride) = frame.plane_mut(plane)?;
        for (y, row) in bytes.chunks_mut(stride).take(height).enumerate() {
            if (top..top + inner_height).contains(&y) {
                row[..left].fill(black);
                row[left + inner_width..width].fill(black);
            } else {
                row[..width].fill(black);
            }
        }
    }
    Ok(())
}
