//! Where encoders push: HTTP/1.1, `PUT`, `POST` and `DELETE` below `/in/`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon::{Drain, listen};
use http::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, EXPECT, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_auth::{Asked, Gate, Refusal};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use playlist::Url;
use playlist::limits::MAX_PLAYLIST_BYTES;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::place::Place;
use super::store::{self, Put};
use super::upload;
use crate::Ingest;
use crate::pull::MAX_SEGMENT_BYTES;
use crate::transport::canonical;

/// Connections at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 512;
/// From the end of one request to the end of the next one's head: a connection idles for a segment.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest request head, in bytes. hyper reads bodies through the same buffer.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most header lines of a request.
const MAX_HEADERS: usize = 64;
/// A wrong path or password waits this long for its answer, so that guessing is slow.
const REFUSAL_DELAY: Duration = Duration::from_millis(500);

type Answer = Response<Full<Bytes>>;

/// Serves the listener until the drain. Call inside a tokio runtime.
pub(crate) fn serve(ingest: Arc<Ingest>, listener: TcpListener, drain: Drain) {
    let mut http = http1::Builder::new();
    // Some close their half once they have said everything.
    http.half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    listen::each(listener, MAX_CONNECTIONS, drain, move |stream: TcpStream| {
        let _ = stream.set_nodelay(true);
        // Who has left already is nobody's peer.
        let peer = stream.peer_addr().map(canonical).unwrap_or(([0, 0, 0, 0], 0).into());
        let ingest = ingest.clone();
        let service = service_fn(move |request| {
            let ingest = ingest.clone();
            async move { Ok::<_, Infallible>(answer(&ingest, peer, request).await) }
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        async move {
            if let Err(fault) = connection.await {
                tracing::debug!(%fault, "a connection of pushed HLS");
            }
        }
    });
}

async fn answer(ingest: &Ingest, peer: SocketAddr, request: Request<Incoming>) -> Answer {
    let method = request.method();
    if ![Method::PUT, Method::POST, Method::DELETE].contains(method) {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "PUT, POST or DELETE");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("PUT, POST, DELETE"));
        return answer;
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str()).to_owned();
    let Some((place, name)) = find(ingest, &target) else {
        ingest.metrics.refused("unknown_path");
        sleep(REFUSAL_DELAY).await;
        return turn_away(request, StatusCode::NOT_FOUND, "no channel takes HLS at this path").await;
    };
    if !place.channel.lets_in(peer) {
        tracing::warn!(channel = %place.channel.name, %peer, "a push was refused: it may not come from there");
        ingest.metrics.refused("address");
        return turn_away(request, StatusCode::FORBIDDEN, "not from this address").await;
    }
    if let Err(refusal) = admit(&place, &request, &target) {
        return refused(ingest, &place, peer, request, refusal).await;
    }
    if *method == Method::DELETE {
        place.store.delete(&name);
        place.show_bytes();
        return done(StatusCode::NO_CONTENT);
    }
    if request.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let text = "files are taken as they are, without Content-Encoding";
        return turn_away(request, StatusCode::UNSUPPORTED_MEDIA_TYPE, text).await;
    }
    let Ok(_upload) = place.uploads.try_acquire() else {
        ingest.metrics.refused("too_many_uploads");
        return later("too many uploads at once");
    };
    take(ingest, &place, &name, peer, request.into_body()).await
}

/// The place a request is for, and its file's name there.
fn find(ingest: &Ingest, target: &str) -> Option<(Arc<Place>, String)> {
    let root: Url = "http://pushed/".parse().expect("a URL");
    // As references in playlists are read, so that both mean the same file.
    let url = root.join(target).ok()?;
    let doors = ingest.doors();
    // No place lies below another, so at most one fits.
    let below = url.path().strip_prefix("/in/")?;
    let ends = below.match_indices('/').map(|(at, _)| &below[..at]);
    let place = ends.filter_map(|path| doors.push.get(path)).next()?;
    let name = spec::pushed_file(&place.path, url.path())?;
    Some((place.clone(), name.to_owned()))
}

