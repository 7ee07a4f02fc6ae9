//! One channel: decode once, encode each rung, cut on the epoch grid.
//!
//! The conductor thread takes the source's events, decodes, deinterlaces, and decides which picture each output frame
//! shows ([`cadence`]). A thread a rung ([`rung`]) scales ([`pyramid`]), encodes and cuts its track ([`track`]); the
//! conductor encodes the sound itself ([`sound`]). Sound is written up to where the picture is and no further, so
//! every track covers the same time.
//!
//! ```text
//! source → decode → deinterlace → cadence ─┬→ scale → encode → fragment → sink   (a thread a rung)
//!               └→ resample → sound line → AAC → fragment → sink
//! ```

mod alarms;
mod av_drift;
mod cadence;
mod conductor;
mod cuts;
mod effort;
mod failover;
mod feed;
mod fill;
mod fit;
mod flow;
mod frame_sync;
mod input;
mod key_frames;
mod monitor;
mod output;
mod preview;
mod pyramid;
mod rung;
mod selector;
mod slate;
mod sound;
mod sound_line;
mod sources;
mod speed;
mod stills;
mod tally;
mod track;

use std::io;
use std::time::Duration;

use daemon::{Drain, EpochClock};
use ffmpeg::Colour;
use media::{Grid, Rational};
use spec::{AudioRendition, Failover, Fill, Latency, Rung};

use crate::door::Door;
use crate::metrics::TranscodeMetrics;
use crate::pulse::Pulse;

pub(crate) use failover::Reason;
pub use failover::Side;
pub use preview::{Preview, Sight};
pub use selector::Selector;
pub use sources::Sources;
pub use track::{Sink, TrackHead};

/// What to make of a source, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The channel's name, for logs and metrics.
    pub channel: String,
    /// Highest bitrate first, never empty.
    pub rungs: Vec<Rung>,
    /// Bits per second of each AAC track.
    pub audio_bps: u32,
    /// The audio renditions, never empty.
    pub audio: Vec<AudioRendition>,
    /// Where segments are cut.
    pub grid: Grid,
    /// Whether they leave part by part.
    pub latency: Latency,
    /// Whether the source runs in real time.
    pub pace: Pace,
    /// Where output begins.
    pub start: Start,
    /// What is shown while the source is away; only where the pace is live.
    pub fill: Fill,
    /// The way to its slate.
    pub door: Door,
    /// When the second source is shown, where there is one.
    pub backup: Option<Failover>,
    /// Which is shown where both are well, and first.
    pub prefers: Side,
    /// Which the operator wants to see.
    pub selector: Selector,
    /// Lets others look at what is shown.
    pub preview: Preview,
    /// Cores the channel may keep busy.
    pub cores: usize,
    /// Tells the supervisor that it goes on.
    pub pulse: Pulse,
    /// The output clock.
    pub clock: EpochClock,
    /// Ends the channel at once, without what its source has sent already.
    pub drain: Drain,
}

/// How time passes at the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// In real time: when encoding cannot keep up, pictures are dropped.
    Live,
    /// As fast as it is read: nothing is ever dropped.
    Offline,
}

/// Where output begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first picture.
    Now,
    /// At this slot's cut, or where the source does not reach back so far, at the first cut it reaches.
    Slot(i64),
}

/// Why a channel's encoding ended. What was written before stands; a new one may go on from there.
#[derive(Debug, thiserror::Error)]
pub enum TranscodeError {
    /// An encoder or scaler refused.
    #[error("track {track}: encoder: {fault}")]
    Encoder {
        /// The track's name.
        track: String,
        /// FFmpeg's words.
        fault: ffmpeg::Error,
    },
    /// An encoder's headers do not read.
    #[error("track {track}: headers: {fault}")]
    Headers {
        /// The track's name.
        track: String,
        /// What is wrong.
        fault: String,
    },
    /// An encoder gave packets out of order.
    #[error("track {track}: {fault}")]
    Order {
        /// The track's name.
        track: String,
        /// Which.
        fault: cmaf::DtsBackwards,
    },
    /// No memory for pictures.
    #[error("scaling: {0}")]
    Scaler(ffmpeg::Error),
    /// A thread could not be started.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
    /// A thread ended by panicking: a bug.
    #[error("the thread of track {0} panicked")]
    Panicked(String),
}

impl Settings {
    /// The slowest rung's rate: all cuts lie on its frames.
    fn slowest(&self) -> Rational {
        let slower = |one: &&Rung, other: &&Rung| {
            let [one, other] = [one.frame_rate, other.frame_rate];
            let cross = |a: Rational, b: Rational| u64::from(a.num()) * u64::from(b.den());
            cross(one, other).cmp(&cross(other, one))
        };
        self.rungs.iter().min_by(slower).expect("a ladder has rungs").frame_rate
    }

    /// How long a segment is.
    fn segment(&self) -> Duration {
        Duration::from_millis(self.grid.duration_ms().into())
    }

    /// Encoder threads of each rung: its share of the cores by what it costs, rounded up, so that the largest rung
    /// is never bound to less than its share.
    fn threads(&self) -> Vec<usize> {
        let cost = |rung: &Rung| f64::from(rung.width * rung.height) * rung.frame_rate.as_f64();
        let whole: f64 = self.rungs.iter().map(cost).sum();
        let share = |rung: &Rung| (cost(rung) / whole * self.cores as f64).ceil().max(1.0) as usize;
        self.rungs.iter().map(share).collect()
    }

    /// What each track will be: the rungs in their order, then the sound. The headers are those of every live channel; offline,
    /// a source of other colours changes them when it begins.
    pub fn heads(&self) -> Result<Vec<TrackHead>, TranscodeError> {
        let mut heads = Vec::with_capacity(self.rungs.len() + self.audio.len());
        for (rung, threads) in self.rungs.iter().zip(self.threads()) {
            heads.push(rung::open(rung, rung.preset, threads, self.latency, Colour::BT709)?.1);
        }
        for (index, rendition) in self.audio.iter().enumerate() {
            heads.push(sound::open(self.audio_bps, index, rendition)?.1);
        }
        Ok(heads)
    }

    /// The slot to go on with when tracks hold media up to `next`: decode times in each track's ticks, in the order
    /// of [`Self::heads`]. `None` where no track holds anything.
    pub fn resume_slot(&self, heads: &[TrackHead], next: &[Option<i64>]) -> Option<i64> {
        let slot = |(head, next): (&TrackHead, &Option<i64>)| {
            let time = media::MediaTime::new((*next)? + head.reorder_ticks, head.track.timescale);
            Some(self.grid.slot(time))
        };
        heads.iter().zip(next).filter_map(slot).min()
    }
}

/// Runs a channel until its primary source's senders are gone or the drain; then closes open segments and gives the sinks back. `sinks`
/// are those of [`Settings::heads`], in that order. Blocks: give it a thread.
pub fn run<S: Sink + 'static>(
    settings: Settings,
    sources: impl Into<Sources>,
    sinks: Vec<S>,
    metrics: &TranscodeMetrics,
) -> Result<Vec<S>, TranscodeError> {
    conductor::Conductor::start(settings, sinks, metrics)?.run(sources.into())
}
