//! Which metric alarms can exist.

mod request;

use metric::{Metric, Statistic, Unit};
use serde::{Deserialize, Serialize};

use crate::math::Math;
pub use request::{AlarmFault, MetricDataQuery, PutMetricAlarm};
pub(crate) use request::{actions, description, name};

/// Longest name of an alarm, in characters.
pub const MAX_NAME: usize = 255;
/// Longest description, in characters.
pub const MAX_DESCRIPTION: usize = 1024;
/// Most actions of one kind.
pub const MAX_ACTIONS: usize = 5;
/// Longest name of an action, in bytes.
pub const MAX_ACTION_BYTES: usize = 1024;
/// Span that all periods together may have, in seconds, where a period is an hour or more: seven days.
pub const MAX_SPAN_OF_HOURS_S: u64 = 7 * 86_400;
/// The same where a period is shorter: a day.
pub const MAX_SPAN_S: u64 = 86_400;

/// A statistic of a metric over periods.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricStat {
    /// Which metric.
    pub metric: Metric,
    /// What is asked of each period's values.
    pub statistic: Statistic,
    /// Length of a period, seconds.
    pub period_s: u32,
    /// Values of this unit alone; all where there is none.
    pub unit: Option<Unit>,
}

/// A metric alarm that can exist.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAlarm {
    name: String,
    description: Option<String>,
    actions: Actions,
    watched: Watched,
    evaluation_periods: usize,
    datapoints_to_alarm: usize,
    threshold: f64,
    comparison: Comparison,
    missing_data: MissingData,
    low_sample_count: LowSampleCount,
}

/// What an alarm looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched {
    /// A statistic of one metric.
    Metric(MetricStat),
    /// An expression over several.
    Math(Math),
}

/// What is done when a state is entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// Whether any of it is done.
    pub enabled: bool,
    /// On OK, each by its ARN.
    pub ok: Vec<String>,
    /// On ALARM.
    pub alarm: Vec<String>,
    /// On INSUFFICIENT_DATA.
    pub insufficient_data: Vec<String>,
}

/// On which side of the threshold a value breaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Comparison {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

/// What a period without values counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MissingData {
    /// As breaching.
    Breaching,
    /// As within the threshold.
    NotBreaching,
    /// The state stays.
    Ignore,
    /// Nothing is known of it.
    #[default]
    Missing,
}

/// Whether a percentile of too few values counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowSampleCount {
    /// It does.
    #[default]
    Evaluate,
    /// The state stays until there are enough.
    Ignore,
}

impl MetricAlarm {
    /// What it is called, within an account and a region.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its owner says of it.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What is done when a state is entered.
    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    /// The same alarm with its actions switched on or off.
    pub fn with_actions(mut self, enabled: bool) -> MetricAlarm {
        self.actions.enabled = enabled;
        self
    }

    /// What it looks at.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Length of a period, seconds.
    pub fn period_s(&self) -> u32 {
        self.watched.period_s()
    }

    /// N: how many of the newest periods count.
    pub fn evaluation_periods(&self) -> usize {
        self.evaluation_periods
    }

    /// M: how many of them must breach; 1 to N.
    pub fn datapoints_to_alarm(&self) -> usize {
        self.datapoints_to_alarm
    }

    /// What values are compared with.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// How they are compared with it.
    pub fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// What a period without values counts as.
    pub fn missing_data(&self) -> MissingData {
        self.missing_data
    }

    /// Whether a percentile of too few values counts.
    pub fn low_sample_count(&self) -> LowSampleCount {
        self.low_sample_count
    }

    /// Whether a value breaches the threshold.
    pub fn breaches(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::GreaterThanOrEqualToThreshold => value >= self.threshold,
            Comparison::GreaterThanThreshold => value > self.threshold,
            Comparison::LessThanThreshold => value < self.threshold,
            Comparison::LessThanOrEqualToThreshold => value <= self.threshold,
        }
    }
}

impl Watched {
    /// Length of a period, seconds.
    pub fn period_s(&self) -> u32 {
        match self {
            Watched::Metric(one) => one.period_s,
            Watched::Math(math) => math.period_s(),
        }
    }
}

impl MetricStat {
    /// A statistic that can be asked for.
    pub fn new(
        metric: Metric,
        statistic: Statistic,
        period_s: u32,
        unit: Option<Unit>,
    ) -> Result<MetricStat, AlarmFault> {
        if !(matches!(period_s, 10 | 20 | 30) || period_s > 0 && period_s.is_multiple_of(60)) {
            return Err(AlarmFault::Period(period_s));
        }
        if period_s < 60 && statistic.needs_distribution() && !matches!(statistic, Statistic::Percentile(_)) {
            return Err(AlarmFault::HighResolutionStatistic(statistic));
        }
        Ok(MetricStat { metric, statistic, period_s, unit })
    }
}

impl Comparison {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Comparison::GreaterThanOrEqualToThreshold => "GreaterThanOrEqualToThreshold",
            Comparison::GreaterThanThreshold => "GreaterThanThreshold",
            Comparison::LessThanThreshold => "LessThanThreshold",
            Comparison::LessThanOrEqualToThreshold => "LessThanOrEqualToThreshold",
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Comparison::GreaterThanOrEqualToThreshold => "greater than or equal to",
            Comparison::GreaterThanThreshold => "greater than",
            Comparison::LessThanThreshold => "less than",
            Comparison::LessThanOrEqualToThreshold => "less than or equal to",
        }
    }
}

impl MissingData {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            MissingData::Breaching => "breaching",
            MissingData::NotBreaching => "notBreaching",
            MissingData::Ignore => "ignore",
            MissingData::Missing => "missing",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
