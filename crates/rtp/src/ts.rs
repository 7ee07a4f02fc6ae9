//! MPEG-TS packets in a datagram, with RTP around them or without (RFC 2250 §2).

use crate::fault::Fault;
use crate::limits::MAX_DATAGRAM;

/// Bytes of a transport stream packet (ISO/IEC 13818-1 §2.4.3).
pub const PACKET: usize = 188;

/// The byte each begins with. As the first of a datagram it cannot be RTP's, which would be version 1.
pub const SYNC: u8 = 0x47;

/// The bytes of one or more whole transport stream packets, as a datagram without RTP or an RTP payload carries them.
///
/// # Errors
/// On anything else.
pub fn whole_packets(bytes: &[u8]) -> Result<&[u8], Fault> {
    if bytes.len() > MAX_DATAGRAM {
        return Err(Fault::TooLong(bytes.len()));
    }
    let (packets, rest) = bytes.as_chunks::<PACKET>();
    let whole = rest.is_empty() && !packets.is_empty() && packets.iter().all(|packet| packet[0] == SYNC);
    if whole { Ok(bytes) } else { Err(Fault::NotTs(bytes.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_packets_with_their_sync_bytes_pass() {
        let mut packets = [0; 2 * PACKET];
        packets[0] = SYNC;
        assert_eq!(whole_packets(&packets), Err(Fault::NotTs(376)));
        packets[PACKET] = SYNC;
        assert_eq!(whole_packets(&packets), Ok(&packets[..]));
        assert_eq!(whole_packets(&packets[..375]), Err(Fault::NotTs(375)));
        assert_eq!(whole_packets(&[]), Err(Fault::NotTs(0)));
    }
}
