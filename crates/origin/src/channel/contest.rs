//! Two pipelines make the same segments of a track: whose is listed.
//!
//! *Whole segments.* One with a full score is listed at once. A lesser one waits for the other pipeline's a moment, and the
//! better of the two is listed; the other's alone, where one is missing.
//!
//! *Parts.* They are listed as they come, so one pipeline leads: what the other brings is held, and dropped once the leader
//! has brought the same. Where the leader breaks off, or is a moment late, the other leads from where it stopped; and after
//! a segment with a lesser score than the other's last, from the next one on.
//!
//! What is listed is frozen: a pipeline that brings it later is not heard. Nothing here knows bytes or clocks.

use std::collections::VecDeque;

use media::Utc;

/// Pipelines of a track.
pub(crate) const PIPELINES: usize = 2;
/// The score of a segment with nothing wrong.
pub(crate) const FULL: u8 = 100;
/// Most things held for a track. At the bound the other pipeline is waited for no longer.
const MAX_HELD: usize = 64;

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Tracks are listed part by part.
    pub(crate) parts: bool,
    /// What a pipeline brings waits so long for the other's, in microseconds.
    pub(crate) patience_us: i64,
    /// A pipeline that was silent for so long is waited for no more, in microseconds.
    pub(crate) alive_us: i64,
}

/// What a pipeline brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// 0 or 1.
    pub(crate) pipeline: usize,
    /// The epoch time it covers, in microseconds.
    pub(crate) start_us: i64,
    pub(crate) end_us: i64,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Part,
    Segment {
        /// 0 to [`FULL`].
        score: u8,
        /// It goes with the header that the track has already.
        fits: bool,
        /// All of its frames are there.
        complete: bool,
    },
}

/// One track's pipelines. `T` is what they bring.
#[derive(Debug)]
pub(crate) struct Contest<T> {
    terms: Terms,
    heard: [Option<Heard>; PIPELINES],
    /// Whose parts are listed.
    lead: Option<usize>,
    /// Oldest first. Of parts, what the pipeline that does not lead brought.
    held: VecDeque<Held<T>>,
    /// Up to where anything was let through, and up to where whole segments were.
    reached_us: i64,
    done_us: i64,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    at: Utc,
    /// Of its last segment.
    score: u8,
    end_us: i64,
}

#[derive(Debug)]
struct Held<T> {
    offer: Offer,
    due: Utc,
    what: T,
}

impl Offer {
    const fn middle_us(&self) -> i64 {
        self.start_us + (self.end_us - self.start_us) / 2
    }

    /// How good a segment is. One that needs another header breaks players' decoding, so it comes second.
    const fn rank(&self) -> (bool, u8) {
        match self.kind {
            Kind::Part => (true, FULL),
            Kind::Segment { score, fits, .. } => (fits, score),
        }
    }
}

