//! What a behaviour's content comes from: an origin or a group, as a client's list.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use spec::OriginUrl;
use spec::distribution::{DistributionOrigin, OriginTarget, Source};

use super::routes::Distribution;
use crate::client::Origins;
use crate::config::Upstream;
use crate::origin::{Origin, OriginError, Terms};
use crate::trust::Trust;
use crate::via::Pseudonym;

/// Origins that answer for one another.
#[derive(Debug)]
pub(crate) struct Supply {
    recipe: Recipe,
    pub(crate) origins: Arc<Origins>,
    /// What goes before a path at this edge's own origin, for each member that is it.
    pub(super) own_paths: Vec<String>,
    /// How long its members may take, where they say so.
    pub(super) read_time: Option<Duration>,
}

/// What it was made of: the same makes the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recipe {
    members: Vec<DistributionOrigin>,
    failover_on: Vec<u16>,
}

impl Supply {
    /// That of `old`, where it is made of the same.
    pub(super) fn of(
        spec: &spec::Distribution,
        source: Source,
        old: Option<&Distribution>,
        own: &Upstream,
        pseudonym: &Pseudonym,
    ) -> Result<Arc<Supply>, OriginError> {
        let recipe = match source {
            Source::Origin(place) => {
                let failing = own.failover_on.iter().map(StatusCode::as_u16).collect();
                Recipe { members: vec![spec.origins[place].clone()], failover_on: failing }
            }
            Source::Group(place) => {
                let group = &spec.groups[place];
                let members = group.origins.iter().map(|place| spec.origins[*place].clone()).collect();
                Recipe { members, failover_on: group.failover_on.clone() }
            }
        };
        let same = old.and_then(|old| old.behaviours.iter().find(|other| other.supply.recipe == recipe));
        match same {
            Some(same) => Ok(same.supply.clone()),
            None => Supply::new(recipe, own, pseudonym).map(Arc::new),
        }
    }

    fn new(recipe: Recipe, own: &Upstream, pseudonym: &Pseudonym) -> Result<Supply, OriginError> {
        let mut trust = Trust::new(own.ca.clone());
        let mut list = Vec::new();
        for member in &recipe.members {
            let urls = match &member.target {
                OriginTarget::Own => own.origins.as_slice(),
                OriginTarget::Url(url) => std::slice::from_ref(url),
            };
            for url in urls {
                let url = OriginUrl { prefix: format!("{}{}", url.prefix, member.path), ..url.clone() };
                let origin = Origin::new(&url, &mut trust)?.on(terms(member));
                list.push((url, origin));
            }
        }
        let failing = recipe.failover_on.iter().filter_map(|status| StatusCode::from_u16(*status).ok());
        let origins = Origins::of(list, failing.collect(), own.failover_after, pseudonym.clone());
        let is_own = |member: &&DistributionOrigin| member.target == OriginTarget::Own;
        Ok(Supply {
            origins: Arc::new(origins),
            own_paths: recipe.members.iter().filter(is_own).map(|member| member.path.clone()).collect(),
            read_time: recipe.members.iter().filter_map(read_time).max(),
            recipe,
        })
    }
}

fn read_time(member: &DistributionOrigin) -> Option<Duration> {
    member.read_ms.map(|ms| Duration::from_millis(ms.into()))
}

fn terms(member: &DistributionOrigin) -> Terms {
    let field = |field: &spec::distribution::HeaderField| {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(&field.value).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    };
    Terms {
        fields: member.headers.iter().filter_map(field).collect(),
        connect_time: member.connect_ms.map(|ms| Duration::from_millis(ms.into())),
        attempts: member.attempts,
        read_time: read_time(member),
        keep_time: Duration::from_millis(member.keep_alive_ms.into()),
    }
}
