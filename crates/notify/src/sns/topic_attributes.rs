//! What may be set of a topic.

use aws::{Error, Map};
use door::Caller;
use serde::Deserialize;

use super::delivery::OfTopic;
use super::subscription;
use super::topic::{self, Topic};
use crate::notifier::Shared;
use crate::turn::{alter, view};
use crate::{fault, permission};

/// Feedback of deliveries to a log, by protocol.
const FEEDBACK: [&str; 3] = ["SuccessFeedbackRoleArn", "FailureFeedbackRoleArn", "SuccessFeedbackSampleRate"];

/// Sets an attribute to a value that is checked here; an empty one takes it away.
pub(super) fn put(topic: &mut Topic, name: &str, value: &str) -> Result<(), Error> {
    let wrong = |reason: &str| fault::invalid(name, reason);
    match name {
        "DisplayName" if value.chars().count() > 100 || value.chars().any(char::is_control) => {
            return Err(wrong("DisplayName has at most 100 characters, none of them control characters"));
        }
        "DisplayName" => {}
        "Policy" if value.is_empty() => {}
        "Policy" => permission::check(value).map_err(|reason| wrong(&reason))?,
        "DeliveryPolicy" if value.is_empty() => {}
        "DeliveryPolicy" => drop(OfTopic::parse(value).map_err(|reason| wrong(&reason))?),
        "SignatureVersion" if matches!(value, "1" | "2") => {}
        "SignatureVersion" => return Err(wrong("SignatureVersion is 1 or 2")),
        "TracingConfig" if matches!(value, "" | "PassThrough") => {}
        "TracingConfig" => return Err(fault::unsupported("TracingConfig Active")),
        "FifoTopic" | "ContentBasedDeduplication" if matches!(value, "" | "false") => return Ok(()),
        "KmsMasterKeyId" | "ArchivePolicy" | "FifoThroughputScope" if value.is_empty() => return Ok(()),
        "FifoTopic"
        | "ContentBasedDeduplication"
        | "KmsMasterKeyId"
        | "ArchivePolicy"
        | "FifoThroughputScope" => {
            return Err(fault::unsupported(name));
        }
        feedback if FEEDBACK.iter().any(|end| feedback.ends_with(end)) => {
            // Without a role, a rate means nothing.
            return match value.is_empty() || name.ends_with("SampleRate") && value == "0" {
                true => Ok(()),
                false => Err(fault::unsupported(name)),
            };
        }
        _ => return Err(fault::invalid("AttributeName", format_args!("there is no attribute `{name}`"))),
    }
    match value.is_empty() {
        true => topic.attributes.remove(name),
        false => topic.attributes.insert(name.to_owned(), value.to_owned()),
    };
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    topic_arn: String,
    attribute_name: String,
    #[serde(default)]
    attribute_value: String,
}

/// SetTopicAttributes.
pub(super) async fn set(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let Set { topic_arn, attribute_name, attribute_value } = view(&input)?;
    let key = topic::key(&topic_arn)?;
    alter(&shared.store, caller.audit(), &key, topic::missing, |_, topic: &mut Topic| {
        put(topic, &attribute_name, &attribute_value)
    })
    .await?;
    Ok(Map::new())
}

/// GetTopicAttributes.
pub(super) async fn get(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let arn = input.text("TopicArn").unwrap_or("");
    let (resource, topic) = topic::find(shared, arn, caller.at).await?;
    let subscriptions = subscription::of_topic(shared, arn).await?;
    let confirmed = subscriptions.iter().filter(|(_, subscription)| subscription.is_confirmed).count();
    let delivery = topic.attributes.get("DeliveryPolicy").and_then(|text| OfTopic::parse(text).ok());
    let mut attributes = Map::new()
        .with("TopicArn", arn)
        .with("Owner", resource.key.account())
        .with("DisplayName", "")
        .with("SubscriptionsConfirmed", confirmed.to_string())
        .with("SubscriptionsPending", (subscriptions.len() - confirmed).to_string())
        .with("SubscriptionsDeleted", "0")
        .with("EffectiveDeliveryPolicy", delivery.unwrap_or_default().effective_text())
        .with("Policy", permission::of_topic(arn, resource.key.account()));
    for (name, value) in topic.attributes {
        attributes.insert(name, value);
    }
    Ok(Map::new().with("Attributes", attributes))
}

#[derive(Deserialize)]
struct AddPermission {
    #[serde(rename = "TopicArn")]
    topic_arn: String,
    #[serde(rename = "Label")]
    label: String,
    #[serde(rename = "AWSAccountId")]
    accounts: Vec<String>,
    #[serde(rename = "ActionName")]
    actions: Vec<String>,
}

/// AddPermission: kept in the topic's policy.
pub(super) async fn add_permission(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let AddPermission { topic_arn, label, accounts, actions } = view(&input)?;
    let key = topic::key(&topic_arn)?;
    alter(&shared.store, caller.audit(), &key, topic::missing, |_, topic: &mut Topic| {
        let policy = policy(topic, &topic_arn, key.account());
        let more = permission::add(&policy, &label, ("SNS", &accounts, &actions), &topic_arn);
        let more = more.map_err(|reason| fault::invalid("Statement", reason))?;
        topic.attributes.insert("Policy".to_owned(), more);
        Ok(())
    })
    .await?;
    Ok(Map::new())
}

/// RemovePermission. A label that is not there is as good as removed.
pub(super) async fn remove_permission(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (arn, label) = (input.text("TopicArn").unwrap_or(""), input.text("Label").unwrap_or(""));
    let key = topic::key(arn)?;
    alter(&shared.store, caller.audit(), &key, topic::missing, |_, topic: &mut Topic| {
        if let Some(less) = permission::remove(&policy(topic, arn, key.account()), label) {
            topic.attributes.insert("Policy".to_owned(), less);
        }
        Ok(())
    })
    .await?;
    Ok(Map::new())
}

fn policy(topic: &Topic, arn: &str, account: &str) -> String {
    topic.attributes.get("Policy").cloned().unwrap_or_else(|| permission::of_topic(arn, account))
}
