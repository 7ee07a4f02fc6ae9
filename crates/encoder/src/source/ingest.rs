//! Samples of a channel's publisher, from the ingest role's unix socket.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::BytesMut;
use media::{Timescale, TrackId, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, sleep_until};
use wire::sample_stream::{self, Feed, FrameError, Message, Request};

use crate::door::Door;

/// Bytes taken from the socket at once where there are that many.
const READ_BYTES: usize = 64 << 10;
/// Least room in the buffer for another read; below it a new one is made.
const MIN_ROOM: usize = 16 << 10;
/// First wait after the socket could not be had; doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// A turn that took this many bytes is followed by another after [`BUSY_PAUSE`]: the socket, which holds about 200 KiB,
/// may have been full, and the publisher must not be slowed.
const BUSY_BYTES: usize = 64 << 10;
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// How often the socket is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As soon as something comes: each sample wakes the process.
    AtOnce,
    /// At whole multiples of this time, together with every other channel of the process: fewer wake-ups, for
    /// samples that wait for the end of their segment anyway.
    Every(Duration),
}

/// A connection to ingest that comes back: after a loss it asks again for what followed the last sample it gave.
#[derive(Debug)]
pub struct IngestClient {
    socket: PathBuf,
    door: Door,
    feed: Feed,
    from: Option<Utc>,
    pace: Pace,
    stream: Option<Stream>,
    buffer: BytesMut,
    /// The last read took all there was.
    rest: bool,
    /// Bytes taken since the last rest.
    turn_bytes: usize,
    backoff: Duration,
    is_lost: bool,
    timescales: Vec<(TrackId, Timescale)>,
    last: Option<(TrackId, i64)>,
}

#[derive(Debug)]
enum Stream {
    Watched(UnixStream),
    /// Not registered with the runtime, so that what comes wakes nobody.
    Paced(std::os::unix::net::UnixStream),
}

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
enum Loss {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("ingest closed the connection")]
    Closed,
    #[error("{0}")]
    Frame(#[from] FrameError),
}

impl IngestClient {
    /// A client that connects when it is first asked. `from`: see [`Request::from`].
    pub fn new(socket: PathBuf, feed: impl Into<Feed>, from: Option<Utc>, pace: Pace) -> Self {
        Self {
            socket,
            door: Door::Itself,
            feed: feed.into(),
            from,
            pace,
            stream: None,
            buffer: BytesMut::new(),
            rest: false,
            turn_bytes: 0,
            backoff: MIN_BACKOFF,
            is_lost: false,
            timescales: Vec::new(),
            last: None,
        }
    }

    /// The way to the socket, where it is not its own.
    pub fn through(self, door: Door) -> Self {
        Self { door, ..self }
    }

    /// Connects anew and asks for samples from that time on.
    pub fn restart(&mut self, from: Utc) {
        self.drop_connection();
        self.from = Some(from);
        self.last = None;
    }

    /// The next message. Waits for ingest as long as it takes: a lost connection is made again, which shows only
    /// as another [`Message::Tracks`], after which samples may repeat. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Message {
        loop {
            match self.try_next().await {
                Ok(message) => return message,
                Err(loss) => {
                    if !self.is_lost {
                        let (channel, socket) = (&self.feed, self.socket.display());
                        tracing::warn!(%channel, "ingest at {socket}: {loss}; trying again until it works");
                        self.is_lost = true;
                    }
                    self.drop_connection();
                    sleep(self.backoff).await;
                    self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
                }
            }
        }
    }

    async fn try_next(&mut self) -> Result<Message, Loss> {
        loop {
            if self.stream.is_none() {
                self.connect().await?;
            }
            if let Some(message) = sample_stream::decode(&mut self.buffer)? {
                self.note(&message);
                return Ok(message);
            }
            self.read().await?;
        }
    }

    async fn connect(&mut self) -> Result<(), Loss> {
        let mut stream = self.door.samples(&self.socket).await?;
        let request = Request { feed: self.feed.clone(), from: self.resume_from().or(self.from) };
        let mut frame = BytesMut::new();
        sample_stream::encode_request(&request, &mut frame);
        stream.write_all(&frame).await?;
        self.stream = Some(match self.pace {
            Pace::AtOnce => Stream::Watched(stream),
            Pace::Every(_) => Stream::Paced(stream.into_std()?),
        });
        Ok(())
    }

    /// Reads what there is, at least something.
    async fn read(&mut self) -> Result<(), Loss> {
        if self.buffer.capacity() - self.buffer.len() < MIN_ROOM {
            self.buffer.reserve(READ_BYTES);
        }
        let pace = self.pace;
        let count = match self.stream.as_mut().expect("try_next() connected") {
            Stream::Watched(stream) => stream.read_buf(&mut self.buffer).await?,
            Stream::Paced(stream) => loop {
                if self.rest {
                    match pace {
                        Pace::Every(_) if self.turn_bytes >= BUSY_BYTES => sleep(BUSY_PAUSE).await,
                        Pace::Every(pause) => sleep_until(next_turn(pause)).await,
                        Pace::AtOnce => {}
                    }
                    self.rest = false;
                    self.turn_bytes = 0;
                }
                match read_now(stream, &mut self.buffer) {
                    Err(fault) if fault.kind() == ErrorKind::WouldBlock => self.rest = true,
                    Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                    result => break result?,
                }
            },
        };
        match count {
            0 => Err(Loss::Closed),
            _ => {
                self.turn_bytes += count;
                // A read that did not fill the room has taken everything.
                self.rest = self.buffer.len() < self.buffer.capacity();
                Ok(())
            }
        }
    }

    fn note(&mut self, message: &Message) {
        match message {
            Message::Tracks(tracks) => {
                self.timescales = tracks.tracks.iter().map(|track| (track.id, track.timescale)).collect();
                self.backoff = MIN_BACKOFF;
                if std::mem::take(&mut self.is_lost) {
                    tracing::info!(channel = %self.feed, "ingest is back");
                }
            }
            Message::Sample(sample) => self.last = Some((sample.track, sample.dts)),
            Message::Ended(_) => self.last = None,
        }
    }

    /// The time of the last sample given.
    fn resume_from(&self) -> Option<Utc> {
        let (track, dts) = self.last?;
        let (_, timescale) = self.timescales.iter().find(|(id, _)| *id == track)?;
        Some(Utc::of(media::MediaTime::new(dts, *timescale)))
    }

    fn drop_connection(&mut self) {
        self.stream = None;
        self.buffer = BytesMut::new();
        self.rest = false;
        self.turn_bytes = 0;
    }
}

/// Reads into the room there is.
fn read_now(stream: &mut std::os::unix::net::UnixStream, buffer: &mut BytesMut) -> io::Result<usize> {
    let start = buffer.len();
    buffer.resize(buffer.capacity(), 0);
    let result = stream.read(&mut buffer[start..]);
    buffer.truncate(start + result.as_ref().unwrap_or(&0));
    result
}

/// The next whole multiple of `pause` since the process first asked: the same for all channels.
fn next_turn(pause: Duration) -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    let turns = start.elapsed().as_nanos() / pause.as_nanos().max(1);
    start + pause * (turns as u32).saturating_add(1)
}

#[cfg(test)]
mod tests;
