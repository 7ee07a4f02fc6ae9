//! The handshake's three pieces (RTMP 1.0 §5.2).
//!
//! Clients that put a digest into C1 ("complex" handshake) fall back to the simple one when S1 carries version zero,
//! so an echo serves both.

use bytes::{Buf, BufMut, BytesMut};

use crate::Fault;

/// The version byte of plain RTMP.
pub(crate) const VERSION: u8 = 3;
/// Length of C1, C2, S1 and S2.
pub(crate) const HALF_BYTES: usize = 1_536;
const SIZE: usize = HALF_BYTES;

/// What is awaited.
///
/// ```text
/// FirstHalf --C0 C1: S0 S1 S2--> SecondHalf --C2--> Done
/// ```
#[derive(Debug, Default)]
pub(crate) enum Handshake {
    /// C0 and C1.
    #[default]
    FirstHalf,
    /// C2.
    SecondHalf,
    /// Chunks.
    Done,
}

impl Handshake {
    /// Takes what it can from `input` and answers into `outgoing`. True when done.
    pub(crate) fn advance(&mut self, input: &mut BytesMut, outgoing: &mut BytesMut) -> Result<bool, Fault> {
        loop {
            match self {
                Self::FirstHalf => {
                    // The version is judged at once: whoever speaks something else need not send 1,537 bytes of it.
                    match input.first() {
                        Some(&VERSION) | None => {}
                        Some(&other) => return Err(Fault::Version(other)),
                    }
                    if input.len() < 1 + SIZE {
                        return Ok(false);
                    }
                    input.advance(1);
                    answer(&input.split_to(SIZE), outgoing);
                    *self = Self::SecondHalf;
                }
                Self::SecondHalf => {
                    // C2 should echo S1. Some clients send zeros or a digest, so it is not compared.
                    if input.len() < SIZE {
                        return Ok(false);
                    }
                    input.advance(SIZE);
                    *self = Self::Done;
                }
                Self::Done => return Ok(true),
            }
        }
    }
}

fn answer(c1: &[u8], outgoing: &mut BytesMut) {
    outgoing.reserve(1 + 2 * SIZE);
    outgoing.put_u8(VERSION);
    // S1: time 0, version 0 (no digest), then bytes nobody reads a meaning into.
    outgoing.put_bytes(0, 8);
    filler(outgoing);
    outgoing.put_slice(c1);
}

/// What stands behind the first eight bytes of C1 or S1.
pub(crate) fn filler(outgoing: &mut BytesMut) {
    outgoing.extend((8..SIZE as u32).map(|at| (at.wrapping_mul(0x9E37_79B1) >> 24) as u8));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_echoes_c1_and_another_protocol_is_told_at_its_first_byte() {
        let mut handshake = Handshake::default();
        let mut outgoing = BytesMut::new();
        let mut input = BytesMut::from(&[3_u8][..]);
        input.extend((0..SIZE).map(|at| at as u8));
        assert_eq!(handshake.advance(&mut input, &mut outgoing), Ok(false));
        assert_eq!(outgoing.len(), 1 + 2 * SIZE);
        assert!(outgoing[1 + SIZE..].iter().enumerate().all(|(at, byte)| *byte == at as u8));

        let fault = Handshake::default().advance(&mut BytesMut::from("GET / HTTP/1.1"), &mut outgoing);
        assert_eq!(fault, Err(Fault::Version(b'G')));
    }
}
