//! A channel whose samples go out as they came: neither decoded nor encoded, cut at the publisher's own key frames.
//!
//! [`run`] is one channel's life; all of them share one thread. Samples come from ingest
//! ([`crate::source::ingest`]), [`cutter`] decides where segments begin, and one [`PushHandle`] a track takes them to
//! the origin. The tracks are named `video` and `audio`; where the publisher brings several renditions, the others are `video-2`,
//! `audio-2` and so on, by their ranks.

use std::time::Duration;

use cmaf::{Labels, init_segment};
use daemon::Drain;
use media::{ChannelName, MediaTime, Track, TrackId, Utc, rescale_ceil};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use wire::sample_stream::{Message, Tracks};
use wire::{ChannelJob, Source, rendition};

use crate::door::Door;
use crate::push::{PushHandle, PushMetrics, PushUrlError, Target};
use crate::source::ingest::{IngestClient, Pace};

mod alignment;
mod cutter;

use alignment::Told;
use cutter::{Cutter, Output, Start};

/// How often samples are fetched. A segment leaves when it is complete, so waiting this long delays only its end.
const PACE: Duration = Duration::from_millis(250);
/// Longest wait at the start for the origin to say where the timeline stands.
const NEXT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait at the end for what is still to be sent.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How a channel is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Send segments in parts of this many milliseconds at most; `None`: each segment in one chunk, once it is complete.
    pub part_ms: Option<u32>,
}

/// What passthrough channels count. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// What their pushes count.
    pub push: PushMetrics,
    samples: Family<ChannelLabels, Counter>,
    refused: Family<ChannelLabels, Counter>,
    refused_tracks: Family<ChannelLabels, Counter>,
}

/// Whose figure it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: String,
}

impl Metrics {
    /// Registers them, pushes included, as `headwater_encoder_…`.
    pub fn register(&self, registry: &mut Registry) {
        self.push.register(registry);
        let registry = registry.sub_registry_with_prefix("headwater_encoder_passthrough");
        registry.register("samples", "Coded frames taken from ingest", self.samples.clone());
        registry.register(
            "refused_samples",
            "Coded frames dropped because their decode time did not rise",
            self.refused.clone(),
        );
        registry.register(
            "refused_tracks",
            "Tracks of publishers left out because CMAF cannot carry them",
            self.refused_tracks.clone(),
        );
    }
}

/// A job that cannot be passed through.
#[derive(Debug, thiserror::Error)]
pub enum PassthroughError {
    /// Only a publisher's samples are coded already.
    #[error("channel `{0}`: only samples from ingest can be passed through, and its source is another")]
    Source(ChannelName),
    /// The publishing point is no URL to push to.
    #[error("channel `{channel}`: {source}")]
    PushUrl {
        /// The channel.
        channel: ChannelName,
        /// What is wrong with it.
        source: PushUrlError,
    },
}

/// Passes one channel through until the drain; then ends its segments and sends what is left.
pub async fn run(
    job: ChannelJob,
    settings: Settings,
    door: Door,
    metrics: Metrics,
    drain: Drain,
) -> Result<(), PassthroughError> {
    let Source::Ingest { socket } = &job.source else {
        return Err(PassthroughError::Source(job.name));
    };
    let pace = match settings.part_ms {
        None => Pace::Every(PACE),
        Some(_) => Pace::AtOnce,
    };
    let mut client = IngestClient::new(socket.clone(), job.name.clone(), None, pace).through(door.clone());
    let labels = ChannelLabels { channel: job.name.to_string() };
    let samples = metrics.samples.get_or_create_owned(&labels);
    let refused = metrics.refused.get_or_create_owned(&labels);
    let mut channel =
        Channel { job: &job, settings, door, metrics: &metrics, lanes: Vec::new(), session: 0, cutter: None };
    let mut is_first = true;
    let draining = drain.requested();
    tokio::pin!(draining);
    loop {
        let message = tokio::select! {
            biased;
            message = client.next() => message,
            () = &mut draining => break,
        };
        match message {
            Message::Sample(sample) => {
                samples.inc();
                if !channel.sample(sample) {
                    refused.inc();
                }
            }
            Message::Tracks(tracks) => {
                channel.set_up(&tracks)?;
                if std::mem::take(&mut is_first)
                    && let Some(from) = channel.resume().await
                {
                    // The tracks come again, and are cut from where the origin has them.
                    channel.end_segments();
                    client.restart(from);
                }
            }
            Message::Ended(ended) => {
                tracing::info!(channel = %job.name, reason = ended.reason, "the publisher is gone");
                channel.end_segments();
            }
        }
    }
    channel.end_segments();
    for lane in channel.lanes {
        lane.push.finish(DRAIN_TIMEOUT).await;
    }
    Ok(())
}

