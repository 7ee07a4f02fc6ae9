//! Channels of v2.

use aws::{Error, Map, Value};
use door::Caller;
use serde::{Deserialize, Serialize};
use store::{Document, New, Owner, Resource};

use super::fault::{What, failed, missing, not_carried_out};
use super::resource::{self, CHANNEL, ENDPOINT, GROUP, Kept, etag, key, name, token};
use super::{manifest, policy};
use crate::address;
use crate::settings::{Refusal, Settings};
use crate::setup::Setup;
use toml::Table;

/// What is kept of a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Channel {
    /// As it is carried out: members of the answer.
    settings: Map,
    policy: Option<String>,
    edits: u64,
}

impl Channel {
    fn is_cmaf(&self) -> bool {
        self.settings.text("InputType") == Some("CMAF")
    }
}

impl Kept for Channel {
    fn edits(&mut self) -> &mut u64 {
        &mut self.edits
    }
}

pub(super) async fn create(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let group = name(&input, "ChannelGroupName");
    let key = resource_key(caller, &input)?;
    let settings = read(&input, None).map_err(|refusal| not_carried_out(&refusal))?;
    let kept = Channel { settings, policy: None, edits: 0 };
    let path = format!("channelGroup/{group}/channel/{}", name(&input, "ChannelName"));
    let new = New {
        arn: caller.arn("mediapackagev2", &path),
        name: name(&input, "ChannelName").to_owned(),
        owner: Owner::Api,
        desired: Document::of(&kept).map_err(|error| failed(error, What::Channel))?,
        tags: door::tags(input.get("Tags")),
        key,
    };
    let parents = [(resource::key(caller, GROUP, &[group])?, What::Group)];
    let made = resource::create(setup, caller, (new, What::Channel), &parents, token(&input)).await?;
    shown(setup, &made)
}

pub(super) async fn get(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    shown(setup, &resource::found(setup, caller, &key, What::Channel).await?)
}

pub(super) async fn list(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let group = name(&input, "ChannelGroupName");
    resource::found(setup, caller, &key(caller, GROUP, &[group])?, What::Group).await?;
    let prefix = format!("{group}/");
    let item = |channel: &Resource| Ok(summary(shown(setup, channel)?));
    resource::list(setup, caller, (CHANNEL, &prefix), &input, Vec::new(), item).await
}

/// A channel as a list has it.
pub(super) fn summary(mut shown: Map) -> Map {
    for member in ["IngestEndpoints", "ETag", "Tags", "InputSwitchConfiguration", "OutputHeaderConfiguration"]
    {
        shown.remove(member);
    }
    shown
}

pub(super) async fn update(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    let before = resource::found(setup, caller, &key, What::Channel).await?;
    let kept = Channel::of(&before).map_err(|error| failed(error, What::Channel))?;
    let settings = read(&input, Some(&kept.settings)).map_err(|refusal| not_carried_out(&refusal))?;
    let changed =
        resource::change(setup, caller, (&key, What::Channel), input.text("ETag"), |kept: &mut Channel| {
            kept.edits += 1;
            kept.settings = settings;
        });
    shown(setup, &changed.await?)
}

pub(super) async fn delete(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    resource::delete(setup, caller, (&key, What::Channel), Some(ENDPOINT)).await
}

pub(super) async fn put_policy(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    let text = name(&input, "Policy").to_owned();
    let found = resource::found(setup, caller, &key, What::Channel).await?;
    policy::read(&text, &found.arn, &policy::INGEST)?;
    set_policy(setup, caller, &key, Some(text)).await
}

pub(super) async fn get_policy(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    let found = resource::found(setup, caller, &key, What::Channel).await?;
    let kept = Channel::of(&found).map_err(|error| failed(error, What::Channel))?;
    let policy = kept.policy.ok_or_else(|| missing(What::Policy))?;
    Ok(Map::new()
        .with("ChannelGroupName", name(&input, "ChannelGroupName"))
        .with("ChannelName", name(&input, "ChannelName"))
        .with("Policy", policy))
}

pub(super) async fn delete_policy(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    match set_policy(setup, caller, &key, None).await {
        // What is not there has none.
        Err(error) if error.name == "ResourceNotFoundException" => Ok(Map::new()),
        done => done,
    }
}

