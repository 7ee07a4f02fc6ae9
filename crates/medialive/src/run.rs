//! Channels started and stopped, and many at once.

use aws::{Error, Map, Value};
use door::{Caller, Refusal};
use store::{Expect, Resource, Write};

use crate::channel::WHAT;
use crate::medialive::{MediaLive, held};
use crate::refusal::{bad_request, conflict, told};
use crate::state::{self, Report};
use crate::stored::{self, CHANNEL, Channel, INPUT, Input};
use crate::{claim, describe, mapping};

/// Most resources of a batch call, in each of its lists.
const MAX_BATCH: usize = 100;

impl MediaLive {
    pub(crate) async fn start_channel(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let started = self.start_one(caller, input.text("ChannelId").unwrap_or_default()).await?;
        describe::stored(&started, &self.site).map_err(told)
    }

    pub(crate) async fn stop_channel(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let stopped = self.stop_one(caller, input.text("ChannelId").unwrap_or_default()).await?;
        describe::stored(&stopped, &self.site).map_err(told)
    }

    async fn start_one(&self, caller: &Caller, id: &str) -> Result<Resource, Error> {
        self.leave_others(caller, CHANNEL, id).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = self.start_in(&mut write, caller, id).await;
        self.settle(caller, write, id, done).await
    }

    async fn start_in(&self, write: &mut Write, caller: &Caller, id: &str) -> Result<Resource, Refusal> {
        let resource = held(write, caller, CHANNEL, id, WHAT).await?;
        write.about(&resource.arn);
        let channel: Channel = stored::read(&resource)?;
        let now = state::channel(&channel, Report::of(&resource).as_ref(), false);
        if now != "IDLE" {
            return Err(conflict(format!("channel {id} is {now}; it can be started when it is IDLE")).into());
        }
        // One that was refused is to run still: it is tried anew.
        let channel = self.stopped(write, &channel, id).await?;
        self.runnable(write, caller, id, &channel).await?;
        alone(write, caller, id, &channel).await?;
        let media = mapping::media(id, &channel.settings).map_err(|invalid| bad_request(invalid.message))?;
        claim::take(write, &claim::of_media(&media), &format!("channel {id}")).await?;
        let (run, asked) = (channel.run + 1, self.store.revision().await?);
        let after = Channel { is_started: true, run, asked, started: Some(caller.at), ..channel };
        Ok(write.change(&resource.key, Expect::Any, stored::document(&after)?).await?)
    }

    async fn stop_one(&self, caller: &Caller, id: &str) -> Result<Resource, Error> {
        self.leave_others(caller, CHANNEL, id).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = async {
            let resource = held(&mut write, caller, CHANNEL, id, WHAT).await?;
            write.about(&resource.arn);
            let after = self.stopped(&mut write, &stored::read(&resource)?, id).await?;
            Ok(write.change(&resource.key, Expect::Any, stored::document(&after)?).await?)
        }
        .await;
        self.settle(caller, write, id, done).await
    }

    pub(crate) async fn batch_start(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let mut batch = Batch::of(&input, &["ChannelIds"])?;
        for id in batch.ids("ChannelIds") {
            let done = self.start_one(caller, &id).await;
            batch.add(caller, "channel", &id, done.as_ref().map(|_| "STARTING"));
        }
        Ok(batch.answer())
    }

    pub(crate) async fn batch_stop(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let mut batch = Batch::of(&input, &["ChannelIds"])?;
        for id in batch.ids("ChannelIds") {
            let done = self.stop_one(caller, &id).await;
            batch.add(caller, "channel", &id, done.as_ref().map(|_| "STOPPING"));
        }
        Ok(batch.answer())
    }

    /// Channels first, then inputs, then security groups, so that all of a workflow can go in one call.
    pub(crate) async fn batch_delete(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let mut batch = Batch::of(&input, &["ChannelIds", "InputIds", "InputSecurityGroupIds"])?;
        for id in batch.ids("ChannelIds") {
            let done = self.delete_one_channel(caller, &id).await;
            batch.add(caller, "channel", &id, done.as_ref().map(|_| "DELETING"));
        }
        for id in batch.ids("InputIds") {
            let done = self.delete_one_input(caller, &id).await;
            batch.add(caller, "input", &id, done.as_ref().map(|_| "DELETED"));
        }
        for id in batch.ids("InputSecurityGroupIds") {
            let done = self.delete_one_group(caller, &id).await;
            batch.add(caller, "inputSecurityGroup", &id, done.as_ref().map(|_| "DELETED"));
        }
        Ok(batch.answer())
    }
}

/// Refuses where an input that others send to is in use: it has one place where they come.
async fn alone(write: &mut Write, caller: &Caller, id: &str, channel: &Channel) -> Result<(), Refusal> {
    for name in channel.inputs() {
        let input: Input = stored::read(&held(write, caller, INPUT, &name, "input").await?)?;
        if !input.endpoints.iter().any(|endpoint| endpoint.is_push()) {
            continue;
        }
        for other in input.attached.iter().filter(|other| *other != id) {
            let resource = held(write, caller, CHANNEL, other, WHAT).await?;
            let other_channel: Channel = stored::read(&resource)?;
            if other_channel.is_started {
                return Err(
                    conflict(format!("input {name} is in use by channel {other}; stop that first")).into()
                );
            }
        }
    }
    Ok(())
}

/// A call on many resources, each for itself.
struct Batch<'i> {
    input: &'i Map,
    failed: Vec<Value>,
    successful: Vec<Value>,
}

impl<'i> Batch<'i> {
    fn of(input: &'i Map, members: &[&str]) -> Result<Self, Error> {
        if !stored::texts(input, "MultiplexIds").is_empty() {
            return Err(bad_request("/multiplexIds: multiplexes are not implemented; leave them out"));
        }
        if members.iter().any(|member| stored::texts(input, member).len() > MAX_BATCH) {
            return Err(bad_request(format!("a batch is of at most {MAX_BATCH} resources of a kind")));
        }
        Ok(Self { input, failed: Vec::new(), successful: Vec::new() })
    }

    fn ids(&self, member: &str) -> Vec<String> {
        stored::texts(self.input, member)
    }

    fn add(&mut self, caller: &Caller, kind: &str, id: &str, done: Result<&'static str, &Error>) {
        let map = Map::new().with("Arn", caller.arn("medialive", &format!("{kind}:{id}"))).with("Id", id);
        match done {
            Ok(state) => self.successful.push(map.with("State", state).into()),
            Err(error) => {
                let told = map.with("Code", error.name.to_string()).with("Message", error.message.clone());
                self.failed.push(told.into());
            }
        }
    }

    fn answer(self) -> Map {
        Map::new().with("Failed", self.failed).with("Successful", self.successful)
    }
}
