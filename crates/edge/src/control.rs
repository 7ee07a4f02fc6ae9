//! The operator's door: a unix socket on which objects are taken out of the cache. Viewers cannot reach it.
//!
//! `PURGE {pattern}` takes out what [`Pattern`] means and answers how many objects that were; with the field
//! `purge-mode: soft` they stay, no longer fresh, so that they can be confirmed by the origin or stand in for it.

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon::Drain;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use http_cache::purge::Pattern;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixListener;

use crate::store::{Purge, Store};
use crate::worker::Shared;

/// A client that has not sent its request by then is let go.
const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// Wait after the system had no descriptor for a connection.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(100);

/// Answers on `socket`, for its owner alone, until the drain. A socket file left from an earlier run is replaced.
pub(crate) fn serve(shared: Arc<Shared>, socket: &Path, drain: Drain) -> io::Result<()> {
    match std::fs::remove_file(socket) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = drain.requested() => return,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(EXHAUSTED_WAIT).await;
                continue;
            };
            let shared = shared.clone();
            let answer = service_fn(move |request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(answer(&shared, &request).await) }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_LIMIT)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), answer),
            );
        }
    });
    Ok(())
}

async fn answer(shared: &Shared, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method().as_str() != "PURGE" {
        return say(StatusCode::METHOD_NOT_ALLOWED, "PURGE is answered here");
    }
    let mode = match request.headers().get("purge-mode").map(|value| value.as_bytes()) {
        None | Some(b"exact") => Purge::Exact,
        Some(b"soft") => Purge::Soft,
        Some(_) => return say(StatusCode::BAD_REQUEST, "purge-mode is exact or soft"),
    };
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    match Pattern::parse(target, &shared.key_rules) {
        Ok(pattern) => {
            let gone = purge(&shared.store, &pattern, mode).await;
            tracing::info!(target, ?mode, %gone, "purged");
            say(StatusCode::OK, &gone)
        }
        Err(fault) => say(StatusCode::BAD_REQUEST, &fault.to_string()),
    }
}

/// One shard at a time, so that nobody waits for more than a look at one of them. Says how many objects went.
async fn purge(store: &Store, pattern: &Pattern, mode: Purge) -> String {
    // The disk gives and takes nothing of what is meant until both tiers are done.
    let purging = store.disk.as_ref().map(|disk| disk.purging(pattern));
    let mut gone = 0;
    for shard in 0..Store::SHARDS {
        gone += store.purge_shard(shard, pattern, mode, Instant::now());
        tokio::task::yield_now().await;
    }
    let objects = |count| if count == 1 { "object" } else { "objects" };
    let Some(purging) = purging else { return format!("{gone} {}", objects(gone)) };
    let on_disk = tokio::task::spawn_blocking(move || purging.run(mode)).await.unwrap_or(0);
    format!("{gone} {} in memory, {on_disk} on disk", objects(gone))
}

fn say(status: StatusCode, words: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{words}\n"))));
    *answer.status_mut() = status;
    answer
}
