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
    let hours = |n| move |a: &mut PutMetricAlarm| (a.period, a.evaluation_periods) = (Some(3600), Some(n));
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
    for operator in
        ["LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"]
    {
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
    let ignore = |a: &mut PutMetricAlarm| a.evaluate_low_sample_count_percentile = Some("ignore".to_owned());
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
