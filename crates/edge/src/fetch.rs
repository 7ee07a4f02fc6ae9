//! A leader's fetch: from the origin into the cache, for everybody who waits.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::StatusCode;
use http_cache::{Cost, Key, Rules, Verdict, judge};
use tokio::sync::oneshot;

use crate::client::{Client, Reply};
use crate::counters::FetchEnd;
use crate::disk::now_ms;
use crate::gzip;
use crate::hints::{Ending, is_playlist};
use crate::object::{Came, Object};
use crate::origin::FetchError;
use crate::resolve::Errand;
use crate::store::{Failure, Landing, Lead};
use crate::worker::Worker;

/// Fetches what `lead` is for. It runs apart from the viewer who began it, so that viewer may leave without the others
/// noticing. An answer that is not to be shared goes to `alone`.
pub(crate) async fn run(
    worker: Arc<Worker>,
    lead: Lead,
    errand: Errand,
    alone: Option<oneshot::Sender<Reply>>,
) {
    let Some(lead) = from_disk(&worker, lead).await else { return };
    let (limits, rules) = (errand.limits(&worker), errand.rules(&worker));
    let client = errand.client(&worker);
    let fail = |lead, failure| fail(lead, failure, rules);
    let Some(_permit) = worker.may_fetch() else {
        return fail(lead, Failure::Busy);
    };
    let known = lead.old.as_ref().filter(|old| old.whole().is_some()).map(|old| old.validators());
    let reply = match client.get(errand.fetch(&lead.key, known), limits).await {
        Ok(reply) => reply,
        Err(fault) => {
            let advice = fault.shortage().map(|words| format!(": {words}")).unwrap_or_default();
            tracing::warn!(key = %lead.key, fault = %Chain(&fault), "fetch failed{advice}");
            let (end, failure) = end_of(&fault);
            worker.counters.fetched(end);
            return fail(lead, failure);
        }
    };

    let now = Instant::now();
    let status = reply.head.status;
    let verdict = judge(rules, status, &reply.head.headers, now, SystemTime::now());
    if status == StatusCode::NOT_MODIFIED {
        return not_modified(&worker, &client, &errand, lead, reply).await;
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
            let len = reply.declared_len();
            let packs = errand.way.as_ref().is_some_and(|way| way.packs);
            if packs && gzip::pays(status, &reply.head.headers, len) {
                let mut headers = reply.head.headers.clone();
                let body = match packed(&worker, &client, &errand, &lead.key, reply).await {
                    Ok(body) => body,
                    Err(failure) => {
                        worker.shared.store.release(&ticket);
                        return fail(lead, failure);
                    }
                };
                gzip::mark(&mut headers);
                let len = Some(body.len() as u64);
                let object = Object::new(status, &headers, len, lifetime, came, ticket);
                return fill(&worker, &errand, lead, Arc::new(object), Pieces::Packed(Some(body))).await;
            }
            let object = Object::new(status, &reply.head.headers, len, lifetime, came, ticket);
            let pieces = Pieces::Origins { client, reply: Box::new(reply) };
            fill(&worker, &errand, lead, Arc::new(object), pieces).await;
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
fn fail(mut lead: Lead, failure: Failure, rules: &Rules) {
    lead.hold = rules.failure(failure.status());
    let now = Instant::now();
    let landing = match &lead.old {
        Some(old) if old.lifetime.serves_on_error(now) => Landing::Stale(old.clone()),
        // Players move to another rendition on 503 sooner than on 502 or 504.
        Some(_) => Landing::Failed(Failure::TooStale),
        None => Landing::Failed(failure),
    };
    lead.land(landing, now);
}

async fn not_modified(worker: &Worker, client: &Client, errand: &Errand, lead: Lead, mut reply: Reply) {
    let now = Instant::now();
    // The stored status decides how long it lives, with the new head's word on it.
    let refreshed = lead.old.as_ref().and_then(|old| {
        if old.is_packed() {
            gzip::mark(&mut reply.head.headers);
        }
        let verdict = judge(errand.rules(worker), old.status, &reply.head.headers, now, SystemTime::now());
        match verdict {
            Verdict::Store(lifetime) => old.refreshed(&reply.head.headers, lifetime),
            Verdict::Pass(_) => None,
        }
    });
    // A 304 has no body; reading its end gives the connection back.
    let _ = reply.next(client, errand.limits(worker).between_bytes_time).await;
    worker.counters.fetched(FetchEnd::NotModified);
    match refreshed {
        Some(object) => lead.land(Landing::Object(Arc::new(object)), now),
        None => lead.land(Landing::Failed(Failure::BrokenOff), now),
    }
}

/// The bytes of an object, as they come.
enum Pieces {
    /// From its origin.
    Origins { client: Arc<Client>, reply: Box<Reply> },
    /// All at once.
    Packed(Option<Bytes>),
}

impl Pieces {
    async fn next(&mut self, patience: Duration) -> Result<Option<Bytes>, FetchError> {
        match self {
            Pieces::Origins { client, reply } => reply.next(client, patience).await,
            Pieces::Packed(rest) => Ok(rest.take()),
        }
    }

    /// Where what a playlist hints at is found, for what is learnt from while it comes.
    fn ending(&self) -> Option<Ending> {
        match self {
            Pieces::Origins { reply, .. } => is_playlist(&reply.head.headers).then(Ending::default),
            Pieces::Packed(_) => None,
        }
    }
}

/// The whole body of `reply`, packed. Its length is known and bounded.
async fn packed(
    worker: &Worker,
    client: &Client,
    errand: &Errand,
    key: &Key,
    mut reply: Reply,
) -> Result<Bytes, Failure> {
    let patience = errand.limits(worker).between_bytes_time;
    let mut body = Vec::new();
    loop {
        match reply.next(client, patience).await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) => break,
            Err(fault) => {
                tracing::warn!(%key, at = body.len(), fault = %Chain(&fault), "the origin's answer broke off");
                let (end, failure) = end_of(&fault);
                worker.counters.fetched(end);
                return Err(failure);
            }
        }
    }
    if is_playlist(&reply.head.headers) {
        let mut ending = Ending::default();
        ending.append(&body);
        learn(worker, client, errand, key, &ending);
    }
    gzip::pack(body).await.map_err(|fault| {
        tracing::error!(%key, %fault, "an answer could not be packed");
        worker.counters.fetched(FetchEnd::BrokenOff);
        Failure::BrokenOff
    })
}

fn learn(worker: &Worker, client: &Client, errand: &Errand, key: &Key, ending: &Ending) {
    let target = errand.fetch(key, None).target;
    client.origins.hints.learn(target, ending, &worker.shared.key_rules, Instant::now());
}

/// Lands the object with its head, then lets it grow to its end.
async fn fill(worker: &Worker, errand: &Errand, lead: Lead, object: Arc<Object>, mut pieces: Pieces) {
    let (key, old) = (lead.key.clone(), lead.old.clone());
    let store = &worker.shared.store;
    // Dropped half-way (a drain, a panic), it must not leave readers waiting.
    let mut guard = Filler { worker, key: &key, object: &object, old: old.as_ref(), whole: false };
    lead.land(Landing::Object(object.clone()), Instant::now());
    let limits = errand.limits(worker);
    let mut ending = pieces.ending();
    let mut len = 0;
    loop {
        let piece = match pieces.next(limits.between_bytes_time).await {
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
    if let (Some(ending), Pieces::Origins { client, .. }) = (ending, &pieces) {
        learn(worker, client, errand, &key, &ending);
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
        FetchError::Connect(_) if fault.shortage().is_some() => (FetchEnd::ConnectFailed, Failure::Short),
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