async fn set_policy(
    setup: &Setup,
    caller: &Caller,
    key: &store::Key,
    policy: Option<String>,
) -> Result<Map, Error> {
    let set = |kept: &mut Channel| kept.policy = policy;
    resource::change(setup, caller, (key, What::Channel), None, set).await?;
    Ok(Map::new())
}

/// The input to which its encoders push HLS: the second place stands by. `None` where CMAF is pushed.
pub(super) fn input(setup: &Setup, channel: &Resource) -> Option<Table> {
    let is_cmaf = Channel::of(channel).is_ok_and(|kept| kept.is_cmaf());
    let input = |pipeline| door::table([("hls_push", place(setup, channel, pipeline))]);
    let mut first = input(1);
    first.insert("standby".to_owned(), input(2).into());
    (!is_cmaf).then_some(first)
}

/// Where HLS lies below `/in/`. v2 knows no passwords, and requests for media have no signature here: whoever has the URL may push, so
/// there is something in it that nobody can guess.
fn place(setup: &Setup, channel: &Resource, pipeline: u8) -> String {
    let (key, made) = (&channel.key, channel.created.0.to_string());
    let (group, own) = key.id().split_once('/').unwrap_or(("", key.id()));
    let secret = setup.derived(&["ingest", key.account(), key.region(), key.id(), &made], 32);
    format!("v1/{secret}/{group}/{pipeline}/{own}")
}

fn resource_key(caller: &Caller, input: &Map) -> Result<store::Key, Error> {
    key(caller, CHANNEL, &[name(input, "ChannelGroupName"), name(input, "ChannelName")])
}

/// Reads a request's settings; an update has no input type and keeps the one it had.
fn read(input: &Map, before: Option<&Map>) -> Result<Map, Refusal> {
    let settings = manifest::without_names(input);
    let mut all = Settings::new("", &settings);
    all.text("Description");
    let input_type = match before {
        None => all.word_or("InputType", &["HLS", "CMAF"], "HLS")?,
        Some(before) if before.text("InputType") == Some("CMAF") => "CMAF",
        Some(_) => "HLS",
    };
    all.insert("InputType", input_type);
    all.word("OutputLockingMode", &["EPOCH_LOCKED"])?;
    if let Some(mut switching) = all.inside("InputSwitchConfiguration") {
        switching.off("MQCSInputSwitching")?;
        let done = switching.finish()?;
        all.insert("InputSwitchConfiguration", done);
    }
    if let Some(mut header) = all.inside("OutputHeaderConfiguration") {
        header.off("PublishMQCS")?;
        let done = header.finish()?;
        all.insert("OutputHeaderConfiguration", done);
    }
    all.finish()
}

fn shown(setup: &Setup, channel: &Resource) -> Result<Map, Error> {
    let kept = Channel::of(channel).map_err(|error| failed(error, What::Channel))?;
    let (group, own) = channel.key.id().split_once('/').unwrap_or(("", channel.key.id()));
    let (origin, hls) = (address::ingest(&setup.site), address::hls_push(&setup.site));
    let url = |pipeline: u8| match kept.is_cmaf() {
        // Two publishers of the same tracks: what the one has brought is not taken of the other.
        true => format!("{origin}/ingest/{}", door::media_name("mp", channel.key.id())),
        false => format!("{hls}/in/{}/index", place(setup, channel, pipeline)),
    };
    let ingest: Vec<Value> = [1, 2]
        .map(|pipeline| Map::new().with("Id", pipeline.to_string()).with("Url", url(pipeline)).into())
        .into();
    let mut answer = kept.settings.clone();
    answer.insert("Arn", channel.arn.clone());
    answer.insert("ChannelName", own);
    answer.insert("ChannelGroupName", group);
    answer.insert("CreatedAt", channel.created);
    answer.insert("ModifiedAt", channel.updated);
    answer.insert("IngestEndpoints", ingest);
    answer.insert("ETag", etag::<Channel>(channel)?);
    answer.insert("Tags", door::tag_map(&channel.tags));
    Ok(answer)
}
