//! The origin: receives CMAF, keeps the window, renders HLS and DASH.
//!
//! The path of a segment: [`receive`] reads a publisher's body chunk by chunk → [`channel`] places it on the epoch,
//! appends it to the channel's `manifest::Timeline`, puts its bytes into the [`window`] and hands it to the [`log`] on
//! disk. The path of a request: [`serve`] renders the timeline or reads the window, as the channel is or as one of its
//! [`endpoints`] shows it. [`http`] owns the sockets.
//!
//! Live serving never waits for disk: the log is written by one thread behind a bounded queue.

mod channel;
mod channels;
mod cmsd;
mod endpoints;
mod fingerprint;
mod http;
mod log;
mod memory;
mod metrics;
mod open;
mod receive;
mod rendered;
mod serve;
mod shift;
mod slate;
mod window;

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use daemon::{Drain, EpochClock, Orders};
use media::{ChannelName, Grid};

pub use endpoints::{Endpoint, Endpoints, Identifier, Kind, Manifest};
pub use log::{Damage, HeaderRecord, Record, SegmentRecord, StateRecord, read_records};
pub use receive::{MpdError, Names, read_mpd};
pub use slate::{Slate, SlateError};

/// What an origin serves, and where.
#[derive(Debug)]
pub struct Config {
    /// For CMAF ingest and for the edge.
    pub listener: TcpListener,
    /// The folder under which the log is kept, in `origin/{channel}/`.
    pub data_dir: PathBuf,
    /// Unix socket on which metrics are answered.
    pub metrics_socket: PathBuf,
    /// Channels that may be published and watched; no others are known.
    pub channels: Vec<Channel>,
    /// Which they shall be from then on, while the role runs.
    pub orders: Orders<Vec<Channel>>,
    /// Other manifests of theirs; a copy can replace the set while the origin runs.
    pub endpoints: Endpoints,
}

/// One channel's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name, the first element of its URLs.
    pub name: ChannelName,
    /// Where its segments are meant to start.
    pub grid: Grid,
    /// Longest part of a segment, where viewers get the open segment part by part.
    pub part: Option<Duration>,
    /// How far back a viewer can go.
    pub window: Duration,
}

impl Channel {
    /// The window in microseconds.
    fn window_us(&self) -> i64 {
        i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX / 4)
    }
}

/// Why an origin could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log's folder cannot be made or read.
    #[error("the log folder `{}`", path.display())]
    LogFolder {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The log's thread cannot be started.
    #[error("start the log's thread")]
    LogThread(#[source] io::Error),
    /// The listener cannot be used.
    #[error("the listener")]
    Listener(#[source] io::Error),
    /// The metrics socket cannot be bound.
    #[error("the metrics socket `{}`", path.display())]
    Metrics {
        /// The socket.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// What every request sees.
struct Origin {
    channels: channels::Channels,
    endpoints: Endpoints,
    clock: EpochClock,
    metrics: metrics::Metrics,
    log_lag: log::Lag,
    drain: Drain,
}

/// How often channels are looked at that nobody may publish.
const SLATE_LOOK: Duration = Duration::from_millis(100);

async fn look_after_slates(origin: Arc<Origin>, drain: Drain) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SLATE_LOOK) => {}
            () = drain.requested() => return,
        }
        let now = origin.clock.now();
        origin.channels.all().values().for_each(|channel| channel.look_after_slate(now));
    }
}

/// Restores what the log kept, then serves until the drain; ends once requests in flight are answered and the log is
/// written.
pub async fn run(config: Config, drain: Drain) -> Result<(), Error> {
    let clock = EpochClock::start();
    let mut registry = prometheus_client::registry::Registry::default();
    let metrics = metrics::Metrics::register(&mut registry);
    let root = config.data_dir.join("origin");
    let (log, log_lag, writer) = log::start(root.clone(), metrics.clone())?;
    let opener = channels::Opener { root, log: RwLock::new(Some(log)), metrics: metrics.clone(), clock };
    let channels = channels::Channels::open(&config.channels, opener)?;
    let origin = Arc::new(Origin {
        channels,
        endpoints: config.endpoints,
        clock,
        metrics,
        log_lag,
        drain: drain.clone(),
    });
    registry.register_collector(Box::new(metrics::Gauges(origin.clone())));
    daemon::metrics::serve(registry, &config.metrics_socket, drain.clone())
        .map_err(|source| Error::Metrics { path: config.metrics_socket, source })?;
    let listener = tokio::net::TcpListener::from_std(config.listener).map_err(Error::Listener)?;
    let slates = tokio::spawn(look_after_slates(origin.clone(), drain.clone()));
    tokio::spawn(memory::watch(origin.clone(), drain.clone()));
    tokio::select! {
        () = http::serve(listener, &origin, drain) => {}
        () = obey(&origin, config.orders) => {}
    }
    let _ = slates.await;
    origin.channels.close_logs();
    // The queue is bounded and its senders are gone, so the thread ends.
    let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    Ok(())
}

/// Sets the channels as it is told, for ever.
async fn obey(origin: &Arc<Origin>, mut orders: Orders<Vec<Channel>>) {
    loop {
        let (wanted, reply) = orders.next().await.take();
        let setting = origin.clone();
        // The disk is read for those that are new.
        let set = tokio::task::spawn_blocking(move || setting.channels.set(&wanted)).await;
        reply(match set {
            Ok(set) => set.map_err(|fault| daemon::words(&fault)),
            Err(panicked) => Err(panicked.to_string()),
        });
    }
}
