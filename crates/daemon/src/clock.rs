//! The output clock: monotonic, anchored to the epoch once.

use std::time::{Instant, SystemTime};

use media::Utc;

/// Tells epoch time without ever going backwards: the wall clock is read once, at the start, and steps of it later
/// move nothing.
#[derive(Clone, Copy, Debug)]
pub struct EpochClock {
    started: Instant,
    started_utc: Utc,
}

impl EpochClock {
    /// Anchors to the wall clock now.
    pub fn start() -> Self {
        Self::anchored(Instant::now(), SystemTime::now().into())
    }

    /// A clock that tells `utc` at `instant`.
    pub const fn anchored(instant: Instant, utc: Utc) -> Self {
        Self { started: instant, started_utc: utc }
    }

    /// Epoch time now.
    pub fn now(&self) -> Utc {
        self.at(Instant::now())
    }

    /// Epoch time at `instant`.
    pub fn at(&self, instant: Instant) -> Utc {
        let micros = |span: std::time::Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        match instant.checked_duration_since(self.started) {
            Some(after) => self.started_utc.plus_micros(micros(after)),
            None => self.started_utc.plus_micros(-micros(self.started - instant)),
        }
    }

    /// When the clock will tell `utc`; the start for times before it.
    pub fn instant_of(&self, utc: Utc) -> Instant {
        let micros = u64::try_from(utc.0 - self.started_utc.0).unwrap_or(0);
        self.started + std::time::Duration::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_dates_map_onto_each_other() {
        let clock = EpochClock::start();
        let later = clock.started + std::time::Duration::from_secs(7);
        assert_eq!(clock.at(later).0, clock.started_utc.0 + 7_000_000);
        assert_eq!(clock.instant_of(clock.at(later)), later);
    }
}
