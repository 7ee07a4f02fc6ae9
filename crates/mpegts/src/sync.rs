//! Finds packets in a stream of bytes: sync and resync (ISO/IEC 13818-1 §2.4.3.2, Annex G.1).

use bytes::{Buf, BytesMut};

use crate::limits::MAX_UNREAD_BYTES;
use crate::packet::{PACKET_BYTES, SYNC_BYTE};

/// How far apart packets begin: bare, behind a four-byte arrival time (Blu-ray), before sixteen bytes of parity (DVB).
const SPACINGS: [usize; 3] = [PACKET_BYTES, 192, 204];
/// Further packets that must begin where they should before a byte is taken for a packet's first.
const CONFIRMED_BY: usize = 3;

/// Bytes in, packets out.
#[derive(Debug, Default)]
pub(crate) struct Sync {
    input: BytesMut,
    /// Bytes still to come that lie between packets.
    between: usize,
    spacing: Option<usize>,
    /// Whether there was a packet already.
    begun: bool,
    over: bool,
    skipped: u64,
}

/// What was found.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    Packet([u8; PACKET_BYTES]),
    /// Bytes that are no packets, passed over to find the next.
    Skipped(u64),
}

impl Sync {
    /// Takes bytes; tells how many of the oldest were dropped because nobody reads.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        self.input.extend_from_slice(bytes);
        let over = self.input.len().saturating_sub(MAX_UNREAD_BYTES);
        if over > 0 {
            self.input.advance(over);
            self.spacing = None;
        }
        over
    }

    /// No more bytes come: what is left needs less to confirm it.
    pub(crate) fn finish(&mut self) {
        self.over = true;
    }

    pub(crate) fn next(&mut self) -> Option<Found> {
        loop {
            let gap = self.between.min(self.input.len());
            self.input.advance(gap);
            self.between -= gap;
            let Some(spacing) = self.spacing else {
                if !self.search() {
                    return None;
                }
                let skipped = std::mem::take(&mut self.skipped);
                // Where the stream was joined in the middle of a packet nothing is wrong.
                if skipped > 0 && (self.begun || skipped > SPACINGS[2] as u64) {
                    return Some(Found::Skipped(skipped));
                }
                continue;
            };
            let first = *self.input.first()?;
            if first != SYNC_BYTE {
                self.spacing = None;
                continue;
            }
            let packet = *self.input.first_chunk::<PACKET_BYTES>()?;
            self.input.advance(PACKET_BYTES);
            self.between = spacing - PACKET_BYTES;
            self.begun = true;
            return Some(Found::Packet(packet));
        }
    }

    /// Drops bytes up to the first that surely begins a packet; false where more are needed to tell.
    fn search(&mut self) -> bool {
        let mut at = 0;
        while let Some(step) = memchr::memchr(SYNC_BYTE, &self.input[at..]) {
            at += step;
            let ahead = &self.input[at..];
            let mut undecided = false;
            for spacing in SPACINGS {
                match confirmed(ahead, spacing, self.over) {
                    Some(true) => {
                        self.drop_front(at);
                        self.spacing = Some(spacing);
                        return true;
                    }
                    Some(false) => {}
                    None => undecided = true,
                }
            }
            if undecided {
                self.drop_front(at);
                return false;
            }
            at += 1;
        }
        self.drop_front(self.input.len());
        false
    }

    fn drop_front(&mut self, count: usize) {
        self.skipped += count as u64;
        self.input.advance(count);
    }
}

/// Whether packets begin at the front and every `spacing` after it; `None` where that is not known yet.
fn confirmed(ahead: &[u8], spacing: usize, over: bool) -> Option<bool> {
    for packet in 1..=CONFIRMED_BY {
        match ahead.get(packet * spacing) {
            Some(&SYNC_BYTE) => {}
            Some(_) => return Some(false),
            None if over => return Some(ahead.len() >= PACKET_BYTES),
            None => return None,
        }
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(fill: u8) -> Vec<u8> {
        let mut packet = vec![fill; PACKET_BYTES];
        packet[0] = SYNC_BYTE;
        packet
    }

    /// The second byte of each packet found, and what was skipped.
    fn find(stream: &[u8], piece: usize) -> (Vec<u8>, u64) {
        let mut sync = Sync::default();
        let (mut packets, mut skipped) = (Vec::new(), 0);
        let mut take = |sync: &mut Sync| {
            while let Some(found) = sync.next() {
                match found {
                    Found::Packet(packet) => packets.push(packet[1]),
                    Found::Skipped(bytes) => skipped += bytes,
                }
            }
        };
        for piece in stream.chunks(piece) {
            sync.push(piece);
            take(&mut sync);
        }
        sync.finish();
        take(&mut sync);
        (packets, skipped)
    }

    #[test]
    fn packets_are_found_bare_and_with_four_or_sixteen_bytes_between_them() {
        let bare: Vec<u8> = (1..=9).flat_map(packet).collect();
        let timed: Vec<u8> = (1..=9).flat_map(|fill| [vec![1, 2, 3, 4], packet(fill)].concat()).collect();
        let parity: Vec<u8> = (1..=9).flat_map(|fill| [packet(fill), vec![7; 16]].concat()).collect();
        for stream in [bare, timed, parity] {
            for piece in [1, 100, 188, 1_316, 9_999] {
                assert_eq!(find(&stream, piece), ((1..=9).collect(), 0), "in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_damaged_or_torn_packet_costs_itself_alone() {
        let mut stream: Vec<u8> = (1..=20).flat_map(packet).collect();
        stream[5 * PACKET_BYTES] = 0x46;
        assert_eq!(find(&stream, 1_000), ((1..=20).filter(|fill| *fill != 6).collect(), 188));
        stream.drain(10 * PACKET_BYTES + 30..10 * PACKET_BYTES + 60);
        // The torn packet takes the first bytes of the next with it.
        let whole: Vec<u8> = (1..=20).filter(|fill| ![6, 12].contains(fill)).collect();
        assert_eq!(find(&stream, 77), (whole, 188 + 158));
    }

    #[test]
    fn noise_before_and_after_is_passed_over() {
        let mut stream = vec![0x47; 1_000];
        stream.extend((0..40).map(|byte| byte as u8));
        stream.extend((1..=7).flat_map(packet));
        // The noise looks like packets, and the last of those takes the first real one with it.
        let (packets, _) = find(&stream, 50);
        assert!(packets.ends_with(&[2, 3, 4, 5, 6, 7]), "{packets:?}");
        assert_eq!(find(&[9; 5_000], 50), (Vec::new(), 0));
    }

    #[test]
    fn what_nobody_reads_is_dropped_oldest_first() {
        let mut sync = Sync::default();
        assert_eq!(sync.push(&vec![0; MAX_UNREAD_BYTES]), 0);
        assert_eq!(sync.push(&packet(5)), PACKET_BYTES);
        assert_eq!(sync.input.len(), MAX_UNREAD_BYTES);
        sync.finish();
        assert_eq!(sync.next(), Some(Found::Skipped((MAX_UNREAD_BYTES - PACKET_BYTES) as u64)));
        assert!(matches!(sync.next(), Some(Found::Packet(found)) if found[1] == 5));
    }
}
