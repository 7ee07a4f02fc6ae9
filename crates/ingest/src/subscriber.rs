//! An encoder taking a channel's samples over the unix socket.

use std::io::{self, IoSlice, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{MissedTickBehavior, timeout};
use wire::sample_stream::{self, Ended, Feed, Message};

use crate::channel::Channel;
use crate::replay::Entry;

/// How long a connected subscriber may take to ask.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest request, in bytes: a channel name and a date in JSON.
const MAX_REQUEST_BYTES: usize = 4 << 10;
/// What is taken from the log at a time, in bytes.
const BATCH_BYTES: usize = 512 << 10;
/// How often it is looked at whether a subscriber is still there.
const PROBE_PERIOD: Duration = Duration::from_secs(5);
/// Pieces in one system call; the kernel takes 1,024.
const MAX_SLICES: usize = 128;

/// Serves one connection until it ends. `find` names the channel asked for.
pub(crate) async fn serve(
    stream: tokio::net::UnixStream,
    conn: u64,
    find: impl Fn(&Feed) -> Option<Arc<Channel>>,
) {
    match timeout(REQUEST_TIMEOUT, read_request(&stream)).await {
        Err(_) => tracing::warn!(conn, "a subscriber asked nothing in {REQUEST_TIMEOUT:?}"),
        Ok(Err(fault)) => tracing::warn!(conn, %fault, "a subscriber's request cannot be read"),
        Ok(Ok(request)) => {
            let Some(channel) = find(&request.feed) else {
                tracing::warn!(conn, channel = %request.feed, "a subscriber asked for a channel that no publisher comes to");
                return;
            };
            tracing::info!(conn, channel = %channel.name, from = request.from.map(|utc| utc.to_string()), "subscribed");
            channel.metrics.subscribers.inc();
            let end = hand_on(stream, conn, &channel, request.from).await;
            channel.metrics.subscribers.dec();
            let reason =
                end.err().map_or_else(|| "it closed the connection".to_owned(), |fault| fault.to_string());
            tracing::info!(conn, channel = %channel.name, reason, "subscriber gone");
        }
    }
}

async fn read_request(stream: &tokio::net::UnixStream) -> io::Result<sample_stream::Request> {
    let mut buffer = BytesMut::with_capacity(512);
    loop {
        stream.readable().await?;
        match stream.try_read_buf(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => continue,
            Err(fault) => return Err(fault),
        }
        if let Some(request) = sample_stream::decode_request(&mut buffer).map_err(io::Error::other)? {
            return Ok(request);
        }
        if buffer.len() > MAX_REQUEST_BYTES {
            return Err(io::Error::other(format!("request over {MAX_REQUEST_BYTES} bytes")));
        }
    }
}

async fn hand_on(
    stream: tokio::net::UnixStream,
    conn: u64,
    channel: &Channel,
    from: Option<media::Utc>,
) -> io::Result<()> {
    let mut news = channel.watch();
    let mut cursor = channel.join(from);
    // Out of the runtime's hands: it would be woken by every read of the peer's, to hear that there is room.
    let mut stream = stream.into_std()?;
    let mut batch = Vec::new();
    let mut pieces = Pieces::default();
    let mut probes = tokio::time::interval(PROBE_PERIOD);
    probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        news.mark_unchanged();
        let lagged = cursor.lags();
        let skipped = channel.read(&mut cursor, BATCH_BYTES, &mut batch);
        channel.metrics.dropped.inc_by(skipped);
        if skipped > 0 && !lagged {
            tracing::warn!(conn, channel = %channel.name, skipped, "a subscriber was too slow, it goes on at a key frame");
        }
        if !batch.is_empty() {
            pieces.encode(batch.drain(..));
            stream = pieces.write(stream).await?;
        }
        while !channel.has_more(&cursor) {
            if channel.is_closed() {
                return Ok(());
            }
            tokio::select! {
                // The sender lives in `channel`, so waiting cannot fail.
                _ = news.changed() => {}
                _ = probes.tick() => probe(&mut stream)?,
            }
        }
    }
}

/// Looks whether a subscriber is still there; it has nothing to say after its request.
fn probe(stream: &mut UnixStream) -> io::Result<()> {
    match stream.read(&mut [0; 64]) {
        Ok(0) => Err(io::Error::other("it closed the connection")),
        Ok(_) => Err(io::Error::other("it spoke out of turn")),
        Err(fault) if matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

/// Entries on their way into the socket: headers in one buffer, payloads shared with the log.
#[derive(Debug, Default)]
struct Pieces {
    /// Every frame's header, or all of it where it is no sample.
    heads: BytesMut,
    /// Where in `heads` a frame's header ends, and the payload behind it.
    frames: Vec<(usize, Bytes)>,
}

impl Pieces {
    fn encode(&mut self, entries: impl Iterator<Item = Entry>) {
        self.heads.clear();
        self.frames.clear();
        for entry in entries {
            let payload = match entry {
                Entry::Sample(sample) => {
                    sample_stream::put_sample_header(&sample, &mut self.heads);
                    sample.data
                }
                Entry::Tracks(tracks) => {
                    sample_stream::encode(&Message::Tracks((*tracks).clone()), &mut self.heads);
                    Bytes::new()
                }
                Entry::Ended(reason) => {
                    sample_stream::encode(
                        &Message::Ended(Ended { reason: reason.to_string() }),
                        &mut self.heads,
                    );
                    Bytes::new()
                }
            };
            self.frames.push((self.heads.len(), payload));
        }
    }

    /// Writes everything.
    async fn write(&mut self, mut stream: UnixStream) -> io::Result<UnixStream> {
        // The first frame not yet written, and how many bytes of it are.
        let (mut frame, mut done) = (0, 0);
        while frame < self.frames.len() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.slices(frame, done, &mut slices);
            match stream.write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => done += written,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                    stream = until_room(stream).await?
                }
                Err(fault) => return Err(fault),
            }
            while frame < self.frames.len() && done >= self.length(frame) {
                done -= self.length(frame);
                // Payloads are the log's again as soon as they are out.
                self.frames[frame].1 = Bytes::new();
                frame += 1;
            }
        }
        Ok(stream)
    }

    fn slices<'a>(&'a self, from: usize, mut skip: usize, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut count = 0;
        for frame in from..self.frames.len().min(from + MAX_SLICES / 2) {
            for part in [self.head(frame), &self.frames[frame].1] {
                let left = &part[skip.min(part.len())..];
                skip = skip.saturating_sub(part.len());
                if !left.is_empty() {
                    slices[count] = IoSlice::new(left);
                    count += 1;
                }
            }
        }
        count
    }

    fn head(&self, frame: usize) -> &[u8] {
        let start = frame.checked_sub(1).map_or(0, |before| self.frames[before].0);
        &self.heads[start..self.frames[frame].0]
    }

    fn length(&self, frame: usize) -> usize {
        self.head(frame).len() + self.frames[frame].1.len()
    }
}

/// Waits until a stream that was full takes bytes again.
async fn until_room(stream: UnixStream) -> io::Result<UnixStream> {
    let stream = tokio::net::UnixStream::from_std(stream)?;
    stream.writable().await?;
    stream.into_std()
}
