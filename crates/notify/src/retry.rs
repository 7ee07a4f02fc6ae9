//! When a message that could not be delivered is tried again.
//!
//! AWS's four phases: retries at once, retries at the least delay, backoff from the least to the greatest, retries at the greatest.
//! Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Most retries of a policy.
const MAX_RETRIES: u32 = 100;
/// Greatest delay, in seconds; and the most that all of a policy's delays may be together.
const MAX_SECONDS: u32 = 3_600;

/// How often and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Retries {
    /// Seconds.
    #[serde(default = "twenty")]
    pub(crate) min_delay_target: u32,
    /// Seconds.
    #[serde(default = "twenty")]
    pub(crate) max_delay_target: u32,
    /// All of them, the phases' below included.
    #[serde(default = "three")]
    pub(crate) num_retries: u32,
    #[serde(default)]
    pub(crate) num_max_delay_retries: u32,
    #[serde(default)]
    pub(crate) num_no_delay_retries: u32,
    #[serde(default)]
    pub(crate) num_min_delay_retries: u32,
    #[serde(default)]
    pub(crate) backoff_function: Backoff,
}

/// How delays grow from the least to the greatest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Backoff {
    /// By equal steps.
    #[default]
    Linear,
    /// By steps that grow equally.
    Arithmetic,
    /// By equal factors.
    Geometric,
    /// Doubled each time.
    Exponential,
}

fn twenty() -> u32 {
    20
}

fn three() -> u32 {
    3
}

impl Retries {
    /// Webhooks' without a delivery policy: three, 20 seconds apart.
    pub(crate) const WEBHOOK: Self = Self {
        min_delay_target: 20,
        max_delay_target: 20,
        num_retries: 3,
        num_max_delay_retries: 0,
        num_no_delay_retries: 0,
        num_min_delay_retries: 0,
        backoff_function: Backoff::Linear,
    };
    /// Mail's: 50 over six hours.
    pub(crate) const MAIL: Self = Self {
        min_delay_target: 10,
        max_delay_target: 600,
        num_retries: 50,
        num_max_delay_retries: 38,
        num_no_delay_retries: 0,
        num_min_delay_retries: 2,
        backoff_function: Backoff::Exponential,
    };

    /// Refuses what a delivery policy may not say.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let (min, max) = (self.min_delay_target, self.max_delay_target);
        if !(1..=MAX_SECONDS).contains(&min) || !(1..=MAX_SECONDS).contains(&max) {
            return Err("minDelayTarget and maxDelayTarget are 1 to 3600 seconds");
        }
        if min > max {
            return Err("minDelayTarget must be at most maxDelayTarget");
        }
        if self.num_retries > MAX_RETRIES {
            return Err("numRetries is at most 100");
        }
        let phases = [self.num_no_delay_retries, self.num_min_delay_retries, self.num_max_delay_retries];
        if phases.into_iter().fold(0, u32::saturating_add) > self.num_retries {
            return Err(
                "numRetries must be at least the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries",
            );
        }
        let whole = (1..=self.num_retries).filter_map(|retry| self.delay_before(retry)).sum::<Duration>();
        if whole > Duration::from_secs(MAX_SECONDS.into()) {
            return Err("all delays together must be at most 3600 seconds");
        }
        Ok(())
    }

    /// How long to wait before the `retry`th retry, from 1; `None` after the last.
    pub(crate) fn delay_before(&self, retry: u32) -> Option<Duration> {
        if retry == 0 || retry > self.num_retries {
            return None;
        }
        let (min, max) = (f64::from(self.min_delay_target), f64::from(self.max_delay_target));
        let Some(place) = retry.checked_sub(self.num_no_delay_retries + 1) else {
            return Some(Duration::ZERO);
        };
        let Some(place) = place.checked_sub(self.num_min_delay_retries) else {
            return Some(Duration::from_secs_f64(min));
        };
        let backoff = self.num_retries
            - self.num_no_delay_retries
            - self.num_min_delay_retries
            - self.num_max_delay_retries;
        if place >= backoff {
            return Some(Duration::from_secs_f64(max));
        }
        // 0 at the first of the phase, 1 at its last; one alone is the least.
        let (place, last) = (f64::from(place), f64::from(backoff.saturating_sub(1).max(1)));
        let share = place / last;
        let seconds = match self.backoff_function {
            Backoff::Linear => min + (max - min) * share,
            Backoff::Arithmetic => min + (max - min) * place * (place + 1.0) / (last * (last + 1.0)),
            Backoff::Geometric => min * (max / min).powf(share),
            Backoff::Exponential => (min * place.exp2()).min(max),
        };
        Some(Duration::from_secs_f64(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(retries: &Retries) -> Vec<u64> {
        (1..).map_while(|retry| retries.delay_before(retry)).map(|delay| delay.as_secs()).collect()
    }

    #[test]
    fn without_a_policy_a_webhook_is_tried_three_times_more_20_seconds_apart() {
        assert_eq!(delays(&Retries::WEBHOOK), [20, 20, 20]);
        assert_eq!(Retries::WEBHOOK.check(), Ok(()));
    }

    #[test]
    fn mail_is_tried_50_times_over_six_hours() {
        let delays = delays(&Retries::MAIL);
        assert_eq!(delays[..9], [10, 10, 10, 20, 40, 80, 160, 320, 600]);
        assert_eq!((delays.len(), delays[12..].iter().all(|delay| *delay == 600)), (50, true));
        assert_eq!(delays.iter().sum::<u64>() / 3600, 7);
    }

    #[test]
    fn the_phases_follow_each_other_and_backoff_goes_from_least_to_greatest() {
        let policy = |function| Retries {
            min_delay_target: 2,
            max_delay_target: 32,
            num_retries: 10,
            num_max_delay_retries: 2,
            num_no_delay_retries: 1,
            num_min_delay_retries: 2,
            backoff_function: function,
        };
        assert_eq!(delays(&policy(Backoff::Linear)), [0, 2, 2, 2, 9, 17, 24, 32, 32, 32]);
        assert_eq!(delays(&policy(Backoff::Arithmetic)), [0, 2, 2, 2, 5, 11, 20, 32, 32, 32]);
        assert_eq!(delays(&policy(Backoff::Geometric)), [0, 2, 2, 2, 4, 8, 16, 32, 32, 32]);
        assert_eq!(delays(&policy(Backoff::Exponential)), [0, 2, 2, 2, 4, 8, 16, 32, 32, 32]);
    }

    #[test]
    fn policies_beyond_their_bounds_are_refused() {
        for (min, max, all, none) in
            [(0, 20, 3, 0), (30, 20, 3, 0), (1, 4000, 3, 0), (1, 1, 101, 0), (1, 1, 2, 3), (1, 3600, 9, 0)]
        {
            let policy = Retries {
                min_delay_target: min,
                max_delay_target: max,
                num_retries: all,
                num_no_delay_retries: none,
                ..Retries::WEBHOOK
            };
            assert!(policy.check().is_err(), "{policy:?}");
        }
    }
}
