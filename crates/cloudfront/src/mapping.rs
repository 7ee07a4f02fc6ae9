//! From a distribution's configuration to a `[[distribution]]` table of the workflow file.
//!
//! Pure: the same resources and place make the same tables, and `spec` reads them before anything is stored ([`check`]).

mod behaviour;
mod origin;

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};

use aws::{Error, Map, Value};
use door::{Site, Wanted, table};
use store::Resource;
use toml::Table;

use crate::error::invalid;
use crate::policy::Kind;
use crate::read::{flag, items, maps, number, text, texts};
use crate::{DISTRIBUTION, DOMAIN, Viewers, managed};

/// The policies that configurations name.
#[derive(Default)]
pub(crate) struct Policies(HashMap<(Kind, String), Map>);

impl Policies {
    /// With one more.
    pub(crate) fn add(&mut self, kind: Kind, id: &str, config: Map) {
        self.0.insert((kind, id.to_owned()), config);
    }

    /// One of them, or of AWS's own.
    pub(crate) fn find(&self, kind: Kind, id: &str) -> Result<Map, Error> {
        let known = self.0.get(&(kind, id.to_owned())).cloned();
        known.or_else(|| managed::find(kind, id)).ok_or_else(|| {
            Error::new(kind.missing(), format!("The specified {} does not exist: {id}", kind.word()))
        })
    }
}

/// What all distributions ask to run.
pub(crate) fn wanted(resources: &[Resource], site: &Site, viewers: Viewers) -> Wanted {
    let lives = |resource: &&Resource| resource.deleted.is_none();
    let mut policies = Policies::default();
    for kind in Kind::ALL {
        for resource in resources.iter().filter(|resource| resource.key.kind() == kind.stored()).filter(lives)
        {
            if let Ok(config) = resource.desired.read() {
                policies.add(kind, resource.key.id(), config);
            }
        }
    }
    let mut all: Vec<_> =
        resources.iter().filter(|resource| resource.key.kind() == DISTRIBUTION).filter(lives).collect();
    all.sort_by_key(|resource| (resource.created, resource.key.id()));
    // A host is the oldest's, should two have it: two calls at one moment are all that could.
    let mut taken = HashSet::new();
    let mut distributions = Vec::new();
    for resource in all {
        let Ok(config) = resource.desired.read::<Map>() else { continue };
        let Ok(mut one) = distribution(resource.key.id(), &config, &policies, site) else { continue };
        if let Some(toml::Value::Array(hosts)) = one.get_mut("hosts") {
            hosts.retain(|host| host.as_str().is_some_and(|host| taken.insert(host.to_owned())));
        }
        // Settings may have changed since it was made: one that cannot be any more must not keep the others from running.
        if read(&one, viewers).is_ok() {
            distributions.push(one);
        }
    }
    Wanted { distributions, ..Wanted::default() }
}

/// The host name that a distribution gets.
pub(crate) fn domain_name(id: &str) -> String {
    format!("{}.{DOMAIN}", id.to_ascii_lowercase())
}

/// The name of a distribution in the workflow file, and in the edge's cache.
pub(crate) fn name(id: &str) -> String {
    id.to_ascii_lowercase()
}

/// The distributions that there are, by their names in the workflow file, with their ids.
pub fn distribution_names(resources: &[Resource]) -> Vec<(String, String)> {
    let distributions = resources
        .iter()
        .filter(|resource| resource.key.kind() == DISTRIBUTION && resource.deleted.is_none())
        .map(|resource| resource.key.id().to_owned());
    distributions.map(|id| (name(&id), id)).collect()
}

/// Whether a configuration can be carried out on the machine that is reached as `host`.
pub(crate) fn check(config: &Map, policies: &Policies, viewers: Viewers, host: &str) -> Result<(), Error> {
    read(&distribution("E0", config, policies, &reached_as(host))?, viewers)
}

/// The place of a machine of which nothing matters but by which name it is reached.
pub(crate) fn reached_as(host: &str) -> Site {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let [viewers, rtmp, srt, hls_push, origin, control] = [nowhere; 6];
    Site { host: host.to_owned(), viewers, rtmp, srt, hls_push, origin, control }
}

/// Whether a behaviour's table, or part of one, can be.
pub(crate) fn try_behaviour(behaviour: Table) -> Result<(), Error> {
    let origin = table([("id", "origin"), ("target", "origin")]);
    let mut one = table([("name", "e0")]);
    one.insert("mount".into(), true.into());
    one.insert("origin".into(), vec![origin].into());
    one.insert("behaviour".into(), vec![behaviour].into());
    read(&one, Viewers::HttpAndHttps)
}

