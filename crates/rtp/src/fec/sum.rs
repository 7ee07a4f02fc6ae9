//! The XOR of packets. It undoes itself: a sum with all its packets but one added again is that one.

use crate::fec::{FecHeader, FecPacket};
use crate::packet::HEADER;

/// Packets added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Padding, extension, CSRC count.
    flags: u8,
    /// Marker, payload type.
    kind: u8,
    timestamp: u32,
    /// Of what follows the fixed header.
    length: u16,
    body: Vec<u8>,
}

impl Sum {
    /// What a correction packet holds.
    pub(crate) fn of(fec: &FecPacket<'_>) -> Sum {
        let FecHeader { flags, kind, timestamp, length, .. } = fec.header;
        Sum { flags, kind, timestamp, length, body: fec.body.to_vec() }
    }

    /// Adds a media packet; the body grows to the longest one's.
    pub(crate) fn add(&mut self, datagram: &[u8]) {
        let (header, body) = datagram.split_first_chunk::<HEADER>().expect("it was parsed as an RTP packet");
        self.flags ^= header[0] & 0x3F;
        self.kind ^= header[1];
        self.timestamp ^= u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        self.length ^= body.len() as u16;
        if self.body.len() < body.len() {
            self.body.resize(body.len(), 0);
        }
        self.body.iter_mut().zip(body).for_each(|(sum, byte)| *sum ^= byte);
    }

    /// Bytes of the body.
    pub(crate) fn body_len(&self) -> usize {
        self.body.len()
    }

    /// The fields of the correction packet.
    pub(crate) fn header(&self, like: FecHeader) -> (FecHeader, &[u8]) {
        let Sum { flags, kind, timestamp, length, ref body } = *self;
        (FecHeader { flags, kind, timestamp, length, ..like }, body)
    }

    /// The one packet that is left. `None` if its length does not fit: behind it there must be only the zeros that
    /// filled it up.
    pub(crate) fn packet(&self, sequence: u16, ssrc: u32) -> Option<Vec<u8>> {
        let (body, rest) = self.body.split_at_checked(self.length.into())?;
        if rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        let mut datagram = Vec::with_capacity(HEADER + body.len());
        datagram.extend_from_slice(&[2 << 6 | self.flags, self.kind]);
        datagram.extend_from_slice(&sequence.to_be_bytes());
        datagram.extend_from_slice(&self.timestamp.to_be_bytes());
        datagram.extend_from_slice(&ssrc.to_be_bytes());
        datagram.extend_from_slice(body);
        Some(datagram)
    }
}
