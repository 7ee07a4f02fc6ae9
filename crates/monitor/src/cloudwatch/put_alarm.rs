//! PutMetricAlarm and PutCompositeAlarm.

use aws::{Map, Value};
use door::Caller;

use super::errors::{put, stored};
use super::{CloudWatch, Given, tags};
use crate::alarms;

impl CloudWatch {
    pub(super) async fn put_metric_alarm(&self, caller: &Caller, input: Map) -> Given {
        self.put_alarm(caller, input, false).await
    }

    pub(super) async fn put_composite_alarm(&self, caller: &Caller, input: Map) -> Given {
        self.put_alarm(caller, input, true).await
    }

    async fn put_alarm(&self, caller: &Caller, mut input: Map, is_composite: bool) -> Given {
        let tags = match input.remove("Tags") {
            Some(Value::List(list)) => tags::read(&list)?,
            _ => store::Tags::new(),
        };
        let name = input.text("AlarmName").unwrap_or_default();
        let key = alarms::key(&caller.account, &caller.region, name).map_err(stored)?;
        self.alarms.put(caller.audit(), key, is_composite, input, tags).await.map_err(put)?;
        Ok(Map::new())
    }
}
