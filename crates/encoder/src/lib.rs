//! A channel's encoder: source, transcode or passthrough, CMAF push.

pub mod push;
