//! States: made of what is wanted and what was last seen, never stored, so that no crash leaves one behind.
//!
//! ```text
//!  channel:  IDLE --start--> STARTING --encoders run--> RUNNING --encoders gone--> RECOVERING --encoders run--> RUNNING
//!            STARTING --refused--> IDLE (with an alert)      any --stop--> STOPPING --encoders gone--> IDLE
//!            IDLE or STOPPING --delete--> DELETING --encoders gone--> DELETED
//!  input:    DETACHED <--> ATTACHED, DELETED      security group:  IDLE <--> IN_USE, DELETED
//! ```

use serde::{Deserialize, Serialize};
use store::Resource;

use crate::alerts::Alert;
use crate::stored::{self, Channel, Group, Input};

/// What was last seen of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Of its run with this number.
    pub(crate) run: u64,
    /// Encoder processes.
    pub(crate) encoders: u8,
    /// They were there before in this run.
    pub(crate) has_run: bool,
    /// Why it does not run.
    pub(crate) refused: Option<String>,
    /// The schedule's action that holds.
    pub(crate) switched_by: Option<String>,
    /// What is or was wrong, oldest first.
    pub(crate) alerts: Vec<Alert>,
}

impl Report {
    /// The last report of a channel.
    pub(crate) fn of(resource: &Resource) -> Option<Self> {
        resource.observed.as_ref()?.read().ok()
    }
}

/// The state of a resource, where it is one of ours that has one.
pub(crate) fn of(resource: &Resource) -> Option<&'static str> {
    let is_deleted = resource.deleted.is_some();
    Some(match resource.key.kind() {
        stored::CHANNEL => channel(&stored::read(resource).ok()?, Report::of(resource).as_ref(), is_deleted),
        stored::INPUT => input(&stored::read(resource).ok()?, is_deleted),
        stored::GROUP => group(&stored::read(resource).ok()?, is_deleted),
        _ => return None,
    })
}

/// A channel's state.
pub(crate) fn channel(channel: &Channel, report: Option<&Report>, is_deleted: bool) -> &'static str {
    let told = report.filter(|report| report.run == channel.run);
    match (channel.is_started, told) {
        _ if is_deleted => match report {
            None if channel.run == 0 => "DELETED",
            Some(report) if report.encoders == 0 && report.run == channel.run => "DELETED",
            _ => "DELETING",
        },
        (true, Some(report)) if report.refused.is_some() => "IDLE",
        (true, Some(report)) if report.encoders > 0 => "RUNNING",
        (true, Some(report)) if report.has_run => "RECOVERING",
        (true, _) => "STARTING",
        (false, Some(report)) if report.encoders > 0 => "STOPPING",
        (false, None) if channel.run > 0 => "STOPPING",
        (false, _) => "IDLE",
    }
}

/// An input's state.
pub(crate) fn input(input: &Input, is_deleted: bool) -> &'static str {
    match is_deleted {
        true => "DELETED",
        false if input.attached.is_empty() => "DETACHED",
        false => "ATTACHED",
    }
}

/// A security group's state.
pub(crate) fn group(group: &Group, is_deleted: bool) -> &'static str {
    match is_deleted {
        true => "DELETED",
        false if group.inputs.is_empty() => "IDLE",
        false => "IN_USE",
    }
}
