//! Tags: TagUser, UntagUser, ListUserTags, and how all that have some read and show them.

use aws::{Error, Map, Value};
use door::{Caller, Refusal};
use store::{Resource, Tags};

use crate::page;
use crate::record::UserRecord;
use crate::refusal::{invalid, quota, told};
use crate::service::Iam;

impl Iam {
    pub(crate) async fn tag_user(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let more = read(&input)?;
        self.retag(caller, &input, |tags| tags.extend(more)).await
    }

    pub(crate) async fn untag_user(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let keys = input.get("TagKeys").and_then(Value::as_list).unwrap_or_default();
        let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
        self.retag(caller, &input, |tags| tags.retain(|key, _| !keys.contains(&key.as_str()))).await
    }

    pub(crate) async fn list_user_tags(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let (_, user) = self.user(caller, &input).await?;
        let tags = UserRecord::of(&user).map_err(told)?.tags;
        Ok(page::answer(&input, "Tags", tags.into_iter().map(|(key, value)| (key.clone(), tag(key, value)))))
    }

    async fn retag(
        &self,
        caller: &Caller,
        input: &Map,
        change: impl FnOnce(&mut Tags),
    ) -> Result<Map, Error> {
        let name = input.text("UserName").unwrap_or_default();
        let mut write = self.begin(caller).await?;
        let done = async {
            let user = self.held(&mut write, name).await?;
            let mut record = UserRecord::of(&user)?;
            change(&mut record.tags);
            if record.tags.len() > Resource::MAX_TAGS {
                return Err(Refusal::Told(quota("TagsPerUser", Resource::MAX_TAGS)));
            }
            write.put_user(name, &record.document()?, user.password.as_deref()).await?;
            Ok(Map::new())
        }
        .await;
        self.settle(caller, write, &format!("user/{name}"), done).await
    }
}

/// The tags of an input; no key twice.
pub(crate) fn read(input: &Map) -> Result<Tags, Error> {
    let listed = input.get("Tags").and_then(Value::as_list).unwrap_or_default();
    let mut tags = Tags::new();
    for tag in listed.iter().filter_map(Value::as_map) {
        let text = |member| tag.text(member).unwrap_or_default().to_owned();
        if tags.insert(text("Key"), text("Value")).is_some() {
            return Err(invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
    }
    Ok(tags)
}

/// As answers show them; nothing where there are none.
pub(crate) fn shown(answer: Map, tags: Tags) -> Map {
    if tags.is_empty() {
        return answer;
    }
    answer.with("Tags", tags.into_iter().map(|(key, value)| tag(key, value)).collect::<Vec<_>>())
}

fn tag(key: String, value: String) -> Value {
    Map::new().with("Key", key).with("Value", value).into()
}
