//! The running system's figures as AWS's metrics.
//!
//! [`table`] says which figure is which metric; [`exposition`] reads the page; [`subjects`] says what AWS calls channels and distributions. A
//! [`Publisher`] remembers what counters stood at, so that a metric tells what was added since the last page. What a process had counted
//! before it was first seen is nobody's; a counter that has gone back began anew.

pub mod exposition;
mod subjects;
mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use history::{Resolution, Sample};
use media::Utc;
use metric::{Aggregate, Dimension, Metric};

use exposition::{Figure, PageFault};
pub use subjects::{Names, Package, Subjects};
use table::{Place, Reading, Row, TABLE};

/// How long a counter that is not on the page is remembered, in microseconds: a process may be too busy to answer for a while.
const REMEMBERED_US: i64 = 600_000_000;

/// Makes samples of pages.
#[derive(Debug, Default)]
pub struct Publisher {
    /// By a figure's name and labels: what it stood at, and when.
    counters: HashMap<String, (f64, Utc)>,
    /// Processes that were on a page before.
    processes: HashSet<String>,
}

/// Values of one subject, on their way to a metric.
#[derive(Debug, Default)]
struct Group {
    dimensions: Vec<Vec<Dimension>>,
    part: f64,
    whole: f64,
}

impl Publisher {
    /// The samples of a page as of `now`. Counters need two pages.
    ///
    /// # Errors
    /// The text is no page of figures; nothing is remembered of it.
    pub fn scrape(&mut self, page: &str, subjects: &Subjects, now: Utc) -> Result<Vec<Sample>, PageFault> {
        let figures = exposition::read(page, table::is_source)?;
        let pipelines = pipelines(&figures);
        let added = self.added(&figures, now);
        let mut samples = Vec::new();
        for row in TABLE {
            let mut groups: BTreeMap<String, Group> = BTreeMap::new();
            for (at, figure) in figures.iter().enumerate() {
                if !row.sources.contains(&figure.name) || !(row.only)(figure) {
                    continue;
                }
                let Some(value) = value(row, figure, added[at]) else { continue };
                let (key, dimensions) = place(row.place, figure, subjects, &pipelines);
                let group = groups.entry(key).or_insert_with(|| Group { dimensions, ..Group::default() });
                group.whole += value;
                if let Reading::Share { part } = row.reading
                    && part(figure)
                {
                    group.part += value;
                }
            }
            samples.extend(emit(row, groups, now));
        }
        Ok(samples)
    }

