//! MediaPackage v2.
//!
//! [`group`], [`channel`] and [`endpoint`] do the calls, [`policy`] those about policies; [`manifest`] reads what an endpoint asks
//! for, [`filter`] its filters. [`elsewhere`] shows what the workflow file made.

mod about;
mod channel;
mod elsewhere;
mod endpoint;
mod fault;
mod filter;
mod group;
mod manifest;
mod policy;
mod resource;
mod source_ip;

pub(crate) use resource::CHANNEL;

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;

use aws::Map;
use door::{About, Answer, Caller, Door, Site, Wanted};
use store::Resource;

use crate::asked::Asked;
use crate::fed;
use crate::needs::{Needs, Source};
use crate::setup::Setup;
use crate::tags::Tagging;

/// These calls know no exception but ValidationException.
static TAGS: Tagging = Tagging {
    kinds: &[resource::GROUP, CHANNEL, resource::ENDPOINT],
    told: |error| match error {
        store::Error::NotFound(_) => fault::invalid("INVALID_ARN", "ResourceArn: there is no such resource"),
        error => fault::failed(error, fault::What::Endpoint),
    },
};

/// AWS Elemental MediaPackage, v2.
#[derive(Clone, Debug)]
pub struct MediaPackageV2(Arc<Setup>);

impl MediaPackageV2 {
    /// The door.
    pub fn new(setup: Setup) -> Self {
        Self(Arc::new(setup))
    }
}

impl Door for MediaPackageV2 {
    fn service(&self) -> &'static str {
        "mediapackagev2"
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        Box::pin(ready(Ok(about::ARNS.of(caller, operation, input))))
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        let setup = &*self.0;
        let about_others = elsewhere::is_meant(&input).then(|| input.clone());
        let own: Answer<'a> = match operation {
            "CreateChannelGroup" => Box::pin(group::create(setup, caller, input)),
            "GetChannelGroup" => Box::pin(group::get(setup, caller, input)),
            "ListChannelGroups" => Box::pin(group::list(setup, caller, input)),
            "UpdateChannelGroup" => Box::pin(group::update(setup, caller, input)),
            "DeleteChannelGroup" => Box::pin(group::delete(setup, caller, input)),
            "CreateChannel" => Box::pin(channel::create(setup, caller, input)),
            "GetChannel" => Box::pin(channel::get(setup, caller, input)),
            "ListChannels" => Box::pin(channel::list(setup, caller, input)),
            "UpdateChannel" => Box::pin(channel::update(setup, caller, input)),
            "DeleteChannel" => Box::pin(channel::delete(setup, caller, input)),
            "CreateOriginEndpoint" => Box::pin(endpoint::create(setup, caller, input)),
            "GetOriginEndpoint" => Box::pin(endpoint::get(setup, caller, input)),
            "ListOriginEndpoints" => Box::pin(endpoint::list(setup, caller, input)),
            "UpdateOriginEndpoint" => Box::pin(endpoint::update(setup, caller, input)),
            "DeleteOriginEndpoint" => Box::pin(endpoint::delete(setup, caller, input)),
            "PutChannelPolicy" => Box::pin(channel::put_policy(setup, caller, input)),
            "GetChannelPolicy" => Box::pin(channel::get_policy(setup, caller, input)),
            "DeleteChannelPolicy" => Box::pin(channel::delete_policy(setup, caller, input)),
            "PutOriginEndpointPolicy" => Box::pin(endpoint::put_policy(setup, caller, input)),
            "GetOriginEndpointPolicy" => Box::pin(endpoint::get_policy(setup, caller, input)),
            "DeleteOriginEndpointPolicy" => Box::pin(endpoint::delete_policy(setup, caller, input)),
            "ListTagsForResource" => Box::pin(TAGS.list(setup, caller, input)),
            "TagResource" => Box::pin(TAGS.tag(setup, caller, input)),
            "UntagResource" => Box::pin(TAGS.untag(setup, caller, input)),
            _ => return None,
        };
        Some(match about_others {
            Some(input) => Box::pin(elsewhere::answer(setup, caller, operation, input, own)),
            None => own,
        })
    }

    fn wanted(&self, resources: &[Resource], _: &Site) -> Wanted {
        let asked = asked(resources);
        let fed = fed::fed(resources);
        let needs = Needs::by_channel(&asked);
        let mut names = BTreeSet::new();
        let channels = resource::oldest_first(resources, resource::CHANNEL)
            .map(|channel| (door::media_name("mp", channel.key.id()), channel))
            .filter(|(name, _)| names.insert(name.clone()))
            .map(|(name, channel)| {
                let source = match channel::input(&self.0, channel) {
                    _ if fed.contains(&name) => Source::MediaLive,
                    Some(input) => Source::Hls(input),
                    None => Source::Cmaf,
                };
                needs.get(&name).copied().unwrap_or_default().channel(&name, source)
            })
            .collect();
        let endpoints = asked.iter().filter(|asked| !asked.manifests.is_empty()).map(Asked::table);
        Wanted { channels, endpoints: endpoints.collect(), ..Wanted::default() }
    }
}

/// What v2's endpoints ask of the workflow. AWS's paths name no region, so of two of the same names the older one has the path.
pub(crate) fn asked(resources: &[Resource]) -> Vec<Asked> {
    let mut paths = BTreeSet::new();
    resource::oldest_first(resources, resource::ENDPOINT)
        .filter_map(endpoint::asked)
        .filter(|asked| paths.insert(asked.path.clone()))
        .collect()
}
