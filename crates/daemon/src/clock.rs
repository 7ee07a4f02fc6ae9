//! The output clock: monotonic, anchored to the epoch once for a supervisor and all its processes, however often they start.

use std::time::{Instant, SystemTime};

use media::Utc;
use rustix::time::{ClockId, clock_gettime};

/// Environment variable by which a supervisor hands its clock to its processes: what [`EpochClock::handed_over`] says.
pub const CLOCK_VARIABLE: &str = "HEADWATER_CLOCK";

/// Tells epoch time without ever going backwards: the wall clock is read once, at the start, and steps of it later
/// move nothing.
#[derive(Clone, Copy, Debug)]
pub struct EpochClock {
    started: Instant,
    started_utc: Utc,
}

impl EpochClock {
    /// The supervisor's clock where it has handed one over, so that a process that starts after the wall clock was set
    /// goes on as the one before it; else anchored to the wall clock now.
    pub fn start() -> Self {
        let handed = std::env::var(CLOCK_VARIABLE).ok().and_then(|text| Self::taken_over(&text));
        handed.unwrap_or_else(|| Self::anchored(Instant::now(), SystemTime::now().into()))
    }

    /// This clock in words, for another process of this machine: nanoseconds of `CLOCK_MONOTONIC`, and what it tells then
    /// in microseconds since the epoch.
    pub fn handed_over(&self) -> String {
        let (monotonic_ns, now) = (monotonic_ns(), self.now());
        format!("{monotonic_ns} {}", now.0)
    }

    /// What [`Self::handed_over`] said; `None` for what it cannot have said since the machine started.
    pub fn taken_over(text: &str) -> Option<Self> {
        let (then_ns, utc_us) = text.split_once(' ')?;
        let (then_ns, utc_us) = (then_ns.parse::<i64>().ok()?, utc_us.parse::<i64>().ok()?);
        let (now, since_ns) = (Instant::now(), monotonic_ns().checked_sub(then_ns)?);
        let is_past = since_ns >= 0 && then_ns >= 0;
        is_past.then(|| Self::anchored(now, Utc(utc_us.saturating_add(since_ns / 1_000))))
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

/// The clock behind [`Instant`], the same for every process of the machine.
fn monotonic_ns() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_handed_over_goes_on_whatever_the_wall_clock_says() {
        // A supervisor that began when the wall clock was ten years ahead.
        let ahead = EpochClock::anchored(Instant::now(), Utc(2_111_000_000_000_000));
        let taken = EpochClock::taken_over(&ahead.handed_over()).expect("is understood");
        std::thread::sleep(std::time::Duration::from_millis(5));
        let instant = Instant::now();
        let apart_us = taken.at(instant).0 - ahead.at(instant).0;
        // Two readings of the clock lie between the two.
        assert!((-1_000_000..1_000_000).contains(&apart_us), "{apart_us}");
        assert!(taken.at(instant) > Utc(2_111_000_000_000_000));
    }

    #[test]
    fn what_no_supervisor_says_is_passed_over() {
        let future = format!("{} 0", i64::MAX);
        for text in ["", "1", "a b", "-1 5", &future, "1 2 3"] {
            assert!(EpochClock::taken_over(text).is_none(), "{text}");
        }
    }

    #[test]
    fn instants_and_dates_map_onto_each_other() {
        let clock = EpochClock::start();
        let later = clock.started + std::time::Duration::from_secs(7);
        assert_eq!(clock.at(later).0, clock.started_utc.0 + 7_000_000);
        assert_eq!(clock.instant_of(clock.at(later)), later);
    }
}
