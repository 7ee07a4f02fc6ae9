//! The edge from start to drain: one thread accepts and hands out, the others serve.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use daemon::memory::Watch;
use daemon::{Drain, WithShortage};
use http_cache::{Cost, KeyRules, Rules};
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::access::{self, AccessError};
use crate::admission::{Admission, Place};
use crate::client::Origins;
use crate::config::{Certificate, Config, Quic, Tls};
use crate::conn::serve;
use crate::control;
use crate::counters::{Closed, Counters, Figures, Phase};
use crate::depth;
use crate::disk::Disk;
use crate::distribution::DistributionFigures;
use crate::fetch::Chain;
use crate::http2;
use crate::http3::ids::Keys;
use crate::http3::{self, takeover};
use crate::lag::Lag;
use crate::linger::linger;
use crate::origin::OriginError;
use crate::origin_figures::OriginFigures;
use crate::store::Store;
use crate::tls::acme::Proofs;
use crate::tls::certificate;
use crate::tls::{Acceptance, Protocol};
use crate::transport::{Outgoing, Transport};
use crate::worker::{Draining, Parts, Shared, Worker};
use ::certificate::{CertificateError, Shown};

/// Accepted connections that wait for their thread; more are refused.
const HANDOVER: usize = 1_024;
/// Refused connections that are told why at once; more are closed without a word.
const TOLD: usize = 64;
/// Between two looks for objects that are of no use any more, each at one shard of the cache.
const SWEEP_PERIOD: Duration = Duration::from_millis(250);
/// So often is memory looked at.
const SWEEPS_PER_MEMORY_LOOK: usize = 4;
/// Wait after the system had no descriptor for a connection.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(50);
/// How long the kernel keeps trying to hand sent bytes to a viewer who acknowledges none.
const UNTAKEN_TIME: Duration = Duration::from_secs(30);
/// Between two looks whether the last connection has gone.
const DRAIN_LOOK: Duration = Duration::from_millis(10);
/// What a refused connection is told.
const OVERLOADED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\n\
    access-control-allow-origin: *\r\nconnection: close\r\n\r\n";

