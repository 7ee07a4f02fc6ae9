//! What became of the requests to each distribution, as Prometheus families.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use super::Distributions;
use crate::counters::Phase;
use crate::respond::Answer;

/// Statuses are told apart by their first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What became of one distribution's requests; it stays when its rules change.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    answers: [AtomicU64; CLASSES.len()],
    /// Those that are no errors.
    by_cache: [AtomicU64; Phase::LABELS.len()],
    bytes: AtomicU64,
}

impl Counts {
    /// An answer that a viewer gets.
    pub(super) fn answered(&self, answer: &Answer) {
        let class = usize::from(answer.status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.answers[class].fetch_add(1, Ordering::Relaxed);
        if answer.status.as_u16() < 400 {
            self.by_cache[answer.phase as usize].fetch_add(1, Ordering::Relaxed);
        }
        if !answer.body.is_nothing() {
            self.bytes.fetch_add(answer.len().unwrap_or_default(), Ordering::Relaxed);
        }
    }
}

/// The figures of these.
#[derive(Debug)]
pub(crate) struct DistributionFigures(pub(crate) Distributions);

impl Collector for DistributionFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let routes = self.0.routes();
        let read = |count: &AtomicU64| ConstCounter::new(count.load(Ordering::Relaxed));
        let mut answers = encoder.encode_descriptor(
            "headwater_edge_distribution_answers",
            "Answers to viewers of the distribution, by the first digit of their status",
            None,
            MetricType::Counter,
        )?;
        for one in routes.all() {
            for (class, count) in CLASSES.iter().zip(&one.counts.answers) {
                let labels = [("distribution", one.name()), ("status", class)];
                read(count).encode(answers.encode_family(&labels)?)?;
            }
        }
        let mut by_cache = encoder.encode_descriptor(
            "headwater_edge_distribution_cache",
            "Those of them that are no errors, by what the cache had to do with them",
            None,
            MetricType::Counter,
        )?;
        for one in routes.all() {
            for (phase, count) in Phase::LABELS.iter().zip(&one.counts.by_cache) {
                let labels = [("distribution", one.name()), ("cache", phase)];
                read(count).encode(by_cache.encode_family(&labels)?)?;
            }
        }
        let mut bytes = encoder.encode_descriptor(
            "headwater_edge_distribution_bytes",
            "Lengths of the bodies of those answers, where they are known when an answer begins",
            None,
            MetricType::Counter,
        )?;
        for one in routes.all() {
            read(&one.counts.bytes).encode(bytes.encode_family(&[("distribution", one.name())])?)?;
        }
        Ok(())
    }
}
