//! RTMP streams that are fetched: a server is asked to play, and asked again when it ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rtmp::{Client, PeerError, Played};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;

use crate::pause::Pause;
use crate::rtmp_stream::Stream;
use crate::transport::Socket;
use crate::unreachable::Advised;
use crate::{Ingest, RtmpRoute};

/// Longest pause before a server is asked again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a server may take until it plays, connection and TLS included.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// A stream that lasted this long was one.
const WELL: Duration = Duration::from_secs(5);
/// What it may send before it plays, in bytes.
const MAX_BEFORE_PLAY: u64 = 64 << 10;

/// Why nothing is played.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error(transparent)]
    Unreachable(#[from] Advised),
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    #[error("this system has no certificate authorities (Debian: package ca-certificates)")]
    NoAuthorities,
    #[error("no certificate can be for `{0}`")]
    NoName(String),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("it turned us down: {0}")]
    TurnedDown(String),
    #[error("it closed the connection")]
    Closed,
    #[error("over {MAX_BEFORE_PLAY} bytes before it played")]
    TooMuch,
    #[error("it does not play within {ASK_TIMEOUT:?}")]
    Slow,
}

/// A server that plays.
struct Playing {
    socket: Socket,
    client: Client,
    /// What it has sent beyond that it will play.
    input: BytesMut,
}

/// Fetches for ever.
pub(crate) async fn call(ingest: Arc<Ingest>, route: Arc<RtmpRoute>) {
    let channel = &route.channel.name;
    let server = &route.from.target.server_url;
    let mut pause = Pause::up_to(LONGEST_PAUSE);
    loop {
        match timeout(ASK_TIMEOUT, ask(&route)).await.unwrap_or(Err(NoAnswer::Slow)) {
            Ok(playing) => {
                let began = Instant::now();
                publish(&ingest, &route, playing).await;
                // Nobody is kept out for it: the pause before the next call grows.
                route.channel.look_at_flaps(&ingest.clock);
                // A server may say that it plays and close at once.
                if began.elapsed() >= WELL {
                    pause.renew();
                }
            }
            Err(fault) => {
                ingest.metrics.refused("call");
                tracing::warn!(%channel, server, reason = %fault, again_in = ?pause.next(), "RTMP call failed");
            }
        }
        pause.wait().await;
    }
}

/// Connects, and asks until the server plays.
async fn ask(route: &RtmpRoute) -> Result<Playing, NoAnswer> {
    let from = &route.from;
    let address = reach::resolve(&from.host, from.port, from.reach).await.map_err(Advised)?;
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let mut socket = match from.is_secure {
        false => Either::Left(tcp),
        true => {
            let name =
                ServerName::try_from(from.host.clone()).map_err(|_| NoAnswer::NoName(from.host.clone()))?;
            let connector = TlsConnector::from(reach::trust().ok_or(NoAnswer::NoAuthorities)?);
            Either::Right(Box::new(connector.connect(name, tcp).await?.into()))
        }
    };
    let mut client = Client::new(from.target.clone());
    let mut input = BytesMut::new();
    loop {
        while let Some(played) = client.poll(&mut input)? {
            match played {
                Played::Started => return Ok(Playing { socket, client, input }),
                Played::Refused(reason) => return Err(NoAnswer::TurnedDown(reason)),
                Played::Ended => return Err(NoAnswer::Closed),
                Played::Media(_) => {}
            }
        }
        if client.taken() + input.len() as u64 > MAX_BEFORE_PLAY {
            return Err(NoAnswer::TooMuch);
        }
        socket.write_all(&client.take_outgoing()).await?;
        if socket.read_buf(&mut input).await? == 0 {
            return Err(NoAnswer::Closed);
        }
    }
}

async fn publish(ingest: &Ingest, route: &RtmpRoute, playing: Playing) {
    let channel = &route.channel.name;
    let server = &route.from.target.server_url;
    let Some(lease) = route.channel.claim_from_stale(&ingest.clock).await else {
        tracing::error!(%channel, "a channel that only fetches is busy");
        return;
    };
    let conn = ingest.next_conn();
    tracing::info!(%channel, conn, server, "fetching by RTMP");
    let Playing { socket, client, input } = playing;
    match Stream::new(lease, client, input, conn).run(ingest, route.ticks.as_deref(), socket).await {
        Ok(()) => tracing::info!(%channel, conn, server, "the server ended the stream"),
        Err(end) => {
            tracing::warn!(%channel, conn, server, reason = %end, "RTMP stream gone");
            ingest.metrics.refused(end.label());
        }
    }
}
