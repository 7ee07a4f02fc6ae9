//! GetMetricData.
//!
//! Periods begin with the start time, rounded down to the minute, or to the period where that is shorter. A page ends where it has as
//! many datapoints as are asked for; its token says at which query and time the next one goes on.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use alarm::{EvaluationRange, Math, MathFault, MetricDataQuery, Point};
use aws::{Error, Map, Value};
use door::Caller;
use history::{History, Span};
use media::Utc;
use serde::{Deserialize, Serialize};

use super::errors::{internal, invalid, read as read_error, token as token_error, validation};
use super::{CloudWatch, Given, token};
use crate::alarms::points;
use crate::read::{self, QueryMembers};

/// Most queries of a call.
const MAX_QUERIES: usize = 500;
/// Most datapoints of an answer.
const MAX_DATAPOINTS: i64 = 100_800;
/// Most periods of a query: 15 days of minutes, with room.
const MAX_PERIODS: i64 = 50_000;

/// Most datapoints that are read for a page: what expressions are made of counts too.
const MAX_READ: usize = 1_000_000;

/// Where the next page begins: a query, and the time of the last datapoint of it that was given.
#[derive(Debug, Serialize, Deserialize)]
struct Next(usize, Option<i64>);

/// A query whose values are wanted, and what they are called.
struct Wanted {
    id: String,
    label: String,
    period_s: u32,
    /// A metric too is one, of itself alone.
    math: Math,
}

/// A request that can be answered.
struct Request {
    wanted: Vec<Wanted>,
    start_s: i64,
    end_s: i64,
    is_descending: bool,
    most: usize,
    next: Next,
}

/// The results of a page, and where the next one begins.
type Page = (Vec<Value>, Option<Next>);

impl CloudWatch {
    pub(super) async fn get_metric_data(&self, caller: &Caller, input: Map) -> Given {
        let request = request(&input, &caller.account)?;
        let history = self.history.clone();
        let found = tokio::task::spawn_blocking(move || request.answer(&history)).await;
        let (results, next) = found.map_err(|fault| internal(format!("reading has failed: {fault}")))??;
        let answer = Map::new().with("MetricDataResults", results).with("Messages", Vec::<Value>::new());
        Ok(match next {
            Some(next) => answer.with("NextToken", token::put(&next)),
            None => answer,
        })
    }
}

fn request(input: &Map, account: &str) -> Result<Request, Error> {
    let list = input.get("MetricDataQueries").and_then(Value::as_list).unwrap_or_default();
    if list.is_empty() || list.len() > MAX_QUERIES {
        return Err(validation(format!(
            "MetricDataQueries must have 1 to {MAX_QUERIES} entries, not {}",
            list.len()
        )));
    }
    let (start, end) = (date(input, "StartTime")?, date(input, "EndTime")?);
    if start >= end {
        return Err(validation("The parameter StartTime must be less than the parameter EndTime"));
    }
    let mut queries: Vec<MetricDataQuery> = Vec::with_capacity(list.len());
    let mut members: Vec<QueryMembers> = Vec::with_capacity(list.len());
    for one in list {
        let one: QueryMembers = one.view().map_err(|fault| validation(fault.to_string()))?;
        queries.push(read::query(&one, account).map_err(|fault| read_error(&fault))?);
        members.push(one);
    }
    for query in &queries {
        let Some(stat) = &query.metric_stat else { continue };
        if !(matches!(stat.period_s, 1 | 5 | 10 | 20 | 30)
            || stat.period_s > 0 && stat.period_s.is_multiple_of(60))
        {
            return Err(validation(format!(
                "`{}`: Period must be 1, 5, 10, 20, 30 or a multiple of 60, not {}",
                query.id, stat.period_s
            )));
        }
    }
    let mut ids = HashSet::new();
    let mut wanted = Vec::new();
    for (query, members) in queries.iter().zip(&members) {
        let fault = |fault: MathFault| validation(format!("MetricDataQueries: {fault}"));
        if !ids.insert(query.id.as_str()) {
            return Err(fault(MathFault::IdTwice(query.id.clone())));
        }
        let needed = if query.expression.is_some() { &queries[..] } else { std::slice::from_ref(query) };
        let math = Math::of(needed, &query.id).map_err(fault)?;
        let period_s = math.period_s();
        if members.period.is_some_and(|own| own != period_s) {
            return Err(validation(format!(
                "`{}`: a Period of its own is not implemented; it has that of its metrics, {period_s}",
                query.id
            )));
        }
        if query.return_data.unwrap_or(true) {
            let name = query.metric_stat.as_ref().map_or(&query.id[..], |stat| stat.metric.name());
            let label = members.label.clone().unwrap_or_else(|| name.to_owned());
            wanted.push(Wanted { id: query.id.clone(), label, period_s, math });
        }
    }
    if wanted.is_empty() {
        return Err(validation("at least one query must have ReturnData true"));
    }
    let next = input.text("NextToken").map(|text| token::take(text).ok_or_else(token_error)).transpose()?;
    let most = match input.get("MaxDatapoints") {
        Some(Value::Integer(most)) if (1..=i128::from(MAX_DATAPOINTS)).contains(most) => *most as usize,
        Some(_) => return Err(invalid(format!("MaxDatapoints must be 1 to {MAX_DATAPOINTS}"))),
        None => MAX_DATAPOINTS as usize,
    };
    let request = Request {
        wanted,
        start_s: start.0.div_euclid(1_000_000),
        end_s: (end.0 + 999_999).div_euclid(1_000_000),
        is_descending: input.text("ScanBy") != Some("TimestampAscending"),
        most,
        next: next.unwrap_or(Next(0, None)),
    };
    for wanted in &request.wanted {
        let range = request.range(wanted.period_s);
        if (range.end_s - range.start_s) / i64::from(wanted.period_s) > MAX_PERIODS {
            return Err(validation(format!(
                "`{}` asks for more than {MAX_PERIODS} periods; take a longer Period or a shorter time",
                wanted.id
            )));
        }
    }
    Ok(request)
}

