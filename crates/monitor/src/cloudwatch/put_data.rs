//! PutMetricData.

use aws::{Error, Map, Value};
use door::Caller;
use history::{Refused, Resolution, Sample};
use media::Utc;
use metric::{Aggregate, AggregateFault};
use serde::Deserialize;

use super::errors::{combination, internal, invalid, missing};
use super::{CloudWatch, Given};
use crate::read;

/// Most metrics of a call.
const MAX_DATA: usize = 1000;
/// Most values of one of them.
const MAX_VALUES: usize = 150;
/// How far back a value's time may be, in microseconds: two weeks.
const PAST_US: i64 = 14 * 86_400 * 1_000_000;
/// How far ahead: two hours.
const FUTURE_US: i64 = 2 * 3600 * 1_000_000;

/// One of a call's metrics, without its name.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Datum {
    timestamp: Option<Utc>,
    value: Option<f64>,
    statistic_values: Option<StatisticSet>,
    values: Option<Vec<f64>>,
    counts: Option<Vec<f64>>,
    unit: Option<String>,
    storage_resolution: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StatisticSet {
    sample_count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

impl CloudWatch {
    pub(super) fn put_metric_data(&self, caller: &Caller, input: &Map) -> Given {
        let namespace = input.text("Namespace").unwrap_or_default();
        if namespace.starts_with("AWS/") {
            return Err(invalid(format!(
                "The value {namespace} for parameter Namespace is invalid: names that begin with AWS/ are the system's own"
            )));
        }
        for member in ["EntityMetricData", "StrictEntityValidation"] {
            if input.get(member).is_some() {
                return Err(invalid(format!("{member} is not implemented here; leave it out")));
            }
        }
        let data = input.get("MetricData").and_then(Value::as_list).unwrap_or_default();
        if data.is_empty() {
            return Err(missing("The parameter MetricData is required"));
        }
        if data.len() > MAX_DATA {
            return Err(invalid(format!(
                "MetricData has {} entries; at most {MAX_DATA} are allowed",
                data.len()
            )));
        }
        let samples = data.iter().enumerate().map(|(at, one)| {
            let place = |why: String| format!("MetricData.member.{}: {why}", at + 1);
            sample(namespace, one, caller.at).map_err(|mut error| {
                error.message = place(std::mem::take(&mut error.message));
                error
            })
        });
        let samples = samples.collect::<Result<Vec<Sample>, Error>>()?;
        match self.history.record(&samples, caller.at) {
            Ok(()) => Ok(Map::new()),
            Err(Refused::Behind) => Err(internal(Refused::Behind.to_string())),
            Err(refused) => Err(Error::new("LimitExceededFault", refused.to_string())),
        }
    }
}

fn sample(namespace: &str, one: &Value, now: Utc) -> Result<Sample, Error> {
    let members = one.as_map().cloned().unwrap_or_default().with("Namespace", namespace);
    let metric = read::metric(&members).map_err(|fault| invalid(fault.to_string()))?;
    let datum: Datum = members.view().map_err(|fault| invalid(fault.to_string()))?;
    let at = datum.timestamp.unwrap_or(now);
    if at.0 < now.0 - PAST_US || at.0 > now.0 + FUTURE_US {
        return Err(invalid(format!(
            "Timestamp {at} must be within two weeks in the past and two hours in the future"
        )));
    }
    let resolution = match datum.storage_resolution {
        None | Some(60) => Resolution::Minute,
        Some(1) => Resolution::Second,
        Some(other) => return Err(invalid(format!("StorageResolution must be 1 or 60, not {other}"))),
    };
    let unit = read::unit(datum.unit.as_deref()).unwrap_or_default();
    let values = values(&datum)?;
    Ok(Sample { metric, unit, at_s: at.0.div_euclid(1_000_000), resolution, values })
}

fn values(datum: &Datum) -> Result<Aggregate, Error> {
    let fault = |fault: AggregateFault| invalid(fault.to_string());
    if datum.counts.is_some() && datum.values.is_none() {
        return Err(combination("Counts needs Values"));
    }
    match (datum.value, &datum.statistic_values, &datum.values) {
        (Some(value), None, None) => Aggregate::of(value, 1.0).map_err(fault),
        (None, Some(set), None) => {
            Aggregate::of_set(set.sample_count, set.sum, set.minimum, set.maximum).map_err(fault)
        }
        (None, None, Some(values)) => {
            if values.is_empty() || values.len() > MAX_VALUES {
                return Err(invalid(format!(
                    "Values must have 1 to {MAX_VALUES} entries, not {}",
                    values.len()
                )));
            }
            let ones = vec![1.0; values.len()];
            let counts = datum.counts.as_ref().unwrap_or(&ones);
            if counts.len() != values.len() {
                return Err(invalid(format!(
                    "Counts must have as many entries as Values, {}, not {}",
                    values.len(),
                    counts.len()
                )));
            }
            let mut all =
                values.iter().zip(counts).map(|(value, times)| Aggregate::of(*value, *times).map_err(fault));
            let first = all.next().expect("there is one")?;
            all.try_fold(first, |mut sum, one| {
                sum.merge(&one?);
                Ok(sum)
            })
        }
        (None, None, None) => Err(missing("one of Value, Values and StatisticValues is required")),
        _ => Err(combination("only one of Value, Values and StatisticValues can be given")),
    }
}
