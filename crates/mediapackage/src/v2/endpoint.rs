//! Origin endpoints of v2.

use aws::{Error, Map, Value};
use door::Caller;
use serde::{Deserialize, Serialize};
use store::{Document, New, Owner, Resource};

use super::fault::{What, failed, invalid, missing, not_carried_out};
use super::group::host_label;
use super::manifest::{self, LISTS, Package};
use super::policy::{self, LetsIn};
use super::resource::{self, CHANNEL, ENDPOINT, GROUP, Kept, etag, key, name, token};
use crate::address;
use crate::asked::{Asked, Identifier};
use crate::setup::Setup;

/// The header field that a CDN brings.
const HEADER: &str = "X-MediaPackageV2-CDNIdentifier";
/// What its secrets call their value.
const SECRET: &str = "MediaPackageV2CDNIdentifier";

/// What is kept of an endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Endpoint {
    /// As asked for.
    settings: Map,
    policy: Option<Policy>,
    edits: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Policy {
    text: String,
    cdn: Option<Map>,
    /// What the CDN's secrets were when they were named, where requests have to bring one: SHA-256 in hexadecimal digits.
    identifiers: Option<Vec<String>>,
    /// Networks that may watch; everybody's where there is none.
    #[serde(default)]
    allow: Vec<String>,
}

impl Kept for Endpoint {
    fn edits(&mut self) -> &mut u64 {
        &mut self.edits
    }
}

pub(super) async fn create(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let [group, channel, own] = names(&input);
    let key = key(caller, ENDPOINT, &[group, channel, own])?;
    let kept = Endpoint { settings: read(&input)?, policy: None, edits: 0 };
    let path = format!("channelGroup/{group}/channel/{channel}/originEndpoint/{own}");
    let new = New {
        arn: caller.arn("mediapackagev2", &path),
        name: own.to_owned(),
        owner: Owner::Api,
        desired: Document::of(&kept).map_err(|error| failed(error, What::Endpoint))?,
        tags: door::tags(input.get("Tags")),
        key,
    };
    let parents = [
        (resource::key(caller, GROUP, &[group])?, What::Group),
        (resource::key(caller, CHANNEL, &[group, channel])?, What::Channel),
    ];
    let made = resource::create(setup, caller, (new, What::Endpoint), &parents, token(&input)).await?;
    shown(setup, &made)
}

pub(super) async fn get(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    shown(setup, &resource::found(setup, caller, &key, What::Endpoint).await?)
}

pub(super) async fn list(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let [group, channel, _] = names(&input);
    resource::found(setup, caller, &key(caller, GROUP, &[group])?, What::Group).await?;
    resource::found(setup, caller, &key(caller, CHANNEL, &[group, channel])?, What::Channel).await?;
    let prefix = format!("{group}/{channel}/");
    let item = |endpoint: &Resource| Ok(summary(shown(setup, endpoint)?));
    resource::list(setup, caller, (ENDPOINT, &prefix), &input, Vec::new(), item).await
}

/// An endpoint as a list has it.
pub(super) fn summary(mut shown: Map) -> Map {
    for member in ["Segment", "StartoverWindowSeconds", "ETag", "Tags"] {
        shown.remove(member);
    }
    for (list, _) in LISTS {
        if let Some(Value::List(manifests)) = shown.get_mut(list) {
            manifests.iter_mut().for_each(only_names);
        }
    }
    shown
}

pub(super) async fn update(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    let settings = read(&input)?;
    let set = |kept: &mut Endpoint| {
        kept.edits += 1;
        kept.settings = settings;
    };
    let changed = resource::change(setup, caller, (&key, What::Endpoint), input.text("ETag"), set).await?;
    shown(setup, &changed)
}

pub(super) async fn delete(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    resource::delete(setup, caller, (&key, What::Endpoint), None).await
}

pub(super) async fn put_policy(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    let text = name(&input, "Policy").to_owned();
    let found = resource::found(setup, caller, &key, What::Endpoint).await?;
    let LetsIn { asks_for_header, networks } = policy::read(&text, &found.arn, &policy::EGRESS)?;
    let allow = networks.iter().map(ToString::to_string).collect();
    let cdn = input.get("CdnAuthConfiguration").and_then(Value::as_map).cloned();
    let known = cdn.as_ref().map(|cdn| identifiers(setup, cdn)).transpose()?;
    let identifiers = match (asks_for_header, known) {
        (false, _) => None,
        (true, Some(known)) => Some(known),
        (true, None) => {
            return Err(invalid(
                "INVALID_POLICY",
                "Policy: it asks for a header that CdnAuthConfiguration has to name",
            ));
        }
    };
    set_policy(setup, caller, &key, Some(Policy { text, cdn, identifiers, allow })).await
}

