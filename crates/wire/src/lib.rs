//! Messages between roles.
//!
//! - [`sample_stream`]: ingest → encoder, over a unix socket: which tracks, then samples.
//! - [`rendition`]: which of a source's tracks is which rendition.
//! - [`Measured`]: encoder → origin, with each segment that is pushed: what is wrong with it.
//! - [`Job`]: supervisor → encoder, one JSON line on standard input: what to make and where to push it.
//! - [`broker`]: encoder → supervisor: asks for a socket or file that its job names.
//! - [`report`]: encoder → supervisor, on the same socket: how it fares.

pub mod broker;
mod job;
mod measured;
pub mod rendition;
pub mod report;
pub mod sample_stream;

pub use job::{Backup, ChannelJob, Confinement, Job, Ladder, Pipeline, Quarantined, Source};
pub use measured::{Content, MEASURED, Measured, NotMeasured, PIPELINE};
