//! HTTP/3 (RFC 9114) on the UDP port of the TLS listener: quinn speaks QUIC, h3 frames and QPACK, this driver answers.
//!
//! One thread serves all of it. Every bound is here, in [`endpoint`] or in [`bounded`]: handshakes under way, connections (by
//! the same [`Admission`] as TCP's), requests at once and given up, bytes received and bytes that wait for a slow reader.
//! [`takeover`] has the UDP socket, which the next edge will have too.

mod bounded;
mod endpoint;
pub(crate) mod ids;
mod line;
pub(crate) mod takeover;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use h3::error::Code;
use h3::server::{RequestResolver, RequestStream};
use http::{HeaderName, HeaderValue, Request, Response};
use quinn::{ConnectionError, Incoming, VarInt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::admission::{Admission, Place};
use crate::body::{Next, Piece};
use crate::counters::{Closed, QuicEvent, Shed};
use crate::fetch::Chain;
use crate::gate::{self, MAX_HEAD, Pseudo};
use crate::resolve::{Question, Visit, at_once, enter, resolve};
use crate::respond::{Answer, Ask};
use crate::store::Found;
use crate::tls::Protocol;
use crate::worker::{Draining, Worker};
use bounded::Bounded;
pub(crate) use endpoint::Quic;
use endpoint::STREAMS;

/// Handshakes under way at once; more are refused.
const HANDSHAKES: usize = 1_024;
/// With more than this under way, an address is asked to prove that it is its owner's before anything is computed for it
/// (RFC 9000 §8.1.2).
const UNPROVED_HANDSHAKES: usize = 128;
/// Bytes handed to QUIC at once.
const STEP: usize = 32 * 1024;
/// Requests given up by the client that are forgiven, whatever was answered. Players give some up when they seek or switch;
/// who gives up more than are answered only makes work (CVE-2023-44487).
const FORGIVEN: u64 = 100;
/// While a connection drains: how long nothing is sent on it until it is closed, far longer than a packet's way there and
/// back. Then the client has what was on its way to him, and has read that he should connect anew.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// One connection's account with its client.
#[derive(Debug, Default)]
struct Account {
    answered: AtomicU64,
    given_up: AtomicU64,
}

/// Who asks.
struct Client {
    quic: quinn::Connection,
    place: Arc<Place>,
    account: Arc<Account>,
}

/// Why a request got no whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unanswered {
    /// The client gave it up, or broke the protocol.
    GivenUp,
    /// Its connection was closed by us.
    Evicted,
    /// The origin's answer broke off.
    Broken,
}

/// Serves viewers until the drain: then lets answers under way finish, tells each viewer to connect anew, and returns. Who
/// comes meanwhile is left to the successor; one that was asked for proof of his address comes back here, and is let in.
pub(crate) async fn serve(Quic { endpoint, socket }: Quic, worker: Arc<Worker>, admission: Arc<Admission>) {
    tokio::spawn({
        let lag = worker.lag.clone();
        async move { lag.measure().await }
    });
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    let mut connections = JoinSet::new();
    let mut end = None;
    while end.is_none() || !connections.is_empty() {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => incoming,
                None => break,
            },
            Some(_) = connections.join_next() => continue,
            () = worker.shared.drained_to(Draining::Begun), if end.is_none() => {
                end = Some(Instant::now() + worker.shared.limits.drain_time);
                continue;
            }
            () = sleep_until(end.unwrap_or_else(Instant::now).into()), if end.is_some() => break,
        };
        if end.is_some() && !socket.is_taken_over() {
            // Whoever has the socket next answers when he asks again.
            incoming.ignore();
            continue;
        }
        let under_way = HANDSHAKES - handshakes.available_permits();
        if under_way >= UNPROVED_HANDSHAKES && !incoming.remote_address_validated() {
            worker.counters.quic(QuicEvent::Retried);
            // An address that cannot be asked again is refused by that.
            let _ = incoming.retry();
            continue;
        }
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            worker.counters.quic(QuicEvent::Refused);
            incoming.refuse();
            continue;
        };
        let admitted = match worker.is_late() {
            true => Err(Closed::Lag),
            false => admission.admit(incoming.remote_address().ip(), Instant::now()),
        };
        match admitted {
            Ok(place) => {
                connections.spawn(serve_one(incoming, permit, place, worker.clone()));
            }
            Err(reason) => {
                worker.counters.turned_away(reason);
                worker.counters.quic(QuicEvent::Refused);
                incoming.refuse();
            }
        }
    }
    endpoint.set_server_config(None);
    endpoint.close(code(Code::H3_NO_ERROR), b"");
    let _ = timeout(LAST_BYTES, endpoint.wait_idle()).await;
}

