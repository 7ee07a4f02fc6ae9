//! Changes as server-sent events (WHATWG HTML §9.2).
//!
//! `id` is the revision, so that a client that comes back (`Last-Event-ID`) misses nothing. One that is further behind than changes are
//! kept is told `reset`: list anew; what follows comes after the list's moment.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use serde_json::json;
use tokio::time::Instant;

use super::problem::Problem;
use super::{Ask, Reply};
use crate::front::Front;

/// A stream of changes.
pub(crate) type Stream = Channel<Bytes, Infallible>;

/// Events that wait for a slow reader; beyond, it is waited for.
const WAITING: usize = 64;
/// Changes that are read at once.
const BATCH: u32 = 500;
/// Other processes' changes are found by looking.
const LOOK: Duration = Duration::from_secs(1);
/// A line says that the stream lives.
const ALIVE: Duration = Duration::from_secs(15);
/// Whoever may listen now may not for ever: the client comes back and is asked again.
const LONGEST: Duration = Duration::from_secs(3_600);

impl Ask<'_> {
    pub(super) async fn events(&self) -> Result<Reply, Problem> {
        let last = self.headers.get("last-event-id").map(|value| value.to_str().unwrap_or(""));
        let since = match last.or(self.query.text("since")) {
            None => self.front.store.revision().await.map_err(|error| Problem::of(&error))?,
            Some(text) => text.parse().ok().filter(|revision| *revision >= 0).ok_or_else(|| {
                Problem::bad_request("`since` and Last-Event-ID are revisions: whole numbers")
            })?,
        };
        let place = self.front.event_streams.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::unavailable("too many listen already"))?;
        let (sender, stream) = Channel::new(WAITING);
        let front = self.front.clone();
        tokio::spawn(async move {
            let drain = front.drain.clone();
            tokio::select! {
                () = feed(front, sender, since) => {}
                () = drain.requested() => {}
            }
            drop(place);
        });
        Ok(Reply::Events(stream))
    }
}

/// Sends changes until the reader is gone or its time is over.
async fn feed(front: Arc<Front>, mut reader: Sender<Bytes, Infallible>, mut since: i64) {
    let end = Instant::now() + LONGEST;
    let mut changed = front.store.watch();
    let mut told = Instant::now();
    if send(&mut reader, "retry: 1000\n\n").await.is_err() {
        return;
    }
    while Instant::now() < end {
        changed.borrow_and_update();
        let text = match front.store.changes(since, BATCH).await {
            Ok(changes) => {
                since = changes.last().map_or(since, |last| last.revision);
                let account = front.account.as_str();
                changes.iter().filter(|change| change.key.account() == account).map(event).collect::<String>()
            }
            Err(store::Error::Forgotten { .. }) => match front.store.revision().await {
                Ok(revision) => {
                    since = revision;
                    format!("id: {revision}\nevent: reset\ndata: {}\n\n", json!({ "revision": revision }))
                }
                Err(_) => String::new(),
            },
            Err(error) => {
                tracing::warn!(%error, "changes cannot be read");
                return;
            }
        };
        let now = Instant::now();
        let text = match text.as_str() {
            "" if now >= told + ALIVE => ":\n\n",
            text => text,
        };
        if !text.is_empty() {
            told = now;
            if send(&mut reader, text).await.is_err() {
                return;
            }
            continue;
        }
        let _ = tokio::time::timeout(LOOK, changed.changed()).await;
    }
}

fn event(change: &store::Change) -> String {
    let data = json!({
        "revision": change.revision,
        "at": change.at.to_string(),
        "kind": change.key.kind(),
        "region": change.key.region(),
        "id": change.key.id(),
        "what": change.what.word(),
        "generation": change.generation,
    });
    format!("id: {}\nevent: change\ndata: {data}\n\n", change.revision)
}

async fn send(reader: &mut Sender<Bytes, Infallible>, text: &str) -> Result<(), ()> {
    reader.send_data(Bytes::copy_from_slice(text.as_bytes())).await.map_err(drop)
}
