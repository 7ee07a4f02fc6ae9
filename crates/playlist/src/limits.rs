//! How much of a playlist is read.

/// Largest playlist, in bytes: a day of two-second segments with long names.
pub const MAX_PLAYLIST_BYTES: usize = 4 << 20;
/// Most lines of a playlist.
pub const MAX_LINES: usize = 10_000;
/// Longest line and longest URL, in bytes.
pub const MAX_LINE_BYTES: usize = 8 << 10;
/// Longest segment and longest target duration that is believed, in seconds.
pub const MAX_DURATION_S: f64 = 120.0;
/// Most renditions of a picture that are followed at once.
pub const MAX_PICTURES: usize = 16;
/// Most renditions of sound that are followed beside them.
pub const MAX_SOUNDS: usize = 8;
