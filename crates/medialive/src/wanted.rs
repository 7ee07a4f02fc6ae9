//! What started channels ask to run.

use std::collections::{BTreeMap, BTreeSet};

use store::Resource;
use toml::Table;

use crate::endpoint::Reach;
use crate::mapping::{self, Feed, Shown};
use crate::state::Report;
use crate::stored::{self, CHANNEL, Channel, GROUP, Group, INPUT, Input};

/// The names of the workflow channels that MediaLive channels run as, with the channels' ids.
pub fn media_names(resources: &[Resource]) -> Vec<(String, String)> {
    let known = Known::of(resources);
    let named = known.channels.iter().filter_map(|(resource, channel, report)| {
        let table = known.table(resource, channel, report.as_ref(), Reach::Public).ok()?;
        Some((table.get("name")?.as_str()?.to_owned(), resource.key.id().to_owned()))
    });
    named.collect()
}

/// Account, region and id.
type Place<'r> = (&'r str, &'r str, &'r str);

/// This door's resources as read.
pub(crate) struct Known<'r> {
    inputs: BTreeMap<Place<'r>, Input>,
    groups: BTreeMap<Place<'r>, Group>,
    /// Tombstones among them.
    pub(crate) channels: Vec<(&'r Resource, Channel, Option<Report>)>,
}

impl<'r> Known<'r> {
    pub(crate) fn of(resources: &'r [Resource]) -> Self {
        let mut known = Self { inputs: BTreeMap::new(), groups: BTreeMap::new(), channels: Vec::new() };
        for resource in resources {
            let key = &resource.key;
            let place = (key.account(), key.region(), key.id());
            let read = match key.kind() {
                INPUT => stored::read(resource).map(|input| _ = known.inputs.insert(place, input)),
                GROUP => stored::read(resource).map(|group| _ = known.groups.insert(place, group)),
                CHANNEL => stored::read(resource)
                    .map(|channel| known.channels.push((resource, channel, Report::of(resource)))),
                _ => Ok(()),
            };
            if let Err(fault) = read {
                tracing::error!(%fault, "a MediaLive resource is passed over");
            }
        }
        known
    }

    /// The table of a channel; the message where it has none any more.
    pub(crate) fn table(
        &self,
        resource: &Resource,
        channel: &Channel,
        report: Option<&Report>,
        reach: Reach,
    ) -> Result<Table, String> {
        let key = &resource.key;
        let switched_by = report
            .filter(|report| report.run == channel.run)
            .and_then(|report| report.switched_by.as_deref());
        let action = channel.schedule.iter().find(|action| Some(action.name()) == switched_by);
        let shown = action.and_then(|action| action.attachment()).map_or(Shown::First, Shown::Named);
        let mut feeds: BTreeMap<String, Feed> = BTreeMap::new();
        for id in &channel.inputs() {
            if let Some(input) = self.inputs.get(&(key.account(), key.region(), id.as_str())) {
                let groups = input.groups();
                let rules = groups
                    .iter()
                    .filter_map(|id| self.groups.get(&(key.account(), key.region(), id.as_str())));
                let rules: Vec<String> = rules.flat_map(|group| group.rules.iter().cloned()).collect();
                feeds.insert(id.clone(), input.feed((!groups.is_empty()).then_some(rules)));
            }
        }
        mapping::table(key.id(), &channel.settings, &feeds, shown, reach)
            .map_err(|invalid| format!("{}: {}", invalid.path, invalid.message))
    }

    /// Channels that are to run.
    pub(crate) fn started(&self) -> impl Iterator<Item = &(&'r Resource, Channel, Option<Report>)> {
        self.channels.iter().filter(|(resource, channel, _)| channel.is_started && resource.deleted.is_none())
    }
}

/// The `[[channel]]`s of channels that are started.
pub(crate) fn tables(resources: &[Resource], reach: Reach) -> Vec<Table> {
    let known = Known::of(resources);
    let mut names = BTreeSet::new();
    let mut tables = Vec::new();
    for (resource, channel, report) in known.started() {
        // One that cannot be mapped is told by `observe`.
        if let Ok(table) = known.table(resource, channel, report.as_ref(), reach) {
            let name = table.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
            if names.insert(name) {
                tables.push(table);
            }
        }
    }
    tables
}
