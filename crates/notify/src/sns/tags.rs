//! Tags of topics.

use aws::{Error, Map, Value};
use door::Caller;
use serde::Deserialize;
use store::{Resource, Tags};

use super::topic;
use crate::fault;
use crate::notifier::Shared;
use crate::turn::view;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// Tags as they came; no key twice.
pub(super) fn read(tags: Vec<Tag>) -> Result<Tags, Error> {
    let count = tags.len();
    let read: Tags = tags.into_iter().map(|Tag { key, value }| (key, value)).collect();
    if read.len() < count {
        return Err(fault::invalid("Tags", "a tag key is there twice"));
    }
    Ok(read)
}

/// TagResource.
pub(super) async fn tag(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        resource_arn: String,
        tags: Vec<Tag>,
    }
    let Input { resource_arn, tags } = view(&input)?;
    let more = read(tags)?;
    change(shared, caller, &resource_arn, |tags| tags.extend(more)).await
}

/// UntagResource.
pub(super) async fn untag(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        resource_arn: String,
        tag_keys: Vec<String>,
    }
    let Input { resource_arn, tag_keys } = view(&input)?;
    change(shared, caller, &resource_arn, |tags| tags.retain(|key, _| !tag_keys.contains(key))).await
}

async fn change(
    shared: &Shared,
    caller: &Caller,
    arn: &str,
    change: impl FnOnce(&mut Tags),
) -> Result<Map, Error> {
    let key = topic::key(arn).map_err(|_| missing())?;
    match shared.store.retag(caller.audit(), &key, change).await {
        Ok(_) => Ok(Map::new()),
        Err(store::Error::NotFound(_)) => Err(missing()),
        Err(store::Error::Malformed { what: "tags", .. }) => Err(Error::new(
            "TagLimitExceededException",
            format!("a topic has at most {} tags", Resource::MAX_TAGS),
        )),
        Err(error) => Err(fault::store(error)),
    }
}

/// ListTagsForResource.
pub(super) async fn list(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let arn = input.text("ResourceArn").unwrap_or("");
    let (resource, _) = topic::find(shared, arn, caller.at).await.map_err(|error| match &*error.name {
        "NotFoundException" | "InvalidParameterException" => missing(),
        _ => error,
    })?;
    let tags: Vec<Value> = resource
        .tags
        .into_iter()
        .map(|(key, value)| Map::new().with("Key", key).with("Value", value).into())
        .collect();
    Ok(Map::new().with("Tags", tags))
}

fn missing() -> Error {
    Error::new("ResourceNotFoundException", "Resource does not exist")
}
