//! Tags of any of this door's resources, by its ARN.

use aws::{Error, Map};
use door::{Caller, Refusal};
use store::{Key, Tags};

use crate::medialive::MediaLive;
use crate::refusal::{not_found, told};
use crate::stored::{self, CHANNEL, GROUP, INPUT};

impl MediaLive {
    pub(crate) async fn create_tags(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let new = door::tags(input.get("Tags"));
        self.retag(caller, &input, |tags| tags.extend(new)).await
    }

    pub(crate) async fn delete_tags(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let gone = stored::texts(&input, "TagKeys");
        self.retag(caller, &input, |tags| tags.retain(|key, _| !gone.contains(key))).await
    }

    pub(crate) async fn list_tags(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let arn = input.text("ResourceArn").unwrap_or_default();
        let key = key(caller, arn)?;
        if let Some(tags) = self.other_tags(key.kind(), key.id()).await? {
            return Ok(Map::new().with("Tags", tags));
        }
        let found = self.store.resource(&key, caller.at).await;
        let resource = found.map_err(|error| match error {
            store::Error::NotFound(_) => missing(arn),
            other => told(other),
        })?;
        match resource.deleted.is_none() && resource.arn == arn {
            true => Ok(Map::new().with("Tags", door::tag_map(&resource.tags))),
            false => Err(missing(arn)),
        }
    }

    async fn retag(
        &self,
        caller: &Caller,
        input: &Map,
        change: impl FnOnce(&mut Tags) + Send,
    ) -> Result<Map, Error> {
        let arn = input.text("ResourceArn").unwrap_or_default();
        let key = key(caller, arn)?;
        self.leave_others(caller, key.kind(), key.id()).await?;
        let mut write = self.store.write(caller.audit()).await.map_err(told)?;
        let done = async {
            let resource = write.resource(&key).await.map_err(|error| match error {
                store::Error::NotFound(_) => Refusal::Told(missing(arn)),
                other => other.into(),
            })?;
            let mut tags = resource.tags;
            change(&mut tags);
            write.tag(&key, tags).await?;
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, arn, done).await
    }
}

/// `arn:aws:medialive:REGION:ACCOUNT:channel:1234567`, of the caller's account.
fn key(caller: &Caller, arn: &str) -> Result<Key, Error> {
    let parts: Vec<_> = arn.split(':').collect();
    let [_, _, "medialive", region, account, kind, id] = parts.as_slice() else { return Err(missing(arn)) };
    let kind = match *kind {
        "channel" => CHANNEL,
        "input" => INPUT,
        "inputSecurityGroup" => GROUP,
        _ => return Err(missing(arn)),
    };
    if *account != caller.account {
        return Err(missing(arn));
    }
    Key::new(kind, account, region, id).map_err(|_| missing(arn))
}

fn missing(arn: &str) -> Error {
    not_found("resource", arn)
}
