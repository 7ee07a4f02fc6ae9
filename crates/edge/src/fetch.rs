//! A leader's fetch: from the origin into the cache, for everybody who waits.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::StatusCode;
use http_cache::{Cost, Verdict, judge};
use tokio::sync::oneshot;

use crate::client::{Fetch, Reply};
use crate::counters::FetchEnd;
use crate::disk::now_ms;
use crate::hints::{Ending, is_playlist};
use crate::object::{Came, Object};
use crate::origin::FetchError;
use crate::store::{Failure, Landing, Lead};
use crate::worker::Worker;

/// Fetches what `lead` is for. It runs apart from the viewer who began it, so that viewer may leave without the others
/// noticing. An answer that is not to be shared goes to `alone`. `via` tells which edges that viewer's request came through.
pub(crate) async fn run(
    worker: Arc<Worker>,
    lead: Lead,
    via: Option<Box<str>>,
    alone: Option<oneshot::Sender<Reply>>,
) {
    let Some(lead) = from_disk(&worker, lead).await else { return };
    let limits = &worker.shared.limits;
    let Some(_permit) = worker.may_fetch() else {
        return fail(lead, Failure::Busy);
    };
    let known = lead.old.as_ref().filter(|old| old.whole().is_some()).map(|old| old.validators());
    let ask = Fetch { target: lead.key.as_str(), known, via: via.as_deref() };
    let reply = match worker.client.get(ask, limits).await {
        Ok(reply) => reply,
        Err(fault) => {
            tracing::warn!(key = %lead.key, fault = %Chain(&fault), "fetch failed");
            let (end, failure) = end_of(&fault);
            worker.counters.fetched(end);
            return fail(lead, failure);
        }
    };

    let now = Instant::now();
    let status = reply.head.status;
    let verdict = judge(&worker.shared.store.rules, status, &reply.head.headers, now, SystemTime::now());
    if status == StatusCode::NOT_MODIFIED {
        return not_modified(&worker, lead, reply).await;
    }
    if stale_is_better(status) && lead.old.as_ref().is_some_and(|old| old.lifetime.serves_on_error(now)) {
        worker.counters.fetched(FetchEnd::OriginError);
        return fail(lead, Failure::BrokenOff);
    }
    match verdict {
        // A body whose end cannot be told from its breaking off is not shared: a part of it would pass for the whole.
        Verdict::Store(lifetime)
            if reply.is_delimited() && reply.declared_len() <= Some(limits.object_bytes) =>
        {
            let Ok(ticket) = lead.admit() else {
                worker.counters.fetched(FetchEnd::TooLarge);
                return pass(lead, reply, alone);
            };
            let came = Came::Fetched { status, after_stale: lead.old.is_some() };
            let object =
                Object::new(status, &reply.head.headers, reply.declared_len(), lifetime, came, ticket);
            fill(&worker, lead, Arc::new(object), reply).await;
        }
        Verdict::Store(_) | Verdict::Pass(_) => {
            worker.counters.fetched(FetchEnd::Passed);
            pass(lead, reply, alone);
        }
    }
}

/// Lands what the disk tier has, where it is fresh. Otherwise the lead is given back, with what was found as its old copy.
async fn from_disk(worker: &Worker, mut lead: Lead) -> Option<Lead> {
    let store = &worker.shared.store;
    let Some(disk) = store.disk.as_ref().filter(|_| lead.old.is_none()) else { return Some(lead) };
    let Some(loaded) = disk.load(&lead.key).await else { return Some(lead) };
    let Ok(ticket) = lead.admit() else { return Some(lead) };
    if store.grow(&ticket, Cost { bytes: 0, handles: 1 }).is_err() {
        store.release(&ticket);
        return Some(lead);
    }
    let now = Instant::now();
    let lifetime = loaded.record.lifetime(now, now_ms());
    let key = lead.key.clone();
    let object = Arc::new(Object::from_disk(loaded, lifetime, ticket));
    let is_fresh = lifetime.is_fresh(now);
    let lead = if is_fresh {
        lead.land(Landing::Object(object.clone()), now);
        None
    } else {
        lead.adopt(&object);
        Some(lead)
    };
    store.finish(&key, &object, None);
    lead
}

