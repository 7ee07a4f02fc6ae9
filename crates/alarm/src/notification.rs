//! What an alarm tells a topic when its state changes: the message that CloudWatch sends, and its subject.

use serde_json::{Value, json};

use crate::composite::CompositeAlarm;
use crate::definition::{MetricAlarm, MetricStat, Watched};
use crate::status::{Status, Transition};
use crate::text::date;

/// Whose alarm it is.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// Twelve digits.
    pub account: &'a str,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// The alarm's ARN.
    pub alarm_arn: &'a str,
}

/// The subject, by the alarm's name: at most 100 characters, as topics take them.
pub fn subject(name: &str, transition: &Transition, owner: Owner<'_>) -> String {
    let subject = format!("{}: \"{name}\" in {}", transition.to, owner.region);
    let printable = subject.chars().filter(char::is_ascii);
    printable.take(100).collect()
}

/// The message, as JSON. `status` is the one after the transition.
pub fn message(alarm: &MetricAlarm, status: &Status, transition: &Transition, owner: Owner<'_>) -> String {
    let message = json!({
        "AlarmName": alarm.name(),
        "AlarmDescription": alarm.description(),
        "AWSAccountId": owner.account,
        "NewStateValue": transition.to,
        "NewStateReason": status.reason,
        "StateChangeTime": date(status.transitioned),
        "Region": owner.region,
        "AlarmArn": owner.alarm_arn,
        "OldStateValue": transition.from,
        "OKActions": alarm.actions().ok,
        "AlarmActions": alarm.actions().alarm,
        "InsufficientDataActions": alarm.actions().insufficient_data,
        "Trigger": trigger(alarm),
    });
    message.to_string()
}

/// The message of a composite alarm, as JSON. `status` is the one after the transition.
pub fn composite_message(
    alarm: &CompositeAlarm,
    status: &Status,
    transition: &Transition,
    owner: Owner<'_>,
) -> String {
    let message = json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": owner.account,
        "NewStateValue": transition.to,
        "NewStateReason": status.reason,
        "StateChangeTime": date(status.transitioned),
        "Region": owner.region,
        "AlarmArn": owner.alarm_arn,
        "OldStateValue": transition.from,
        "OKActions": alarm.actions.ok,
        "AlarmActions": alarm.actions.alarm,
        "InsufficientDataActions": alarm.actions.insufficient_data,
        "AlarmRule": alarm.rule.text(),
    });
    message.to_string()
}

fn trigger(alarm: &MetricAlarm) -> Value {
    let mut trigger = json!({
        "Period": alarm.period_s(),
        "EvaluationPeriods": alarm.evaluation_periods(),
        "DatapointsToAlarm": alarm.datapoints_to_alarm(),
        "ComparisonOperator": alarm.comparison().as_str(),
        "Threshold": alarm.threshold(),
        "TreatMissingData": alarm.missing_data().as_str(),
        "EvaluateLowSampleCountPercentile": "",
    });
    match alarm.watched() {
        Watched::Metric(one) => {
            trigger["MetricName"] = one.metric.name().into();
            trigger["Namespace"] = one.metric.namespace().into();
            let (kind, member, name) = match one.statistic.is_simple() {
                true => ("Statistic", "Statistic", one.statistic.to_string().to_uppercase()),
                false => ("ExtendedStatistic", "ExtendedStatistic", one.statistic.to_string()),
            };
            trigger["StatisticType"] = kind.into();
            trigger[member] = name.into();
            trigger["Unit"] = one.unit.map(|unit| unit.as_str()).into();
            trigger["Dimensions"] = dimensions(one);
        }
        Watched::Math(math) => {
            let metrics = math.metrics().map(|(id, one)| {
                json!({
                    "Id": id,
                    "MetricStat": {
                        "Metric": { "Dimensions": dimensions(one), "MetricName": one.metric.name(), "Namespace": one.metric.namespace() },
                        "Period": one.period_s,
                        "Stat": one.statistic.to_string(),
                    },
                    "ReturnData": id == math.returned(),
                })
            });
            let expressions = math.expressions().map(
                |(id, text)| json!({ "Id": id, "Expression": text, "ReturnData": id == math.returned() }),
            );
            trigger["Metrics"] = metrics.chain(expressions).collect();
        }
    }
    trigger
}

fn dimensions(one: &MetricStat) -> Value {
    one.metric.dimensions().iter().map(|d| json!({ "name": d.name, "value": d.value })).collect()
}

#[cfg(test)]
mod tests {
    use media::Utc;

    use super::*;
    use crate::definition::tests::asked;
    use crate::status::State;

    #[test]
    fn a_transition_tells_both_states_and_what_triggered_it() {
        let alarm: MetricAlarm = asked().try_into().unwrap();
        let mut status = Status::created(Utc(0));
        let set =
            status.set("errors", alarm.actions(), "ALARM", "a test".into(), None, Utc(1_795_737_600_000_000));
        let transition = set.unwrap().unwrap();
        let owner = Owner {
            account: "000000000000",
            region: "us-east-1",
            alarm_arn: "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors",
        };
        assert_eq!(subject(alarm.name(), &transition, owner), "ALARM: \"errors\" in us-east-1");
        let message: Value = serde_json::from_str(&message(&alarm, &status, &transition, owner)).unwrap();
        assert_eq!(message["NewStateValue"], State::Alarm.as_str());
        assert_eq!(message["OldStateValue"], "INSUFFICIENT_DATA");
        assert_eq!(message["StateChangeTime"], "2026-11-27T00:00:00.000+0000");
        assert_eq!(message["Trigger"]["MetricName"], "TotalErrorRate");
        assert_eq!(message["Trigger"]["Statistic"], "AVERAGE");
        assert_eq!(message["Trigger"]["Threshold"], 5.0);
    }
}
