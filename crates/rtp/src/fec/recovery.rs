//! Missing packets told from correction packets.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::fault::Fault;
use crate::fec::sum::Sum;
use crate::fec::{FecHeader, FecPacket};
use crate::limits::{FEC_HISTORY, MAX_DROPOUT, MAX_FEC_WAITING, MAX_RECOVERED_STEP};
use crate::packet::Packet;
use crate::sequence::sequence_step;
use crate::window::Window;

/// What the error correction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FecStatistics {
    /// Datagrams, good and bad.
    pub received: u64,
    /// Datagrams that are no correction packets, or for packets out of reach.
    pub malformed: u64,
    /// Packets recovered, whether in time or not.
    pub recovered: u64,
    /// Sums that were no packet of this stream: a correction packet that belongs to another one, or a forged one.
    pub wrong: u64,
}

/// Correction packets of which more than one protected packet is missing.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// The first number protected.
    base: u64,
    header: FecHeader,
    datagram: Bytes,
}

/// A packet that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) number: u64,
    /// `None`: the sum is no packet that can belong here.
    pub(crate) datagram: Option<Bytes>,
}

enum Verdict {
    /// Only this one is missing.
    Lacks(u64),
    /// More than one is missing, or one that may still be on its way.
    Waits,
    /// Nothing is missing that could still be told.
    Done,
}

impl Recovery {
    /// Takes a correction packet for a stream with this window; returns what it tells at once.
    ///
    /// # Errors
    /// When what it protects is out of the window's reach.
    pub(crate) fn receive(
        &mut self,
        fec: &FecPacket<'_>,
        datagram: Bytes,
        window: &Window,
        ssrc: u32,
    ) -> Result<Option<Recovered>, Fault> {
        let header = fec.header;
        let newest = window.end() - 1;
        let base = newest.saturating_add_signed(sequence_step(newest, header.base));
        let reach = window.next().saturating_sub(FEC_HISTORY as u64)..=window.end() + MAX_DROPOUT as u64;
        if !reach.contains(&base) {
            return Err(Fault::FecReach(header.base));
        }
        // The other leg may have brought it too.
        let known = |held: &Waiting| held.base == base && held.header.direction == header.direction;
        if self.waiting.iter().any(known) {
            return Ok(None);
        }
        let held = Waiting { base, header, datagram };
        match held.verdict(window) {
            Verdict::Lacks(number) => Ok(Some(held.recover(number, window, ssrc))),
            Verdict::Done => Ok(None),
            Verdict::Waits => {
                self.waiting.push_back(held);
                if self.waiting.len() > MAX_FEC_WAITING {
                    self.waiting.pop_front();
                }
                Ok(None)
            }
        }
    }

    /// What can be told now that `number` is there.
    pub(crate) fn came(&mut self, number: u64, window: &Window, ssrc: u32) -> Vec<Recovered> {
        let mut told = Vec::new();
        let oldest = window.next().saturating_sub(FEC_HISTORY as u64);
        self.waiting.retain(|held| {
            if !held.protects(number) {
                return held.last() >= oldest;
            }
            match held.verdict(window) {
                Verdict::Waits => true,
                Verdict::Done => false,
                Verdict::Lacks(missing) => {
                    told.push(held.recover(missing, window, ssrc));
                    false
                }
            }
        });
        told
    }
}

impl Waiting {
    fn numbers(&self) -> impl Iterator<Item = u64> {
        let (base, offset) = (self.base, u64::from(self.header.offset));
        (0..u64::from(self.header.packets)).map(move |packet| base + packet * offset)
    }

    fn last(&self) -> u64 {
        self.base + u64::from(self.header.packets - 1) * u64::from(self.header.offset)
    }

    fn protects(&self, number: u64) -> bool {
        let offset = u64::from(self.header.offset);
        (self.base..=self.last()).contains(&number) && (number - self.base).is_multiple_of(offset)
    }

    fn verdict(&self, window: &Window) -> Verdict {
        let mut missing = self.numbers().filter(|number| window.datagram(*number).is_none());
        match (missing.next(), missing.next()) {
            (None, _) => Verdict::Done,
            (Some(number), None) if window.lacks(number) => Verdict::Lacks(number),
            (Some(number), None) if number < window.end() => Verdict::Done,
            _ => Verdict::Waits,
        }
    }

    /// Adds up everything but `missing`. All others are in the window.
    fn recover(&self, missing: u64, window: &Window, ssrc: u32) -> Recovered {
        let fec = FecPacket::parse(&self.datagram).expect("it was parsed when it came");
        let mut sum = Sum::of(&fec);
        let others = || self.numbers().filter_map(|number| window.datagram(number));
        others().for_each(|datagram| sum.add(datagram));
        let datagram = sum
            .packet(missing as u16, ssrc)
            // A packet longer than the sum of which it was a part was no part of it.
            .filter(|_| sum.body_len() == fec.body.len())
            .filter(|datagram| others().next().is_none_or(|other| belongs_beside(datagram, other)));
        Recovered { number: missing, datagram: datagram.map(Bytes::from) }
    }
}

/// True if a recovered packet can stand beside `other`, which was received.
fn belongs_beside(datagram: &[u8], other: &[u8]) -> bool {
    match (Packet::parse(datagram), Packet::parse(other)) {
        (Ok(packet), Ok(other)) => {
            let step = packet.header.timestamp.wrapping_sub(other.header.timestamp) as i32;
            packet.header.payload_type == other.header.payload_type
                && step.unsigned_abs() <= MAX_RECOVERED_STEP
        }
        _ => false,
    }
}
