//! Which MediaPackage channels a MediaLive channel feeds.

use std::collections::BTreeSet;

use serde_json::Value;
use store::Resource;

/// The kind of MediaLive's channels in the store.
const MEDIALIVE_CHANNEL: &str = "medialive-channel";

/// The names of workflow channels that started MediaLive channels make the pictures of, because they feed the MediaPackage channels of
/// that name.
///
/// It looks into documents of another door, so it asks little of their form: destinations name a MediaPackage channel by
/// `ChannelId`, or by `ChannelGroup` and `ChannelName`, in whatever case, and whoever runs says so (see [`runs`]).
pub(crate) fn fed(resources: &[Resource]) -> BTreeSet<String> {
    let channels = resources.iter().filter(|it| it.key.kind() == MEDIALIVE_CHANNEL && it.deleted.is_none());
    let mut fed = BTreeSet::new();
    for channel in channels {
        let Ok(document) = channel.desired.read::<Value>() else { continue };
        if runs(&document) {
            destinations(&document, &mut fed);
        }
    }
    fed
}

/// Whether the channel is wanted to run: a flag or word at the top of its document.
fn runs(document: &Value) -> bool {
    let Value::Object(members) = document else { return false };
    members.iter().any(|(name, value)| match name.to_ascii_lowercase().as_str() {
        "is_started" | "running" | "started" | "run" => value.as_bool() == Some(true),
        "state" | "wanted" => {
            let word = value.as_str().unwrap_or_default().to_ascii_uppercase();
            matches!(word.as_str(), "RUNNING" | "STARTING" | "RECOVERING")
        }
        _ => false,
    })
}

fn destinations(value: &Value, fed: &mut BTreeSet<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| destinations(value, fed)),
        Value::Object(members) => {
            for (name, value) in members {
                if name.eq_ignore_ascii_case("MediaPackageSettings") {
                    let ids = value.as_array().into_iter().flatten().filter_map(id);
                    fed.extend(ids.map(|id| door::media_name("mp", &id)));
                } else if name.eq_ignore_ascii_case("Url") {
                    fed.extend(value.as_str().and_then(pushed_to));
                } else {
                    destinations(value, fed);
                }
            }
        }
        _ => {}
    }
}

/// The workflow channel that a URL of ours, or one of AWS's form, pushes to.
fn pushed_to(url: &str) -> Option<String> {
    let (_, path) = url.split_once("://")?.1.split_once('/')?;
    let elements: Vec<_> = path.split('/').collect();
    match elements.as_slice() {
        ["ingest", name, ..] => Some((*name).to_owned()),
        // Ours have a secret in them.
        ["in", "v1", group, "1" | "2", channel, ..] | ["in", "v1", _, group, "1" | "2", channel, ..] => {
            Some(door::media_name("mp", &format!("{group}/{channel}")))
        }
        _ => None,
    }
}

fn id(settings: &Value) -> Option<String> {
    let members = settings.as_object()?;
    let text = |wanted: &str| {
        let found = members.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.and_then(|(_, value)| value.as_str()).filter(|text| !text.is_empty())
    };
    match (text("ChannelGroup"), text("ChannelName")) {
        (Some(group), Some(channel)) => Some(format!("{group}/{channel}")),
        _ => text("ChannelId").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn destinations_are_found_wherever_they_are() {
        let mut fed = BTreeSet::new();
        let document = json!({ "settings": { "Destinations": [
            { "Id": "a", "MediaPackageSettings": [{ "ChannelId": "live" }] },
            { "Id": "b", "mediaPackageSettings": [{ "channelGroup": "g", "channelName": "c" }] },
            { "Id": "c", "Settings": [{ "Url": "rtmp://x" }, { "Url": "http://h:8300/ingest/mp-x" }] },
            { "Id": "d", "Settings": [{ "Url": "https://a.ingest.b/in/v1/g/2/d/index" }] },
            { "Id": "e", "Settings": [{ "Url": "http://h:8310/in/v1/5ec2e7/g/1/e/index" }] },
        ] } });
        destinations(&document, &mut fed);
        let named = ["live", "g/c", "g/d", "g/e", "x"].map(|id| door::media_name("mp", id));
        assert_eq!(fed, named.into());
    }

    #[test]
    fn only_a_channel_that_says_so_runs() {
        for (document, expected) in [
            (json!({ "is_started": true }), true),
            (json!({ "running": true }), true),
            (json!({ "Running": false }), false),
            (json!({ "State": "RUNNING" }), true),
            (json!({ "wanted": "running" }), true),
            (json!({ "state": "IDLE" }), false),
            (json!({ "settings": { "running": true } }), false),
            (json!([]), false),
        ] {
            assert_eq!(runs(&document), expected, "{document}");
        }
    }
}
