//! Channels.

use std::collections::{BTreeMap, BTreeSet};

use aws::{Error, Map, Value};
use door::{Caller, Refusal};
use store::{Expect, New, Owner, Resource, Write};

use crate::at::Invalid;
use crate::describe::{self, Face, VERSION};
use crate::elsewhere::is_other;
use crate::mapping::{self, Feed, Shown};
use crate::medialive::{MediaLive, held, remember, replay};
use crate::page::{self, Asked};
use crate::refusal::{conflict, told, unprocessable};
use crate::state::{self, Report};
use crate::stored::{self, CHANNEL, Channel, INPUT, Input, TOMBSTONE_US};
use crate::{claim, security_group, settings};

pub(crate) const WHAT: &str = "channel";
/// Members of a request that are no settings of the channel.
const NO_SETTINGS: [&str; 5] = ["RequestId", "Tags", "ChannelId", "DryRun", "ChannelEngineVersion"];

impl MediaLive {
    pub(crate) async fn create_channel(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let is_dry = is_dry_run(&input);
        let done = self.create_channel_in(&mut write, caller, input).await;
        match done {
            // What a dry run would have made is taken back.
            Ok(answer) if is_dry => Ok(answer),
            done => self.settle(caller, write, WHAT, done).await,
        }
    }

    async fn create_channel_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        input: Map,
    ) -> Result<Map, Refusal> {
        let (token, before) = replay(write, &input).await?;
        if let Some(answer) = before {
            return Ok(answer);
        }
        checked("CreateChannelRequest", &input)?;
        let tags = door::tags(input.get("Tags"));
        let (id, key) = crate::id::fresh(write, caller, CHANNEL).await?;
        let arn = caller.arn("medialive", &format!("channel:{id}"));
        write.about(&arn);
        let settings = without_extras(input);
        let channel =
            Channel { settings, is_started: false, run: 0, asked: 0, started: None, schedule: Vec::new() };
        let channel = self.mapped(write, caller, &id, channel).await?;
        let name = channel.settings.text("Name").unwrap_or_default().to_owned();
        let desired = stored::document(&channel)?;
        let resource = write.create(New { key, arn, name, owner: Owner::Api, desired, tags }).await?;
        attach(write, caller, &id, &BTreeSet::new(), &channel.inputs()).await?;
        // Clients expect to see it being made, though it is there when this returns.
        let face = Face {
            id: &id,
            arn: &resource.arn,
            tags: &resource.tags,
            channel: &channel,
            state: "CREATING",
            report: None,
        };
        let answer = Map::new().with("Channel", face.map(&self.site));
        remember(write, token.as_ref(), &answer).await?;
        Ok(answer)
    }

    pub(crate) async fn describe_channel(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("ChannelId").unwrap_or_default();
        if is_other(id) {
            return self.describe_other_channel(caller, id).await;
        }
        let resource = self.find(caller, CHANNEL, id, WHAT).await?;
        describe::stored(&resource, &self.site).map_err(told)
    }

    pub(crate) async fn list_channels(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let asked = Asked::of(&input)?;
        let after = asked.after.as_deref();
        let listed = self.store.list(CHANNEL, &caller.account, &caller.region, after, asked.limit);
        let page = listed.await.map_err(told)?;
        let item =
            |resource: &Resource| Ok((resource.key.id().to_owned(), describe::stored(resource, &self.site)?));
        let own = page.items.iter().map(item).collect::<Result<_, _>>().map_err(told)?;
        let others = self.other_channels(caller).await?;
        let (items, next) = door::listed(own, page.next.is_some(), others, after, asked.limit as usize);
        Ok(page::answer("Channels", items.into_iter().map(describe::summary).collect(), next))
    }

    /// UpdateChannel and UpdateChannelClass: members that are there take the place of those that were.
    pub(crate) async fn update_channel(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let subject = input.text("ChannelId").unwrap_or_default().to_owned();
        let is_dry = is_dry_run(&input);
        self.leave_others(caller, CHANNEL, &subject).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = self.update_channel_in(&mut write, caller, input).await;
        let resource = match done {
            Ok(resource) if is_dry => resource,
            done => self.settle(caller, write, &subject, done).await?,
        };
        Ok(Map::new().with("Channel", describe::stored(&resource, &self.site).map_err(told)?))
    }

    async fn update_channel_in(
        &self,
        write: &mut Write,
        caller: &Caller,
        input: Map,
    ) -> Result<Resource, Refusal> {
        checked("UpdateChannelRequest", &input)?;
        let id = input.text("ChannelId").unwrap_or_default().to_owned();
        let resource = held(write, caller, CHANNEL, &id, WHAT).await?;
        write.about(&resource.arn);
        let before: Channel = idle(&resource, "changed")?;
        let mut after = self.stopped(write, &before, &id).await?;
        for (member, value) in without_extras(input) {
            after.settings.insert(member, value);
        }
        let after = self.mapped(write, caller, &id, after).await?;
        attach(write, caller, &id, &before.inputs(), &after.inputs()).await?;
        Ok(write.change(&resource.key, Expect::Any, stored::document(&after)?).await?)
    }

    pub(crate) async fn delete_channel(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("ChannelId").unwrap_or_default();
        let deleted = self.delete_one_channel(caller, id).await?;
        describe::stored(&deleted, &self.site).map_err(told)
    }

    pub(crate) async fn delete_one_channel(&self, caller: &Caller, id: &str) -> Result<Resource, Error> {
        self.leave_others(caller, CHANNEL, id).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = async {
            let resource = held(&mut write, caller, CHANNEL, id, WHAT).await?;
            write.about(&resource.arn);
            let before: Channel = stored::read(&resource)?;
            let now = state::channel(&before, Report::of(&resource).as_ref(), false);
            if !matches!(now, "IDLE" | "STOPPING") {
                return Err(conflict(format!("channel {id} is {now}; stop it first")).into());
            }
            let after = self.stopped(&mut write, &before, id).await?;
            attach(&mut write, caller, id, &before.inputs(), &BTreeSet::new()).await?;
            write.change(&resource.key, Expect::Any, stored::document(&after)?).await?;
            Ok(write.delete(&resource.key, Expect::Any, caller.at.plus_micros(TOMBSTONE_US)).await?)
        }
        .await;
        self.settle(caller, write, id, done).await
    }

    /// The channel with its settings completed, once they are known to have a workflow channel.
    async fn mapped(
        &self,
        write: &mut Write,
        caller: &Caller,
        id: &str,
        mut channel: Channel,
    ) -> Result<Channel, Refusal> {
        let feeds = feeds(write, caller, &channel).await?;
        let is_pair = feeds.values().any(|feed| feed.endpoints.len() > 1);
        mapping::complete(&mut channel.settings, is_pair);
        mapping::table(id, &channel.settings, &feeds, Shown::First, self.reach)?;
        for (index, action) in channel.schedule.iter().enumerate() {
            crate::schedule::fits(&channel, action).map_err(|invalid| Invalid {
                path: format!("/inputAttachments (action {index} of the schedule)"),
                ..invalid
            })?;
        }
        Ok(channel)
    }

    /// The channel as it is not to run: one that was started and refused is idle, and still to run.
    pub(crate) async fn stopped(
        &self,
        write: &mut Write,
        channel: &Channel,
        id: &str,
    ) -> Result<Channel, Refusal> {
        if !channel.is_started {
            return Ok(channel.clone());
        }
        if let Ok(media) = mapping::media(id, &channel.settings) {
            claim::leave(write, &claim::of_media(&media)).await?;
        }
        // Nobody else writes meanwhile, so the next revision is this call's.
        let asked = self.store.revision().await?;
        Ok(Channel { is_started: false, run: channel.run + 1, asked, ..channel.clone() })
    }

    /// The table that a channel asks to run.
    pub(crate) async fn runnable(
        &self,
        write: &mut Write,
        caller: &Caller,
        id: &str,
        channel: &Channel,
    ) -> Result<(), Refusal> {
        let feeds = feeds(write, caller, channel).await?;
        let table = mapping::table(id, &channel.settings, &feeds, Shown::First, self.reach);
        // StartChannel has no exception with places.
        table.map(|_| ()).map_err(|invalid| conflict(format!("{}: {}", invalid.path, invalid.message)).into())
    }
}

