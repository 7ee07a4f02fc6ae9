//! Sound to planar float stereo of one rate.

use std::ffi::c_int;
use std::ptr::NonNull;

use ffmpeg_sys_the_third as ffi;

use crate::error::{Error, check};
use crate::frame::Frame;

/// Converts decoded sound of any form to two planes of `f32` at one sample rate.
#[derive(Debug)]
pub struct Resampler {
    rate: u32,
    context: Option<Context>,
}

/// More channels than any codec we read carries.
const MAX_CHANNELS: c_int = 64;

impl Resampler {
    /// A resampler whose output has `rate` samples a second.
    pub const fn new(rate: u32) -> Self {
        Self { rate, context: None }
    }

    /// Converts `frame` and appends it to `left` and `right`. The source may change form from call to call; what the
    /// filter still held of the earlier form is then lost (under a millisecond).
    ///
    /// Returns how many output samples the first appended one is heard before the frame's own time: the filter's
    /// delay.
    pub fn convert(
        &mut self,
        frame: &Frame,
        left: &mut Vec<f32>,
        right: &mut Vec<f32>,
    ) -> Result<u32, Error> {
        let form = Form::of(frame)?;
        let context = match self.context.take() {
            Some(context) if context.form == form => self.context.insert(context),
            _ => self.context.insert(Context::open(frame, form, self.rate)?),
        };
        // SAFETY: the context is open; the call only reads it.
        let delay = unsafe { ffi::swr_get_delay(context.raw.as_ptr(), i64::from(self.rate)) };
        let samples = frame.raw().nb_samples;
        // SAFETY: the context is open; the call only computes.
        let room = unsafe { ffi::swr_get_out_samples(context.raw.as_ptr(), samples) };
        let room = check("swr_get_out_samples", room)? as usize;
        let (old_left, old_right) = (left.len(), right.len());
        left.resize(old_left + room, 0.0);
        right.resize(old_right + room, 0.0);
        let mut planes: [*mut u8; 2] =
            [left[old_left..].as_mut_ptr().cast(), right[old_right..].as_mut_ptr().cast()];
        // SAFETY: both planes have room for `room` floats; the input planes are the frame's own, of the form the
        // context was opened for, and `&mut self` keeps other threads out.
        let made = unsafe {
            ffi::swr_convert(
                context.raw.as_ptr(),
                planes.as_mut_ptr(),
                room as c_int,
                frame.raw().extended_data.cast(),
                samples,
            )
        };
        let kept = usize::try_from(made).unwrap_or(0);
        left.truncate(old_left + kept);
        right.truncate(old_right + kept);
        check("swr_convert", made)?;
        Ok(u32::try_from(delay).unwrap_or(0))
    }
}

/// What a context was opened for. Layouts of one channel count that differ in order are told apart by their mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    rate: c_int,
    format: c_int,
    channels: c_int,
    mask: u64,
}

impl Form {
    fn of(frame: &Frame) -> Result<Self, Error> {
        let raw = frame.raw();
        let layout = &raw.ch_layout;
        // SAFETY: the union's mask is the valid member for native order; for others zero is used.
        let mask = unsafe {
            match layout.order {
                ffi::AVChannelOrder::NATIVE => layout.u.mask,
                _ => 0,
            }
        };
        let fits =
            (1..=MAX_CHANNELS).contains(&layout.nb_channels) && raw.sample_rate > 0 && raw.nb_samples > 0;
        if !fits || raw.extended_data.is_null() {
            return Err(Error::invalid("swr_alloc_set_opts2"));
        }
        Ok(Self { rate: raw.sample_rate, format: raw.format, channels: layout.nb_channels, mask })
    }
}

#[derive(Debug)]
struct Context {
    raw: NonNull<ffi::SwrContext>,
    form: Form,
}

// SAFETY: libswresample's state has no thread-bound part; the pointer is owned by this value alone.
unsafe impl Send for Context {}

impl Context {
    fn open(frame: &Frame, form: Form, rate: u32) -> Result<Self, Error> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: both layouts are valid for the call, which copies them; `inner` and `outer` own no memory since
        // default layouts are masks. A context made is owned by the returned value, or freed here.
        unsafe {
            let mut outer: ffi::AVChannelLayout = std::mem::zeroed();
            ffi::av_channel_layout_default(&mut outer, 2);
            let mut inner: ffi::AVChannelLayout = std::mem::zeroed();
            // A layout without names is taken for the usual one of its count.
            let named = frame.raw().ch_layout.order != ffi::AVChannelOrder::UNSPEC;
            if named {
                check(
                    "av_channel_layout_copy",
                    ffi::av_channel_layout_copy(&mut inner, &frame.raw().ch_layout),
                )?;
            } else {
                ffi::av_channel_layout_default(&mut inner, form.channels);
            }
            let code = ffi::swr_alloc_set_opts2(
                &mut raw,
                &mut outer,
                ffi::AVSampleFormat::FLTP,
                rate as c_int,
                &mut inner,
                ffi::AVSampleFormat(form.format),
                form.rate,
                0,
                std::ptr::null_mut(),
            );
            ffi::av_channel_layout_uninit(&mut inner);
            check("swr_alloc_set_opts2", code)?;
        }
        let context = Self { raw: NonNull::new(raw).ok_or(Error::memory("swr_alloc_set_opts2"))?, form };
        // SAFETY: the context is ours and not initialised yet.
        check("swr_init", unsafe { ffi::swr_init(context.raw.as_ptr()) })?;
        Ok(context)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: the context is ours and is not used again.
        unsafe { ffi::swr_free(&mut raw) };
    }
}
