//! Where a channel's pictures and sound come from.
//!
//! A source runs beside the transcoder and sends it [`Event`]s through a bounded [`queue`]: coded samples of a
//! publisher ([`ingest`]) or a local file ([`mod@file`]), or raw pictures and sound of the built-in [`pattern`]. All times
//! are on the epoch.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ffmpeg::{Frame, Parameters};
use media::{MediaTime, Rational, Sample, Timescale, Track, TrackId, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use wire::Quarantined;
use wire::sample_stream::{Feed, FeedInput, Message};

use self::ingest::IngestClient;
use crate::door::Door;
use crate::pulse::Pulse;

pub mod file;
pub mod ingest;
pub mod pattern;

/// Coded samples that may wait: six seconds of 30 fps with sound, so that a replay can be read while it is encoded.
pub const CODED_EVENTS: usize = 512;
/// Raw pictures that may wait: they are large.
pub const RAW_EVENTS: usize = 8;
/// Coded bytes that may wait, in KiB (32 MiB).
const CODED_KIB: usize = 32 << 10;

/// What a source sends.
#[derive(Debug)]
pub enum Event {
    /// The tracks of the samples that follow. A new one means that the publisher or the format changed.
    Tracks(Vec<InputTrack>),
    /// One coded frame of a track.
    Sample(Sample),
    /// One raw picture.
    Picture {
        /// Its pixels.
        frame: Frame,
        /// When it is shown, since the epoch.
        time: MediaTime,
    },
    /// Raw stereo sound at 48 kHz.
    Sound {
        /// Left channel.
        left: Vec<f32>,
        /// Right channel, as long.
        right: Vec<f32>,
        /// When its first sample is heard, in samples since the epoch.
        at: i64,
    },
    /// Nothing more comes until the next `Tracks`, and why.
    Ended(String),
    /// The source could not be read, and why; it is tried again.
    Fault(String),
}

/// A coded track, ready to be decoded.
#[derive(Debug)]
pub struct InputTrack {
    /// Its id, as samples name it.
    pub id: TrackId,
    /// Ticks per second of its samples.
    pub timescale: Timescale,
    /// Pictures or sound.
    pub is_video: bool,
    /// Frames per second where it is known.
    pub frame_rate: Option<Rational>,
    /// Size of the picture; zero where it is not known.
    pub size: (u32, u32),
    /// The language of its sound, where the source tells it.
    pub language: Option<String>,
    /// What a decoder must know.
    pub parameters: Parameters,
    /// One phrase for the log.
    pub description: String,
}

impl InputTrack {
    /// A publisher's track.
    pub fn of(track: &Track) -> Result<Self, ffmpeg::Error> {
        let (frame_rate, size) = match &track.format {
            media::Format::Video(video) => (video.frame_rate, (video.width, video.height)),
            media::Format::Audio(_) => (None, (0, 0)),
        };
        Ok(Self {
            id: track.id,
            timescale: track.timescale,
            is_video: track.format.is_video(),
            frame_rate,
            size,
            language: track.language.clone(),
            parameters: Parameters::of(&track.format)?,
            description: match &track.language {
                Some(language) => format!("{} {language}", track.format),
                None => track.format.to_string(),
            },
        })
    }
}

/// The transcoder has gone: nothing can be sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the transcoder has ended")]
pub struct Closed;

/// A queue of at most `events` events and 32 MiB of coded data. At the bound the source waits.
pub fn queue(events: usize) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(events);
    (Sender { sender, room: Arc::new(Semaphore::new(CODED_KIB)) }, Receiver(receiver))
}

/// A source's end of the queue.
#[derive(Clone, Debug)]
pub struct Sender {
    sender: mpsc::Sender<Envelope>,
    room: Arc<Semaphore>,
}

/// The transcoder's end of the queue.
#[derive(Debug)]
pub struct Receiver(mpsc::Receiver<Envelope>);

/// An event and when the source had it.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) event: Event,
    pub(crate) arrived: Instant,
    /// Room in the queue, given back with the envelope.
    _room: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
impl Envelope {
    /// An event that came at `arrived`.
    pub(crate) const fn of(event: Event, arrived: Instant) -> Self {
        Self { event, arrived, _room: None }
    }
}

