//! Publish and PublishBatch: what comes to a topic, for each subscription that wants it.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;

use aws::{Error, Map, Value};
use door::Caller;
use filter::{Policy, Scope};
use media::Utc;
use serde::Deserialize;
use store::{Messages, Resource};

use super::draft::{Draft, Entry, MAX_BYTES, MAX_SUBJECT};
use super::message::{self, Addressee, Content, Seal};
use super::subscription::{self, Protocol, Subscription};
use super::topic::Topic;
use super::{delivery::Delivery, subscription_attributes, topic};
use crate::attribute::{self, Attributes};
use crate::envelope::Kind;
use crate::fault;
use crate::notifier::Shared;
use crate::parcel::{self, Parcel};
use crate::signer::Version;
use crate::sqs::{self, Letter};
use crate::turn::view;

/// Most messages of a batch.
const MAX_BATCH: usize = 10;

/// Publish.
pub(super) async fn publish(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    if input.get("PhoneNumber").is_some() {
        return Err(fault::unsupported("PhoneNumber"));
    }
    let target = input.text("TopicArn").or_else(|| input.text("TargetArn")).unwrap_or("").to_owned();
    let draft = view::<Entry>(&input)?.check()?;
    let id = draft.id.clone();
    send(shared, &target, &[draft], caller.at).await?;
    Ok(Map::new().with("MessageId", id))
}

/// PublishBatch: each entry for itself.
pub(super) async fn publish_batch(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        topic_arn: String,
        publish_batch_request_entries: Vec<Entry>,
    }
    let Input { topic_arn, publish_batch_request_entries: entries } = view(&input)?;
    let wrong = |name: &'static str, why: &str| Err(Error::new(name, why));
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.clone().unwrap_or_default()).collect();
    match entries.len() {
        0 => return wrong("EmptyBatchRequestException", "The batch request doesn't contain any entries."),
        1..=MAX_BATCH => {}
        _ => {
            return wrong(
                "TooManyEntriesInBatchRequestException",
                "The batch request contains more than 10 entries.",
            );
        }
    }
    if ids.iter().any(|id| !crate::arn::is_name(id, 80)) {
        return wrong("InvalidBatchEntryIdException", "An entry's id is 1 to 80 of a-z A-Z 0-9 - _");
    }
    if ids.iter().collect::<HashSet<_>>().len() < ids.len() {
        return wrong("BatchEntryIdsNotDistinctException", "Two or more batch entries have the same id.");
    }
    let (mut drafts, mut successful, mut failed) = (Vec::new(), Vec::<Value>::new(), Vec::<Value>::new());
    for (id, entry) in ids.into_iter().zip(entries) {
        match entry.check() {
            Ok(draft) => {
                successful.push(Map::new().with("Id", id).with("MessageId", draft.id.clone()).into());
                drafts.push(draft);
            }
            Err(error) => {
                let code = error.name.trim_end_matches("Exception").to_owned();
                let told = Map::new().with("Id", id).with("Code", code);
                failed.push(told.with("Message", error.message).with("SenderFault", true).into());
            }
        }
    }
    if drafts.iter().map(|draft: &Draft| draft.size).sum::<usize>() > MAX_BYTES {
        return wrong(
            "BatchRequestTooLongException",
            "The batch's messages together are too long: at most 262144 bytes.",
        );
    }
    send(shared, &topic_arn, &drafts, caller.at).await?;
    Ok(Map::new().with("Successful", successful).with("Failed", failed))
}

/// Publishes a message of this installation itself. A subject that is too long is cut.
pub(crate) async fn publish_own(
    shared: &Shared,
    topic: &str,
    subject: Option<&str>,
    message: &str,
    now: Utc,
) -> Result<String, Error> {
    let line =
        |text: &str| -> String { text.chars().filter(|sign| !sign.is_control()).take(MAX_SUBJECT).collect() };
    let entry = Entry {
        id: None,
        message: message.to_owned(),
        subject: subject.map(line).filter(|line| !line.is_empty()),
        message_structure: None,
        message_attributes: BTreeMap::new(),
        message_deduplication_id: None,
        message_group_id: None,
    };
    let draft = entry.check()?;
    let id = draft.id.clone();
    send(shared, topic, &[draft], now).await?;
    Ok(id)
}

/// What goes to one subscription.
enum Copy {
    Letter { queue: String, letter: Letter, dead_letters: Option<String> },
    Parcel { arn: String, parcel: Box<Parcel>, body: String },
}