/// Why an edge could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Who may ask for what.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The listener or a thread.
    #[error("start the edge")]
    Start(#[source] io::Error),
    /// The certificate viewers are shown.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The UDP socket, which edges that replace one another share.
    #[error("share the UDP socket with the edges before and after this one, in `{}`", folder.display())]
    Handover {
        /// Where they meet.
        folder: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// No TLS session could be offered.
    #[error("start TLS")]
    Tls(#[source] rustls::Error),
    /// The metrics socket or listener.
    #[error("answer metrics")]
    Metrics(#[source] io::Error),
    /// The control socket.
    #[error("answer the operator on `{}`", path.display())]
    Control {
        /// The socket.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
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
    lag: Arc<Lag>,
    thread: std::thread::JoinHandle<()>,
}

struct Handed {
    stream: TcpStream,
    /// Where the connection came by TLS: how it is accepted.
    tls: Option<Arc<Acceptance>>,
    place: Place,
}

/// Serves viewers until the drain: then accepts nobody, tells each viewer at his next answer to connect anew, and
/// returns when they have gone or the time for it is over.
pub async fn run(config: Config, drain: Drain) -> Result<(), Error> {
    run_and_tell(config, drain, || {}).await
}

/// The same; calls `serving` once viewers are accepted, so that who served before may go.
pub async fn run_and_tell(config: Config, drain: Drain, serving: impl FnOnce()) -> Result<(), Error> {
    let access = access::start(&config.access, config.upstream.ca.clone()).await?;
    let origins = Arc::new(Origins::new(config.upstream, config.distributions.pseudonym())?);
    config.listener.set_nonblocking(true).map_err(Error::Start)?;
    let room = Cost { bytes: config.cache_bytes, handles: config.limits.large_objects as u64 };
    let disk = config.disk.as_ref().map(Disk::start).transpose().map_err(Error::Start)?;
    let store = Arc::new(Store::new(room, Rules::default(), disk));
    let alt_svc = config.tls.as_ref().and_then(alt_svc);
    let asks = matches!(&config.tls, Some(tls) if matches!(tls.certificate, Certificate::Acme(_)));
    let proofs = asks.then(Arc::<Proofs>::default);
    let key_rules = KeyRules::hls_and(config.key_query.iter().map(String::as_str));
    let tls_port = config.tls.as_ref().and_then(|tls| tls.listener.local_addr().ok()).map(|at| at.port());
    let shared = Arc::new(Shared::new(Parts {
        store: store.clone(),
        key_rules,
        limits: config.limits,
        alt_svc,
        proofs,
        access,
        distributions: config.distributions,
        fences: config.fences,
        tls_port,
    }));
    let limits = &shared.limits;
    let admission =
        Admission::new(limits.connections, limits.connections_per_address, limits.requests_per_s_per_address);

    let at_door = Arc::new(Counters::default());
    // Renewals of the certificate are counted by a task of their own, HTTP/3 by its thread.
    let (renewals, quic_counters) = (Arc::<Counters>::default(), Arc::<Counters>::default());
    let quic_lag = Arc::new(Lag::new(Instant::now()));
    let mut figures = Figures {
        threads: vec![at_door.clone(), renewals.clone(), quic_counters.clone()],
        lags: vec![quic_lag.clone()],
        shared: shared.clone(),
        store: store.clone(),
    };
    let mut seats = Vec::new();
    for number in 0..config.threads.max(1) {
        let counters = Arc::new(Counters::default());
        figures.threads.push(counters.clone());
        let lag = Arc::new(Lag::new(Instant::now()));
        figures.lags.push(lag.clone());
        let worker = Worker::new(shared.clone(), counters, lag, origins.clone());
        seats.push(start_thread(number, Arc::new(worker)).map_err(Error::Start)?);
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(figures));
    registry.register_collector(Box::new(OriginFigures(origins.clone())));
    registry.register_collector(Box::new(DistributionFigures(shared.distributions.clone())));
    // Before the metrics, which tell that the edge is there.
    if let Some(path) = config.control {
        control::serve(shared.clone(), &path, drain.clone())
            .map_err(|source| Error::Control { path, source })?;
    }

    let listener = |listener| tokio::net::TcpListener::from_std(listener).map_err(Error::Start);
    let plain = Entrance { listener: listener(config.listener)?, tls: None };
    let mut quic_thread = None;
    let tls = match config.tls {
        Some(config) => {
            config.listener.set_nonblocking(true).map_err(Error::Start)?;
            let shown = certificate::start(
                &config.certificate,
                &config.folder,
                shared.proofs.clone().unwrap_or_default(),
                renewals,
            )?;
            if let Some(quic) = config.quic {
                let worker = Worker::new(shared.clone(), quic_counters, quic_lag, origins);
                let keys = Keys::kept_in(&config.folder)?;
                quic_thread = Some(start_quic(quic, &keys, shown.clone(), worker, admission.clone())?);
            }
            let acceptance = Arc::new(Acceptance::new(shown).map_err(Error::Tls)?);
            Some(Entrance { listener: listener(config.listener)?, tls: Some(acceptance) })
        }
        None => None,
    };
    // Last of all: who waits for a successor takes this for the sign that it serves.
    config.metrics.serve(registry, drain.clone()).map_err(Error::Metrics)?;
    serving();
    let door = Door { admission: admission.clone(), loop_lag: shared.limits.loop_lag, counters: at_door };
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
        never = sweep(&store, &admission) => match never {},
    };
    // Whoever connects from now on is refused, or waits for whoever shares the listener.
    drop((plain, tls));
    shared.drain(Draining::Begun);
    tokio::spawn({
        let shared = shared.clone();
        async move {
            tokio::time::sleep(shared.limits.drain_time * 9 / 10).await;
            shared.drain(Draining::Ending);
        }
    });
    let close_door = |seat: Seat| {
        drop(seat.connections);
        seat.thread
    };
    let threads: Vec<_> = seats.into_iter().map(close_door).chain(quic_thread).collect();
    for (number, thread) in threads.into_iter().enumerate() {
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            return Err(Error::ThreadEnded { thread: number });
        }
    }
    if store.disk.is_some() {
        let _ = tokio::task::spawn_blocking(move || store.disk.as_ref().map(|disk| disk.close())).await;
    }
    match ended {
        Some(thread) => Err(Error::ThreadEnded { thread }),
        None => Ok(()),
    }
}

/// What tells viewers who came by TCP that they may come by HTTP/3 (RFC 7838).
fn alt_svc(tls: &Tls) -> Option<Box<str>> {
    let port = tls.quic.as_ref()?.socket.local_addr().ok()?.port();
    Some(format!("h3=\":{port}\"; ma=86400").into())
}

async fn sweep(store: &Store, admission: &Admission) -> Infallible {
    let mut period = tokio::time::interval(SWEEP_PERIOD);
    let mut turn: usize = 0;
    let mut memory = Watch::start();
    loop {
        period.tick().await;
        if turn.is_multiple_of(SWEEPS_PER_MEMORY_LOOK) {
            let look = memory.look();
            store.fit(look);
        }
        store.sweep(turn, Instant::now());
        admission.sweep(Instant::now());
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
    loop_lag: Duration,
    counters: Arc<Counters>,
}

impl Door {
    /// Hands each connection to the thread that has the fewest, of those that keep up. Returns the number of a thread
    /// that ended by itself.
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
                        tracing::warn!(fault = %WithShortage(&fault), "no connection can be accepted; trying again");
                        tokio::time::sleep(EXHAUSTED_WAIT).await;
                        continue;
                    }
                },
            };
            let now = Instant::now();
            let mut place = match self.admission.admit(address, now) {
                Ok(place) => place,
                Err(reason) => {
                    self.refuse(entrance, stream, reason, &told);
                    continue;
                }
            };
            let Some((number, seat)) = seats
                .iter()
                .enumerate()
                .filter(|(_, seat)| seat.lag.at(now) <= self.loop_lag)
                .min_by_key(|(_, seat)| seat.open.load(Ordering::Relaxed))
            else {
                self.refuse(entrance, stream, Closed::Lag, &told);
                continue;
            };
            place.sit(&seat.open);
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
        self.counters.turned_away(reason);
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

fn start_thread(number: usize, worker: Arc<Worker>) -> io::Result<Seat> {
    let runtime = daemon::runtime()?;
    let (connections, handed) = mpsc::channel(HANDOVER);
    let (open, lag) = (Arc::<AtomicUsize>::default(), worker.lag.clone());
    let thread = std::thread::Builder::new().name(format!("edge-{number}")).spawn({
        let open = open.clone();
        move || runtime.block_on(serve_handed(worker, handed, open))
    })?;
    Ok(Seat { connections, open, lag, thread })
}

/// HTTP/3 on a thread of its own.
fn start_quic(
    Quic { socket, handover }: Quic,
    keys: &Keys,
    shown: Arc<Shown>,
    worker: Worker,
    admission: Arc<Admission>,
) -> Result<std::thread::JoinHandle<()>, Error> {
    let runtime = daemon::runtime().map_err(Error::Start)?;
    let in_it = runtime.enter();
    let counters = worker.counters.clone();
    let socket = takeover::Shared::take_over(socket, &handover, keys, counters)
        .map_err(|source| Error::Handover { folder: handover, source })?;
    let quic = http3::Quic::on(socket, keys, shown).map_err(Error::Start)?;
    drop(in_it);
    std::thread::Builder::new()
        .name("edge-http3".into())
        .spawn(move || runtime.block_on(http3::serve(quic, Arc::new(worker), admission)))
        .map_err(Error::Start)
}

/// Serves what it is handed, `open` of them at a time. At the drain, until the last connection has gone or the time for
/// it is over; what is still open then is closed when the thread ends.
async fn serve_handed(worker: Arc<Worker>, mut handed: mpsc::Receiver<Handed>, open: Arc<AtomicUsize>) {
    tokio::spawn({
        let lag = worker.lag.clone();
        async move { lag.measure().await }
    });
    // Ends once the door is shut and everybody who had passed it is served.
    while let Some(Handed { stream, tls, place }) = handed.recv().await {
        let worker = worker.clone();
        if prepare(&stream).is_err() {
            continue;
        }
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { continue };
        tokio::spawn(async move {
            worker.counters.opened();
            serve_one(stream, tls.as_deref(), &worker, place).await;
            worker.counters.ended();
        });
    }
    let end = Instant::now() + worker.shared.limits.drain_time;
    while open.load(Ordering::Relaxed) > 0 && Instant::now() < end {
        tokio::time::sleep(DRAIN_LOOK).await;
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    let socket = socket2::SockRef::from(stream);
    // Answers are written whole; waiting to fill a packet would only delay them. And what a viewer has not taken from
    // the kernel in this time, he will not.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(UNTAKEN_TIME))?;
    depth::limit(stream)
}

/// Serves one connection in the protocol that is spoken on it.
async fn serve_one(
    stream: tokio::net::TcpStream,
    tls: Option<&Acceptance>,
    worker: &Arc<Worker>,
    place: Place,
) {
    let Some(acceptance) = tls else {
        return serve(Transport::plain(stream), worker.clone(), place).await;
    };
    let limit = worker.shared.limits.head_time;
    match timeout(limit, acceptance.accept(stream, &worker.counters)).await {
        Ok(Ok((transport, protocol))) => match protocol {
            // HTTP/3 is not offered over TCP.
            Protocol::Http1 | Protocol::Http3 => serve(transport, worker.clone(), place).await,
            Protocol::Http2 => http2::serve(transport, worker.clone(), place, Vec::new()).await,
        },
        Ok(Err(fault)) => {
            worker.counters.closed(Closed::Handshake);
            tracing::debug!(target: "edge::tls", fault = %Chain(&fault), "no TLS session");
        }
        Err(_) => worker.counters.closed(Closed::HeadTime),
    }
}
