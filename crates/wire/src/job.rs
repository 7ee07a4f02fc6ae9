//! What the supervisor tells an encoder process: one line of JSON on its standard input. The pipe stays open;
//! when it closes the encoder drains and ends, so no encoder outlives its supervisor.

use std::path::{Path, PathBuf};

use media::{ChannelName, Grid};
use serde::{Deserialize, Serialize};
use spec::{AudioRendition, Failover, Fill, Latency, Rung, Sandbox, Slate};

use crate::sample_stream::FeedInput;

/// The work of one encoder process: one transcoding channel, or every passthrough channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What to make.
    pub channels: Vec<ChannelJob>,
    /// Unix socket on which this process answers `GET /metrics`.
    pub metrics_socket: PathBuf,
    /// Unix socket on which it is told which input to show.
    pub control_socket: PathBuf,
    /// How it is held in.
    pub confinement: Confinement,
}

/// What an encoder process is left with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// How much of a sandbox it must have.
    pub sandbox: Sandbox,
    /// Bytes of memory it may use.
    pub memory_bytes: u64,
    /// Its niceness, 0 to 19.
    pub nice: i32,
}

/// One channel of a [`Job`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelJob {
    /// The channel.
    pub name: ChannelName,
    /// Where pictures and sound come from.
    pub source: Source,
    /// What takes over when they fail.
    pub backup: Option<Backup>,
    /// What to make of them.
    pub ladder: Ladder,
    /// Where segments are cut.
    pub grid: Grid,
    /// Whether segments leave part by part.
    pub latency: Latency,
    /// CMAF ingest publishing point, such as `http://127.0.0.1:8300/ingest/main`.
    pub push_url: String,
    /// Inputs that are not taken, because they have killed encoders.
    pub quarantine: Vec<Quarantined>,
    /// The input that the operator wants shown; `None`: the channel chooses.
    pub chosen: Option<FeedInput>,
    /// Which of the channel's two pipelines this is; `None` where it is the only one.
    pub pipeline: Option<Pipeline>,
}

/// One of two encoder processes that make the same segments of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// 0 or 1.
    pub number: u8,
    /// It shows the backup where both inputs are well.
    pub prefers_backup: bool,
}

/// An input that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Which.
    pub input: FeedInput,
    /// The publishing session that did the harm; another one is taken. 0 for what is no publisher.
    pub session: u64,
}

impl ChannelJob {
    /// Its sources: the first, and the one that takes over.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(self.backup.as_ref().map(|backup| &backup.source))
    }

    /// The files it reads: the only ones it is given.
    pub fn files(&self) -> Vec<&Path> {
        let slate = match &self.ladder {
            Ladder::Transcode { fill: Fill { slate: Slate::File(path), .. }, .. } => Some(path.as_path()),
            _ => None,
        };
        let sources = self.sources().filter_map(|source| match source {
            Source::Files { paths, .. } => Some(paths.iter().map(PathBuf::as_path)),
            Source::Ingest { .. } | Source::Pattern => None,
        });
        sources.flatten().chain(slate).collect()
    }
}

/// A channel's second source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Where it comes from.
    pub source: Source,
    /// When it is shown.
    pub failover: Failover,
}

/// Where pictures and sound come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Samples of this channel's publisher, from the ingest role's unix socket.
    Ingest {
        /// The socket's path.
        socket: PathBuf,
    },
    /// The built-in moving pattern with clock, beep and flash.
    Pattern,
    /// Local media files, one after the other.
    Files {
        /// Their paths.
        paths: Vec<PathBuf>,
        /// The first follows the last.
        is_looped: bool,
    },
}

/// What to make of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ladder {
    /// The source's own coded samples, cut at its key frames.
    Passthrough,
    /// One encode a rung, and AAC once.
    Transcode {
        /// Highest bitrate first, never empty.
        rungs: Vec<Rung>,
        /// Bits per second of each AAC track.
        audio_bps: u32,
        /// The audio renditions, never empty.
        audio: Vec<AudioRendition>,
        /// What is shown while the source is away.
        fill: Fill,
    },
}
