//! The edge from start to drain: one thread accepts and hands out, the others serve.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use daemon::Drain;
use http_cache::{Cost, Rules};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::admission::{Admission, Admitted};
use crate::config::Config;
use crate::conn::{linger, serve};
use crate::counters::{Closed, Counters, Figures, Phase};
use crate::fetch::Chain;
use crate::origin::{Client, Origin, OriginError};
use crate::store::Store;
use crate::tls::certificate::{self, CertificateError};
use crate::tls::{Acceptance, Protocol};
use crate::transport::{Outgoing, Transport};
use crate::worker::{Shared, Worker};

/// Accepted connections that wait for their thread; more are refused.
const HANDOVER: usize = 1_024;
/// Refused connections that are told why at once; more are closed without a word.
const TOLD: usize = 64;
/// Between two looks for objects that are of no use any more, each at one shard of the cache.
const SWEEP_PERIOD: Duration = Duration::from_millis(250);
/// Wait after the system had no descriptor for a connection.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(50);
/// How long the kernel keeps trying to hand sent bytes to a viewer who acknowledges none.
const UNTAKEN_TIME: Duration = Duration::from_secs(30);
/// What a refused connection is told.
const OVERLOADED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\n\
    access-control-allow-origin: *\r\nconnection: close\r\n\r\n";

/// Why an edge could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The origin's URL.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// As many as this version knows.
    #[error("one origin is wanted; several are not implemented yet")]
    Origins,
    /// The listener or a thread.
    #[error("start the edge")]
    Start(#[source] io::Error),
    /// The certificate viewers are shown.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No TLS session could be offered.
    #[error("start TLS")]
    Tls(#[source] rustls::Error),
    /// The metrics socket or listener.
    #[error("answer metrics")]
    Metrics(#[source] io::Error),
    /// A bug in the edge.
    #[error("serving thread {thread} ended by itself")]
    ThreadEnded {
        /// Its number.
        thread: usize,
    },
}

/// One serving thread, as the acceptor sees it.
struct Seat {
    connections: mpsc::Sender<Handed>,
    open: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<()>,
}

struct Handed {
    stream: TcpStream,
    /// Where the connection came by TLS: how it is accepted.
    tls: Option<Arc<Acceptance>>,
    place: Place,
}

/// What a connection gives back at its end.
struct Place {
    _admitted: Admitted,
    open: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves viewers until the drain: then accepts nobody, lets answers under way finish, and returns.
pub async fn run(config: Config, drain: Drain) -> Result<(), Error> {
    let [origin] = config.origins.as_slice() else { return Err(Error::Origins) };
    let origin = Origin::new(origin)?;
    config.listener.set_nonblocking(true).map_err(Error::Start)?;
    let room = Cost { bytes: config.cache_bytes, handles: config.limits.large_objects as u64 };
    let store = Arc::new(Store::new(room, Rules::default()));
    let shared = Arc::new(Shared::new(store.clone(), config.limits));
    let admission = Admission::new(shared.limits.connections, shared.limits.connections_per_address);

    let at_door = Arc::new(Counters::default());
    // Renewals are counted by a task of their own.
    let renewals = Arc::new(Counters::default());
    let mut figures = Figures { threads: vec![at_door.clone(), renewals.clone()], store: store.clone() };
    let mut seats = Vec::new();
    for number in 0..config.threads.max(1) {
        let counters = Arc::new(Counters::default());
        figures.threads.push(counters.clone());
        let worker = Worker { shared: shared.clone(), counters, client: Client::new(origin.clone()) };
        seats.push(start_thread(number, Arc::new(worker), drain.clone()).map_err(Error::Start)?);
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(figures));
    config.metrics.serve(registry, drain.clone()).map_err(Error::Metrics)?;

    let listener = |listener| tokio::net::TcpListener::from_std(listener).map_err(Error::Start);
    let plain = Entrance { listener: listener(config.listener)?, tls: None };
    let tls = match config.tls {
        Some(config) => {
            config.listener.set_nonblocking(true).map_err(Error::Start)?;
            let shown = certificate::start(&config.certificate, &config.folder, renewals)?;
            let acceptance = Arc::new(Acceptance::new(shown).map_err(Error::Tls)?);
            Some(Entrance { listener: listener(config.listener)?, tls: Some(acceptance) })
        }
        None => None,
    };
    let door = Door { admission, counters: at_door };
    let accepting = async {
        tokio::select! {
            ended = door.accept(&plain, &seats) => ended,
            ended = async { match &tls {
                Some(tls) => door.accept(tls, &seats).await,
                None => std::future::pending().await,
            }} => ended,
        }
    };
    let ended = tokio::select! {
        ended = accepting => Some(ended),
        () = drain.requested() => None,
        never = sweep(&store) => match never {},
    };
    // Whoever connects from now on is refused, or waits for whoever shares the listener.
    drop((plain, tls));
    shared.draining.store(true, Ordering::Relaxed);
    for (thread, seat) in seats.into_iter().enumerate() {
        drop(seat.connections);
        let joined = tokio::task::spawn_blocking(move || seat.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            return Err(Error::ThreadEnded { thread });
        }
    }
    match ended {
        Some(thread) => Err(Error::ThreadEnded { thread }),
        None => Ok(()),
    }
}

async fn sweep(store: &Store) -> Infallible {
    let mut period = tokio::time::interval(SWEEP_PERIOD);
    let mut turn: usize = 0;
    loop {
        period.tick().await;
        store.sweep(turn, Instant::now());
        turn = turn.wrapping_add(1);
    }
}

/// One listener.
struct Entrance {
    listener: tokio::net::TcpListener,
    /// How connections are accepted where they come by TLS.
    tls: Option<Arc<Acceptance>>,
}

struct Door {
    admission: Arc<Admission>,
    counters: Arc<Counters>,
}

impl Door {
    /// Hands each connection to the thread that has the fewest. Returns the number of a thread that ended by itself.
    async fn accept(&self, entrance: &Entrance, seats: &[Seat]) -> usize {
        let told = Arc::new(tokio::sync::Semaphore::new(TOLD));
        loop {
            // Registered with this thread's runtime for a moment only; the serving thread registers it for good.
            let accepted = entrance
                .listener
                .accept()
                .await
                .and_then(|(stream, peer)| Ok((stream.into_std()?, peer.ip())));
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(fault) => match fault.kind() {
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => continue,
                    _ => {
                        tracing::warn!(%fault, "no connection can be accepted; trying again");
                        tokio::time::sleep(EXHAUSTED_WAIT).await;
                        continue;
                    }
                },
            };
            let admitted = match self.admission.admit(address) {
                Ok(admitted) => admitted,
                Err(reason) => {
                    self.refuse(entrance, stream, reason, &told);
                    continue;
                }
            };
            let (number, seat) = seats
                .iter()
                .enumerate()
                .min_by_key(|(_, seat)| seat.open.load(Ordering::Relaxed))
                .expect("there is at least one thread");
            seat.open.fetch_add(1, Ordering::Relaxed);
            let place = Place { _admitted: admitted, open: seat.open.clone() };
            match seat.connections.try_send(Handed { stream, tls: entrance.tls.clone(), place }) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(handed)) => {
                    self.refuse(entrance, handed.stream, Closed::OverTotal, &told);
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return number,
            }
        }
    }

    fn refuse(
        &self,
        entrance: &Entrance,
        stream: TcpStream,
        reason: Closed,
        told: &Arc<tokio::sync::Semaphore>,
    ) {
        self.counters.closed(reason);
        if entrance.tls.is_some() {
            // To say anything takes a handshake, which is most of what a connection costs.
            return;
        }
        self.counters.answered(503, Phase::Local);
        let Ok(permit) = told.clone().try_acquire_owned() else { return };
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
        let mut stream = Transport::plain(stream);
        tokio::spawn(async move {
            let words = [IoSlice::new(OVERLOADED)];
            if stream.writable().await.is_ok() && stream.try_send(Outgoing::Bytes(&words)).is_ok() {
                linger(&mut stream).await;
            }
            drop(permit);
        });
    }
}

fn start_thread(number: usize, worker: Arc<Worker>, drain: Drain) -> io::Result<Seat> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (connections, handed) = mpsc::channel(HANDOVER);
    let thread = std::thread::Builder::new()
        .name(format!("edge-{number}"))
        .spawn(move || runtime.block_on(serve_handed(worker, handed, drain)))?;
    Ok(Seat { connections, open: Arc::default(), thread })
}

