//! Answers that take waiting: for the origin, for an object to fill, for a large object to leave.

use std::sync::Arc;
use std::time::Instant;

use http_cache::Key;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use crate::body::{Filling, Next};
use crate::counters::{FetchEnd, Phase};
use crate::fetch::{self, Chain};
use crate::gate::{Method, Persistence, Request, Version, Wants};
use crate::object::{Object, end_to_end, may_have_body};
use crate::origin::Reply;
use crate::respond::{self, Ask, Follow, Framing};
use crate::send::{Gone, Sender, reset};
use crate::store::{Failure, Flight, Found, Landing};
use crate::worker::Worker;

/// How often a viewer who has got nothing yet is led through a fetch that broke off before he is told so.
const ATTEMPTS: usize = 3;

/// A request that outlives the buffer it was read from.
#[derive(Debug)]
pub(crate) struct OwnedRequest {
    key: Key,
    method: Method,
    version: Version,
    persistence: Persistence,
    range: Option<Box<str>>,
    if_range: Option<Box<str>>,
    if_none_match: Option<Box<str>>,
    if_modified_since: Option<Box<str>>,
}

impl OwnedRequest {
    pub(crate) fn new(request: &Request<'_>, persistence: Persistence) -> OwnedRequest {
        let own = |text: Option<&str>| text.map(Box::from);
        OwnedRequest {
            key: Key::from_canonical(&request.target),
            method: request.method,
            version: request.version,
            persistence,
            range: own(request.wants.range),
            if_range: own(request.wants.if_range),
            if_none_match: own(request.wants.if_none_match),
            if_modified_since: own(request.wants.if_modified_since),
        }
    }

    fn ask(&self) -> Ask<'_> {
        Ask {
            method: self.method,
            version: self.version,
            persistence: self.persistence,
            wants: Wants {
                range: self.range.as_deref(),
                if_range: self.if_range.as_deref(),
                if_none_match: self.if_none_match.as_deref(),
                if_modified_since: self.if_modified_since.as_deref(),
            },
        }
    }
}

