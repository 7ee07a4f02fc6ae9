//! Every bound on what a peer may ask this crate to hold or do.

/// Longest message, in bytes. A key frame at 40 Mbit/s with a 500 ms buffer is 2.5 MB.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// Chunk streams with an unfinished message, at once. ffmpeg, OBS and GStreamer have one or two.
pub const MAX_PARTIAL_MESSAGES: usize = 8;

/// Bytes of all unfinished messages of a connection together.
pub const MAX_PARTIAL_BYTES: usize = 4 << 20;

/// Chunk streams whose last header is remembered. Publishers use about five.
pub const MAX_CHUNK_STREAMS: usize = 32;

/// Smallest chunk size a peer may set, in bytes. The specification asks for at least 128; far less makes every
/// payload byte cost a header.
pub const MIN_CHUNK_SIZE: u32 = 64;

/// Longest command or data message, in bytes. `connect` is under 1 KiB, `onMetaData` under 2 KiB.
pub const MAX_COMMAND_BYTES: usize = 64 << 10;

/// Nesting of AMF objects and arrays. Real commands have three levels.
pub const MAX_AMF_DEPTH: usize = 8;

/// AMF values in one message, members of objects and arrays counted.
pub const MAX_AMF_VALUES: usize = 1_024;

/// Message streams a peer may create on a connection; a publisher needs one.
pub const MAX_MESSAGE_STREAMS: u32 = 8;

/// Longest application or stream name, in bytes.
pub const MAX_NAME_BYTES: usize = 1_024;

/// Bytes waiting to be sent to a peer that does not read. Everything we ever answer is far under it.
pub const MAX_OUTGOING_BYTES: usize = 64 << 10;

/// Smallest acknowledgement window honoured, in bytes, so that a peer cannot have an answer to every byte.
pub const MIN_ACK_WINDOW: u32 = 32 << 10;

/// ModEx extensions before one video or audio packet; the specification knows one kind.
pub const MAX_MODEX: usize = 8;

/// The chunk size we announce, in bytes. ffmpeg adopts it for what it sends, so that nearly every frame is one chunk
/// and need not be put together.
pub const OUR_CHUNK_SIZE: u32 = 1 << 20;

/// The acknowledgement window we ask for, in bytes.
pub const OUR_ACK_WINDOW: u32 = 5_000_000;
