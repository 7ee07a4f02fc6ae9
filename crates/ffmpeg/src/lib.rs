//! A small safe face on FFmpeg's libraries, which is unsafe code inside.
//!
//! Only the calls the encoder makes are here, and no type of the binding leaves: every pointer is owned by one type
//! with a `Drop`, every allocation may fail, and FFmpeg opens no path and no URL (a [`Demuxer`] reads what a Rust
//! reader hands it). Works on FFmpeg 5.1 to 9.
//!
//! - [`Demuxer`] → [`Packet`] → [`Decoder`] → [`Frame`]: in.
//! - [`Deinterlacer`], [`Scaler`], [`Resampler`]: between.
//! - [`Encoder`] → [`Packet`]: out.
//! - [`log_to`]: where FFmpeg's own words go.

#![warn(clippy::undocumented_unsafe_blocks)]

mod decoder;
mod deinterlacer;
mod demuxer;
mod encoder;
mod error;
mod frame;
mod log;
mod luma;
mod options;
mod packet;
mod pool;
mod resampler;
mod scaler;
mod still;
mod x264;

pub use decoder::{Decoder, Parameters};
pub use deinterlacer::{Deinterlacer, Fields};
pub use demuxer::{Demuxer, ReadSeek, StreamInfo, StreamKind};
pub use encoder::{AudioSettings, Encoder, Picture, VideoSettings, has_encoder, version};
pub use error::Error;
pub use frame::{Colour, Frame};
pub use log::{LogLevel, log_to};
pub use luma::LumaSamples;
pub use packet::Packet;
pub use resampler::Resampler;
pub use scaler::{Placement, Scaler};
pub use still::MAX_STILL_SAMPLES;

#[cfg(test)]
mod tests;
