//! What may be set of a queue, and what is told of it.

use std::collections::BTreeMap;

use aws::{Error, Map};
use door::Caller;
use serde::Deserialize;
use serde_json::json;

use super::error;
use super::queue::{self, Queue, Redrive};
use crate::arn::{Arn, is_name};
use crate::notifier::Shared;
use crate::permission;
use crate::turn::{alter, object, view};

/// Largest message of any queue, in bytes: the store's largest.
pub(super) const MOST_BYTES: i64 = 1 << 20;

/// Whole numbers that may be set: their bounds, and what holds where nothing is set.
const NUMBERS: [(&str, i64, i64, i64); 5] = [
    ("DelaySeconds", 0, 900, 0),
    ("MaximumMessageSize", 1_024, MOST_BYTES, MOST_BYTES),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("VisibilityTimeout", 0, 43_200, 30),
];

/// Sets an attribute to a value that is checked here; an empty policy takes it away.
pub(super) fn put(queue: &mut Queue, name: &str, value: &str) -> Result<(), Error> {
    if let Some((_, least, most, _)) = NUMBERS.iter().find(|(known, ..)| *known == name) {
        match value.parse::<i64>() {
            Ok(number) if (*least..=*most).contains(&number) => {
                queue.attributes.insert(name.to_owned(), number.to_string());
                return Ok(());
            }
            _ => return Err(error::attribute_value(name, &format!("it is a number from {least} to {most}"))),
        }
    }
    match name {
        "Policy" if value.is_empty() => {}
        "Policy" => permission::check(value).map_err(|why| error::attribute_value(name, &why))?,
        "RedrivePolicy" if matches!(value, "" | "{}") => {
            queue.attributes.remove(name);
            return Ok(());
        }
        "RedrivePolicy" => check_redrive(value)?,
        "FifoQueue" | "ContentBasedDeduplication" | "SqsManagedSseEnabled"
            if matches!(value, "" | "false") =>
        {
            return Ok(());
        }
        "KmsMasterKeyId"
        | "KmsDataKeyReusePeriodSeconds"
        | "DeduplicationScope"
        | "FifoThroughputLimit"
        | "RedriveAllowPolicy"
            if value.is_empty() =>
        {
            return Ok(());
        }
        "FifoQueue"
        | "ContentBasedDeduplication"
        | "SqsManagedSseEnabled"
        | "KmsMasterKeyId"
        | "KmsDataKeyReusePeriodSeconds"
        | "DeduplicationScope"
        | "FifoThroughputLimit"
        | "RedriveAllowPolicy" => {
            return Err(error::unsupported(format_args!("the queue attribute {name}")));
        }
        _ => return Err(Error::new("InvalidAttributeName", format!("Unknown Attribute {name}."))),
    }
    match value.is_empty() {
        true => queue.attributes.remove(name),
        false => queue.attributes.insert(name.to_owned(), value.to_owned()),
    };
    Ok(())
}

fn check_redrive(text: &str) -> Result<(), Error> {
    let wrong = |why: &str| error::attribute_value("RedrivePolicy", why);
    let redrive: Redrive = object(text).map_err(|fault| wrong(&fault))?;
    if !Arn::parse("sqs", &redrive.dead_letter_target_arn).is_some_and(|arn| is_name(arn.rest, 80)) {
        return Err(wrong("deadLetterTargetArn is no queue's ARN"));
    }
    redrive.most().map(drop).ok_or_else(|| wrong("maxReceiveCount is 1 to 1000"))
}

/// The queue for dead letters has to be there when it is named.
pub(super) async fn check_target(shared: &Shared, caller: &Caller, queue: &Queue) -> Result<(), Error> {
    let Some((arn, _)) = queue.redrive() else { return Ok(()) };
    match queue::by_arn(shared, &arn, caller.at).await.map_err(error::store)? {
        Some(_) => Ok(()),
        None => Err(error::invalid(format!(
            "Value {arn} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."
        ))),
    }
}

/// SetQueueAttributes.
pub(super) async fn set(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Set {
        attributes: BTreeMap<String, String>,
    }
    let key = queue::key(caller, &input)?;
    let Set { attributes } = view(&input)?;
    let mut looked_at = Queue::default();
    for (name, value) in &attributes {
        put(&mut looked_at, name, value)?;
    }
    check_target(shared, caller, &looked_at).await?;
    alter(&shared.store, caller.audit(), &key, error::no_queue, |_, queue: &mut Queue| {
        attributes.iter().try_for_each(|(name, value)| put(queue, name, value))
    })
    .await?;
    Ok(Map::new())
}

/// GetQueueAttributes.
pub(super) async fn get(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Get {
        #[serde(default)]
        attribute_names: Vec<String>,
    }
    let (resource, queue) = queue::find(shared, caller, &input).await?;
    let Get { attribute_names } = view(&input)?;
    let held =
        shared.store.held(&queue::messages_of(&resource.key), caller.at).await.map_err(error::store)?;
    let seconds = |at: media::Utc| at.0.div_euclid(1_000_000).to_string();
    let mut all: BTreeMap<String, String> =
        NUMBERS.iter().map(|(name, _, _, otherwise)| ((*name).to_owned(), otherwise.to_string())).collect();
    all.extend(
        [
            ("QueueArn", resource.arn.clone()),
            ("ApproximateNumberOfMessages", held.due.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", held.taken.to_string()),
            ("ApproximateNumberOfMessagesDelayed", held.delayed.to_string()),
            ("CreatedTimestamp", seconds(resource.created)),
            ("LastModifiedTimestamp", seconds(resource.updated)),
            ("SqsManagedSseEnabled", "false".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    all.extend(queue.attributes);
    let wants_all = attribute_names.iter().any(|name| name == "All");
    let told: Map = all.into_iter().filter(|(name, _)| wants_all || attribute_names.contains(name)).collect();
    if told.is_empty() {
        return Ok(Map::new());
    }
    Ok(Map::new().with("Attributes", told))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddPermission {
    label: String,
    #[serde(rename = "AWSAccountIds")]
    accounts: Vec<String>,
    actions: Vec<String>,
}

/// AddPermission: kept in the queue's policy.
pub(super) async fn add_permission(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = queue::key(caller, &input)?;
    let AddPermission { label, accounts, actions } = view(&input)?;
    let arn = queue::arn(&key);
    alter(&shared.store, caller.audit(), &key, error::no_queue, |_, queue: &mut Queue| {
        let policy = match queue.attributes.get("Policy") {
            Some(policy) => policy.clone(),
            None => {
                json!({"Version": "2012-10-17", "Id": format!("{arn}/SQSDefaultPolicy"), "Statement": []})
                    .to_string()
            }
        };
        let more =
            permission::add(&policy, &label, ("SQS", &accounts, &actions), &arn).map_err(error::invalid)?;
        queue.attributes.insert("Policy".to_owned(), more);
        Ok(())
    })
    .await?;
    Ok(Map::new())
}

/// RemovePermission.
pub(super) async fn remove_permission(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = queue::key(caller, &input)?;
    let label = input.text("Label").unwrap_or("");
    alter(&shared.store, caller.audit(), &key, error::no_queue, |_, queue: &mut Queue| {
        let policy = queue.attributes.get("Policy").map_or("", String::as_str);
        let less = permission::remove(policy, label).ok_or_else(|| {
            error::invalid(format!("Value {label} for parameter Label is invalid. Reason: can't find label."))
        })?;
        queue.attributes.insert("Policy".to_owned(), less);
        Ok(())
    })
    .await?;
    Ok(Map::new())
}
