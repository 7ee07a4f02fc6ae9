//! MediaPackage v1.
//!
//! [`channel`] and [`endpoint`] do the calls; [`package`] reads what an endpoint asks for.

mod about;
mod channel;
mod endpoint;
mod package;

use std::sync::Arc;

use aws::{Error, Map, Value};
use door::{About, Answer, Caller, Door, Site, Wanted};
use store::{Key, Resource};

use crate::asked::Asked;
use crate::needs::{Needs, Source};
use crate::settings::Refusal;
use crate::setup::Setup;
use crate::tags::Tagging;
use crate::{address, fed};

/// Kinds of resources in the store.
pub(crate) const CHANNEL: &str = "mediapackage-channel";
const ENDPOINT: &str = "mediapackage-endpoint";
/// Items of a page, where the client does not say how many.
const PAGE: u32 = 100;
/// Longest id, as AWS has it.
const MAX_ID: usize = 256;

static TAGS: Tagging = Tagging { kinds: &[CHANNEL, ENDPOINT], told: |error| failed(error, "resource") };

/// AWS Elemental MediaPackage, v1.
#[derive(Clone, Debug)]
pub struct MediaPackage(Arc<Setup>);

impl MediaPackage {
    /// The door.
    pub fn new(setup: Setup) -> Self {
        Self(Arc::new(setup))
    }
}

impl Door for MediaPackage {
    fn service(&self) -> &'static str {
        "mediapackage"
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        Box::pin(about::arns(&self.0, caller, operation, input))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        let setup = &*self.0;
        Some(match operation {
            "CreateChannel" => Box::pin(channel::create(setup, caller, input)),
            "DescribeChannel" => Box::pin(channel::describe(setup, caller, input)),
            "ListChannels" => Box::pin(channel::list(setup, caller, input)),
            "UpdateChannel" => Box::pin(channel::update(setup, caller, input)),
            "DeleteChannel" => Box::pin(channel::delete(setup, caller, input)),
            "RotateChannelCredentials" => Box::pin(channel::rotate(setup, caller, input)),
            "RotateIngestEndpointCredentials" => Box::pin(channel::rotate(setup, caller, input)),
            "CreateOriginEndpoint" => Box::pin(endpoint::create(setup, caller, input)),
            "DescribeOriginEndpoint" => Box::pin(endpoint::describe(setup, caller, input)),
            "ListOriginEndpoints" => Box::pin(endpoint::list(setup, caller, input)),
            "UpdateOriginEndpoint" => Box::pin(endpoint::update(setup, caller, input)),
            "DeleteOriginEndpoint" => Box::pin(endpoint::delete(setup, caller, input)),
            "ListTagsForResource" => Box::pin(TAGS.list(setup, caller, input)),
            "TagResource" => Box::pin(TAGS.tag(setup, caller, input)),
            "UntagResource" => Box::pin(TAGS.untag(setup, caller, input)),
            _ => return None,
        })
    }

    fn wanted(&self, resources: &[Resource], _: &Site) -> Wanted {
        let asked = asked(resources);
        let fed = fed::fed(resources);
        let source = |channel: &Resource, name: &String| match channel::input(&self.0, channel) {
            Some(input) if !fed.contains(name) => Source::Hls(input),
            _ => Source::MediaLive,
        };
        let needs = Needs::by_channel(&asked);
        let mut names = std::collections::BTreeSet::new();
        let channels = living(resources, CHANNEL)
            .map(|channel| (door::media_name("mp", channel.key.id()), channel))
            .filter(|(name, _)| names.insert(name.clone()))
            .map(|(name, channel)| {
                let source = source(channel, &name);
                needs.get(&name).copied().unwrap_or_default().channel(&name, source)
            })
            .collect();
        let endpoints = asked.iter().filter(|asked| !asked.manifests.is_empty()).map(Asked::table);
        Wanted { channels, endpoints: endpoints.collect(), ..Wanted::default() }
    }
}

/// What v1's endpoints ask of the workflow.
pub(crate) fn asked(resources: &[Resource]) -> Vec<Asked> {
    living(resources, ENDPOINT).filter_map(endpoint::asked).collect()
}

fn living<'r>(resources: &'r [Resource], kind: &'static str) -> impl Iterator<Item = &'r Resource> {
    resources.iter().filter(move |it| it.key.kind() == kind && it.deleted.is_none())
}

/// `TOKEN.mediapackage.REGION`.
fn host_label(token: &str, region: &str) -> String {
    format!("{token}.{}", address::service_label("mediapackage", region))
}

fn key(caller: &Caller, kind: &str, id: &str) -> Result<Key, Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(fits) {
        return Err(unprocessable(format!("Id: 1 to {MAX_ID} of A-Z a-z 0-9 - _")));
    }
    Key::new(kind, &caller.account, &caller.region, id).map_err(|error| failed(error, "resource"))
}

fn id(input: &Map) -> &str {
    input.text("Id").unwrap_or_default()
}

fn unprocessable(message: impl Into<String>) -> Error {
    Error::new("UnprocessableEntityException", message)
}

/// A setting that is not carried out.
fn not_carried_out(refusal: Refusal) -> Error {
    unprocessable(refusal.to_string())
}

/// The store's error as this service tells it; `what` was asked for.
fn failed(error: store::Error, what: &str) -> Error {
    match error {
        store::Error::NotFound(_) => Error::new("NotFoundException", format!("there is no such {what}")),
        error if error.is_refusal() => unprocessable(error.to_string()),
        store::Error::Busy => Error::new("ServiceUnavailableException", error.to_string()),
        error => {
            tracing::error!(%error, "mediapackage");
            Error::new("InternalServerErrorException", "the store did not do it; see the log")
        }
    }
}

/// A resource that is there and not only its tombstone.
async fn found(setup: &Setup, caller: &Caller, key: &Key, what: &str) -> Result<Resource, Error> {
    let found = setup.store.resource(key, caller.at).await.map_err(|error| failed(error, what))?;
    match found.deleted {
        None => Ok(found),
        Some(_) => Err(failed(store::Error::NotFound(key.to_string()), what)),
    }
}

fn page_size(input: &Map) -> u32 {
    match input.get("MaxResults") {
        Some(Value::Integer(most)) => u32::try_from(*most).unwrap_or(PAGE),
        _ => PAGE,
    }
}
