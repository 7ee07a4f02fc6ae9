//! The ingest role: terminates RTMP, SRT, MPEG-TS by UDP and RTP, and pushed HLS, lays each publisher's samples on the epoch timeline, hands them to encoders.
//!
//! An RTMP publisher's bytes: `transport` (socket) → `connection` (who may publish what) → [`rtmp::Session`] → `source`
//! (tracks and samples; [`media::Anchor`] fixes their time) → `publisher` → `channel` (its `replay` log) → `subscriber` (unix
//! socket, [`wire::sample_stream`]).
//!
//! A transport stream's: `srt_listener` (who may publish what) or `srt_caller` (where it is fetched) → `link` (one session
//! over any [`srt::Link`]), or [`udp`] (datagrams put in order) → `datagrams` (a session is what one sender sends) → `ts`
//! (from bytes to tracks and samples, by [`mpegts::Demuxer`] and [`media::Anchor`]) → `publisher`, and on as above.
//!
//! RTMP is fetched by `rtmp_caller`; from then on it is a stream as any other (`rtmp_stream`). HLS is read by `pull`: fetched through `fetch`,
//! the guarded client of all URLs, or pushed to `push`.
//!
//! Made for one thread: tasks wait far more than they compute.

#![forbid(unsafe_code)]

mod channel;
mod config;
mod connection;
mod datagrams;
mod doors;
mod download;
mod end;
mod end_to_end;
mod fetch;
mod flaps;
mod link;
mod metrics;
mod pause;
mod publisher;
mod pull;
mod push;
mod replay;
mod rtmp_caller;
mod rtmp_stream;
mod shelf;
mod source;
mod srt_caller;
mod srt_listener;
mod subscriber;
mod ticks;
mod tls;
mod transport;
mod trouble;
mod ts;
pub mod udp;
mod unreachable;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use daemon::{Drain, EpochClock, Orders};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;
use wire::sample_stream::Feed;

use channel::Channel;
use doors::{Doors, Keeper};
use metrics::{DatagramMetrics, Metrics, SrtMetrics};
use ticks::Ticks;

pub use certificate::Pair;
pub use config::{
    AtEnd, Config, Door, Error, HlsPull, HlsPush, Publisher, PushPlace, RtmpCall, Sources, SrtCall,
};
pub use download::Download;
pub use http_auth::{Login, Password};
pub use mpegts::Select;
pub use playlist::{Choice, Extent, Url};
pub use reach::Reach;
pub use rtmp::Target;
pub use spec::{Admission, Network, Second};
pub use srt::{Passphrase, PassphraseError, Terms};
pub use tls::Tls;

/// RTMP connections at once, publishers and those that have yet to say what they want. Further ones are closed at once.
pub const MAX_CONNECTIONS: usize = 512;
/// Subscribers at once. One encoder process takes each channel.
pub const MAX_SUBSCRIBERS: usize = 512;
/// What is read from a socket at once, in bytes.
const READ_BYTES: usize = 256 << 10;
/// How long subscribers may take to read the last samples at a drain.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long after a port could not be had it is asked for again.
const BIND_AGAIN: Duration = Duration::from_secs(5);
/// Pause after a failed accept: the system is out of descriptors, and some may come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every connection shares.
#[derive(Debug)]
struct Ingest {
    /// Replaced as a whole: whoever has looked goes on with what was there.
    doors: RwLock<Arc<Doors>>,
    clock: EpochClock,
    metrics: Metrics,
    scratch: Scratch,
    /// The number of the next connection, for logs.
    conns: AtomicU64,
}

/// Who may publish to a channel by RTMP.
#[derive(Debug)]
struct Route {
    app: String,
    key: rtmp::Key,
    /// When its socket is looked at; `None`: whenever bytes come.
    ticks: Option<Arc<Ticks>>,
    channel: Arc<Channel>,
}

/// Where a channel's stream is fetched by RTMP.
#[derive(Debug)]
struct RtmpRoute {
    from: RtmpCall,
    ticks: Option<Arc<Ticks>>,
    channel: Arc<Channel>,
}

/// Who may publish to a channel by SRT.
#[derive(Debug)]
struct SrtRoute {
    stream_id: String,
    terms: Terms,
    select: Select,
    /// When its connection is looked at.
    ticks: Arc<Ticks>,
    link: SrtMetrics,
    channel: Arc<Channel>,
}

