//! The door of the service `cloudwatch`.
//!
//! One operation or two in a file: [`put_data`], [`get_data`], [`get_statistics`], [`list_metrics`], `put_alarm`, `describe`,
//! `describe_history`, `set_alarm`, `dashboards`, `tags`. Metrics go to and come from the history, alarms are [`crate::Alarms`]'s,
//! dashboards are documents of the store. What is described and not here (anomaly detection, metric streams, Contributor Insights and
//! the rest) the caller hears by its operation's name.

mod about;
mod dashboards;
mod describe;
mod describe_history;
mod errors;
mod get_data;
mod get_statistics;
mod list_metrics;
mod put_alarm;
mod put_data;
mod set_alarm;
mod tags;
mod token;

use std::future::ready;
use std::sync::Arc;

use aws::{Error, Map};
use door::{About, Answer, Caller, Door};
use history::History;
use store::{Resource, Store};

use crate::{Alarms, alarms};

/// The door.
#[derive(Debug)]
pub struct CloudWatch {
    history: Arc<History>,
    alarms: Arc<Alarms>,
}

/// What an operation gives.
type Given = Result<Map, Error>;

impl CloudWatch {
    /// A door to these.
    pub fn new(history: Arc<History>, alarms: Arc<Alarms>) -> CloudWatch {
        CloudWatch { history, alarms }
    }

    fn store(&self) -> &Store {
        self.alarms.store()
    }
}

impl Door for CloudWatch {
    fn service(&self) -> &'static str {
        "cloudwatch"
    }

    fn state(&self, resource: &Resource) -> Option<String> {
        let is_alarm = resource.key.kind() == alarms::KIND;
        let observed = is_alarm.then(|| alarms::Observed::of(resource).ok()).flatten()?;
        Some(observed.status.state.as_str().to_owned())
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        Box::pin(ready(Ok(about::ARNS.of(caller, operation, input))))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        let answer: Answer<'a> = match operation {
            "PutMetricData" => Box::pin(async move { self.put_metric_data(caller, &input) }),
            "GetMetricData" => Box::pin(self.get_metric_data(caller, input)),
            "GetMetricStatistics" => Box::pin(self.get_metric_statistics(input)),
            "ListMetrics" => Box::pin(async move { self.list_metrics(caller, &input) }),
            "PutMetricAlarm" => Box::pin(self.put_metric_alarm(caller, input)),
            "PutCompositeAlarm" => Box::pin(self.put_composite_alarm(caller, input)),
            "DescribeAlarms" => Box::pin(async move { self.describe_alarms(caller, &input) }),
            "DescribeAlarmsForMetric" => {
                Box::pin(async move { self.describe_alarms_for_metric(caller, &input) })
            }
            "DescribeAlarmHistory" => Box::pin(self.describe_alarm_history(caller, input)),
            "DeleteAlarms" => Box::pin(self.delete_alarms(caller, input)),
            "SetAlarmState" => Box::pin(self.set_alarm_state(caller, input)),
            "EnableAlarmActions" => Box::pin(self.switch_actions(caller, input, true)),
            "DisableAlarmActions" => Box::pin(self.switch_actions(caller, input, false)),
            "PutDashboard" => Box::pin(self.put_dashboard(caller, input)),
            "GetDashboard" => Box::pin(self.get_dashboard(caller, input)),
            "ListDashboards" => Box::pin(self.list_dashboards(caller, input)),
            "DeleteDashboards" => Box::pin(self.delete_dashboards(caller, input)),
            "TagResource" => Box::pin(self.tag_resource(caller, input)),
            "UntagResource" => Box::pin(self.untag_resource(caller, input)),
            "ListTagsForResource" => Box::pin(self.list_tags(caller, input)),
            _ => return None,
        };
        Some(answer)
    }
}

/// The texts of a list's elements.
fn texts<'m>(input: &'m Map, member: &str) -> Vec<&'m str> {
    let list = input.get(member).and_then(aws::Value::as_list).unwrap_or_default();
    list.iter().filter_map(aws::Value::as_str).collect()
}
