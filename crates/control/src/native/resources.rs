//! What there is and how it is, whichever door made it: to be read only.

use std::collections::BTreeSet;

use door::ChannelSeen;
use serde_json::{Value, json};
use store::{Key, Owner, Resource};

use super::problem::Problem;
use super::{Ask, Reply};
use crate::workflow_file;

impl Ask<'_> {
    pub(super) async fn status(&self) -> Result<Reply, Problem> {
        let (revision, resources) = self.front.store.every().await.map_err(|error| Problem::of(&error))?;
        let seen = self.front.seen.borrow().clone();
        let is_the_files = |resource: &&Resource| workflow_file::kind(resource) == Some(plan::Kind::Channel);
        let file: BTreeSet<_> =
            resources.iter().filter(is_the_files).map(|resource| resource.key.id().to_owned()).collect();
        let mut channels = seen.channels.clone();
        for name in &file {
            channels.entry(name.clone()).or_default();
        }
        let channel = |(name, seen): (&String, &ChannelSeen)| {
            json!({
                "name": name,
                "owner": if file.contains(name) { "file" } else { "api" },
                "on_air": seen.is_on_air,
                "has_source": seen.has_source,
                "encoders": seen.encoders,
            })
        };
        let refused = |(name, why): (&String, &String)| json!({ "name": name, "problem": why });
        let services: Vec<_> = self.front.doors.iter().map(|door| door.service()).collect();
        Ok(Reply::json(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "account": self.front.account.as_str(),
            "services": services,
            "revision": revision,
            "applied_revision": seen.revision,
            "channels": channels.iter().map(channel).collect::<Vec<_>>(),
            "refused": seen.refused.iter().map(refused).collect::<Vec<_>>(),
        })))
    }

    pub(super) async fn resources(&self) -> Result<Reply, Problem> {
        let limit = self.query.limit()? as usize;
        let (_, mut resources) = self.front.store.every().await.map_err(|error| Problem::of(&error))?;
        let kind = self.query.text("kind");
        let after = self.query.text("after");
        resources.retain(|resource| {
            resource.deleted.is_none()
                && resource.key.account() == self.front.account.as_str()
                && kind.is_none_or(|kind| resource.key.kind() == kind)
        });
        resources.sort_by_cached_key(|resource| place(&resource.key));
        let begin = after
            .map_or(0, |after| resources.partition_point(|resource| place(&resource.key).as_str() <= after));
        let rest = &resources[begin..];
        let page = &rest[..rest.len().min(limit)];
        let next = page.last().filter(|_| rest.len() > limit).map(|last| place(&last.key));
        let items: Vec<_> = page.iter().map(|resource| self.view(resource)).collect();
        Ok(Reply::json(json!({ "items": items, "next": next })))
    }

    /// Without what is wanted of it, which may hold what only its own API shows.
    fn view(&self, resource: &Resource) -> Value {
        let observed: Option<Value> = resource.observed.as_ref().and_then(|observed| observed.read().ok());
        json!({
            "kind": resource.key.kind(),
            "id": resource.key.id(),
            "region": resource.key.region(),
            "arn": resource.arn,
            "name": resource.name,
            "owner": match resource.owner { Owner::File => "file", Owner::Api => "api" },
            "state": self.front.doors.iter().find_map(|door| door.state(resource)),
            "generation": resource.generation,
            "observed": observed,
            "observed_generation": resource.observed_generation,
            "tags": resource.tags,
            "created": resource.created.to_string(),
            "updated": resource.updated.to_string(),
        })
    }
}

/// Where a resource is in the list; no word of a key has a slash, but its id, which comes last.
fn place(key: &Key) -> String {
    format!("{}/{}/{}", key.kind(), key.region(), key.id())
}
