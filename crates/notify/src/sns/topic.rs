//! Topics: made, listed, deleted.

use std::collections::BTreeMap;

use aws::{Error, Map, Value};
use door::Caller;
use media::Utc;
use serde::{Deserialize, Serialize};
use store::{Document, Expect, Key, New, Owner, Resource};

use super::{subscription, tags, topic_attributes};
use crate::arn::{Arn, is_name};
use crate::notifier::Shared;
use crate::turn::view;
use crate::{fault, page, parcel};

/// Topics' kind in the store.
pub(super) const KIND: &str = "sns-topic";
/// Topics on a page of a list.
pub(super) const PAGE: u32 = 100;

/// What is wanted of a topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Topic {
    /// Those that were given, checked.
    pub(super) attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    tags: Vec<tags::Tag>,
    data_protection_policy: Option<String>,
}

/// A topic's key by its ARN.
pub(super) fn key(arn: &str) -> Result<Key, Error> {
    let parsed = Arn::parse("sns", arn).filter(|arn| is_name(arn.rest, 256));
    let Arn { account, region, rest } =
        parsed.ok_or_else(|| fault::invalid("TopicArn", "it is no topic's ARN"))?;
    Key::new(KIND, account, region, rest).map_err(fault::store)
}

/// What is heard of a topic that is not there.
pub(super) fn missing() -> Error {
    Error::new("NotFoundException", "Topic does not exist")
}

/// A topic that is there.
pub(super) async fn find(shared: &Shared, arn: &str, now: Utc) -> Result<(Resource, Topic), Error> {
    let resource = match shared.store.resource(&key(arn)?, now).await {
        Ok(resource) if resource.deleted.is_none() => resource,
        Ok(_) | Err(store::Error::NotFound(_)) => return Err(missing()),
        Err(error) => return Err(fault::store(error)),
    };
    let topic = resource.desired.read().map_err(fault::store)?;
    Ok((resource, topic))
}

/// CreateTopic: one of this name that is there is given, if it is as wanted.
pub(super) async fn create(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let Create { name, attributes, tags, data_protection_policy } = view(&input)?;
    if name.ends_with(".fifo") || attributes.get("FifoTopic").is_some_and(|fifo| fifo == "true") {
        return Err(fault::unsupported("a FIFO topic"));
    }
    if !is_name(&name, 256) {
        return Err(fault::invalid("Topic Name", "it is 1 to 256 of a-z A-Z 0-9 - _"));
    }
    if data_protection_policy.is_some_and(|policy| !policy.is_empty()) {
        return Err(fault::unsupported("DataProtectionPolicy"));
    }
    let mut topic = Topic::default();
    for (attribute, value) in attributes {
        topic_attributes::put(&mut topic, &attribute, &value)?;
    }
    let tags = tags::read(tags)?;
    let arn = caller.arn("sns", &name);
    let key = key(&arn)?;
    let desired = Document::of(&topic).map_err(fault::store)?;
    let mut write = shared.store.write(caller.audit()).await.map_err(fault::store)?;
    let mut refused = None;
    let made = async {
        match write.resource(&key).await {
            Ok(known) => {
                let held: Topic = known.desired.read()?;
                let differs =
                    topic.attributes.iter().any(|(name, value)| held.attributes.get(name) != Some(value));
                let reason = match () {
                    () if differs => "Topic already exists with different attributes",
                    () if !tags.is_empty() && tags != known.tags => {
                        "Topic already exists with different tags"
                    }
                    () => return Ok(known),
                };
                refused = Some(fault::invalid("Attributes", reason));
                Err(store::Error::Conflict(reason.to_owned()))
            }
            Err(store::Error::NotFound(_)) => {
                write.create(New { key, arn: arn.clone(), name, owner: Owner::Api, desired, tags }).await
            }
            Err(fault) => Err(fault),
        }
    }
    .await;
    match write.settle(made).await {
        Ok(_) => Ok(Map::new().with("TopicArn", arn)),
        Err(error) => Err(refused.unwrap_or_else(|| fault::store(error))),
    }
}

/// DeleteTopic, with its subscriptions and what is on its way to them. One that is not there is as good as deleted.
pub(super) async fn delete(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let arn = input.text("TopicArn").unwrap_or("");
    let key = key(arn)?;
    let subscriptions = subscription::of_topic(shared, arn).await?;
    let mut write = shared.store.write(caller.audit()).await.map_err(fault::store)?;
    let deleted = async {
        match write.delete(&key, Expect::Any, caller.at).await {
            Ok(_) => {}
            Err(store::Error::NotFound(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        }
        for (resource, _) in &subscriptions {
            match write.delete(&resource.key, Expect::Any, caller.at).await {
                Ok(_) | Err(store::Error::NotFound(_)) => {}
                Err(fault) => return Err(fault),
            }
            write.messages().clear(&parcel::outbox(&resource.arn)).await?;
        }
        Ok(())
    }
    .await;
    write.settle(deleted).await.map_err(fault::store)?;
    Ok(Map::new())
}

/// ListTopics.
pub(super) async fn list(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let place = (caller.account.as_str(), caller.region.as_str());
    let page = page::of(&shared.store, KIND, place, input.text("NextToken"), PAGE).await?;
    let topics: Vec<Value> =
        page.items.into_iter().map(|topic| Map::new().with("TopicArn", topic.arn).into()).collect();
    let mut answer = Map::new().with("Topics", topics);
    if let Some(next) = page.next {
        answer.insert("NextToken", next);
    }
    Ok(answer)
}
