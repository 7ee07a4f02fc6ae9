//! Reads codec headers into [`media`] formats.
//!
//! Pure, and safe on any bytes: every parser returns a format or a named error and never panics.
//!
//! A header comes in one of two shapes: the decoder configuration record that MP4 and RTMP carry
//! ([`h264::format_from_avcc`], [`h265::format_from_hvcc`], [`av1::format_from_av1c`],
//! [`aac::format_from_asc`], [`opus::format_from_dops`]), or the elementary stream's own
//! parameter sets, as encoders hand them out ([`h264::format_from_annexb`],
//! [`h265::format_from_annexb`], [`av1::format_from_obus`], [`opus::format_from_head`]). Both give
//! the same format, whose `config` is always the record.
//!
//! - [`h264`], [`h265`], [`av1`], [`mpeg2`]: pictures, and which access units a decoder can start at.
//! - [`aac`], [`opus`]: sound. [`adts`], [`mpeg_audio`], [`ac3`]: sound whose every frame carries its header.
//! - [`nal`]: NAL units in Annex B and length-prefixed streams.

#![forbid(unsafe_code)]

pub mod aac;
pub mod ac3;
pub mod adts;
pub mod av1;
mod bits;
mod frame_rate;
pub mod h264;
pub mod h265;
pub mod mpeg2;
pub mod mpeg_audio;
pub mod nal;
pub mod opus;
mod parameter_sets;
mod sample_aspect;
mod vui;

pub use bits::BitsError;

/// Widest and tallest picture accepted, in luma samples: twice 8K, so that a damaged header cannot
/// ask for terabytes of frame memory further down.
pub const MAX_SIDE: u32 = 16_384;
