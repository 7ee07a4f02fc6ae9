//! From members of the API to values that can exist.

use alarm::composite::{CompositeFault, PutCompositeAlarm};
use alarm::{AlarmFault, CompositeAlarm, MetricAlarm, MetricDataQuery, MetricStat, PutMetricAlarm};
use aws::{Map, Mismatch};
use metric::{Dimension, Metric, MetricFault, Statistic, StatisticFault, Unit};
use serde::Deserialize;

/// Why members make no alarm, and no query.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault {
    #[error(transparent)]
    Alarm(#[from] AlarmFault),
    #[error(transparent)]
    Composite(#[from] CompositeFault),
    #[error(transparent)]
    Metric(#[from] MetricFault),
    #[error(transparent)]
    Statistic(#[from] StatisticFault),
    #[error("{0} is not implemented here; leave it out")]
    NotImplemented(&'static str),
    #[error("AccountId {0} is another account; metrics of other accounts are not implemented here")]
    OtherAccount(String),
    #[error("{0}")]
    Shape(#[from] Mismatch),
}

/// Members of PutMetricAlarm that CloudWatch has and this has not.
const ALARM_NOT_IMPLEMENTED: [&str; 5] = [
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
];
/// The same of PutCompositeAlarm.
const COMPOSITE_NOT_IMPLEMENTED: [&str; 4] = [
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
    "ActionConfiguration",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AlarmMembers {
    alarm_name: String,
    alarm_description: Option<String>,
    actions_enabled: Option<bool>,
    #[serde(rename = "OKActions", default)]
    ok_actions: Vec<String>,
    #[serde(default)]
    alarm_actions: Vec<String>,
    #[serde(default)]
    insufficient_data_actions: Vec<String>,
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<DimensionMembers>,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    period: Option<u32>,
    unit: Option<String>,
    evaluation_periods: Option<u32>,
    datapoints_to_alarm: Option<u32>,
    threshold: Option<f64>,
    threshold_metric_id: Option<String>,
    comparison_operator: Option<String>,
    treat_missing_data: Option<String>,
    evaluate_low_sample_count_percentile: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CompositeMembers {
    alarm_name: String,
    alarm_description: Option<String>,
    actions_enabled: Option<bool>,
    #[serde(rename = "OKActions", default)]
    ok_actions: Vec<String>,
    #[serde(default)]
    alarm_actions: Vec<String>,
    #[serde(default)]
    insufficient_data_actions: Vec<String>,
    alarm_rule: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DimensionMembers {
    name: String,
    value: String,
}

/// One of a request's queries.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueryMembers {
    pub(crate) id: String,
    metric_stat: Option<MetricStatMembers>,
    expression: Option<String>,
    pub(crate) label: Option<String>,
    return_data: Option<bool>,
    pub(crate) period: Option<u32>,
    account_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricStatMembers {
    metric: MetricMembers,
    period: u32,
    stat: String,
    unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricMembers {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<DimensionMembers>,
}

/// The alarm that PutMetricAlarm's members ask for.
pub(crate) fn metric_alarm(members: &Map, account: &str) -> Result<MetricAlarm, ReadFault> {
    refuse(members, &ALARM_NOT_IMPLEMENTED)?;
    let asked: AlarmMembers = members.view()?;
    let mut metrics = Vec::new();
    for one in members.get("Metrics").and_then(aws::Value::as_list).unwrap_or_default() {
        let one: QueryMembers = one.view()?;
        if one.period.is_some() {
            return Err(ReadFault::NotImplemented("Metrics.Period"));
        }
        metrics.push(query(&one, account)?);
    }
    let asked = PutMetricAlarm {
        alarm_name: asked.alarm_name,
        alarm_description: asked.alarm_description,
        actions_enabled: asked.actions_enabled,
        ok_actions: asked.ok_actions,
        alarm_actions: asked.alarm_actions,
        insufficient_data_actions: asked.insufficient_data_actions,
        namespace: asked.namespace,
        metric_name: asked.metric_name,
        dimensions: dimensions(asked.dimensions),
        statistic: asked.statistic,
        extended_statistic: asked.extended_statistic,
        period: asked.period,
        unit: asked.unit,
        evaluation_periods: asked.evaluation_periods,
        datapoints_to_alarm: asked.datapoints_to_alarm,
        threshold: asked.threshold,
        threshold_metric_id: asked.threshold_metric_id,
        comparison_operator: asked.comparison_operator,
        treat_missing_data: asked.treat_missing_data,
        evaluate_low_sample_count_percentile: asked.evaluate_low_sample_count_percentile,
        metrics,
    };
    // Metric alarms on expressions are on minutes or tens of seconds, as others are.
    for one in &asked.metrics {
        if let Some(stat) = one.metric_stat.clone() {
            MetricStat::new(stat.metric, stat.statistic, stat.period_s, stat.unit)?;
        }
    }
    Ok(asked.try_into()?)
}

/// The alarm that PutCompositeAlarm's members ask for.
pub(crate) fn composite_alarm(members: &Map) -> Result<CompositeAlarm, ReadFault> {
    refuse(members, &COMPOSITE_NOT_IMPLEMENTED)?;
    let asked: CompositeMembers = members.view()?;
    let asked = PutCompositeAlarm {
        alarm_name: asked.alarm_name,
        alarm_description: asked.alarm_description,
        actions_enabled: asked.actions_enabled,
        ok_actions: asked.ok_actions,
        alarm_actions: asked.alarm_actions,
        insufficient_data_actions: asked.insufficient_data_actions,
        alarm_rule: asked.alarm_rule,
    };
    Ok(asked.try_into()?)
}

fn refuse(members: &Map, not_implemented: &[&'static str]) -> Result<(), ReadFault> {
    match not_implemented.iter().find(|name| members.get(name).is_some()) {
        Some(name) => Err(ReadFault::NotImplemented(name)),
        None => Ok(()),
    }
}

/// A query as alarms and expressions take it; the period of a metric is not looked at.
pub(crate) fn query(asked: &QueryMembers, account: &str) -> Result<MetricDataQuery, ReadFault> {
    if let Some(other) = asked.account_id.as_ref().filter(|id| *id != account) {
        return Err(ReadFault::OtherAccount(other.clone()));
    }
    if asked.label.as_ref().is_some_and(|label| label.contains("${")) {
        return Err(ReadFault::NotImplemented("a dynamic Label (`${…}`)"));
    }
    let is_insights = |text: &String| text.trim_start().to_ascii_uppercase().starts_with("SELECT ");
    if asked.expression.as_ref().is_some_and(is_insights) {
        return Err(ReadFault::NotImplemented("Metrics Insights (`SELECT …`)"));
    }
    let metric_stat = asked.metric_stat.as_ref().map(|stat| {
        let named = &stat.metric;
        let metric = Metric::new(
            named.namespace.as_deref().unwrap_or_default(),
            named.metric_name.as_deref().unwrap_or_default(),
            named.dimensions.iter().map(DimensionMembers::read).collect(),
        )?;
        let statistic: Statistic = stat.stat.parse()?;
        Ok::<_, ReadFault>(MetricStat {
            metric,
            statistic,
            period_s: stat.period,
            unit: unit(stat.unit.as_deref()),
        })
    });
    Ok(MetricDataQuery {
        id: asked.id.clone(),
        expression: asked.expression.clone(),
        metric_stat: metric_stat.transpose()?,
        return_data: asked.return_data,
    })
}

/// A metric by its members, which the description has checked to be there where they must.
pub(crate) fn metric(members: &Map) -> Result<Metric, ReadFault> {
    let named: MetricMembers = members.view()?;
    let (namespace, name) = (named.namespace.unwrap_or_default(), named.metric_name.unwrap_or_default());
    Ok(Metric::new(&namespace, &name, dimensions(named.dimensions))?)
}

/// A unit by a name that the description has checked.
pub(crate) fn unit(name: Option<&str>) -> Option<Unit> {
    name.and_then(|name| name.parse().ok())
}

fn dimensions(members: Vec<DimensionMembers>) -> Vec<Dimension> {
    members.iter().map(DimensionMembers::read).collect()
}

impl DimensionMembers {
    fn read(&self) -> Dimension {
        Dimension { name: self.name.clone(), value: self.value.clone() }
    }
}
