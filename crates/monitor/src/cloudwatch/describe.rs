//! DescribeAlarms and DescribeAlarmsForMetric.

use alarm::{MetricStat, Watched};
use aws::{Error, Map, Value};
use door::Caller;
use store::Key;

use super::errors::{invalid, token as token_error, validation};
use super::{CloudWatch, Given, texts, token};
use crate::alarms::{Book, Held, Kind};
use crate::read;

/// Alarms of a page, where the caller does not say.
const PAGE: usize = 50;

impl CloudWatch {
    pub(super) fn describe_alarms(&self, caller: &Caller, input: &Map) -> Given {
        let asked = Asked::read(input)?;
        let after: Option<String> =
            input.text("NextToken").map(|text| token::take(text).ok_or_else(token_error)).transpose()?;
        let most = page(input);
        let book = self.alarms.book();
        let relatives = asked.relatives(&book, caller)?;
        let mut found = book.of(&caller.account, &caller.region).filter(|(key, held)| {
            after.as_deref().is_none_or(|after| key.id() > after)
                && match &relatives {
                    Some(names) => names.iter().any(|name| name == key.id() || *name == held.arn),
                    None => asked.takes(key, held),
                }
        });
        let (mut metric, mut composite) = (Vec::new(), Vec::new());
        let mut last = None;
        for (key, held) in found.by_ref().take(most) {
            let told = if relatives.is_some() { briefly(key, held) } else { described(key, held) };
            let list = if held.kind.is_composite() { &mut composite } else { &mut metric };
            list.push(Value::Map(told));
            last = Some(key.id());
        }
        let is_more = found.next().is_some();
        let answer = Map::new()
            .with("CompositeAlarms", composite)
            .with("MetricAlarms", metric)
            .with("LogAlarms", Vec::<Value>::new());
        Ok(match last.filter(|_| is_more) {
            Some(last) => answer.with("NextToken", token::put(&last)),
            None => answer,
        })
    }

    pub(super) fn describe_alarms_for_metric(&self, caller: &Caller, input: &Map) -> Given {
        let metric = read::metric(input).map_err(|fault| invalid(fault.to_string()))?;
        let wanted = input.text("Statistic").or(input.text("ExtendedStatistic"));
        let unit = read::unit(input.text("Unit"));
        let period = match input.get("Period") {
            Some(Value::Integer(period)) => Some(*period),
            _ => None,
        };
        let fits = |one: &MetricStat| {
            one.metric == metric
                && wanted.is_none_or(|wanted| wanted.parse() == Ok(one.statistic))
                && period.is_none_or(|period| period == i128::from(one.period_s))
                && unit.is_none_or(|unit| one.unit == Some(unit))
        };
        let book = self.alarms.book();
        let found = book.of(&caller.account, &caller.region).filter(|(_, held)| match &*held.kind {
            Kind::Metric(alarm) => matches!(alarm.watched(), Watched::Metric(one) if fits(one)),
            Kind::Composite(_) => false,
        });
        let alarms: Vec<Value> = found.map(|(key, held)| described(key, held).into()).collect();
        Ok(Map::new().with("MetricAlarms", alarms))
    }
}

/// Which alarms are asked for.
struct Asked<'i> {
    names: Vec<&'i str>,
    prefix: Option<&'i str>,
    types: Vec<&'i str>,
    state: Option<&'i str>,
    action: Option<&'i str>,
    children_of: Option<&'i str>,
    parents_of: Option<&'i str>,
}

