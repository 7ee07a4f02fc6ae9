//! What AWS calls the channels and distributions of the workflow.

use std::collections::BTreeMap;

/// Names by workflow channel. One that is not here goes by its own name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// By the workflow channel's name.
    pub channels: BTreeMap<String, Names>,
    /// CloudFront's ids, by the distribution's name in the workflow.
    pub distributions: BTreeMap<String, String>,
}

/// What AWS's services call one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// MediaLive's id, where it is a MediaLive channel.
    pub channel_id: Option<String>,
    /// What MediaPackage calls it, where it is one of its channels.
    pub package: Option<Package>,
}

/// A channel of MediaPackage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Package {
    V1 { channel: String },
    V2 { group: String, channel: String },
}

impl Subjects {
    /// MediaLive's id of a workflow channel.
    pub(super) fn channel_id<'s>(&'s self, channel: &'s str) -> &'s str {
        self.channels.get(channel).and_then(|names| names.channel_id.as_deref()).unwrap_or(channel)
    }

    /// CloudFront's id of a distribution of the workflow.
    pub(super) fn distribution_id<'s>(&'s self, distribution: &'s str) -> &'s str {
        self.distributions.get(distribution).map_or(distribution, String::as_str)
    }

    /// MediaPackage's name of a workflow channel.
    pub(super) fn package(&self, channel: &str) -> Package {
        let named = self.channels.get(channel).and_then(|names| names.package.clone());
        named.unwrap_or_else(|| Package::V1 { channel: channel.to_owned() })
    }
}
