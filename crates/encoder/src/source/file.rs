//! Local media files, played one after the other on the epoch.
//!
//! A file comes through the [`Door`], is read by this process and handed to the demuxer as bytes. Each goes on where the one before ended,
//! by the length of its pictures, so the timeline has no jump; neither where times jump within a file ([`timeline`]). A file that cannot
//! be read is passed over where there are others, and tried again.

mod timeline;

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon::{Drain, EpochClock};
use ffmpeg::{Demuxer, Packet, StreamInfo, StreamKind};
use media::{Rational, Sample, Timescale, TrackId, Utc};

use timeline::Timeline;

use crate::door::Door;
use crate::source::{Event, InputTrack, Sender};

/// First wait after the file could not be read; doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(10);
/// Longest sleep before the drain is looked at again.
const NAP: Duration = Duration::from_millis(100);
/// A round this short, in microseconds, is no video.
const SHORTEST_ROUND_US: i64 = 20_000;
/// Times farther from zero are none, in microseconds: 36,000 years.
const FARTHEST_US: i64 = 1 << 60;
/// Jumps that are logged of one round.
const JUMP_LOGS: usize = 3;

/// Files to play.
#[derive(Clone, Debug)]
pub struct FileSource {
    /// Their paths, one at least.
    pub paths: Vec<PathBuf>,
    /// How they are played.
    pub play: Play,
    /// The way to them.
    pub door: Door,
}

/// How files are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// For ever, in real time.
    Looped,
    /// Each once, in real time; then nothing comes any more.
    Listed,
    /// Each once, as fast as it is taken.
    Once,
}

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("file `{}`: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("file `{}`: {source}", path.display())]
    Demux { path: PathBuf, source: ffmpeg::Error },
    #[error("file `{}` holds no pictures and no sound", path.display())]
    Empty { path: PathBuf },
}

/// Why a round ended early.
enum Stop {
    Fault(FileError),
    /// Drained, or nobody receives any more.
    Enough,
}

impl FileSource {
    /// Plays until the drain or until nobody receives. `from`: where on the epoch the file begins, as fast as it is
    /// taken until the clock is reached. Blocks: give it a thread.
    pub fn run(&self, clock: &EpochClock, from: Option<Utc>, sender: &Sender, drain: &Drain) {
        let begins_us = from.map(|from| from.0);
        let mut playback = Playback { source: self, clock, sender, drain, begins_us, item: 0, told: None };
        let mut backoff = MIN_BACKOFF;
        loop {
            let path = &self.paths[playback.item];
            let (told_before, item) = (playback.told, playback.item);
            let outcome = playback.round(path);
            playback.item = (item + 1) % self.paths.len();
            match outcome {
                Ok(()) if playback.item == 0 && self.play == Play::Once => return,
                Ok(()) if playback.item == 0 && self.play == Play::Listed => return playback.rest(),
                Ok(()) => backoff = MIN_BACKOFF,
                Err(Stop::Enough) => return,
                Err(Stop::Fault(fault)) => {
                    if playback.told != told_before {
                        backoff = MIN_BACKOFF;
                    }
                    let text = format!("{fault}; trying again in {} ms", backoff.as_millis());
                    if sender.send_blocking(Event::Fault(text)).is_err() || self.play == Play::Once {
                        return;
                    }
                    // Afterwards the next file begins at the time that it is then.
                    (playback.begins_us, playback.told) = (None, None);
                    let until = Instant::now() + backoff;
                    while Instant::now() < until {
                        if drain.is_requested() || sender.is_closed() {
                            return;
                        }
                        std::thread::sleep(NAP.min(until.saturating_duration_since(Instant::now())));
                    }
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                }
            }
        }
    }
}

struct Playback<'a> {
    source: &'a FileSource,
    clock: &'a EpochClock,
    sender: &'a Sender,
    drain: &'a Drain,
    /// Epoch microseconds at which the next file begins.
    begins_us: Option<i64>,
    /// The next file's place.
    item: usize,
    /// The place of the file whose tracks were told last.
    told: Option<usize>,
}

