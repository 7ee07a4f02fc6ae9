//! Expressions over several metrics (metric math): the part of it that is well defined for alarms.
//!
//! Numbers, series, `+ - * / ^`, comparisons, `AND OR`, `SUM AVG MIN MAX` over lists, `FILL`, `IF`, `ABS CEIL FLOOR`, `DIFF RATE`,
//! `PERIOD`, `METRICS()`. Other functions of CloudWatch's are refused by name. [`parse`] reads text into an expression,
//! [`compute`] gives its values period by period; here is what an alarm is made of: queries, one of which is looked at.

mod compute;
mod expression;
mod parse;

use std::collections::{BTreeMap, HashSet};

use crate::definition::{MetricDataQuery, MetricStat};
use crate::evaluate::{EvaluationRange, Point};
use compute::{Scope, Value};
use expression::Expression;
pub use expression::{ExpressionFault, MAX_BYTES, MAX_DEPTH};

/// Most queries of an alarm.
pub const MAX_QUERIES: usize = 20;

/// Metrics and expressions over them, one of which an alarm looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Math {
    queries: Vec<Query>,
    /// The place of the query that is looked at.
    returned: usize,
    period_s: u32,
}

#[derive(Clone, Debug, PartialEq)]
struct Query {
    id: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Metric(MetricStat),
    /// With the text it was read from. Its names stand for queries before it in the order of computation.
    Expression(Expression, String),
}

/// Why there can be no such set of queries.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum MathFault {
    #[error("an alarm has at most {MAX_QUERIES} metrics and expressions, not {0}")]
    TooMany(usize),
    #[error("Id `{0}` must begin with a small letter and have up to 255 letters, digits and underscores")]
    Id(String),
    #[error("Id `{0}` is there twice")]
    IdTwice(String),
    #[error("`{0}` must have either an Expression or a MetricStat")]
    NeitherOrBoth(String),
    #[error("`{id}`: {fault}")]
    Expression { id: String, fault: ExpressionFault },
    #[error("`{id}` names `{name}`, which is not there")]
    UnknownName { id: String, name: String },
    #[error("`{0}` is made of itself")]
    Circle(String),
    #[error("exactly one metric or expression must have ReturnData true, not {0}")]
    Returned(usize),
    #[error("all metrics of an alarm must have the same period; here are {0} and {1} seconds")]
    Periods(u32, u32),
    #[error("at least one MetricStat is needed")]
    NoMetric,
}

impl Math {
    /// The queries, if an alarm can be made of them.
    pub fn new(asked: &[MetricDataQuery]) -> Result<Math, MathFault> {
        if asked.len() > MAX_QUERIES {
            return Err(MathFault::TooMany(asked.len()));
        }
        let returned: Vec<&MetricDataQuery> =
            asked.iter().filter(|query| query.return_data.unwrap_or(true)).collect();
        let queries = read_all(asked)?;
        let [returned] = returned[..] else { return Err(MathFault::Returned(returned.len())) };
        Math::build(queries, &returned.id)
    }

    /// The query `id` of these, with all that it is made of and nothing else: for those who ask for several at once.
    pub fn of(asked: &[MetricDataQuery], id: &str) -> Result<Math, MathFault> {
        let all = read_all(asked)?;
        let mut needed = vec![id.to_owned()];
        let mut at = 0;
        while let Some(name) = needed.get(at).cloned() {
            at += 1;
            let Some(query) = all.iter().find(|query| query.id == name) else { continue };
            let mut more = query.names();
            if query.expression().is_some_and(Expression::calls_metrics) {
                more.extend(
                    all.iter().filter(|query| query.metric().is_some()).map(|query| query.id.clone()),
                );
            }
            more.retain(|name| !needed.contains(name));
            more.sort_unstable();
            more.dedup();
            needed.extend(more);
        }
        Math::build(all.into_iter().filter(|query| needed.contains(&query.id)).collect(), id)
    }

