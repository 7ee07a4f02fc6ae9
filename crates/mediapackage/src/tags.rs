//! The three calls about tags, which both versions have.

use aws::{Error, Map, Value};
use door::Caller;
use store::Resource;

use crate::setup::Setup;

/// What differs between the versions.
pub(crate) struct Tagging {
    /// The kinds of resources that have tags.
    pub(crate) kinds: &'static [&'static str],
    /// What a client hears of the store's error.
    pub(crate) told: fn(store::Error) -> Error,
}

impl Tagging {
    pub(crate) async fn list(&self, setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
        let found = self.named(setup, caller, &input).await?;
        Ok(Map::new().with("Tags", door::tag_map(&found.tags)))
    }

    pub(crate) async fn tag(&self, setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
        let added = door::tags(input.get("Tags"));
        self.change(setup, caller, &input, |tags| tags.extend(added)).await
    }

    pub(crate) async fn untag(&self, setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
        let keys = input.get("TagKeys").and_then(Value::as_list).unwrap_or_default();
        let keys: Vec<_> = keys.iter().filter_map(Value::as_str).collect();
        self.change(setup, caller, &input, |tags| tags.retain(|key, _| !keys.contains(&key.as_str()))).await
    }

    async fn change(
        &self,
        setup: &Setup,
        caller: &Caller,
        input: &Map,
        change: impl FnOnce(&mut store::Tags),
    ) -> Result<Map, Error> {
        let key = self.named(setup, caller, input).await?.key;
        setup.store.retag(caller.audit(), &key, change).await.map_err(self.told)?;
        Ok(Map::new())
    }

    /// The caller's resource that the ARN names.
    async fn named(&self, setup: &Setup, caller: &Caller, input: &Map) -> Result<Resource, Error> {
        let arn = input.text("ResourceArn").unwrap_or_default();
        let found = setup.store.by_arn(arn, caller.at).await.map_err(self.told)?;
        let is_own = found.key.account() == caller.account && self.kinds.contains(&found.key.kind());
        match is_own && found.deleted.is_none() {
            true => Ok(found),
            false => Err((self.told)(store::Error::NotFound(arn.to_owned()))),
        }
    }
}
