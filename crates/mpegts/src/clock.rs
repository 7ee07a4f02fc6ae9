//! A program's clock (ISO/IEC 13818-1 §2.4.2.1, §2.4.3.5).

use crate::packet::Packet;
use crate::unwrap::ClockLine;

/// References come every 100 ms; a step of more than this, in 27 MHz, is no loss but another clock.
const MAX_STEP: i64 = 10 * 27_000_000;

/// The clock references of one PID on one line.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(crate) pid: u16,
    line: ClockLine,
    /// A packet said that the next reference is another clock's.
    breaks: bool,
}

/// The clock does not go on: the step from the reference before, in 27 MHz.
#[derive(Debug, PartialEq)]
pub(crate) struct Jump(pub(crate) Option<i64>);

impl Clock {
    pub(crate) fn on(pid: u16) -> Self {
        Self { pid, line: ClockLine::default(), breaks: false }
    }

    /// The latest reference, in 27 MHz from the first one's own value.
    pub(crate) const fn latest(&self) -> Option<i64> {
        self.line.last()
    }

    /// Takes a packet of the clock's PID.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>) -> Option<Jump> {
        self.breaks |= packet.discontinuity;
        let pcr = packet.pcr?;
        let before = self.line.last();
        let step = before.map(|before| self.line.next(pcr) - before);
        if before.is_none() {
            self.line.next(pcr);
        }
        let told = std::mem::take(&mut self.breaks);
        let jumped = step.is_some_and(|step| !(0..=MAX_STEP).contains(&step));
        (told || jumped).then_some(Jump(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unwrap::CLOCK_WRAP;

    #[test]
    fn jumps_are_told_and_wraps_are_none() {
        let packet = |pcr, discontinuity| Packet {
            pid: 256,
            damaged: false,
            starts: false,
            scrambled: false,
            continuity: 0,
            discontinuity,
            pcr,
            payload: None,
        };
        let second = 27_000_000;
        let mut clock = Clock::on(256);
        assert_eq!(clock.packet(&packet(Some(CLOCK_WRAP - second), false)), None);
        assert_eq!(clock.packet(&packet(Some(second), false)), None);
        assert_eq!(clock.latest(), Some(CLOCK_WRAP + second));
        assert_eq!(clock.packet(&packet(Some(0), false)), Some(Jump(Some(-second))));
        assert_eq!(clock.packet(&packet(Some(11 * second), false)), Some(Jump(Some(11 * second))));
        assert_eq!(clock.packet(&packet(None, true)), None);
        assert_eq!(clock.packet(&packet(Some(12 * second), false)), Some(Jump(Some(second))));
        assert_eq!(Clock::on(1).packet(&packet(Some(5), true)), Some(Jump(None)));
    }
}
