//! What the role is told.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use certificate::CertificateError;
use mpegts::Select;
use playlist::{Choice, Url};
use reach::Reach;
use spec::Second;
use srt::Terms;
use wire::sample_stream::Feed;

use crate::channel::Channel;
use crate::download::Download;
use crate::metrics::Metrics;
use crate::pull::Pull;
use crate::ticks::Ticks;
use crate::tls::Tls;
use crate::{Call, Inlet, Route, RtmpRoute, SrtRoute, udp};

/// What [`crate::run`] is told.
#[derive(Debug)]
pub struct Config {
    /// Where RTMP publishers connect.
    pub rtmp: std::net::TcpListener,
    /// Where they connect by TLS, and what they are shown; none where they shall not.
    pub rtmps: Option<(std::net::TcpListener, Tls)>,
    /// Where SRT publishers call; none where no channel waits for one.
    pub srt: Option<std::net::UdpSocket>,
    /// Unix socket on which encoders ask for samples; made here, a stale one is replaced.
    pub socket: PathBuf,
    /// Unix socket on which metrics are answered.
    pub metrics_socket: PathBuf,
    /// Who may publish.
    pub publishers: Vec<Publisher>,
    /// Files that encoders are to play.
    pub downloads: Vec<Download>,
}

/// One channel's publisher.
#[derive(Clone, Debug)]
pub struct Publisher {
    /// The channel's input.
    pub feed: Feed,
    /// How its samples come.
    pub door: Door,
    /// What becomes of a second publisher.
    pub second: Second,
    /// How long bytes may gather before they are read. Zero: each is read as it comes, from SRT a hundred times a second.
    /// 100 ms costs that much delay and saves most of the CPU time, since one wake-up then takes many messages.
    pub batch: Duration,
    /// How far back the replay reaches at least, and from there to a key frame: an encoder restarted within that time makes
    /// again the segment it was in, so it is a segment's duration and the time a restart takes. 8 MiB bound it in any case.
    pub keep: Duration,
}

/// How a publisher's samples come.
#[derive(Clone)]
pub enum Door {
    /// It connects by RTMP.
    Rtmp {
        /// RTMP application: the first part of the URL's path.
        app: String,
        /// Stream key: the last element of the path. Never printed.
        key: String,
    },
    /// We ask an RTMP server to play it, again and again while it is away.
    RtmpCall(RtmpCall),
    /// It calls the SRT listener.
    Srt {
        /// The stream it has to name.
        stream_id: String,
        /// Under what terms it is let in.
        terms: Terms,
        /// What of its stream is wanted.
        select: Select,
    },
    /// We call it by SRT, again and again while it is away.
    SrtCall(SrtCall),
    /// It sends datagrams, from wherever it may.
    Datagrams {
        /// Where they come.
        bound: udp::Bound,
        /// What of the stream is wanted.
        select: Select,
    },
    /// We fetch it by HLS.
    Hls(HlsPull),
}

/// Where an RTMP stream is fetched.
#[derive(Clone, Debug)]
pub struct RtmpCall {
    /// Name or address of the server; IPv6 without brackets.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// By TLS.
    pub is_secure: bool,
    /// What it is asked for.
    pub target: rtmp::Target,
    /// Whether it may lie in this machine's own networks.
    pub reach: Reach,
}

/// Where an HLS stream is fetched.
#[derive(Clone, Debug)]
pub struct HlsPull {
    /// Its playlist; user, password and query are never printed.
    pub url: Url,
    /// Which of its streams.
    pub choice: Choice,
    /// What comes after its end.
    pub at_end: AtEnd,
    /// Whether it, and all it names, may lie in this machine's own networks.
    pub reach: Reach,
}

/// What comes after the end of a list that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// Whatever is listed next.
    Wait,
    /// Its first segment.
    Loop,
}

/// Where an SRT stream is fetched.
#[derive(Clone, Debug)]
pub struct SrtCall {
    /// Name or address of the other side.
    pub host: String,
    /// Its UDP port.
    pub port: u16,
    /// The stream it is asked for; may be empty.
    pub stream_id: String,
    /// Under what terms.
    pub terms: Terms,
    /// Whether it may lie in this machine's own networks.
    pub reach: Reach,
    /// What of the stream is wanted.
    pub select: Select,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtmp { app, key } => {
                f.debug_struct("Rtmp").field("app", app).field("key", &rtmp::Key::new(key)).finish()
            }
            Self::Srt { stream_id, terms, .. } => {
                f.debug_struct("Srt").field("stream_id", stream_id).field("terms", terms).finish()
            }
            Self::Datagrams { bound, .. } => f.debug_tuple("Datagrams").field(bound).finish(),
            Self::RtmpCall(call) => call.fmt(f),
            Self::SrtCall(call) => call.fmt(f),
            Self::Hls(pull) => pull.fmt(f),
        }
    }
}

