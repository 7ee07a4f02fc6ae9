//! A channel's encoder: source, transcode or passthrough, CMAF push.
//!
//! - [`channel`]: one transcoding channel: [`source`] → [`transcode`] → [`push`].
//! - [`passthrough`]: one channel whose samples go out as they came.
//! - [`control`]: which of a channel's inputs the operator wants to see.
//! - [`door`]: how it comes by sockets and files; [`confine`]: how it is held in.
//! - [`pulse`]: tells the supervisor that work goes on; [`fault`]: breaks it, for tests.
//! - [`metrics`]: what transcoding counts.
//! - [`calibrate`], [`mod@bench`]: how fast this machine encodes.

pub mod bench;
pub mod calibrate;
pub mod channel;
pub mod confine;
pub mod control;
pub mod door;
pub mod fault;
pub mod metrics;
pub mod passthrough;
pub mod pulse;
pub mod push;
pub mod source;
pub mod transcode;
