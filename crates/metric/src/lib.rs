//! What a metric is: its name, its dimensions, its values summed up, and the statistics of them.
//!
//! A [`Metric`] is a namespace, a name and a set of dimensions; with a [`Unit`] it names a series. The values that
//! fell into one span of time are an [`Aggregate`]: how many, their sum, the least and the greatest, and a [`Sketch`] of
//! how they were distributed. A [`Statistic`] asks an aggregate for one number. Aggregates add up, in any order, so
//! that a minute is made of seconds and an hour of minutes.
//!
//! Names, limits and statistics are those of the Amazon CloudWatch API (2010-08-01).
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod identity;
pub mod sketch;
pub mod statistic;
pub mod unit;

pub use aggregate::{Aggregate, AggregateFault, Distribution};
pub use identity::{Dimension, Metric, MetricFault};
pub use sketch::Sketch;
pub use statistic::{Bound, Statistic, StatisticFault};
pub use unit::Unit;
