//! Distributions made, shown, changed and deleted.

use aws::{Error, Map, Value};
use door::Caller;
use store::{Document, Key, New, Owner, Resource, Tags};

use crate::elsewhere::Face;
use crate::error::{invalid, of_store, of_store_as};
use crate::mapping::{self, Policies};
use crate::page::Asked;
use crate::policies::{config_of, expected, references};
use crate::policy::Kind;
use crate::read::{flag, text, texts};
use crate::{CloudFront, DISTRIBUTION, REGION, complete, ids, managed, quantities, refuse, tags};

/// Longest `CallerReference`, in bytes.
const MAX_REFERENCE: usize = 128;

impl CloudFront {
    pub(crate) async fn create_distribution(&self, caller: &Caller, mut input: Map) -> Result<Map, Error> {
        let config = taken(&mut input, "DistributionConfig");
        self.create(caller, config, Tags::new()).await
    }

    pub(crate) async fn create_with_tags(&self, caller: &Caller, mut input: Map) -> Result<Map, Error> {
        let mut both = taken(&mut input, "DistributionConfigWithTags");
        let tags = tags::read(&taken(&mut both, "Tags"))?;
        self.create(caller, taken(&mut both, "DistributionConfig"), tags).await
    }

    async fn create(&self, caller: &Caller, config: Map, tags: Tags) -> Result<Map, Error> {
        let config = self.wanted_config(caller, config, "").await?;
        let reference = text(&config, "CallerReference");
        if reference.is_empty() || reference.len() > MAX_REFERENCE {
            return Err(invalid(format!("CallerReference is 1 to {MAX_REFERENCE} characters")));
        }
        // The same reference makes the same id, so that a call that comes twice is found in the store itself.
        let id = ids::id('E', &format!("{}/{reference}", caller.account));
        let new = New {
            key: key(caller, &id)?,
            arn: arn(caller, &id),
            name: reference.chars().filter(|sign| !sign.is_control()).collect(),
            owner: Owner::Api,
            desired: Document::of(&config).map_err(of_store)?,
            tags,
        };
        let made = match self.store.create(caller.audit(), new, None).await {
            Ok(made) => made,
            Err(error) if error.code() == "Conflict" => self.made_before(caller, &id, &config).await?,
            Err(error) => return Err(of_store(error)),
        };
        Ok(Map::new()
            .with("Distribution", show(Face::own(&made, config, "InProgress")))
            .with("Location", format!("https://cloudfront.amazonaws.com/2020-05-31/distribution/{id}"))
            .with("ETag", ids::etag(&id, made.generation)))
    }

    /// The distribution of a call that came before, if it asked for the same.
    async fn made_before(&self, caller: &Caller, id: &str, config: &Map) -> Result<Resource, Error> {
        let before = self.distribution_resource(caller, id).await?;
        if config_of(&before)? == *config {
            return Ok(before);
        }
        Err(Error::new(
            "DistributionAlreadyExists",
            format!(
                "The caller reference that you are using to create a distribution is associated with another distribution. Already exists: {id}"
            ),
        ))
    }

    pub(crate) async fn distribution(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let face = self.face_of(caller, text(&input, "Id")).await?;
        let etag = face.etag.clone();
        Ok(Map::new().with("Distribution", show(face)).with("ETag", etag))
    }

    pub(crate) async fn distribution_config(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let face = self.face_of(caller, text(&input, "Id")).await?;
        Ok(Map::new().with("DistributionConfig", face.config).with("ETag", face.etag))
    }

