//! The values of one span of time, summed up.

use crate::sketch::Sketch;
use crate::statistic::{Bound, Statistic};

/// Greatest magnitude of a value (the API's bound).
pub const MAX_VALUE: f64 = 2.348_542_582_773_833_2e108; // 2^360

/// How values were distributed, as far as that is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// All are the same.
    Constant,
    /// Within a percent.
    Sketch(Box<Sketch>),
    /// Somebody sent a sum of several and kept the values to himself.
    Unknown,
}

/// The values of one span of time, summed up. There is at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    count: f64,
    sum: f64,
    min: f64,
    max: f64,
    distribution: Distribution,
}

/// Why values are not taken.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum AggregateFault {
    /// Not a number, infinite, or too large.
    #[error("a value must be a number within ±2^360, not {0}")]
    Value(f64),
    /// Nothing, or less.
    #[error("a count of values must be a number above 0, not {0}")]
    Count(f64),
    /// The least is above the greatest.
    #[error("Minimum {min} is above Maximum {max}")]
    Order {
        /// What was called the least.
        min: f64,
        /// What was called the greatest.
        max: f64,
    },
}

impl Aggregate {
    /// One value that came `times` times.
    pub fn of(value: f64, times: f64) -> Result<Aggregate, AggregateFault> {
        let value = number(value)?;
        if !(times > 0.0 && times <= MAX_VALUE) {
            return Err(AggregateFault::Count(times));
        }
        let sum = value * times;
        Ok(Aggregate { count: times, sum, min: value, max: value, distribution: Distribution::Constant })
    }

    /// A statistic set, which tells nothing of what lies between its ends.
    pub fn of_set(count: f64, sum: f64, min: f64, max: f64) -> Result<Aggregate, AggregateFault> {
        let (sum, min, max) = (number(sum)?, number(min)?, number(max)?);
        if !(count > 0.0 && count <= MAX_VALUE) {
            return Err(AggregateFault::Count(count));
        }
        if min > max {
            return Err(AggregateFault::Order { min, max });
        }
        let distribution = if min == max { Distribution::Constant } else { Distribution::Unknown };
        Ok(Aggregate { count, sum, min, max, distribution })
    }

    /// The aggregate of a file's fields; `None` where they cannot be one's.
    pub fn of_parts(
        count: f64,
        sum: f64,
        min: f64,
        max: f64,
        distribution: Distribution,
    ) -> Option<Aggregate> {
        let whole = count > 0.0 && [count, sum, min, max].iter().all(|n| n.is_finite()) && min <= max;
        let constant = distribution != Distribution::Constant || min == max;
        (whole && constant).then_some(Aggregate { count, sum, min, max, distribution })
    }

