//! What state an alarm's points call for.
//!
//! More periods are looked at than count, so that a value which comes late is not taken for one that is missing. Where
//! there are as many values as periods count, the newest of them decide and none is missing; otherwise the periods
//! without are filled up, as few as can be, with what the alarm says they count as.
//! Spec: CloudWatch, "configuring how alarms treat missing data".

use media::Utc;
use metric::Statistic;

use crate::definition::{LowSampleCount, MetricAlarm, MissingData, Watched};
use crate::reason;
use crate::status::State;

/// How many periods before those that count are looked at.
pub const EXTRA_PERIODS: usize = 2;

/// The value of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When the period began, seconds since 1970.
    pub start_s: i64,
    /// The statistic, or the expression's result.
    pub value: f64,
    /// How many values it was made of; `None` for an expression.
    pub sample_count: Option<f64>,
}

/// The periods an evaluation looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationRange {
    /// When the oldest period begins, seconds since 1970.
    pub start_s: i64,
    /// When the newest one ends.
    pub end_s: i64,
    /// Length of each, seconds.
    pub period_s: u32,
}

/// What state the points call for, and why. `state` is `None` where they leave it as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The state.
    pub state: Option<State>,
    /// Why, in words.
    pub reason: String,
    /// Why, as JSON.
    pub reason_data: String,
}

impl EvaluationRange {
    /// The periods of an alarm that are over at `now`. They end with a whole minute, or a whole period where that is
    /// shorter, so that an alarm on five minutes is looked at each minute.
    pub fn of(alarm: &MetricAlarm, now: Utc) -> EvaluationRange {
        let period_s = alarm.period_s();
        let step = i64::from(period_s.min(60));
        let end_s = now.0.div_euclid(1_000_000).div_euclid(step) * step;
        let periods = (alarm.evaluation_periods() + EXTRA_PERIODS) as i64;
        EvaluationRange { start_s: end_s - periods * i64::from(period_s), end_s, period_s }
    }

    /// How many periods there are.
    pub fn periods(&self) -> usize {
        ((self.end_s - self.start_s) / i64::from(self.period_s)) as usize
    }

    /// The points in their places, oldest first; those outside of the range are passed over, the later of two at a place wins.
    pub(crate) fn places(&self, points: &[Point]) -> Vec<Option<Point>> {
        let mut places = vec![None; self.periods()];
        for point in points {
            let place = (point.start_s - self.start_s).div_euclid(i64::from(self.period_s));
            if let Some(place) = usize::try_from(place).ok().and_then(|place| places.get_mut(place)) {
                *place = Some(*point);
            }
        }
        places
    }
}

/// Judges an alarm's points as of `now`. `current` is the state it is in: it goes into the words, and nowhere else.
pub fn evaluate(alarm: &MetricAlarm, points: &[Point], now: Utc, current: State) -> Verdict {
    let range = EvaluationRange::of(alarm, now);
    let places = range.places(points);
    let n = alarm.evaluation_periods();
    let m = alarm.datapoints_to_alarm();
    // Newest first from here on.
    let there: Vec<Point> = places.iter().rev().flatten().copied().collect();
    let counted = &there[..there.len().min(n)];
    let missing = n - counted.len();
    let breaching = counted.iter().filter(|point| alarm.breaches(point.value)).count();
    let state = if is_low_sample(alarm, counted) {
        None
    } else {
        judge(alarm, breaching, counted.len(), oldest_age(&places))
    };
    let evidence = reason::Evidence { alarm, range, counted, missing, required: m };
    Verdict { state, reason: evidence.words(state.unwrap_or(current)), reason_data: evidence.json(now) }
}

/// The rules, in the order in which they decide.
fn judge(alarm: &MetricAlarm, breaching: usize, counted: usize, oldest_age: usize) -> Option<State> {
    let (n, m) = (alarm.evaluation_periods(), alarm.datapoints_to_alarm());
    if breaching >= m {
        return Some(State::Alarm);
    }
    let missing = n - counted;
    match alarm.missing_data() {
        _ if missing == 0 => Some(State::Ok),
        MissingData::Breaching if breaching + missing >= m => Some(State::Alarm),
        MissingData::Breaching | MissingData::NotBreaching => Some(State::Ok),
        MissingData::Missing if counted == 0 => Some(State::InsufficientData),
        MissingData::Ignore if counted == 0 => None,
        // All that is known is bad, and has been for as long as it takes: more will not come.
        MissingData::Missing if breaching == counted && oldest_age >= m => Some(State::Alarm),
        // All that is known is bad, but it is not enough; the next value may be a good one.
        MissingData::Missing | MissingData::Ignore if breaching == counted => None,
        MissingData::Missing | MissingData::Ignore => Some(State::Ok),
    }
}