    /// What was added to each figure since it was last seen, and over how many seconds.
    fn added(&mut self, figures: &[Figure<'_>], now: Utc) -> Vec<Option<(f64, f64)>> {
        let known: HashSet<&str> = self.processes.iter().map(String::as_str).collect();
        let mut added = Vec::with_capacity(figures.len());
        for figure in figures {
            let before = self.counters.get(&figure.key);
            added.push(match before {
                Some((value, at)) if now > *at => {
                    let span_s = (now.0 - at.0) as f64 / 1e6;
                    let more = if figure.value < *value { figure.value } else { figure.value - value };
                    Some((more, span_s))
                }
                Some(_) => None,
                None if known.contains(figure.label("process").unwrap_or("")) => Some((figure.value, 0.0)),
                None => None,
            });
        }
        for figure in figures {
            self.counters.insert(figure.key.clone(), (figure.value, now));
            self.processes.insert(figure.label("process").unwrap_or("").to_owned());
        }
        let oldest = now.plus_micros(-REMEMBERED_US);
        self.counters.retain(|_, (_, at)| *at >= oldest);
        if self.counters.is_empty() {
            self.processes.clear();
        }
        added
    }
}

/// What a figure adds to a metric.
fn value(row: &Row, figure: &Figure<'_>, added: Option<(f64, f64)>) -> Option<f64> {
    let value = match row.reading {
        Reading::Gauge => figure.value,
        Reading::IsOn => f64::from(u8::from(figure.value > 0.0)) * 100.0,
        Reading::Added | Reading::Share { .. } => added?.0,
        Reading::Rate { scale } => {
            let (more, span_s) = added?;
            (span_s > 0.0).then(|| more * scale / span_s)?
        }
    };
    value.is_finite().then_some(value)
}

/// The samples of a row: each group's under its dimensions, and all together under none, unless that is another row's.
fn emit(row: &Row, groups: BTreeMap<String, Group>, now: Utc) -> Vec<Sample> {
    let mut values: BTreeMap<Vec<Dimension>, Aggregate> = BTreeMap::new();
    for group in groups.into_values() {
        let Some(aggregate) = aggregate(row, &group) else { continue };
        let whole = (!matches!(row.place, Place::Distribution)).then(Vec::new);
        for dimensions in group.dimensions.into_iter().chain(whole) {
            let there = values.entry(dimensions);
            there.and_modify(|there| there.merge(&aggregate)).or_insert_with(|| aggregate.clone());
        }
    }
    let sample = |(dimensions, values)| {
        let metric = Metric::new(row.namespace, row.name, dimensions).ok()?;
        let at_s = now.0.div_euclid(1_000_000);
        Some(Sample { metric, unit: row.unit, at_s, resolution: Resolution::Minute, values })
    };
    values.into_iter().filter_map(sample).collect()
}

/// A share is told as values of 0 and 100, as many as it is a share of, so that its average over any time is the share then.
fn aggregate(row: &Row, group: &Group) -> Option<Aggregate> {
    if !matches!(row.reading, Reading::Share { .. }) {
        return Aggregate::of(group.whole, 1.0).ok();
    }
    let (yes, no) = (group.part, group.whole - group.part);
    let mut both =
        [(100.0, yes), (0.0, no)].into_iter().filter_map(|(value, times)| Aggregate::of(value, times).ok());
    let mut all = both.next()?;
    both.for_each(|more| all.merge(&more));
    Some(all)
}

/// The pipelines that each channel's encoders are of.
fn pipelines<'p>(figures: &'p [Figure<'_>]) -> BTreeMap<&'p str, BTreeSet<u8>> {
    let mut found: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
    for figure in figures {
        let (Some(process), Some(channel)) = (figure.label("process"), figure.label("channel")) else {
            continue;
        };
        if process.starts_with("encoder-") {
            found.entry(channel).or_default().insert(pipeline(process, channel));
        }
    }
    found
}

/// `encoder-a.1` is the second pipeline of `a`.
fn pipeline(process: &str, channel: &str) -> u8 {
    let rest = process.strip_prefix("encoder-").and_then(|rest| rest.strip_prefix(channel));
    u8::from(rest == Some(".1"))
}

/// Which group a figure belongs to, and the lists of dimensions that group is told under.
fn place(
    place: Place,
    figure: &Figure<'_>,
    subjects: &Subjects,
    pipelines: &BTreeMap<&str, BTreeSet<u8>>,
) -> (String, Vec<Vec<Dimension>>) {
    let channel = figure.label("channel").unwrap_or("");
    // What the backup's publisher sends is the same channel's.
    let channel = channel.strip_suffix("~backup").unwrap_or(channel);
    let dimension = |name: &str, value: &str| Dimension { name: name.to_owned(), value: value.to_owned() };
    let of_pipeline = |number: u8| {
        let id = subjects.channel_id(channel);
        vec![dimension("ChannelId", id), dimension("Pipeline", &number.to_string())]
    };
    match place {
        Place::Whole => (String::new(), Vec::new()),
        Place::Label { dimension: name, value } => {
            let value = value(figure);
            (value.clone(), vec![vec![dimension(name, &value)]])
        }
        Place::Pipeline => {
            let number = pipeline(figure.label("process").unwrap_or(""), channel);
            (format!("{channel}.{number}"), vec![of_pipeline(number)])
        }
        Place::Input => {
            let all = pipelines.get(channel).cloned().unwrap_or_else(|| BTreeSet::from([0]));
            (channel.to_owned(), all.into_iter().map(of_pipeline).collect())
        }
        Place::Package => {
            let lists = match subjects.package(channel) {
                Package::V1 { channel } => vec![vec![dimension("Channel", &channel)]],
                Package::V2 { group, channel } => {
                    let group = dimension("ChannelGroup", &group);
                    vec![vec![group.clone()], vec![group, dimension("Channel", &channel)]]
                }
            };
            (channel.to_owned(), lists)
        }
        Place::Distribution => {
            let name = figure.label("distribution").unwrap_or("");
            let id = dimension("DistributionId", subjects.distribution_id(name));
            (name.to_owned(), vec![vec![id, dimension("Region", "Global")]])
        }
    }
}

#[cfg(test)]
mod tests;
