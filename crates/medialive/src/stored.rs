//! What the store keeps of each resource.

use std::collections::BTreeSet;

use aws::{Map, Value};
use media::Utc;
use serde::{Deserialize, Serialize};
use store::{Document, Resource};

use crate::endpoint::{self, Endpoint};
use crate::mapping::Feed;

/// Inputs.
pub(crate) const INPUT: &str = "medialive-input";
/// Input security groups.
pub(crate) const GROUP: &str = "medialive-input-security-group";
/// Channels.
pub(crate) const CHANNEL: &str = "medialive-channel";

/// How long a deleted resource is still described, as DELETED: longer than any waiter of a client waits.
pub(crate) const TOMBSTONE_US: i64 = 3_600_000_000;

/// An input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Input {
    /// As it was asked for, without tags and token.
    pub(crate) settings: Map,
    /// One, or two of a pair.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Channels that it is attached to.
    pub(crate) attached: BTreeSet<String>,
}

/// An input security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// IPv4 networks whose addresses may send.
    pub(crate) rules: Vec<String>,
    /// Inputs that have it.
    pub(crate) inputs: BTreeSet<String>,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Channel {
    /// As it was asked for, completed, without tags and token.
    pub(crate) settings: Map,
    /// It is to run.
    pub(crate) is_started: bool,
    /// Counts starts and stops: a report is about one of these.
    pub(crate) run: u64,
    /// The store's revision before the last start or stop: what is seen of later ones takes it into account.
    pub(crate) asked: i64,
    /// When it was last started.
    pub(crate) started: Option<Utc>,
    /// What is to happen when.
    pub(crate) schedule: Vec<Action>,
}

/// An action of a channel's schedule: an input switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Action {
    /// As it was asked for.
    pub(crate) action: Map,
    /// When it takes effect.
    pub(crate) at: Utc,
}

impl Input {
    /// Its security groups.
    pub(crate) fn groups(&self) -> Vec<String> {
        texts(&self.settings, "InputSecurityGroups")
    }

    /// As channels use it; `rules`: of its security groups, where it has any.
    pub(crate) fn feed(&self, rules: Option<Vec<String>>) -> Feed {
        let latency_ms =
            (0..self.endpoints.len()).map(|index| endpoint::latency_ms(&self.settings, index)).collect();
        Feed { endpoints: self.endpoints.clone(), latency_ms, senders: rules }
    }
}

impl Channel {
    /// Inputs that are attached to it.
    pub(crate) fn inputs(&self) -> BTreeSet<String> {
        attached(&self.settings)
    }

    /// The switch that holds at `now`: the last one since it was started whose time has come.
    pub(crate) fn switch(&self, now: Utc) -> Option<&Action> {
        let started = self.started.filter(|_| self.is_started)?;
        let due = self.schedule.iter().filter(|action| started <= action.at && action.at <= now);
        due.max_by_key(|action| action.at)
    }

    /// How many encoder processes it asks for.
    pub(crate) fn pipelines(&self) -> u8 {
        if self.settings.text("ChannelClass") == Some("STANDARD") { 2 } else { 1 }
    }
}

impl Action {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.action.text("ActionName").unwrap_or_default()
    }

    /// The attachment it switches to.
    pub(crate) fn attachment(&self) -> Option<&str> {
        let settings = self.action.get("ScheduleActionSettings")?.as_map()?;
        settings.get("InputSwitchSettings")?.as_map()?.text("InputAttachmentNameReference")
    }
}

/// Inputs that the settings of a channel name.
pub(crate) fn attached(settings: &Map) -> BTreeSet<String> {
    let list = settings.get("InputAttachments").and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(|value| Some(value.as_map()?.text("InputId")?.to_owned())).collect()
}

/// The texts in a list.
pub(crate) fn texts(map: &Map, member: &str) -> Vec<String> {
    let list = map.get(member).and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(|value| Some(value.as_str()?.to_owned())).collect()
}

/// What a resource is, where it can be read: only this door writes them.
pub(crate) fn read<T: serde::de::DeserializeOwned>(resource: &Resource) -> Result<T, store::Error> {
    resource.desired.read().map_err(|fault| store::Error::Damaged(format!("{}: {fault}", resource.key)))
}

/// The document of a resource.
pub(crate) fn document(value: &impl Serialize) -> Result<Document, store::Error> {
    Document::of(value)
}