/// Lets `spec` read a table as it will once it is in a workflow.
fn read(one: &Table, viewers: Viewers) -> Result<(), Error> {
    let mut file = Table::new();
    if viewers == Viewers::HttpAndHttps {
        file.insert("listen".into(), table([("viewers_tls", "0.0.0.0:8443")]).into());
    }
    file.insert("edge".into(), table([("origins", vec!["http://127.0.0.1:8300"])]).into());
    file.insert("distribution".into(), vec![one.clone()].into());
    let text = file.to_string();
    match spec::Workflow::parse(&text) {
        Ok(_) => Ok(()),
        Err(fault) => {
            let field = fault.field.strip_prefix("distribution[0].").unwrap_or(&fault.field);
            Err(invalid(format!("{field}: {}", fault.message)))
        }
    }
}

/// The table of a completed configuration.
pub(crate) fn distribution(id: &str, config: &Map, policies: &Policies, site: &Site) -> Result<Table, Error> {
    let mut hosts = vec![domain_name(id)];
    hosts.extend(texts(config, "Aliases").iter().map(|alias| alias.to_ascii_lowercase()));
    let mut one = table([("name", name(id))]);
    one.insert("hosts".into(), hosts.into());
    one.insert("mount".into(), true.into());
    one.insert("enabled".into(), flag(config, "Enabled").into());
    let root = text(config, "DefaultRootObject");
    if !root.is_empty() {
        one.insert("default_root".into(), root.into());
    }
    let origins: Result<Vec<_>, _> =
        maps(config, "Origins").map(|origin| origin::table(origin, policies, site)).collect();
    one.insert("origin".into(), origins?.into());
    let groups: Vec<_> = maps(config, "OriginGroups").map(group).collect();
    if !groups.is_empty() {
        one.insert("group".into(), groups.into());
    }
    let others = maps(config, "CacheBehaviors");
    let default = config.get("DefaultCacheBehavior").and_then(Value::as_map);
    let known = |id: &str| {
        let named = maps(config, "Origins").chain(maps(config, "OriginGroups"));
        named.map(|one| text(one, "Id")).any(|known| known == id)
    };
    let others: Vec<_> = others.chain(default).collect();
    if let Some(nobody) = others.iter().map(|one| text(one, "TargetOriginId")).find(|id| !known(id)) {
        return Err(Error::new(
            "NoSuchOrigin",
            format!("One or more of your origins or origin groups do not exist: {nobody}"),
        ));
    }
    let behaviours: Result<Vec<_>, _> =
        others.into_iter().map(|behaviour| behaviour::table(behaviour, policies)).collect();
    one.insert("behaviour".into(), behaviours?.into());
    let errors: Result<Vec<_>, _> = maps(config, "CustomErrorResponses").map(error).collect();
    let errors = errors?;
    if !errors.is_empty() {
        one.insert("error".into(), errors.into());
    }
    Ok(one)
}

fn group(group: &Map) -> Table {
    let members: Vec<_> = maps(group, "Members").map(|member| text(member, "OriginId").to_owned()).collect();
    let statuses: Vec<i64> = items(group, "FailoverCriteria.StatusCodes")
        .iter()
        .filter_map(|status| match status {
            Value::Integer(status) => i64::try_from(*status).ok(),
            _ => None,
        })
        .collect();
    let mut one = table([("id", text(group, "Id"))]);
    one.insert("origins".into(), members.into());
    one.insert("failover_on".into(), statuses.into());
    one
}

fn error(error: &Map) -> Result<Table, Error> {
    const CODES: [i64; 11] = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];
    let code = number(error, "ErrorCode").unwrap_or_default();
    if !CODES.contains(&code) {
        return Err(Error::new("InvalidErrorCode", format!("{code} is none of {CODES:?}.")));
    }
    let mut one = table([("status", code)]);
    if let Some(seconds) = number(error, "ErrorCachingMinTTL") {
        one.insert("ttl".into(), seconds.into());
    }
    match (text(error, "ResponsePagePath"), text(error, "ResponseCode")) {
        ("", "") => {}
        ("", _) | (_, "") => {
            return Err(invalid("ResponsePagePath and ResponseCode go together, or are both left out"));
        }
        (page, answer) => {
            let answer: i64 = answer
                .parse()
                .map_err(|_| Error::new("InvalidResponseCode", format!("`{answer}` is no HTTP status.")))?;
            one.insert("page".into(), page.into());
            one.insert("answer".into(), answer.into());
        }
    }
    Ok(one)
}
