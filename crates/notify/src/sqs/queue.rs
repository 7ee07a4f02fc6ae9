//! Queues: made, found, listed, emptied, deleted.

use std::collections::BTreeMap;

use aws::{Error, Map, Value};
use door::Caller;
use media::Utc;
use serde::{Deserialize, Serialize};
use store::{Document, Expect, Key, New, Owner, Resource, Tags};

use super::{error, queue_attributes};
use crate::arn::{Arn, is_name};
use crate::notifier::Shared;
use crate::turn::view;
use crate::{page, url};

/// Queues' kind in the store.
pub(super) const KIND: &str = "sqs-queue";
/// Queues on a page of a list, unless the caller says how many.
const PAGE: u32 = 1_000;
const SECOND_US: i64 = 1_000_000;

/// What is wanted of a queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Queue {
    /// Those that were given, checked.
    pub(super) attributes: BTreeMap<String, String>,
}

/// Where messages go that were taken too often.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Redrive {
    pub(super) dead_letter_target_arn: String,
    /// A number, or the text of one.
    pub(super) max_receive_count: serde_json::Value,
}

impl Redrive {
    /// After how many receives, 1 to 1,000.
    pub(super) fn most(&self) -> Option<i64> {
        let most = match &self.max_receive_count {
            serde_json::Value::Number(number) => number.as_i64(),
            serde_json::Value::String(text) => text.parse().ok(),
            _ => None,
        };
        most.filter(|most| (1..=1_000).contains(most))
    }
}

impl Queue {
    fn number(&self, name: &str, otherwise: i64) -> i64 {
        self.attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }

    /// How long a message waits before it may be taken first.
    pub(super) fn delay_us(&self) -> i64 {
        self.number("DelaySeconds", 0) * SECOND_US
    }

    /// How long a message that was taken stays away.
    pub(super) fn visibility_us(&self) -> i64 {
        self.number("VisibilityTimeout", 30) * SECOND_US
    }

    /// How long a message is kept.
    pub(super) fn retention_us(&self) -> i64 {
        self.number("MessageRetentionPeriod", 345_600) * SECOND_US
    }

    /// How long a receiver waits.
    pub(super) fn wait_us(&self) -> i64 {
        self.number("ReceiveMessageWaitTimeSeconds", 0) * SECOND_US
    }

    /// Largest message with its attributes, in bytes.
    pub(super) fn most_bytes(&self) -> usize {
        usize::try_from(self.number("MaximumMessageSize", queue_attributes::MOST_BYTES)).unwrap_or(0)
    }

    /// The queue for what was taken too often, and after how often.
    pub(super) fn redrive(&self) -> Option<(String, i64)> {
        let redrive: Redrive = serde_json::from_str(self.attributes.get("RedrivePolicy")?).ok()?;
        let most = redrive.most()?;
        Some((redrive.dead_letter_target_arn, most))
    }
}

/// The name of a queue's messages in the store.
pub(super) fn messages_of(key: &Key) -> String {
    format!("sqs/{}/{}/{}", key.account(), key.region(), key.id())
}

/// A queue's ARN.
pub(super) fn arn(key: &Key) -> String {
    format!("arn:aws:sqs:{}:{}:{}", key.region(), key.account(), key.id())
}

