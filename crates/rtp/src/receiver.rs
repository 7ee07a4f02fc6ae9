//! A stream put in order from what one or two legs and the error correction bring.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::fault::Fault;
use crate::fec::{FecPacket, FecStatistics};
use crate::legs::{Difference, Leg, LegStatistics};
use crate::limits::{MAX_CANDIDATES, MAX_LATENCY_MS, MAX_SILENCE, MIN_LATENCY_MS};
use crate::packet::{MPEG_TS, Packet};
use crate::source::{Counts, Source};
use crate::ts;
use crate::window::Taken;

/// How long a gap is waited for. It must be longer than the path difference of two legs, and than a sender takes for two
/// matrices of packets where error correction is to fill gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency(Duration);

impl Latency {
    /// A latency in ms; `None` outside [`MIN_LATENCY_MS`] to [`MAX_LATENCY_MS`].
    pub fn from_ms(ms: u32) -> Option<Latency> {
        (MIN_LATENCY_MS..=MAX_LATENCY_MS).contains(&ms).then_some(Latency(Duration::from_millis(ms.into())))
    }
}

/// The receiving side of one stream.
///
/// It follows one source, an SSRC and sequence numbers that go on from one another. Another one that shows itself with
/// packets in sequence is held beside it, and followed once the first has been silent for the latency: so a sender that
/// starts anew loses nothing, and one that shouts in between changes nothing.
#[derive(Debug)]
pub struct Receiver {
    latency: Duration,
    followed: Option<Source>,
    /// On probation, or waiting for the followed one to fall silent. At most [`MAX_CANDIDATES`].
    candidates: Vec<Source>,
    counts: Statistics,
    difference: Difference,
}

/// What comes out, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A source is followed from here on; its timestamps and numbers have nothing to do with those before.
    Started {
        /// The sender's name for it.
        ssrc: u32,
    },
    /// The next packet.
    Media(Media),
    /// Packets between the one before and the one that follows were not to be had.
    Lost {
        /// The first one's number.
        first: u64,
        /// How many.
        count: u64,
    },
}

/// A packet in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// The sequence number, unwrapped: rises by one a packet.
    pub number: u64,
    /// The timestamp in 90 kHz ticks, unwrapped.
    pub timestamp: i64,
    /// The sender says that timestamps are discontinuous here (RFC 2250 §2).
    pub marker: bool,
    /// Told by the error correction.
    pub recovered: bool,
    /// Whole MPEG-TS packets.
    pub payload: Bytes,
}

/// What has happened since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Packets given out.
    pub delivered: u64,
    /// Those of them that the error correction told.
    pub recovered: u64,
    /// Packets that were not to be had in time.
    pub lost: u64,
    /// Sources followed, one after the other.
    pub starts: u64,
    /// Packets and gaps that wait now.
    pub waiting: usize,
    /// Each leg's part.
    pub legs: [LegStatistics; 2],
    /// By how many ms the second leg comes behind the first, of late. Negative: the first is behind.
    pub difference_ms: Option<f64>,
    /// The greatest difference either way, in ms.
    pub greatest_difference_ms: f64,
    /// The error correction's part.
    pub fec: FecStatistics,
}

impl Receiver {
    /// A receiver of a stream not yet begun.
    pub fn new(Latency(latency): Latency) -> Receiver {
        let (counts, difference) = (Statistics::default(), Difference::default());
        Receiver { latency, followed: None, candidates: Vec::new(), counts, difference }
    }

    /// Takes a datagram from the media port of a leg. [`Receiver::poll`] afterwards.
    ///
    /// # Errors
    /// When it is not RTP with MPEG-TS. It is counted and changes nothing.
    pub fn media(&mut self, leg: Leg, datagram: &[u8], now: Instant) -> Result<(), Fault> {
        let of_leg = &mut self.counts.legs[leg as usize];
        of_leg.received += 1;
        of_leg.bytes += datagram.len() as u64;
        let header = match parse(datagram) {
            Ok(packet) => packet.header,
            Err(fault) => {
                of_leg.malformed += 1;
                return Err(fault);
            }
        };
        let datagram = Bytes::copy_from_slice(datagram);
        let Statistics { legs, fec, .. } = &mut self.counts;
        let mut counts = Counts { legs, difference: &mut self.difference, fec };
        if let Some(source) = &mut self.followed {
            if let Some(number) = source.number(leg, &header, now) {
                source.receive(leg, number, datagram, now, &mut counts);
                return Ok(());
            }
            counts.legs[leg as usize].foreign += 1;
        }
        self.candidates.retain(|candidate| now < candidate.heard() + MAX_SILENCE);
        for candidate in &mut self.candidates {
            if let Some(number) = candidate.number(leg, &header, now) {
                candidate.receive(leg, number, datagram, now, &mut counts);
                return Ok(());
            }
        }
        if self.candidates.len() == MAX_CANDIDATES {
            let stale = (0..MAX_CANDIDATES).min_by_key(|at| self.candidates[*at].heard());
            self.candidates.remove(stale.expect("there are some"));
        }
        self.candidates.push(Source::new(leg, &header, datagram, self.latency, now));
        Ok(())
    }

