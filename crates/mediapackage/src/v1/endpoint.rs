//! Origin endpoints of v1.

use aws::{Error, Map, Value};
use door::Caller;
use serde::{Deserialize, Serialize};
use store::{Document, Expect, New, Owner, Page, Resource};

use super::package::{self, PACKAGES, Package};
use super::{
    ENDPOINT, channel, failed, found, host_label, id, key, not_carried_out, page_size, unprocessable,
};
use crate::address;
use crate::asked::{Asked, Identifier};
use crate::setup::Setup;

/// The header field that a CDN brings.
const HEADER: &str = "X-MediaPackage-CDNIdentifier";
/// What the secret calls its value.
const SECRET: &str = "MediaPackageCDNIdentifier";
/// Members of requests that are not settings.
const NOT_SETTINGS: [&str; 3] = ["Id", "ChannelId", "Tags"];

/// What is kept of an endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    channel: String,
    /// Its id in URLs and its ARN.
    token: String,
    /// As asked for.
    settings: Map,
    /// What the CDN's secret was when it was last named: SHA-256 in hexadecimal digits.
    identifier: Option<String>,
}

pub(super) async fn create(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, ENDPOINT, id(&input))?;
    let channel = input.text("ChannelId").unwrap_or_default().to_owned();
    let at = caller.at.0.to_string();
    let words = ["endpoint", &caller.account, &caller.region, key.id(), &at, &caller.request_id];
    let token = setup.derived(&words, 32);
    let tags = door::tags(input.get("Tags"));
    let settings: Map = input.into_iter().filter(|(name, _)| !NOT_SETTINGS.contains(&&**name)).collect();
    package::read(&settings).map_err(not_carried_out)?;
    let identifier = identifier(setup, &settings)?;
    let kept = Kept { channel, token, settings, identifier };
    let new = New {
        arn: caller.arn("mediapackage", &format!("origin_endpoints/{}", kept.token)),
        name: key.id().to_owned(),
        owner: Owner::Api,
        desired: Document::of(&kept).map_err(|error| failed(error, "origin endpoint"))?,
        tags,
        key,
    };
    let made = async {
        let mut write = setup.store.write(caller.audit()).await?;
        let made = async {
            channel::require(&mut write, caller, &kept.channel).await?;
            write.create(new).await
        }
        .await;
        write.settle(made).await
    };
    // Only the channel can be missing.
    shown(setup, &made.await.map_err(|error| failed(error, "channel"))?)
}

pub(super) async fn describe(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, ENDPOINT, id(&input))?;
    shown(setup, &found(setup, caller, &key, "origin endpoint").await?)
}

pub(super) async fn list(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let of = input.text("ChannelId");
    let most = page_size(&input) as usize;
    let mut after = input.text("NextToken").map(str::to_owned);
    let (mut endpoints, mut next) = (Vec::<Value>::new(), None);
    'pages: loop {
        let (account, region) = (&caller.account, &caller.region);
        let page = setup.store.list(ENDPOINT, account, region, after.as_deref(), Page::<Resource>::MAX).await;
        let page = page.map_err(|error| failed(error, "origin endpoint"))?;
        for endpoint in &page.items {
            if of.is_some_and(|of| kept(endpoint).is_ok_and(|kept| kept.channel != of)) {
                continue;
            }
            if endpoints.len() == most {
                next = after;
                break 'pages;
            }
            endpoints.push(shown(setup, endpoint)?.into());
            after = Some(endpoint.key.id().to_owned());
        }
        match page.next {
            Some(end) => after = Some(end),
            None => break,
        }
    }
    let answer = Map::new().with("OriginEndpoints", endpoints);
    Ok(match next {
        Some(next) => answer.with("NextToken", next),
        None => answer,
    })
}