impl<T> Contest<T> {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            heard: [None; PIPELINES],
            lead: None,
            held: VecDeque::new(),
            reached_us: i64::MIN,
            done_us: i64::MIN,
        }
    }

    /// Takes what a pipeline brings; gives what is to be listed now, in this order.
    pub(crate) fn offer(&mut self, offer: Offer, what: T, now: Utc) -> Vec<(Offer, T)> {
        let heard = self.heard[offer.pipeline];
        let score = match offer.kind {
            Kind::Part => heard.map_or(FULL, |heard| heard.score),
            Kind::Segment { score, .. } => score,
        };
        self.heard[offer.pipeline] = Some(Heard { at: now, score, end_us: offer.end_us });
        if self.is_covered(&offer) {
            return Vec::new();
        }
        let held = Held { offer, due: now.plus_micros(self.terms.patience_us), what };
        if self.terms.parts {
            return self.follow(held, now);
        }
        let later = self.held.iter().position(|waiting| waiting.offer.start_us > offer.start_us);
        self.held.insert(later.unwrap_or(self.held.len()), held);
        self.settle(now)
    }

    /// A pipeline broke off.
    pub(crate) fn gone(&mut self, pipeline: usize, now: Utc) -> Vec<(Offer, T)> {
        self.heard[pipeline] = None;
        if !self.terms.parts {
            return self.settle(now);
        }
        if self.lead == Some(pipeline) {
            self.lead = None;
            if !self.held.is_empty() {
                return self.lead_with(1 - pipeline);
            }
        }
        Vec::new()
    }

    /// Looks again when [`Self::next_due`] has come.
    pub(crate) fn due(&mut self, now: Utc) -> Vec<(Offer, T)> {
        if !self.terms.parts {
            return self.settle(now);
        }
        match self.held.front() {
            Some(first) if first.due <= now => self.lead_with(first.offer.pipeline),
            Some(_) | None => Vec::new(),
        }
    }

    /// When what is held has waited long enough.
    pub(crate) fn next_due(&self) -> Option<Utc> {
        self.held.front().map(|first| first.due)
    }

    /// Whether the other pipeline than `pipeline` still brings something.
    pub(crate) fn has_other(&self, pipeline: usize, now: Utc) -> bool {
        self.heard[1 - pipeline].is_some_and(|heard| now.0 - heard.at.0 < self.terms.alive_us)
    }

    /// The latest score of the other pipeline than `pipeline`, while it brings something.
    pub(crate) fn other_score(&self, pipeline: usize, now: Utc) -> Option<u8> {
        self.heard[1 - pipeline].filter(|_| self.has_other(pipeline, now)).map(|heard| heard.score)
    }

    fn is_covered(&self, offer: &Offer) -> bool {
        let until_us = match offer.kind {
            Kind::Part => self.reached_us,
            Kind::Segment { .. } => self.done_us,
        };
        offer.middle_us() < until_us
    }

    fn let_through(&mut self, offer: &Offer) {
        self.reached_us = self.reached_us.max(offer.end_us);
        if let Kind::Segment { .. } = offer.kind {
            self.done_us = self.done_us.max(offer.end_us);
        }
    }

    /// Whole segments: gives those that need not wait any longer.
    fn settle(&mut self, now: Utc) -> Vec<(Offer, T)> {
        let mut given = Vec::new();
        while let Some(first) = self.held.front() {
            let end_us = first.offer.end_us;
            let rivals = self.held.iter().take_while(|held| held.offer.middle_us() < end_us).count();
            let best = (0..rivals)
                .rev()
                .max_by_key(|at| self.held[*at].offer.rank())
                .expect("the first is among them");
            let other = 1 - self.held[best].offer.pipeline;
            let has_both = self.held.iter().take(rivals).any(|held| held.offer.pipeline == other);
            let passed = self.heard[other].is_some_and(|heard| heard.end_us > end_us);
            let is_ready = self.held[best].offer.rank() == (true, FULL)
                || has_both
                || passed
                || !self.has_other(1 - other, now)
                || self.held.iter().take(rivals).any(|held| held.due <= now)
                || self.held.len() > MAX_HELD;
            if !is_ready {
                break;
            }
            let Held { offer, what, .. } = self.held.remove(best).expect("it was just looked at");
            self.let_through(&offer);
            self.drop_covered();
            given.push((offer, what));
        }
        given
    }

    /// Parts: gives what the leader brings, holds what the other does.
    fn follow(&mut self, held: Held<T>, now: Utc) -> Vec<(Offer, T)> {
        let Held { offer, .. } = held;
        let (pipeline, other) = (offer.pipeline, 1 - offer.pipeline);
        if self.lead.is_none_or(|lead| lead == other && !self.has_other(pipeline, now)) {
            let mut given = self.lead_with(pipeline);
            given.extend(self.pass(held));
            return given;
        }
        if self.lead == Some(other) {
            self.held.push_back(held);
            return if self.held.len() > MAX_HELD { self.lead_with(pipeline) } else { Vec::new() };
        }
        let passed_over = |waiting: &Held<T>| {
            waiting.offer.kind == Kind::Part && waiting.offer.middle_us() < offer.start_us
        };
        if offer.kind == Kind::Part && self.held.iter().any(passed_over) {
            // It leaps, over what the other has.
            let given = self.lead_with(other);
            if !self.is_covered(&offer) {
                self.held.push_back(held);
            }
            return given;
        }
        let Kind::Segment { score, complete, .. } = offer.kind else {
            return self.pass(held).into_iter().collect();
        };
        let rival = self.heard[other].filter(|_| self.has_other(pipeline, now));
        let Some(rival) = rival else {
            return self.pass(held).into_iter().collect();
        };
        if !complete && rival.end_us > offer.start_us {
            // It ends early: the other goes on from there.
            return self.lead_with(other);
        }
        let mut given: Vec<_> = self.pass(held).into_iter().collect();
        if score < rival.score {
            given.extend(self.lead_with(other));
        }
        given
    }

    /// Makes `pipeline` the leader, and gives what was held of it.
    fn lead_with(&mut self, pipeline: usize) -> Vec<(Offer, T)> {
        self.lead = Some(pipeline);
        let held = std::mem::take(&mut self.held);
        held.into_iter()
            .filter(|held| held.offer.pipeline == pipeline)
            .filter_map(|held| if self.is_covered(&held.offer) { None } else { self.pass(held) })
            .collect()
    }

    fn pass(&mut self, held: Held<T>) -> Option<(Offer, T)> {
        self.let_through(&held.offer);
        self.drop_covered();
        Some((held.offer, held.what))
    }

    fn drop_covered(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.held = held.into_iter().filter(|held| !self.is_covered(&held.offer)).collect();
    }
}

#[cfg(test)]
mod tests;