pub(super) async fn get_policy(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    let found = resource::found(setup, caller, &key, What::Endpoint).await?;
    let policy = kept(&found)?.policy.ok_or_else(|| missing(What::Policy))?;
    let [group, channel, own] = names(&input);
    let answer = Map::new()
        .with("ChannelGroupName", group)
        .with("ChannelName", channel)
        .with("OriginEndpointName", own)
        .with("Policy", policy.text);
    Ok(match policy.cdn {
        Some(cdn) => answer.with("CdnAuthConfiguration", cdn),
        None => answer,
    })
}

pub(super) async fn delete_policy(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = resource_key(caller, &input)?;
    match set_policy(setup, caller, &key, None).await {
        // What is not there has none.
        Err(error) if error.name == "ResourceNotFoundException" => Ok(Map::new()),
        done => done,
    }
}

async fn set_policy(
    setup: &Setup,
    caller: &Caller,
    key: &store::Key,
    policy: Option<Policy>,
) -> Result<Map, Error> {
    let set = |kept: &mut Endpoint| kept.policy = policy;
    resource::change(setup, caller, (key, What::Endpoint), None, set).await?;
    Ok(Map::new())
}

fn identifiers(setup: &Setup, cdn: &Map) -> Result<Vec<String>, Error> {
    let arns = cdn.get("CdnIdentifierSecretArns").and_then(Value::as_list).unwrap_or_default();
    arns.iter()
        .filter_map(Value::as_str)
        .map(|arn| {
            setup.secrets.sha256(arn, SECRET).ok_or_else(|| {
                let message = format!("no secret {arn} of 8 to 256 characters is known to this installation");
                invalid("SECRET_ARN_RESOURCE_NOT_FOUND", message)
            })
        })
        .collect()
}

/// What an endpoint asks of the workflow.
pub(super) fn asked(endpoint: &Resource) -> Option<Asked> {
    let kept = Endpoint::of(endpoint).ok()?;
    let package = manifest::read(&kept.settings).ok()?;
    let key = &endpoint.key;
    let (channel, _) = key.id().rsplit_once('/')?;
    let (identifiers, allow) =
        kept.policy.map(|policy| (policy.identifiers, policy.allow)).unwrap_or_default();
    Some(Asked {
        name: format!("mediapackagev2:{}:{}:{}", key.account(), key.region(), key.id()),
        path: path(key.id()),
        channel: door::media_name("mp", channel),
        segment_s: package.segment_s,
        identifier: identifiers.map(|sha256| Identifier { header: HEADER, sha256 }),
        allow,
        manifests: package.manifests,
    })
}

fn names(input: &Map) -> [&str; 3] {
    ["ChannelGroupName", "ChannelName", "OriginEndpointName"].map(|member| name(input, member))
}

fn resource_key(caller: &Caller, input: &Map) -> Result<store::Key, Error> {
    key(caller, ENDPOINT, &names(input))
}

fn read(input: &Map) -> Result<Map, Error> {
    let settings = manifest::without_names(input);
    manifest::read(&settings).map_err(|refusal| not_carried_out(&refusal))?;
    Ok(settings)
}

fn kept(endpoint: &Resource) -> Result<Endpoint, Error> {
    Endpoint::of(endpoint).map_err(|error| failed(error, What::Endpoint))
}

/// The path in front of an endpoint's files, as AWS has it.
fn path(id: &str) -> String {
    format!("out/v1/{id}")
}

fn only_names(manifest: &mut Value) {
    if let Value::Map(all) = manifest {
        let kept = ["ManifestName", "Url"].map(|name| all.get(name).cloned().map(|value| (name, value)));
        *all = kept.into_iter().flatten().collect();
    }
}

fn shown(setup: &Setup, endpoint: &Resource) -> Result<Map, Error> {
    let kept = kept(endpoint)?;
    let Package { mut done, manifests, .. } =
        manifest::read(&kept.settings).map_err(|refusal| not_carried_out(&refusal))?;
    let id = endpoint.key.id();
    let mut names = id.split('/');
    let mut next = || names.next().unwrap_or_default().to_owned();
    let (group, channel, own) = (next(), next(), next());
    let host = address::viewers(&setup.site, &host_label(setup, &endpoint.key, &group));
    let mut manifests = manifests.iter();
    for (list, _) in LISTS {
        let Some(Value::List(told)) = done.get_mut(list) else { continue };
        for (told, manifest) in told.iter_mut().zip(&mut manifests) {
            if let Value::Map(told) = told {
                told.insert("Url", format!("{host}/{}/{}", path(id), manifest.file()));
            }
        }
    }
    done.insert("Arn", endpoint.arn.clone());
    done.insert("ChannelGroupName", group);
    done.insert("ChannelName", channel);
    done.insert("OriginEndpointName", own);
    done.insert("CreatedAt", endpoint.created);
    done.insert("ModifiedAt", endpoint.updated);
    done.insert("ETag", etag::<Endpoint>(endpoint)?);
    done.insert("Tags", door::tag_map(&endpoint.tags));
    Ok(done)
}
