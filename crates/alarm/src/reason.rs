//! Why an alarm is in its state, in words and as JSON.

use media::Utc;
use serde::Serialize;

use crate::definition::{MetricAlarm, MissingData, Watched};
use crate::evaluate::{EvaluationRange, Point};
use crate::status::State;
use crate::text::{counted, date, short_date, was};

/// Values that the words name, and that the data lists; reasons have at most 1,023 bytes, their data 4,000.
const MAX_NAMED: usize = 5;
const MAX_LISTED: usize = 10;

/// What a verdict was found on.
pub(crate) struct Evidence<'a> {
    pub(crate) alarm: &'a MetricAlarm,
    pub(crate) range: EvaluationRange,
    /// The values that counted, newest first.
    pub(crate) counted: &'a [Point],
    /// How many periods were filled up.
    pub(crate) missing: usize,
    /// How many must.
    pub(crate) required: usize,
}

impl Evidence<'_> {
    /// The words for a state.
    pub(crate) fn words(&self, state: State) -> String {
        if state == State::InsufficientData {
            return format!(
                "Insufficient Data: {} {} unknown.",
                counted(self.missing, "datapoint"),
                was(self.missing)
            );
        }
        let filled = self.filled();
        if self.counted.is_empty() {
            let periods = counted(self.missing, "period");
            return format!("Threshold Crossed: no datapoints were received for {periods} and {filled}.");
        }
        let named: Vec<&Point> =
            self.counted.iter().filter(|p| self.alarm.breaches(p.value) == (state == State::Alarm)).collect();
        let breach =
            format!("{} the threshold ({:?})", self.alarm.comparison().words(), self.alarm.threshold());
        // "datapoints" whatever the number: readers of these words look for it.
        let mut words =
            format!("Threshold Crossed: {} out of the last {} datapoints ", named.len(), self.counted.len());
        let mut list: Vec<String> = named
            .iter()
            .take(MAX_NAMED)
            .map(|p| format!("{:?} ({})", p.value, short_date(Utc(p.start_s * 1_000_000))))
            .collect();
        if named.len() > MAX_NAMED {
            list.push("...".to_owned());
        }
        let not = if state == State::Alarm { "" } else { "not " };
        words += &format!("[{}] {} {not}{breach}", list.join(", "), was(named.len()));
        if self.missing > 0 {
            words += &format!(" and {filled}");
        }
        let (needed, transition) = match state {
            State::Alarm => (self.required, "OK -> ALARM"),
            _ => (self.alarm.evaluation_periods() - self.required + 1, "ALARM -> OK"),
        };
        words + &format!(" (minimum {} for {transition} transition).", counted(needed, "datapoint"))
    }

    fn filled(&self) -> String {
        let as_what = match self.alarm.missing_data() {
            MissingData::Breaching => "Breaching",
            MissingData::NotBreaching => "NonBreaching",
            MissingData::Ignore => "Ignore",
            MissingData::Missing => "Missing",
        };
        format!("{} {} treated as [{as_what}]", counted(self.missing, "missing datapoint"), was(self.missing))
    }

    /// The same as JSON.
    pub(crate) fn json(&self, now: Utc) -> String {
        let (statistic, unit) = match self.alarm.watched() {
            Watched::Metric(one) => (Some(one.statistic.to_string()), one.unit.map(|unit| unit.as_str())),
            Watched::Math(_) => (None, None),
        };
        let oldest = self.counted.last().map_or(self.range.start_s, |point| point.start_s);
        let newest = &self.counted[..self.counted.len().min(MAX_LISTED)];
        let data = Data {
            version: "1.0",
            query_date: date(now),
            start_date: date(Utc(oldest * 1_000_000)),
            unit,
            statistic,
            period: self.range.period_s,
            recent_datapoints: newest.iter().rev().map(|point| point.value).collect(),
            threshold: self.alarm.threshold(),
            evaluated_datapoints: newest.iter().map(Evaluated::of).collect(),
        };
        serde_json::to_string(&data).expect("its values are finite numbers and text")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    version: &'static str,
    query_date: String,
    start_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistic: Option<String>,
    period: u32,
    /// Oldest first.
    recent_datapoints: Vec<f64>,
    threshold: f64,
    /// Newest first.
    evaluated_datapoints: Vec<Evaluated>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Evaluated {
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample_count: Option<f64>,
    value: f64,
}

impl Evaluated {
    fn of(point: &Point) -> Evaluated {
        Evaluated {
            timestamp: date(Utc(point.start_s * 1_000_000)),
            sample_count: point.sample_count,
            value: point.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::definition::PutMetricAlarm;
    use crate::definition::tests::asked;
    use crate::evaluate::evaluate;

    const NOW: Utc = Utc(1_795_737_600_367_000);

    fn check(missing: &str, n: u32, m: u32, values: &[f64], wanted: Expect) {
        let asked = PutMetricAlarm {
            evaluation_periods: Some(n),
            datapoints_to_alarm: Some(m),
            treat_missing_data: Some(missing.to_owned()),
            ..asked()
        };
        let start = |at: usize| NOW.0 / 1_000_000 - 60 * (values.len() - at) as i64;
        let points: Vec<Point> = values
            .iter()
            .enumerate()
            .map(|(at, &value)| Point { start_s: start(at), value, sample_count: Some(2.0) })
            .collect();
        let verdict = evaluate(&asked.try_into().unwrap(), &points, NOW, State::Ok);
        wanted.assert_eq(&format!("{}\n{}\n", verdict.reason, verdict.reason_data));
    }

    #[test]
    fn a_crossed_threshold_names_the_values_that_crossed_it() {
        check(
            "missing",
            3,
            2,
            &[9.5, 1.0, 7.0],
            expect![[r#"
            Threshold Crossed: 2 out of the last 3 datapoints [7.0 (26/11/26 23:59:00), 9.5 (26/11/26 23:57:00)] were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition).
            {"version":"1.0","queryDate":"2026-11-27T00:00:00.367+0000","startDate":"2026-11-26T23:57:00.000+0000","statistic":"Average","period":60,"recentDatapoints":[9.5,1.0,7.0],"threshold":5.0,"evaluatedDatapoints":[{"timestamp":"2026-11-26T23:59:00.000+0000","sampleCount":2.0,"value":7.0},{"timestamp":"2026-11-26T23:58:00.000+0000","sampleCount":2.0,"value":1.0},{"timestamp":"2026-11-26T23:57:00.000+0000","sampleCount":2.0,"value":9.5}]}
        "#]],
        );
    }

    #[test]
    fn a_threshold_no_longer_crossed_names_the_values_that_do_not() {
        check(
            "missing",
            1,
            1,
            &[0.25],
            expect![[r#"
            Threshold Crossed: 1 out of the last 1 datapoints [0.25 (26/11/26 23:59:00)] was not greater than the threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition).
            {"version":"1.0","queryDate":"2026-11-27T00:00:00.367+0000","startDate":"2026-11-26T23:59:00.000+0000","statistic":"Average","period":60,"recentDatapoints":[0.25],"threshold":5.0,"evaluatedDatapoints":[{"timestamp":"2026-11-26T23:59:00.000+0000","sampleCount":2.0,"value":0.25}]}
        "#]],
        );
    }

    #[test]
    fn what_was_filled_up_is_said() {
        check(
            "breaching",
            3,
            3,
            &[9.0],
            expect![[r#"
            Threshold Crossed: 1 out of the last 1 datapoints [9.0 (26/11/26 23:59:00)] was greater than the threshold (5.0) and 2 missing datapoints were treated as [Breaching] (minimum 3 datapoints for OK -> ALARM transition).
            {"version":"1.0","queryDate":"2026-11-27T00:00:00.367+0000","startDate":"2026-11-26T23:59:00.000+0000","statistic":"Average","period":60,"recentDatapoints":[9.0],"threshold":5.0,"evaluatedDatapoints":[{"timestamp":"2026-11-26T23:59:00.000+0000","sampleCount":2.0,"value":9.0}]}
        "#]],
        );
    }

    #[test]
    fn silence_is_said() {
        check(
            "missing",
            2,
            2,
            &[],
            expect![[r#"
            Insufficient Data: 2 datapoints were unknown.
            {"version":"1.0","queryDate":"2026-11-27T00:00:00.367+0000","startDate":"2026-11-26T23:56:00.000+0000","statistic":"Average","period":60,"recentDatapoints":[],"threshold":5.0,"evaluatedDatapoints":[]}
        "#]],
        );
        check(
            "notBreaching",
            1,
            1,
            &[],
            expect![[r#"
            Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].
            {"version":"1.0","queryDate":"2026-11-27T00:00:00.367+0000","startDate":"2026-11-26T23:57:00.000+0000","statistic":"Average","period":60,"recentDatapoints":[],"threshold":5.0,"evaluatedDatapoints":[]}
        "#]],
        );
    }
}
