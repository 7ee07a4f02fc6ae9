//! Inputs.

use std::collections::BTreeSet;

use aws::{Error, Map, Value};
use door::{Caller, Refusal, Site};
use store::{Expect, New, Owner, Resource, Write};

use crate::at::Invalid;
use crate::elsewhere::is_other;
use crate::endpoint::{self, Endpoint, Terms};
use crate::medialive::{MediaLive, held, remember, replay};
use crate::page::{self, Asked};
use crate::refusal::{bad_request, bad_settings, conflict, told};
use crate::stored::{self, CHANNEL, Channel, INPUT, Input, TOMBSTONE_US};
use crate::{claim, security_group, settings, state};

const WHAT: &str = "input";
/// Members of a request that are no settings.
const NO_SETTINGS: [&str; 3] = ["RequestId", "Tags", "InputId"];

impl MediaLive {
    pub(crate) async fn create_input(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = self.create_in(&mut write, caller, input).await;
        self.settle(caller, write, WHAT, done).await
    }

    async fn create_in(&self, write: &mut Write, caller: &Caller, input: Map) -> Result<Map, Refusal> {
        let (token, before) = replay(write, &input).await?;
        if let Some(answer) = before {
            return Ok(answer);
        }
        checked("CreateInputRequest", &input)?;
        let tags = door::tags(input.get("Tags"));
        let wishes = endpoint::wishes(&input).map_err(|invalid| bad_settings(&[invalid]))?;
        let (id, key) = crate::id::fresh(write, caller, INPUT).await?;
        let arn = caller.arn("medialive", &format!("input:{id}"));
        write.about(&arn);
        let mut endpoints = Vec::new();
        for wish in wishes {
            let granted = claim::grant(write, wish, &format!("input {id}"), &format!("ml-{id}")).await?;
            endpoints.push(granted);
        }
        let made = Input { settings: without_extras(input), endpoints, attached: BTreeSet::new() };
        fits(&made)?;
        security_group::senders(write, caller, &made.groups(), &made.endpoints).await?;
        let name = made.settings.text("Name").unwrap_or_default().to_owned();
        let desired = stored::document(&made)?;
        let resource = write.create(New { key, arn, name, owner: Owner::Api, desired, tags }).await?;
        security_group::join(write, caller, &id, &[], &made.groups()).await?;
        let answer = Map::new().with("Input", described(&resource, &made, &self.site));
        remember(write, token.as_ref(), &answer).await?;
        Ok(answer)
    }

    pub(crate) async fn describe_input(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("InputId").unwrap_or_default();
        if is_other(id) {
            return self.describe_other_input(caller, id).await;
        }
        let resource = self.find(caller, INPUT, id, WHAT).await?;
        Ok(described(&resource, &stored::read(&resource).map_err(told)?, &self.site))
    }

    pub(crate) async fn list_inputs(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let asked = Asked::of(&input)?;
        let after = asked.after.as_deref();
        let page = self
            .store
            .list(INPUT, &caller.account, &caller.region, after, asked.limit)
            .await
            .map_err(told)?;
        let describe = |resource: &Resource| {
            let described = described(resource, &stored::read(resource)?, &self.site);
            Ok((resource.key.id().to_owned(), described))
        };
        let own = page.items.iter().map(describe).collect::<Result<_, _>>().map_err(told)?;
        let others = self.other_inputs(caller).await?;
        let (items, next) = door::listed(own, page.next.is_some(), others, after, asked.limit as usize);
        Ok(page::answer("Inputs", items, next))
    }

    pub(crate) async fn update_input(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let subject = input.text("InputId").unwrap_or_default().to_owned();
        self.leave_others(caller, INPUT, &subject).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = update(&mut write, caller, input).await;
        let resource = self.settle(caller, write, &subject, done).await?;
        let changed = stored::read(&resource).map_err(told)?;
        Ok(Map::new().with("Input", described(&resource, &changed, &self.site)))
    }

    pub(crate) async fn delete_input(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("InputId").unwrap_or_default();
        self.delete_one_input(caller, id).await.map(|_| Map::new())
    }

    pub(crate) async fn delete_one_input(&self, caller: &Caller, id: &str) -> Result<Resource, Error> {
        self.leave_others(caller, INPUT, id).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = delete(&mut write, caller, id).await;
        self.settle(caller, write, id, done).await
    }
}