/// Sends drafts to all subscriptions of a topic that want them. Durable when it returns.
async fn send(shared: &Shared, topic_arn: &str, drafts: &[Draft], now: Utc) -> Result<(), Error> {
    let (_, topic) = topic::find(shared, topic_arn, now).await?;
    let subscriptions = subscription::of_topic(shared, topic_arn).await?;
    let version = Version::of(topic.attributes.get("SignatureVersion").map(String::as_str));
    let mut copies = Vec::new();
    for draft in drafts {
        // Made when the first subscription needs it: most texts are the same for all.
        let mut signatures: BTreeMap<&str, String> = BTreeMap::new();
        let values = values(&draft.attributes);
        for (resource, subscription) in
            subscriptions.iter().filter(|(_, subscription)| subscription.is_confirmed)
        {
            let text = draft.texts.get(subscription.protocol.word()).unwrap_or(&draft.texts["default"]);
            if !wants(subscription, &values, text) {
                continue;
            }
            let content = Content {
                id: &draft.id,
                subject: draft.subject.as_deref(),
                message: text,
                at: now,
                attributes: &draft.attributes,
            };
            let is_signed = subscription.protocol != Protocol::Email && !subscription.is_raw();
            let seal = match is_signed {
                false => None,
                true => {
                    let seal = Seal { signer: shared.signer(now).await?.clone(), version };
                    if !signatures.contains_key(text.as_str()) {
                        let envelope = message::envelope(&content, &subscription.topic, None);
                        signatures.insert(text, seal.sign(&envelope).await);
                    }
                    Some((seal, signatures[text.as_str()].as_str()))
                }
            };
            copies.push(copy(shared, (resource, subscription, &topic), &content, seal));
        }
    }
    let mut exchange = shared.store.exchange().await.map_err(fault::store)?;
    let mut messages = exchange.messages();
    for copy in copies {
        put(shared, &mut messages, copy, now).await.map_err(fault::store)?;
    }
    exchange.commit().await.map_err(fault::store)?;
    shared.told();
    Ok(())
}

fn copy(
    shared: &Shared,
    (resource, subscription, topic): (&Resource, &Subscription, &Topic),
    content: &Content<'_>,
    seal: Option<(Seal, &str)>,
) -> Copy {
    let arn = &resource.arn;
    let of_topic = topic.attributes.get("DeliveryPolicy").map(String::as_str);
    let delivery = match subscription.protocol {
        Protocol::Http | Protocol::Https => subscription_attributes::delivery(subscription, of_topic),
        Protocol::Email | Protocol::Sqs => Delivery::default(),
    };
    let to = Addressee { arn, subscription, delivery: &delivery };
    let body = match &seal {
        Some((seal, signature)) => message::notification(shared, &to, content, (seal, signature)),
        None => content.message.to_owned(),
    };
    match subscription.protocol {
        Protocol::Http | Protocol::Https => {
            let parcel = Box::new(message::webhook(&to, Kind::Notification, content.id));
            Copy::Parcel { arn: arn.clone(), parcel, body }
        }
        Protocol::Email => {
            let (parcel, body) = message::mail(shared, &to, content);
            Copy::Parcel { arn: arn.clone(), parcel: Box::new(parcel), body }
        }
        Protocol::Sqs => {
            let attributes =
                if subscription.is_raw() { content.attributes.clone() } else { Attributes::new() };
            let letter = Letter { body, attributes, sender: subscription.topic.clone() };
            let queue = subscription.endpoint.clone();
            Copy::Letter { queue, letter, dead_letters: subscription.dead_letters() }
        }
    }
}

async fn put(shared: &Shared, messages: &mut Messages<'_>, copy: Copy, now: Utc) -> Result<(), store::Error> {
    let (arrived, body, dead_letters, whom, why) = match copy {
        Copy::Letter { queue, letter, dead_letters } => {
            let body = letter.body.clone();
            let arrived = sqs::deliver(shared, messages, &queue, letter, now).await?;
            (
                arrived,
                body,
                dead_letters,
                queue,
                "the queue is not there, is full, or does not take such a message",
            )
        }
        Copy::Parcel { arn, parcel, body } => {
            let there = parcel::put(messages, &arn, &parcel, &body, now).await?;
            if !there {
                shared.counts.dropped.fetch_add(1, Relaxed);
            }
            (there, body, parcel.dead_letters, arn, "too many messages for this subscriber are on their way")
        }
    };
    if !arrived {
        tracing::warn!(to = whom, why, "a notification was not taken");
        if let Some(dead) = dead_letters {
            sqs::deliver(shared, messages, &dead, Letter::dead(body, why), now).await?;
        }
    }
    Ok(())
}

/// Whether a subscription's filter policy admits a message.
fn wants(subscription: &Subscription, values: &BTreeMap<String, Vec<filter::Value>>, text: &str) -> bool {
    let Some(policy) = subscription.attribute("FilterPolicy") else { return true };
    let scope = subscription_attributes::scope(subscription);
    // It was read when it was set.
    let Ok(policy) = Policy::parse(policy, scope) else { return false };
    match scope {
        Scope::Attributes => policy.admits_attributes(values),
        Scope::Body => policy.admits_body(text),
    }
}

/// Attributes as filters see them. Bytes are there, and have no value.
fn values(attributes: &Attributes) -> BTreeMap<String, Vec<filter::Value>> {
    let of = |attribute: &attribute::Attribute| match &attribute.content {
        attribute::Content::Binary(_) => Vec::new(),
        attribute::Content::Text(text) if attribute.kind == "String.Array" => {
            let array: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
            array.iter().filter_map(filter::Value::of).collect()
        }
        attribute::Content::Text(text) if attribute.kind.starts_with("Number") => {
            text.parse().map(filter::Value::Number).into_iter().collect()
        }
        attribute::Content::Text(text) => vec![filter::Value::Text(text.clone())],
    };
    attributes.iter().map(|(name, attribute)| (name.clone(), of(attribute))).collect()
}
