//! Alarms on metrics as values: which may exist, what state they are in, and why.
//!
//! A [`PutMetricAlarm`] is what somebody asks for; a [`MetricAlarm`] is one that can exist. Whoever keeps metrics fetches
//! its [`EvaluationRange`]; [`evaluate()`] judges the points and gives a [`Verdict`]: the state they call for, with its
//! reason in words and as JSON. [`Status::settle`] applies it, and where the state changed gives a [`Transition`]: an entry for the
//! history and the actions to run. A [`CompositeAlarm`] has a [`Rule`] over the states of others in place of a metric.
//!
//! Nothing here asks the time: `now` is an argument. What alarms do, and how they say it, is Amazon CloudWatch's (API
//! 2010-08-01), so that what was written for those alarms reads these.
#![forbid(unsafe_code)]

pub mod composite;
pub mod definition;
pub mod evaluate;
pub mod history;
pub mod math;
pub mod notification;
pub mod reason;
pub mod rule;
pub mod status;
mod text;

pub use composite::CompositeAlarm;
pub use definition::{
    Actions, AlarmFault, Comparison, LowSampleCount, MetricAlarm, MetricDataQuery, MetricStat, MissingData,
    PutMetricAlarm, Watched,
};
pub use evaluate::{EvaluationRange, Point, Verdict, evaluate};
pub use history::{History, HistoryItem, HistoryKind};
pub use math::{Math, MathFault};
pub use rule::{Rule, RuleFault};
pub use status::{State, Status, Transition};
