//! What is recorded, and what is asked for.

use metric::{Aggregate, Metric, Unit};

/// How finely values are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resolution {
    /// By the minute.
    #[default]
    Minute,
    /// By the second too, for three hours.
    Second,
}

/// Values of a metric at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Which metric.
    pub metric: Metric,
    /// What its values are counted in.
    pub unit: Unit,
    /// When, in seconds since 1970.
    pub at_s: i64,
    /// How finely they are kept.
    pub resolution: Resolution,
    /// The values, summed up.
    pub values: Aggregate,
}

/// Equal periods, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When the first begins, seconds since 1970.
    pub start_s: i64,
    /// Nothing from here on; the last period may be cut off by it.
    pub end_s: i64,
    /// Length of each in seconds, above 0. Below 60 only what was recorded by the second is found.
    pub period_s: u32,
}

impl Span {
    /// When the period begins that holds `at_s`.
    pub(crate) fn period_of(&self, at_s: i64) -> i64 {
        let period_s = i64::from(self.period_s);
        self.start_s + (at_s - self.start_s).div_euclid(period_s) * period_s
    }
}
