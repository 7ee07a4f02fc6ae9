//! One RTMP connection, from accept to goodbye.
//!
//! ```text
//! admit --publish, known key, free channel--> publish --goodbye, end, silence, fault--> closed
//!   '--anything else--> refused: a reason to the peer and in the log
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use rtmp::{Event, Metadata, PeerError, PublishRequest, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::channel::Lease;
use crate::publisher::Publisher;
use crate::source::Source;
use crate::transport::{Arrival, Transport};
use crate::{Ingest, Route};

/// From accept to a publish request. Encoders take a few round trips.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// What a peer may send before its publish request, in bytes. Encoders send 6 KiB; strangers shall not fill memory.
const MAX_BEFORE_PUBLISH: u64 = 64 << 10;
/// Longest silence of a publisher.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(15);
/// A wrong key waits this long for its answer, so that guessing is slow.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);
/// How long a refused peer may take to read why.
const LINGER: Duration = Duration::from_secs(1);
/// Answers that a publisher has not read, in bytes. They are a few hundred in all.
const MAX_UNSENT: usize = 64 << 10;

/// Why a connection ended, other than in good order.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("connection lost: {0}")]
    Io(#[from] std::io::Error),
    #[error("it closed the connection without a goodbye")]
    Closed,
    #[error("no publish request within {PUBLISH_TIMEOUT:?}")]
    NoPublish,
    #[error("over {MAX_BEFORE_PUBLISH} bytes before a publish request")]
    TooMuch,
    #[error("silent for {SILENCE_TIMEOUT:?}")]
    Silent,
    #[error("silent, and another publisher came with its key")]
    Replaced,
    #[error("it does not read our answers")]
    Deaf,
    #[error("it wanted to play; streams are only taken here")]
    Play,
    // An application that is not ours is not printed: people paste keys there.
    #[error("no channel has its application")]
    UnknownApp,
    #[error("stream key {key} is not known for application `{app}`")]
    UnknownKey { app: String, key: rtmp::Key },
    #[error("channel `{channel}` has a publisher already")]
    Busy { channel: wire::sample_stream::Feed },
}

impl End {
    /// The value of the metric's `reason` label.
    const fn label(&self) -> &'static str {
        match self {
            Self::Peer(_) => "protocol",
            Self::Io(_) | Self::Closed => "lost",
            Self::NoPublish => "no_publish",
            Self::TooMuch => "too_much",
            Self::Silent => "silent",
            Self::Replaced => "replaced",
            Self::Deaf => "deaf",
            Self::Play => "play",
            Self::UnknownApp => "unknown_app",
            Self::UnknownKey { .. } => "unknown_key",
            Self::Busy { .. } => "busy",
        }
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve(ingest: Arc<Ingest>, mut stream: TcpStream, peer: SocketAddr, conn: u64) {
    let mut session = Session::new();
    let mut input = BytesMut::new();
    // A frame's answer must not wait for the next one's.
    let _ = stream.set_nodelay(true);
    let admitted = timeout(PUBLISH_TIMEOUT, admit(&ingest, &mut stream, &mut session, &mut input));
    let end = match admitted.await.unwrap_or(Err(End::NoPublish)) {
        Ok((lease, route, request)) => {
            let channel = lease.channel().name.clone();
            tracing::info!(%channel, conn, %peer, key = %request.key, encoder = request.encoder, "publishing");
            let publishing = Stream::new(lease, conn);
            match publishing.run(&ingest, route, stream, session, input).await {
                Ok(()) => tracing::info!(%channel, conn, %peer, "the publisher said goodbye"),
                Err(end) => {
                    tracing::warn!(%channel, conn, %peer, reason = %end, "publisher gone");
                    ingest.metrics.refused(end.label());
                }
            }
            return;
        }
        Err(end) => end,
    };
    // A port scan or a health check that hangs up is nothing to log above debug.
    match &end {
        End::Closed | End::Io(_) => {
            tracing::debug!(conn, %peer, reason = %end, "connection ended before a publish request")
        }
        End::Busy { channel } => tracing::warn!(%channel, conn, %peer, reason = %end, "refused"),
        _ => tracing::warn!(conn, %peer, reason = %end, "refused"),
    }
    ingest.metrics.refused(end.label());
    if matches!(end, End::UnknownApp | End::UnknownKey { .. } | End::Busy { .. } | End::Play) {
        last_word(&mut stream, &mut session).await;
    }
}

/// Speaks RTMP up to the publish request and decides on it.
async fn admit<'a>(
    ingest: &'a Ingest,
    stream: &mut TcpStream,
    session: &mut Session,
    input: &mut BytesMut,
) -> Result<(Lease, &'a Route, PublishRequest), End> {
    loop {
        while let Some(event) = session.poll(input)? {
            match event {
                Event::Publish(request) => {
                    let decided = decide(ingest, &request).await;
                    match &decided {
                        Ok(_) => session.accept(),
                        Err(end) => {
                            tokio::time::sleep(REFUSAL_DELAY).await;
                            session.refuse(&match end {
                                End::Busy { .. } => "This stream has a publisher already.".to_owned(),
                                _ => "This application and stream key are not known here.".to_owned(),
                            });
                        }
                    }
                    let (lease, route) = decided?;
                    stream.write_all(&session.take_outgoing()).await?;
                    return Ok((lease, route, request));
                }
                Event::PlayRefused => return Err(End::Play),
                Event::Metadata(_) | Event::Video { .. } | Event::Audio { .. } | Event::Unpublish => {}
            }
        }
        if session.taken() + input.len() as u64 > MAX_BEFORE_PUBLISH {
            return Err(End::TooMuch);
        }
        let outgoing = session.take_outgoing();
        if !outgoing.is_empty() {
            stream.write_all(&outgoing).await?;
        }
        if stream.read_buf(input).await? == 0 {
            return Err(End::Closed);
        }
    }
}

async fn decide<'a>(ingest: &'a Ingest, request: &PublishRequest) -> Result<(Lease, &'a Route), End> {
    let Some(route) = ingest.route(&request.app, &request.key) else {
        return Err(match ingest.rtmp.iter().any(|route| route.app == request.app) {
            true => End::UnknownKey { app: request.app.clone(), key: request.key.clone() },
            false => End::UnknownApp,
        });
    };
    let lease = route.channel.claim_from_stale(&ingest.clock).await;
    let lease = lease.ok_or_else(|| End::Busy { channel: route.channel.name.clone() })?;
    Ok((lease, route))
}