/// The inputs of a channel. One that is not there is left out: the mapping tells it by its place.
async fn feeds(
    write: &mut Write,
    caller: &Caller,
    channel: &Channel,
) -> Result<BTreeMap<String, Feed>, Refusal> {
    let mut feeds = BTreeMap::new();
    for id in channel.inputs() {
        let input: Input = match held(write, caller, INPUT, &id, "input").await {
            Ok(resource) => stored::read(&resource)?,
            Err(Refusal::Told(_)) => continue,
            Err(error) => return Err(error),
        };
        let rules = security_group::senders(write, caller, &input.groups(), &input.endpoints).await?;
        feeds.insert(id, input.feed(rules));
    }
    Ok(feeds)
}

/// Writes down at inputs which channel has them.
async fn attach(
    write: &mut Write,
    caller: &Caller,
    channel: &str,
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
) -> Result<(), Refusal> {
    for id in before.symmetric_difference(after) {
        let resource = held(write, caller, INPUT, id, "input").await?;
        let mut input: Input = stored::read(&resource)?;
        match after.contains(id) {
            true => _ = input.attached.insert(channel.to_owned()),
            false => _ = input.attached.remove(channel),
        }
        write.change(&resource.key, Expect::Any, stored::document(&input)?).await?;
    }
    Ok(())
}

/// A channel that is idle; `what` is to become of it.
fn idle(resource: &Resource, what: &str) -> Result<Channel, Refusal> {
    let channel: Channel = stored::read(resource)?;
    match state::channel(&channel, Report::of(resource).as_ref(), false) {
        "IDLE" => Ok(channel),
        now => {
            Err(conflict(format!("channel {} is {now}; it can be {what} when it is IDLE", resource.key.id()))
                .into())
        }
    }
}

/// Holds a request against the table of settings.
fn checked(shape: &str, input: &Map) -> Result<(), Refusal> {
    let mut invalid = settings::check(shape, input);
    let version =
        input.get("ChannelEngineVersion").and_then(Value::as_map).and_then(|map| map.text("Version"));
    if version.is_some_and(|version| version != VERSION) {
        let message = format!("there is one version here, {VERSION}: see ListVersions");
        invalid.push(Invalid { path: "/channelEngineVersion/version".to_owned(), message });
    }
    if invalid.is_empty() { Ok(()) } else { Err(unprocessable(&invalid).into()) }
}

fn is_dry_run(input: &Map) -> bool {
    input.get("DryRun") == Some(&Value::Boolean(true))
}

fn without_extras(mut input: Map) -> Map {
    for extra in NO_SETTINGS {
        input.remove(extra);
    }
    input
}
