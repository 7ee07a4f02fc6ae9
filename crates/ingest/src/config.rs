//! What the role is told.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use certificate::CertificateError;
use daemon::Orders;
use http_auth::Login;
use mpegts::Select;
use playlist::{Choice, Extent, Url};
use reach::Reach;
use spec::Admission;
use srt::Terms;
use wire::sample_stream::Feed;

use crate::download::Download;
use crate::tls::Tls;
use crate::udp;

/// What [`crate::run`] is told.
#[derive(Debug)]
pub struct Config {
    /// Where RTMP publishers connect.
    pub rtmp: std::net::TcpListener,
    /// Where they connect by TLS, and what they are shown; none where they shall not.
    pub rtmps: Option<(std::net::TcpListener, Tls)>,
    /// Where SRT publishers call; none where no channel waits for one.
    pub srt: Option<std::net::UdpSocket>,
    /// Where HLS is pushed; none where no channel waits for it.
    pub hls_push: Option<std::net::TcpListener>,
    /// Unix socket on which encoders ask for samples; made here, a stale one is replaced.
    pub socket: PathBuf,
    /// Unix socket on which metrics are answered.
    pub metrics_socket: PathBuf,
    /// Who may publish, and what is downloaded.
    pub sources: Sources,
    /// Which they shall be from then on, while the role runs.
    pub orders: Orders<Sources>,
}

/// Where samples and files come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Who may publish.
    pub publishers: Vec<Publisher>,
    /// Files that encoders are to play.
    pub downloads: Vec<Download>,
}

/// One channel's publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// The channel's input.
    pub feed: Feed,
    /// How its samples come.
    pub door: Door,
    /// Whom its listener lets in.
    pub admission: Admission,
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
        source: udp::Source,
        /// Its sockets, where they were handed over; otherwise they are bound here. No part of what the door is.
        bound: Option<udp::Bound>,
        /// What of the stream is wanted.
        select: Select,
    },
    /// We fetch it by HLS.
    Hls(HlsPull),
    /// It pushes HLS.
    HlsPush(HlsPush),
}

/// Where an RTMP stream is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Where HLS is pushed.
#[derive(Clone, Debug)]
pub struct HlsPush {
    /// One place, or two of which the second stands by.
    pub places: Vec<PushPlace>,
    /// Which of the streams that are pushed.
    pub choice: Choice,
}

/// A place for one encoder's files.
#[derive(Clone)]
pub struct PushPlace {
    /// They lie below `/in/PATH/`.
    pub path: String,
    /// Who may push; `None`: whoever knows the path. No part of what the door is: it can be another while a stream goes on.
    pub login: Option<Login>,
}

impl fmt::Debug for PushPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushPlace").field("login", &self.login).finish_non_exhaustive()
    }
}

impl PartialEq for HlsPush {
    fn eq(&self, other: &Self) -> bool {
        let paths = |push: &Self| push.places.iter().map(|place| place.path.clone()).collect::<Vec<_>>();
        paths(self) == paths(other) && self.choice == other.choice
    }
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl Door {
    /// Whether all renditions of a ladder may come by it.
    pub(crate) const fn is_of_ladder(&self) -> bool {
        let choice = match self {
            Self::Hls(pull) => &pull.choice,
            Self::HlsPush(push) => &push.choice,
            _ => return false,
        };
        matches!(choice.extent, Extent::Ladder)
    }
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
            Self::Datagrams { source, .. } => f.debug_tuple("Datagrams").field(source).finish(),
            Self::RtmpCall(call) => call.fmt(f),
            Self::SrtCall(call) => call.fmt(f),
            Self::Hls(pull) => pull.fmt(f),
            Self::HlsPush(push) => push.fmt(f),
        }
    }
}

impl PartialEq for Door {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rtmp { app, key }, Self::Rtmp { app: other, key: others }) => {
                app == other && key == others
            }
            (Self::RtmpCall(one), Self::RtmpCall(other)) => one == other,
            (
                Self::Srt { stream_id, terms, select },
                Self::Srt { stream_id: id, terms: others, select: selected },
            ) => stream_id == id && terms == others && select == selected,
            (Self::SrtCall(one), Self::SrtCall(other)) => one == other,
            (
                Self::Datagrams { source, select, bound: _ },
                Self::Datagrams { source: other, select: selected, bound: _ },
            ) => source == other && select == selected,
            (Self::Hls(one), Self::Hls(other)) => one == other,
            (Self::HlsPush(one), Self::HlsPush(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Door {}

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
    /// The sockets of an input of datagrams cannot be had.
    #[error("channel `{feed}`: its input")]
    Bind {
        /// The input.
        feed: Feed,
        /// Why not.
        #[source]
        source: udp::BindError,
    },
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
    #[error(
        "channels `{first}` and `{second}` have the same RTMP application and key, SRT stream id, or path for pushed HLS"
    )]
    SameDoor {
        /// One channel.
        first: Feed,
        /// The other.
        second: Feed,
    },
}