async fn update(write: &mut Write, caller: &Caller, input: Map) -> Result<Resource, Refusal> {
    checked("UpdateInputRequest", &input)?;
    let id = input.text("InputId").unwrap_or_default().to_owned();
    let resource = held(write, caller, INPUT, &id, WHAT).await?;
    write.about(&resource.arn);
    let before: Input = stored::read(&resource)?;
    let mut after = before.clone();
    for (member, value) in without_extras(input) {
        after.settings.insert(member, value);
    }
    let is_plain = |settings: &Map| settings.clone().with("Name", "").with("RoleArn", "");
    if is_plain(&after.settings) != is_plain(&before.settings) {
        started(write, caller, &before.attached).await?;
        let wishes = endpoint::wishes(&after.settings).map_err(|invalid| bad_settings(&[invalid]))?;
        if !matches!(before.endpoints[0], Endpoint::Udp(_) | Endpoint::Rtp(_)) {
            for claim in before.endpoints.iter().filter_map(claim::of) {
                claim::leave(write, &claim).await?;
            }
            after.endpoints.clear();
            for wish in wishes {
                let granted = claim::grant(write, wish, &format!("input {id}"), &format!("ml-{id}")).await?;
                after.endpoints.push(granted);
            }
        }
        fits(&after)?;
        security_group::senders(write, caller, &after.groups(), &after.endpoints).await?;
        security_group::join(write, caller, &id, &before.groups(), &after.groups()).await?;
    }
    Ok(write.change(&resource.key, Expect::Any, stored::document(&after)?).await?)
}

async fn delete(write: &mut Write, caller: &Caller, id: &str) -> Result<Resource, Refusal> {
    let resource = held(write, caller, INPUT, id, WHAT).await?;
    write.about(&resource.arn);
    let input: Input = stored::read(&resource)?;
    if !input.attached.is_empty() {
        let channels: Vec<_> = input.attached.into_iter().collect();
        return Err(
            conflict(format!("channels have it attached: {}; detach it first", channels.join(", "))).into()
        );
    }
    for claim in input.endpoints.iter().filter_map(claim::of) {
        claim::leave(write, &claim).await?;
    }
    security_group::join(write, caller, id, &input.groups(), &[]).await?;
    Ok(write.delete(&resource.key, Expect::Any, caller.at.plus_micros(TOMBSTONE_US)).await?)
}

/// Refuses where one of the channels is started.
async fn started(write: &mut Write, caller: &Caller, channels: &BTreeSet<String>) -> Result<(), Refusal> {
    for id in channels {
        let channel: Channel = stored::read(&held(write, caller, CHANNEL, id, "channel").await?)?;
        if channel.is_started {
            return Err(
                conflict(format!("channel {id} has it attached and is started; stop it first")).into()
            );
        }
    }
    Ok(())
}

/// Holds a request against the table of settings.
fn checked(shape: &str, input: &Map) -> Result<(), Error> {
    let invalid = settings::check(shape, input);
    if invalid.is_empty() { Ok(()) } else { Err(bad_settings(&invalid)) }
}

/// Whether a channel can have its endpoints.
fn fits(input: &Input) -> Result<(), Refusal> {
    let groups = input.groups();
    let unique: BTreeSet<_> = groups.iter().collect();
    if unique.len() != groups.len() {
        return Err(bad_request("inputSecurityGroups: one of them is there twice").into());
    }
    for (index, endpoint) in input.endpoints.iter().enumerate() {
        let latency_ms = endpoint::latency_ms(&input.settings, index);
        let path = match endpoint {
            Endpoint::Rtmp(_) => format!("/destinations/{index}/streamName"),
            Endpoint::SrtCall { .. } => format!("/srtSettings/srtCallerSources/{index}"),
            Endpoint::Srt(_) => "/srtSettings/srtListenerSettings".to_owned(),
            _ => format!("/sources/{index}/url"),
        };
        let told = |message| bad_settings(&[Invalid { path, message }]);
        endpoint.check(&Terms { latency_ms, ..Terms::default() }).map_err(told)?;
    }
    Ok(())
}

fn without_extras(mut input: Map) -> Map {
    for extra in NO_SETTINGS {
        input.remove(extra);
    }
    input
}

fn described(resource: &Resource, input: &Input, site: &Site) -> Map {
    let list =
        |member: &str| input.settings.get(member).and_then(Value::as_list).unwrap_or_default().to_vec();
    let destinations = input.endpoints.iter().filter_map(|endpoint| endpoint.destination(site));
    let attached = input.attached.iter().map(|id| Value::from(id.as_str()));
    let is_pair = input.endpoints.len() > 1;
    let mut map = Map::new()
        .with("Arn", resource.arn.clone())
        .with("AttachedChannels", attached.collect::<Vec<_>>())
        .with("Destinations", destinations.map(Value::from).collect::<Vec<_>>())
        .with("Id", resource.key.id())
        .with("InputClass", if is_pair { "STANDARD" } else { "SINGLE_PIPELINE" })
        .with("InputDevices", Vec::new())
        .with("InputPartnerIds", Vec::new())
        .with("InputSourceType", "STATIC")
        .with("MediaConnectFlows", Vec::new())
        .with("SecurityGroups", list("InputSecurityGroups"))
        .with("Sources", list("Sources"))
        .with("State", state::input(input, resource.deleted.is_some()))
        .with("Tags", door::tag_map(&resource.tags));
    for member in ["Name", "RoleArn", "Type", "InputNetworkLocation", "SrtSettings"] {
        if let Some(value) = input.settings.get(member) {
            map.insert(member, value.clone());
        }
    }
    map
}
