//! So many requests a second, and a burst at once: a token bucket that is one number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A bucket holds what comes in this time, and is full at first: a viewer's start asks for many things at once.
const BURST: Duration = Duration::from_secs(2);

/// A bucket, shared by the threads that serve one address.
///
/// It keeps the time at which it will be full again (the virtual scheduling form of the generic cell rate algorithm, ITU-T
/// I.371 annex A): taking a token moves that time on by what a token takes to come, and it may lie at most [`BURST`] ahead.
#[derive(Debug)]
pub(crate) struct Rate {
    epoch: Instant,
    token_ns: u64,
    /// Nanoseconds after `epoch`.
    full_at: AtomicU64,
}

impl Rate {
    pub(crate) fn new(per_s: u32, now: Instant) -> Rate {
        Rate { epoch: now, token_ns: 1_000_000_000 / u64::from(per_s.max(1)), full_at: AtomicU64::new(0) }
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&self, now: Instant) -> bool {
        let now = self.ns(now);
        let take = |full_at: u64| {
            let full_at = full_at.max(now) + self.token_ns;
            (full_at <= now + BURST.as_nanos() as u64).then_some(full_at)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    /// Whether tokens are missing.
    pub(crate) fn is_charged(&self, now: Instant) -> bool {
        self.full_at.load(Ordering::Relaxed) > self.ns(now)
    }

    fn ns(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_nanos() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_more_pass_than_the_rate_and_one_burst_and_no_fewer(
            per_s in 1_u32..50_000,
            gaps_us in prop::collection::vec(0_u64..200_000, 1..400),
        ) {
            let start = Instant::now();
            let rate = Rate::new(per_s, start);
            let (mut now, mut passed) = (start, 0_u64);
            let burst = u64::from(per_s) * 2;
            let mut tokens = burst as f64;
            for gap in gaps_us {
                now += Duration::from_micros(gap);
                tokens = (tokens + gap as f64 * f64::from(per_s) / 1e6).min(burst as f64);
                let took = rate.take(now);
                // A token's time is told in whole nanoseconds, so it may be there a little early.
                if took {
                    passed += 1;
                    tokens -= 1.0;
                    prop_assert!(tokens > -0.1, "{tokens}");
                } else {
                    prop_assert!(tokens < 1.1, "{tokens}");
                }
            }
            let most = burst as f64 + (now - start).as_secs_f64() * f64::from(per_s) * 1.001 + 1.0;
            prop_assert!(passed as f64 <= most);
        }
    }
}