pub(super) async fn update(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, ENDPOINT, id(&input))?;
    let before = found(setup, caller, &key, "origin endpoint").await?;
    let mut kept = kept(&before)?;
    let given = |name: &&'static str| input.get(name).is_some();
    let package = PACKAGES.into_iter().find(given);
    if let Some(package) = package
        && kept.settings.get(package).is_none()
    {
        return Err(unprocessable(format!("{package}: an origin endpoint keeps its kind of package")));
    }
    // What is not given stays as it is.
    for (name, value) in input.iter().filter(|(name, _)| !NOT_SETTINGS.contains(&&***name)) {
        kept.settings.insert(name.clone(), value.clone());
    }
    package::read(&kept.settings).map_err(not_carried_out)?;
    if input.get("Authorization").is_some() {
        kept.identifier = identifier(setup, &kept.settings)?;
    }
    let desired = Document::of(&kept).map_err(|error| failed(error, "origin endpoint"))?;
    // Somebody else's change in between is not written over.
    let expect = Expect::Generation(before.generation);
    let changed = setup.store.change(caller.audit(), &key, expect, desired).await;
    shown(setup, &changed.map_err(|error| failed(error, "origin endpoint"))?)
}

pub(super) async fn delete(setup: &Setup, caller: &Caller, input: Map) -> Result<Map, Error> {
    let key = key(caller, ENDPOINT, id(&input))?;
    let deleted = setup.store.delete(caller.audit(), &key, Expect::Any, caller.at).await;
    deleted.map_err(|error| failed(error, "origin endpoint"))?;
    Ok(Map::new())
}

/// Whether a channel has any.
pub(super) async fn any_of(setup: &Setup, caller: &Caller, of: &str) -> Result<bool, store::Error> {
    let mut after = None;
    loop {
        let (account, region) = (&caller.account, &caller.region);
        let page =
            setup.store.list(ENDPOINT, account, region, after.as_deref(), Page::<Resource>::MAX).await?;
        if page.items.iter().filter_map(|endpoint| kept(endpoint).ok()).any(|kept| kept.channel == of) {
            return Ok(true);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(false),
        }
    }
}

/// What an endpoint asks of the workflow; nothing while it may not be served.
pub(super) fn asked(endpoint: &Resource) -> Option<Asked> {
    let kept = kept(endpoint).ok()?;
    let package = package::read(&kept.settings).ok().filter(|package| package.is_served)?;
    let key = &endpoint.key;
    Some(Asked {
        name: format!("mediapackage:{}:{}:{}", key.account(), key.region(), key.id()),
        path: path(&kept),
        channel: door::media_name("mp", &kept.channel),
        segment_s: package.segment_s,
        identifier: kept.identifier.map(|sha256| Identifier { header: HEADER, sha256: vec![sha256] }),
        allow: package.allow,
        manifests: package.manifests,
    })
}

fn kept(endpoint: &Resource) -> Result<Kept, Error> {
    endpoint.desired.read().map_err(|error| failed(error, "origin endpoint"))
}

fn path(kept: &Kept) -> String {
    format!("out/v1/{}", kept.token)
}

fn identifier(setup: &Setup, settings: &Map) -> Result<Option<String>, Error> {
    let Some(authorization) = settings.get("Authorization").and_then(Value::as_map) else { return Ok(None) };
    let arn = authorization.text("CdnIdentifierSecret").unwrap_or_default();
    let found = setup.secrets.sha256(arn, SECRET);
    found.map(Some).ok_or_else(|| {
        unprocessable(format!(
            "Authorization.CdnIdentifierSecret: no secret {arn} of 8 to 256 characters is known to this installation"
        ))
    })
}

fn shown(setup: &Setup, endpoint: &Resource) -> Result<Map, Error> {
    let kept = kept(endpoint)?;
    let Package { mut done, manifests, .. } = package::read(&kept.settings).map_err(not_carried_out)?;
    let host = address::viewers(
        &setup.site,
        &host_label(kept.token.get(..14).unwrap_or(&kept.token), endpoint.key.region()),
    );
    let url = |manifest: &crate::asked::Manifest| format!("{host}/{}/{}", path(&kept), manifest.file());
    if let Some(Value::Map(cmaf)) = done.get_mut("CmafPackage")
        && let Some(Value::List(told)) = cmaf.get_mut("HlsManifests")
    {
        for (told, manifest) in told.iter_mut().zip(&manifests) {
            if let Value::Map(told) = told {
                told.insert("Url", url(manifest));
            }
        }
    }
    if let Some(first) = manifests.first() {
        done.insert("Url", url(first));
    }
    done.insert("Arn", endpoint.arn.clone());
    done.insert("ChannelId", kept.channel.clone());
    done.insert("CreatedAt", endpoint.created.to_string());
    done.insert("Id", endpoint.key.id());
    done.insert("Tags", door::tag_map(&endpoint.tags));
    Ok(done)
}
