//! The output's frames of sound, and where segments are cut.

use media::Rational;
pub(crate) use media::{Cuts, Place, first_frame_from};

/// Samples of an AAC frame.
pub(crate) const AAC_FRAME: i64 = 1_024;
/// Output sound, samples per second.
pub(crate) const SOUND_RATE: u32 = 48_000;
/// AAC frames a second.
pub(crate) const AAC_RATE: Rational = spec::Ladder::SOUND_RATE;
