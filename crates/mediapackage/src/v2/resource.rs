//! What groups, channels and endpoints have in common: keys, entity tags, tokens, pages.

use aws::{Error, Map, Value};
use door::Caller;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use store::{Document, Expect, Key, New, Resource, Token, Write};

use super::fault::{What, conflict, failed};
use crate::setup::{Setup, hex};

/// Kinds of resources in the store.
pub(super) const GROUP: &str = "mediapackagev2-group";
pub(crate) const CHANNEL: &str = "mediapackagev2-channel";
pub(super) const ENDPOINT: &str = "mediapackagev2-endpoint";
/// Items of a page, where the client does not say how many; AWS's most is 100.
const PAGE: u32 = 100;

/// A resource's key: `group`, `group/channel`, `group/channel/endpoint`.
pub(super) fn key(caller: &Caller, kind: &str, names: &[&str]) -> Result<Key, Error> {
    Key::new(kind, &caller.account, &caller.region, &names.join("/"))
        .map_err(|error| failed(error, What::Endpoint))
}

/// A member of the input that the description makes sure of.
pub(super) fn name<'m>(input: &'m Map, member: &str) -> &'m str {
    input.text(member).unwrap_or_default()
}

pub(super) fn oldest_first<'r>(
    resources: &'r [Resource],
    kind: &str,
) -> impl Iterator<Item = &'r Resource> + use<'r> {
    let mut of_kind: Vec<_> =
        resources.iter().filter(|it| it.key.kind() == kind && it.deleted.is_none()).collect();
    of_kind.sort_by_key(|it| (it.created, &it.key));
    of_kind.into_iter()
}

/// What comes back when the same call comes again: the token, and a digest of everything else.
pub(super) fn token(input: &Map) -> Option<Token> {
    let token = input.text("ClientToken")?.to_owned();
    let mut rest = input.clone();
    rest.remove("ClientToken");
    let text = serde_json::to_string(&rest).expect("values become JSON");
    Some(Token { token, fingerprint: hex(&Sha256::digest(text.as_bytes())) })
}

/// A document that counts its updates, for the entity tag: policies and tags are none.
pub(super) trait Kept: Serialize + DeserializeOwned {
    fn edits(&mut self) -> &mut u64;

    fn of(resource: &Resource) -> Result<Self, store::Error> {
        resource.desired.read()
    }
}

pub(super) fn etag<K: Kept>(resource: &Resource) -> Result<String, Error> {
    let mut kept = K::of(resource).map_err(|error| failed(error, What::Endpoint))?;
    let text = format!("{} {} {}", resource.arn, resource.created.0, kept.edits());
    Ok(hex(&Sha256::digest(text.as_bytes())[..8]))
}

/// Makes a resource below others that have to be there. A token that came before gets the resource as it was made then.
pub(super) async fn create(
    setup: &Setup,
    caller: &Caller,
    (new, what): (New, What),
    parents: &[(Key, What)],
    token: Option<Token>,
) -> Result<Resource, Error> {
    let fail = |error| failed(error, what);
    let mut write = setup.store.write(caller.audit()).await.map_err(fail)?;
    let mut lacking = what;
    let made = async {
        if let Some(token) = &token
            && let Some(answer) = write.replay(token).await?
        {
            return answer.read();
        }
        for (key, parent) in parents {
            lacking = *parent;
            write.resource(key).await?;
        }
        lacking = what;
        let made = write.create(new).await?;
        if let Some(token) = &token {
            write.remember(token, &Document::of(&made)?).await?;
        }
        Ok(made)
    }
    .await;
    write.settle(made).await.map_err(|error| failed(error, lacking))
}

/// A resource that is there and not only its tombstone.
pub(super) async fn found(setup: &Setup, caller: &Caller, key: &Key, what: What) -> Result<Resource, Error> {
    let found = setup.store.resource(key, caller.at).await.map_err(|error| failed(error, what))?;
    match found.deleted {
        None => Ok(found),
        Some(_) => Err(failed(store::Error::NotFound(key.to_string()), what)),
    }
}

