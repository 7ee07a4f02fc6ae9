//! Policies made, shown, changed and deleted: cache, origin request and response headers policies, origin access controls.

use aws::{Error, Map};
use door::Caller;
use store::{Document, Expect, Key, New, Owner, Resource, Tags};

use crate::error::{no_version, of_store, of_store_as, stale};
use crate::ids;
use crate::managed;
use crate::page::Asked;
use crate::policy::{Kind, Verb};
use crate::read::text;
use crate::{
    CloudFront, REGION, access_control, cache_policy, origin_request_policy, response_headers_policy,
};

impl CloudFront {
    pub(crate) async fn policy(
        &self,
        caller: &Caller,
        kind: Kind,
        verb: Verb,
        input: Map,
    ) -> Result<Map, Error> {
        match verb {
            Verb::Create => self.create_policy(caller, kind, &input).await,
            Verb::List => self.list_policies(caller, kind, &input).await,
            Verb::Get => {
                let (id, config, etag, shown) = self.policy_asked(caller, kind, &input).await?;
                let one = shown.unwrap_or_else(|| show(kind, &id, config, None));
                Ok(Map::new().with(kind.word(), one).with("ETag", etag))
            }
            Verb::GetConfig => {
                let (_, config, etag, _) = self.policy_asked(caller, kind, &input).await?;
                Ok(Map::new().with(kind.config(), config).with("ETag", etag))
            }
            Verb::Update => self.update_policy(caller, kind, &input).await,
            Verb::Delete => self.delete_policy(caller, kind, &input).await,
        }
    }

    async fn create_policy(&self, caller: &Caller, kind: Kind, input: &Map) -> Result<Map, Error> {
        let config = wanted(kind, input)?;
        let name = text(&config, "Name").to_owned();
        self.refuse_taken_name(caller, kind, &name, "").await?;
        let mut write = self.store.write(caller.audit()).await.map_err(of_store)?;
        let made = async {
            // A name that was another's before leads to that one's id: then the next.
            for turn in 0.. {
                let made_of = format!("{}/{}/{name}/{turn}", kind.stored(), caller.account);
                let id =
                    if kind == Kind::AccessControl { ids::id('E', &made_of) } else { ids::uuid(&made_of) };
                let key = Key::new(kind.stored(), &caller.account, REGION, &id)?;
                if let Ok(other) = write.resource(&key).await
                    && text(&other.desired.read::<Map>()?, "Name") != name
                {
                    continue;
                }
                let arn = format!("arn:aws:cloudfront::{}:{}/{id}", caller.account, kind.path());
                let desired = Document::of(&config)?;
                let (name, tags) = (name.clone(), Tags::new());
                return write.create(New { key, arn, name, owner: Owner::Api, desired, tags }).await;
            }
            unreachable!("an id is found before numbers end")
        }
        .await;
        let made = write.settle(made).await.map_err(|error| match error.code() {
            "Conflict" => taken(kind, &name),
            _ => of_store(error),
        })?;
        let id = made.key.id().to_owned();
        Ok(Map::new()
            .with(kind.word(), show(kind, &id, config, Some(&made)))
            .with("Location", format!("https://cloudfront.amazonaws.com/2020-05-31/{}/{id}", kind.path()))
            .with("ETag", ids::etag(&id, made.generation)))
    }

    async fn list_policies(&self, caller: &Caller, kind: Kind, input: &Map) -> Result<Map, Error> {
        let asked = Asked::of(input)?;
        let mut all = Vec::new();
        let wanted = text(input, "Type");
        if wanted != "custom" {
            all.extend(managed::all(kind).into_iter().map(|(id, config)| {
                let one = show(kind, id, config, None);
                (id.to_owned(), Map::new().with("Type", "managed").with(kind.word(), one))
            }));
        }
        if wanted != "managed" {
            for resource in self.every(caller, kind.stored()).await? {
                let (id, config) = (resource.key.id().to_owned(), config_of(&resource)?);
                let one = match kind {
                    Kind::AccessControl => config.with("Id", id.as_str()),
                    _ => Map::new()
                        .with("Type", "custom")
                        .with(kind.word(), show(kind, &id, config, Some(&resource))),
                };
                all.push((id, one));
            }
        }
        let (items, next) = asked.cut(all);
        let list = match kind {
            Kind::AccessControl => asked.list(items, next),
            _ => asked.plain_list(items, next),
        };
        Ok(Map::new().with(kind.list(), list))
    }

    /// The policy an input names: its id, configuration, tag, and itself as answers show it where it is stored.
    async fn policy_asked(
        &self,
        caller: &Caller,
        kind: Kind,
        input: &Map,
    ) -> Result<(String, Map, String, Option<Map>), Error> {
        let id = text(input, "Id").to_owned();
        if let Some(config) = managed::find(kind, &id) {
            let etag = ids::etag(&id, 1);
            return Ok((id, config, etag, None));
        }
        let resource = self.policy_resource(caller, kind, &id).await?;
        let config = config_of(&resource)?;
        let shown = show(kind, &id, config.clone(), Some(&resource));
        let etag = ids::etag(&id, resource.generation);
        Ok((id, config, etag, Some(shown)))
    }