    /// Adds what another one holds.
    pub fn merge(&mut self, other: &Aggregate) {
        let constant = |a: &Aggregate| a.distribution == Distribution::Constant;
        if !(constant(self) && constant(other) && self.min == other.min) {
            self.distribution = match (self.sketch(), other.sketch()) {
                (Some(mut sketch), Some(more)) => {
                    sketch.merge(&more);
                    Distribution::Sketch(sketch)
                }
                _ => Distribution::Unknown,
            };
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// How many values there are; fractions come from those who count in weights.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The least.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The greatest.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// How they were distributed.
    pub fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    /// A statistic of the values; `None` where it needs a distribution that nobody told, or nothing is in its range.
    pub fn statistic(&self, statistic: &Statistic) -> Option<f64> {
        match *statistic {
            Statistic::SampleCount => Some(self.count),
            Statistic::Average => Some(self.sum / self.count),
            Statistic::Sum => Some(self.sum),
            Statistic::Minimum => Some(self.min),
            Statistic::Maximum => Some(self.max),
            Statistic::Percentile(part) => self.percentile(part),
            Statistic::TrimmedMean(low, high) => {
                let (count, sum) = self.within(low, high)?;
                (count > 0.0).then(|| (sum / count).clamp(self.min, self.max))
            }
            Statistic::TrimmedCount(low, high) => Some(self.within(low, high)?.0),
            Statistic::TrimmedSum(low, high) => Some(self.within(low, high)?.1),
            Statistic::WinsorizedMean(low, high) => self.winsorized(low, high),
            Statistic::PercentileRank(low, high) => Some(self.within(low, high)?.0 / self.count * 100.0),
        }
    }

    fn percentile(&self, part: f64) -> Option<f64> {
        let bins = self.bins()?;
        let wanted = part * self.count;
        let mut passed = 0.0;
        for (value, times) in bins {
            passed += times;
            // A hair of room, since parts of counts are not exact in binary.
            if passed >= wanted - self.count * 1e-12 {
                return Some(value);
            }
        }
        Some(self.max)
    }

    /// Count and sum of the values within a range. A part cuts through bins; a value keeps those above `low` up to `high`.
    fn within(&self, low: Bound, high: Bound) -> Option<(f64, f64)> {
        let (mut count, mut sum, mut passed) = (0.0, 0.0, 0.0);
        for (value, times) in self.bins()? {
            let from = match low {
                Bound::Part(part) => (part * self.count).max(passed),
                Bound::Value(low) if value <= low => passed + times,
                Bound::Value(_) => passed,
            };
            let to = match high {
                Bound::Part(part) => (part * self.count).min(passed + times),
                Bound::Value(high) if value > high => passed,
                Bound::Value(_) => passed + times,
            };
            passed += times;
            if to > from {
                count += to - from;
                sum += (to - from) * value;
            }
        }
        Some((count, sum))
    }

    fn winsorized(&self, low: Bound, high: Bound) -> Option<f64> {
        let end = |bound| match bound {
            Bound::Part(part) => self.percentile(part),
            Bound::Value(value) => Some(value),
        };
        let (low, high) = (end(low)?, end(high)?);
        let sum = self.bins()?.map(|(value, times)| value.clamp(low, high.max(low)) * times).sum::<f64>();
        Some(sum / self.count)
    }

    /// Values and how often they came, rising; together as many as [`Aggregate::count`].
    fn bins(&self) -> Option<impl Iterator<Item = (f64, f64)>> {
        let sketch = self.sketch()?;
        let scale = self.count / sketch.count() as f64;
        let (min, max) = (self.min, self.max);
        let bins: Vec<_> =
            sketch.values().map(|(value, times)| (value.clamp(min, max), times as f64 * scale)).collect();
        Some(bins.into_iter())
    }

    fn sketch(&self) -> Option<Box<Sketch>> {
        match &self.distribution {
            Distribution::Constant => {
                let mut sketch = Box::new(Sketch::default());
                sketch.add(self.min, (self.count.round() as u64).max(1));
                Some(sketch)
            }
            Distribution::Sketch(sketch) => Some(sketch.clone()),
            Distribution::Unknown => None,
        }
    }
}

fn number(value: f64) -> Result<f64, AggregateFault> {
    if value.is_finite() && value.abs() <= MAX_VALUE { Ok(value) } else { Err(AggregateFault::Value(value)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Aggregate {
        let mut all = Aggregate::of(values[0], 1.0).unwrap();
        values[1..].iter().for_each(|&value| all.merge(&Aggregate::of(value, 1.0).unwrap()));
        all
    }

    fn ask(values: &[f64], statistic: &str) -> f64 {
        of(values).statistic(&statistic.parse().unwrap()).unwrap()
    }

    #[track_caller]
    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= wanted.abs() * 0.0101, "{found}, not {wanted}");
    }

    #[test]
    fn simple_statistics_are_exact() {
        let values = [3.0, -1.0, 4.5];
        assert_eq!(ask(&values, "SampleCount"), 3.0);
        assert_eq!(ask(&values, "Sum"), 6.5);
        assert_eq!(ask(&values, "Average"), 6.5 / 3.0);
        assert_eq!(ask(&values, "Minimum"), -1.0);
        assert_eq!(ask(&values, "Maximum"), 4.5);
    }

    #[test]
    fn of_a_hundred_values_the_hundredths_are_found() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        near(ask(&values, "p50"), 50.0);
        near(ask(&values, "p99"), 99.0);
        assert_eq!(ask(&values, "p100"), 100.0);
        assert_eq!(ask(&values, "p0"), 1.0);
        near(ask(&values, "tm90"), 45.5);
        near(ask(&values, "TM(10%:90%)"), 50.5);
        near(ask(&values, "IQM"), 50.5);
        near(ask(&values, "tc90"), 90.0);
        near(ask(&values, "ts50"), 1275.0);
        near(ask(&values, "wm90"), (45.5 * 90.0 + 900.0) / 100.0);
        near(ask(&values, "TM(10.5:20.5)"), 15.5);
        near(ask(&values, "PR(:30.5)"), 30.0);
    }

    #[test]
    fn a_statistic_set_of_many_values_has_no_percentiles_and_spoils_those_of_others() {
        let set = Aggregate::of_set(10.0, 50.0, 1.0, 9.0).unwrap();
        assert_eq!(set.statistic(&Statistic::Average), Some(5.0));
        assert_eq!(set.statistic(&Statistic::Percentile(0.5)), None);
        let mut both = of(&[1.0, 2.0]);
        both.merge(&set);
        assert_eq!(both.statistic(&Statistic::Percentile(0.5)), None);
        assert_eq!(both.statistic(&Statistic::SampleCount), Some(12.0));
        let one = Aggregate::of_set(10.0, 50.0, 5.0, 5.0).unwrap();
        assert_eq!(one.statistic(&Statistic::Percentile(0.5)), Some(5.0));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert!(matches!(Aggregate::of(f64::NAN, 1.0), Err(AggregateFault::Value(_))));
        assert!(matches!(Aggregate::of(f64::INFINITY, 1.0), Err(AggregateFault::Value(_))));
        assert!(matches!(Aggregate::of(1e109, 1.0), Err(AggregateFault::Value(_))));
        assert!(matches!(Aggregate::of(1.0, 0.0), Err(AggregateFault::Count(_))));
        assert!(matches!(Aggregate::of(1.0, f64::NAN), Err(AggregateFault::Count(_))));
        assert_eq!(Aggregate::of_set(1.0, 1.0, 2.0, 1.0), Err(AggregateFault::Order { min: 2.0, max: 1.0 }));
    }

    proptest! {
        #[test]
        fn a_percentile_is_within_a_percent_of_the_true_one(
            mut values in proptest::collection::vec(0.001..1e4f64, 1..300), part in 0.0..=1.0f64,
        ) {
            let found = of(&values).statistic(&Statistic::Percentile(part)).unwrap();
            values.sort_by(f64::total_cmp);
            let rank = ((part * values.len() as f64).ceil() as usize).clamp(1, values.len());
            // At a boundary between two ranks, rounding may choose either.
            let near = |rank: usize| (found - values[rank - 1]).abs() <= values[rank - 1] * 0.010_001;
            prop_assert!(near(rank) || near((rank + 1).min(values.len())) || near(rank.saturating_sub(1).max(1)));
        }

        #[test]
        fn the_order_of_merging_does_not_matter(values in proptest::collection::vec(-100i32..100, 2..50)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let backwards: Vec<f64> = values.iter().rev().copied().collect();
            prop_assert_eq!(of(&values), of(&backwards));
        }
    }
}
