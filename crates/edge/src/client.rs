//! The edge as a client of its origins: asks them as [`crate::health`] plans, and takes the first answer that is not
//! a failing one.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use http_cache::conditional::Validators;
use spec::OriginUrl;
use tokio::sync::watch;

use crate::config::{Limits, Upstream};
use crate::fetch::Chain;
use crate::health::{Fault, Health, Plan, Rules, State, Step, Wait};
use crate::hints::Hints;
use crate::origin::{Ask, Begun, Connections, FetchError, Origin, OriginError};
use crate::trust::Trust;
use crate::via::Pseudonym;

/// Origins an edge can keep apart.
pub(crate) const MAX_ORIGINS: usize = 8;
/// Origins of a distribution's group, which may be an edge's own twice.
const MAX_KNOWN: usize = 2 * MAX_ORIGINS;

/// What all threads know of the origins.
#[derive(Debug)]
pub(crate) struct Origins {
    urls: Vec<OriginUrl>,
    list: Vec<Arc<Origin>>,
    health: Mutex<Health>,
    /// Told whenever an origin's state turned into another.
    changes: watch::Sender<u64>,
    /// Statuses on which the next is asked.
    failing: Vec<StatusCode>,
    /// Those of them that tell of ill health.
    ill: Vec<StatusCode>,
    pub(crate) hints: Hints,
    pub(crate) pseudonym: Pseudonym,
    pub(crate) counts: Counts,
    is_retired: AtomicBool,
}

/// What became of requests to the origins, each in their order.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) asked: Vec<AtomicU64>,
    pub(crate) faults: Vec<[AtomicU64; Fault::LABELS.len()]>,
    /// Asked while another was asked already.
    pub(crate) joined: Vec<AtomicU64>,
    /// Answers taken from another origin than the first that was asked.
    pub(crate) failovers: AtomicU64,
}

impl Origins {
    /// Those of an edge that calls itself by this name.
    pub(crate) fn new(upstream: Upstream, pseudonym: Pseudonym) -> Result<Origins, OriginError> {
        let Upstream { origins: urls, ca, failover_on, failover_after } = upstream;
        if !(1..=MAX_ORIGINS).contains(&urls.len()) {
            return Err(OriginError::Count);
        }
        let mut trust = Trust::new(ca);
        let with_origin = |url: OriginUrl| {
            let origin = Origin::new(&url, &mut trust)?;
            Ok((url, origin))
        };
        let list: Result<_, OriginError> = urls.into_iter().map(with_origin).collect();
        let ill = failover_on.clone();
        Ok(Origins { ill, ..Origins::of(list?, failover_on, failover_after, pseudonym) })
    }

    /// These, the first of which is asked first. A 4xx among `failing` is asked of the next, and says nothing about who
    /// gave it.
    pub(crate) fn of(
        list: Vec<(OriginUrl, Origin)>,
        failing: Vec<StatusCode>,
        failover_after: Duration,
        pseudonym: Pseudonym,
    ) -> Origins {
        let count = list.len();
        let (urls, list): (_, Vec<_>) = list.into_iter().unzip();
        Origins {
            list: list.into_iter().map(Arc::new).collect(),
            urls,
            health: Mutex::new(Health::new(count, Rules::new(failover_after))),
            changes: watch::Sender::new(0),
            ill: failing.iter().copied().filter(StatusCode::is_server_error).collect(),
            failing,
            hints: Hints::default(),
            pseudonym,
            is_retired: AtomicBool::new(false),
            counts: Counts {
                asked: (0..count).map(|_| AtomicU64::default()).collect(),
                faults: (0..count).map(|_| Default::default()).collect(),
                joined: (0..count).map(|_| AtomicU64::default()).collect(),
                failovers: AtomicU64::default(),
            },
        }
    }

    /// Nobody asks them any more: threads may forget their connections.
    pub(crate) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed)
    }

    /// What is believed of each.
    pub(crate) fn states(&self) -> Vec<State> {
        self.with(|health| health.states().to_vec())
    }

    /// Looks at and changes what is believed; whoever waits by it is told, and so is the log.
    fn with<T>(&self, look: impl FnOnce(&mut Health) -> T) -> T {
        let mut health = self.health.lock().expect("nothing panics while it holds the beliefs");
        let before: [Option<State>; MAX_KNOWN] = std::array::from_fn(|at| health.states().get(at).copied());
        let changes = health.changes();
        let done = look(&mut health);
        if health.changes() != changes {
            self.changes.send_replace(health.changes());
            for ((before, after), url) in before.into_iter().flatten().zip(health.states()).zip(&self.urls) {
                match (before, after) {
                    (State::Down { .. }, State::Good | State::Doubtful { .. }) => {
                        tracing::info!(event = "origin_down", state = "cleared", origin = %url, "the origin is back");
                    }
                    (State::Good | State::Doubtful { .. }, State::Down { .. }) => {
                        tracing::warn!(event = "origin_down", state = "raised", origin = %url, "the origin is down");
                    }
                    _ => {}
                }
            }
        }
        done
    }

    /// The answer of `origin` is not the one that is wanted, though it is in good health.
    fn passed_over(&self, plan: &mut Plan, origin: usize) {
        self.with(|health| plan.passed_over(health, origin, Instant::now()));
    }

    fn failed(&self, plan: &mut Plan, origin: usize, fault: Fault) {
        self.counts.faults[origin][fault as usize].fetch_add(1, Ordering::Relaxed);
        self.with(|health| plan.failed(health, origin, fault, Instant::now()));
    }
}

/// One thread's connections to the origins.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) origins: Arc<Origins>,
    connections: Vec<Connections>,
}

