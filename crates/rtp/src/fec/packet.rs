//! A correction packet: an RTP header, 16 bytes of FEC header (SMPTE ST 2022-1 §8), the XOR of what it protects.
//!
//! As in RFC 2733, the RTP header's padding, extension, CSRC count and marker bits are XORs too and say nothing
//! about the packet they are in; only its first 12 bytes are read as a header.

use crate::fault::Fault;
use crate::fec::{Direction, Matrix};
use crate::limits::{MAX_COLUMNS, MAX_DATAGRAM};
use crate::packet::HEADER;

/// Bytes before the XOR of the payloads.
const HEADERS: usize = HEADER + 16;

/// The payload type senders give correction packets.
const PAYLOAD_TYPE: u8 = 96;

/// A correction packet's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FecHeader {
    /// Column or row.
    pub direction: Direction,
    /// The sequence number of the first packet protected.
    pub base: u16,
    /// The step from one packet protected to the next: L in a column, 1 in a row.
    pub offset: u8,
    /// How many packets are protected: D in a column, L in a row.
    pub packets: u8,
    /// XOR of the first bytes: padding, extension, CSRC count. The version's bits are zero.
    pub flags: u8,
    /// XOR of the second bytes: marker and payload type.
    pub kind: u8,
    /// XOR of the timestamps.
    pub timestamp: u32,
    /// XOR of the lengths behind the fixed header.
    pub length: u16,
}

/// A correction packet in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FecPacket<'a> {
    /// The fields.
    pub header: FecHeader,
    /// XOR of all that follows the fixed headers, shorter ones filled up with zeros.
    pub body: &'a [u8],
}

impl FecHeader {
    /// The packet with this header. `sequence` counts the correction packets of a port; `now` is the media's timestamp.
    pub fn packet(&self, sequence: u16, now: u32, body: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(HEADERS + body.len());
        datagram.extend_from_slice(&[2 << 6 | self.flags & 0x3F, self.kind & 0x80 | PAYLOAD_TYPE]);
        datagram.extend_from_slice(&sequence.to_be_bytes());
        datagram.extend_from_slice(&now.to_be_bytes());
        datagram.extend_from_slice(&[0; 4]);
        datagram.extend_from_slice(&self.base.to_be_bytes());
        datagram.extend_from_slice(&self.length.to_be_bytes());
        datagram.extend_from_slice(&[0x80 | self.kind & 0x7F, 0, 0, 0]);
        datagram.extend_from_slice(&self.timestamp.to_be_bytes());
        let row = u8::from(self.direction == Direction::Row);
        datagram.extend_from_slice(&[row << 6, self.offset, self.packets, 0]);
        datagram.extend_from_slice(body);
        datagram
    }
}

impl<'a> FecPacket<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// On anything that is not a correction packet of SMPTE ST 2022-1 over a column or row it allows.
    pub fn parse(datagram: &'a [u8]) -> Result<FecPacket<'a>, Fault> {
        if datagram.len() > MAX_DATAGRAM {
            return Err(Fault::TooLong(datagram.len()));
        }
        let short = Fault::Short(datagram.len());
        let (rtp, rest) = datagram.split_first_chunk::<HEADER>().ok_or(short)?;
        let (fec, body) = rest.split_first_chunk::<16>().ok_or(short)?;
        let [b0, b1, l0, l1, kind, m0, m1, m2, t0, t1, t2, t3, flags, offset, packets, b2] = *fec;
        if rtp[0] >> 6 != 2 {
            return Err(Fault::Version(rtp[0] >> 6));
        }
        if kind & 0x80 == 0 {
            return Err(Fault::FecKind("RFC 2733 without the extension"));
        }
        if [m0, m1, m2] != [0; 3] {
            return Err(Fault::FecKind("a mask instead of a matrix"));
        }
        if flags & 0x80 != 0 {
            return Err(Fault::FecKind("a header extension"));
        }
        if flags & 0x3F != 0 {
            return Err(Fault::FecKind("not XOR"));
        }
        if b2 != 0 {
            return Err(Fault::FecKind("sequence numbers over 16 bits"));
        }
        let (direction, allowed) = match flags & 0x40 {
            0 => (Direction::Column, Matrix::new(offset, packets).is_some()),
            _ => (Direction::Row, offset == 1 && (1..=MAX_COLUMNS).contains(&packets)),
        };
        if !allowed {
            return Err(Fault::FecMatrix { offset, packets });
        }
        let header = FecHeader {
            direction,
            base: u16::from_be_bytes([b0, b1]),
            offset,
            packets,
            flags: rtp[0] & 0x3F,
            kind: rtp[1] & 0x80 | kind & 0x7F,
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            length: u16::from_be_bytes([l0, l1]),
        };
        Ok(FecPacket { header, body })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMN: FecHeader = FecHeader {
        direction: Direction::Column,
        base: 0xFFFE,
        offset: 5,
        packets: 20,
        flags: 0x31,
        kind: 0xA1,
        timestamp: 0x0102_0304,
        length: 1_316,
    };

    #[test]
    fn what_is_written_reads_the_same() {
        for (direction, offset, packets) in [(Direction::Column, 5, 20), (Direction::Row, 1, 20)] {
            let header = FecHeader { direction, offset, packets, ..COLUMN };
            let datagram = header.packet(9, 8, b"body");
            assert_eq!(FecPacket::parse(&datagram), Ok(FecPacket { header, body: b"body" }));
            for length in 0..HEADERS {
                assert_eq!(FecPacket::parse(&datagram[..length]), Err(Fault::Short(length)));
            }
        }
    }

    #[test]
    fn matrices_beyond_the_standard_are_refused() {
        use Direction::*;
        for (direction, offset, packets) in [
            (Column, 0, 5),
            (Column, 5, 3),
            (Column, 5, 21),
            (Column, 21, 4),
            (Row, 1, 0),
            (Row, 1, 21),
            (Row, 2, 5),
        ] {
            let header = FecHeader { direction, offset, packets, ..COLUMN };
            let fault = Fault::FecMatrix { offset, packets };
            assert_eq!(FecPacket::parse(&header.packet(9, 8, b"")), Err(fault));
        }
    }

    #[test]
    fn every_other_kind_is_refused_by_name() {
        let good = COLUMN.packet(9, 8, b"");
        for (byte, value, words) in [
            (16, 0x21, "RFC 2733 without the extension"),
            (18, 1, "a mask instead of a matrix"),
            (24, 0x80, "a header extension"),
            (24, 0x08, "not XOR"),
            (24, 0x01, "not XOR"),
            (27, 1, "sequence numbers over 16 bits"),
        ] {
            let mut datagram = good.clone();
            datagram[byte] = value;
            assert_eq!(FecPacket::parse(&datagram), Err(Fault::FecKind(words)));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_packet_or_a_named_fault(bytes: Vec<u8>) {
            let _ = FecPacket::parse(&bytes);
        }
    }
}