/// Where a channel's stream is fetched by SRT.
#[derive(Debug)]
struct Call {
    to: SrtCall,
    ticks: Arc<Ticks>,
    link: SrtMetrics,
    channel: Arc<Channel>,
}

/// Where a channel's stream comes in datagrams.
#[derive(Debug)]
struct Inlet {
    bound: udp::Bound,
    select: Select,
    /// How long datagrams gather before they are read.
    gather: Duration,
    figures: DatagramMetrics,
    channel: Arc<Channel>,
}

/// One read buffer for all sockets: held only while a read and the copy out of it last, so it stays in the CPU's cache,
/// and no idle connection holds a buffer of its own.
#[derive(Debug)]
struct Scratch(Mutex<Box<[u8]>>);

impl Scratch {
    fn lock(&self) -> MutexGuard<'_, Box<[u8]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ingest {
    /// The route for a publisher. Every key of the application is compared, each in constant time.
    fn route(&self, app: &str, key: &rtmp::Key) -> Option<Arc<Route>> {
        let doors = self.doors();
        let of_app = doors.rtmp.iter().filter(|route| route.app == app);
        let found = of_app.fold(None, |found, route| match route.key == *key {
            true => Some(route),
            false => found,
        });
        found.cloned()
    }

    fn channel(&self, name: &Feed) -> Option<Arc<Channel>> {
        self.doors().channels.iter().find(|channel| channel.name == *name).cloned()
    }

