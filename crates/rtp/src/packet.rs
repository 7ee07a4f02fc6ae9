//! RTP packets (RFC 3550 §5.1).

use crate::fault::Fault;
use crate::limits::MAX_DATAGRAM;

/// Bytes of the header that every packet has.
pub const HEADER: usize = 12;

/// MPEG-2 transport streams (RFC 3551 §6).
pub const MPEG_TS: u8 = 33;

/// The fixed header's fields, but for those that say how long the rest of the header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// For MPEG-TS: the timestamps are discontinuous here (RFC 2250 §2).
    pub marker: bool,
    /// What the payload is.
    pub payload_type: u8,
    /// Rises by one a packet, and wraps.
    pub sequence: u16,
    /// When the payload's first byte was sent, in 90 kHz ticks; wraps after 13 hours.
    pub timestamp: u32,
    /// Who sends: chosen anew when a sender starts.
    pub ssrc: u32,
}

/// A packet in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The fixed header.
    pub header: Header,
    /// What is carried, without contributing sources, header extension and padding.
    pub payload: &'a [u8],
}

impl Header {
    /// A packet with this header: no contributing source, extension or padding.
    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(HEADER + payload.len());
        datagram.extend_from_slice(&[2 << 6, u8::from(self.marker) << 7 | self.payload_type & 0x7F]);
        datagram.extend_from_slice(&self.sequence.to_be_bytes());
        datagram.extend_from_slice(&self.timestamp.to_be_bytes());
        datagram.extend_from_slice(&self.ssrc.to_be_bytes());
        datagram.extend_from_slice(payload);
        datagram
    }
}

impl<'a> Packet<'a> {
    /// Reads a datagram. An empty payload is allowed here.
    ///
    /// # Errors
    /// On anything that is not one whole RTP packet.
    pub fn parse(datagram: &'a [u8]) -> Result<Packet<'a>, Fault> {
        if datagram.len() > MAX_DATAGRAM {
            return Err(Fault::TooLong(datagram.len()));
        }
        let short = Fault::Short(datagram.len());
        let (fixed, mut rest) = datagram.split_first_chunk::<HEADER>().ok_or(short)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        if flags >> 6 != 2 {
            return Err(Fault::Version(flags >> 6));
        }
        let contributing = 4 * usize::from(flags & 0x0F);
        rest = rest.get(contributing..).ok_or(short)?;
        if flags & 0x10 != 0 {
            let (&[_, _, w0, w1], extension) = rest.split_first_chunk().ok_or(short)?;
            rest = extension.get(4 * usize::from(u16::from_be_bytes([w0, w1]))..).ok_or(short)?;
        }
        if flags & 0x20 != 0 {
            let padding = *rest.last().ok_or(short)?;
            let payload = rest.len().checked_sub(padding.into()).filter(|_| padding > 0);
            rest = &rest[..payload.ok_or(Fault::Padding(padding))?];
        }
        let header = Header {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7F,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        };
        Ok(Packet { header, payload: rest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Header =
        Header { marker: false, payload_type: MPEG_TS, sequence: 0xFFFE, timestamp: 7, ssrc: 0xDEAD_BEEF };

    #[test]
    fn csrcs_extension_and_padding_are_not_payload() {
        let mut datagram = PLAIN.packet(b"");
        datagram[0] |= 0x30 | 2;
        datagram.extend_from_slice(&[0; 8]);
        datagram.extend_from_slice(b"\xBE\xDE\x00\x01 ext");
        datagram.extend_from_slice(b"payload\x00\x00\x03");
        let packet = Packet::parse(&datagram).unwrap();
        assert_eq!((packet.header, packet.payload), (PLAIN, &b"payload"[..]));
        for length in 0..28 {
            assert_eq!(Packet::parse(&datagram[..length]), Err(Fault::Short(length)), "{length}");
        }
    }

    #[test]
    fn padding_that_cannot_be_is_refused() {
        for (padding, payload) in [(1_u8, Some(2)), (3, Some(0)), (4, None), (0, None), (255, None)] {
            let mut datagram = PLAIN.packet(&[9, 9, padding]);
            datagram[0] |= 0x20;
            let parsed = Packet::parse(&datagram).map(|packet| packet.payload.len());
            assert_eq!(parsed, payload.ok_or(Fault::Padding(padding)), "{padding}");
        }
    }

    #[test]
    fn other_versions_and_giants_are_refused() {
        let mut datagram = PLAIN.packet(b"x");
        datagram[0] = 0x47;
        assert_eq!(Packet::parse(&datagram), Err(Fault::Version(1)));
        assert_eq!(Packet::parse(&[0x80; 9_001]), Err(Fault::TooLong(9_001)));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(
            marker: bool, payload_type in 0_u8..128, sequence: u16, timestamp: u32, ssrc: u32, payload: Vec<u8>,
        ) {
            let header = Header { marker, payload_type, sequence, timestamp, ssrc };
            let datagram = header.packet(&payload);
            prop_assert_eq!(Packet::parse(&datagram), Ok(Packet { header, payload: &payload }));
        }

        #[test]
        fn any_bytes_are_a_packet_or_a_named_fault(bytes: Vec<u8>) {
            let _ = Packet::parse(&bytes);
        }
    }
}