impl<'i> Asked<'i> {
    fn read(input: &'i Map) -> Result<Asked<'i>, Error> {
        let asked = Asked {
            names: texts(input, "AlarmNames"),
            prefix: input.text("AlarmNamePrefix"),
            types: texts(input, "AlarmTypes"),
            state: input.text("StateValue"),
            action: input.text("ActionPrefix"),
            children_of: input.text("ChildrenOfAlarmName"),
            parents_of: input.text("ParentsOfAlarmName"),
        };
        if !asked.names.is_empty() && asked.prefix.is_some() {
            return Err(validation("AlarmNames and AlarmNamePrefix must not both be there"));
        }
        let others = !asked.names.is_empty()
            || !asked.types.is_empty()
            || asked.prefix.or(asked.state).or(asked.action).is_some();
        let family = [asked.children_of, asked.parents_of].iter().flatten().count();
        if family > 1 || family == 1 && others {
            return Err(validation("ChildrenOfAlarmName or ParentsOfAlarmName must be there alone"));
        }
        Ok(asked)
    }

    /// Names and ARNs of the alarms that an alarm's rule looks at, or whose rules look at it.
    fn relatives(&self, book: &Book, caller: &Caller) -> Result<Option<Vec<String>>, Error> {
        let of = || book.of(&caller.account, &caller.region);
        let find = |name: &str| {
            let found = of().find(|(key, _)| key.id() == name);
            found.ok_or_else(|| validation(format!("there is no alarm `{name}`")))
        };
        if let Some(name) = self.children_of {
            let (_, held) = find(name)?;
            let names = held.kind.rule().map(|rule| rule.alarms()).unwrap_or_default();
            return Ok(Some(names.into_iter().map(str::to_owned).collect()));
        }
        if let Some(name) = self.parents_of {
            let (_, child) = find(name)?;
            let looks = |held: &Held| {
                held.kind.rule().is_some_and(|rule| {
                    rule.alarms().iter().any(|other| *other == name || *other == child.arn)
                })
            };
            return Ok(Some(
                of().filter(|(_, held)| looks(held)).map(|(key, _)| key.id().to_owned()).collect(),
            ));
        }
        Ok(None)
    }

    fn takes(&self, key: &Key, held: &Held) -> bool {
        let kind = if held.kind.is_composite() { "CompositeAlarm" } else { "MetricAlarm" };
        let actions = held.kind.actions();
        let does = |prefix: &str| {
            let all = actions.ok.iter().chain(&actions.alarm).chain(&actions.insufficient_data);
            all.into_iter().any(|arn| arn.starts_with(prefix))
        };
        // Without types only metric alarms are meant.
        (if self.types.is_empty() { kind == "MetricAlarm" } else { self.types.contains(&kind) })
            && (self.names.is_empty() || self.names.contains(&key.id()))
            && self.prefix.is_none_or(|prefix| key.id().starts_with(prefix))
            && self.state.is_none_or(|state| state == held.status.state.as_str())
            && self.action.is_none_or(does)
    }
}

/// How many of a list the caller wants.
pub(super) fn page(input: &Map) -> usize {
    match input.get("MaxRecords") {
        Some(Value::Integer(most)) => usize::try_from(*most).unwrap_or(PAGE).clamp(1, 100),
        _ => PAGE,
    }
}

/// Name and state alone.
fn briefly(key: &Key, held: &Held) -> Map {
    Map::new()
        .with("AlarmName", key.id())
        .with("AlarmArn", held.arn.as_str())
        .with("StateValue", held.status.state.as_str())
        .with("StateUpdatedTimestamp", held.status.updated)
}

/// All of an alarm: its members as they came, and its state.
fn described(key: &Key, held: &Held) -> Map {
    let mut told = held.members.as_ref().clone();
    told.insert("AlarmName", key.id());
    told.insert("AlarmArn", held.arn.as_str());
    let mut default = |member: &'static str, value: Value| {
        if told.get(member).is_none() {
            told.insert(member, value);
        }
    };
    default("ActionsEnabled", true.into());
    for list in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        default(list, Value::List(Vec::new()));
    }
    if matches!(&*held.kind, Kind::Metric(alarm) if matches!(alarm.watched(), Watched::Metric(_))) {
        default("Dimensions", Value::List(Vec::new()));
    }
    told.insert("AlarmConfigurationUpdatedTimestamp", held.configured);
    told.insert("StateValue", held.status.state.as_str());
    told.insert("StateReason", held.status.reason.as_str());
    if let Some(data) = &held.status.reason_data {
        told.insert("StateReasonData", data.as_str());
    }
    told.insert("StateUpdatedTimestamp", held.status.updated);
    told.insert("StateTransitionedTimestamp", held.status.transitioned);
    told
}