    pub(crate) async fn list_distributions(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let asked = Asked::of(&input)?;
        let after = Some(asked.marker.as_str()).filter(|marker| !marker.is_empty());
        let page = self
            .store
            .list(DISTRIBUTION, &caller.account, REGION, after, asked.most as u32)
            .await
            .map_err(of_store)?;
        let own = |resource: &Resource| Ok(Face::own(resource, config_of(resource)?, "Deployed"));
        let own: Vec<Face> = page.items.iter().map(own).collect::<Result<_, Error>>()?;
        let named = |face: Face| (face.id.clone(), face);
        let (own, others) = (own.into_iter().map(named), self.other_distributions(caller).await?);
        let (items, next) = door::listed(
            own.collect(),
            page.next.is_some(),
            others.into_iter().map(named),
            after,
            asked.most,
        );
        let items = items.iter().map(|face| summary(face).into()).collect();
        Ok(Map::new().with("DistributionList", asked.list(items, next)))
    }

    pub(crate) async fn update_distribution(&self, caller: &Caller, mut input: Map) -> Result<Map, Error> {
        let id = text(&input, "Id").to_owned();
        let config = taken(&mut input, "DistributionConfig");
        self.leave_others(caller, &id).await?;
        let before = self.distribution_resource(caller, &id).await?;
        let expected = expected(&before, text(&input, "IfMatch"))?;
        if text(&config_of(&before)?, "CallerReference") != text(&config, "CallerReference") {
            return Err(Error::new(
                "IllegalUpdate",
                "The CallerReference of a distribution cannot be changed.",
            ));
        }
        let config = self.wanted_config(caller, config, &id).await?;
        let desired = Document::of(&config).map_err(of_store)?;
        let changed = self.store.change(caller.audit(), &before.key, expected, desired).await;
        let changed = changed.map_err(|error| of_store_as(error, "NoSuchDistribution"))?;
        Ok(Map::new()
            .with("Distribution", show(Face::own(&changed, config, "InProgress")))
            .with("ETag", ids::etag(&id, changed.generation)))
    }

    pub(crate) async fn delete_distribution(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        self.leave_others(caller, text(&input, "Id")).await?;
        let resource = self.distribution_resource(caller, text(&input, "Id")).await?;
        let expected = expected(&resource, text(&input, "IfMatch"))?;
        if flag(&config_of(&resource)?, "Enabled") {
            return Err(Error::new(
                "DistributionNotDisabled",
                "The distribution you are trying to delete has not been disabled.",
            ));
        }
        let deleted = self.store.delete(caller.audit(), &resource.key, expected, caller.at).await;
        deleted.map_err(|error| of_store_as(error, "NoSuchDistribution"))?;
        self.forget_invalidations(caller, &format!("{}/", resource.key.id()), 0).await?;
        Ok(Map::new())
    }

    /// The distribution of an id, whoever made it.
    pub(crate) async fn face_of(&self, caller: &Caller, id: &str) -> Result<Face, Error> {
        if let Some(face) = self.other_distribution(caller, id).await? {
            return Ok(face);
        }
        let resource = self.distribution_resource(caller, id).await?;
        let config = config_of(&resource)?;
        Ok(Face::own(&resource, config, "Deployed"))
    }

    /// The distribution of an id that CloudFront made, which is there.
    pub(crate) async fn distribution_resource(&self, caller: &Caller, id: &str) -> Result<Resource, Error> {
        let missing = || Error::new("NoSuchDistribution", "The specified distribution does not exist.");
        let key = Key::new(DISTRIBUTION, &caller.account, REGION, id).map_err(|_| missing())?;
        let found = self.store.resource(&key, caller.at).await;
        let found = found.map_err(|error| of_store_as(error, "NoSuchDistribution"))?;
        if found.deleted.is_some() { Err(missing()) } else { Ok(found) }
    }