impl Playback<'_> {
    /// Plays the file that is next.
    fn round(&mut self, path: &Path) -> Result<(), Stop> {
        let fault = |source| Stop::Fault(FileError::Demux { path: path.to_owned(), source });
        let mut demuxer =
            Demuxer::open(Box::new(self.source.open(path).map_err(Stop::Fault)?)).map_err(fault)?;
        let streams = demuxer.streams().map_err(fault)?;
        let mut lanes = lanes(streams);
        if lanes.is_empty() {
            return Err(Stop::Fault(FileError::Empty { path: path.to_owned() }));
        }
        if self.told != Some(self.item) {
            let tracks = lanes.iter_mut().filter_map(|lane| lane.track.take()).collect();
            self.sender.send_blocking(Event::Tracks(tracks)).map_err(|_| Stop::Enough)?;
        }
        self.told = Some(self.item);
        let begins_us = *self.begins_us.get_or_insert_with(|| self.clock.now().0);
        let leader = lanes.iter().find(|lane| lane.kind == StreamKind::Video).unwrap_or(&lanes[0]).id;
        let mut timeline = Timeline::begin(leader, begins_us);
        let (mut out, mut jumps) = (Vec::new(), 0);
        while let Some(packet) = demuxer.read().map_err(fault)? {
            let Some(lane) = lanes.iter().find(|lane| lane.stream == packet.stream()) else { continue };
            let Some(sample) = lane.sample(&packet) else { continue };
            if let Some(by_us) = timeline.push(sample, &mut out) {
                jumps += 1;
                if jumps <= JUMP_LOGS {
                    let by_ms = by_us / 1_000;
                    tracing::info!(file = %path.display(), by_ms, "times jump within the file: it goes on where its pictures ended");
                }
            }
            for sample in out.drain(..) {
                self.send(sample)?;
            }
        }
        if timeline.end_us() - begins_us < SHORTEST_ROUND_US {
            return Err(Stop::Fault(FileError::Empty { path: path.to_owned() }));
        }
        self.begins_us = Some(timeline.end_us());
        Ok(())
    }

    /// Nothing comes any more. The channel goes on for as long as it has a sender.
    fn rest(&self) {
        tracing::info!("the last file has ended");
        while !self.drain.is_requested() && !self.sender.is_closed() {
            std::thread::sleep(NAP);
        }
    }

    /// Sends a sample when its time has come.
    fn send(&self, sample: Sample) -> Result<(), Stop> {
        if self.source.play != Play::Once {
            let due = self.clock.instant_of(Utc(sample.dts));
            loop {
                if self.drain.is_requested() {
                    return Err(Stop::Enough);
                }
                let wait = due.saturating_duration_since(Instant::now());
                if wait.is_zero() {
                    break;
                }
                std::thread::sleep(wait.min(NAP));
            }
        }
        self.sender.send_blocking(Event::Sample(sample)).map_err(|_| Stop::Enough)
    }
}

/// One stream that is played.
struct Lane {
    id: TrackId,
    stream: usize,
    kind: StreamKind,
    time_base: Rational,
    frame_us: i64,
    /// Until it is announced.
    track: Option<InputTrack>,
}

impl Lane {
    /// A packet's sample, in µs of the file, with its duration; `None` where it has no times.
    fn sample(&self, packet: &Packet) -> Option<Sample> {
        let micros = |ticks: i64| {
            let time = i128::from(ticks) * i128::from(self.time_base.num()) * 1_000_000;
            let time = i64::try_from(time.div_euclid(i128::from(self.time_base.den()))).ok()?;
            (-FARTHEST_US..FARTHEST_US).contains(&time).then_some(time)
        };
        let dts = packet.dts().or(packet.pts()).and_then(micros)?;
        let pts = packet.pts().and_then(micros).unwrap_or(dts);
        let lasts_us = micros(packet.duration()).filter(|lasts| *lasts > 0).unwrap_or(self.frame_us);
        Some(Sample {
            track: self.id,
            dts,
            composition_offset: i32::try_from(pts.saturating_sub(dts)).unwrap_or(0),
            duration: u32::try_from(lasts_us).ok(),
            sync: packet.is_key(),
            data: Bytes::copy_from_slice(packet.data()),
        })
    }
}

/// The first stream of each kind.
fn lanes(streams: Vec<StreamInfo>) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for stream in streams {
        if lanes.iter().any(|lane| lane.kind == stream.kind) {
            continue;
        }
        let id = TrackId(lanes.len() as u8);
        let rate = stream.frame_rate.map_or(0.0, Rational::as_f64);
        let description = match stream.kind {
            StreamKind::Video => format!("file, pictures, {rate:.3} fps"),
            StreamKind::Audio => format!("file, sound, {} Hz", stream.sample_rate),
        };
        lanes.push(Lane {
            id,
            stream: stream.index,
            kind: stream.kind,
            time_base: stream.time_base,
            frame_us: if rate > 0.0 { (1_000_000.0 / rate) as i64 } else { 0 },
            track: Some(InputTrack {
                id,
                timescale: Timescale::MICROS,
                is_video: stream.kind == StreamKind::Video,
                frame_rate: stream.frame_rate,
                size: stream.parameters.picture_size(),
                language: None,
                parameters: stream.parameters,
                description,
            }),
        });
    }
    lanes
}

impl FileSource {
    fn open(&self, path: &Path) -> Result<BufReader<File>, FileError> {
        let refused = |source| FileError::Open { path: path.to_owned(), source };
        let file = self.door.file(path).map_err(refused)?;
        // A folder opens, too, and a pipe cannot be read twice.
        if !file.metadata().map_err(refused)?.is_file() {
            return Err(refused(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        Ok(BufReader::new(file))
    }
}

#[cfg(test)]
mod tests;