/// Serves one client.
async fn serve_one(incoming: Incoming, permit: OwnedSemaphorePermit, place: Place, worker: Arc<Worker>) {
    let place = Arc::new(place);
    let shaken = async { incoming.accept()?.await };
    let quic = match timeout(worker.shared.limits.head_time, shaken).await {
        Ok(Ok(quic)) => quic,
        Ok(Err(fault)) => {
            worker.counters.quic(QuicEvent::Failed);
            tracing::debug!(target: "edge::quic", fault = %Chain(&fault), "no connection");
            return;
        }
        Err(_) => {
            worker.counters.quic(QuicEvent::Failed);
            worker.counters.closed(Closed::HeadTime);
            return;
        }
    };
    drop(permit);
    worker.counters.quic(QuicEvent::Accepted);
    worker.counters.opened();
    let ended = serve_requests(&quic, &worker, &place).await;
    if ended == Ended::Excessive || matches!(quic.close_reason(), Some(ConnectionError::TransportError(_))) {
        worker.counters.quic(QuicEvent::Excessive);
    }
    worker.counters.ended();
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// By the client, or by a fault of its making.
    ByClient,
    /// Nothing was asked for a while.
    Idle,
    /// The edge is stopping.
    Drained,
    /// The client made more work than it had answers for.
    Excessive,
}

/// Answers requests until the connection ends. Those under way end with it.
async fn serve_requests(quic: &quinn::Connection, worker: &Arc<Worker>, place: &Arc<Place>) -> Ended {
    let limits = &worker.shared.limits;
    let mut builder = h3::server::builder();
    builder.max_field_section_size(MAX_HEAD as u64).send_grease(false);
    let Ok(mut http) = builder.build::<_, Bytes>(Bounded::new(quic.clone())).await else {
        return Ended::ByClient;
    };
    let account = Arc::new(Account::default());
    let mut requests = JoinSet::new();
    let mut idle_since = Instant::now();
    let (mut draining, mut client_leaves) = (false, false);
    let mut sent = 0;
    loop {
        let patience = if draining { LAST_BYTES } else { limits.idle_time };
        tokio::select! {
            accepted = http.accept(), if !client_leaves => match accepted {
                Ok(Some(resolver)) => {
                    let client = Client { quic: quic.clone(), place: place.clone(), account: account.clone() };
                    requests.spawn(answer(resolver, client, worker.clone()));
                }
                Ok(None) => {
                    (draining, client_leaves) = (true, true);
                    idle_since = Instant::now();
                }
                Err(_) => return Ended::ByClient,
            },
            Some(_) = requests.join_next() => {
                idle_since = Instant::now();
                if account.is_overdrawn() {
                    // Before `http` goes, which says that all is well.
                    quic.close(code(Code::H3_EXCESSIVE_LOAD), b"");
                    return Ended::Excessive;
                }
            }
            () = sleep_until((idle_since + patience).into()), if requests.is_empty() => {
                if !draining {
                    worker.counters.closed(Closed::IdleTime);
                    return Ended::Idle;
                }
                // Closing throws away what is on its way, and a client may be slow.
                let by_now = quic.stats().frame_tx.stream;
                if by_now == sent {
                    return Ended::Drained;
                }
                (sent, idle_since) = (by_now, Instant::now());
            }
            () = worker.shared.drained_to(Draining::Begun), if !draining => {
                (draining, idle_since) = (true, Instant::now());
                // Requests that are on their way here are answered, so that none is lost (RFC 9114 §5.2).
                if http.shutdown(STREAMS as usize).await.is_err() {
                    return Ended::ByClient;
                }
            }
        }
    }
}

impl Account {
    fn is_overdrawn(&self) -> bool {
        let given_up = self.given_up.load(Ordering::Relaxed);
        given_up > FORGIVEN && given_up > self.answered.load(Ordering::Relaxed)
    }
}

type Resolver = RequestResolver<Bounded, Bytes>;
type Stream = RequestStream<bounded::BidiStream<Bytes>, Bytes>;

/// Answers one request.
async fn answer(resolver: Resolver, client: Client, worker: Arc<Worker>) {
    let read = timeout(worker.shared.limits.head_time, resolver.resolve_request()).await;
    let answered = match read {
        Ok(Ok((request, stream))) => {
            worker.counters.asked_by(Protocol::Http3);
            answer_read(&request, stream, &client, &worker).await
        }
        Ok(Err(_)) => Err(Unanswered::GivenUp),
        Err(_) => {
            worker.counters.closed(Closed::HeadTime);
            Err(Unanswered::GivenUp)
        }
    };
    match answered {
        Ok(()) => client.account.answered.fetch_add(1, Ordering::Relaxed),
        Err(Unanswered::GivenUp) => client.account.given_up.fetch_add(1, Ordering::Relaxed),
        Err(Unanswered::Evicted | Unanswered::Broken) => 0,
    };
}

