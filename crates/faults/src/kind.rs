//! The kinds of faults, what is broken in each, and what the channel promises meanwhile.

use std::time::Duration;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The publisher that is shown is killed; there is a backup.
    InputKilled,
    /// Its connection is reset.
    InputReset,
    /// It stands still, its connection open, and comes back: half the time it goes on, half the time a new one comes.
    InputFrozen,
    /// The only publisher is killed; it comes back with other timestamps.
    InputAway,
    /// The only encoder of a channel is killed.
    EncoderKilled,
    /// One of two pipelines is killed.
    PipelineKilled,
    /// One of two pipelines is stopped (SIGSTOP), so that the watchdog has to kill it.
    PipelineFrozen,
    /// The origin is killed, in the middle of every track's segment.
    OriginKilled,
    /// Ingest is killed; publishers connect anew.
    IngestKilled,
    /// The edge is killed.
    EdgeKilled,
    /// A channel's only encoder is killed, again and again for twenty seconds: nobody publishes.
    EncoderAway,
    /// Both pipelines are, at once.
    PipelinesAway,
}

/// What must hold, whatever the moment of the fault.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// Times a player with [`BUFFER`] stands still.
    pub no_stalls: bool,
    /// Frames missing.
    pub no_missing: bool,
    /// Discontinuities.
    pub no_discontinuities: bool,
    /// Longest switch from input to input, in pictures that show neither.
    pub switch: Option<Duration>,
    /// The 95th percentile of the times until it is healthy.
    pub healthy_p95: Option<Duration>,
    /// The longest of them.
    pub healthy_max: Option<Duration>,
}

/// Media a player has before it plays: three segments, as HLS asks for (RFC 8216bis §6.3.3).
pub const BUFFER: Duration = Duration::from_secs(3);

const NOTHING_SEEN: Promise = Promise {
    no_stalls: true,
    no_missing: true,
    no_discontinuities: true,
    switch: None,
    healthy_p95: None,
    healthy_max: None,
};

impl Kind {
    /// Every kind, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::InputKilled,
        Self::InputReset,
        Self::InputFrozen,
        Self::InputAway,
        Self::EncoderKilled,
        Self::EncoderAway,
        Self::PipelineKilled,
        Self::PipelineFrozen,
        Self::PipelinesAway,
        Self::OriginKilled,
        Self::IngestKilled,
        Self::EdgeKilled,
    ];

    /// Its name on the command line and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InputKilled => "input-killed",
            Self::InputReset => "input-reset",
            Self::InputFrozen => "input-frozen",
            Self::InputAway => "input-away",
            Self::EncoderKilled => "encoder-killed",
            Self::EncoderAway => "encoder-away",
            Self::PipelineKilled => "pipeline-killed",
            Self::PipelineFrozen => "pipeline-frozen",
            Self::PipelinesAway => "pipelines-away",
            Self::OriginKilled => "origin-killed",
            Self::IngestKilled => "ingest-killed",
            Self::EdgeKilled => "edge-killed",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        found.ok_or_else(|| format!("no such kind; there are: {}", known()))
    }

    /// Whether the channel has a backup.
    pub const fn has_backup(self) -> bool {
        matches!(self, Self::InputKilled | Self::InputReset | Self::InputFrozen)
    }

    /// Whether it has two pipelines.
    pub const fn has_two_pipelines(self) -> bool {
        matches!(self, Self::PipelineKilled | Self::PipelineFrozen | Self::PipelinesAway)
    }

    /// What must hold.
    pub const fn promise(self) -> Promise {
        match self {
            Self::InputKilled | Self::InputReset | Self::InputFrozen => {
                Promise { switch: Some(Duration::from_millis(500)), ..NOTHING_SEEN }
            }
            Self::PipelineKilled | Self::PipelineFrozen => {
                Promise { healthy_p95: Some(Duration::from_secs(3)), ..NOTHING_SEEN }
            }
            Self::OriginKilled => Promise { healthy_max: Some(Duration::from_secs(1)), ..NOTHING_SEEN },
            // One encoder: what it did not encode while it was away is missing, and a player's buffer bridges it.
            Self::EncoderKilled => Promise { no_missing: false, no_discontinuities: false, ..NOTHING_SEEN },
            Self::InputAway
            | Self::EncoderAway
            | Self::PipelinesAway
            | Self::IngestKilled
            | Self::EdgeKilled => NOTHING_SEEN,
        }
    }

    /// When the channel is healthy again, for people.
    pub const fn healthy(self) -> &'static str {
        match self {
            Self::InputKilled | Self::InputReset | Self::InputFrozen => "the other input is shown",
            Self::InputAway => "the source is shown again, from when its publisher was started",
            Self::EncoderKilled => "every track has a segment that began after the fault",
            Self::EncoderAway | Self::PipelinesAway => {
                "the origin's slate is over, from when an encoder may live again"
            }
            Self::PipelineKilled | Self::PipelineFrozen => {
                "the origin has taken a segment of every track from each again"
            }
            Self::OriginKilled => "the origin serves the channel's playlist",
            Self::IngestKilled => "the publisher's tracks are known again",
            Self::EdgeKilled => "the edge answers",
        }
    }
}

/// The workflow's channel for faults of this kind.
pub fn channel(kind: Kind) -> String {
    let backup = "backup = { rtmp = \"live/k3y-b\" }\n";
    let failover = "[channel.failover]\npreference = \"equal\"\nclear = 0.5\n";
    let pipelines = if kind.has_two_pipelines() { "pipelines = 2\n" } else { "" };
    let (backup, failover) = if kind.has_backup() { (backup, failover) } else { ("", "") };
    format!(
        "[[channel]]\nname = \"{CHANNEL}\"\ninput = {{ rtmp = \"live/k3y-a\" }}\n{backup}{pipelines}preset = \"ultrafast\"\n\
         ladder = [\"240p30\", \"144p30\"]\nsegment = 1\nwindow = 30\n{failover}"
    )
}

/// The channel's name.
pub const CHANNEL: &str = "cam";
