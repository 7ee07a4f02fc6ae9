//! Time, samples, tracks and ids: the words every crate shares.
//!
//! Pure: no clock, socket or file. `now` is always an argument.
//!
//! - [`Timescale`], [`MediaTime`], [`rescale_floor`], [`rescale_nearest`]: exact media time in ticks.
//! - [`Unwrap`]: counters that wrap, on one long line.
//! - [`Anchor`]: a publisher's milliseconds, laid on the epoch.
//! - [`Utc`]: a wall-clock date, for labels and logs only.
//! - [`Rational`]: frame rates and aspect ratios.
//! - [`Grid`]: where segments start on the epoch; [`Parts`]: how one is shared out among its parts;
//!   [`Cuts`]: the frames that begin them.
//! - [`ChannelName`], [`TrackId`]: who.
//! - [`Track`], [`Format`], [`Sample`]: what flows.

mod anchor;
mod channel_name;
mod cuts;
mod grid;
mod parts;
mod rational;
mod sample;
mod time;
mod track;
mod unwrap;
mod utc;

pub use anchor::{Anchor, Placed};
pub use channel_name::{ChannelName, ChannelNameError};
pub use cuts::{Cuts, Place, first_frame_from};
pub use grid::Grid;
pub use parts::Parts;
pub use rational::Rational;
pub use sample::Sample;
pub use time::{MediaTime, Timescale, rescale_ceil, rescale_floor, rescale_nearest};
pub use track::{AudioCodec, AudioFormat, Format, Track, TrackId, VideoCodec, VideoFormat};
pub use unwrap::Unwrap;
pub use utc::Utc;
