//! From a publisher's messages to tracks and samples on the epoch timeline.

mod audio;
mod video;

use media::{Anchor, Sample, Track, TrackId, Utc};
use rtmp::flv::{Audio, Video};

use crate::trouble::Trouble;
use audio::AudioTrack;
use video::VideoTrack;

/// A channel's video; RTMP's is its track 0.
pub(crate) const VIDEO: TrackId = TrackId(0);
/// A channel's audio.
pub(crate) const AUDIO: TrackId = TrackId(1);

/// How long the second track's header is waited for before the first is announced alone, in µs.
const HEADER_WAIT_US: i64 = 1_000_000;
/// How long after the first media a source without video or audio is called that, in µs.
const MISSING_AFTER_US: i64 = 2_000_000;
/// Samples kept while the second header is awaited. A second of 120 fps video and its audio is 170.
const MAX_PENDING: usize = 512;
/// Their payload together, in bytes: well under what the replay keeps, so that none is lost when they are handed on at
/// once.
const MAX_PENDING_BYTES: usize = 4 << 20;

/// What comes of a message.
#[derive(Debug, PartialEq)]
pub(crate) enum Output {
    /// The tracks, or new ones; samples of them follow.
    Tracks(Vec<Track>),
    /// One sample of an announced track.
    Sample(Sample),
    /// Something is wrong with the stream; it goes on.
    Trouble(Trouble),
}

/// One publishing session's stream.
#[derive(Debug)]
pub(crate) struct Source {
    anchor: Anchor,
    video: VideoTrack,
    audio: AudioTrack,
    stage: Stage,
    pending_bytes: usize,
    first_media: Option<Utc>,
    missing_checked: bool,
}

/// ```text
/// Waiting --both headers, or 1 s--> Announced
/// ```
#[derive(Debug)]
enum Stage {
    Waiting(Vec<Sample>),
    Announced,
}

impl Source {
    /// A source whose samples all lie after `floor`.
    pub(crate) fn after(floor: Utc) -> Self {
        Self {
            anchor: Anchor::after(floor),
            video: VideoTrack::default(),
            audio: AudioTrack::default(),
            stage: Stage::Waiting(Vec::new()),
            pending_bytes: 0,
            first_media: None,
            missing_checked: false,
        }
    }

    /// The latest time given to a sample.
    pub(crate) const fn latest(&self) -> Utc {
        self.anchor.latest()
    }

    /// Takes a video message that arrived at `now`; appends what comes of it to `out`.
    pub(crate) fn video(&mut self, timestamp_ms: i64, video: Video, now: Utc, out: &mut Vec<Output>) {
        if video.other_tracks > 0 {
            out.push(Output::Trouble(Trouble::OtherTrack));
        }
        let place = |out: &mut Vec<Output>| place(&mut self.anchor, timestamp_ms, now, out);
        let step = self.video.packet(video.packet, place, out);
        self.step(step, now, out);
    }

    /// Takes an audio message that arrived at `now`; appends what comes of it to `out`.
    pub(crate) fn audio(&mut self, timestamp_ms: i64, audio: Audio, now: Utc, out: &mut Vec<Output>) {
        if audio.other_tracks > 0 {
            out.push(Output::Trouble(Trouble::OtherTrack));
        }
        let place = |out: &mut Vec<Output>| place(&mut self.anchor, timestamp_ms, now, out);
        let step = self.audio.packet(audio.packet, place, out);
        self.step(step, now, out);
    }

    fn step(&mut self, step: Step, now: Utc, out: &mut Vec<Output>) {
        if !matches!(step, Step::Nothing) && self.first_media.is_none() {
            self.first_media = Some(now);
        }
        let since_first = self.first_media.map_or(0, |first| now.0 - first.0);
        match step {
            Step::Nothing => {}
            Step::NewFormat => match self.stage {
                Stage::Announced => out.push(Output::Tracks(self.tracks())),
                Stage::Waiting(_) => {}
            },
            Step::Sample(sample) => match &mut self.stage {
                Stage::Announced => out.push(Output::Sample(sample)),
                Stage::Waiting(pending) => {
                    self.pending_bytes += sample.data.len();
                    pending.push(sample);
                }
            },
        }
        if let Stage::Waiting(pending) = &mut self.stage {
            let both = self.video.track().is_some() && self.audio.track().is_some();
            let full = pending.len() >= MAX_PENDING || self.pending_bytes >= MAX_PENDING_BYTES;
            let waited = since_first >= HEADER_WAIT_US || full;
            if both || waited && !pending.is_empty() {
                let pending = std::mem::take(pending);
                self.stage = Stage::Announced;
                out.push(Output::Tracks(self.tracks()));
                out.extend(pending.into_iter().map(Output::Sample));
            }
        }
        if !self.missing_checked && since_first >= MISSING_AFTER_US {
            self.missing_checked = true;
            if self.video.track().is_none() {
                out.push(Output::Trouble(Trouble::NoVideo));
            }
            if self.audio.track().is_none() {
                out.push(Output::Trouble(Trouble::NoAudio));
            }
        }
    }

    fn tracks(&self) -> Vec<Track> {
        [self.video.track(), self.audio.track()].into_iter().flatten().cloned().collect()
    }
}

/// What a message did to its track.
enum Step {
    Nothing,
    NewFormat,
    Sample(Sample),
}

fn place(anchor: &mut Anchor, timestamp_ms: i64, now: Utc, out: &mut Vec<Output>) -> Utc {
    let placed = anchor.place(timestamp_ms, now);
    if let Some(jump_ms) = placed.jump_ms {
        out.push(Output::Trouble(Trouble::TimestampJump(jump_ms)));
    }
    placed.time
}

#[cfg(test)]
mod tests;
