//! Tags of distributions.

use aws::{Error, Map, Value};
use door::Caller;
use store::{Resource, Tags};

use crate::error::of_store_as;
use crate::read::text;
use crate::{CloudFront, DISTRIBUTION};

impl CloudFront {
    pub(crate) async fn tag(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        self.leave_others(caller, text(&input, "Resource")).await?;
        let resource = self.tagged(caller, &input).await?;
        let added = read(input.get("Tags").and_then(Value::as_map).unwrap_or(&Map::new()))?;
        self.retag(caller, &resource, |tags| tags.extend(added)).await
    }

    pub(crate) async fn untag(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        self.leave_others(caller, text(&input, "Resource")).await?;
        let resource = self.tagged(caller, &input).await?;
        let gone = crate::read::texts(&input, "TagKeys");
        self.retag(caller, &resource, |tags| tags.retain(|key, _| !gone.contains(key))).await
    }

    pub(crate) async fn tags(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let tags = match self.other_tags(caller, text(&input, "Resource")).await? {
            Some(tags) => tags,
            None => self.tagged(caller, &input).await?.tags,
        };
        let items: Vec<Value> = tags
            .iter()
            .map(|(key, value)| Map::new().with("Key", key.as_str()).with("Value", value.as_str()).into())
            .collect();
        Ok(Map::new().with("Tags", Map::new().with("Items", items)))
    }

    async fn retag(
        &self,
        caller: &Caller,
        resource: &Resource,
        change: impl FnOnce(&mut Tags),
    ) -> Result<Map, Error> {
        match self.store.retag(caller.audit(), &resource.key, change).await {
            Ok(_) => Ok(Map::new()),
            Err(store::Error::Malformed { what: "tags", .. }) => {
                Err(wrong(format!("A resource has at most {} tags.", Resource::MAX_TAGS)))
            }
            Err(error) => Err(of_store_as(error, "NoSuchResource")),
        }
    }

    async fn tagged(&self, caller: &Caller, input: &Map) -> Result<Resource, Error> {
        let missing = || Error::new("NoSuchResource", "The specified resource does not exist.");
        let found = self.store.by_arn(text(input, "Resource"), caller.at).await;
        let found = found.map_err(|error| of_store_as(error, "NoSuchResource"))?;
        let is_it = found.deleted.is_none()
            && found.key.kind() == DISTRIBUTION
            && found.key.account() == caller.account;
        if is_it { Ok(found) } else { Err(missing()) }
    }
}

/// The tags of an input.
pub(crate) fn read(tags: &Map) -> Result<Tags, Error> {
    let mut read = Tags::new();
    for tag in crate::read::maps(&Map::new().with("Tags", tags.clone()), "Tags") {
        let (key, value) = (text(tag, "Key"), text(tag, "Value"));
        if key.is_empty() || key.len() > 128 || value.len() > 256 {
            return Err(wrong("A tag's key is 1 to 128 characters, its value at most 256.".to_owned()));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(wrong("Keys that begin with aws: are AWS's own.".to_owned()));
        }
        if read.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(wrong(format!("The key {key} comes twice.")));
        }
    }
    if read.len() > Resource::MAX_TAGS {
        return Err(wrong(format!("A resource has at most {} tags.", Resource::MAX_TAGS)));
    }
    Ok(read)
}

fn wrong(message: String) -> Error {
    Error::new("InvalidTagging", message)
}
