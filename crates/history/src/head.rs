//! The values in memory: those since the last block.

use std::collections::BTreeMap;

use metric::{Aggregate, Distribution};

use crate::catalogue::SeriesId;
use crate::files::Steps;

/// Values by series and step.
#[derive(Debug, Default)]
pub(crate) struct Head {
    series: BTreeMap<SeriesId, Steps>,
    bytes: usize,
}

impl Head {
    /// Adds values to a step.
    pub(crate) fn add(&mut self, series: SeriesId, step: i64, values: Aggregate) {
        let steps = self.series.entry(series).or_default();
        // Most values come in order, so the place is at the end.
        let place = match steps.last() {
            Some((last, _)) if *last < step => Err(steps.len()),
            Some((last, _)) if *last == step => Ok(steps.len() - 1),
            _ => steps.binary_search_by_key(&step, |(step, _)| *step),
        };
        match place {
            Ok(at) => {
                let there = &mut steps[at].1;
                let before = bytes(there);
                there.merge(&values);
                self.bytes = self.bytes - before + bytes(there);
            }
            Err(at) => {
                self.bytes += bytes(&values);
                steps.insert(at, (step, values));
            }
        }
    }

    /// The values of a series from step `from` up to, not including, `to`.
    pub(crate) fn between(&self, series: SeriesId, from: i64, to: i64) -> &[(i64, Aggregate)] {
        let Some(steps) = self.series.get(&series) else { return &[] };
        let start = steps.partition_point(|(step, _)| *step < from);
        let end = steps.partition_point(|(step, _)| *step < to);
        &steps[start..end.max(start)]
    }

    /// All of it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SeriesId, &Steps)> {
        self.series.iter().map(|(series, steps)| (*series, steps))
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

/// About what a step takes: itself, and its bins.
fn bytes(values: &Aggregate) -> usize {
    let bins = match values.distribution() {
        Distribution::Sketch(sketch) => 64 + sketch.bins().len() * 16,
        Distribution::Constant | Distribution::Unknown => 0,
    };
    size_of::<(i64, Aggregate)>() + bins
}