/// Sends what the session still has to say and gives the peer time to read it: closing with unread bytes would reset
/// the connection and take the answer with it.
async fn last_word(stream: &mut TcpStream, session: &mut Session) {
    let outgoing = session.take_outgoing();
    let farewell = async {
        stream.write_all(&outgoing).await?;
        stream.shutdown().await?;
        let mut sink = [0; 4_096];
        while stream.read(&mut sink).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whether the peer listens is its own affair.
    let _ = timeout(LINGER, farewell).await;
}

/// Answers what a publisher says after its goodbye until it closes: encoders take a server that closes first for a fault.
async fn farewell(stream: &mut TcpStream, session: &mut Session, input: &mut BytesMut) -> Result<(), End> {
    loop {
        while session.poll(input)?.is_some() {}
        stream.write_all(&session.take_outgoing()).await?;
        if stream.read_buf(input).await? == 0 {
            return Ok(());
        }
    }
}

/// A connection that publishes.
struct Stream {
    publisher: Publisher,
    source: Source,
    conn: u64,
}

impl Stream {
    fn new(lease: Lease, conn: u64) -> Self {
        let source = Source::after(lease.floor());
        Self { publisher: Publisher::new(lease, conn), source, conn }
    }

    /// Runs until the publisher says goodbye (`Ok`) or is lost.
    async fn run(
        mut self,
        ingest: &Ingest,
        route: &Route,
        stream: TcpStream,
        mut session: Session,
        mut input: BytesMut,
    ) -> Result<(), End> {
        let end = self.take_all(ingest, route, stream, &mut session, &mut input).await;
        match &end {
            Ok(_) => self.publisher.lease.end_because("the publisher said goodbye"),
            Err(end) => self.publisher.lease.end_because(&end.to_string()),
        }
        // The channel is free from here on.
        drop(self);
        let mut stream = end?;
        // Whether the peer waits for our answer is its own affair.
        let _ = timeout(LINGER, farewell(&mut stream, &mut session, &mut input)).await;
        Ok(())
    }

    /// Takes messages until the goodbye, and gives the stream back then.
    async fn take_all(
        &mut self,
        ingest: &Ingest,
        route: &Route,
        stream: TcpStream,
        session: &mut Session,
        input: &mut BytesMut,
    ) -> Result<TcpStream, End> {
        let mut transport = Transport::new(stream, route.ticks.as_deref())?;
        let mut unsent = BytesMut::new();
        let mut heard = Instant::now();
        loop {
            // What came together with the publish request is taken before anything is awaited.
            let goodbye = self.take(ingest, session, input);
            unsent.extend_from_slice(&session.take_outgoing());
            if !unsent.is_empty() {
                let written = transport.try_write(&unsent)?;
                unsent.advance(written);
                if unsent.len() > MAX_UNSENT {
                    return Err(End::Deaf);
                }
            }
            if goodbye? {
                let mut stream = transport.into_tokio()?;
                stream.write_all(&unsent).await?;
                return Ok(stream);
            }
            let arrival = tokio::select! {
                arrival = transport.read(&ingest.scratch, SILENCE_TIMEOUT, |bytes| input.extend_from_slice(bytes)) => arrival?,
                () = self.publisher.lease.replaced() => return Err(End::Replaced),
            };
            match arrival {
                Arrival::End => return Err(End::Closed),
                Arrival::Nothing if heard.elapsed() >= SILENCE_TIMEOUT => return Err(End::Silent),
                Arrival::Nothing => {}
                Arrival::Bytes(length) => {
                    heard = Instant::now();
                    self.publisher.heard(length as u64, ingest.clock.now());
                }
            }
            self.publisher.update_rates(|| self.source.latest().0 - ingest.clock.now().0);
        }
    }

    /// Takes every whole message of `input`. True at a goodbye.
    fn take(
        &mut self,
        ingest: &Ingest,
        session: &mut Session,
        input: &mut BytesMut,
    ) -> Result<bool, PeerError> {
        let now = ingest.clock.now();
        let goodbye = loop {
            match session.poll(input) {
                Ok(Some(Event::Video { timestamp_ms, video })) => {
                    self.source.video(timestamp_ms, video, now, &mut self.publisher.outputs);
                }
                Ok(Some(Event::Audio { timestamp_ms, audio })) => {
                    self.source.audio(timestamp_ms, audio, now, &mut self.publisher.outputs);
                }
                Ok(Some(Event::Metadata(metadata))) => self.log_metadata(&metadata),
                Ok(Some(Event::Unpublish)) => break Ok(true),
                Ok(Some(Event::Publish(_) | Event::PlayRefused)) => {}
                Ok(None) => break Ok(false),
                Err(fault) => break Err(fault),
            }
        };
        self.publisher.deliver(self.source.latest());
        goodbye
    }

    fn log_metadata(&self, metadata: &Metadata) {
        let channel = &self.publisher.lease.channel().name;
        let Metadata { encoder, width, height, video_bps, audio_bps } = metadata;
        tracing::debug!(%channel, conn = self.conn, encoder, width, height, video_bps, audio_bps, "metadata");
    }
}
