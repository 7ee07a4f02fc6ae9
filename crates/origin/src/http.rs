//! Sockets: accepts connections and answers their requests until the drain.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use daemon::Drain;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Origin, receive, serve};

/// Connections at once: publishers' tracks and the edge's fetches. Beyond, new ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// From the end of one request to the end of the next one's head; a publisher's connection idles for a segment.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest request head, in bytes. hyper reads bodies through the same buffer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most header lines of a request.
const HEADERS_MAX: usize = 64;
/// A reader that takes nothing for so long is gone: what waits for it in the kernel is given up.
const READER_PATIENCE: Duration = Duration::from_secs(30);
/// How long requests in flight may take to finish once the drain has begun.
const DRAIN_PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn serve(listener: TcpListener, origin: &Arc<Origin>, drain: Drain) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = GracefulShutdown::new();
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "the origin listens");
    }
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            () = drain.requested() => break,
        };
        match accepted {
            Ok((stream, _)) => spawn(origin.clone(), stream, place, &connections),
            Err(error) => {
                // Out of descriptors: wait for some to come back.
                tracing::warn!(error = %daemon::WithShortage(&error), "accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_PATIENCE, connections.shutdown()).await.is_err() {
        tracing::info!("drained with requests still in flight");
    }
}

fn spawn(
    origin: Arc<Origin>,
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    connections: &GracefulShutdown,
) {
    // Small answers leave at once.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(READER_PATIENCE));
    origin.metrics.connections.inc();
    let metrics = origin.metrics.clone();
    let service = service_fn(move |request| answer(origin.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection");
        }
        metrics.connections.dec();
        drop(place);
    });
}

async fn answer(
    origin: Arc<Origin>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<serve::Body>, Infallible> {
    let method = request.method().clone();
    let answer = match request.uri().path().strip_prefix("/ingest/").map(str::to_owned) {
        Some(below) => receive::answer(&origin, &below, request).await.map(serve::Body::Left),
        None => serve::answer(&origin, &method, request.uri(), request.headers()).await,
    };
    let bytes = hyper::body::Body::size_hint(answer.body()).exact().unwrap_or(0);
    origin.metrics.request(&method, answer.status().as_u16(), bytes);
    Ok(answer)
}