async fn answer_read(
    request: &Request<()>,
    mut stream: Stream,
    client: &Client,
    worker: &Arc<Worker>,
) -> Result<(), Unanswered> {
    let uri = request.uri();
    let pseudo = Pseudo {
        method: request.method().as_str().as_bytes(),
        path: uri.path_and_query().map_or(&b""[..], |path| path.as_str().as_bytes()),
        authority: uri.authority().map(|authority| authority.as_str().as_bytes()),
    };
    let fields =
        || request.headers().iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    let (mut answer, target) = match gate::check(pseudo, fields(), &worker.shared.key_rules) {
        Ok(passed) => {
            let ask = Ask { method: passed.method, wants: passed.wants };
            let now = Instant::now();
            let entered = {
                let visit = Visit {
                    place: &client.place,
                    target: &passed.target,
                    host: passed.host,
                    method: passed.method,
                    presented: &passed.presented,
                    secure: true,
                    fields: &|each| fields().for_each(|(name, value)| each(name, value)),
                };
                enter(worker, &visit, now)
            };
            match entered {
                Ok(entered) => {
                    let key = entered.key().to_owned();
                    let answer = match at_once(worker, &entered, ask, now) {
                        Ok(answer) => answer,
                        Err(found) => wait(worker, &Question::new(entered, ask), found).await,
                    };
                    (answer, key)
                }
                Err(answer) => (*answer, "-".to_owned()),
            }
        }
        Err(violation) => {
            worker.counters.rejected(violation);
            tracing::debug!(target: "edge::gate", reason = violation.label(), "refused");
            (Answer::refusal(violation), String::new())
        }
    };
    let (status, phase) = (answer.status.as_u16(), answer.phase);
    worker.counters.answered(status, phase);
    let sent = send(&mut answer, &mut stream, &client.quic, worker).await;
    tracing::debug!(target: "edge::access", target_path = %target, status, cache = ?phase);
    sent
}

/// Waits for the answer, but not longer than the drain has time.
async fn wait(worker: &Arc<Worker>, question: &Question, found: Found) -> Answer {
    tokio::select! {
        biased;
        answer = resolve(worker, question, found) => answer,
        () = worker.shared.drained_to(Draining::Ending) => {
            worker.counters.shed(Shed::Draining);
            Answer::draining(question.method())
        }
    }
}

/// Sends an answer, its bytes as they come. One that breaks off resets its stream, so that no viewer takes a part for the
/// whole.
async fn send(
    answer: &mut Answer,
    stream: &mut Stream,
    quic: &quinn::Connection,
    worker: &Worker,
) -> Result<(), Unanswered> {
    stream.send_response(head(answer)).await.map_err(|_| Unanswered::GivenUp)?;
    let mut room = BytesMut::new();
    loop {
        match answer.body.next().await {
            Next::Piece(Piece::Bytes(mut bytes)) => {
                while !bytes.is_empty() {
                    let step = bytes.split_to(bytes.len().min(STEP));
                    send_step(step, stream, quic, worker).await?;
                }
            }
            Next::Piece(Piece::File { file, mut offset, mut len }) => {
                while len > 0 {
                    let step = read_step(&file, offset, len, &mut room).map_err(|_| Unanswered::Broken)?;
                    offset += step.len() as u64;
                    len -= step.len() as u64;
                    send_step(step, stream, quic, worker).await?;
                }
            }
            Next::End => break,
            Next::Broken => {
                stream.stop_stream(Code::H3_INTERNAL_ERROR);
                return Err(Unanswered::Broken);
            }
        }
    }
    // A body that comes with a request is of no use (the gate allows none); its end has come already, as a rule.
    let rest =
        std::future::poll_fn(|cx| std::task::Poll::Ready(stream.poll_recv_data(cx).is_pending())).await;
    if rest {
        stream.stop_sending(Code::H3_NO_ERROR);
    }
    stream.finish().await.map_err(|_| Unanswered::GivenUp)
}

fn head(answer: &Answer) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = answer.status;
    answer.each_field(Instant::now(), |name, value| {
        // What the origin sent was read as a field before, so it is one.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            head.headers_mut().append(name, value);
        }
    });
    head
}

/// Hands bytes to QUIC when there is room for them. Who does not make room in time is evicted.
async fn send_step(
    step: Bytes,
    stream: &mut Stream,
    quic: &quinn::Connection,
    worker: &Worker,
) -> Result<(), Unanswered> {
    let limits = &worker.shared.limits;
    let len = step.len() as u64;
    let patience = limits.pace_window + Duration::from_millis(len * 1_000 / limits.pace_bytes_per_s.max(1));
    match timeout(patience, stream.send_data(step)).await {
        Ok(Ok(())) => {
            worker.counters.sent(len);
            Ok(())
        }
        Ok(Err(_)) => Err(Unanswered::GivenUp),
        Err(_) => {
            worker.counters.closed(Closed::SlowReader);
            quic.close(code(Code::H3_EXCESSIVE_LOAD), b"slow reader");
            Err(Unanswered::Evicted)
        }
    }
}

/// The next bytes of a file, in `room`, which takes the place of the last ones once those were sent.
fn read_step(file: &OwnedFd, offset: u64, len: u64, room: &mut BytesMut) -> io::Result<Bytes> {
    room.resize(len.min(STEP as u64) as usize, 0);
    match rustix::io::pread(file, &mut room[..], offset)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => Ok(room.split_to(read).freeze()),
    }
}

fn code(code: Code) -> VarInt {
    VarInt::from_u64(code.value()).expect("HTTP/3's codes are small")
}
