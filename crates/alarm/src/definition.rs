//! Which metric alarms can exist.

use metric::{Dimension, Metric, MetricFault, Statistic, StatisticFault, Unit};
use serde::{Deserialize, Serialize};

use crate::math::{Math, MathFault};

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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn asked() -> PutMetricAlarm {
        PutMetricAlarm {
            alarm_name: "errors".to_owned(),
            namespace: Some("AWS/CloudFront".to_owned()),
            metric_name: Some("TotalErrorRate".to_owned()),
            statistic: Some("Average".to_owned()),
            period: Some(60),
            evaluation_periods: Some(3),
            threshold: Some(5.0),
            comparison_operator: Some("GreaterThanThreshold".to_owned()),
            alarm_actions: vec!["arn:aws:sns:us-east-1:000000000000:ops".to_owned()],
            ..PutMetricAlarm::default()
        }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut PutMetricAlarm)) -> AlarmFault {
        let mut asked = asked();
        change(&mut asked);
        MetricAlarm::try_from(asked).unwrap_err()
    }

    fn taken(change: impl FnOnce(&mut PutMetricAlarm)) -> MetricAlarm {
        let mut asked = asked();
        change(&mut asked);
        MetricAlarm::try_from(asked).unwrap()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let alarm = taken(|_| ());
        assert_eq!(alarm.datapoints_to_alarm(), 3);
        assert_eq!(alarm.missing_data(), MissingData::Missing);
        assert!(alarm.actions().enabled);
        assert_eq!(alarm.low_sample_count(), LowSampleCount::Evaluate);
    }

    #[test]
    fn periods_are_ten_twenty_thirty_or_whole_minutes() {
        for period in [10, 20, 30, 60, 120, 3600] {
            assert_eq!(taken(|a| a.period = Some(period)).period_s(), period);
        }
        for period in [0, 1, 5, 15, 40, 61, 90] {
            assert_eq!(refused(|a| a.period = Some(period)), AlarmFault::Period(period));
        }
        assert_eq!(refused(|a| a.period = None), AlarmFault::Required("Period"));
    }

    #[test]
    fn all_periods_together_last_a_day_or_seven_where_each_is_an_hour() {
        taken(|a| a.evaluation_periods = Some(1440));
        let span = |found_s, most_s| AlarmFault::Span { found_s, most_s };
        assert_eq!(refused(|a| a.evaluation_periods = Some(1441)), span(86_460, 86_400));
        let hours =
            |n| move |a: &mut PutMetricAlarm| (a.period, a.evaluation_periods) = (Some(3600), Some(n));
        taken(hours(168));
        assert_eq!(refused(hours(169)), span(608_400, 604_800));
        assert!(matches!(
            refused(|a| (a.period, a.evaluation_periods) = (Some(u32::MAX - 15), Some(u32::MAX))),
            AlarmFault::Span { .. }
        ));
    }

    #[test]
    fn m_is_one_to_n() {
        assert_eq!(taken(|a| a.datapoints_to_alarm = Some(2)).datapoints_to_alarm(), 2);
        for m in [0, 4] {
            let fault = AlarmFault::DatapointsToAlarm { evaluation_periods: 3, found: m };
            assert_eq!(refused(|a| a.datapoints_to_alarm = Some(m)), fault);
        }
        assert_eq!(refused(|a| a.evaluation_periods = Some(0)), AlarmFault::EvaluationPeriods);
    }

    #[test]
    fn there_is_one_statistic_in_its_own_member() {
        let both = refused(|a| a.extended_statistic = Some("p99".to_owned()));
        assert_eq!(both, AlarmFault::Both("Statistic", "ExtendedStatistic"));
        assert!(matches!(refused(|a| a.statistic = None), AlarmFault::Required(_)));
        assert!(matches!(refused(|a| a.statistic = Some("p99".to_owned())), AlarmFault::NotSimple(_)));
        let extended = |text: &str| {
            let text = text.to_owned();
            move |a: &mut PutMetricAlarm| (a.statistic, a.extended_statistic) = (None, Some(text))
        };
        taken(extended("tm90"));
        assert!(matches!(refused(extended("Sum")), AlarmFault::NotExtended(_)));
        assert!(matches!(refused(extended("p101")), AlarmFault::Statistic(_)));
    }

    #[test]
    fn anomaly_bands_are_refused_by_name() {
        for operator in [
            "LessThanLowerOrGreaterThanUpperThreshold",
            "LessThanLowerThreshold",
            "GreaterThanUpperThreshold",
        ] {
            let fault = refused(|a| a.comparison_operator = Some(operator.to_owned()));
            assert_eq!(fault, AlarmFault::AnomalyBand(operator.to_owned()));
            assert!(fault.to_string().contains(operator) && fault.to_string().contains("not implemented"));
        }
        assert_eq!(refused(|a| a.threshold_metric_id = Some("ad1".to_owned())), AlarmFault::ThresholdMetric);
        assert!(matches!(
            refused(|a| a.comparison_operator = Some("Above".to_owned())),
            AlarmFault::Choice { .. }
        ));
    }

    #[test]
    fn low_sample_counts_belong_to_percentiles() {
        let ignore =
            |a: &mut PutMetricAlarm| a.evaluate_low_sample_count_percentile = Some("ignore".to_owned());
        assert_eq!(refused(ignore), AlarmFault::NoPercentile);
        let alarm = taken(|a| {
            ignore(a);
            (a.statistic, a.extended_statistic) = (None, Some("p99".to_owned()));
        });
        assert_eq!(alarm.low_sample_count(), LowSampleCount::Ignore);
    }

    #[test]
    fn five_actions_of_a_kind_are_taken_and_each_is_an_arn() {
        let arns = |n| vec!["arn:aws:sns:r:0:t".to_owned(); n];
        taken(|a| a.ok_actions = arns(5));
        assert_eq!(refused(|a| a.ok_actions = arns(6)), AlarmFault::TooManyActions("OKActions"));
        let fault = refused(|a| a.insufficient_data_actions = vec!["mailto:x".to_owned()]);
        assert_eq!(fault, AlarmFault::Action("InsufficientDataActions", "mailto:x".to_owned()));
    }

    #[test]
    fn dynamodb_is_never_held_to_its_silence() {
        let alarm = taken(|a| {
            a.namespace = Some("AWS/DynamoDB".to_owned());
            a.treat_missing_data = Some("breaching".to_owned());
        });
        assert_eq!(alarm.missing_data(), MissingData::Ignore);
    }

    #[test]
    fn thresholds_and_names_are_sound() {
        assert!(matches!(refused(|a| a.threshold = Some(f64::NAN)), AlarmFault::Threshold(_)));
        assert_eq!(refused(|a| a.threshold = None), AlarmFault::Required("Threshold"));
        assert_eq!(refused(|a| a.alarm_name = String::new()), AlarmFault::Name);
        assert_eq!(refused(|a| a.alarm_name = "x".repeat(256)), AlarmFault::Name);
        assert_eq!(refused(|a| a.alarm_description = Some("x".repeat(1025))), AlarmFault::Description);
    }
}
