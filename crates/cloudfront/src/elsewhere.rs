//! Distributions of the workflow file, as CloudFront's clients are shown them: listed and described, changed by none of its calls.

mod config;

use aws::{Error, Map};
use door::{Caller, Other, OtherState};
use spec::Distribution;

use crate::error::of_store;
use crate::mapping::{domain_name, name};
use crate::{CloudFront, ids};

type Found = Other<Distribution>;

/// A distribution, whoever made it: what answers say of it, and what the edge calls it.
pub(crate) struct Face {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) etag: String,
    pub(crate) status: &'static str,
    pub(crate) changed: media::Utc,
    pub(crate) domain: String,
    /// Its name in the workflow, and in the edge's cache.
    pub(crate) name: String,
    pub(crate) config: Map,
}

impl Face {
    /// CloudFront's own.
    pub(crate) fn own(resource: &store::Resource, config: Map, status: &'static str) -> Self {
        let id = resource.key.id();
        Self {
            arn: resource.arn.clone(),
            etag: ids::etag(id, resource.generation),
            status,
            changed: resource.updated,
            domain: domain_name(id),
            name: name(id),
            config,
            id: id.to_owned(),
        }
    }
}

/// The id of the file's distribution of this name: the same after every restart, and never one of CloudFront's own, which are made of
/// an account's digits and a reference.
fn id(name: &str) -> String {
    ids::id('E', &format!("workflow-file/{name}"))
}

fn arn(caller: &Caller, id: &str) -> String {
    format!("arn:aws:cloudfront::{}:distribution/{id}", caller.account)
}

impl CloudFront {
    /// Every distribution of the file.
    pub(crate) async fn other_distributions(&self, caller: &Caller) -> Result<Vec<Face>, Error> {
        let made = self.others.made().await.map_err(of_store)?;
        Ok(made.distributions.iter().map(|other| self.face(caller, other)).collect())
    }

    /// The distribution of the file that has this id.
    pub(crate) async fn other_distribution(
        &self,
        caller: &Caller,
        asked: &str,
    ) -> Result<Option<Face>, Error> {
        let found = self.found(asked).await?;
        Ok(found.map(|other| self.face(caller, &other)))
    }

    /// The labels of the distribution of the file that has this ARN.
    pub(crate) async fn other_tags(
        &self,
        caller: &Caller,
        named: &str,
    ) -> Result<Option<store::Tags>, Error> {
        let made = self.others.made().await.map_err(of_store)?;
        let mut all = made.distributions.iter();
        Ok(all.find(|other| arn(caller, &id(&other.name)) == named).map(Found::shown_tags))
    }

    /// Refuses a change of the file's distribution that is named by its id or ARN.
    pub(crate) async fn leave_others(&self, caller: &Caller, named: &str) -> Result<(), Error> {
        match self.found(named.rsplit('/').next().unwrap_or_default()).await? {
            None => Ok(()),
            Some(other) => {
                let error = Error::new("AccessDenied", other.refusal("distribution"));
                Err(door::refused(&self.store, caller, named, error).await)
            }
        }
    }

    async fn found(&self, asked: &str) -> Result<Option<Found>, Error> {
        let made = self.others.made().await.map_err(of_store)?;
        Ok(made.distributions.into_iter().find(|other| id(&other.name) == asked))
    }

    fn face(&self, caller: &Caller, other: &Found) -> Face {
        let id = id(&other.name);
        Face {
            arn: arn(caller, &id),
            etag: ids::etag(&id, other.generation),
            status: match other.sight.state {
                OtherState::Running | OtherState::Disabled => "Deployed",
                _ => "InProgress",
            },
            changed: other.updated,
            domain: self.domain(&other.spec),
            name: other.name.clone(),
            config: config::of(&other.spec, &self.site),
            id,
        }
    }

    /// Where it is reached: its first host; one that has none, or only patterns, below its mount on every host, so at the place that
    /// viewers come to.
    fn domain(&self, distribution: &Distribution) -> String {
        let hosts = &distribution.hosts;
        let host = hosts.iter().find(|host| !host.starts_with('*'));
        match (host, hosts.first()) {
            (Some(host), _) => host.clone(),
            (None, Some(pattern)) if !distribution.mount => pattern.clone(),
            _ => format!("{}:{}/d/{}", self.site.host, self.site.viewers.port(), distribution.name),
        }
    }
}
