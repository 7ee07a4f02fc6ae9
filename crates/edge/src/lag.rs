//! How late a serving thread is for what is due.
//!
//! Each thread sets itself an alarm again and again. How late it wakes is how long a request waits for its turn there:
//! the one figure that tells overload whatever the cause, on whichever machine.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two alarms.
const PERIOD: Duration = Duration::from_millis(250);

/// One thread's lag, for anybody to read.
#[derive(Debug)]
pub(crate) struct Lag {
    epoch: Instant,
    /// When the next alarm is due, in nanoseconds after `epoch`.
    due_ns: AtomicU64,
    /// How late the last one was.
    last_ns: AtomicU64,
}

impl Lag {
    pub(crate) fn new(now: Instant) -> Lag {
        Lag { epoch: now, due_ns: AtomicU64::new(u64::MAX), last_ns: AtomicU64::new(0) }
    }

    /// How late the last alarm was, or by now the next one is.
    pub(crate) fn at(&self, now: Instant) -> Duration {
        let overdue = self.ns(now).saturating_sub(self.due_ns.load(Ordering::Relaxed));
        Duration::from_nanos(overdue.max(self.last_ns.load(Ordering::Relaxed)))
    }

    fn set(&self, due: Instant) {
        self.due_ns.store(self.ns(due), Ordering::Relaxed);
    }

    fn woke(&self, due: Instant, now: Instant) {
        let late = now.saturating_duration_since(due);
        self.last_ns.store(late.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Measures for ever, on the thread it runs on.
    pub(crate) async fn measure(&self) -> Infallible {
        loop {
            let due = Instant::now() + PERIOD;
            self.set(due);
            tokio::time::sleep_until(due.into()).await;
            self.woke(due, Instant::now());
        }
    }

    fn ns(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.epoch).as_nanos() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_stuck_is_late_before_it_wakes_and_one_that_caught_up_is_not() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        let lag = Lag::new(start);
        assert_eq!(lag.at(start + ms(900)), ms(0), "not begun");
        lag.set(start + ms(250));
        assert_eq!(lag.at(start + ms(100)), ms(0));
        assert_eq!(lag.at(start + ms(900)), ms(650));
        lag.woke(start + ms(250), start + ms(1_000));
        lag.set(start + ms(1_250));
        assert_eq!(lag.at(start + ms(1_001)), ms(750), "until the next alarm tells");
        lag.woke(start + ms(1_250), start + ms(1_251));
        lag.set(start + ms(1_501));
        assert_eq!(lag.at(start + ms(1_260)), ms(1));
    }
}
