//! Tags of v1's channels and origin endpoints.

use aws::{Error, Map, Value};
use door::Caller;
use store::Resource;

use super::{CHANNEL, ENDPOINT, failed, tags_in, tags_out};
use crate::setup::Setup;

pub(super) async fn list(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let found = named(setup, caller, &input).await?;
    Ok(Map::new().with("Tags", tags_out(&found.tags)))
}

pub(super) async fn tag(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let added = tags_in(&input);
    change(setup, caller, &input, |tags| tags.extend(added)).await
}

pub(super) async fn untag(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let keys = input.get("TagKeys").and_then(Value::as_list).unwrap_or_default();
    let keys: Vec<_> = keys.iter().filter_map(Value::as_str).collect();
    change(setup, caller, &input, |tags| tags.retain(|key, _| !keys.contains(&key.as_str()))).await
}

async fn change(
    setup: &Setup,
    caller: &Caller,
    input: &Map,
    change: impl FnOnce(&mut store::Tags),
) -> Result<Map, Error> {
    let key = named(setup, caller, input).await?.key;
    let changed = async {
        let mut write = setup.store.write(caller.audit()).await?;
        let changed = async {
            let mut tags = write.resource(&key).await?.tags;
            change(&mut tags);
            write.tag(&key, tags).await
        }
        .await;
        write.settle(changed).await
    };
    changed.await.map_err(|error| failed(error, "resource"))?;
    Ok(Map::new())
}

/// The caller's resource that the ARN names.
async fn named(setup: &Setup, caller: &Caller, input: &Map) -> Result<Resource, Error> {
    let arn = input.text("ResourceArn").unwrap_or_default();
    let found = setup.store.by_arn(arn, caller.at).await.map_err(|error| failed(error, "resource"))?;
    let is_own = found.key.account() == caller.account && [CHANNEL, ENDPOINT].contains(&found.key.kind());
    match is_own && found.deleted.is_none() {
        true => Ok(found),
        false => Err(failed(store::Error::NotFound(arn.to_owned()), "resource")),
    }
}