/// Changes what is kept of a resource. With an entity tag, only if that is still its.
pub(super) async fn change<K: Kept>(
    setup: &Setup,
    caller: &Caller,
    (key, what): (&Key, What),
    expected: Option<&str>,
    change: impl FnOnce(&mut K),
) -> Result<Resource, Error> {
    let fail = |error| failed(error, what);
    let mut write = setup.store.write(caller.audit()).await.map_err(fail)?;
    let mut is_stale = false;
    let changed = async {
        let before = write.resource(key).await?;
        is_stale = expected.is_some_and(|tag| etag::<K>(&before).is_ok_and(|now| now != tag));
        if is_stale {
            return Err(store::Error::Conflict("the entity tag is not the present one".to_owned()));
        }
        let mut kept = K::of(&before)?;
        change(&mut kept);
        write.change(key, Expect::Any, Document::of(&kept)?).await
    }
    .await;
    write.settle(changed).await.map_err(|error| match is_stale {
        true => conflict("CONFLICTING_OPERATION", error.to_string()),
        false => failed(error, what),
    })
}

/// Deletes a resource that has nothing of `below` under it. What is not there is deleted already.
pub(super) async fn delete(
    setup: &Setup,
    caller: &Caller,
    (key, what): (&Key, What),
    below: Option<&str>,
) -> Result<Map, Error> {
    let fail = |error| failed(error, what);
    let mut write = setup.store.write(caller.audit()).await.map_err(fail)?;
    let mut in_use = false;
    // Nobody else writes meanwhile, so what is read beside is what is.
    let deleted = delete_unused(setup, caller, &mut write, key, below, &mut in_use).await;
    match write.settle(deleted).await {
        Ok(_) | Err(store::Error::NotFound(_)) => Ok(Map::new()),
        Err(error) if in_use => Err(conflict("RESOURCE_IN_USE", error.to_string())),
        Err(error) => Err(failed(error, what)),
    }
}

async fn delete_unused(
    setup: &Setup,
    caller: &Caller,
    write: &mut Write,
    key: &Key,
    below: Option<&str>,
    in_use: &mut bool,
) -> Result<Resource, store::Error> {
    if let Some(kind) = below {
        let prefix = format!("{}/", key.id());
        let page = setup.store.list(kind, &caller.account, &caller.region, Some(&prefix), 1).await?;
        *in_use = page.items.iter().any(|child| child.key.id().starts_with(&prefix));
        if *in_use {
            return Err(store::Error::Conflict(format!(
                "{} is not empty; delete what is in it first",
                key.id()
            )));
        }
    }
    write.delete(key, Expect::Any, caller.at).await
}

/// A page of the resources of a kind whose ids begin with `prefix`, and of what other doors made, by ids.
pub(super) async fn list(
    setup: &Setup,
    caller: &Caller,
    (kind, prefix): (&str, &str),
    input: &Map,
    others: Vec<(String, Map)>,
    shown: impl Fn(&Resource) -> Result<Map, Error>,
) -> Result<Map, Error> {
    let limit = match input.get("MaxResults") {
        Some(Value::Integer(most)) => u32::try_from(*most).unwrap_or(PAGE),
        _ => PAGE,
    };
    // A token from elsewhere leads to the list's beginning.
    let after = input.text("NextToken").filter(|token| token.starts_with(prefix)).unwrap_or(prefix);
    let page = setup.store.list(kind, &caller.account, &caller.region, Some(after), limit).await;
    let page = page.map_err(|error| failed(error, What::Group))?;
    let below: Vec<_> = page.items.iter().take_while(|item| item.key.id().starts_with(prefix)).collect();
    let goes_on = page.next.is_some() && below.len() == page.items.len();
    let own = below.into_iter().map(|item| Ok((item.key.id().to_owned(), shown(item)?)));
    let own = own.collect::<Result<Vec<_>, Error>>()?;
    let (items, next) = door::listed(own, goes_on, others, Some(after), limit as usize);
    let items: Vec<Value> = items.into_iter().map(Value::from).collect();
    let answer = Map::new().with("Items", items);
    Ok(match next {
        Some(next) => answer.with("NextToken", next),
        None => answer,
    })
}