/// Serves what it is handed. At the drain, waits for the answers under way; connections between two requests are
/// closed when the thread ends.
async fn serve_handed(worker: Arc<Worker>, mut handed: mpsc::Receiver<Handed>, drain: Drain) {
    loop {
        let Handed { stream, tls, place } = tokio::select! {
            next = handed.recv() => match next {
                Some(next) => next,
                None => break,
            },
            () = drain.requested() => break,
        };
        let worker = worker.clone();
        // Answers are written whole; waiting to fill a packet would only delay them. And what a viewer has not taken
        // from the kernel in this time, he will not.
        let socket = socket2::SockRef::from(&stream);
        if socket.set_tcp_nodelay(true).is_err() || socket.set_tcp_user_timeout(Some(UNTAKEN_TIME)).is_err() {
            continue;
        }
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { continue };
        tokio::spawn(async move {
            worker.counters.opened();
            serve_one(stream, tls.as_deref(), &worker).await;
            worker.counters.ended();
            drop(place);
        });
    }
    worker.shared.draining.store(true, Ordering::Relaxed);
    let end = Instant::now() + worker.shared.limits.drain_time;
    while worker.shared.is_busy() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Serves one connection in the protocol that is spoken on it.
async fn serve_one(stream: tokio::net::TcpStream, tls: Option<&Acceptance>, worker: &Arc<Worker>) {
    let Some(acceptance) = tls else {
        return serve(Transport::plain(stream), worker.clone()).await;
    };
    let limit = worker.shared.limits.head_time;
    match timeout(limit, acceptance.accept(stream, &worker.counters)).await {
        Ok(Ok((transport, protocol))) => match protocol {
            Protocol::Http1 => serve(transport, worker.clone()).await,
        },
        Ok(Err(fault)) => {
            worker.counters.closed(Closed::Handshake);
            tracing::debug!(target: "edge::tls", fault = %Chain(&fault), "no TLS session");
        }
        Err(_) => worker.counters.closed(Closed::HeadTime),
    }
}
