//! From what is asked for to an alarm that can exist, or why there is none.

use metric::{Dimension, Metric, MetricFault, Statistic, StatisticFault};

use super::{
    Actions, Comparison, LowSampleCount, MAX_ACTION_BYTES, MAX_ACTIONS, MAX_DESCRIPTION, MAX_NAME,
    MAX_SPAN_OF_HOURS_S, MAX_SPAN_S, MetricAlarm, MetricStat, MissingData, Watched,
};
use crate::math::{Math, MathFault};

/// What is asked for: the members of PutMetricAlarm, not yet looked at.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct PutMetricAlarm {
    pub alarm_name: String,
    pub alarm_description: Option<String>,
    pub actions_enabled: Option<bool>,
    pub ok_actions: Vec<String>,
    pub alarm_actions: Vec<String>,
    pub insufficient_data_actions: Vec<String>,
    pub namespace: Option<String>,
    pub metric_name: Option<String>,
    pub dimensions: Vec<Dimension>,
    pub statistic: Option<String>,
    pub extended_statistic: Option<String>,
    /// Seconds.
    pub period: Option<u32>,
    pub unit: Option<String>,
    pub evaluation_periods: Option<u32>,
    pub datapoints_to_alarm: Option<u32>,
    pub threshold: Option<f64>,
    pub threshold_metric_id: Option<String>,
    pub comparison_operator: Option<String>,
    pub treat_missing_data: Option<String>,
    pub evaluate_low_sample_count_percentile: Option<String>,
    pub metrics: Vec<MetricDataQuery>,
}

/// One of the metrics and expressions that an alarm on an expression is made of, not yet looked at.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct MetricDataQuery {
    pub id: String,
    pub expression: Option<String>,
    pub metric_stat: Option<MetricStat>,
    pub return_data: Option<bool>,
}

