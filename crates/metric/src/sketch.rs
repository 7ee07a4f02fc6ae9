//! How values were distributed, in bounded room.
//!
//! Values fall into bins whose bounds grow by a constant ratio, so that any value is known within one percent of
//! itself, whatever its size (Masson, Rim, Lee: "DDSketch", VLDB 2019). Two sketches add up without further loss.

/// Most bins of a sketch. They span a ratio of more than 25,000 between the least and the greatest value of one sign; where
/// that is not enough, the lowest bins are joined, so that high percentiles stay true.
pub const MAX_BINS: usize = 512;
/// Greatest error of a value, as a part of it.
pub const RELATIVE_ERROR: f64 = 0.01;

/// The ratio between the bounds of a bin.
const GAMMA: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);
/// Added to a positive value's bin number, so that its key is above zero's: |ln 2^±1074| / ln GAMMA < 40,000.
const OFFSET: i32 = 40_000;

/// Bins of values and how many fell into each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Key and count, keys rising; a key's order is its values'.
    bins: Vec<(i32, u64)>,
}

impl Sketch {
    /// Adds a value `times` times. The value is finite.
    pub fn add(&mut self, value: f64, times: u64) {
        self.add_bin(key(value), times);
        self.shrink();
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Sketch) {
        for &(key, times) in &other.bins {
            self.add_bin(key, times);
        }
        self.shrink();
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.bins.iter().fold(0, |sum, (_, times)| sum.saturating_add(*times))
    }

    /// A value for each bin, within [`RELATIVE_ERROR`] of those that fell into it, and how many did; values rise.
    pub fn values(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.bins.iter().map(|&(key, times)| (value(key), times))
    }

    /// Keys and counts, keys rising: for files.
    pub fn bins(&self) -> &[(i32, u64)] {
        &self.bins
    }

    /// The sketch of bins from a file; `None` where they cannot be one's.
    pub fn of_bins(bins: Vec<(i32, u64)>) -> Option<Sketch> {
        let rising = bins.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let possible = bins.iter().all(|&(key, times)| times > 0 && key.abs() <= 2 * OFFSET);
        (rising && possible && bins.len() <= MAX_BINS).then_some(Sketch { bins })
    }

    fn add_bin(&mut self, key: i32, times: u64) {
        if times == 0 {
            return;
        }
        match self.bins.binary_search_by_key(&key, |bin| bin.0) {
            Ok(at) => self.bins[at].1 = self.bins[at].1.saturating_add(times),
            Err(at) => self.bins.insert(at, (key, times)),
        }
    }

    fn shrink(&mut self) {
        let Some(excess) = self.bins.len().checked_sub(MAX_BINS).filter(|&excess| excess > 0) else { return };
        let joined = self.bins.drain(..excess).fold(0, |sum: u64, (_, times)| sum.saturating_add(times));
        self.bins[0].1 = self.bins[0].1.saturating_add(joined);
    }
}

fn key(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    let bin = (value.abs().ln() / GAMMA.ln()).ceil() as i32 + OFFSET;
    if value > 0.0 { bin } else { -bin }
}

fn value(key: i32) -> f64 {
    if key == 0 {
        return 0.0;
    }
    let middle = f64::from(key.abs() - OFFSET) * GAMMA.ln();
    let magnitude = middle.exp() * 2.0 / (GAMMA + 1.0);
    if key > 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_is_known_within_one_percent(exponent in -300.0..300.0f64, negative: bool) {
            let value = if negative { -(10f64.powf(exponent)) } else { 10f64.powf(exponent) };
            let mut sketch = Sketch::default();
            sketch.add(value, 3);
            let (found, times) = sketch.values().next().unwrap();
            prop_assert_eq!(times, 3);
            prop_assert!((found - value).abs() <= value.abs() * RELATIVE_ERROR * 1.000_001, "{} for {}", found, value);
        }

        #[test]
        fn parts_add_up_to_the_whole_in_any_order(values in proptest::collection::vec(-1e6..1e6f64, 0..400), cut in 0usize..400) {
            let of = |values: &[f64]| {
                let mut sketch = Sketch::default();
                values.iter().for_each(|&value| sketch.add(value, 1));
                sketch
            };
            let (head, tail) = values.split_at(cut.min(values.len()));
            let (mut there, mut back) = (of(head), of(tail));
            there.merge(&of(tail));
            back.merge(&of(head));
            prop_assert_eq!(&there, &back);
            prop_assert_eq!(there.count(), values.len() as u64);
            prop_assert_eq!(Sketch::of_bins(there.bins().to_vec()), Some(there));
        }
    }

    #[test]
    fn with_too_many_bins_the_lowest_are_joined_and_none_is_lost() {
        let mut sketch = Sketch::default();
        for n in 0..2000 {
            sketch.add(1.05f64.powi(n), 1);
        }
        assert_eq!(sketch.bins().len(), MAX_BINS);
        assert_eq!(sketch.count(), 2000);
        let highest = sketch.values().last().unwrap().0;
        assert!((highest / 1.05f64.powi(1999) - 1.0).abs() < 0.011);
    }

    #[test]
    fn bins_that_no_sketch_has_are_refused() {
        assert_eq!(Sketch::of_bins(vec![(2, 1), (1, 1)]), None);
        assert_eq!(Sketch::of_bins(vec![(1, 0)]), None);
        assert_eq!(Sketch::of_bins(vec![(i32::MAX, 1)]), None);
        assert_eq!(Sketch::of_bins((0..513).map(|key| (key, 1)).collect()), None);
    }
}
