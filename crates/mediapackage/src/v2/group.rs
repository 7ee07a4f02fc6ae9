//! Channel groups: a name, and the host of what is in them.

use aws::{Error, Map};
use door::Caller;
use serde::{Deserialize, Serialize};
use store::{Document, New, Owner, Resource};

use super::elsewhere;
use super::fault::{What, failed};
use super::resource::{self, CHANNEL, GROUP, Kept, etag, key, name, token};
use crate::address;
use crate::setup::Setup;

/// What is kept of a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    description: Option<String>,
    edits: u64,
}

impl Kept for Group {
    fn edits(&mut self) -> &mut u64 {
        &mut self.edits
    }
}

pub(super) async fn create(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, GROUP, &[name(&input, "ChannelGroupName")])?;
    let kept = Group { description: input.text("Description").map(str::to_owned), edits: 0 };
    let new = New {
        arn: caller.arn("mediapackagev2", &format!("channelGroup/{}", key.id())),
        name: key.id().to_owned(),
        owner: Owner::Api,
        desired: Document::of(&kept).map_err(|error| failed(error, What::Group))?,
        tags: door::tags(input.get("Tags")),
        key,
    };
    let made = resource::create(setup, caller, (new, What::Group), &[], token(&input)).await?;
    shown(setup, &made)
}

pub(super) async fn get(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, GROUP, &[name(&input, "ChannelGroupName")])?;
    shown(setup, &resource::found(setup, caller, &key, What::Group).await?)
}

pub(super) async fn list(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let others = elsewhere::listed(setup, caller).await?;
    let item = |group: &Resource| Ok(summary(shown(setup, group)?));
    resource::list(setup, caller, (GROUP, ""), &input, others, item).await
}

/// A group as a list has it.
pub(super) fn summary(mut shown: Map) -> Map {
    for member in ["EgressDomain", "ETag", "Tags"] {
        shown.remove(member);
    }
    shown
}

pub(super) async fn update(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, GROUP, &[name(&input, "ChannelGroupName")])?;
    let changed =
        resource::change(setup, caller, (&key, What::Group), input.text("ETag"), |kept: &mut Group| {
            kept.edits += 1;
            kept.description = input.text("Description").map(str::to_owned);
        });
    shown(setup, &changed.await?)
}

pub(super) async fn delete(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, GROUP, &[name(&input, "ChannelGroupName")])?;
    resource::delete(setup, caller, (&key, What::Group), Some(CHANNEL)).await
}

/// `XXXXXX.egress.YYYYYY.mediapackagev2.REGION`: the host's label of a group.
pub(super) fn host_label(setup: &Setup, key: &store::Key, group: &str) -> String {
    let (account, region) = (key.account(), key.region());
    let of_group = setup.derived(&["egress", account, region, group], 6);
    let of_account = setup.derived(&["egress", account, region], 6);
    format!("{of_group}.egress.{of_account}.{}", address::service_label("mediapackagev2", region))
}

fn shown(setup: &Setup, group: &Resource) -> Result<Map, Error> {
    let kept = Group::of(group).map_err(|error| failed(error, What::Group))?;
    let label = host_label(setup, &group.key, group.key.id());
    let mut answer = Map::new()
        .with("ChannelGroupName", group.key.id())
        .with("Arn", group.arn.clone())
        .with("EgressDomain", address::domain(&setup.site, &label))
        .with("CreatedAt", group.created)
        .with("ModifiedAt", group.updated)
        .with("ETag", etag::<Group>(group)?)
        .with("Tags", door::tag_map(&group.tags));
    if let Some(description) = kept.description {
        answer.insert("Description", description);
    }
    Ok(answer)
}
