//! From a request that passed the gate to its answer, through cache and origin. Every protocol asks here.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use http_cache::{Key, Rules};
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use crate::access::carrier::{self, Presented};
use crate::access::token::Refusal;
use crate::admission::Place;
use crate::client::{Client, Fetch};
use crate::config::Limits;
use crate::counters::{Phase, Shed};
use crate::distribution::{self, FieldsOf, Way};
use crate::fetch;
use crate::gate::{Method, Wants};
use crate::object::{Came, Object};
use crate::pass::pass;
use crate::respond::{Answer, Ask};
use crate::store::{Failure, Flight, Found, Landing};
use crate::worker::Worker;
use http_cache::conditional::Validators;

/// How often a viewer who has got nothing yet is led through a fetch that broke off before he is told so.
const ATTEMPTS: usize = 3;

/// A request at the door.
pub(crate) struct Visit<'a, 't> {
    pub(crate) place: &'a Place,
    /// Canonical.
    pub(crate) target: &'t str,
    /// `Host`, or the authority.
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) method: Method,
    pub(crate) presented: &'a Presented<'a>,
    /// It came by TLS or HTTP/3.
    pub(crate) secure: bool,
    /// All of its header fields.
    pub(crate) fields: FieldsOf<'a>,
}

/// A request that was let in: its key, and its way where it is a distribution's.
pub(crate) struct Entered<'t> {
    key: Cow<'t, str>,
    way: Option<Arc<Way>>,
}

impl<'t> Entered<'t> {
    /// By a distribution.
    pub(crate) fn by(key: Key, way: Arc<Way>) -> Entered<'t> {
        Entered { key: Cow::Owned(key.as_str().to_owned()), way: Some(way) }
    }

    /// The text of its key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// How an origin is asked for something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Errand {
    /// `Via` of the viewer's request.
    pub(crate) via: Option<Box<str>>,
    /// Where it is a distribution's.
    pub(crate) way: Option<Arc<Way>>,
}

impl Errand {
    /// What is asked for the object of `key`.
    pub(crate) fn fetch<'a>(&'a self, key: &'a Key, known: Option<Validators<'a>>) -> Fetch<'a> {
        let (target, fields) = match &self.way {
            None => (key.as_str(), [].as_slice()),
            Some(way) => (way.target.as_str(), way.fields.as_slice()),
        };
        Fetch { target, known, fields, via: self.via.as_deref() }
    }

    pub(crate) fn client(&self, worker: &Worker) -> Arc<Client> {
        match &self.way {
            None => worker.client.clone(),
            Some(way) => worker.client_of(way.behaviour().origins()),
        }
    }

    pub(crate) fn limits<'a>(&'a self, worker: &'a Worker) -> &'a Limits {
        let limits = &worker.shared.limits;
        self.way.as_ref().map_or(limits, |way| way.behaviour().limits(limits))
    }

    pub(crate) fn rules<'a>(&'a self, worker: &'a Worker) -> &'a Rules {
        self.way.as_ref().map_or(&worker.shared.store.rules, |way| &way.behaviour().rules)
    }
}

/// A request that outlives the buffer it was read from.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) key: Key,
    method: Method,
    errand: Errand,
    range: Option<Box<str>>,
    if_range: Option<Box<str>>,
    if_none_match: Option<Box<str>>,
    if_modified_since: Option<Box<str>>,
}