/// Answers `request`; says what becomes of the connection.
pub(crate) async fn run(
    worker: &Arc<Worker>,
    stream: &mut TcpStream,
    request: OwnedRequest,
    mut found: Found,
) -> Result<Persistence, Gone> {
    for _ in 0..ATTEMPTS {
        let (landing, phase) = match found {
            Found::Hit(object) => (Landing::Object(object), Phase::Hit),
            Found::HitStale(object, lead) => {
                if let Some(lead) = lead {
                    tokio::spawn(fetch::run(worker.clone(), lead, None));
                }
                (Landing::Object(object), Phase::Stale)
            }
            Found::StaleOnError(object) => (Landing::Object(object), Phase::Stale),
            Found::Failed(failure) => (Landing::Failed(failure), Phase::Local),
            Found::Pass => return pass(worker, stream, &request, None).await,
            Found::Lead(lead) => {
                let phase = if lead.old.is_some() { Phase::Revalidated } else { Phase::Miss };
                let (flight, old) = (lead.flight.clone(), lead.old.clone());
                let (alone, own) = oneshot::channel();
                tokio::spawn(fetch::run(worker.clone(), lead, Some(alone)));
                let landing = or_gone(stream, landing(worker, &flight, old)).await?;
                if let Landing::Pass = landing {
                    return pass(worker, stream, &request, own.await.ok()).await;
                }
                (landing, phase)
            }
            Found::Follow(flight, old) => {
                (or_gone(stream, landing(worker, &flight, old)).await?, Phase::Collapsed)
            }
        };
        match landing {
            Landing::Object(object) => match send(worker, stream, &request, &object, phase).await {
                Ok(persistence) => return Ok(persistence),
                Err(Unsent::Gone) => return Err(Gone),
                Err(Unsent::BrokenBeforeStart) => {}
            },
            Landing::Stale(object) => match send(worker, stream, &request, &object, Phase::Stale).await {
                Ok(persistence) => return Ok(persistence),
                Err(_) => return Err(Gone),
            },
            Landing::Pass => return pass(worker, stream, &request, None).await,
            Landing::Failed(failure) => return fail(worker, stream, &request, failure).await,
        }
        found = worker.shared.store.lookup(request.key.as_str(), Instant::now());
    }
    fail(worker, stream, &request, Failure::BrokenOff).await
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

/// Waits, unless the viewer leaves meanwhile.
async fn or_gone<T>(stream: &TcpStream, wait: impl Future<Output = T>) -> Result<T, Gone> {
    tokio::pin!(wait);
    let mut byte = [0];
    tokio::select! {
        biased;
        done = &mut wait => Ok(done),
        peeked = stream.peek(&mut byte) => match peeked {
            Ok(0) | Err(_) => Err(Gone),
            // The next request is here already: its sender is waiting for this answer.
            Ok(_) => Ok(wait.await),
        },
    }
}

enum Unsent {
    Gone,
    /// Not a byte was sent, and the object will never be whole.
    BrokenBeforeStart,
}

impl From<Gone> for Unsent {
    fn from(_: Gone) -> Unsent {
        Unsent::Gone
    }
}

async fn send(
    worker: &Worker,
    stream: &TcpStream,
    request: &OwnedRequest,
    object: &Arc<Object>,
    phase: Phase,
) -> Result<Persistence, Unsent> {
    let mut head = Vec::with_capacity(1024);
    let (status, follow) = respond::answer(request.ask(), object, phase, Instant::now(), &mut head);
    let mut sender = Sender::new(stream, &worker.shared.limits, &worker.counters);
    let mut persistence = request.persistence;
    match follow {
        Follow::Nothing => sender.bytes(&[&head]).await?,
        Follow::Piece(piece) => {
            let framing = Framing::Length(piece.len());
            sender.head_and_piece(&head, piece, framing).await?;
        }
        Follow::Filling { object, first, framing } => {
            if framing == Framing::Close {
                persistence = Persistence::Close;
            }
            let start = or_gone(stream, object.filling.next(first)).await?;
            if let Next::Broken = start {
                return Err(Unsent::BrokenBeforeStart);
            }
            follow_filling(&mut sender, stream, &object.filling, &head, start, first, framing).await?;
        }
    }
    worker.counters.answered(status, phase);
    tracing::debug!(target: "edge::access", target_path = %request.key, status, cache = ?phase);
    Ok(persistence)
}

/// Sends an object's bytes as they come. One that breaks off takes the connection with it, so that no viewer takes a
/// part for the whole.
async fn follow_filling(
    sender: &mut Sender<'_>,
    stream: &TcpStream,
    filling: &Filling,
    head: &[u8],
    start: Next,
    first: u64,
    framing: Framing,
) -> Result<(), Gone> {
    let mut offset = first;
    let mut left = match framing {
        Framing::Length(len) => len,
        Framing::Chunked | Framing::Close => u64::MAX,
    };
    let mut head = head;
    let mut next = start;
    loop {
        match next {
            Next::Piece(piece) => {
                let piece = piece.cut(left);
                let len = piece.len();
                sender.head_and_piece(std::mem::take(&mut head), piece, framing).await?;
                offset += len;
                left -= len;
            }
            Next::End => {
                if !head.is_empty() {
                    sender.bytes(&[head]).await?;
                }
                if matches!(framing, Framing::Length(_)) && left > 0 {
                    reset(stream);
                    return Err(Gone);
                }
                return sender.end(framing).await;
            }
            Next::Broken => {
                reset(stream);
                return Err(Gone);
            }
        }
        if left == 0 {
            return Ok(());
        }
        next = filling.next(offset).await;
        sender.was_idle();
    }
}

/// Fetches for this viewer alone, or passes on what was fetched: as fast as he takes it, nothing kept.
async fn pass(
    worker: &Arc<Worker>,
    stream: &mut TcpStream,
    request: &OwnedRequest,
    reply: Option<Reply>,
) -> Result<Persistence, Gone> {
    let limits = &worker.shared.limits;
    let Ok(_permit) = worker.shared.fetches.try_acquire() else {
        worker.counters.fetched(FetchEnd::Refused);
        return fail(worker, stream, request, Failure::Busy).await;
    };
    let mut reply = match reply {
        Some(reply) => reply,
        None => match or_gone(stream, worker.client.get(request.key.as_str(), None, limits)).await? {
            Ok(reply) => {
                worker.counters.fetched(FetchEnd::Passed);
                reply
            }
            Err(fault) => {
                tracing::warn!(key = %request.key, fault = %Chain(&fault), "fetch failed");
                let (end, failure) = fetch::end_of(&fault);
                worker.counters.fetched(end);
                return fail(worker, stream, request, failure).await;
            }
        },
    };
    let status = reply.head.status;
    let lines = end_to_end(status, &reply.head.headers);
    let mut head = Vec::with_capacity(1024);
    let declared = reply.declared_len();
    let framing = respond::passed(request.ask(), status, &lines, declared, reply.is_delimited(), &mut head);
    let mut sender = Sender::new(stream, limits, &worker.counters);
    let has_body = request.method != Method::Head && may_have_body(status);
    let mut head = head.as_slice();
    if !has_body {
        sender.bytes(&[head]).await?;
    }
    let mut open = has_body;
    while open {
        match reply.next(&worker.client, limits.between_bytes_time).await {
            Ok(Some(bytes)) => {
                let piece = crate::body::Piece::Bytes(bytes);
                sender.was_idle();
                sender.head_and_piece(std::mem::take(&mut head), piece, framing).await?;
            }
            Ok(None) => {
                if !head.is_empty() {
                    sender.bytes(&[head]).await?;
                }
                sender.end(framing).await?;
                open = false;
            }
            Err(fault) => {
                tracing::warn!(key = %request.key, fault = %Chain(&fault), "the origin's answer broke off");
                if !head.is_empty() {
                    return fail(worker, stream, request, Failure::BrokenOff).await;
                }
                reset(stream);
                return Err(Gone);
            }
        }
    }
    worker.counters.answered(status.as_u16(), Phase::Pass);
    Ok(match framing {
        Framing::Close => Persistence::Close,
        Framing::Length(_) | Framing::Chunked => request.persistence,
    })
}

async fn fail(
    worker: &Worker,
    stream: &TcpStream,
    request: &OwnedRequest,
    failure: Failure,
) -> Result<Persistence, Gone> {
    let mut head = Vec::new();
    let extra = if failure.status() == 503 { "retry-after: 1\r\n" } else { "" };
    respond::local(request.ask(), failure.status(), &failure.to_string(), extra, &mut head);
    worker.counters.answered(failure.status(), Phase::Local);
    Sender::new(stream, &worker.shared.limits, &worker.counters).bytes(&[&head]).await?;
    Ok(request.persistence)
}