    /// The whole configuration, if it can be carried out, for the distribution of an id or a new one.
    async fn wanted_config(&self, caller: &Caller, config: Map, id: &str) -> Result<Map, Error> {
        quantities::check(&config)?;
        let config = complete::complete(config);
        refuse::check(&config)?;
        let policies = self.policies_of(caller, &config).await?;
        mapping::check(&config, &policies, self.viewers, &self.site.host)?;
        let aliases: Vec<_> =
            texts(&config, "Aliases").iter().map(|alias| alias.to_ascii_lowercase()).collect();
        if aliases.iter().any(|alias| alias.ends_with(&format!(".{}", crate::DOMAIN))) {
            return Err(invalid(format!("Names below {} are given by this machine.", crate::DOMAIN)));
        }
        if !aliases.is_empty() {
            for other in self.every(caller, DISTRIBUTION).await? {
                let theirs = texts(&config_of(&other)?, "Aliases");
                let shared = theirs.iter().find(|alias| aliases.contains(&alias.to_ascii_lowercase()));
                if let Some(alias) = shared.filter(|_| other.key.id() != id) {
                    return Err(Error::new(
                        "CNAMEAlreadyExists",
                        format!("The alias {alias} is distribution {}'s.", other.key.id()),
                    ));
                }
            }
            for other in self.other_distributions(caller).await? {
                let theirs = texts(&other.config, "Aliases");
                if let Some(alias) = theirs.iter().find(|alias| aliases.contains(alias)) {
                    return Err(Error::new(
                        "CNAMEAlreadyExists",
                        format!("The alias {alias} is distribution {}'s, of the workflow file.", other.name),
                    ));
                }
            }
        }
        Ok(config)
    }

    /// The stored policies that a configuration names.
    async fn policies_of(&self, caller: &Caller, config: &Map) -> Result<Policies, Error> {
        let mut policies = Policies::default();
        for kind in Kind::ALL {
            for id in references(config, kind).filter(|id| managed::find(kind, id).is_none()) {
                match self.policy_resource(caller, kind, &id).await {
                    Ok(resource) => policies.add(kind, &id, config_of(&resource)?),
                    // Told where it is looked for.
                    Err(error) if error.name == kind.missing() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(policies)
    }
}

fn taken(map: &mut Map, member: &str) -> Map {
    match map.remove(member) {
        Some(Value::Map(inner)) => inner,
        _ => Map::new(),
    }
}

fn key(caller: &Caller, id: &str) -> Result<Key, Error> {
    Key::new(DISTRIBUTION, &caller.account, REGION, id).map_err(of_store)
}

fn arn(caller: &Caller, id: &str) -> String {
    format!("arn:aws:cloudfront::{}:distribution/{id}", caller.account)
}

/// A distribution as answers show it.
fn show(face: Face) -> Map {
    let nobody = || Map::new().with("Enabled", false).with("Quantity", 0_i64);
    Map::new()
        .with("Id", face.id)
        .with("ARN", face.arn)
        .with("Status", face.status)
        .with("LastModifiedTime", face.changed)
        .with("InProgressInvalidationBatches", 0_i64)
        .with("DomainName", face.domain)
        .with("ActiveTrustedSigners", nobody())
        .with("ActiveTrustedKeyGroups", nobody())
        .with("DistributionConfig", face.config)
}

/// A distribution as a list shows it.
fn summary(face: &Face) -> Map {
    const MEMBERS: [&str; 15] = [
        "Aliases",
        "Origins",
        "OriginGroups",
        "DefaultCacheBehavior",
        "CacheBehaviors",
        "CustomErrorResponses",
        "Comment",
        "PriceClass",
        "Enabled",
        "ViewerCertificate",
        "Restrictions",
        "WebACLId",
        "HttpVersion",
        "IsIPV6Enabled",
        "Staging",
    ];
    let mut one = Map::new()
        .with("Id", face.id.as_str())
        .with("ARN", face.arn.as_str())
        .with("ETag", face.etag.as_str())
        .with("Status", face.status)
        .with("LastModifiedTime", face.changed)
        .with("DomainName", face.domain.as_str());
    for member in MEMBERS {
        if let Some(value) = face.config.get(member) {
            one.insert(member, value.clone());
        }
    }
    one
}
