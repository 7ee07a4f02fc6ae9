//! Channels' encoders, as calls reach them: to look at what they show, and to start them again.

use std::pin::Pin;

use aws::{Error, Map, Value};
use door::Caller;
use media::Utc;

use crate::at::At;
use crate::channel::WHAT;
use crate::medialive::MediaLive;
use crate::refusal::{bad_gateway, bad_request, conflict, told};
use crate::state::{self, Report};
use crate::stored::{self, CHANNEL, Channel};
use crate::{describe, elsewhere, mapping};

/// Whoever runs the encoders of workflow channels. Pipelines are numbered from 0.
pub trait Encoders: Send + Sync {
    /// What the pipeline shows now; why nothing can be seen.
    fn picture<'a>(&'a self, channel: &'a str, pipeline: u8) -> Outcome<'a, Thumbnail>;
    /// Ends the pipeline's encoder and starts it anew; returns when it was started.
    fn restart<'a>(&'a self, channel: &'a str, pipeline: u8) -> Outcome<'a, ()>;
}

/// What an encoder's answer is waited for with.
pub type Outcome<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// A picture that an encoder shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// When it is shown.
    pub at: Utc,
    /// A JPEG file in Base64.
    pub jpeg: String,
}

/// A channel whose encoders are asked for.
struct Running {
    pipelines: u8,
    shows_pictures: bool,
    state: &'static str,
    /// The workflow channel's name.
    media: String,
}

impl MediaLive {
    /// The picture that a pipeline shows now. Of a channel that does not run, and of one whose thumbnails are disabled, there is none.
    pub(crate) async fn thumbnails(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let running = self.running(caller, &input).await?;
        let id = input.text("PipelineId").unwrap_or_default();
        let pipeline = pipeline(id, running.pipelines)
            .ok_or_else(|| bad_request(format!("pipelineId: the channel has no pipeline {id}")))?;
        let kind = input.text("ThumbnailType").unwrap_or_default();
        if !matches!(kind, "CURRENT_ACTIVE" | "UNSPECIFIED") {
            return Err(bad_request(format!(
                "thumbnailType: {kind} is neither CURRENT_ACTIVE nor UNSPECIFIED"
            )));
        }
        let shown = match running.state == "RUNNING" && running.shows_pictures {
            true => self.encoders.picture(&running.media, pipeline).await,
            false => Err("it does not run".to_owned()),
        };
        let details = shown.map(|thumbnail| {
            let thumbnail = Map::new()
                .with("Body", thumbnail.jpeg)
                .with("ContentType", "image/jpeg")
                .with("ThumbnailType", "CURRENT_ACTIVE")
                .with("TimeStamp", Value::Timestamp(thumbnail.at));
            Value::from(Map::new().with("PipelineId", id).with("Thumbnails", vec![Value::from(thumbnail)]))
        });
        Ok(Map::new().with("ThumbnailDetails", details.into_iter().collect::<Vec<_>>()))
    }

    /// Starts the encoders of a running channel anew, one pipeline after the other: all, or those that are named.
    pub(crate) async fn restart_pipelines(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let id = input.text("ChannelId").unwrap_or_default();
        self.leave_others(caller, CHANNEL, id).await?;
        let running = self.running(caller, &input).await?;
        if running.state != "RUNNING" {
            let message =
                format!("the channel is {}; pipelines are restarted while it is RUNNING", running.state);
            return Err(conflict(message));
        }
        let named: Vec<&str> = match input.get("PipelineIds").and_then(Value::as_list) {
            Some(ids) if !ids.is_empty() => ids.iter().filter_map(Value::as_str).collect(),
            _ => ["PIPELINE_0", "PIPELINE_1"].into_iter().take(running.pipelines.into()).collect(),
        };
        let mut pipelines = Vec::new();
        for id in named {
            let number = id.strip_prefix("PIPELINE_").and_then(|number| pipeline(number, running.pipelines));
            pipelines
                .push(number.ok_or_else(|| bad_request(format!("pipelineIds: the channel has no {id}")))?);
        }
        for pipeline in pipelines {
            self.encoders.restart(&running.media, pipeline).await.map_err(bad_gateway)?;
        }
        describe::stored(&self.find(caller, CHANNEL, id, WHAT).await?, &self.site).map_err(told)
    }

    async fn running(&self, caller: &Caller, input: &Map) -> Result<Running, Error> {
        let id = input.text("ChannelId").unwrap_or_default();
        if let Some(other) = self.other_channel(id).await? {
            let (pipelines, state) = (elsewhere::pipelines(&other.spec), elsewhere::state(&other));
            return Ok(Running { pipelines, shows_pictures: true, state, media: other.name });
        }
        let resource = self.find(caller, CHANNEL, id, WHAT).await?;
        let channel: Channel = stored::read(&resource).map_err(told)?;
        let state = state::channel(&channel, Report::of(&resource).as_ref(), resource.deleted.is_some());
        let media = mapping::media(id, &channel.settings).map_err(|invalid| bad_request(invalid.message))?;
        let settings = At::root(&channel.settings);
        let configuration = settings.at("EncoderSettings").and_then(|at| at.at("ThumbnailConfiguration"));
        let is_disabled = configuration.is_some_and(|at| at.text("State") == Some("DISABLED"));
        Ok(Running { pipelines: channel.pipelines(), shows_pictures: !is_disabled, state, media })
    }
}

/// The number of a pipeline, `0` or `1`, where a channel of so many has it.
fn pipeline(id: &str, pipelines: u8) -> Option<u8> {
    id.parse().ok().filter(|number| *number < pipelines)
}