/// A queue by its ARN, where it is there.
pub(super) async fn by_arn(
    shared: &Shared,
    arn: &str,
    now: Utc,
) -> Result<Option<(Key, Queue)>, store::Error> {
    let Some(Arn { region, account, rest }) = Arn::parse("sqs", arn) else { return Ok(None) };
    let key = Key::new(KIND, account, region, rest)?;
    match shared.store.resource(&key, now).await {
        Ok(resource) if resource.deleted.is_none() => Ok(Some((key, resource.desired.read()?))),
        Ok(_) | Err(store::Error::NotFound(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The key of the queue that a call names by its URL, in the caller's region.
pub(super) fn key(caller: &Caller, input: &Map) -> Result<Key, Error> {
    let named = input.text("QueueUrl").unwrap_or("");
    let (account, name) = url::read_queue(named).ok_or_else(|| {
        Error::new("InvalidAddress", format!("The address {named} is not valid for this endpoint."))
            .with_code("InvalidAddress")
            .with_status(404)
    })?;
    Key::new(KIND, account, &caller.region, name).map_err(error::store)
}

/// The queue that a call names by its URL.
pub(super) async fn find(shared: &Shared, caller: &Caller, input: &Map) -> Result<(Resource, Queue), Error> {
    let key = key(caller, input)?;
    match shared.store.resource(&key, caller.at).await {
        Ok(resource) if resource.deleted.is_none() => {
            let queue = resource.desired.read().map_err(error::store)?;
            Ok((resource, queue))
        }
        Ok(_) => Err(error::no_queue()),
        Err(fault) => Err(error::store(fault)),
    }
}

#[derive(Deserialize)]
struct Create {
    #[serde(rename = "QueueName")]
    name: String,
    #[serde(default, rename = "Attributes")]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    tags: Tags,
}

/// CreateQueue: one of this name that is there is given, if it is as wanted.
pub(super) async fn create(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let Create { name, attributes, tags } = view(&input)?;
    if name.ends_with(".fifo") || attributes.get("FifoQueue").is_some_and(|fifo| fifo == "true") {
        return Err(error::unsupported("a FIFO queue"));
    }
    if !is_name(&name, 80) {
        return Err(error::invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    let mut queue = Queue::default();
    for (attribute, value) in &attributes {
        queue_attributes::put(&mut queue, attribute, value)?;
    }
    queue_attributes::check_target(shared, caller, &queue).await?;
    let key = Key::new(KIND, &caller.account, &caller.region, &name).map_err(error::store)?;
    let desired = Document::of(&queue).map_err(error::store)?;
    let answer = Map::new().with("QueueUrl", url::queue(&shared.config, &caller.account, &name));
    let mut write = shared.store.write(caller.audit()).await.map_err(error::store)?;
    let mut exists = false;
    let made = async {
        match write.resource(&key).await {
            Ok(known) => {
                let held: Queue = known.desired.read()?;
                let differs =
                    attributes.keys().any(|name| held.attributes.get(name) != queue.attributes.get(name));
                if !differs {
                    return Ok(known);
                }
                exists = true;
                Err(store::Error::Conflict("a queue with other attributes has this name".to_owned()))
            }
            Err(store::Error::NotFound(_)) => {
                let arn = arn(&key);
                write.create(New { key, arn, name, owner: Owner::Api, desired, tags }).await
            }
            Err(fault) => Err(fault),
        }
    }
    .await;
    match write.settle(made).await {
        Ok(_) => Ok(answer),
        Err(_) if exists => {
            let message = "A queue already exists with the same name and a different value for an attribute";
            Err(Error::new("QueueNameExists", message).with_code("QueueAlreadyExists"))
        }
        Err(fault) => Err(error::store(fault)),
    }
}

/// DeleteQueue, with its messages.
pub(super) async fn delete(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, &input)?;
    let mut write = shared.store.write(caller.audit()).await.map_err(error::store)?;
    let deleted = async {
        write.delete(&key, Expect::Any, caller.at).await?;
        write.messages().clear(&messages_of(&key)).await
    }
    .await;
    write.settle(deleted).await.map_err(error::store)?;
    // Receivers that wait hear that it is gone.
    shared.told();
    Ok(Map::new())
}

/// PurgeQueue.
pub(super) async fn purge(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, &input)?;
    let mut write = shared.store.write(caller.audit()).await.map_err(error::store)?;
    let purged = async {
        write.resource(&key).await?;
        write.about(&arn(&key));
        write.messages().clear(&messages_of(&key)).await
    }
    .await;
    write.settle(purged).await.map_err(error::store)?;
    Ok(Map::new())
}

/// GetQueueUrl.
pub(super) async fn url(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let name = input.text("QueueName").unwrap_or("");
    let account = input.text("QueueOwnerAWSAccountId").unwrap_or(&caller.account);
    let arn = format!("arn:aws:sqs:{}:{account}:{name}", caller.region);
    match by_arn(shared, &arn, caller.at).await.map_err(error::store)? {
        Some(_) => Ok(Map::new().with("QueueUrl", url::queue(&shared.config, account, name))),
        None => Err(error::no_queue()),
    }
}

/// ListQueues.
pub(super) async fn list(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let prefix = input.text("QueueNamePrefix").unwrap_or("");
    paged(shared, caller, &input, "QueueUrls", |resource| resource.key.id().starts_with(prefix)).await
}

/// ListDeadLetterSourceQueues: those whose messages go to this one when they were taken too often.
pub(super) async fn list_dead_letter_sources(
    shared: &Shared,
    caller: &Caller,
    input: Map,
) -> Result<Map, Error> {
    let (target, _) = find(shared, caller, &input).await?;
    let goes_there = |resource: &Resource| {
        let queue = resource.desired.read::<Queue>().unwrap_or_default();
        queue.redrive().is_some_and(|(arn, _)| arn == target.arn)
    };
    paged(shared, caller, &input, "queueUrls", goes_there).await
}

async fn paged(
    shared: &Shared,
    caller: &Caller,
    input: &Map,
    member: &'static str,
    wanted: impl Fn(&Resource) -> bool,
) -> Result<Map, Error> {
    let limit = match input.get("MaxResults") {
        None => None,
        Some(Value::Integer(most @ 1..=1_000)) => usize::try_from(*most).ok(),
        Some(_) => return Err(error::invalid("Value for parameter MaxResults must be 1 to 1000.")),
    };
    let place = (caller.account.as_str(), caller.region.as_str());
    let mut found: Vec<Resource> = Vec::new();
    let mut next = input.text("NextToken").map(str::to_owned);
    let more = loop {
        let page = page::of(&shared.store, KIND, place, next.as_deref(), PAGE).await?;
        found.extend(page.items.into_iter().filter(&wanted));
        match limit
            .filter(|limit| found.len() > *limit)
            .or((found.len() > PAGE as usize).then_some(PAGE as usize))
        {
            Some(most) => {
                found.truncate(most);
                break true;
            }
            None if page.next.is_none() => break false,
            None => next = page.next,
        }
    };
    let urls: Vec<Value> = found
        .iter()
        .map(|resource| url::queue(&shared.config, resource.key.account(), resource.key.id()).into())
        .collect();
    let mut answer = Map::new().with(member, urls);
    if let (true, Some(_), Some(last)) = (more, limit, found.last()) {
        answer.insert("NextToken", last.key.id().to_owned());
    }
    Ok(answer)
}