/// The statuses that a stale answer stands in for (RFC 5861 §4).
fn stale_is_better(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

fn pass(lead: Lead, reply: Reply, alone: Option<oneshot::Sender<Reply>>) {
    if let Some(alone) = alone {
        // The viewer who began may have left.
        let _ = alone.send(reply);
    }
    lead.land(Landing::Pass, Instant::now());
}

/// Nothing came. The old copy stands in where it may.
fn fail(lead: Lead, failure: Failure) {
    let now = Instant::now();
    let landing = match &lead.old {
        Some(old) if old.lifetime.serves_on_error(now) => Landing::Stale(old.clone()),
        // Players move to another rendition on 503 sooner than on 502 or 504.
        Some(_) => Landing::Failed(Failure::TooStale),
        None => Landing::Failed(failure),
    };
    lead.land(landing, now);
}

async fn not_modified(worker: &Worker, lead: Lead, mut reply: Reply) {
    let now = Instant::now();
    // The stored status decides how long it lives, with the new head's word on it.
    let refreshed = lead.old.as_ref().and_then(|old| {
        let verdict =
            judge(&worker.shared.store.rules, old.status, &reply.head.headers, now, SystemTime::now());
        match verdict {
            Verdict::Store(lifetime) => old.refreshed(&reply.head.headers, lifetime),
            Verdict::Pass(_) => None,
        }
    });
    // A 304 has no body; reading its end gives the connection back.
    let _ = reply.next(&worker.client, worker.shared.limits.between_bytes_time).await;
    worker.counters.fetched(FetchEnd::NotModified);
    match refreshed {
        Some(object) => lead.land(Landing::Object(Arc::new(object)), now),
        None => lead.land(Landing::Failed(Failure::BrokenOff), now),
    }
}

/// Lands the object with its head, then lets it grow to its end.
async fn fill(worker: &Worker, lead: Lead, object: Arc<Object>, mut reply: Reply) {
    let (key, old) = (lead.key.clone(), lead.old.clone());
    let store = &worker.shared.store;
    // Dropped half-way (a drain, a panic), it must not leave readers waiting.
    let mut guard = Filler { worker, key: &key, object: &object, old: old.as_ref(), whole: false };
    lead.land(Landing::Object(object.clone()), Instant::now());
    let limits = &worker.shared.limits;
    let mut ending = is_playlist(&reply.head.headers).then(Ending::default);
    let mut len = 0;
    loop {
        let piece = match reply.next(&worker.client, limits.between_bytes_time).await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(fault) => {
                tracing::warn!(%key, at = len, fault = %Chain(&fault), "the origin's answer broke off");
                let timeout = fault.is_timeout();
                worker.counters.fetched(if timeout { FetchEnd::Timeout } else { FetchEnd::BrokenOff });
                return;
            }
        };
        len += piece.len() as u64;
        if let Some(ending) = &mut ending {
            ending.append(&piece);
        }
        let handles = u64::from(object.filling.will_spill(piece.len() as u64));
        let more = Cost { bytes: piece.len() as u64, handles };
        if len > limits.object_bytes || store.grow(&object.ticket, more).is_err() {
            tracing::warn!(%key, at = len, "too large for the cache: broken off");
            worker.counters.fetched(FetchEnd::TooLarge);
            return;
        }
        if let Err(fault) = object.filling.append(piece) {
            tracing::error!(%key, %fault, "no memory file for a large object");
            worker.counters.fetched(FetchEnd::TooLarge);
            return;
        }
    }
    if let Some(ending) = ending {
        worker.client.origins.hints.learn(&key, &ending, &worker.shared.key_rules, Instant::now());
    }
    object.complete(object.filling.finish());
    guard.whole = true;
    worker.counters.fetched(FetchEnd::Stored);
}

struct Filler<'a> {
    worker: &'a Worker,
    key: &'a http_cache::Key,
    object: &'a Arc<Object>,
    old: Option<&'a Arc<Object>>,
    whole: bool,
}

impl Drop for Filler<'_> {
    fn drop(&mut self) {
        let store = &self.worker.shared.store;
        if self.whole {
            store.finish(self.key, self.object, self.old);
        } else {
            // Out of the cache first: whoever finds it broken must not find it again.
            store.discard(self.key, self.object, self.old);
            self.object.filling.break_off();
        }
    }
}

/// How a fetch that brought nothing is counted, and what waiters are told.
pub(crate) fn end_of(fault: &FetchError) -> (FetchEnd, Failure) {
    match fault {
        FetchError::Connect(_) => (FetchEnd::ConnectFailed, Failure::Unreachable),
        fault if fault.is_timeout() => (FetchEnd::Timeout, Failure::Timeout),
        _ => (FetchEnd::BrokenOff, Failure::BrokenOff),
    }
}

/// A fault with its causes, for one log line.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(fault) = cause {
            write!(f, ": {fault}")?;
            cause = fault.source();
        }
        Ok(())
    }
}
