//! One sender's run of packets: an SSRC and sequence numbers that go on from one another (RFC 3550 A.1).

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::Unwrap;

use crate::fault::Fault;
use crate::fec::{FecPacket, FecStatistics, Recovery};
use crate::legs::{Difference, Leg, LegStatistics, Position};
use crate::limits::{HISTORY, MAX_DROPOUT, MAX_MISORDER, MIN_SEQUENTIAL};
use crate::packet::{Header, Packet};
use crate::sequence::{first_number, sequence_step};
use crate::ts;
use crate::window::{Origin, Placed, Taken, Window};

/// A source, believed or on probation.
#[derive(Debug)]
pub(crate) struct Source {
    ssrc: u32,
    payload_type: u8,
    /// The number of the packet it began with.
    first: u64,
    /// Packets in sequence so far, up to [`MIN_SEQUENTIAL`].
    sequential: u32,
    heard: Instant,
    legs: [Option<Position>; 2],
    latency: Duration,
    pub(crate) window: Window,
    recovery: Recovery,
    /// Of 32 bits of 90 kHz, which begin again after 13 hours and 15 minutes.
    pub(crate) timestamps: Unwrap<{ 1 << 32 }>,
}

impl Source {
    /// A source that begins with a packet.
    pub(crate) fn new(leg: Leg, header: &Header, datagram: Bytes, latency: Duration, now: Instant) -> Source {
        let first = first_number(header.sequence);
        let mut legs = [None; 2];
        legs[leg as usize] = Some(Position { joined: first, newest: first, heard: now });
        let mut window = Window::new(first, latency);
        window.insert(first, datagram, Origin::Leg(leg), now);
        Source {
            ssrc: header.ssrc,
            payload_type: header.payload_type,
            first,
            sequential: 1,
            heard: now,
            legs,
            latency,
            window,
            recovery: Recovery::default(),
            timestamps: Unwrap::default(),
        }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// True once enough packets came in sequence.
    pub(crate) fn is_believed(&self) -> bool {
        self.sequential >= MIN_SEQUENTIAL
    }

    /// When it last brought something.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// The number of a packet, if it belongs to this source. It is near what its leg brought last; a leg that was away or is
    /// new is judged by the other one's progress.
    pub(crate) fn number(&self, leg: Leg, header: &Header, now: Instant) -> Option<u64> {
        if (header.ssrc, header.payload_type) != (self.ssrc, self.payload_type) {
            return None;
        }
        let fresh = |leg: Leg| self.legs[leg as usize].filter(|position| now < position.heard + self.latency);
        let newest = self.window.end() - 1;
        let (reference, back) = match (fresh(leg), fresh(leg.other())) {
            (Some(position), _) => (position.newest, MAX_MISORDER),
            (None, Some(_)) => (newest, HISTORY as i64),
            (None, None) => (newest, MAX_MISORDER),
        };
        let step = sequence_step(reference, header.sequence);
        let number = (-back..=MAX_DROPOUT).contains(&step).then(|| reference.saturating_add_signed(step))?;
        // On probation every leg's packets must come one by one.
        let follows = self.legs[leg as usize].is_none_or(|position| position.newest + 1 == number);
        (self.is_believed() || follows).then_some(number)
    }

    /// Takes a packet that belongs to this source.
    pub(crate) fn receive(
        &mut self,
        leg: Leg,
        number: u64,
        datagram: Bytes,
        now: Instant,
        counts: &mut Counts<'_>,
    ) {
        self.heard = now;
        let before = self.legs[leg as usize];
        if before.is_some() && !self.is_believed() {
            self.sequential += 1;
        }
        match &mut self.legs[leg as usize] {
            Some(position) => {
                position.newest = position.newest.max(number);
                position.heard = now;
            }
            absent => *absent = Some(Position { joined: number, newest: number, heard: now }),
        }
        if number < self.first {
            return;
        }
        let judged = self.window.is_judged(number);
        let placed = self.window.insert(number, datagram, Origin::Leg(leg), now);
        let of_leg = &mut counts.legs[leg as usize];
        match placed {
            Placed::Again => of_leg.duplicate += 1,
            _ if judged => of_leg.late += 1,
            _ if before.is_some_and(|before| number < before.newest) => of_leg.reordered += 1,
            _ => {}
        }
        match placed {
            Placed::Copy(behind) => counts.difference.measured(leg, behind),
            Placed::New | Placed::Late => self.settle(vec![number], now, counts.fec),
            Placed::Recovered | Placed::Again | Placed::Forgotten => {}
        }
    }

    /// How far a correction packet's numbers are from what is received.
    pub(crate) fn distance(&self, fec: &FecPacket<'_>) -> u64 {
        sequence_step(self.window.end() - 1, fec.header.base).unsigned_abs()
    }

    /// Takes a correction packet.
    ///
    /// # Errors
    /// When what it protects is out of reach.
    pub(crate) fn correct(
        &mut self,
        fec: &FecPacket<'_>,
        datagram: Bytes,
        now: Instant,
        counts: &mut FecStatistics,
    ) -> Result<(), Fault> {
        self.window.keep_history();
        if let Some(told) = self.recovery.receive(fec, datagram, &self.window, self.ssrc)? {
            let came = self.admit(told.number, told.datagram, now, counts);
            self.settle(came.into_iter().collect(), now, counts);
        }
        Ok(())
    }

    /// Recovers what can be, now that `came` is there: each packet told may let another be told.
    fn settle(&mut self, mut came: Vec<u64>, now: Instant, counts: &mut FecStatistics) {
        while let Some(number) = came.pop() {
            for told in self.recovery.came(number, &self.window, self.ssrc) {
                came.extend(self.admit(told.number, told.datagram, now, counts));
            }
        }
    }

    /// Puts a recovered packet into the window by the same door as received ones; returns its number.
    fn admit(
        &mut self,
        number: u64,
        datagram: Option<Bytes>,
        now: Instant,
        counts: &mut FecStatistics,
    ) -> Option<u64> {
        let good = datagram.filter(|datagram| {
            Packet::parse(datagram).is_ok_and(|packet| ts::whole_packets(packet.payload).is_ok())
        });
        let Some(datagram) = good else {
            counts.wrong += 1;
            return None;
        };
        let placed = self.window.insert(number, datagram, Origin::Recovered, now);
        let new = matches!(placed, Placed::New | Placed::Late);
        counts.recovered += u64::from(new);
        new.then_some(number)
    }

    /// What comes next in order.
    pub(crate) fn take(&mut self, now: Instant, legs: &mut [LegStatistics; 2]) -> Option<Taken> {
        let taken = self.window.take(now);
        let positions = self.legs;
        self.window.judge(now, |number, brought| {
            for leg in Leg::BOTH {
                let missed = positions[leg as usize]
                    .is_some_and(|position| position.joined <= number && !brought.has(leg));
                legs[leg as usize].lost += u64::from(missed);
            }
        });
        taken
    }
}

/// Where a source counts what comes.
#[derive(Debug)]
pub(crate) struct Counts<'a> {
    pub(crate) legs: &'a mut [LegStatistics; 2],
    pub(crate) difference: &'a mut Difference,
    pub(crate) fec: &'a mut FecStatistics,
}