/// How many periods ago the oldest value there began; 0 where there is none.
fn oldest_age(places: &[Option<Point>]) -> usize {
    places.iter().position(Option::is_some).map_or(0, |place| places.len() - place)
}

/// Whether a percentile is of too few values to mean anything, and its alarm is not to be moved by that: fewer than ten
/// are expected beyond it.
fn is_low_sample(alarm: &MetricAlarm, counted: &[Point]) -> bool {
    let (Watched::Metric(one), LowSampleCount::Ignore) = (alarm.watched(), alarm.low_sample_count()) else {
        return false;
    };
    let Statistic::Percentile(part) = one.statistic else { return false };
    let beyond = part.min(1.0 - part);
    let samples: f64 = counted.iter().filter_map(|point| point.sample_count).sum();
    !counted.is_empty() && samples * beyond < 10.0 - 1e-9
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::definition::PutMetricAlarm;
    use crate::definition::tests::asked;

    const NOW: Utc = Utc(1_795_737_600_000_000);

    /// Points from text, oldest first: `-` missing, `X` breaching, `0` good. The last one is the newest period.
    fn points(text: &str) -> Vec<Point> {
        let end_s = NOW.0 / 1_000_000;
        let place = |at: usize| end_s - 60 * (text.len() - at) as i64;
        let value = |c| match c {
            'X' => Some(9.0),
            '0' => Some(1.0),
            '-' => None,
            other => panic!("{other}"),
        };
        let chars = text.chars().enumerate();
        chars
            .filter_map(|(at, c)| {
                Some(Point { start_s: place(at), value: value(c)?, sample_count: Some(1.0) })
            })
            .collect()
    }

    fn alarm(m: u32, n: u32, missing: &str) -> MetricAlarm {
        let asked = PutMetricAlarm {
            evaluation_periods: Some(n),
            datapoints_to_alarm: Some(m),
            treat_missing_data: Some(missing.to_owned()),
            ..asked()
        };
        asked.try_into().unwrap()
    }

    /// The states for missing, ignore, breaching and notBreaching.
    fn row(m: u32, text: &str) -> String {
        let state = |missing: &str| match evaluate(&alarm(m, 3, missing), &points(text), NOW, State::Ok).state
        {
            None => "keep",
            Some(state) => state.as_str(),
        };
        ["missing", "ignore", "breaching", "notBreaching"].map(state).join(" ")
    }

    #[test]
    fn three_of_three_with_gaps_but_enough_values_looks_at_the_values() {
        assert_eq!(row(3, "0-X-X"), "OK OK OK OK");
        assert_eq!(row(3, "0XX-X"), "ALARM ALARM ALARM ALARM");
    }

    #[test]
    fn three_of_three_with_one_good_value_is_ok() {
        assert_eq!(row(3, "-----0"), "OK OK OK OK");
        assert_eq!(row(3, "----0"), "OK OK OK OK");
    }

    #[test]
    fn three_of_three_without_any_value_is_what_the_alarm_says() {
        assert_eq!(row(3, "------"), "INSUFFICIENT_DATA keep ALARM OK");
        assert_eq!(row(3, ""), "INSUFFICIENT_DATA keep ALARM OK");
    }

    #[test]
    fn three_of_three_with_one_bad_value_three_periods_old_is_alarm_where_missing_is_missing() {
        assert_eq!(row(3, "---X--"), "ALARM keep ALARM OK");
    }

    #[test]
    fn three_of_three_with_one_bad_value_just_now_waits() {
        assert_eq!(row(3, "-----X"), "keep keep ALARM OK");
    }

    #[test]
    fn two_of_three_with_gaps_but_enough_values_looks_at_the_values() {
        assert_eq!(row(2, "0-X-X"), "ALARM ALARM ALARM ALARM");
        assert_eq!(row(2, "00X0X"), "ALARM ALARM ALARM ALARM");
    }

    #[test]
    fn two_of_three_with_two_values_of_which_one_is_bad_is_ok_unless_missing_is_bad() {
        assert_eq!(row(2, "0-X--"), "OK OK ALARM OK");
    }

    #[test]
    fn two_of_three_with_one_good_value_is_ok_unless_missing_is_bad() {
        assert_eq!(row(2, "-----0"), "OK OK ALARM OK");
    }

    #[test]
    fn two_of_three_with_one_bad_value_two_periods_old_is_alarm_where_missing_is_missing() {
        assert_eq!(row(2, "----X-"), "ALARM keep ALARM OK");
    }

    #[test]
    fn the_range_ends_with_the_last_whole_minute_whatever_the_period() {
        let now = Utc(NOW.0 + 59_999_999);
        let five: MetricAlarm = PutMetricAlarm { period: Some(300), ..asked() }.try_into().unwrap();
        let range = EvaluationRange::of(&five, now);
        assert_eq!((range.end_s, range.periods()), (NOW.0 / 1_000_000, 5));
        assert_eq!(range.end_s - range.start_s, 1500);
        let ten: MetricAlarm = PutMetricAlarm { period: Some(10), ..asked() }.try_into().unwrap();
        assert_eq!(EvaluationRange::of(&ten, now).end_s, NOW.0 / 1_000_000 + 50);
    }

    #[test]
    fn a_period_that_is_not_over_and_one_that_is_long_gone_do_not_count() {
        let alarm = alarm(1, 1, "missing");
        let end_s = NOW.0 / 1_000_000;
        for start_s in [end_s, end_s - 4 * 60] {
            let point = Point { start_s, value: 9.0, sample_count: None };
            assert_eq!(evaluate(&alarm, &[point], NOW, State::Ok).state, Some(State::InsufficientData));
        }
    }

    #[test]
    fn a_percentile_of_too_few_values_moves_nothing_where_the_alarm_says_so() {
        let of = |choice: &str, statistic: &str, samples: f64| {
            let asked = PutMetricAlarm {
                statistic: None,
                extended_statistic: Some(statistic.to_owned()),
                evaluate_low_sample_count_percentile: Some(choice.to_owned()),
                evaluation_periods: Some(1),
                ..asked()
            };
            let point = Point { start_s: NOW.0 / 1_000_000 - 60, value: 9.0, sample_count: Some(samples) };
            evaluate(&asked.try_into().unwrap(), &[point], NOW, State::Ok).state
        };
        assert_eq!(of("ignore", "p99", 999.0), None);
        assert_eq!(of("ignore", "p99", 1000.0), Some(State::Alarm));
        assert_eq!(of("ignore", "p10", 99.0), None);
        assert_eq!(of("ignore", "p10", 100.0), Some(State::Alarm));
        assert_eq!(of("evaluate", "p99", 1.0), Some(State::Alarm));
    }

    proptest! {
        #[test]
        fn with_all_values_there_m_of_n_decides_whatever_missing_means(
            text in "[X0]{1,12}", n in 1u32..8, m in 1u32..8, missing in "missing|ignore|breaching|notBreaching",
        ) {
            prop_assume!(m <= n && text.len() >= n as usize);
            let breaching = text.chars().rev().take(n as usize).filter(|&c| c == 'X').count();
            let wanted = if breaching >= m as usize { State::Alarm } else { State::Ok };
            let verdict = evaluate(&alarm(m, n, &missing), &points(&text), NOW, State::Ok);
            prop_assert_eq!(verdict.state, Some(wanted));
        }

        #[test]
        fn a_worse_value_never_makes_an_alarm_ok(text in "[X0-]{5}", at in 0usize..5, m in 1u32..=3, missing in "missing|ignore|breaching|notBreaching") {
            prop_assume!(text.as_bytes()[at] == b'0');
            let mut worse = text.clone();
            worse.replace_range(at..=at, "X");
            let state = |text: &str| evaluate(&alarm(m, 3, &missing), &points(text), NOW, State::Ok).state;
            if state(&text) == Some(State::Alarm) {
                prop_assert_eq!(state(&worse), Some(State::Alarm));
            }
        }

        #[test]
        fn every_verdict_has_words_and_data(text in "[X0-]{0,5}", m in 1u32..=3, missing in "missing|ignore|breaching|notBreaching") {
            let verdict = evaluate(&alarm(m, 3, &missing), &points(&text), NOW, State::Alarm);
            prop_assert!(verdict.reason.ends_with('.'));
            let data: serde_json::Value = serde_json::from_str(&verdict.reason_data).unwrap();
            prop_assert_eq!(&data["version"], "1.0");
        }
    }
}
