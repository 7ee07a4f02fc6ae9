//! What other doors made, as MediaLive's clients are shown it: channels of the workflow file and of the native API, with their inputs.
//!
//! They are in every list and described like MediaLive's own, and changed by none of its calls. They have no region, so every region
//! shows them. What is said of them is made of the channel itself ([`channel`], [`encoder`], [`input`]); what MediaLive has no word for
//! is left out rather than said otherwise.

mod attachment;
mod channel;
mod encoder;
mod id;
mod input;
#[cfg(test)]
mod tests;

use aws::{Error, Map};
use door::{Caller, Made, Other};

pub(crate) use channel::{pipelines, state};
pub(crate) use id::is_other;
use input::Role;

use crate::alerts::{self, Alert, Kind, Trouble};
use crate::medialive::MediaLive;
use crate::refusal::{conflict, not_found, told};
use crate::stored::{CHANNEL, INPUT};

type Channel = Other<spec::Channel>;

impl MediaLive {
    async fn made(&self) -> Result<Made, Error> {
        self.others.made().await.map_err(told)
    }

    /// The channel of another door that has this id; `None` for ids of MediaLive's own.
    pub(crate) async fn other_channel(&self, id: &str) -> Result<Option<Channel>, Error> {
        if !is_other(id) {
            return Ok(None);
        }
        let found = |channel: &Channel| id::channel(&channel.name) == id;
        Ok(self.made().await?.channels.into_iter().find(found))
    }

    /// The channel of another door that has an input of this id, and which of its inputs that is.
    async fn with_input(&self, id: &str) -> Result<Option<(Channel, Role)>, Error> {
        if !is_other(id) {
            return Ok(None);
        }
        let found = |channel: Channel| {
            let role = input::roles(&channel).find(|role| role.id(&channel) == id)?;
            Some((channel, role))
        };
        Ok(self.made().await?.channels.into_iter().find_map(found))
    }

    /// Every channel of another door, described, by its id.
    pub(crate) async fn other_channels(&self, caller: &Caller) -> Result<Vec<(String, Map)>, Error> {
        let described =
            |other: &Channel| (id::channel(&other.name), channel::described(other, caller, &self.site));
        Ok(self.made().await?.channels.iter().map(described).collect())
    }

    /// Every input of another door, described, by its id.
    pub(crate) async fn other_inputs(&self, caller: &Caller) -> Result<Vec<(String, Map)>, Error> {
        let mut all = Vec::new();
        for channel in &self.made().await?.channels {
            let described =
                |role: Role| Some((role.id(channel), input::described(channel, role, caller, &self.site)?));
            all.extend(input::roles(channel).filter_map(described));
        }
        Ok(all)
    }

    /// A channel of another door, described.
    pub(crate) async fn describe_other_channel(&self, caller: &Caller, id: &str) -> Result<Map, Error> {
        let found = self.other_channel(id).await?.ok_or_else(|| not_found("channel", id))?;
        Ok(channel::described(&found, caller, &self.site))
    }

    /// An input of another door, described.
    pub(crate) async fn describe_other_input(&self, caller: &Caller, id: &str) -> Result<Map, Error> {
        let found = self.with_input(id).await?;
        let described =
            found.and_then(|(channel, role)| input::described(&channel, role, caller, &self.site));
        described.ok_or_else(|| not_found("input", id))
    }

    /// Refuses a change of what another door made, and says who changes it; ids of MediaLive's own pass. `kind` is a kind in the store.
    pub(crate) async fn leave_others(&self, caller: &Caller, kind: &str, id: &str) -> Result<(), Error> {
        let why = match kind {
            CHANNEL => self.other_channel(id).await?.map(|found| found.refusal("channel")),
            INPUT => {
                let found = self.with_input(id).await?;
                found.map(|(channel, _)| format!("input {id}: {}", channel.refusal("channel")))
            }
            _ => None,
        };
        match why {
            None => Ok(()),
            Some(why) => Err(door::refused(&self.store, caller, id, conflict(why)).await),
        }
    }

    /// The tags of a channel or an input of another door.
    pub(crate) async fn other_tags(&self, kind: &str, id: &str) -> Result<Option<Map>, Error> {
        let found = match kind {
            CHANNEL => self.other_channel(id).await?,
            INPUT => self.with_input(id).await?.map(|(channel, _)| channel),
            _ => None,
        };
        Ok(found.map(|found| door::tag_map(&found.shown_tags())))
    }
}

/// What is wrong with a channel of another door: that it cannot run, since its last change.
pub(crate) fn alerts(other: &Channel) -> Vec<Alert> {
    let trouble = |message: &String| Trouble { kind: Kind::Refused, pipeline: 0, message: message.clone() };
    alerts::updated(&[], other.sight.problem.iter().map(trouble).collect(), other.updated)
}
