//! A channel's encoder: source, transcode or passthrough, CMAF push.

pub mod metrics;
pub mod passthrough;
pub mod push;
pub mod source;
pub mod transcode;