struct Channel<'a> {
    job: &'a ChannelJob,
    settings: Settings,
    door: Door,
    metrics: &'a Metrics,
    /// One a rendition.
    lanes: Vec<Lane>,
    /// The publishing session they are of.
    session: u64,
    /// There while a publisher is.
    cutter: Option<Cutter>,
}

/// One track on its way out; stays when publishers come and go.
struct Lane {
    name: String,
    track: Track,
    push: PushHandle,
    /// Where its timeline stands: nothing goes out before this.
    floor: MediaTime,
}

impl Channel<'_> {
    /// Takes a publisher's tracks: those that are as they were go on untouched, as long as some of the pictures are among them. The
    /// lanes of others that are still there get a new header, and are cut from the next key frame on.
    fn set_up(&mut self, tracks: &Tracks) -> Result<(), PassthroughError> {
        if std::mem::replace(&mut self.session, tracks.session) != tracks.session {
            self.end_segments();
        }
        self.refuse(tracks);
        let wanted = carried(tracks);
        let unchanged: Vec<TrackId> = {
            let is_known = |track: &Track| self.lanes.iter().any(|lane| lane.track == *track);
            wanted.iter().filter(|track| is_known(track)).map(|track| track.id).collect()
        };
        let has_pictures = |id| wanted.iter().any(|track| track.id == id && track.format.is_video());
        match unchanged.iter().any(|id| has_pictures(*id)) {
            true => self.end_segments_but(&unchanged),
            false => self.end_segments(),
        }
        let is_wanted = |lane: &Lane| wanted.iter().any(|track| name(track) == lane.name);
        for lane in self.lanes.extract_if(.., |lane| !is_wanted(lane)) {
            tokio::spawn(lane.push.finish(DRAIN_TIMEOUT));
        }
        for track in &wanted {
            self.take(track)?;
        }
        let channel = &self.job.name;
        if wanted.is_empty() {
            tracing::warn!(%channel, "the publisher has no track that can be carried; waiting for one that has");
            return Ok(());
        }
        let is_new = self.cutter.is_none();
        let cutter = self.cutter.get_or_insert_with(|| Cutter::new(self.job.grid, self.settings.part_ms));
        for lane in self.lanes.iter().filter(|lane| is_new || !unchanged.contains(&lane.track.id)) {
            cutter.add(Start { track: &lane.track, floor: lane.floor.ticks });
            let (session, track) = (tracks.session, &lane.track.format);
            tracing::info!(%channel, session, rendition = lane.name, %track, "passing through");
        }
        Ok(())
    }

    /// Tells of tracks that CMAF cannot carry.
    fn refuse(&self, tracks: &Tracks) {
        for track in tracks.tracks.iter().filter(|track| !track.format.in_cmaf()) {
            self.metrics.refused_tracks.get_or_create(&self.labels()).inc();
            let channel = &self.job.name;
            let reason = format!("{} ({})", track.format.codec_name(), track.format);
            let text = "CMAF cannot carry a track: give the channel rungs, so that it is decoded";
            tracing::warn!(event = "input_refused", state = "happened", %channel, reason, "{text}");
        }
    }

    fn labels(&self) -> ChannelLabels {
        ChannelLabels { channel: self.job.name.to_string() }
    }

    /// Makes a lane for `track`, or gives the one there is to it.
    fn take(&mut self, track: &Track) -> Result<(), PassthroughError> {
        let name = name(track);
        let header = |track: &Track| {
            let language = track.language.clone().unwrap_or_else(|| "und".to_owned());
            init_segment(track, &Labels { language, ..Labels::named(&name) })
        };
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.name == name) {
            if lane.track != *track {
                lane.push.header(header(track));
                let ticks = rescale_ceil(lane.floor.ticks, lane.floor.scale, track.timescale);
                lane.floor = MediaTime::new(ticks, track.timescale);
                lane.track = track.clone();
            }
            return Ok(());
        }
        let target = Target {
            pipeline: self.job.pipeline.map(|pipeline| pipeline.number),
            push_url: self.job.push_url.clone(),
            channel: self.job.name.to_string(),
            track: name.clone(),
            is_video: track.format.is_video(),
            door: self.door.clone(),
        };
        let push = PushHandle::spawn(&target, header(track), &self.metrics.push)
            .map_err(|source| PassthroughError::PushUrl { channel: self.job.name.clone(), source })?;
        let floor = MediaTime::new(0, track.timescale);
        self.lanes.push(Lane { name, track: track.clone(), push, floor });
        Ok(())
    }

    /// After a restart of this process: asks the origin where each track stands, and says from when samples are
    /// needed to go on from there. `None` where the origin holds nothing, or does not answer in time.
    async fn resume(&mut self) -> Option<Utc> {
        let asked = tokio::time::Instant::now();
        let mut from: Option<Utc> = None;
        for lane in &mut self.lanes {
            let next = tokio::time::timeout_at(asked + NEXT_TIMEOUT, lane.push.next_expected());
            let next = next.await.ok().flatten()?;
            lane.floor = MediaTime::new(next, lane.track.timescale);
            // Rounded down to the microsecond it might fall before the very key frame that is meant.
            let date = Utc::of(lane.floor).plus_micros(1);
            from = Some(from.map_or(date, |other| other.min(date)));
        }
        from
    }

    /// Takes a sample; false where its time did not rise.
    fn sample(&mut self, sample: media::Sample) -> bool {
        let Some(cutter) = &mut self.cutter else {
            return true;
        };
        let lanes = &self.lanes;
        let result = cutter.push(sample, &mut |id, output| send(lanes, id, output));
        if let Some(told) = cutter.told() {
            self.tell(told);
        }
        result.is_ok()
    }

    fn tell(&self, told: Told) {
        let (channel, event) = (&self.job.name, "renditions_apart");
        let (Told::Apart { id, .. } | Told::InStep { id }) = told;
        let track = rendition::name(id, true);
        match told {
            Told::Apart { gap_ms, .. } => {
                let text = "key frames of the renditions are not at the same pictures: each is cut at its own, and players may stumble \
                            that change between them; have the encoder begin its groups of pictures alike";
                tracing::warn!(event, state = "raised", %channel, track, gap_ms, "{text}");
            }
            Told::InStep { .. } => {
                tracing::info!(event, state = "cleared", %channel, track, "all renditions have the same key frames again");
            }
        }
    }

    fn end_segments(&mut self) {
        if let Some(cutter) = self.cutter.take() {
            let ends = cutter.finish(&mut |id, output| send(&self.lanes, id, output));
            self.ended(ends);
        }
    }

    /// Ends the segments of all tracks but these.
    fn end_segments_but(&mut self, unchanged: &[TrackId]) {
        if let Some(cutter) = &mut self.cutter {
            let lanes = &self.lanes;
            let stays = |id| unchanged.contains(&id);
            let ends = cutter.retain(stays, &mut |id, output| send(lanes, id, output));
            self.ended(ends);
        }
    }

    /// Nothing goes out any more before where these tracks ended.
    fn ended(&mut self, ends: Vec<(TrackId, MediaTime)>) {
        for (id, end) in ends {
            let ended = |lane: &&mut Lane| lane.track.id == id && end.ticks > lane.floor.ticks;
            if let Some(lane) = self.lanes.iter_mut().find(ended) {
                lane.floor = end;
            }
        }
    }
}

/// The tracks of a publisher that go out: the first of its pictures, the first of its sound, and all further renditions of either.
fn carried(tracks: &Tracks) -> Vec<&Track> {
    let carried = tracks.tracks.iter().filter(|track| track.format.in_cmaf());
    let first = |is_video| {
        let of_kind = move |track: &&Track| track.format.is_video() == is_video;
        carried.clone().filter(|track| rendition::further(track.id).is_none()).find(of_kind)
    };
    let further = carried.clone().filter(|track| rendition::further(track.id).is_some());
    [first(true), first(false)].into_iter().flatten().chain(further).collect()
}

/// What a track is called.
fn name(track: &Track) -> String {
    rendition::name(track.id, track.format.is_video())
}

fn send(lanes: &[Lane], id: TrackId, output: Output) {
    let Some(lane) = lanes.iter().find(|lane| lane.track.id == id) else {
        return;
    };
    match output {
        Output::Chunk(chunk) => lane.push.chunk(chunk),
        Output::EndSegment => lane.push.end_segment(),
    }
}

#[cfg(test)]
mod tests;
