//! ListMetrics: metrics with a value in the last two weeks.

use aws::{Map, Value};
use door::Caller;
use history::{DimensionFilter, Filter};
use metric::{Dimension, Metric};
use serde::{Deserialize, Serialize};

use super::errors::invalid;
use super::{CloudWatch, Given, token};

/// Metrics of a page.
const PAGE: usize = 500;
/// Two weeks, in seconds.
const LISTED_S: i64 = 14 * 86_400;
/// What RecentlyActive means, in seconds: `PT3H`.
const RECENT_S: i64 = 3 * 3600;

/// The last metric of a page.
#[derive(Serialize, Deserialize)]
struct Last(String, String, Vec<(String, String)>);

impl CloudWatch {
    pub(super) fn list_metrics(&self, caller: &Caller, input: &Map) -> Given {
        if let Some(Value::Boolean(true)) = input.get("IncludeLinkedAccounts") {
            return Err(invalid("IncludeLinkedAccounts is not implemented here; leave it out"));
        }
        if let Some(other) = input.text("OwningAccount").filter(|other| *other != caller.account) {
            return Err(invalid(format!(
                "OwningAccount {other} is another account, which is not implemented here"
            )));
        }
        let after = match input.text("NextToken") {
            None => None,
            Some(text) => Some(token::take(text).and_then(last).ok_or_else(|| invalid("Invalid NextToken"))?),
        };
        let dimensions = input.get("Dimensions").and_then(Value::as_list).unwrap_or_default();
        let dimension = |one: &Value| {
            let one = one.as_map()?;
            let value = one.text("Value").map(str::to_owned);
            Some(DimensionFilter { name: one.text("Name")?.to_owned(), value })
        };
        let span_s = if input.text("RecentlyActive").is_some() { RECENT_S } else { LISTED_S };
        let filter = Filter {
            namespace: input.text("Namespace").map(str::to_owned),
            name: input.text("MetricName").map(str::to_owned),
            dimensions: dimensions.iter().filter_map(dimension).collect(),
            since_s: Some(caller.at.0.div_euclid(1_000_000) - span_s),
        };
        let mut found = self.history.list(&filter, after.as_ref(), PAGE + 1);
        let is_more = found.len() > PAGE;
        found.truncate(PAGE);
        let metrics: Vec<Value> = found.iter().map(|metric| members(metric).into()).collect();
        let answer = Map::new().with("Metrics", metrics);
        Ok(match found.last().filter(|_| is_more) {
            Some(metric) => answer.with("NextToken", token::put(&place(metric))),
            None => answer,
        })
    }
}

fn members(metric: &Metric) -> Map {
    let dimension = |one: &Dimension| {
        Value::Map(Map::new().with("Name", one.name.as_str()).with("Value", one.value.as_str()))
    };
    let dimensions: Vec<Value> = metric.dimensions().iter().map(dimension).collect();
    Map::new()
        .with("Namespace", metric.namespace())
        .with("MetricName", metric.name())
        .with("Dimensions", dimensions)
}

fn place(metric: &Metric) -> Last {
    let dimensions = metric.dimensions().iter().map(|one| (one.name.clone(), one.value.clone())).collect();
    Last(metric.namespace().to_owned(), metric.name().to_owned(), dimensions)
}

fn last(Last(namespace, name, dimensions): Last) -> Option<Metric> {
    let dimensions = dimensions.into_iter().map(|(name, value)| Dimension { name, value }).collect();
    Metric::new(&namespace, &name, dimensions).ok()
}