/// Whether who asks may.
fn admit(place: &Place, request: &Request<Incoming>, target: &str) -> Result<(), Refusal> {
    let value = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let asked = Asked { method: request.method().as_str(), target };
    place.gate().as_mut().map_or(Ok(()), |gate: &mut Gate| gate.admit(asked, value, place.age()))
}

async fn refused(
    ingest: &Ingest,
    place: &Place,
    peer: SocketAddr,
    request: Request<Incoming>,
    refusal: Refusal,
) -> Answer {
    // To be asked for a login is how every session begins, and from time to time goes on.
    if !matches!(refusal, Refusal::Missing | Refusal::Old) {
        tracing::warn!(channel = %place.channel.name, %peer, reason = %refusal, "a push was refused");
        ingest.metrics.refused(refusal.label());
        sleep(REFUSAL_DELAY).await;
    }
    let mut answer = turn_away(request, StatusCode::UNAUTHORIZED, &refusal.to_string()).await;
    let challenges = place.gate().as_mut().map(|gate| gate.challenges(refusal.stale(), place.age()));
    for challenge in challenges.into_iter().flatten() {
        let value = HeaderValue::from_str(&challenge).expect("challenges are visible ASCII");
        answer.headers_mut().append(WWW_AUTHENTICATE, value);
    }
    answer
}

/// Answers a request whose body is not taken. A client that waits to be told to go on is not; any other comes to read the answer once it
/// has sent what it had.
async fn turn_away(request: Request<Incoming>, status: StatusCode, text: &str) -> Answer {
    let waits = request.headers().contains_key(EXPECT);
    let stays = !waits && upload::pass_over(request.into_body(), MAX_SEGMENT_BYTES).await;
    if stays { plain(status, text) } else { closing(status, text) }
}

async fn take(ingest: &Ingest, place: &Place, name: &str, peer: SocketAddr, body: Incoming) -> Answer {
    let limit = if store::is_playlist(name, b"") { MAX_PLAYLIST_BYTES } else { MAX_SEGMENT_BYTES };
    let mut held = place.store.hold();
    let bytes = match upload::read(body, limit, &mut held).await {
        Ok(bytes) => bytes,
        Err(fault) => {
            let (status, reason) = match fault {
                upload::Fault::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "upload_too_large"),
                upload::Fault::Slow => (StatusCode::REQUEST_TIMEOUT, "upload_slow"),
                upload::Fault::Broken(_) => (StatusCode::BAD_REQUEST, "upload_broken"),
                upload::Fault::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "no_memory"),
            };
            tracing::warn!(channel = %place.channel.name, %peer, file = name, reason = %fault, "an upload was not taken");
            ingest.metrics.refused(reason);
            return match fault {
                upload::Fault::NoRoom => later(&fault.to_string()),
                _ => closing(status, &fault.to_string()),
            };
        }
    };
    // Clients that ask how they are to log in send nothing first.
    if bytes.is_empty() {
        return done(StatusCode::OK);
    }
    // Nothing is waited for from the body's last byte to here: a client may leave without reading the answer.
    let put = place.store.put(name, bytes, held, Instant::now());
    place.metrics.uploads.inc();
    place.show_bytes();
    match put {
        Ok(Put::New) => done(StatusCode::CREATED),
        Ok(Put::Replaced) => done(StatusCode::OK),
        Err(fault) => {
            tracing::warn!(channel = %place.channel.name, %peer, file = name, reason = %fault, "a playlist was not taken");
            ingest.metrics.refused("bad_playlist");
            plain(StatusCode::BAD_REQUEST, &fault.to_string())
        }
    }
}

fn done(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn plain(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Full::from(format!("{text}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// An answer after which the connection ends, since its body was not read to the end.
fn closing(status: StatusCode, text: &str) -> Answer {
    let mut answer = plain(status, text);
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn later(text: &str) -> Answer {
    let mut answer = closing(StatusCode::SERVICE_UNAVAILABLE, text);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}
