//! The alarms in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alarm::{Actions, CompositeAlarm, MetricAlarm, Rule, State, Status};
use aws::Map;
use media::Utc;
use store::{Key, Resource};

use super::stored::{Desired, Observed};
use crate::read::{self, ReadFault};

/// Seconds after a period's end before it is judged: what it brought has to arrive.
pub(crate) const DELAY_S: i64 = 2;

/// Alarms by key: account, region and name.
#[derive(Debug, Default)]
pub(crate) struct Book {
    alarms: BTreeMap<Key, Held>,
}

/// One alarm. Copies share what does not change.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) arn: String,
    pub(crate) generation: i64,
    /// The members it was made of.
    pub(crate) members: Arc<Map>,
    pub(crate) kind: Arc<Kind>,
    pub(crate) configured: Utc,
    pub(crate) status: Status,
    /// When it is judged next, in seconds since 1970.
    pub(crate) due_s: i64,
}

/// What an alarm looks at.
#[derive(Debug)]
pub(crate) enum Kind {
    Metric(MetricAlarm),
    Composite(CompositeAlarm),
}

impl Kind {
    pub(crate) fn read(is_composite: bool, members: &Map, account: &str) -> Result<Kind, ReadFault> {
        Ok(match is_composite {
            true => Kind::Composite(read::composite_alarm(members)?),
            false => Kind::Metric(read::metric_alarm(members, account)?),
        })
    }

    pub(crate) fn actions(&self) -> &Actions {
        match self {
            Kind::Metric(alarm) => alarm.actions(),
            Kind::Composite(alarm) => &alarm.actions,
        }
    }

    pub(crate) fn is_composite(&self) -> bool {
        matches!(self, Kind::Composite(_))
    }

    pub(crate) fn rule(&self) -> Option<&Rule> {
        match self {
            Kind::Metric(_) => None,
            Kind::Composite(alarm) => Some(&alarm.rule),
        }
    }
}

impl Held {
    /// The alarm of a resource, to be judged at once.
    pub(crate) fn of(resource: &Resource, observed: &Observed, now: Utc) -> Result<Held, String> {
        let desired: Desired = resource.desired.read().map_err(|fault| fault.to_string())?;
        let kind = Kind::read(desired.is_composite, &desired.members, resource.key.account());
        Ok(Held {
            arn: resource.arn.clone(),
            generation: resource.generation,
            members: Arc::new(desired.members),
            kind: Arc::new(kind.map_err(|fault| fault.to_string())?),
            configured: desired.configured,
            status: observed.status.clone(),
            due_s: seconds(now),
        })
    }

    /// When it is judged after `now`: each minute, or each period where that is shorter; each hour where it looks at more than a
    /// day. Composite alarms are judged when others change.
    pub(crate) fn next_due_s(&self, now: Utc) -> i64 {
        let Kind::Metric(alarm) = &*self.kind else { return i64::MAX };
        let span_s = i64::from(alarm.period_s()) * alarm.evaluation_periods() as i64;
        let step_s = if span_s > 86_400 { 3600 } else { i64::from(alarm.period_s().min(60)) };
        ((seconds(now) - DELAY_S).div_euclid(step_s) + 1) * step_s + DELAY_S
    }
}

pub(crate) fn seconds(at: Utc) -> i64 {
    at.0.div_euclid(1_000_000)
}

impl Book {
    pub(crate) fn find(&self, key: &Key) -> Option<&Held> {
        self.alarms.get(key)
    }

    pub(crate) fn find_mut(&mut self, key: &Key) -> Option<&mut Held> {
        self.alarms.get_mut(key)
    }

    pub(crate) fn put(&mut self, key: Key, held: Held) {
        self.alarms.insert(key, held);
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.alarms.remove(key);
    }

    /// Alarms of an account and region, by name.
    pub(crate) fn of<'b>(
        &'b self,
        account: &'b str,
        region: &'b str,
    ) -> impl Iterator<Item = (&'b Key, &'b Held)> {
        self.alarms.iter().filter(move |(key, _)| key.account() == account && key.region() == region)
    }

    /// Alarms whose time has come.
    pub(crate) fn due(&self, now: Utc) -> Vec<(Key, Held)> {
        let now_s = seconds(now);
        let due = self.alarms.iter().filter(|(_, held)| held.due_s <= now_s);
        due.map(|(key, held)| (key.clone(), held.clone())).collect()
    }

    /// States of an account and region by name, and by ARN.
    pub(crate) fn states(&self, account: &str, region: &str) -> HashMap<String, State> {
        let of = self.of(account, region);
        let both = of.flat_map(|(key, held)| {
            [key.id().to_owned(), held.arn.clone()].map(|name| (name, held.status.state))
        });
        both.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_judged_a_moment_after_its_period_is_over() {
        let held = |period: i64, n: i64| {
            let members = Map::new()
                .with("AlarmName", "a")
                .with("Namespace", "N")
                .with("MetricName", "m")
                .with("Statistic", "Sum")
                .with("Period", period)
                .with("EvaluationPeriods", n)
                .with("Threshold", 1.0)
                .with("ComparisonOperator", "GreaterThanThreshold");
            Held {
                arn: String::new(),
                generation: 1,
                kind: Arc::new(Kind::read(false, &members, "0").expect("an alarm")),
                members: Arc::new(members),
                configured: Utc(0),
                status: Status::created(Utc(0)),
                due_s: 0,
            }
        };
        let next = |period, n, now_s: i64| held(period, n).next_due_s(Utc(now_s * 1_000_000));
        assert_eq!(next(60, 1, 0), DELAY_S);
        assert_eq!(next(60, 1, DELAY_S), 60 + DELAY_S);
        assert_eq!(next(60, 1, 119), 120 - 60 + DELAY_S + 60);
        assert_eq!(next(300, 3, 61), 60 + DELAY_S);
        assert_eq!(next(10, 3, 13), 20 + DELAY_S);
        assert_eq!(next(86_400, 2, 13), 3600 + DELAY_S);
    }
}