impl Question {
    pub(crate) fn new(entered: Entered<'_>, ask: Ask<'_>) -> Question {
        let own = |text: Option<&str>| text.map(Box::from);
        Question {
            key: Key::from_canonical(&entered.key),
            method: ask.method,
            errand: Errand { via: None, way: entered.way },
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
        self.errand.via = via.map(Box::from);
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

/// Lets a request in that passed the gate, if its viewer may ask for what it is for; without a token in front of its
/// path, so that what is left is a key.
pub(crate) fn enter<'t>(
    worker: &Worker,
    visit: &Visit<'_, 't>,
    now: Instant,
) -> Result<Entered<'t>, Box<Answer>> {
    let (method, shared) = (visit.method, &worker.shared);
    if !visit.place.may_ask(now) {
        worker.counters.shed(Shed::AddressRequests);
        return Err(Answer::too_many(method).into());
    }
    let refused = |refusal| {
        worker.counters.access_refused(refusal);
        tracing::debug!(target: "edge::access", ?refusal, "no access");
        Box::new(Answer::no_access(method, refusal))
    };
    let (token, target) = match &shared.access {
        None => (None, visit.target),
        Some(_) => carrier::off_path(visit.target).map_err(refused)?,
    };
    if let Some((found, rest)) = shared.distributions.find(visit.host, target)
        && shared.proofs.as_ref().is_none_or(|proofs| proofs.answer(target).is_none())
    {
        return distribution::enter(worker, &found, visit, token, rest);
    }
    if !shared.fences.lets_in(target, visit.place.viewer) {
        return Err(refused(Refusal::Network));
    }
    if let Some(guard) = &shared.access {
        guard.admit(token, target, method, visit.presented, visit.place.viewer).map_err(refused)?;
    }
    Ok(Entered { key: Cow::Borrowed(target), way: None })
}

/// What can be said without a wait: the answer, or what the store found, to be given to [`resolve`]. A hit on a whole
/// object is always an answer, unless it is one of an error that has a page.
pub(crate) fn at_once(
    worker: &Worker,
    entered: &Entered<'_>,
    ask: Ask<'_>,
    now: Instant,
) -> Result<Answer, Found> {
    let dressed = |mut answer| {
        if let Some(way) = &entered.way {
            distribution::dress(way, &mut answer);
        }
        answer
    };
    if ask.method == Method::Options {
        return Ok(dressed(Answer::preflight()));
    }
    if entered.way.is_none() {
        if is_ingest(entered.key()) {
            return Ok(Answer::local(ask.method, 404, "not here", None));
        }
        if let Some(proofs) = &worker.shared.proofs
            && let Some(proof) = proofs.answer(entered.key())
        {
            return Ok(Answer::local(ask.method, 200, &proof, None));
        }
    }
    match worker.shared.store.lookup(entered.key(), now) {
        Found::Hit(object)
            if object.whole().is_some() && distribution::is_final(entered.way.as_deref(), &object) =>
        {
            Ok(dressed(Answer::from_object(ask, object, Phase::Hit)))
        }
        other => Err(other),
    }
}

/// The answer to `question`, with the first bytes of its body there; a body that breaks off later says so. Dropped
/// when the viewer leaves; a fetch that others may follow goes on.
pub(crate) async fn resolve(worker: &Arc<Worker>, question: &Question, found: Found) -> Answer {
    let ask = question.ask();
    let answer = settle(worker, &question.key, ask, &question.errand, found).await;
    match &question.errand.way {
        None => answer,
        // Boxed, so that others' requests hold no room for it.
        Some(way) => Box::pin(distribution::finish(worker, way, ask, answer)).await,
    }
}

/// The cache's and the origin's answer.
pub(crate) async fn settle(
    worker: &Arc<Worker>,
    key: &Key,
    ask: Ask<'_>,
    errand: &Errand,
    mut found: Found,
) -> Answer {
    for _ in 0..ATTEMPTS {
        let (landing, phase) = match found {
            Found::Hit(object) => (Landing::Object(object), Phase::Hit),
            Found::HitStale(object, lead) => {
                if let Some(lead) = lead {
                    tokio::spawn(fetch::run(worker.clone(), lead, errand.clone(), None));
                }
                (Landing::Object(object), Phase::Stale)
            }
            Found::StaleOnError(object) => (Landing::Object(object), Phase::Stale),
            Found::Failed(failure) => (Landing::Failed(failure), Phase::Local),
            Found::Pass => return pass(worker, key, ask, errand, None).await,
            Found::Lead(lead) => {
                let phase = if lead.old.is_some() { Phase::Revalidated } else { Phase::Miss };
                let (flight, old) = (lead.flight.clone(), lead.old.clone());
                let (alone, own) = oneshot::channel();
                tokio::spawn(fetch::run(worker.clone(), lead, errand.clone(), Some(alone)));
                match landing(worker, &flight, old).await {
                    Landing::Pass => return pass(worker, key, ask, errand, own.await.ok()).await,
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
            Landing::Pass => return pass(worker, key, ask, errand, None).await,
            Landing::Failed(failure) => return Answer::failure(ask.method, failure),
        };
        let mut answer = Answer::from_object(ask, object, phase);
        if answer.body.begin().await {
            return answer;
        }
        found = worker.shared.store.lookup(key.as_str(), Instant::now());
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
pub(crate) fn is_ingest(target: &str) -> bool {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    path == "/ingest" || path.starts_with("/ingest/")
}
