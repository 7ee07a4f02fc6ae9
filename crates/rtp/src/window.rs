//! The reorder buffer: packets by number, given out in order, with what is known of those given out lately.
//!
//! ```text
//!   first           kept            next                    end
//!     | remembered    | and kept     | waiting, with gaps    |
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::legs::{Leg, LegSet};
use crate::limits::{FEC_HISTORY, HISTORY, MAX_WAITING, MAX_WAITING_BYTES};

/// Packets of one source. A gap is waited for until the latency has passed since a later packet showed it; nothing else
/// waits.
#[derive(Debug)]
pub(crate) struct Window {
    slots: VecDeque<Slot>,
    /// The number of the first slot.
    first: u64,
    /// Slots before this have let go of their datagrams.
    kept: u64,
    /// Slots before this have been told to [`Window::judge`].
    judged: u64,
    /// Given out next.
    next: u64,
    waiting_bytes: usize,
    /// Numbers given up right before `next` and not yet told.
    lost: u64,
    latency: Duration,
    /// How many datagrams are kept after they were given out.
    keep: usize,
}

#[derive(Debug)]
struct Slot {
    /// When its first copy came; before that, when a later number showed it to be missing.
    since: Instant,
    came: Came,
    /// Those that brought it.
    legs: LegSet,
    datagram: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Not,
    By(Leg),
    Recovered,
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Leg(Leg),
    Recovered,
}

/// What a packet was to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// The first of its number.
    New,
    /// The first of its number, which had been given up.
    Late,
    /// The other leg had brought it, so much earlier.
    Copy(Duration),
    /// It had been recovered.
    Recovered,
    /// The same leg had brought it, or it is recovered once more.
    Again,
    /// Of a number before those remembered.
    Forgotten,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Packet { number: u64, datagram: Bytes, recovered: bool },
    Lost { first: u64, count: u64 },
}

impl Window {
    /// An empty window whose first packet is `number`.
    pub(crate) fn new(number: u64, latency: Duration) -> Window {
        let (first, kept, judged, next) = (number, number, number, number);
        let slots = VecDeque::new();
        Window { slots, first, kept, judged, next, waiting_bytes: 0, lost: 0, latency, keep: 0 }
    }

    /// From now on packets given out are kept for [`Window::datagram`].
    pub(crate) fn keep_history(&mut self) {
        self.keep = FEC_HISTORY;
    }

    /// The first number not yet heard of.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// The number given out or given up next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Packets and gaps that wait.
    pub(crate) fn waiting(&self) -> usize {
        (self.end() - self.next) as usize
    }

    /// Numbers held in any way.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.slots.len()
    }

    /// A packet that is still kept.
    pub(crate) fn datagram(&self, number: u64) -> Option<&Bytes> {
        self.slot(number)?.datagram.as_ref()
    }

    /// True if `number` never came and is still remembered or waited for.
    pub(crate) fn lacks(&self, number: u64) -> bool {
        self.slot(number).is_some_and(|slot| slot.came == Came::Not)
    }

    fn slot(&self, number: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Puts a packet where it belongs. Over [`MAX_WAITING`] or [`MAX_WAITING_BYTES`] the oldest are given up.
    pub(crate) fn insert(&mut self, number: u64, datagram: Bytes, origin: Origin, now: Instant) -> Placed {
        let Some(index) = number.checked_sub(self.first) else { return Placed::Forgotten };
        while self.slots.len() as u64 <= index {
            self.slots.push_back(Slot {
                since: now,
                came: Came::Not,
                legs: LegSet::default(),
                datagram: None,
            });
        }
        let late = number < self.next;
        let slot = &mut self.slots[index as usize];
        let placed = match (slot.came, origin) {
            (Came::Not, _) if late => Placed::Late,
            (Came::Not, _) => Placed::New,
            (Came::By(_), Origin::Leg(leg)) if !slot.legs.has(leg) => {
                Placed::Copy(now.saturating_duration_since(slot.since))
            }
            (Came::Recovered, Origin::Leg(leg)) if !slot.legs.has(leg) => Placed::Recovered,
            _ => Placed::Again,
        };
        if let Origin::Leg(leg) = origin {
            slot.legs.add(leg);
        }
        if let Placed::New | Placed::Late = placed {
            slot.since = now;
            slot.came = match origin {
                Origin::Leg(leg) => Came::By(leg),
                Origin::Recovered => Came::Recovered,
            };
            if !late {
                self.waiting_bytes += datagram.len();
            }
            if number >= self.kept {
                slot.datagram = Some(datagram);
            }
        }
        while self.waiting() > MAX_WAITING || self.waiting_bytes > MAX_WAITING_BYTES {
            self.give_up();
        }
        placed
    }

    /// What comes next in order, once it is there or given up. After `None` ask again when more has come or at
    /// [`Window::deadline`].
    pub(crate) fn take(&mut self, now: Instant) -> Option<Taken> {
        while let Some(slot) = self.slot(self.next) {
            match &slot.datagram {
                Some(_) if self.lost > 0 => break,
                Some(datagram) => {
                    let (number, recovered) = (self.next, slot.came == Came::Recovered);
                    let datagram = datagram.clone();
                    self.advance();
                    return Some(Taken::Packet { number, datagram, recovered });
                }
                None if now.saturating_duration_since(slot.since) >= self.latency => self.give_up(),
                None => break,
            }
        }
        let count = std::mem::take(&mut self.lost);
        (count > 0).then(|| Taken::Lost { first: self.next - count, count })
    }

    /// When the gap that is waited for is given up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.slot(self.next).map(|slot| slot.since + self.latency)
    }

    /// Lets go of what has waited longer than the latency, untold: nobody follows this source yet.
    pub(crate) fn forget(&mut self, now: Instant) {
        while let Some(slot) = self.slot(self.next)
            && now.saturating_duration_since(slot.since) > self.latency
        {
            self.advance();
        }
        self.judged = self.judged.max(self.next);
        self.trim();
    }

    /// Tells each number once, with the legs that brought it within the latency.
    pub(crate) fn judge(&mut self, now: Instant, mut tell: impl FnMut(u64, LegSet)) {
        while let Some(slot) = self.slot(self.judged)
            && (now.saturating_duration_since(slot.since) >= self.latency || self.judged < self.oldest())
        {
            tell(self.judged, slot.legs);
            self.judged += 1;
        }
        self.trim();
    }

    /// True if `number` has been told to [`Window::judge`].
    pub(crate) fn is_judged(&self, number: u64) -> bool {
        number < self.judged
    }

    /// The oldest number worth remembering.
    fn oldest(&self) -> u64 {
        self.next.saturating_sub(HISTORY as u64)
    }

    fn trim(&mut self) {
        let remembered = self.oldest().min(self.judged).min(self.kept);
        while self.first < remembered {
            self.slots.pop_front();
            self.first += 1;
        }
    }

    fn give_up(&mut self) {
        self.lost += 1;
        self.advance();
    }

    fn advance(&mut self) {
        if let Some(slot) = self.slot(self.next)
            && let Some(datagram) = &slot.datagram
        {
            self.waiting_bytes -= datagram.len();
        }
        self.next += 1;
        while self.kept + (self.keep as u64) < self.next {
            let index = (self.kept - self.first) as usize;
            self.slots[index].datagram = None;
            self.kept += 1;
        }
    }
}

#[cfg(test)]
mod tests;
