//! The operator's door: a unix socket on which objects are taken out of the cache. Viewers cannot reach it.
//!
//! `PURGE {pattern}` takes out what [`Pattern`] means and answers how many objects that were; with the field
//! `purge-mode: soft` they stay, no longer fresh, so that they can be confirmed by the origin or stand in for it. With the field
//! `purge-distribution: NAME` the pattern is of that distribution's paths.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use daemon::Drain;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use http_cache::purge::Pattern;
use hyper::body::Incoming;

use crate::distribution::root;
use crate::store::{Purge, Store};
use crate::worker::Shared;

/// Answers on `socket`, for its owner alone, until the drain. A socket file left from an earlier run is replaced.
pub(crate) fn serve(shared: Arc<Shared>, socket: &Path, drain: Drain) -> io::Result<()> {
    let listener = daemon::listen::unix_for_owner(socket)?;
    daemon::http_service::serve(listener, drain, move |request| {
        let shared = shared.clone();
        async move { answer(&shared, &request).await }
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
    let distribution = request.headers().get("purge-distribution").map(|name| name.to_str().unwrap_or(""));
    let pattern = match distribution {
        None => Pattern::parse(target, &shared.key_rules),
        Some(name) if !shared.distributions.has(name) => {
            return say(StatusCode::NOT_FOUND, "this edge has no distribution of this name");
        }
        Some(name) => Pattern::parse_below(&root(name), target, &shared.key_rules),
    };
    match pattern {
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
