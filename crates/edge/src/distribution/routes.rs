//! Which distribution a request is for, and which of its behaviours.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use http::HeaderName;
use http_cache::{Rules, Ttl};
use spec::distribution::{ErrorPage, Source};

use super::figures::Counts;
use super::upstream::Supply;
use crate::client::Origins;
use crate::config::{Limits, Upstream};
use crate::origin::OriginError;
use crate::via::Pseudonym;

/// Where distributions are mounted.
const MOUNT: &str = "/d/";
/// Longest host, in bytes (RFC 1035 §2.3.4).
const MAX_HOST: usize = 255;

/// All distributions of a moment.
#[derive(Debug, Default)]
pub(super) struct Routes {
    hosts: HashMap<Box<str>, Arc<Distribution>>,
    /// Some hosts begin with `*.`.
    has_wildcards: bool,
    mounts: HashMap<Box<str>, Arc<Distribution>>,
    all: Vec<Arc<Distribution>>,
}

/// One distribution, ready to serve.
#[derive(Debug)]
pub(crate) struct Distribution {
    pub(super) spec: spec::Distribution,
    pub(super) behaviours: Vec<Behaviour>,
    pub(super) counts: Arc<Counts>,
}

/// One behaviour, ready to serve.
#[derive(Debug)]
pub(crate) struct Behaviour {
    pub(super) spec: spec::distribution::Behaviour,
    pub(super) supply: Arc<Supply>,
    /// What is kept of its answers, and how long.
    pub(crate) rules: Rules,
    /// The viewer's fields that are part of the key.
    pub(super) keyed: Vec<HeaderName>,
    /// Those that only go along.
    pub(super) forwarded: Vec<HeaderName>,
    limits: OnceLock<Limits>,
}

impl Routes {
    /// What stayed the same is taken over from `before`.
    pub(super) fn new(
        specs: &[spec::Distribution],
        before: &Routes,
        own: &Upstream,
        pseudonym: &Pseudonym,
    ) -> Result<Routes, OriginError> {
        let mut routes = Routes::default();
        for spec in specs {
            let old = before.all.iter().find(|old| old.spec.name == spec.name);
            let one = match old {
                Some(same) if same.spec == *spec => same.clone(),
                _ => Arc::new(Distribution::new(spec, old.map(|old| &**old), own, pseudonym)?),
            };
            for host in &spec.hosts {
                routes.has_wildcards |= host.starts_with("*.");
                routes.hosts.insert(host.as_str().into(), one.clone());
            }
            if spec.mount {
                routes.mounts.insert(spec.name.as_str().into(), one.clone());
            }
            routes.all.push(one);
        }
        Ok(routes)
    }

    pub(super) fn find<'t>(
        &self,
        host: Option<&[u8]>,
        target: &'t str,
    ) -> Option<(&Arc<Distribution>, &'t str)> {
        if let Some(found) = host.and_then(|host| self.by_host(host)) {
            return Some((found, target));
        }
        if self.mounts.is_empty() {
            return None;
        }
        let below = target.strip_prefix(MOUNT)?;
        let end = below.find(['/', '?']).unwrap_or(below.len());
        let (name, rest) = below.split_at(end);
        self.mounts.get(name).map(|found| (found, rest))
    }

    /// `host` as it came, perhaps with a port.
    fn by_host(&self, host: &[u8]) -> Option<&Arc<Distribution>> {
        // An IPv6 address in its brackets is no distribution's.
        let end = host.iter().position(|byte| *byte == b':').unwrap_or(host.len());
        let mut lower = [0; MAX_HOST];
        let lower = lower.get_mut(..end)?;
        lower.copy_from_slice(&host[..end]);
        lower.make_ascii_lowercase();
        let name = std::str::from_utf8(lower).ok()?;
        if let Some(found) = self.hosts.get(name) {
            return Some(found);
        }
        let (_, above) = name.split_once('.').filter(|_| self.has_wildcards)?;
        self.hosts.get(format!("*.{above}").as_str())
    }

    pub(super) fn all(&self) -> &[Arc<Distribution>] {
        &self.all
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.all.iter().any(|one| one.spec.name == name)
    }

    /// Origins that `next` has no use for keep no connections.
    pub(super) fn retire_all_but(&self, next: &Routes) {
        let kept = |supply: &Arc<Supply>| {
            next.all.iter().flat_map(|one| &one.behaviours).any(|other| Arc::ptr_eq(&other.supply, supply))
        };
        for behaviour in self.all.iter().flat_map(|one| &one.behaviours) {
            if !kept(&behaviour.supply) {
                behaviour.supply.origins.retire();
            }
        }
    }
}