    /// Takes a datagram from an error correction port, whichever. [`Receiver::poll`] afterwards.
    ///
    /// # Errors
    /// When it is no correction packet, or for packets out of reach. It is counted and changes nothing.
    pub fn fec(&mut self, datagram: &[u8], now: Instant) -> Result<(), Fault> {
        self.counts.fec.received += 1;
        let corrected = self.correct(datagram, now);
        self.counts.fec.malformed += u64::from(corrected.is_err());
        corrected
    }

    fn correct(&mut self, datagram: &[u8], now: Instant) -> Result<(), Fault> {
        let fec = FecPacket::parse(datagram)?;
        let sources = self.followed.iter_mut().chain(&mut self.candidates);
        let believed = sources.filter(|source| source.is_believed());
        match believed.min_by_key(|source| source.distance(&fec)) {
            Some(source) => source.correct(&fec, Bytes::copy_from_slice(datagram), now, &mut self.counts.fec),
            None => Ok(()),
        }
    }

    /// What comes next. After `None` ask again when more has come, or at [`Receiver::deadline`].
    pub fn poll(&mut self, now: Instant) -> Option<Event> {
        if let Some(source) = &mut self.followed
            && let Some(taken) = source.take(now, &mut self.counts.legs)
        {
            return Some(match taken {
                Taken::Lost { first, count } => {
                    self.counts.lost += count;
                    Event::Lost { first, count }
                }
                Taken::Packet { number, datagram, recovered } => {
                    self.counts.delivered += 1;
                    self.counts.recovered += u64::from(recovered);
                    let packet = Packet::parse(&datagram).expect("it was parsed when it came");
                    Event::Media(Media {
                        number,
                        timestamp: source.timestamps.next(packet.header.timestamp.into()),
                        marker: packet.header.marker,
                        recovered,
                        payload: datagram.slice_ref(packet.payload),
                    })
                }
            });
        }
        let silent = self.followed.as_ref().is_none_or(|source| source.heard() + self.latency <= now);
        if silent && let Some(at) = self.successor() {
            let source = self.candidates.remove(at);
            let ssrc = source.ssrc();
            self.candidates.retain(|candidate| candidate.ssrc() != ssrc);
            self.followed = Some(source);
            self.counts.starts += 1;
            return Some(Event::Started { ssrc });
        }
        if self.followed.is_some() {
            self.candidates.iter_mut().for_each(|candidate| candidate.window.forget(now));
        }
        None
    }

    /// When to [`Receiver::poll`] though nothing has come.
    pub fn deadline(&self) -> Option<Instant> {
        let followed = self.followed.as_ref()?;
        let takeover = self.successor().map(|_| followed.heard() + self.latency);
        followed.window.deadline().into_iter().chain(takeover).min()
    }

    /// Which candidate would be followed: one that is believed and has something to give out.
    fn successor(&self) -> Option<usize> {
        self.candidates.iter().position(|candidate| candidate.is_believed() && candidate.window.waiting() > 0)
    }

    /// What has happened so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            waiting: self.followed.as_ref().map_or(0, |source| source.window.waiting()),
            difference_ms: self.difference.ms(),
            greatest_difference_ms: self.difference.greatest_ms(),
            ..self.counts
        }
    }
}

/// The one door for media.
fn parse(datagram: &[u8]) -> Result<Packet<'_>, Fault> {
    let packet = Packet::parse(datagram)?;
    match packet.header.payload_type {
        MPEG_TS | 96..=127 => {}
        other => return Err(Fault::PayloadType(other)),
    }
    ts::whole_packets(packet.payload)?;
    Ok(packet)
}

#[cfg(test)]
mod tests;
