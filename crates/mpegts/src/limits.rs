//! Every bound on what a stream may make this crate hold or do.

/// Bytes pushed and not yet taken by [`crate::Demuxer::poll`]; the oldest are dropped past it. At 100 Mbit/s a third of a
/// second.
pub const MAX_UNREAD_BYTES: usize = 4 << 20;

/// Longest section, in bytes, header and checksum included (§2.4.4.10: private sections have at most 4,096).
pub const MAX_SECTION_BYTES: usize = 4_096;

/// Elementary streams followed at once: a picture, sound in many languages, and what goes with them.
pub const MAX_STREAMS: usize = 24;

/// Longest access unit of video, in bytes: a key frame at 400 Mbit/s with a buffer of 300 ms.
pub const MAX_VIDEO_BYTES: usize = 16 << 20;

/// Longest PES packet of anything else, in bytes: what its length field can say, and its first six bytes.
pub const MAX_PES_BYTES: usize = 65_535 + 6;

/// How much of the stream's own time may pass until all formats are known, in ms. Then those that are known are announced
/// alone. Key frames are rarely further apart.
pub const TRACKS_WAIT_MS: i64 = 5_000;

/// Samples kept until then: five seconds of video and eight languages.
pub const MAX_PENDING_SAMPLES: usize = 4_096;

/// Their payload together, in bytes.
pub const MAX_PENDING_BYTES: usize = 8 << 20;
