//! Expressions over metrics, and the names of statistics: values for what can be computed, or a named fault.
#![no_main]

use std::collections::BTreeMap;

use alarm::{EvaluationRange, Math, MetricDataQuery, MetricStat, Point};
use metric::{Metric, Statistic};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(statistic) = text.parse::<Statistic>() {
        assert!(!statistic.to_string().is_empty());
    }
    let metric = Metric::new("N", "m", Vec::new()).expect("a sound name");
    let stat = MetricStat { metric, statistic: Statistic::Sum, period_s: 60, unit: None };
    let queries = ["m1", "m2"].map(|id| MetricDataQuery {
        id: id.to_owned(),
        metric_stat: Some(stat.clone()),
        return_data: Some(false),
        expression: None,
    });
    let expression = MetricDataQuery { id: "e1".to_owned(), expression: Some(text.to_owned()), ..Default::default() };
    let queries: Vec<_> = queries.into_iter().chain([expression]).collect();
    if let Ok(math) = Math::new(&queries) {
        let range = EvaluationRange { start_s: 0, end_s: 240, period_s: 60 };
        let points = vec![
            Point { start_s: 0, value: 1.5, sample_count: Some(1.0) },
            Point { start_s: 120, value: -3.0, sample_count: Some(2.0) },
        ];
        for point in math.points(&BTreeMap::from([("m1".to_owned(), points)]), range) {
            assert!((0..240).contains(&point.start_s));
        }
    }
});
