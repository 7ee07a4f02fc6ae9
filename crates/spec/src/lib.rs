//! What may exist: the workflow file read into valid channels.

mod rung;

pub use rung::{Preset, Profile, Rung};
