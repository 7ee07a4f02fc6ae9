//! Amazon CloudFront's API: distributions, invalidations, their policies and tags.
//!
//! [`CloudFront`] is a [`door::Door`]. A call's input is made whole (`complete`), held against what this machine does
//! (`refuse`), mapped to a `[[distribution]]` table (`mapping`) and read by `spec` before anything is stored, so that whatever
//! is stored is carried out. [`door::Door::wanted`] maps the same way, now with where this machine is reached. An invalidation is
//! carried out before it is answered, through a [`Purge`]. Distributions of the workflow file are shown too (`elsewhere`), and changed by
//! no call.

#![forbid(unsafe_code)]

mod about;
mod access_control;
mod cache_policy;
mod complete;
mod distributions;
mod elsewhere;
mod error;
mod ids;
mod inside;
mod invalidations;
mod managed;
mod mapping;
mod origin_request_policy;
mod page;
mod policies;
mod policy;
mod quantities;
mod read;
mod refuse;
mod response_headers_policy;
mod tags;

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use aws::Map;
use door::{About, Answer, Caller, Door, Others, Site, Wanted};
use store::{Resource, Store};

pub use crate::mapping::distribution_names;

use crate::policy::Kind;

/// CloudFront's resources have no region.
const REGION: &str = "global";
/// What distributions are called in the store.
const DISTRIBUTION: &str = "cloudfront-distribution";
/// What distributions' host names end with. `*.localhost` leads to this machine wherever it is looked up by browsers.
pub const DOMAIN: &str = "cloudfront.localhost";

/// What takes objects out of the edge's cache.
pub trait Purge: Send + Sync {
    /// Takes what `pattern` means out of a distribution's part of the cache: a path with all its queries, or with `*` at its
    /// end all that begins so. Done when it returns.
    fn purge<'a>(&'a self, distribution: &'a str, pattern: &'a str) -> Purged<'a>;
}

/// What a purge is waited for with.
pub type Purged<'a> = Pin<Box<dyn Future<Output = Result<(), PurgeFault>> + Send + 'a>>;

/// A purge that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeFault {
    /// Why, for people.
    pub why: String,
}

/// How viewers can come to this machine's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewers {
    /// By HTTP alone.
    Http,
    /// By HTTP, and with TLS.
    HttpAndHttps,
}

/// The service.
pub struct CloudFront {
    store: Store,
    purge: Arc<dyn Purge>,
    viewers: Viewers,
    site: Site,
    others: Arc<dyn Others>,
}

impl CloudFront {
    /// Over these resources, on the machine that is reached at `site`; `others` knows what other doors made.
    pub fn new(
        store: Store,
        purge: Arc<dyn Purge>,
        viewers: Viewers,
        site: Site,
        others: Arc<dyn Others>,
    ) -> Self {
        Self { store, purge, viewers, site, others }
    }
}

impl Door for CloudFront {
    fn service(&self) -> &'static str {
        "cloudfront"
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        Box::pin(ready(Ok(about::arns(caller, operation, input))))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        if let Some((kind, verb)) = Kind::of(operation) {
            return Some(Box::pin(async move { self.policy(caller, kind, verb, input).await }));
        }
        Some(match operation {
            "CreateDistribution" => Box::pin(self.create_distribution(caller, input)),
            "CreateDistributionWithTags" => Box::pin(self.create_with_tags(caller, input)),
            "GetDistribution" => Box::pin(self.distribution(caller, input)),
            "GetDistributionConfig" => Box::pin(self.distribution_config(caller, input)),
            "ListDistributions" => Box::pin(self.list_distributions(caller, input)),
            "UpdateDistribution" => Box::pin(self.update_distribution(caller, input)),
            "DeleteDistribution" => Box::pin(self.delete_distribution(caller, input)),
            "CreateInvalidation" => Box::pin(self.create_invalidation(caller, input)),
            "GetInvalidation" => Box::pin(self.invalidation(caller, input)),
            "ListInvalidations" => Box::pin(self.list_invalidations(caller, input)),
            "TagResource" => Box::pin(self.tag(caller, input)),
            "UntagResource" => Box::pin(self.untag(caller, input)),
            "ListTagsForResource" => Box::pin(self.tags(caller, input)),
            _ => return None,
        })
    }

    fn wanted(&self, resources: &[Resource], site: &Site) -> Wanted {
        mapping::wanted(resources, site, self.viewers)
    }
}
