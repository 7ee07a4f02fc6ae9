//! DeleteAlarms, SetAlarmState, EnableAlarmActions, DisableAlarmActions.

use aws::{Error, Map};
use door::Caller;
use store::Key;

use super::errors::{put, stored};
use super::{CloudWatch, Given, texts};
use crate::alarms;

impl CloudWatch {
    pub(super) async fn delete_alarms(&self, caller: &Caller, input: Map) -> Given {
        self.alarms.delete(caller.audit(), keys(caller, &input)?).await.map_err(put)?;
        Ok(Map::new())
    }

    pub(super) async fn switch_actions(&self, caller: &Caller, input: Map, enabled: bool) -> Given {
        self.alarms.enable(caller.audit(), keys(caller, &input)?, enabled).await.map_err(put)?;
        Ok(Map::new())
    }

    pub(super) async fn set_alarm_state(&self, caller: &Caller, input: Map) -> Given {
        let text = |member| input.text(member).map(str::to_owned);
        let name = input.text("AlarmName").unwrap_or_default();
        let key = alarms::key(&caller.account, &caller.region, name).map_err(stored)?;
        let (state, reason) =
            (text("StateValue").unwrap_or_default(), text("StateReason").unwrap_or_default());
        let set = self.alarms.set_state(caller.audit(), &key, &state, reason, text("StateReasonData"));
        set.await.map_err(put)?;
        Ok(Map::new())
    }
}

/// The keys of AlarmNames, each once.
fn keys(caller: &Caller, input: &Map) -> Result<Vec<Key>, Error> {
    let mut names = texts(input, "AlarmNames");
    names.sort_unstable();
    names.dedup();
    let key = |name: &str| alarms::key(&caller.account, &caller.region, name).map_err(stored);
    names.into_iter().map(key).collect()
}