    fn build(queries: Vec<Query>, returned: &str) -> Result<Math, MathFault> {
        let mut periods = queries.iter().filter_map(Query::metric).map(|metric| metric.period_s);
        let period_s = periods.next().ok_or(MathFault::NoMetric)?;
        if let Some(other) = periods.find(|&other| other != period_s) {
            return Err(MathFault::Periods(period_s, other));
        }
        let queries = in_order(queries)?;
        let returned = queries
            .iter()
            .position(|query| query.id == returned)
            .ok_or_else(|| MathFault::UnknownName { id: returned.to_owned(), name: returned.to_owned() })?;
        Ok(Math { queries, returned, period_s })
    }

    /// Length of a period, seconds.
    pub fn period_s(&self) -> u32 {
        self.period_s
    }

    /// The metrics it needs values of, each with its id.
    pub fn metrics(&self) -> impl Iterator<Item = (&str, &MetricStat)> {
        self.queries.iter().filter_map(|query| Some((query.id.as_str(), query.metric()?)))
    }

    /// The expressions, each with its id, as they were written.
    pub fn expressions(&self) -> impl Iterator<Item = (&str, &str)> {
        self.queries.iter().filter_map(|query| match &query.what {
            What::Expression(_, text) => Some((query.id.as_str(), text.as_str())),
            What::Metric(_) => None,
        })
    }

    /// The id of the query that is looked at.
    pub fn returned(&self) -> &str {
        &self.queries[self.returned].id
    }

    /// The values that are looked at, from those of the metrics by their ids. A result that is one number for all time
    /// stands in each period that any metric has a value in.
    pub fn points(&self, metrics: &BTreeMap<String, Vec<Point>>, range: EvaluationRange) -> Vec<Point> {
        let mut scope = Scope::new(range.periods(), self.period_s);
        for query in &self.queries {
            let value = match &query.what {
                What::Metric(_) => {
                    let points = metrics.get(&query.id).map_or(&[][..], Vec::as_slice);
                    let places = range.places(points);
                    Value::Series(places.into_iter().map(|place| place.map(|point| point.value)).collect())
                }
                What::Expression(expression, _) => scope.compute(expression),
            };
            scope.name(&query.id, value, query.metric().is_some());
        }
        let values = scope.series(&self.queries[self.returned].id);
        let start = |place: usize| range.start_s + place as i64 * i64::from(self.period_s);
        let points = values.into_iter().enumerate();
        points
            .filter_map(|(place, value)| {
                Some(Point { start_s: start(place), value: value?, sample_count: None })
            })
            .collect()
    }
}

impl Query {
    fn read(asked: &MetricDataQuery) -> Result<Query, MathFault> {
        let id = &asked.id;
        let sound = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.len() <= 255
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !sound {
            return Err(MathFault::Id(id.chars().take(80).collect()));
        }
        let what = match (&asked.expression, &asked.metric_stat) {
            (Some(text), None) => {
                let fault = |fault| MathFault::Expression { id: id.clone(), fault };
                What::Expression(Expression::parse(text).map_err(fault)?, text.clone())
            }
            (None, Some(metric)) => What::Metric(metric.clone()),
            _ => return Err(MathFault::NeitherOrBoth(id.clone())),
        };
        Ok(Query { id: id.clone(), what })
    }

    fn metric(&self) -> Option<&MetricStat> {
        match &self.what {
            What::Metric(metric) => Some(metric),
            What::Expression(..) => None,
        }
    }

    fn expression(&self) -> Option<&Expression> {
        match &self.what {
            What::Metric(_) => None,
            What::Expression(expression, _) => Some(expression),
        }
    }

    /// The queries it names.
    fn names(&self) -> Vec<String> {
        self.expression().map(Expression::names).unwrap_or_default()
    }
}

/// Each query, and no id twice.
fn read_all(asked: &[MetricDataQuery]) -> Result<Vec<Query>, MathFault> {
    let mut ids = HashSet::new();
    let read = |one: &MetricDataQuery| match Query::read(one)? {
        query if ids.insert(query.id.clone()) => Ok(query),
        query => Err(MathFault::IdTwice(query.id)),
    };
    asked.iter().map(read).collect()
}

