//! An encoder taking a channel's samples over the unix socket.

use std::io::{self, IoSlice, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::timeout;
use wire::sample_stream::{self, Ended, Message};

use crate::channel::Channel;
use crate::replay::Entry;

/// How long a connected subscriber may take to ask.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest request, in bytes: a channel name and a date in JSON.
const MAX_REQUEST_BYTES: usize = 4 << 10;
/// What is taken from the log at a time, in bytes.
const BATCH_BYTES: usize = 512 << 10;
/// How often a subscriber that is told nothing is looked at.
const PROBE_PERIOD: Duration = Duration::from_secs(1);
/// Pieces in one system call; the kernel takes 1,024.
const MAX_SLICES: usize = 128;

/// Serves one connection until it ends. `find` names the channel asked for.
pub(crate) async fn serve(
    stream: tokio::net::UnixStream,
    conn: u64,
    find: impl Fn(&str) -> Option<Arc<Channel>>,
) {
    match timeout(REQUEST_TIMEOUT, read_request(&stream)).await {
        Err(_) => tracing::warn!(conn, "a subscriber asked nothing in {REQUEST_TIMEOUT:?}"),
        Ok(Err(fault)) => tracing::warn!(conn, %fault, "a subscriber's request cannot be read"),
        Ok(Ok(request)) => {
            let Some(channel) = find(request.channel.as_str()) else {
                tracing::warn!(conn, channel = %request.channel, "a subscriber asked for a channel that has no RTMP input");
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
    loop {
        news.mark_unchanged();
        let lagged = cursor.lags();
        let skipped = channel.read(&mut cursor, BATCH_BYTES, &mut batch);
        channel.metrics.dropped.inc_by(skipped);
        if skipped > 0 && !lagged {
            tracing::warn!(conn, channel = %channel.name, skipped, "a subscriber was too slow, it goes on at a key frame");
        }
        if !batch.is_empty() {
            stream = write(stream, encode(batch.drain(..))).await?;
        }
        while !channel.has_more(&cursor) {
            if channel.is_closed() {
                return Ok(());
            }
            // The sender lives in `channel`, so waiting cannot fail.
            if timeout(PROBE_PERIOD, news.changed()).await.is_err() {
                probe(&mut stream)?;
            }
        }
    }
}

/// Looks whether a subscriber that is told nothing is still there; it has nothing to say after its request.
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

/// The entries as pieces to write; payloads are shared, headers lie in one allocation.
fn encode(entries: impl Iterator<Item = Entry>) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut heads = BytesMut::with_capacity(4 << 10);
    for entry in entries {
        match entry {
            Entry::Sample(sample) => {
                sample_stream::put_sample_header(&sample, &mut heads);
                pieces.push(heads.split().freeze());
                pieces.push(sample.data);
            }
            Entry::Tracks(tracks) => {
                sample_stream::encode(&Message::Tracks((*tracks).clone()), &mut heads);
                pieces.push(heads.split().freeze());
            }
            Entry::Ended(reason) => {
                sample_stream::encode(&Message::Ended(Ended { reason: reason.to_string() }), &mut heads);
                pieces.push(heads.split().freeze());
            }
        }
    }
    pieces
}

async fn write(mut stream: UnixStream, mut pieces: Vec<Bytes>) -> io::Result<UnixStream> {
    let mut at = 0;
    while at < pieces.len() {
        let left = &pieces[at..];
        let slices: Vec<_> = left.iter().take(MAX_SLICES).map(|piece| IoSlice::new(piece)).collect();
        let mut written = match stream.write_vectored(&slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                stream = until_room(stream).await?;
                continue;
            }
            Err(fault) => return Err(fault),
        };
        while at < pieces.len() && written >= pieces[at].len() {
            written -= pieces[at].len();
            at += 1;
        }
        if written > 0 {
            pieces[at].advance(written);
        }
    }
    Ok(stream)
}

/// Waits until a stream that was full takes bytes again.
async fn until_room(stream: UnixStream) -> io::Result<UnixStream> {
    let stream = tokio::net::UnixStream::from_std(stream)?;
    stream.writable().await?;
    stream.into_std()
}
