//! How the disk does: what is not on it yet, and whether the operator should know.
//!
//! ```text
//! well --a fault, or something waits SLOW--> degraded --nothing of either for CALM--> well
//! ```

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use manifest::TrackName;
use media::ChannelName;

/// Records that wait for the disk this long are told: a power cut would cost more than a sync's interval.
const SLOW: Duration = Duration::from_secs(4);
/// The disk does well again after so long without a fault: a full one is full again with the next segment.
const CALM: Duration = Duration::from_secs(10);

/// Stands for a record from when it is handed over until it is on disk, or given up.
pub(super) type Ticket = u64;

/// Why a disk does badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// No room, in bytes, files or quota.
    Full,
    /// Reads, writes or syncs fail.
    Fault,
    /// It takes longer than the segments that come.
    Slow,
}

impl Reason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Fault => "fault",
            Self::Slow => "slow",
        }
    }
}

/// What a look at the disk brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Raised(Reason),
    Cleared,
}

/// Seen by the thread that writes, by publishers' requests and by scrapes.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// When each was handed over.
    waiting: BTreeMap<Ticket, Instant>,
    next: Ticket,
    /// Up to where each track is on disk, in its ticks.
    durable: HashMap<(ChannelName, TrackName), i64>,
    /// Last fault, while degraded.
    degraded: Option<Instant>,
}

impl Health {
    /// A record is handed over.
    pub(super) fn enter(&mut self, now: Instant) -> Ticket {
        self.next += 1;
        self.waiting.insert(self.next, now);
        self.next
    }

    /// It is on disk, or given up.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// A track's segment that ends at `end` is on disk.
    pub(super) fn keeps(&mut self, channel: &ChannelName, track: &TrackName, end: i64) {
        let durable = self.durable.entry((channel.clone(), track.clone())).or_insert(end);
        *durable = end.max(*durable);
    }

    /// Up to where the track is on disk.
    pub(super) fn durable(&self, channel: &ChannelName, track: &TrackName) -> Option<i64> {
        self.durable.get(&(channel.clone(), track.clone())).copied()
    }

    /// How long the oldest record has waited.
    pub(super) fn lag(&self, now: Instant) -> Duration {
        self.waiting.values().next().map_or(Duration::ZERO, |since| now.saturating_duration_since(*since))
    }

    /// Something failed.
    pub(super) fn fault(&mut self, reason: Reason, now: Instant) -> Option<Change> {
        self.degraded.replace(now).is_none().then_some(Change::Raised(reason))
    }

    /// Looks how it goes.
    pub(super) fn look(&mut self, now: Instant) -> Option<Change> {
        if self.lag(now) >= SLOW {
            return self.fault(Reason::Slow, now);
        }
        let is_over = self.degraded.is_some_and(|last| now.saturating_duration_since(last) >= CALM);
        is_over.then(|| self.degraded = None).map(|()| Change::Cleared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_once_and_cleared_when_it_is_calm() {
        let (mut health, start) = (Health::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(health.look(at(0)), None);
        assert_eq!(health.fault(Reason::Full, at(0)), Some(Change::Raised(Reason::Full)));
        assert_eq!(health.fault(Reason::Fault, at(5_000)), None);
        assert_eq!(health.look(at(14_999)), None);
        assert_eq!(health.look(at(15_000)), Some(Change::Cleared));
        assert_eq!(health.look(at(15_001)), None);
    }

    #[test]
    fn a_disk_that_does_not_keep_up_is_slow_until_it_has() {
        let (mut health, start) = (Health::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let first = health.enter(at(0));
        let second = health.enter(at(3_000));
        assert_eq!(health.look(at(3_999)), None);
        assert_eq!(health.look(at(4_000)), Some(Change::Raised(Reason::Slow)));
        health.leave(first);
        assert_eq!(health.lag(at(4_500)), Duration::from_millis(1_500));
        health.leave(second);
        assert_eq!(health.look(at(13_999)), None);
        assert_eq!(health.look(at(14_000)), Some(Change::Cleared));
    }
}