    async fn update_policy(&self, caller: &Caller, kind: Kind, input: &Map) -> Result<Map, Error> {
        let id = text(input, "Id").to_owned();
        if managed::find(kind, &id).is_some() {
            return Err(Error::new(
                "IllegalUpdate",
                "The update contains modifications that are not allowed: this policy is AWS's own.",
            ));
        }
        let config = wanted(kind, input)?;
        let resource = self.policy_resource(caller, kind, &id).await?;
        let expected = expected(&resource, text(input, "IfMatch"))?;
        self.refuse_taken_name(caller, kind, text(&config, "Name"), &id).await?;
        let desired = Document::of(&config).map_err(of_store)?;
        let changed = self.store.change(caller.audit(), &resource.key, expected, desired).await;
        let changed = changed.map_err(|error| of_store_as(error, kind.missing()))?;
        Ok(Map::new()
            .with(kind.word(), show(kind, &id, config, Some(&changed)))
            .with("ETag", ids::etag(&id, changed.generation)))
    }

    async fn delete_policy(&self, caller: &Caller, kind: Kind, input: &Map) -> Result<Map, Error> {
        let id = text(input, "Id").to_owned();
        if managed::find(kind, &id).is_some() {
            return Err(Error::new("IllegalDelete", "You cannot delete a managed policy."));
        }
        let resource = self.policy_resource(caller, kind, &id).await?;
        let expected = expected(&resource, text(input, "IfMatch"))?;
        for distribution in self.every(caller, crate::DISTRIBUTION).await? {
            if references(&config_of(&distribution)?, kind).any(|used| used == id) {
                return Err(Error::new(
                    kind.in_use(),
                    format!("Distribution {} uses it: take it out there first.", distribution.key.id()),
                ));
            }
        }
        let deleted = self.store.delete(caller.audit(), &resource.key, expected, caller.at).await;
        deleted.map_err(|error| of_store_as(error, kind.missing()))?;
        Ok(Map::new())
    }

    /// One that is stored.
    pub(crate) async fn policy_resource(
        &self,
        caller: &Caller,
        kind: Kind,
        id: &str,
    ) -> Result<Resource, Error> {
        let missing = || Error::new(kind.missing(), "The specified policy does not exist.");
        let key = Key::new(kind.stored(), &caller.account, REGION, id).map_err(|_| missing())?;
        let found = self.store.resource(&key, caller.at).await;
        let found = found.map_err(|error| of_store_as(error, kind.missing()))?;
        if found.deleted.is_some() { Err(missing()) } else { Ok(found) }
    }

    /// Every resource of a kind in the caller's account.
    pub(crate) async fn every(&self, caller: &Caller, stored: &str) -> Result<Vec<Resource>, Error> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.list(
                stored,
                &caller.account,
                REGION,
                after.as_deref(),
                store::Page::<Resource>::MAX,
            );
            let page = page.await.map_err(of_store)?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// `id` may have it already.
    async fn refuse_taken_name(
        &self,
        caller: &Caller,
        kind: Kind,
        name: &str,
        id: &str,
    ) -> Result<(), Error> {
        for other in self.every(caller, kind.stored()).await? {
            if other.key.id() != id && text(&config_of(&other)?, "Name") == name {
                return Err(taken(kind, name));
            }
        }
        Ok(())
    }
}

fn taken(kind: Kind, name: &str) -> Error {
    Error::new(kind.exists(), format!("One with the name {name} is there already."))
}

/// The configuration an input brings, if it can be carried out.
fn wanted(kind: Kind, input: &Map) -> Result<Map, Error> {
    let config = input.get(kind.config()).and_then(aws::Value::as_map).cloned().unwrap_or_default();
    crate::quantities::check(&config)?;
    if text(&config, "Name").is_empty() || text(&config, "Name").len() > 128 {
        return Err(crate::error::invalid("Name is 1 to 128 characters"));
    }
    match kind {
        Kind::Cache => {
            let config = cache_policy::complete(config);
            cache_policy::check(&config)?;
            Ok(config)
        }
        Kind::OriginRequest => origin_request_policy::read(&config).map(|_| config),
        Kind::ResponseHeaders => response_headers_policy::table(&config).map(|_| config),
        Kind::AccessControl => access_control::check(&config).map(|()| config),
    }
}

/// What is stored of one.
pub(crate) fn config_of(resource: &Resource) -> Result<Map, Error> {
    resource.desired.read().map_err(of_store)
}

/// What `If-Match` expects of a resource.
pub(crate) fn expected(resource: &Resource, if_match: &str) -> Result<Expect, Error> {
    match ids::generation(resource.key.id(), if_match) {
        Some(generation) if generation == resource.generation => Ok(Expect::Generation(generation)),
        Some(generation) if (1..resource.generation).contains(&generation) => Err(stale()),
        _ => Err(no_version()),
    }
}

/// The ids of policies of a kind that a distribution's configuration names.
pub(crate) fn references(config: &Map, kind: Kind) -> impl Iterator<Item = String> {
    let holders: Vec<&Map> = match kind {
        Kind::AccessControl => crate::read::maps(config, "Origins").collect(),
        _ => {
            let default = config.get("DefaultCacheBehavior").and_then(aws::Value::as_map);
            default.into_iter().chain(crate::read::maps(config, "CacheBehaviors")).collect()
        }
    };
    let named = holders.into_iter().map(|holder| text(holder, kind.reference()).to_owned());
    named.filter(|id| !id.is_empty()).collect::<Vec<_>>().into_iter()
}

/// One as answers show it. AWS's own have no date of their own here: that of their publication is not told.
fn show(kind: Kind, id: &str, config: Map, resource: Option<&Resource>) -> Map {
    let one = Map::new().with("Id", id);
    let one = match kind {
        Kind::AccessControl => one,
        _ => one.with("LastModifiedTime", resource.map_or(media::Utc(0), |resource| resource.updated)),
    };
    one.with(kind.config(), config)
}
