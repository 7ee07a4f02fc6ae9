//! TagResource, UntagResource, ListTagsForResource: of alarms and dashboards.

use aws::{Error, Map, Value};
use door::Caller;
use store::{Resource, Tags};

use super::errors::{invalid, stored};
use super::{CloudWatch, Given, dashboards, texts};
use crate::alarms::KIND;

/// Most tags of a resource.
const MAX_TAGS: usize = Resource::MAX_TAGS;

impl CloudWatch {
    pub(super) async fn tag_resource(&self, caller: &Caller, input: Map) -> Given {
        let resource = self.tagged(caller, &input).await?;
        let list = input.get("Tags").and_then(Value::as_list).unwrap_or_default();
        let (added, mut count) = (read(list)?, 0);
        let retagged = self.store().retag(caller.audit(), &resource.key, |tags| {
            tags.extend(added);
            count = tags.len();
        });
        match retagged.await {
            Ok(_) => Ok(Map::new()),
            Err(store::Error::Malformed { what: "tags", .. }) => {
                Err(invalid(format!("a resource has at most {MAX_TAGS} tags; this would make {count}")))
            }
            Err(fault) => Err(stored(fault)),
        }
    }

    pub(super) async fn untag_resource(&self, caller: &Caller, input: Map) -> Given {
        let resource = self.tagged(caller, &input).await?;
        let gone = texts(&input, "TagKeys");
        let retagged = self.store().retag(caller.audit(), &resource.key, |tags| {
            tags.retain(|key, _| !gone.contains(&key.as_str()));
        });
        retagged.await.map_err(stored)?;
        Ok(Map::new())
    }

    pub(super) async fn list_tags(&self, caller: &Caller, input: Map) -> Given {
        let resource = self.tagged(caller, &input).await?;
        let tag = |(key, value): (&String, &String)| {
            Value::Map(Map::new().with("Key", key.as_str()).with("Value", value.as_str()))
        };
        Ok(Map::new().with("Tags", resource.tags.iter().map(tag).collect::<Vec<_>>()))
    }

    async fn tagged(&self, caller: &Caller, input: &Map) -> Result<Resource, Error> {
        let arn = input.text("ResourceARN").unwrap_or_default();
        let unknown = || {
            Error::new("ResourceNotFoundException", format!("there is no alarm or dashboard {arn}"))
                .with("ResourceType", "cloudwatch")
                .with("ResourceId", arn)
        };
        match self.store().by_arn(arn, caller.at).await {
            Ok(resource)
                if resource.deleted.is_none()
                    && resource.key.account() == caller.account
                    && [KIND, dashboards::KIND].contains(&resource.key.kind()) =>
            {
                Ok(resource)
            }
            Ok(_) | Err(store::Error::NotFound(_)) => Err(unknown()),
            Err(fault) => Err(stored(fault)),
        }
    }
}

/// Tags from their members.
pub(super) fn read(list: &[Value]) -> Result<Tags, Error> {
    let mut tags = Tags::new();
    for tag in list.iter().filter_map(Value::as_map) {
        let (key, value) = (tag.text("Key").unwrap_or_default(), tag.text("Value").unwrap_or_default());
        if key.starts_with("aws:") {
            return Err(invalid(format!("a tag's key must not begin with `aws:`, as `{key}` does")));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid(format!("the tag `{key}` is there twice")));
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(invalid(format!("a resource has at most {MAX_TAGS} tags, not {}", tags.len())));
    }
    Ok(tags)
}
