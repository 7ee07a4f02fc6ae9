//! Every bound on what a sender may ask this crate to hold or do.

use std::time::Duration;

/// Longest datagram taken, in bytes: a jumbo frame. Senders of MPEG-TS keep to 1500 and less.
pub const MAX_DATAGRAM: usize = 9_000;

/// Shortest latency that can be set, in ms.
pub const MIN_LATENCY_MS: u32 = 50;

/// Longest latency that can be set, in ms.
pub const MAX_LATENCY_MS: u32 = 2_000;

/// Sequence numbers that may wait behind a gap, gaps counted: 1.7 s of 100 Mbit/s. At the bound the oldest is given up.
/// Must stay under half the circle of 16-bit sequence numbers.
pub const MAX_WAITING: usize = 16_384;

/// Bytes that may wait behind a gap. At the bound the oldest is given up.
pub const MAX_WAITING_BYTES: usize = 32 << 20;

/// Sequence numbers remembered behind the one given out last, so that the copies of the slower leg are told from late
/// ones: 450 ms (SMPTE ST 2022-7, class C) of 190 Mbit/s.
pub const HISTORY: usize = 8_192;

/// Packets given out that are kept for the error correction to reckon with, once there is one: two matrices, and as much
/// for disorder between the ports.
pub const FEC_HISTORY: usize = 512;

/// A packet so many numbers ahead of its leg's newest still belongs to the same run (RFC 3550 A.1, `MAX_DROPOUT`).
pub const MAX_DROPOUT: i64 = 3_000;

/// A packet so many numbers behind its leg's newest still belongs to the same run (RFC 3550 A.1, `MAX_MISORDER`).
pub const MAX_MISORDER: i64 = 100;

/// Packets in sequence before a source is believed (RFC 3550 A.1, `MIN_SEQUENTIAL`).
pub const MIN_SEQUENTIAL: u32 = 2;

/// Sources beside the one followed. A further one takes the place of the one silent longest.
pub const MAX_CANDIDATES: usize = 2;

/// A source that is not yet followed and silent for so long is let go.
pub const MAX_SILENCE: Duration = Duration::from_secs(2);

/// Columns of a matrix (SMPTE ST 2022-1, L).
pub const MAX_COLUMNS: u8 = 20;

/// Least rows of a matrix (SMPTE ST 2022-1, D).
pub const MIN_ROWS: u8 = 4;

/// Most rows of a matrix.
pub const MAX_ROWS: u8 = 20;

/// Packets of a matrix.
pub const MAX_MATRIX: u16 = 100;

/// Error correction packets that wait because more than one of the packets they protect is missing. At the bound the
/// oldest goes. The largest matrices make 25.
pub const MAX_FEC_WAITING: usize = 256;

/// A recovered packet's timestamp is this near those beside it, in 90 kHz ticks: ten seconds. Further off, what was
/// added up did not belong together.
pub const MAX_RECOVERED_STEP: u32 = 900_000;