impl Distribution {
    pub(super) fn new(
        spec: &spec::Distribution,
        old: Option<&Distribution>,
        own: &Upstream,
        pseudonym: &Pseudonym,
    ) -> Result<Distribution, OriginError> {
        let mut supplies: Vec<(Source, Arc<Supply>)> = Vec::new();
        let mut behaviours: Vec<Behaviour> = Vec::new();
        for behaviour in &spec.behaviours {
            let known = supplies.iter().find(|(source, _)| *source == behaviour.source);
            let supply = match known {
                Some((_, supply)) => supply.clone(),
                None => {
                    let supply = Supply::of(spec, behaviour.source, old, own, pseudonym)?;
                    supplies.push((behaviour.source, supply.clone()));
                    supply
                }
            };
            behaviours.push(Behaviour::new(behaviour, spec, supply));
        }
        let counts = old.map(|old| old.counts.clone()).unwrap_or_default();
        Ok(Distribution { spec: spec.clone(), behaviours, counts })
    }

    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }

    /// The place of the behaviour for a path.
    pub(super) fn behaviour(&self, path: &str) -> usize {
        let fits = |one: &Behaviour| one.spec.path.as_ref().is_none_or(|pattern| pattern.matches(path));
        self.behaviours.iter().position(fits).expect("the last behaviour fits every path: spec says so")
    }

    /// What viewers get instead of answers of a status.
    pub(super) fn page(&self, status: u16) -> Option<&ErrorPage> {
        self.spec.errors.iter().find(|error| error.status == status)?.page.as_ref()
    }
}

impl Behaviour {
    fn new(
        spec: &spec::distribution::Behaviour,
        distribution: &spec::Distribution,
        supply: Arc<Supply>,
    ) -> Behaviour {
        let names = |names: &[String]| -> Vec<HeaderName> {
            names.iter().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect()
        };
        let keyed = names(&spec.headers);
        let errors = distribution.errors.iter();
        let rules = Rules {
            ttl: spec.ttl.map(|ttl| Ttl {
                min: Duration::from_millis(ttl.min_ms),
                default: Duration::from_millis(ttl.default_ms),
                max: Duration::from_millis(ttl.max_ms),
            }),
            errors: errors
                .filter_map(|error| Some((error.status, Duration::from_millis(error.ttl_ms?))))
                .collect(),
            keyed: keyed.clone(),
            ..Rules::default()
        };
        let forwarded = names(&spec.forward_headers);
        Behaviour { spec: spec.clone(), supply, rules, keyed, forwarded, limits: OnceLock::new() }
    }

    pub(crate) fn origins(&self) -> &Arc<Origins> {
        &self.supply.origins
    }

    /// The edge's bounds, with this behaviour's patience.
    pub(crate) fn limits(&self, edge: &Limits) -> &Limits {
        self.limits.get_or_init(|| match self.supply.read_time {
            None => edge.clone(),
            Some(patience) => Limits {
                first_byte_time: patience,
                blocking_first_byte_time: edge.blocking_first_byte_time.max(patience),
                between_bytes_time: patience,
                ..edge.clone()
            },
        })
    }
}
