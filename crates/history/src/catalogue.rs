//! Which metrics there are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use metric::{Metric, Unit};

use crate::history::Refused;
use crate::limits::Limits;
use crate::sample::Sample;

/// A series' number in this process.
pub(crate) type SeriesId = u32;

/// The metrics that have values, in their order, and since when the newest one is.
#[derive(Debug)]
pub(crate) struct Catalogue {
    metrics: BTreeMap<Arc<Metric>, Known>,
    series: HashMap<SeriesId, (Arc<Metric>, Unit)>,
    next: SeriesId,
    names_bytes: usize,
    limits: Limits,
}

#[derive(Debug)]
struct Known {
    units: Vec<(Unit, SeriesId)>,
    last_s: i64,
}

/// Which metrics are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this namespace alone.
    pub namespace: Option<String>,
    /// Of this name alone.
    pub name: Option<String>,
    /// Those that have all these dimensions, and perhaps others.
    pub dimensions: Vec<DimensionFilter>,
    /// With a value at or after this, seconds since 1970.
    pub since_s: Option<i64>,
}

/// A dimension that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DimensionFilter {
    /// Its name.
    pub name: String,
    /// Its value; any where there is none.
    pub value: Option<String>,
}

impl Filter {
    fn takes(&self, metric: &Metric, last_s: i64) -> bool {
        let has = |wanted: &DimensionFilter| {
            metric.dimensions().iter().any(|dimension| {
                dimension.name == wanted.name
                    && wanted.value.as_ref().is_none_or(|value| *value == dimension.value)
            })
        };
        self.namespace.as_ref().is_none_or(|namespace| namespace == metric.namespace())
            && self.name.as_ref().is_none_or(|name| name == metric.name())
            && self.since_s.is_none_or(|since_s| last_s >= since_s)
            && self.dimensions.iter().all(has)
    }
}

impl Catalogue {
    pub(crate) fn new(limits: Limits) -> Catalogue {
        Catalogue { metrics: BTreeMap::new(), series: HashMap::new(), next: 0, names_bytes: 0, limits }
    }

    /// Whether there is room for all that is new in these.
    pub(crate) fn check(&self, samples: &[Sample]) -> Result<(), Refused> {
        let mut new = HashSet::new();
        let mut names_bytes = self.names_bytes;
        for sample in samples {
            if self.id(&sample.metric, sample.unit).is_none() && new.insert((&sample.metric, sample.unit)) {
                names_bytes += bytes(&sample.metric);
            }
        }
        if !new.is_empty() && self.series.len() + new.len() > self.limits.series {
            return Err(Refused::TooManySeries(self.limits.series));
        }
        if !new.is_empty() && names_bytes > self.limits.names_bytes {
            return Err(Refused::TooManyNames(self.limits.names_bytes));
        }
        Ok(())
    }

    /// The number of a series, which has a value at `at_s`. One that is new is taken whatever the bounds.
    pub(crate) fn enter(&mut self, metric: &Metric, unit: Unit, at_s: i64) -> SeriesId {
        if let Some(known) = self.metrics.get_mut(metric) {
            known.last_s = known.last_s.max(at_s);
            if let Some((_, id)) = known.units.iter().find(|(known, _)| *known == unit) {
                return *id;
            }
        }
        let metric = match self.metrics.get_key_value(metric) {
            Some((metric, _)) => metric.clone(),
            None => Arc::new(metric.clone()),
        };
        let id = self.next;
        self.next += 1;
        self.names_bytes += bytes(&metric);
        self.series.insert(id, (metric.clone(), unit));
        let known = self.metrics.entry(metric).or_insert(Known { units: Vec::new(), last_s: at_s });
        known.units.push((unit, id));
        id
    }

    /// A series has a value at `at_s`.
    pub(crate) fn seen(&mut self, id: SeriesId, at_s: i64) {
        let known = self.series.get(&id).and_then(|(metric, _)| self.metrics.get_mut(metric));
        if let Some(known) = known {
            known.last_s = known.last_s.max(at_s);
        }
    }

    fn id(&self, metric: &Metric, unit: Unit) -> Option<SeriesId> {
        let known = self.metrics.get(metric)?;
        known.units.iter().find(|(known, _)| *known == unit).map(|(_, id)| *id)
    }

    /// The units of a metric, each with its series.
    pub(crate) fn units(&self, metric: &Metric) -> &[(Unit, SeriesId)] {
        self.metrics.get(metric).map_or(&[], |known| &known.units)
    }

    /// What a number stands for.
    pub(crate) fn series(&self, id: SeriesId) -> Option<&(Arc<Metric>, Unit)> {
        self.series.get(&id)
    }

    /// The metrics after `after` that are asked for, at most `limit`.
    pub(crate) fn list(&self, filter: &Filter, after: Option<&Metric>, limit: usize) -> Vec<Metric> {
        let from: Bound<&Metric> = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all = self.metrics.range::<Metric, _>((from, Bound::Unbounded));
        let asked = all.filter(|(metric, known)| filter.takes(metric, known.last_s));
        asked.take(limit).map(|(metric, _)| metric.as_ref().clone()).collect()
    }

    /// Forgets metrics that have had no value since `since_s`.
    pub(crate) fn forget(&mut self, since_s: i64) {
        let (series, names_bytes) = (&mut self.series, &mut self.names_bytes);
        self.metrics.retain(|metric, known| {
            let stays = known.last_s >= since_s;
            if !stays {
                known.units.iter().for_each(|(_, id)| drop(series.remove(id)));
                *names_bytes -= known.units.len() * bytes(metric);
            }
            stays
        });
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }
}

/// Bytes of a metric's names, and what holds them.
fn bytes(metric: &Metric) -> usize {
    let dimensions = metric.dimensions().iter();
    let dimensions: usize = dimensions.map(|one| one.name.len() + one.value.len() + 64).sum();
    metric.namespace().len() + metric.name().len() + dimensions + 160
}
