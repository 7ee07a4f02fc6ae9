//! What is seen of channels, as reports on them.

use std::collections::BTreeMap;

use door::Seen;
use media::Utc;
use store::{Document, Observation, Resource};

use crate::alerts::{self, Kind, Trouble};
use crate::endpoint::Reach;
use crate::mapping;
use crate::state::Report;
use crate::stored::Channel;
use crate::wanted::Known;

/// Reports that differ from what is stored.
pub(crate) fn reports(resources: &[Resource], seen: &Seen, now: Utc, reach: Reach) -> Vec<Observation> {
    let known = Known::of(resources);
    let media = |resource: &Resource, channel: &Channel| {
        mapping::media(resource.key.id(), &channel.settings).unwrap_or_default()
    };
    // Whose media it is that runs under a name: a stopped channel's name may be another's by now.
    let mut holders: BTreeMap<String, &Resource> = BTreeMap::new();
    for (resource, channel, _) in known.started() {
        holders.entry(media(resource, channel)).or_insert(resource);
    }
    let mut reports = Vec::new();
    for (resource, channel, before) in &known.channels {
        // Never started; or what is seen is from before its last start or stop, and says nothing of that.
        if channel.run == 0 || seen.revision <= channel.asked {
            continue;
        }
        let name = media(resource, channel);
        let is_started = channel.is_started && resource.deleted.is_none();
        let is_own = holders.get(&name).is_none_or(|holder| holder.key == resource.key);
        // What runs after its stop was carried out is another's: of a MediaPackage channel, say, that takes what is pushed.
        let sight = seen.channels.get(&name).filter(|_| is_own && is_started);
        let same_run = before.clone().filter(|before| before.run == channel.run);
        let encoders = sight.map_or(0, |sight| sight.encoders);
        let has_run = same_run.as_ref().is_some_and(|before| before.has_run);
        let mut refused = seen.refused.get(&name).filter(|_| is_own && is_started && encoders == 0).cloned();
        if is_started && encoders == 0 && refused.is_none() {
            refused = match known.table(resource, channel, before.as_ref(), reach) {
                Ok(_) if is_own => None,
                Ok(_) => Some(format!("another channel has the media {name}")),
                Err(message) => Some(message),
            };
        }
        let mut troubles = Vec::new();
        if let Some(message) = &refused {
            troubles.push(Trouble { kind: Kind::Refused, pipeline: 0, message: message.clone() });
        } else if is_started {
            for pipeline in 0..channel.pipelines() {
                // While it starts, an encoder that is not there yet is no trouble.
                if has_run && pipeline >= encoders {
                    let message = "its encoder does not run; it is started again".to_owned();
                    troubles.push(Trouble { kind: Kind::PipelineDown, pipeline, message });
                } else if pipeline < encoders && sight.is_some_and(|sight| !sight.has_source) {
                    let message = "nothing comes from its input; the channel shows its fill".to_owned();
                    troubles.push(Trouble { kind: Kind::NoVideo, pipeline, message });
                }
            }
        }
        let earlier = before.as_ref().map_or(&[][..], |before| &before.alerts);
        let report = Report {
            run: channel.run,
            encoders,
            has_run: is_started && (has_run || encoders > 0),
            refused,
            switched_by: channel.switch(now).filter(|_| is_started).map(|action| action.name().to_owned()),
            alerts: alerts::updated(earlier, troubles, now),
        };
        if before.as_ref() == Some(&report) {
            continue;
        }
        match Document::of(&report) {
            Ok(observed) => {
                let (key, generation) = (resource.key.clone(), resource.generation);
                reports.push(Observation { key, generation, observed });
            }
            Err(fault) => tracing::error!(%fault, "a report of a MediaLive channel cannot be kept"),
        }
    }
    reports
}
