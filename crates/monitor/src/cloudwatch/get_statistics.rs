//! GetMetricStatistics.

use aws::{Map, Value};
use history::Span;
use media::Utc;
use metric::{Aggregate, Statistic, Unit};

use super::errors::{combination, internal, invalid, missing};
use super::{CloudWatch, Given, texts};
use crate::read;

/// Most datapoints of an answer.
const MAX_DATAPOINTS: i64 = 1440;

impl CloudWatch {
    pub(super) async fn get_metric_statistics(&self, input: Map) -> Given {
        let metric = read::metric(&input).map_err(|fault| invalid(fault.to_string()))?;
        let (Some(Value::Timestamp(start)), Some(Value::Timestamp(end))) =
            (input.get("StartTime"), input.get("EndTime"))
        else {
            return Err(missing("StartTime and EndTime are required"));
        };
        if start >= end {
            return Err(combination("The parameter StartTime must be less than the parameter EndTime."));
        }
        let period_s = match input.get("Period") {
            Some(Value::Integer(period)) => u32::try_from(*period).unwrap_or(0),
            _ => 0,
        };
        if !(matches!(period_s, 1 | 5 | 10 | 20 | 30) || period_s > 0 && period_s.is_multiple_of(60)) {
            return Err(invalid(format!(
                "Period must be 1, 5, 10, 20, 30 or a multiple of 60, not {period_s}"
            )));
        }
        let step_s = i64::from(period_s.min(60));
        let start_s = start.0.div_euclid(1_000_000).div_euclid(step_s) * step_s;
        let end_s = (end.0 + 999_999).div_euclid(1_000_000);
        let asked = (end_s - start_s + i64::from(period_s) - 1) / i64::from(period_s);
        if asked > MAX_DATAPOINTS {
            return Err(combination(format!(
                "You have requested up to {asked} datapoints, which exceeds the limit of {MAX_DATAPOINTS}. You may reduce the \
                 datapoints requested by increasing Period, or decreasing the time range."
            )));
        }
        let mut statistics: Vec<(String, Statistic)> = Vec::new();
        for name in texts(&input, "Statistics").into_iter().chain(texts(&input, "ExtendedStatistics")) {
            let statistic =
                name.parse().map_err(|fault: metric::StatisticFault| invalid(fault.to_string()))?;
            statistics.push((name.to_owned(), statistic));
        }
        if statistics.is_empty() {
            return Err(missing("Must specify either Statistics or ExtendedStatistics"));
        }
        if let Some((name, _)) = texts(&input, "ExtendedStatistics")
            .iter()
            .find_map(|name| statistics.iter().find(|(known, one)| known == name && one.is_simple()))
        {
            return Err(invalid(format!("{name} goes into Statistics, not ExtendedStatistics")));
        }
        let label = metric.name().to_owned();
        let units = match read::unit(input.text("Unit")) {
            Some(unit) => vec![unit],
            None => self.history.units(&metric),
        };
        let history = self.history.clone();
        let span = Span { start_s, end_s, period_s };
        let read = move || {
            let mut found = Vec::new();
            for unit in units {
                let periods = history.range(&metric, Some(unit), span)?;
                found.extend(periods.into_iter().map(|(start_s, values)| (start_s, unit, values)));
            }
            Ok::<_, history::Damaged>(found)
        };
        let found = tokio::task::spawn_blocking(read)
            .await
            .map_err(|fault| internal(format!("reading has failed: {fault}")))?;
        let mut found = found.map_err(|fault| {
            tracing::error!(%fault, "metrics cannot be read");
            internal(fault.to_string())
        })?;
        found.sort_by_key(|(start_s, unit, _)| (*start_s, *unit));
        let points: Vec<Value> = found
            .iter()
            .map(|(start_s, unit, values)| datapoint(*start_s, *unit, values, &statistics))
            .collect();
        Ok(Map::new().with("Label", label).with("Datapoints", points))
    }
}

fn datapoint(start_s: i64, unit: Unit, values: &Aggregate, statistics: &[(String, Statistic)]) -> Value {
    let mut point = Map::new().with("Timestamp", Utc(start_s * 1_000_000)).with("Unit", unit.as_str());
    let mut extended = Map::new();
    for (name, statistic) in statistics {
        // What needs a distribution that nobody told is left out.
        let Some(value) = values.statistic(statistic) else { continue };
        match statistic {
            Statistic::SampleCount => drop(point.insert("SampleCount", value)),
            Statistic::Average => drop(point.insert("Average", value)),
            Statistic::Sum => drop(point.insert("Sum", value)),
            Statistic::Minimum => drop(point.insert("Minimum", value)),
            Statistic::Maximum => drop(point.insert("Maximum", value)),
            _ => drop(extended.insert(name.clone(), value)),
        }
    }
    if !extended.is_empty() {
        point.insert("ExtendedStatistics", extended);
    }
    point.into()
}