    /// What is open now.
    fn doors(&self) -> Arc<Doors> {
        self.doors.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_doors(&self, doors: Doors) {
        *self.doors.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(doors);
    }

    fn next_conn(&self) -> u64 {
        self.conns.fetch_add(1, Ordering::Relaxed)
    }
}

/// Runs the role until the drain: then listeners close, publishers are let go, subscribers hear
/// [`wire::sample_stream::Ended`] and have a second to read what is left.
///
/// Call inside a tokio runtime; a current-thread one is best.
///
/// # Errors
/// When a socket cannot be had or two publishers have the same application and key, or stream id.
pub async fn run(config: Config, drain: Drain) -> Result<(), Error> {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    // The kernel sizes receive buffers by what is taken at once, so those of publishers read at ticks grow by themselves;
    // a size set here would be cut to `rmem_max`, 20 Mbit/s at ten looks a second.
    config.rtmp.set_nonblocking(true).map_err(Error::Listener)?;
    let publishers = TcpListener::from_std(config.rtmp).map_err(Error::Listener)?;
    // Samples are nobody else's on this machine.
    let subscribers = daemon::listen::unix_for_owner(&config.socket)
        .map_err(|source| Error::SamplesSocket { path: config.socket.clone(), source })?;
    daemon::metrics::serve(registry, &config.metrics_socket, drain.clone())
        .map_err(|source| Error::MetricsSocket { path: config.metrics_socket.clone(), source })?;

    let scratch = Scratch(Mutex::new(vec![0; READ_BYTES].into()));
    let (clock, conns) = (EpochClock::start(), AtomicU64::new(1));
    let ingest = Arc::new(Ingest { doors: RwLock::default(), clock, metrics, scratch, conns });
    let mut keeper = Keeper::new(ingest.clone());
    keeper.set(config.sources)?;
    let secure = match config.rtmps {
        None => None,
        Some((listener, tls)) => {
            listener.set_nonblocking(true).map_err(Error::Listener)?;
            let listener = TcpListener::from_std(listener).map_err(Error::Listener)?;
            Some((listener, tls.acceptor()?))
        }
    };
    if let Some(listener) = config.hls_push {
        listener.set_nonblocking(true).map_err(Error::Listener)?;
        let listener = TcpListener::from_std(listener).map_err(Error::Listener)?;
        push::serve(ingest.clone(), listener, drain.clone());
    }
    let mut door = match config.srt {
        Some(socket) => Some(srt_listener::listen(&ingest, socket).map_err(Error::SrtListener)?),
        None => None,
    };
    let mut publishing = JoinSet::new();
    let mut publishing_srt = JoinSet::new();
    let mut subscribed = JoinSet::new();
    tokio::select! {
        () = accept_publishers(&ingest, publishers, secure, &mut publishing) => {}
        () = accept_srt(&ingest, door.as_mut(), &mut publishing_srt) => {}
        () = accept_subscribers(&ingest, subscribers, &mut subscribed) => {}
        () = obey(&mut keeper, config.orders) => {}
        () = drain.requested() => {}
    }
    tracing::info!("draining");
    // A dropped connection drops its lease, which tells the subscribers.
    publishing.shutdown().await;
    publishing_srt.shutdown().await;
    drop(door);
    keeper.close().await;
    let _ = timeout(FAREWELL, async { while subscribed.join_next().await.is_some() {} }).await;
    // Gone already is as good.
    let _ = std::fs::remove_file(&config.socket);
    Ok(())
}

/// Opens and closes doors as it is told, for ever. A port that could not be had is tried again.
async fn obey(keeper: &mut Keeper, mut orders: Orders<Sources>) {
    let mut missing: Option<Sources> = None;
    loop {
        tokio::select! {
            order = orders.next() => {
                let (sources, reply) = order.take();
                let set = keeper.set(sources.clone());
                missing = matches!(set, Err(Error::Bind { .. })).then_some(sources);
                reply(set.map_err(|fault| daemon::words(&fault)));
            }
            () = tokio::time::sleep(BIND_AGAIN), if missing.is_some() => {
                missing = missing.take().filter(|sources| keeper.set(sources.clone()).is_err());
            }
        }
    }
}

async fn accept_publishers(
    ingest: &Arc<Ingest>,
    plain: TcpListener,
    secure: Option<(TcpListener, TlsAcceptor)>,
    tasks: &mut JoinSet<()>,
) {
    let next_secure = async || match &secure {
        Some((listener, acceptor)) => (listener.accept().await, acceptor),
        None => std::future::pending().await,
    };
    loop {
        tokio::select! {
            accepted = plain.accept() => admit(ingest, accepted, None, tasks).await,
            (accepted, acceptor) = next_secure() => admit(ingest, accepted, Some(acceptor), tasks).await,
            Some(ended) = tasks.join_next() => log_panic(ended),
        }
        ingest.metrics.connections().set(tasks.len() as i64);
    }
}

/// Serves an RTMP connection where there is room for it.
async fn admit(
    ingest: &Arc<Ingest>,
    accepted: io::Result<(TcpStream, SocketAddr)>,
    acceptor: Option<&TlsAcceptor>,
    tasks: &mut JoinSet<()>,
) {
    match accepted {
        Ok((stream, peer)) if tasks.len() < MAX_CONNECTIONS => {
            // A frame's answer must not wait for the next one's.
            let _ = stream.set_nodelay(true);
            let (peer, conn) = (transport::canonical(peer), ingest.next_conn());
            let ingest = ingest.clone();
            match acceptor.cloned() {
                None => drop(tasks.spawn(connection::serve(ingest, Either::Left(stream), peer, conn))),
                Some(acceptor) => {
                    drop(tasks.spawn(connection::serve_secure(ingest, acceptor, stream, peer, conn)))
                }
            }
        }
        Ok((_, peer)) => {
            tracing::warn!(%peer, "refused: {MAX_CONNECTIONS} connections are open");
            ingest.metrics.refused("connection_cap");
        }
        Err(fault) => {
            tracing::error!(fault = %daemon::WithShortage(&fault), "accept");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

async fn accept_srt(ingest: &Arc<Ingest>, door: Option<&mut srt_listener::Door>, tasks: &mut JoinSet<()>) {
    match door {
        Some(door) => door.serve(ingest, tasks).await,
        None => std::future::pending().await,
    }
}

async fn accept_subscribers(ingest: &Arc<Ingest>, listener: UnixListener, tasks: &mut JoinSet<()>) {
    let mut conn = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if tasks.len() < MAX_SUBSCRIBERS => {
                    conn += 1;
                    let ingest = ingest.clone();
                    tasks.spawn(async move { subscriber::serve(stream, conn, |name| ingest.channel(name)).await });
                }
                Ok(_) => tracing::warn!("a subscriber was refused: {MAX_SUBSCRIBERS} are connected"),
                Err(fault) => {
                    tracing::error!(fault = %daemon::WithShortage(&fault), "accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = tasks.join_next() => log_panic(ended),
        }
    }
}

/// A panic is a bug of ours; it must not take the other connections with it.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(fault) = ended
        && fault.is_panic()
    {
        tracing::error!(%fault, "a connection's task panicked");
    }
}