/// Metrics first, then each expression after those it names.
fn in_order(queries: Vec<Query>) -> Result<Vec<Query>, MathFault> {
    let (mut ready, mut waiting): (Vec<_>, Vec<_>) =
        queries.into_iter().partition(|query| query.metric().is_some());
    while !waiting.is_empty() {
        let known = |name: &str| ready.iter().any(|query: &Query| query.id == name);
        let Some(next) = waiting.iter().position(|query| query.names().iter().all(|name| known(name))) else {
            for query in &waiting {
                let unknown =
                    |name: &&String| !known(name) && !waiting.iter().any(|other| other.id == **name);
                if let Some(name) = query.names().iter().find(unknown) {
                    return Err(MathFault::UnknownName { id: query.id.clone(), name: name.clone() });
                }
            }
            return Err(MathFault::Circle(waiting[0].id.clone()));
        };
        ready.push(waiting.remove(next));
    }
    Ok(ready)
}

#[cfg(test)]
mod tests {
    use metric::{Metric, Statistic};

    use super::*;

    fn metric(id: &str, period_s: u32, return_data: bool) -> MetricDataQuery {
        let metric = Metric::new("N", id, Vec::new()).unwrap();
        let stat = MetricStat { metric, statistic: Statistic::Sum, period_s, unit: None };
        MetricDataQuery {
            id: id.to_owned(),
            metric_stat: Some(stat),
            return_data: Some(return_data),
            expression: None,
        }
    }

    fn expression(id: &str, text: &str, return_data: bool) -> MetricDataQuery {
        MetricDataQuery {
            id: id.to_owned(),
            expression: Some(text.to_owned()),
            return_data: Some(return_data),
            metric_stat: None,
        }
    }

    const RANGE: EvaluationRange = EvaluationRange { start_s: 600, end_s: 600 + 4 * 60, period_s: 60 };

    /// What `text` gives of m1 and m2 in four periods; `-` where there is nothing.
    fn check(text: &str, m1: &str, m2: &str, wanted: &str) {
        let math =
            Math::new(&[metric("m1", 60, false), metric("m2", 60, false), expression("e1", text, true)])
                .unwrap();
        let points = |text: &str| -> Vec<Point> {
            let at = |place: usize| RANGE.start_s + 60 * place as i64;
            let values = text.split(' ').enumerate();
            values
                .filter_map(|(n, v)| {
                    Some(Point { start_s: at(n), value: v.parse().ok()?, sample_count: Some(1.0) })
                })
                .collect()
        };
        let metrics = BTreeMap::from([("m1".to_owned(), points(m1)), ("m2".to_owned(), points(m2))]);
        let mut found = vec!["-".to_owned(); 4];
        for point in math.points(&metrics, RANGE) {
            found[((point.start_s - RANGE.start_s) / 60) as usize] = point.value.to_string();
        }
        assert_eq!(found.join(" "), wanted, "{text}");
    }

    #[test]
    fn arithmetic_goes_period_by_period_and_needs_both_values() {
        check("100 * m1 / m2", "1 2 - 4", "10 0 10 -", "10 - - -");
        check("m1 + m2 * 2 ^ 2", "1 2 3 4", "1 1 1 1", "5 6 7 8");
        check("-m1 - -(2)", "1 2 3 4", "- - - -", "1 0 -1 -2");
        check("m1 > 2 AND m2 < 5", "1 2 3 4", "1 1 1 9", "0 0 1 0");
    }

    #[test]
    fn a_list_is_summed_over_what_is_there() {
        check("SUM([m1, m2])", "1 - 3 -", "10 20 - -", "11 20 3 -");
        check("AVG(METRICS())", "1 - 3 -", "3 20 - -", "2 20 3 -");
        check("MAX([m1, m2]) - MIN([m1, m2])", "1 2 3 4", "4 3 2 1", "3 1 1 3");
    }

    #[test]
    fn one_series_is_summed_over_time() {
        check("m1 / SUM(m1)", "1 1 2 -", "- - - -", "0.25 0.25 0.5 -");
        check("SUM(m1)", "1 - 2 -", "- - - -", "3 - 3 -");
    }

