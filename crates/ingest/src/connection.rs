//! One RTMP connection, from accept to goodbye.
//!
//! ```text
//! admit --publish, known key, free channel--> publish --goodbye, end, silence, fault--> closed
//!   '--anything else--> refused: a reason to the peer and in the log
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rtmp::{Event, PublishRequest, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::channel::Lease;
use crate::end::{End, MAX_BEFORE_PUBLISH, PUBLISH_TIMEOUT};
use crate::rtmp_stream::Stream;
use crate::transport::Socket;
use crate::{Ingest, Route, tls};

/// A wrong key waits this long for its answer, so that guessing is slow.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);
/// How long a refused peer may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// [`serve`] behind a TLS handshake.
pub(crate) async fn serve_secure(
    ingest: Arc<Ingest>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    conn: u64,
) {
    match tls::shake_hands(&acceptor, stream).await {
        Ok(socket) => serve(ingest, socket, peer, conn).await,
        Err(end) => {
            tracing::debug!(conn, %peer, reason = %end, "connection ended before a publish request");
            ingest.metrics.refused(end.label());
        }
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve(ingest: Arc<Ingest>, mut socket: Socket, peer: SocketAddr, conn: u64) {
    let mut session = Session::new();
    let mut input = BytesMut::new();
    let admitted = timeout(PUBLISH_TIMEOUT, admit(&ingest, &mut socket, &mut session, &mut input, peer));
    let end = match admitted.await.unwrap_or(Err(End::NoPublish)) {
        Ok((lease, route, request)) => {
            let channel = lease.channel().name.clone();
            tracing::info!(%channel, conn, %peer, key = %request.key, encoder = request.encoder, "publishing");
            let publishing = Stream::new(lease, session, input, conn);
            match publishing.run(&ingest, route.ticks.as_deref(), socket).await {
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
        End::Busy { channel, .. } => tracing::warn!(%channel, conn, %peer, reason = %end, "refused"),
        _ => tracing::warn!(conn, %peer, reason = %end, "refused"),
    }
    ingest.metrics.refused(end.label());
    if matches!(
        end,
        End::UnknownApp | End::UnknownKey { .. } | End::Busy { .. } | End::NotAllowed | End::Play
    ) {
        last_word(&mut socket, &mut session).await;
    }
}

/// Speaks RTMP up to the publish request and decides on it.
async fn admit(
    ingest: &Ingest,
    socket: &mut Socket,
    session: &mut Session,
    input: &mut BytesMut,
    peer: SocketAddr,
) -> Result<(Lease, Arc<Route>, PublishRequest), End> {
    loop {
        while let Some(event) = session.poll(input)? {
            match event {
                Event::Publish(request) => {
                    if let Some(span) = probation(ingest, &request) {
                        stays(span, socket, session, input).await?;
                    }
                    let decided = decide(ingest, &request, peer).await;
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
                    socket.write_all(&session.take_outgoing()).await?;
                    return Ok((lease, route, request));
                }
                Event::PlayRefused => return Err(End::Play),
                Event::Media(_) | Event::Unpublish => {}
            }
        }
        if session.taken() + input.len() as u64 > MAX_BEFORE_PUBLISH {
            return Err(End::TooMuch);
        }
        let outgoing = session.take_outgoing();
        if !outgoing.is_empty() {
            socket.write_all(&outgoing).await?;
        }
        if socket.read_buf(input).await? == 0 {
            return Err(End::Closed);
        }
    }
}

/// How long the publisher has to stay before it is let in.
fn probation(ingest: &Ingest, request: &PublishRequest) -> Option<Duration> {
    ingest.route(&request.app, &request.key)?.channel.probation(&ingest.clock)
}

/// Waits `span`, or until the peer leaves. What it sends meanwhile, which it should not, stays in `input`.
async fn stays(
    span: Duration,
    socket: &mut Socket,
    session: &Session,
    input: &mut BytesMut,
) -> Result<(), End> {
    let leaves = async {
        loop {
            if socket.read_buf(input).await? == 0 {
                return Err(End::Closed);
            }
            if session.taken() + input.len() as u64 > MAX_BEFORE_PUBLISH {
                return Err(End::TooMuch);
            }
        }
    };
    timeout(span, leaves).await.unwrap_or(Ok(()))
}

async fn decide(
    ingest: &Ingest,
    request: &PublishRequest,
    peer: SocketAddr,
) -> Result<(Lease, Arc<Route>), End> {
    let Some(route) = ingest.route(&request.app, &request.key) else {
        return Err(match ingest.doors().rtmp.iter().any(|route| route.app == request.app) {
            true => End::UnknownKey { app: request.app.clone(), key: request.key.clone() },
            false => End::UnknownApp,
        });
    };
    if !route.channel.lets_in(peer) {
        return Err(End::NotAllowed);
    }
    let lease = route.channel.admit(peer, &ingest.clock).await;
    let lease = lease.map_err(|held| End::Busy { channel: route.channel.name.clone(), held })?;
    Ok((lease, route))
}

/// Sends what the session still has to say and gives the peer time to read it: closing with unread bytes would reset
/// the connection and take the answer with it.
async fn last_word(socket: &mut Socket, session: &mut Session) {
    let outgoing = session.take_outgoing();
    let farewell = async {
        socket.write_all(&outgoing).await?;
        socket.shutdown().await?;
        let mut sink = [0; 4_096];
        while socket.read(&mut sink).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whether the peer listens is its own affair.
    let _ = timeout(LINGER, farewell).await;
}
