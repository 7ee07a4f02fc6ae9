//! Every bound on what a peer may ask this crate to hold or do.

/// Streams open at once; more are refused (`REFUSED_STREAM`). Told in our `SETTINGS`.
pub const MAX_STREAMS: usize = 100;

/// Longest frame payload, in bytes: the protocol's smallest maximum. A longer one ends the connection.
pub const MAX_FRAME: usize = 16_384;

/// Longest header list, in bytes as RFC 9113 §6.5.2 counts (32 a field on top). A longer one is read to its end, not
/// kept, and reported. Told in our `SETTINGS`.
pub const MAX_HEADER_LIST: usize = 16 << 10;

/// A header list of this size, in bytes, is no list but a bomb: a few bytes that name the table's largest entry again
/// and again.
pub const MAX_EXPANDED_LIST: usize = 4 * MAX_HEADER_LIST;

/// Longest header block as it comes, compressed, in bytes.
pub const MAX_HEADER_BLOCK: usize = 2 * MAX_FRAME;

/// `CONTINUATION` frames of one header block. Clients need none: requests fit a frame.
pub const MAX_CONTINUATIONS: u32 = 8;

/// Bytes of the table a peer compresses with, as RFC 7541 §4.1 counts. The protocol's default.
pub const MAX_TABLE: usize = 4_096;

/// Bytes of bodies a peer may send on a connection before we must have said that more may come: the protocol's default.
pub const WINDOW: u32 = 65_535;

/// So many received bytes are given back at once.
pub const WINDOW_RETURN: u32 = WINDOW / 2;

/// Streams that ended lately and are remembered, so that what was on its way to them is told from a fault.
pub const RECENT_STREAMS: usize = 32;

/// A DATA frame shorter than this, in bytes, only because the peer's window is, counts as one it made us cut.
pub const SMALL_DATA: usize = 256;

/// What a peer may do `burst` times at once and `per_s` times a second for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// At once.
    pub burst: u32,
    /// A second.
    pub per_s: u32,
}

/// Requests taken back before they were answered. A player that changes its mind does so a few times a second.
pub const RESETS: Budget = Budget { burst: 200, per_s: 20 };
/// Streams we had to reset because of what the peer sent, refused ones included.
pub const FORCED_RESETS: Budget = Budget { burst: 200, per_s: 10 };
/// PINGs, each of which wants an answer.
pub const PINGS: Budget = Budget { burst: 60, per_s: 5 };
/// SETTINGS frames, each of which wants an answer, and settings by the dozen in one.
pub const SETTINGS: Budget = Budget { burst: 30, per_s: 2 };
/// DATA frames that neither carry a byte nor end a stream.
pub const EMPTY_DATA: Budget = Budget { burst: 60, per_s: 5 };
/// DATA frames under [`SMALL_DATA`] that the peer's window made us cut.
pub const CUT_DATA: Budget = Budget { burst: 200, per_s: 20 };
/// Cut frames that every longer one excuses: what is left of a window that many streams share may be small.
pub const CUTS_PER_DATA: u32 = 2;
/// Frames that ask for nothing: window updates beyond [`UPDATES_PER_DATA`], priorities, unknown kinds, whatever comes
/// for streams that are gone.
pub const IDLE_FRAMES: Budget = Budget { burst: 2_000, per_s: 200 };
/// Window updates that every DATA frame of ours earns the peer: one for its stream, one for the connection, twice over.
pub const UPDATES_PER_DATA: u32 = 4;