/// Why there can be no such alarm.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum AlarmFault {
    #[error("AlarmName must have 1 to {MAX_NAME} characters and no control characters")]
    Name,
    #[error("AlarmDescription must have at most {MAX_DESCRIPTION} characters")]
    Description,
    #[error("{0} must have at most {MAX_ACTIONS} entries")]
    TooManyActions(&'static str),
    #[error("{0} must be ARNs of at most {MAX_ACTION_BYTES} bytes, not `{1}`")]
    Action(&'static str, String),
    #[error("{0} is required")]
    Required(&'static str),
    #[error("{0} and {1} must not both be there")]
    Both(&'static str, &'static str),
    #[error("{what} must not be `{found}`; it is one of {allowed}")]
    Choice { what: &'static str, found: String, allowed: &'static str },
    #[error("ComparisonOperator {0} compares with an anomaly detection band, which is not implemented")]
    AnomalyBand(String),
    #[error("ThresholdMetricId names an anomaly detection band, which is not implemented")]
    ThresholdMetric,
    #[error("Period must be 10, 20, 30 or a multiple of 60, not {0}")]
    Period(u32),
    #[error("a Period below 60 needs a simple Statistic or a percentile, not {0}")]
    HighResolutionStatistic(Statistic),
    #[error("EvaluationPeriods must be at least 1")]
    EvaluationPeriods,
    #[error("DatapointsToAlarm must be 1 to EvaluationPeriods, {evaluation_periods}, not {found}")]
    DatapointsToAlarm { evaluation_periods: u32, found: u32 },
    #[error(
        "Period times EvaluationPeriods is {found_s} seconds; at most {most_s} are allowed, one day for periods below an hour and seven for others"
    )]
    Span { found_s: u64, most_s: u64 },
    #[error("Threshold must be a finite number, not {0}")]
    Threshold(f64),
    #[error(
        "Statistic must be SampleCount, Average, Sum, Minimum or Maximum; {0} goes into ExtendedStatistic"
    )]
    NotSimple(String),
    #[error("ExtendedStatistic must be one by pattern, such as p99; {0} goes into Statistic")]
    NotExtended(String),
    #[error("EvaluateLowSampleCountPercentile needs a percentile as ExtendedStatistic")]
    NoPercentile,
    #[error("Statistic: {0}")]
    Statistic(#[from] StatisticFault),
    #[error(transparent)]
    Metric(#[from] MetricFault),
    #[error("Metrics: {0}")]
    Math(#[from] MathFault),
}

impl TryFrom<PutMetricAlarm> for MetricAlarm {
    type Error = AlarmFault;

    fn try_from(asked: PutMetricAlarm) -> Result<MetricAlarm, AlarmFault> {
        let name = name(&asked.alarm_name)?;
        let description = description(asked.alarm_description.clone())?;
        let comparison = comparison(asked.comparison_operator.as_deref())?;
        if asked.threshold_metric_id.is_some() {
            return Err(AlarmFault::ThresholdMetric);
        }
        let threshold = asked.threshold.ok_or(AlarmFault::Required("Threshold"))?;
        if !threshold.is_finite() {
            return Err(AlarmFault::Threshold(threshold));
        }
        let mut missing_data = missing_data(asked.treat_missing_data.as_deref())?;
        let low_sample_count = low_sample_count(&asked)?;
        let watched = watched(&asked)?;
        if let Watched::Metric(one) = &watched {
            // This namespace reports only what there is; its silence never means anything.
            if one.metric.namespace() == "AWS/DynamoDB" {
                missing_data = MissingData::Ignore;
            }
        }
        let (evaluation_periods, datapoints_to_alarm) = periods(&asked, watched.period_s())?;
        let actions = actions(
            asked.actions_enabled,
            asked.ok_actions,
            asked.alarm_actions,
            asked.insufficient_data_actions,
        )?;
        Ok(MetricAlarm {
            name,
            description,
            actions,
            watched,
            evaluation_periods,
            datapoints_to_alarm,
            threshold,
            comparison,
            missing_data,
            low_sample_count,
        })
    }
}

pub(crate) fn name(name: &str) -> Result<String, AlarmFault> {
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.chars().any(char::is_control) {
        return Err(AlarmFault::Name);
    }
    Ok(name.to_owned())
}

pub(crate) fn description(text: Option<String>) -> Result<Option<String>, AlarmFault> {
    match text {
        Some(text) if text.chars().count() > MAX_DESCRIPTION => Err(AlarmFault::Description),
        text => Ok(text),
    }
}

pub(crate) fn actions(
    enabled: Option<bool>,
    ok: Vec<String>,
    alarm: Vec<String>,
    insufficient_data: Vec<String>,
) -> Result<Actions, AlarmFault> {
    for (what, list) in
        [("OKActions", &ok), ("AlarmActions", &alarm), ("InsufficientDataActions", &insufficient_data)]
    {
        if list.len() > MAX_ACTIONS {
            return Err(AlarmFault::TooManyActions(what));
        }
        let bad = |arn: &&String| {
            !arn.starts_with("arn:") || arn.len() > MAX_ACTION_BYTES || arn.chars().any(char::is_control)
        };
        if let Some(arn) = list.iter().find(bad) {
            return Err(AlarmFault::Action(what, arn.chars().take(80).collect()));
        }
    }
    Ok(Actions { enabled: enabled.unwrap_or(true), ok, alarm, insufficient_data })
}

fn comparison(operator: Option<&str>) -> Result<Comparison, AlarmFault> {
    let operator = operator.ok_or(AlarmFault::Required("ComparisonOperator"))?;
    match operator {
        "GreaterThanOrEqualToThreshold" => Ok(Comparison::GreaterThanOrEqualToThreshold),
        "GreaterThanThreshold" => Ok(Comparison::GreaterThanThreshold),
        "LessThanThreshold" => Ok(Comparison::LessThanThreshold),
        "LessThanOrEqualToThreshold" => Ok(Comparison::LessThanOrEqualToThreshold),
        "LessThanLowerOrGreaterThanUpperThreshold"
        | "LessThanLowerThreshold"
        | "GreaterThanUpperThreshold" => Err(AlarmFault::AnomalyBand(operator.to_owned())),
        other => Err(choice(
            "ComparisonOperator",
            other,
            "GreaterThanOrEqualToThreshold, GreaterThanThreshold, LessThanThreshold, LessThanOrEqualToThreshold",
        )),
    }
}

fn missing_data(treatment: Option<&str>) -> Result<MissingData, AlarmFault> {
    match treatment {
        None | Some("missing") => Ok(MissingData::Missing),
        Some("ignore") => Ok(MissingData::Ignore),
        Some("breaching") => Ok(MissingData::Breaching),
        Some("notBreaching") => Ok(MissingData::NotBreaching),
        Some(other) => Err(choice("TreatMissingData", other, "breaching, notBreaching, ignore, missing")),
    }
}

fn low_sample_count(asked: &PutMetricAlarm) -> Result<LowSampleCount, AlarmFault> {
    let choice = match asked.evaluate_low_sample_count_percentile.as_deref() {
        None => return Ok(LowSampleCount::Evaluate),
        Some("evaluate") => LowSampleCount::Evaluate,
        Some("ignore") => LowSampleCount::Ignore,
        Some(other) => return Err(choice("EvaluateLowSampleCountPercentile", other, "evaluate, ignore")),
    };
    match asked.extended_statistic.as_deref().map(str::parse) {
        Some(Ok(Statistic::Percentile(_))) => Ok(choice),
        _ => Err(AlarmFault::NoPercentile),
    }
}

fn choice(what: &'static str, found: &str, allowed: &'static str) -> AlarmFault {
    AlarmFault::Choice { what, found: found.chars().take(80).collect(), allowed }
}

fn watched(asked: &PutMetricAlarm) -> Result<Watched, AlarmFault> {
    if !asked.metrics.is_empty() {
        let singles = [
            ("MetricName", asked.metric_name.is_some()),
            ("Namespace", asked.namespace.is_some()),
            ("Statistic", asked.statistic.is_some()),
            ("ExtendedStatistic", asked.extended_statistic.is_some()),
            ("Period", asked.period.is_some()),
            ("Unit", asked.unit.is_some()),
            ("Dimensions", !asked.dimensions.is_empty()),
        ];
        if let Some((what, _)) = singles.iter().find(|(_, there)| *there) {
            return Err(AlarmFault::Both("Metrics", what));
        }
        return Ok(Watched::Math(Math::new(&asked.metrics)?));
    }
    let name = asked.metric_name.as_deref().ok_or(AlarmFault::Required("MetricName"))?;
    let namespace = asked.namespace.as_deref().ok_or(AlarmFault::Required("Namespace"))?;
    let metric = Metric::new(namespace, name, asked.dimensions.clone())?;
    let statistic = match (asked.statistic.as_deref(), asked.extended_statistic.as_deref()) {
        (Some(_), Some(_)) => return Err(AlarmFault::Both("Statistic", "ExtendedStatistic")),
        (None, None) => return Err(AlarmFault::Required("Statistic or ExtendedStatistic")),
        (Some(text), None) => match text.parse::<Statistic>()? {
            simple if simple.is_simple() => simple,
            extended => return Err(AlarmFault::NotSimple(extended.to_string())),
        },
        (None, Some(text)) => match text.parse::<Statistic>()? {
            simple if simple.is_simple() => return Err(AlarmFault::NotExtended(simple.to_string())),
            extended => extended,
        },
    };
    let unit = match asked.unit.as_deref() {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            choice("Unit", text, "Seconds, Bytes, Percent, Count, Count/Second, None and their kin")
        })?),
    };
    let period_s = asked.period.ok_or(AlarmFault::Required("Period"))?;
    Ok(Watched::Metric(MetricStat::new(metric, statistic, period_s, unit)?))
}

fn periods(asked: &PutMetricAlarm, period_s: u32) -> Result<(usize, usize), AlarmFault> {
    let n = asked.evaluation_periods.ok_or(AlarmFault::Required("EvaluationPeriods"))?;
    if n == 0 {
        return Err(AlarmFault::EvaluationPeriods);
    }
    let m = asked.datapoints_to_alarm.unwrap_or(n);
    if m == 0 || m > n {
        return Err(AlarmFault::DatapointsToAlarm { evaluation_periods: n, found: m });
    }
    let found_s = u64::from(n) * u64::from(period_s);
    let most_s = if period_s < 3600 { MAX_SPAN_S } else { MAX_SPAN_OF_HOURS_S };
    if found_s > most_s {
        return Err(AlarmFault::Span { found_s, most_s });
    }
    Ok((n as usize, m as usize))
}
