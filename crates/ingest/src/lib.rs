//! The ingest role: terminates RTMP, lays each publisher's samples on the epoch timeline, hands them to encoders.
//!
//! A publisher's bytes: `transport` (socket) → `connection` (who may publish what) → [`rtmp::Session`] → `source`
//! (tracks and samples; `anchor` fixes their time) → `channel` (its `replay` log) → `subscriber` (unix socket,
//! [`wire::sample_stream`]).
//!
//! Made for one thread: tasks wait far more than they compute.

#![forbid(unsafe_code)]

mod anchor;
mod channel;
mod config;
mod connection;
mod metrics;
mod publisher;
mod replay;
mod source;
mod subscriber;
mod ticks;
mod transport;
mod trouble;
pub mod udp;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use daemon::{Drain, EpochClock};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio::time::timeout;

use channel::Channel;
use metrics::Metrics;
use ticks::Ticks;

pub use config::{Config, Error, Publisher};

/// RTMP connections at once, publishers and those that have yet to say what they want. Further ones are closed at once.
pub const MAX_CONNECTIONS: usize = 512;
/// Subscribers at once. One encoder process takes each channel.
pub const MAX_SUBSCRIBERS: usize = 512;
/// What is read from a socket at once, in bytes.
const READ_BYTES: usize = 256 << 10;
/// How long subscribers may take to read the last samples at a drain.
const FAREWELL: Duration = Duration::from_secs(1);
/// Pause after a failed accept: the system is out of descriptors, and some may come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every connection shares.
#[derive(Debug)]
struct Ingest {
    routes: Vec<Route>,
    clock: EpochClock,
    metrics: Metrics,
    scratch: Scratch,
}

/// Who may publish to a channel.
#[derive(Debug)]
struct Route {
    app: String,
    key: rtmp::Key,
    /// When its socket is looked at; `None`: whenever bytes come.
    ticks: Option<Arc<Ticks>>,
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
    fn route(&self, app: &str, key: &rtmp::Key) -> Option<&Route> {
        self.routes.iter().filter(|route| route.app == app).fold(None, |found, route| {
            match route.key == *key {
                true => Some(route),
                false => found,
            }
        })
    }

    fn channel(&self, name: &str) -> Option<Arc<Channel>> {
        self.routes.iter().map(|route| &route.channel).find(|channel| channel.name.as_str() == name).cloned()
    }
}

/// Runs the role until the drain: then listeners close, publishers are let go, subscribers hear
/// [`wire::sample_stream::Ended`] and have a second to read what is left.
///
/// Call inside a tokio runtime; a current-thread one is best.
///
/// # Errors
/// When a socket cannot be had or two publishers have the same application and key.
pub async fn run(config: Config, drain: Drain) -> Result<(), Error> {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let routes = config::routes(&config.publishers, &metrics)?;

    // The kernel sizes receive buffers by what is taken at once, so those of publishers read at ticks grow by themselves;
    // a size set here would be cut to `rmem_max`, 20 Mbit/s at ten looks a second.
    config.rtmp.set_nonblocking(true).map_err(Error::Listener)?;
    let publishers = TcpListener::from_std(config.rtmp).map_err(Error::Listener)?;
    // Samples are nobody else's on this machine.
    let subscribers = daemon::listen::unix_for_owner(&config.socket)
        .map_err(|source| Error::SamplesSocket { path: config.socket.clone(), source })?;
    daemon::metrics::serve(registry, &config.metrics_socket, drain.clone())
        .map_err(|source| Error::MetricsSocket { path: config.metrics_socket.clone(), source })?;

    let ingest = Arc::new(Ingest {
        routes,
        clock: EpochClock::start(),
        metrics,
        scratch: Scratch(Mutex::new(vec![0; READ_BYTES].into())),
    });
    let mut ticking = JoinSet::new();
    for (at, route) in ingest.routes.iter().enumerate() {
        let earlier = ingest.routes[..at].iter().filter_map(|route| route.ticks.as_ref());
        if let Some(ticks) = &route.ticks
            && !earlier.into_iter().any(|earlier| Arc::ptr_eq(earlier, ticks))
        {
            let ticks = ticks.clone();
            ticking.spawn(async move { ticks.run().await });
        }
    }
    let mut publishing = JoinSet::new();
    let mut subscribed = JoinSet::new();
    tokio::select! {
        () = accept_publishers(&ingest, publishers, &mut publishing) => {}
        () = accept_subscribers(&ingest, subscribers, &mut subscribed) => {}
        () = drain.requested() => {}
    }
    tracing::info!("draining");
    // A dropped connection drops its lease, which tells the subscribers.
    publishing.shutdown().await;
    for route in &ingest.routes {
        route.channel.close();
    }
    let _ = timeout(FAREWELL, async { while subscribed.join_next().await.is_some() {} }).await;
    // Gone already is as good.
    let _ = std::fs::remove_file(&config.socket);
    Ok(())
}

async fn accept_publishers(ingest: &Arc<Ingest>, listener: TcpListener, tasks: &mut JoinSet<()>) {
    let conns = AtomicU64::new(1);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) if tasks.len() < MAX_CONNECTIONS => {
                    let peer = transport::canonical(peer);
                    let conn = conns.fetch_add(1, Ordering::Relaxed);
                    tasks.spawn(connection::serve(ingest.clone(), stream, peer, conn));
                }
                Ok((_, peer)) => {
                    tracing::warn!(%peer, "refused: {MAX_CONNECTIONS} connections are open");
                    ingest.metrics.refused("connection_cap");
                }
                Err(fault) => {
                    tracing::error!(%fault, "accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = tasks.join_next() => log_panic(ended),
        }
        ingest.metrics.connections().set(tasks.len() as i64);
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
                    tracing::error!(%fault, "accept");
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
