//! A channel as clients read it.

use aws::{Map, Value};
use door::Site;
use store::{Resource, Tags};

use crate::mapping;
use crate::state::{self, Report};
use crate::stored::{self, Channel};

/// The one engine version: this program's.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A channel, stored or not.
pub(crate) struct Face<'a> {
    pub(crate) id: &'a str,
    pub(crate) arn: &'a str,
    pub(crate) tags: &'a Tags,
    pub(crate) channel: &'a Channel,
    pub(crate) state: &'static str,
    pub(crate) report: Option<&'a Report>,
}

/// A stored channel, or its tombstone.
pub(crate) fn stored(resource: &Resource, site: &Site) -> Result<Map, store::Error> {
    let channel: Channel = stored::read(resource)?;
    let report = Report::of(resource);
    let state = state::channel(&channel, report.as_ref(), resource.deleted.is_some());
    let face = Face {
        id: resource.key.id(),
        arn: &resource.arn,
        tags: &resource.tags,
        channel: &channel,
        state,
        report: report.as_ref(),
    };
    Ok(face.map(site))
}

/// What a list says of it.
pub(crate) fn summary(mut map: Map) -> Map {
    map.remove("EncoderSettings");
    map.remove("PipelineDetails");
    map
}

impl Face<'_> {
    pub(crate) fn map(&self, site: &Site) -> Map {
        let running = match self.state {
            "RUNNING" => self.report.map_or(0, |report| report.encoders.min(self.channel.pipelines())),
            _ => 0,
        };
        let settings = &self.channel.settings;
        let mut map = Map::new()
            .with("Arn", self.arn)
            .with("ChannelEngineVersion", Map::new().with("Version", VERSION))
            .with("Destinations", self.destinations(site))
            .with("EgressEndpoints", Vec::new())
            .with("Id", self.id)
            .with("PipelineDetails", self.pipelines(running))
            .with("PipelinesRunningCount", i32::from(running))
            .with("State", self.state)
            .with("Tags", door::tag_map(self.tags));
        for member in [
            "ChannelClass",
            "EncoderSettings",
            "InputAttachments",
            "InputSpecification",
            "LogLevel",
            "Maintenance",
            "Name",
            "RoleArn",
        ] {
            if let Some(value) = settings.get(member) {
                map.insert(member, value.clone());
            }
        }
        map
    }

    /// As they were asked for; one that is this installation's origin with the URL that plays.
    fn destinations(&self, site: &Site) -> Vec<Value> {
        let media = mapping::media(self.id, &self.channel.settings).unwrap_or_default();
        let url = format!("{}/{media}/index.m3u8", site.url("http", site.viewers));
        let list = self.channel.settings.get("Destinations").and_then(Value::as_list).unwrap_or_default();
        let told = |value: &Value| {
            let Value::Map(destination) = value else { return value.clone() };
            let is_empty =
                |member: &str| destination.get(member).and_then(Value::as_list).is_none_or(<[_]>::is_empty);
            if is_empty("MediaPackageSettings") && is_empty("Settings") {
                let settings = vec![Value::from(Map::new().with("Url", url.clone()))];
                return destination.clone().with("Settings", settings).into();
            }
            value.clone()
        };
        list.iter().map(told).collect()
    }

    fn pipelines(&self, running: u8) -> Vec<Value> {
        let switched_by = self.report.and_then(|report| report.switched_by.as_deref());
        let action = self.channel.schedule.iter().find(|action| Some(action.name()) == switched_by);
        let first = || {
            let attachments = self.channel.settings.get("InputAttachments")?.as_list()?;
            attachments.first()?.as_map()?.text("InputAttachmentName")
        };
        let shown = action.and_then(|action| action.attachment()).or_else(first);
        let pipeline = |id: u8| {
            let mut map = Map::new().with("PipelineId", id.to_string());
            if let Some(name) = shown {
                map.insert("ActiveInputAttachmentName", name);
            }
            if let Some(action) = action {
                map.insert("ActiveInputSwitchActionName", action.name());
            }
            map.with("ChannelEngineVersion", Map::new().with("Version", VERSION)).into()
        };
        (0..running).map(pipeline).collect()
    }
}