impl Sender {
    /// Sends one event, waiting for room.
    pub async fn send(&self, event: Event) -> Result<(), Closed> {
        let arrived = Instant::now();
        let room = match kib(&event) {
            0 => None,
            kib => Some(self.room.clone().acquire_many_owned(kib).await.expect("never closed")),
        };
        self.sender.send(Envelope { event, arrived, _room: room }).await.map_err(|_| Closed)
    }

    /// Sends one event from a thread, waiting for room.
    pub fn send_blocking(&self, event: Event) -> Result<(), Closed> {
        let arrived = Instant::now();
        let mut room = None;
        let kib = kib(&event);
        while kib > 0 && room.is_none() {
            room = self.room.clone().try_acquire_many_owned(kib).ok();
            if room.is_none() {
                if self.is_closed() {
                    return Err(Closed);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.sender.blocking_send(Envelope { event, arrived, _room: room }).map_err(|_| Closed)
    }

    /// Whether the transcoder has gone.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Receiver {
    /// The next event; `None` once every sender has gone.
    pub(crate) async fn receive(&mut self) -> Option<Envelope> {
        self.0.recv().await
    }

    /// Whether nothing waits to be received.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Lets an input's publishing sessions in, but not the one that is in quarantine.
#[derive(Clone, Debug)]
pub struct Gate {
    input: FeedInput,
    /// The session that is not let in.
    shut_to: Option<u64>,
    /// The session that is there is let in.
    is_open: bool,
    pulse: Pulse,
}

impl Gate {
    /// For `input`, of which `quarantine` may hold a session.
    pub fn new(input: FeedInput, quarantine: &[Quarantined], pulse: Pulse) -> Self {
        let shut_to = quarantine.iter().find(|held| held.input == input).map(|held| held.session);
        Self { input, shut_to, is_open: shut_to.is_none(), pulse }
    }

    /// A session has begun, which the supervisor is told; whether it is let in.
    pub fn begins(&mut self, session: u64) -> bool {
        self.pulse.session(self.input, session);
        self.is_open = self.shut_to != Some(session);
        if !self.is_open {
            let input = self.input;
            tracing::warn!(
                ?input,
                session,
                "the publisher is in quarantine: its samples have killed encoders"
            );
        }
        self.is_open
    }

    /// Whether the session that is there is let in.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }
}

/// Takes an input's samples from ingest, for as long as somebody receives them. `from`: replay from there.
pub async fn pump(
    socket: PathBuf,
    door: Door,
    feed: Feed,
    from: Option<Utc>,
    mut gate: Gate,
    sender: Sender,
) {
    let mut client = IngestClient::new(socket, feed, from, ingest::Pace::AtOnce).through(door);
    loop {
        let message = client.next().await;
        let is_let_in = match &message {
            Message::Tracks(tracks) => gate.begins(tracks.session),
            Message::Sample(_) | Message::Ended(_) => gate.is_open(),
        };
        if !is_let_in {
            if sender.is_closed() {
                return;
            }
            continue;
        }
        let event = match message {
            Message::Sample(sample) => Event::Sample(sample),
            Message::Ended(ended) => Event::Ended(ended.reason),
            Message::Tracks(tracks) => {
                let (mut inputs, mut refused) = (Vec::new(), None);
                for track in &tracks.tracks {
                    match InputTrack::of(track) {
                        Ok(input) => inputs.push(input),
                        Err(fault) => refused = Some(format!("{}: {fault}", track.format)),
                    }
                }
                if let Some(refused) = refused
                    && sender.send(Event::Fault(refused)).await.is_err()
                {
                    return;
                }
                Event::Tracks(inputs)
            }
        };
        if sender.send(event).await.is_err() {
            return;
        }
    }
}

/// Room an event takes, in KiB.
fn kib(event: &Event) -> u32 {
    match event {
        Event::Sample(sample) => sample.data.len().div_ceil(1_024).clamp(1, CODED_KIB) as u32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_in_quarantine_is_kept_out_and_the_next_one_let_in() {
        let held = Quarantined { input: FeedInput::Primary, session: 7 };
        let mut gate = Gate::new(FeedInput::Primary, &[held], Pulse::default());
        assert!(!gate.is_open(), "nothing is let in before it is known whose it is");
        assert!(!gate.begins(7));
        assert!(!gate.begins(7), "the same session after ingest was away");
        assert!(gate.begins(8) && gate.is_open());
        let other = Gate::new(FeedInput::Backup, &[held], Pulse::default());
        assert!(other.is_open());
    }
}