/// Why the role cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The RTMP listener cannot be used.
    #[error("the RTMP listener")]
    Listener(#[source] io::Error),
    /// The SRT listener cannot be used.
    #[error("the SRT listener")]
    SrtListener(#[source] srt::Error),
    /// The certificate of RTMPS cannot be used.
    #[error("the certificate of RTMPS")]
    Certificate(#[from] CertificateError),
    /// A socket for datagrams cannot be used.
    #[error("a socket for datagrams")]
    Datagrams(#[source] io::Error),
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
    /// Two publishers at one door.
    #[error("channels `{first}` and `{second}` have the same RTMP application and key, or SRT stream id")]
    SameDoor {
        /// One channel.
        first: Feed,
        /// The other.
        second: Feed,
    },
}

/// Every channel, and how publishers come to it.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    pub(crate) channels: Vec<Arc<Channel>>,
    pub(crate) rtmp: Vec<Route>,
    pub(crate) srt: Vec<SrtRoute>,
    pub(crate) calls: Vec<Arc<Call>>,
    pub(crate) inlets: Vec<Inlet>,
    pub(crate) rtmp_calls: Vec<Arc<RtmpRoute>>,
    pub(crate) pulls: Vec<Arc<Pull>>,
    /// One of each period.
    pub(crate) ticks: Vec<Arc<Ticks>>,
}

/// How often SRT connections are looked at where bytes are not to gather.
const LEAST_SRT_BATCH: Duration = Duration::from_millis(10);

impl Doors {
    /// The doors of `publishers`, with a channel each.
    pub(crate) fn open(publishers: Vec<Publisher>, metrics: &Metrics) -> Result<Self, Error> {
        let mut doors = Self::default();
        for Publisher { feed: name, door, second, batch, keep } in publishers {
            let channel = Arc::new(Channel::new(name.clone(), keep, second, metrics.channel(&name)));
            let taken_by = match door {
                Door::Rtmp { app, key } => {
                    let (app, key) = (app.trim_matches('/').to_owned(), rtmp::Key::new(&key));
                    let taken = doors.rtmp.iter().find(|route| route.app == app && route.key == key);
                    let taken = taken.map(|route| route.channel.clone());
                    let ticks = (!batch.is_zero()).then(|| doors.ticks(batch));
                    doors.rtmp.push(Route { app, key, ticks, channel: channel.clone() });
                    taken
                }
                Door::Srt { stream_id, terms, select } => {
                    let taken = doors.srt.iter().find(|route| route.stream_id == stream_id);
                    let taken = taken.map(|route| route.channel.clone());
                    let ticks = doors.ticks(batch.max(LEAST_SRT_BATCH));
                    let link = metrics.srt(&name);
                    let channel = channel.clone();
                    doors.srt.push(SrtRoute { stream_id, terms, select, ticks, link, channel });
                    taken
                }
                Door::SrtCall(to) => {
                    let ticks = doors.ticks(batch.max(LEAST_SRT_BATCH));
                    let link = metrics.srt(&name);
                    doors.calls.push(Arc::new(Call { to, ticks, link, channel: channel.clone() }));
                    None
                }
                Door::Datagrams { bound, select } => {
                    let figures = metrics.datagrams(&name, bound.source());
                    let (gather, channel) =
                        (batch.clamp(udp::LEAST_GATHER, udp::MOST_GATHER), channel.clone());
                    doors.inlets.push(Inlet { bound, select, gather, figures, channel });
                    None
                }
                Door::RtmpCall(from) => {
                    let ticks = (!batch.is_zero()).then(|| doors.ticks(batch));
                    doors.rtmp_calls.push(Arc::new(RtmpRoute { from, ticks, channel: channel.clone() }));
                    None
                }
                Door::Hls(from) => {
                    let metrics = metrics.pull(&name);
                    doors.pulls.push(Arc::new(Pull { from, metrics, channel: channel.clone() }));
                    None
                }
            };
            if let Some(first) = taken_by {
                return Err(Error::SameDoor { first: first.name.clone(), second: name });
            }
            doors.channels.push(channel);
        }
        Ok(doors)
    }

    fn ticks(&mut self, period: Duration) -> Arc<Ticks> {
        match self.ticks.iter().find(|ticks| ticks.period() == period) {
            Some(ticks) => ticks.clone(),
            None => {
                let ticks = Arc::new(Ticks::every(period));
                self.ticks.push(ticks.clone());
                ticks
            }
        }
    }
}
