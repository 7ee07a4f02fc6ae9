//! The continuity counter (ISO/IEC 13818-1 §2.4.3.3).

use crate::packet::{PACKET_BYTES, Packet};

/// One PID's counter.
#[derive(Debug, Default)]
pub(crate) struct Continuity {
    last: Option<u8>,
    /// The payload of the packet before, by which a repetition is known from sixteen losses.
    payload: Vec<u8>,
}

/// How a packet goes on from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next, or the first.
    Next,
    /// The same again, as the specification allows.
    Duplicate,
    /// Packets are missing, at least so many.
    Lost(u8),
    /// Told to break here.
    Break,
}

impl Continuity {
    pub(crate) fn step(&mut self, packet: &Packet<'_>) -> Step {
        let Some(payload) = packet.payload else {
            // The counter stands still without a payload.
            if packet.discontinuity {
                self.last = None;
            }
            return Step::Next;
        };
        let last = self.last.replace(packet.continuity);
        if packet.discontinuity {
            self.remember(payload);
            return Step::Break;
        }
        let step = match last {
            None => Step::Next,
            Some(last) if last == packet.continuity && self.payload == payload => Step::Duplicate,
            Some(last) => match packet.continuity.wrapping_sub(last).wrapping_sub(1) & 0x0F {
                0 => Step::Next,
                missing => Step::Lost(missing),
            },
        };
        self.remember(payload);
        step
    }

    fn remember(&mut self, payload: &[u8]) {
        debug_assert!(payload.len() < PACKET_BYTES, "a payload is inside a packet");
        self.payload.clear();
        self.payload.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_gaps_and_breaks_are_told_apart() {
        let packet = |continuity, payload| Packet {
            pid: 256,
            damaged: false,
            starts: false,
            scrambled: false,
            continuity,
            discontinuity: false,
            pcr: None,
            payload,
        };
        let mut counter = Continuity::default();
        let (a, b) = (Some(&b"a"[..]), Some(&b"b"[..]));
        assert_eq!(counter.step(&packet(14, a)), Step::Next);
        assert_eq!(counter.step(&packet(15, a)), Step::Next);
        assert_eq!(counter.step(&packet(15, a)), Step::Duplicate);
        assert_eq!(counter.step(&packet(15, None)), Step::Next);
        assert_eq!(counter.step(&packet(0, b)), Step::Next);
        assert_eq!(counter.step(&packet(3, b)), Step::Lost(2));
        assert_eq!(counter.step(&packet(3, a)), Step::Lost(15));
        assert_eq!(counter.step(&Packet { discontinuity: true, ..packet(9, a) }), Step::Break);
        assert_eq!(counter.step(&packet(10, a)), Step::Next);
        assert_eq!(counter.step(&Packet { discontinuity: true, ..packet(10, None) }), Step::Next);
        assert_eq!(counter.step(&packet(2, a)), Step::Next);
    }
}
