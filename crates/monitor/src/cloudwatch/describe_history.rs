//! DescribeAlarmHistory: of an alarm that is there, or was up to two weeks ago; without a name, of all.

use alarm::{HistoryItem, HistoryKind};
use aws::{Error, Map, Value};
use door::Caller;
use media::Utc;
use serde::{Deserialize, Serialize};
use store::Resource;

use super::describe::page;
use super::errors::{stored, token as token_error, validation};
use super::{CloudWatch, Given, texts, token};
use crate::alarms::{self, Desired, KIND, Observed};

/// How many entries, in the order that is asked for, were given; and when the newest of them all was made, so that later ones do not
/// move the others.
#[derive(Serialize, Deserialize)]
struct Next(usize, Utc);

/// An entry, and whether its alarm is a composite one.
type Entry = (HistoryItem, bool);

impl CloudWatch {
    pub(super) async fn describe_alarm_history(&self, caller: &Caller, input: Map) -> Given {
        if input.get("AlarmContributorId").is_some() {
            return Err(validation("AlarmContributorId is not implemented here; leave it out"));
        }
        let next: Option<Next> =
            input.text("NextToken").map(|text| token::take(text).ok_or_else(token_error)).transpose()?;
        let Next(given, newest) = next.unwrap_or(Next(0, caller.at));
        let mut entries: Vec<Entry> = Vec::new();
        for resource in self.remembered(caller, input.text("AlarmName")).await? {
            let Desired { is_composite, .. } = resource.desired.read().map_err(stored)?;
            let observed = Observed::of(&resource).map_err(stored)?;
            entries.extend(observed.history.into_iter().map(|item| (item, is_composite)));
        }
        entries.retain(|(item, is_composite)| item.at <= newest && takes(&input, item, *is_composite));
        entries.sort_by_key(|(item, _)| item.at);
        if input.text("ScanBy") != Some("TimestampAscending") {
            entries.reverse();
        }
        let most = page(&input);
        let is_more = entries.len() > given + most;
        let items: Vec<Value> = entries.iter().skip(given).take(most).map(entry).collect();
        let answer = Map::new().with("AlarmHistoryItems", items);
        Ok(match is_more {
            true => answer.with("NextToken", token::put(&Next(given + most, newest))),
            false => answer,
        })
    }

    /// The resources of alarms, tombstones among them.
    async fn remembered(&self, caller: &Caller, name: Option<&str>) -> Result<Vec<Resource>, Error> {
        if let Some(name) = name {
            let key = alarms::key(&caller.account, &caller.region, name).map_err(stored)?;
            return match self.store().resource(&key, caller.at).await {
                Ok(resource) => Ok(vec![resource]),
                Err(store::Error::NotFound(_)) => Ok(Vec::new()),
                Err(fault) => Err(stored(fault)),
            };
        }
        let (_, mut all) = self.store().every().await.map_err(stored)?;
        all.retain(|one| {
            let key = &one.key;
            key.kind() == KIND && key.account() == caller.account && key.region() == caller.region
        });
        Ok(all)
    }
}

fn takes(input: &Map, item: &HistoryItem, is_composite: bool) -> bool {
    let types = texts(input, "AlarmTypes");
    let at = |member: &str| match input.get(member) {
        Some(Value::Timestamp(at)) => Some(*at),
        _ => None,
    };
    // Without types only metric alarms are meant, unless the alarm is named.
    let is_type = match types.is_empty() {
        true => !is_composite || input.text("AlarmName").is_some(),
        false => types.contains(&kind(is_composite)),
    };
    is_type
        && input.text("HistoryItemType").is_none_or(|wanted| wanted == item_type(item.kind))
        && at("StartDate").is_none_or(|start| item.at >= start)
        && at("EndDate").is_none_or(|end| item.at <= end)
}

fn kind(is_composite: bool) -> &'static str {
    if is_composite { "CompositeAlarm" } else { "MetricAlarm" }
}

fn item_type(kind: HistoryKind) -> &'static str {
    match kind {
        HistoryKind::ConfigurationUpdate => "ConfigurationUpdate",
        HistoryKind::StateUpdate => "StateUpdate",
        HistoryKind::Action => "Action",
    }
}

fn entry((item, is_composite): &Entry) -> Value {
    Map::new()
        .with("AlarmName", item.alarm.as_str())
        .with("AlarmType", kind(*is_composite))
        .with("Timestamp", item.at)
        .with("HistoryItemType", item_type(item.kind))
        .with("HistorySummary", item.summary.as_str())
        .with("HistoryData", item.data.as_str())
        .into()
}
