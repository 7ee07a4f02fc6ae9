//! What the role is told.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use media::ChannelName;

use crate::Route;
use crate::channel::Channel;
use crate::metrics::Metrics;
use crate::ticks::Ticks;

/// What [`crate::run`] is told.
#[derive(Debug)]
pub struct Config {
    /// Where publishers connect.
    pub rtmp: std::net::TcpListener,
    /// Unix socket on which encoders ask for samples; made here, a stale one is replaced.
    pub socket: PathBuf,
    /// Unix socket on which metrics are answered.
    pub metrics_socket: PathBuf,
    /// Who may publish.
    pub publishers: Vec<Publisher>,
}

/// One channel's publisher.
#[derive(Clone)]
pub struct Publisher {
    /// The channel.
    pub channel: ChannelName,
    /// RTMP application: the first part of the URL's path.
    pub app: String,
    /// Stream key: the last element of the path. Never printed.
    pub key: String,
    /// How long bytes may gather before they are read. Zero: each is read as it comes. 100 ms costs that much delay and
    /// saves most of the CPU time, since one wake-up then takes many messages.
    pub batch: Duration,
    /// How far back the replay reaches at least, and from there to a key frame: an encoder restarted within that time makes
    /// again the segment it was in, so it is a segment's duration and the time a restart takes. 8 MiB bound it in any case.
    pub keep: Duration,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("channel", &self.channel)
            .field("app", &self.app)
            .field("key", &rtmp::Key::new(&self.key))
            .field("batch", &self.batch)
            .finish()
    }
}

/// Why the role cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The RTMP listener cannot be used.
    #[error("the RTMP listener")]
    Listener(#[source] io::Error),
    /// The sample socket cannot be made.
    #[error("make the sample socket `{}`", path.display())]
    SamplesSocket {
        /// Its path.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// The metrics socket cannot be made.
    #[error("make the metrics socket `{}`", path.display())]
    MetricsSocket {
        /// Its path.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
    /// Two publishers with one application and key.
    #[error("channels `{first}` and `{second}` have the same RTMP application and key")]
    SameKey {
        /// One channel.
        first: ChannelName,
        /// The other.
        second: ChannelName,
    },
}

/// The routes of `publishers`, with a channel each.
pub(crate) fn routes(publishers: &[Publisher], metrics: &Metrics) -> Result<Vec<Route>, Error> {
    let mut routes: Vec<Route> = Vec::with_capacity(publishers.len());
    for publisher in publishers {
        let app = publisher.app.trim_matches('/').to_owned();
        let key = rtmp::Key::new(&publisher.key);
        if let Some(first) = routes.iter().find(|route| route.app == app && route.key == key) {
            return Err(Error::SameKey {
                first: first.channel.name.clone(),
                second: publisher.channel.clone(),
            });
        }
        let channel =
            Channel::new(publisher.channel.clone(), publisher.keep, metrics.channel(&publisher.channel));
        let shared =
            routes.iter().filter_map(|route| route.ticks.as_ref()).find(|t| t.period() == publisher.batch);
        let ticks = match (publisher.batch, shared) {
            (Duration::ZERO, _) => None,
            (_, Some(ticks)) => Some(ticks.clone()),
            (batch, None) => Some(Arc::new(Ticks::every(batch))),
        };
        routes.push(Route { app, key, ticks, channel: Arc::new(channel) });
    }
    Ok(routes)
}
