//! From a request that passed the gate to its answer, through cache and origin. Every protocol asks here.

use std::sync::Arc;
use std::time::Instant;

use http_cache::Key;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use crate::access::carrier::Presented;
use crate::admission::Place;
use crate::counters::{Phase, Shed};
use crate::fetch;
use crate::gate::{Method, Wants};
use crate::object::{Came, Object};
use crate::pass::pass;
use crate::respond::{Answer, Ask};
use crate::store::{Failure, Flight, Found, Landing};
use crate::worker::Worker;

/// How often a viewer who has got nothing yet is led through a fetch that broke off before he is told so.
const ATTEMPTS: usize = 3;

/// A request that outlives the buffer it was read from.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) key: Key,
    method: Method,
    via: Option<Box<str>>,
    range: Option<Box<str>>,
    if_range: Option<Box<str>>,
    if_none_match: Option<Box<str>>,
    if_modified_since: Option<Box<str>>,
}

impl Question {
    pub(crate) fn new(target: &str, ask: Ask<'_>) -> Question {
        let own = |text: Option<&str>| text.map(Box::from);
        Question {
            key: Key::from_canonical(target),
            method: ask.method,
            via: None,
            range: own(ask.wants.range),
            if_range: own(ask.wants.if_range),
            if_none_match: own(ask.wants.if_none_match),
            if_modified_since: own(ask.wants.if_modified_since),
        }
    }

    pub(crate) fn method(&self) -> Method {
        self.method
    }

    /// The same for a request that came through other edges.
    pub(crate) fn through(mut self, via: Option<&str>) -> Question {
        self.via = via.map(Box::from);
        self
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            method: self.method,
            wants: Wants {
                range: self.range.as_deref(),
                if_range: self.if_range.as_deref(),
                if_none_match: self.if_none_match.as_deref(),
                if_modified_since: self.if_modified_since.as_deref(),
            },
        }
    }
}

/// The target of a request that passed the gate, if its viewer may ask for it; without a token in front of it, so that
/// it is a key.
pub(crate) fn enter<'t>(
    worker: &Worker,
    place: &Place,
    target: &'t str,
    method: Method,
    presented: &Presented<'_>,
    now: Instant,
) -> Result<&'t str, Box<Answer>> {
    if !place.may_ask(now) {
        worker.counters.shed(Shed::AddressRequests);
        return Err(Answer::too_many(method).into());
    }
    let Some(guard) = &worker.shared.access else { return Ok(target) };
    guard.admit(target, method, presented, place.viewer).map_err(|refusal| {
        worker.counters.access_refused(refusal);
        tracing::debug!(target: "edge::access", ?refusal, "no access");
        Answer::no_access(method, refusal).into()
    })
}

/// What can be said without a wait: the answer, or what the store found, to be given to [`resolve`]. A hit on a whole
/// object is always an answer.
pub(crate) fn at_once(worker: &Worker, target: &str, ask: Ask<'_>, now: Instant) -> Result<Answer, Found> {
    if ask.method == Method::Options {
        return Ok(Answer::preflight());
    }
    if is_ingest(target) {
        return Ok(Answer::local(ask.method, 404, "not here", None));
    }
    if let Some(proofs) = &worker.shared.proofs
        && let Some(proof) = proofs.answer(target)
    {
        return Ok(Answer::local(ask.method, 200, &proof, None));
    }
    match worker.shared.store.lookup(target, now) {
        Found::Hit(object) if object.whole().is_some() => Ok(Answer::from_object(ask, object, Phase::Hit)),
        other => Err(other),
    }
}

/// The answer to `question`, with the first bytes of its body there; a body that breaks off later says so. Dropped
/// when the viewer leaves; a fetch that others may follow goes on.
pub(crate) async fn resolve(worker: &Arc<Worker>, question: &Question, mut found: Found) -> Answer {
    let ask = question.ask();
    for _ in 0..ATTEMPTS {
        let (landing, phase) = match found {
            Found::Hit(object) => (Landing::Object(object), Phase::Hit),
            Found::HitStale(object, lead) => {
                if let Some(lead) = lead {
                    tokio::spawn(fetch::run(worker.clone(), lead, question.via.clone(), None));
                }
                (Landing::Object(object), Phase::Stale)
            }
            Found::StaleOnError(object) => (Landing::Object(object), Phase::Stale),
            Found::Failed(failure) => (Landing::Failed(failure), Phase::Local),
            Found::Pass => return pass(worker, &question.key, ask, question.via.as_deref(), None).await,
            Found::Lead(lead) => {
                let phase = if lead.old.is_some() { Phase::Revalidated } else { Phase::Miss };
                let (flight, old) = (lead.flight.clone(), lead.old.clone());
                let (alone, own) = oneshot::channel();
                tokio::spawn(fetch::run(worker.clone(), lead, question.via.clone(), Some(alone)));
                match landing(worker, &flight, old).await {
                    Landing::Pass => {
                        return pass(worker, &question.key, ask, question.via.as_deref(), own.await.ok())
                            .await;
                    }
                    landing => (landing, phase),
                }
            }
            Found::Follow(flight, old) => (landing(worker, &flight, old).await, Phase::Collapsed),
        };
        let (object, phase) = match landing {
            // No origin was asked.
            Landing::Object(object) if object.came == Came::FromDisk => (object, Phase::Hit),
            Landing::Object(object) => (object, phase),
            Landing::Stale(object) => (object, Phase::Stale),
            Landing::Pass => return pass(worker, &question.key, ask, question.via.as_deref(), None).await,
            Landing::Failed(failure) => return Answer::failure(ask.method, failure),
        };
        let mut answer = Answer::from_object(ask, object, phase);
        if answer.body.begin().await {
            return answer;
        }
        found = worker.shared.store.lookup(question.key.as_str(), Instant::now());
    }
    Answer::failure(ask.method, Failure::BrokenOff)
}

/// Waits for the flight, but with a stale copy at hand that may be served, not for long: counted from the fetch's
/// begin, so that a silent origin delays the first who ask and not everybody.
async fn landing(worker: &Worker, flight: &Flight, old: Option<Arc<Object>>) -> Landing {
    match old.filter(|old| old.lifetime.serves_on_error(Instant::now())) {
        None => flight.landing().await,
        Some(old) => {
            let patience = flight.begun + worker.shared.limits.stale_patience;
            timeout_at(patience.into(), flight.landing()).await.unwrap_or(Landing::Stale(old))
        }
    }
}

/// Publishing never goes through an edge.
fn is_ingest(target: &str) -> bool {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    path == "/ingest" || path.starts_with("/ingest/")
}