/// What is asked, of whichever origin answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetch<'a> {
    /// A canonical target.
    pub(crate) target: &'a str,
    /// Only if it changed.
    pub(crate) known: Option<Validators<'a>>,
    /// The viewer's fields that go along.
    pub(crate) fields: &'a [(HeaderName, HeaderValue)],
    /// `Via` of the viewer's request.
    pub(crate) via: Option<&'a str>,
}

/// An answer whose head has come.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: http::response::Parts,
    begun: Begun,
    origin: usize,
}

type Racing<'a> = Vec<(usize, Pin<Box<dyn Future<Output = Result<Reply, FetchError>> + Send + 'a>>)>;

impl Client {
    pub(crate) fn new(origins: Arc<Origins>) -> Client {
        let connections = origins.list.iter().cloned().map(Connections::new).collect();
        Client { origins, connections }
    }

    /// Fetches. Where every origin failed, the answer of one that said so itself is preferred to an error.
    pub(crate) async fn get(&self, fetch: Fetch<'_>, limits: &Limits) -> Result<Reply, FetchError> {
        let origins = &*self.origins;
        let begun = Instant::now();
        let (wait, patience) = match origins.hints.is_held(fetch.target, begun) {
            true => (Wait::Held, limits.blocking_first_byte_time),
            false => (Wait::Prompt, limits.first_byte_time),
        };
        let deadline = begun + patience;
        let via = origins.pseudonym.after(fetch.via);
        let mut changes = origins.changes.subscribe();
        let mut plan = Plan::new(wait);
        let mut racing: Racing<'_> = Vec::new();
        let mut spare = Err(FetchError::FirstByteTimeout(patience));
        loop {
            let until = loop {
                let now = Instant::now();
                match origins.with(|health| plan.step(health, now)) {
                    Step::Ask(origin) => {
                        origins.counts.asked[origin].fetch_add(1, Ordering::Relaxed);
                        if !racing.is_empty() {
                            origins.counts.joined[origin].fetch_add(1, Ordering::Relaxed);
                        }
                        let patience = deadline.saturating_duration_since(now);
                        let Fetch { target, known, fields, .. } = fetch;
                        let ask = Ask { target, known, fields, via: &via, patience };
                        racing.push((origin, Box::pin(self.ask(origin, ask, limits))));
                    }
                    Step::Wait(until) => break until,
                    Step::GiveUp => return spare,
                }
            };
            let (origin, done) = tokio::select! {
                biased;
                done = first(&mut racing) => done,
                () = at(until) => continue,
                // The sender lives in `origins`.
                _ = changes.changed() => continue,
            };
            match done {
                Ok(reply) if origins.failing.contains(&reply.head.status) => {
                    match origins.ill.contains(&reply.head.status) {
                        true => origins.failed(&mut plan, origin, Fault::Status),
                        false => origins.passed_over(&mut plan, origin),
                    }
                    if spare.is_err() {
                        spare = Ok(reply);
                    }
                }
                Ok(reply) => {
                    origins.with(|health| plan.answered(health, origin, Instant::now()));
                    if plan.first() != Some(origin) {
                        origins.counts.failovers.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(reply);
                }
                Err(error) => {
                    let fault = fault_of(&error);
                    tracing::debug!(target = fetch.target, origin = %origins.urls[origin], fault = %Chain(&error), "not answered");
                    match error.shortage() {
                        // None of the origin's doing: others may still have connections to it.
                        Some(_) => plan.not_reached(origin),
                        None => origins.failed(&mut plan, origin, fault),
                    }
                    if spare.is_err() {
                        spare = Err(error);
                    }
                }
            }
            if racing.is_empty() && Instant::now() >= deadline {
                return spare;
            }
        }
    }

    async fn ask(&self, origin: usize, ask: Ask<'_>, limits: &Limits) -> Result<Reply, FetchError> {
        let (head, begun) = self.connections[origin].get(ask, limits).await?;
        Ok(Reply { head, begun, origin })
    }
}

impl Reply {
    /// The body's length, where the origin told.
    pub(crate) fn declared_len(&self) -> Option<u64> {
        self.begun.declared_len()
    }

    /// Whether the body's end can be told from its breaking off: it has a length or is chunked.
    pub(crate) fn is_delimited(&self) -> bool {
        self.declared_len().is_some() || self.head.headers.contains_key(http::header::TRANSFER_ENCODING)
    }

    /// The next piece of the body; `None` at its end, when the connection goes back to `client`. The next request goes
    /// to another origin than one that broke off.
    pub(crate) async fn next(
        &mut self,
        client: &Client,
        patience: Duration,
    ) -> Result<Option<Bytes>, FetchError> {
        let next = self.begun.next(&client.connections[self.origin], patience).await;
        if let Err(error) = &next {
            let (origins, fault) = (&client.origins, fault_of(error));
            origins.counts.faults[self.origin][fault as usize].fetch_add(1, Ordering::Relaxed);
            origins.with(|health| health.failed(self.origin, fault, Instant::now()));
        }
        next
    }
}

/// Connecting is prompt, whatever is asked then: one that takes too long is as good as refused.
fn fault_of(error: &FetchError) -> Fault {
    match error {
        FetchError::Connect(_) | FetchError::ConnectTimeout(_) | FetchError::Http(_) => Fault::Connection,
        FetchError::FirstByteTimeout(_) | FetchError::BodyTimeout(_) => Fault::Slow,
    }
}

/// Waits for the first that ends, and takes it out.
async fn first(racing: &mut Racing<'_>) -> (usize, Result<Reply, FetchError>) {
    std::future::poll_fn(|cx| {
        for at in 0..racing.len() {
            if let Poll::Ready(done) = racing[at].1.as_mut().poll(cx) {
                return Poll::Ready((racing.remove(at).0, done));
            }
        }
        Poll::Pending
    })
    .await
}

async fn at(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}
