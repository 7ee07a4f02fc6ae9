//! Tags of queues.

use aws::{Error, Map};
use door::Caller;
use serde::Deserialize;
use store::Tags;

use super::{error, queue};
use crate::notifier::Shared;
use crate::turn::view;

/// TagQueue.
pub(super) async fn tag(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    #[derive(Deserialize)]
    struct Input {
        #[serde(rename = "Tags")]
        tags: Tags,
    }
    let Input { tags: more } = view(&input)?;
    change(shared, caller, &input, |tags| tags.extend(more)).await
}

/// UntagQueue.
pub(super) async fn untag(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    #[derive(Deserialize)]
    struct Input {
        #[serde(rename = "TagKeys")]
        keys: Vec<String>,
    }
    let Input { keys } = view(&input)?;
    change(shared, caller, &input, |tags| tags.retain(|key, _| !keys.contains(key))).await
}

async fn change(
    shared: &Shared,
    caller: &Caller,
    input: &Map,
    change: impl FnOnce(&mut Tags),
) -> Result<Map, Error> {
    let key = queue::key(caller, input)?;
    match shared.store.retag(caller.audit(), &key, change).await {
        Ok(_) => Ok(Map::new()),
        Err(fault @ (store::Error::Malformed { .. } | store::Error::TooLong { .. })) => {
            Err(error::invalid(fault.to_string()))
        }
        Err(fault) => Err(error::store(fault)),
    }
}

/// ListQueueTags.
pub(super) async fn list(shared: &Shared, caller: &Caller, input: Map) -> Result<Map, Error> {
    let (resource, _) = queue::find(shared, caller, &input).await?;
    if resource.tags.is_empty() {
        return Ok(Map::new());
    }
    let tags: Map = resource.tags.into_iter().collect();
    Ok(Map::new().with("Tags", tags))
}
