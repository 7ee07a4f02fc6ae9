//! What a datagram can have wrong.

use crate::limits::*;

/// Why a datagram was not taken. It is left out and counted; the next may be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Over [`MAX_DATAGRAM`].
    #[error("datagram of {0} bytes, bound {MAX_DATAGRAM}")]
    TooLong(usize),
    /// Ends within its header, extension or padding.
    #[error("datagram of {0} bytes ends within its RTP header")]
    Short(usize),
    /// Not version 2.
    #[error("RTP version {0}, only 2 is spoken here")]
    Version(u8),
    /// Padding that is empty or longer than what it pads.
    #[error("RTP padding of {0} bytes does not fit the packet")]
    Padding(u8),
    /// A payload type that is neither MPEG-TS (33) nor dynamic (96 to 127).
    #[error("RTP payload type {0}; MPEG-TS is 33, or 96 to 127")]
    PayloadType(u8),
    /// Not whole MPEG-TS packets.
    #[error("{0} bytes that are not whole MPEG-TS packets of 188 bytes, each beginning with 0x47")]
    NotTs(usize),
    /// A correction packet of another kind than SMPTE ST 2022-1's.
    #[error("error correction of another kind than SMPTE ST 2022-1: {0}")]
    FecKind(&'static str),
    /// A correction packet for a matrix the standard does not know.
    #[error("error correction over {packets} packets, {offset} apart, is outside SMPTE ST 2022-1")]
    FecMatrix {
        /// The distance of the packets protected.
        offset: u8,
        /// How many.
        packets: u8,
    },
    /// A correction packet for sequence numbers far from what is received.
    #[error("error correction for packets from {0} on, which are out of reach")]
    FecReach(u16),
}