fn date(input: &Map, member: &'static str) -> Result<Utc, Error> {
    match input.get(member) {
        Some(Value::Timestamp(at)) => Ok(*at),
        _ => Err(validation(format!("{member} is required"))),
    }
}

impl Request {
    /// Whole periods that hold the asked-for time.
    fn range(&self, period_s: u32) -> EvaluationRange {
        let (period, step) = (i64::from(period_s), i64::from(period_s.min(60)));
        let start_s = self.start_s.div_euclid(step) * step;
        let periods = (self.end_s - start_s + period - 1).div_euclid(period);
        EvaluationRange { start_s, end_s: start_s + periods * period, period_s }
    }

    fn answer(&self, history: &Arc<History>) -> Result<Page, Error> {
        let mut results = Vec::new();
        let mut left = self.most;
        let mut known: BTreeMap<String, Vec<Point>> = BTreeMap::new();
        for (at, wanted) in self.wanted.iter().enumerate().skip(self.next.0) {
            let mut points = self.points(history, wanted, &mut known)?;
            if self.is_descending {
                points.reverse();
            }
            if let (true, Some(after_s)) = (at == self.next.0, self.next.1) {
                let is_given = |point: &Point| match self.is_descending {
                    true => point.start_s >= after_s,
                    false => point.start_s <= after_s,
                };
                points.retain(|point| !is_given(point));
            }
            let is_cut = points.len() > left;
            points.truncate(left);
            left -= points.len();
            let next = is_cut.then(|| Next(at, points.last().map(|point| point.start_s)));
            if !(is_cut && points.is_empty()) {
                results.push(result(wanted, &points, is_cut));
            }
            match next {
                Some(next) => return Ok((results, Some(next))),
                None if left == 0 && at + 1 < self.wanted.len() => {
                    return Ok((results, Some(Next(at + 1, None))));
                }
                None => {}
            }
        }
        Ok((results, None))
    }

    fn points(
        &self,
        history: &History,
        wanted: &Wanted,
        known: &mut BTreeMap<String, Vec<Point>>,
    ) -> Result<Vec<Point>, Error> {
        let range = self.range(wanted.period_s);
        // Nothing from the end on, though its period may have begun before.
        let span = Span { start_s: range.start_s, end_s: self.end_s, period_s: range.period_s };
        for (id, stat) in wanted.math.metrics() {
            if known.contains_key(id) {
                continue;
            }
            let found = points(history, stat, span).map_err(|fault| {
                tracing::error!(%fault, "metrics cannot be read");
                internal(fault.to_string())
            })?;
            known.insert(id.to_owned(), found);
            if known.values().map(Vec::len).sum::<usize>() > MAX_READ {
                return Err(validation(format!(
                    "`{}` is made of more than {MAX_READ} datapoints; take a longer Period or a shorter time",
                    wanted.id
                )));
            }
        }
        Ok(wanted.math.points(known, range))
    }
}

fn result(wanted: &Wanted, points: &[Point], is_cut: bool) -> Value {
    let times: Vec<Value> = points.iter().map(|point| Utc(point.start_s * 1_000_000).into()).collect();
    let values: Vec<Value> = points.iter().map(|point| point.value.into()).collect();
    Map::new()
        .with("Id", wanted.id.as_str())
        .with("Label", wanted.label.as_str())
        .with("Timestamps", times)
        .with("Values", values)
        .with("StatusCode", if is_cut { "PartialData" } else { "Complete" })
        .into()
}