    #[test]
    fn gaps_are_filled() {
        check("FILL(m1, 0)", "1 - - 4", "- - - -", "1 0 0 4");
        check("FILL(m1, REPEAT)", "- 2 - 4", "- - - -", "- 2 2 4");
        check("FILL(m1, m2)", "1 - - 4", "9 8 - 7", "1 8 - 4");
    }

    #[test]
    fn if_and_differences_and_rates() {
        check("IF(m1 > 2, m2, 0)", "1 2 3 4", "9 9 9 9", "0 0 9 9");
        check("IF(m1 > 2, m2)", "1 2 3 4", "9 9 9 9", "- - 9 9");
        check("DIFF(m1)", "1 3 - 9", "- - - -", "- 2 - 6");
        check("RATE(m1)", "0 60 - 300", "- - - -", "- 1 - 2");
        check("m1 / PERIOD(m1)", "60 120 - -", "- - - -", "1 2 - -");
        check("CEIL(m1 / 2) + FLOOR(m1 / 2) + ABS(0 - m1)", "1 2 3 -", "- - - -", "2 4 6 -");
    }

    #[test]
    fn expressions_may_name_expressions_in_any_order() {
        let queries =
            [expression("e2", "e1 * 2", true), expression("e1", "m1 + 1", false), metric("m1", 60, false)];
        let math = Math::new(&queries).unwrap();
        let points = vec![Point { start_s: 600, value: 4.0, sample_count: None }];
        let found = math.points(&BTreeMap::from([("m1".to_owned(), points)]), RANGE);
        assert_eq!(found, [Point { start_s: 600, value: 10.0, sample_count: None }]);
    }

    #[test]
    fn one_of_several_is_taken_with_what_it_is_made_of() {
        let queries = [
            metric("m1", 60, true),
            metric("m2", 300, true),
            expression("e1", "m1 + 1", true),
            expression("e2", "e1 * 2", true),
            expression("e3", "SUM(METRICS())", true),
        ];
        let math = Math::of(&queries, "e2").unwrap();
        assert_eq!((math.returned(), math.period_s()), ("e2", 60));
        assert_eq!(math.metrics().map(|(id, _)| id).collect::<Vec<_>>(), ["m1"]);
        assert_eq!(Math::of(&queries, "m2").unwrap().period_s(), 300);
        assert_eq!(Math::of(&queries, "e3"), Err(MathFault::Periods(60, 300)));
        let unknown = MathFault::UnknownName { id: "e9".into(), name: "m9".into() };
        let more = [metric("m1", 60, true), expression("e9", "m9 + m1", true)];
        assert_eq!(Math::of(&more, "e9"), Err(unknown));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_name() {
        let m1 = || metric("m1", 60, false);
        let fault = |queries: &[MetricDataQuery]| Math::new(queries).unwrap_err();
        assert_eq!(
            fault(&[m1(), expression("e", "m2", true)]),
            MathFault::UnknownName { id: "e".into(), name: "m2".into() }
        );
        assert_eq!(
            fault(&[m1(), expression("e", "f", true), expression("f", "e", false)]),
            MathFault::Circle("e".into())
        );
        assert_eq!(fault(&[m1(), expression("e", "e", true)]), MathFault::Circle("e".into()));
        assert_eq!(fault(&[m1()]), MathFault::Returned(0));
        assert_eq!(fault(&[metric("m1", 60, true), metric("m2", 60, true)]), MathFault::Returned(2));
        assert_eq!(fault(&[metric("m1", 60, true), metric("m2", 300, false)]), MathFault::Periods(60, 300));
        assert_eq!(fault(&[expression("e", "1", true)]), MathFault::NoMetric);
        assert_eq!(fault(&[m1(), metric("m1", 60, true)]), MathFault::IdTwice("m1".into()));
        assert_eq!(fault(&[metric("M1", 60, true)]), MathFault::Id("M1".into()));
        assert_eq!(fault(&vec![m1(); 21]), MathFault::TooMany(21));
        let search = fault(&[m1(), expression("e", "SEARCH('x', 'Sum', 300)", true)]);
        assert!(
            search.to_string().contains("SEARCH") && search.to_string().contains("not implemented"),
            "{search}"
        );
    }
}
