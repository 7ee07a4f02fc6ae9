//! How the origins fare, as Prometheus families. An origin is told by its place in the list, from 1.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::client::Origins;
use crate::health::{Fault, State};

/// The figures of these.
#[derive(Debug)]
pub(crate) struct OriginFigures(pub(crate) Arc<Origins>);

impl Collector for OriginFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counts = &self.0.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let states = self.0.states();
        let mut health = encoder.encode_descriptor(
            "headwater_edge_origin_health",
            "2 while the origin is asked as usual, 1 while it is in doubt, 0 while it is only probed",
            None,
            MetricType::Gauge,
        )?;
        for (at, state) in states.iter().enumerate() {
            let value: i64 = match state {
                State::Good => 2,
                State::Doubtful { .. } => 1,
                State::Down { .. } => 0,
            };
            ConstGauge::new(value).encode(health.encode_family(&[("origin", place(at))])?)?;
        }
        for (name, help, of) in [
            ("headwater_edge_origin_asked", "Requests begun at the origin", &counts.asked),
            (
                "headwater_edge_origin_joined",
                "Requests begun at the origin because another was late",
                &counts.joined,
            ),
        ] {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (at, count) in of.iter().enumerate() {
                ConstCounter::new(read(count)).encode(family.encode_family(&[("origin", place(at))])?)?;
            }
        }
        let mut faults = encoder.encode_descriptor(
            "headwater_edge_origin_faults",
            "What the origin did wrong",
            None,
            MetricType::Counter,
        )?;
        for (at, by_kind) in counts.faults.iter().enumerate() {
            for (label, count) in Fault::LABELS.iter().zip(by_kind) {
                let labels = [("origin", place(at)), ("fault", (*label).to_owned())];
                ConstCounter::new(read(count)).encode(faults.encode_family(&labels)?)?;
            }
        }
        let failovers = encoder.encode_descriptor(
            "headwater_edge_failovers",
            "Answers from another origin than the one asked first",
            None,
            MetricType::Counter,
        )?;
        ConstCounter::new(read(&counts.failovers)).encode(failovers)
    }
}

fn place(at: usize) -> String {
    (at + 1).to_string()
}
