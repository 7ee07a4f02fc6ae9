//! What the edge is told, and its bounds.

use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use daemon::metrics::Endpoint;
use http::StatusCode;
use spec::OriginUrl;

use crate::distribution::Distributions;
use crate::fence::Fences;
pub use spec::{Access, AccessKey, KeyFile};

/// One edge.
#[derive(Debug)]
pub struct Config {
    /// Where viewers connect.
    pub listener: TcpListener,
    /// Where the edge fetches.
    pub upstream: Upstream,
    /// Where metrics are answered.
    pub metrics: Endpoint,
    /// A unix socket on which the operator purges; none: nobody can.
    pub control: Option<PathBuf>,
    /// Serving threads; 0 counts as 1.
    pub threads: usize,
    /// Query parameters that are part of an object's key and reach the origin, besides HLS's directives.
    pub key_query: Vec<String>,
    /// Bytes of memory for cached bodies.
    pub cache_bytes: u64,
    /// Where large objects outlive memory and restarts; none: nowhere.
    pub disk: Option<Disk>,
    /// Which paths take a viewer's token, and whose; the first that names a path counts for it. None: all are open.
    pub access: Vec<Access>,
    /// Sites of their own, with hosts, origins and rules; to be changed while the edge serves. Made for [`Self::upstream`].
    pub distributions: Distributions,
    /// Paths that only some addresses may fetch.
    pub fences: Fences,
    /// Where viewers connect with TLS.
    pub tls: Option<Tls>,
    /// All other bounds.
    pub limits: Limits,
}

/// A disk tier: where it lies and how large it may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its folder, which one edge has at a time.
    pub path: PathBuf,
    /// Bytes of files at most.
    pub bytes: u64,
}

/// The edge's TLS side.
#[derive(Debug)]
pub struct Tls {
    /// Where viewers connect.
    pub listener: TcpListener,
    /// Where they come by HTTP/3, where that is spoken.
    pub quic: Option<Quic>,
    /// What they are shown.
    pub certificate: Certificate,
    /// Where the edge keeps certificates and keys it made or was given, for its owner's eyes alone.
    pub folder: PathBuf,
}

/// The edge's HTTP/3 side.
#[derive(Debug)]
pub struct Quic {
    /// A UDP socket on the TLS listener's port. Edges that replace one another share it.
    pub socket: UdpSocket,
    /// A folder, for its owner alone, where they meet to hand it over: each has a unix socket there.
    pub handover: PathBuf,
}

/// Where the certificate viewers are shown comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// The edge makes one for itself, once. Nobody vouches for it: for development.
    SelfMade,
    /// PEM files, read again when they change.
    Files {
        /// The chain, the server's own certificate first.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Asked for at an authority that speaks ACME (RFC 8555), kept, and renewed.
    Acme(Acme),
}

/// What is asked of an ACME authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// DNS names on the certificate, at least one. The authority asks the plain listener for proof (HTTP-01), at port 80
    /// of each name.
    pub domains: Vec<String>,
    /// `mailto:` and an address.
    pub contact: Option<String>,
    /// The authority's directory, an https URL.
    pub directory: String,
    /// A PEM file with the root that vouches for the directory, where the system knows it not.
    pub directory_ca: Option<PathBuf>,
}

/// Where the edge fetches, and what it takes for a failure there.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The first is asked first, the others stand in for it: 1 to 8, all with the same content.
    pub origins: Vec<OriginUrl>,
    /// A PEM file of certificate authorities that may vouch for `https://` origins, besides the system's.
    pub ca: Option<PathBuf>,
    /// Statuses on which the next origin is asked.
    pub failover_on: Vec<StatusCode>,
    /// How long an origin in doubt may take to send the head of an answer, before the next is asked too; one in good
    /// health has up to four times as long, at least a second, if it has been slow to answer so far.
    pub failover_after: Duration,
}

impl Upstream {
    /// These origins, with the defaults.
    pub fn of(origins: Vec<OriginUrl>) -> Upstream {
        use StatusCode as Status;
        Upstream {
            origins,
            ca: None,
            failover_on: vec![
                Status::INTERNAL_SERVER_ERROR,
                Status::BAD_GATEWAY,
                Status::SERVICE_UNAVAILABLE,
                Status::GATEWAY_TIMEOUT,
            ],
            failover_after: Duration::from_millis(250),
        }
    }
}

/// The edge's bounds. Each says what happens there.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at once; more are answered 503 and closed.
    pub connections: usize,
    /// Connections open at once from one IPv4 address or IPv6 /64; more are answered 503 and closed. Viewers behind
    /// one address translator share it.
    pub connections_per_address: usize,
    /// Requests answered a second for one IPv4 address or IPv6 /64, twice that many at once; more are answered 429. No
    /// bound where there is none.
    pub requests_per_s_per_address: Option<u32>,
    /// From a request's first byte to the end of its head, and from a connection to the end of its TLS handshake; then the connection is closed.
    pub head_time: Duration,
    /// From an answer to the next request's first byte; then the connection is closed.
    pub idle_time: Duration,
    /// How often a reader's pace is looked at while it keeps the edge waiting.
    pub pace_window: Duration,
    /// Slower than this over a window and the reader is evicted.
    pub pace_bytes_per_s: u64,
    /// To connect to the origin; then 504.
    pub connect_time: Duration,
    /// From a request to the head of the origin's answer; then 504.
    pub first_byte_time: Duration,
    /// The same for a blocking playlist reload, which the origin may hold for three target durations.
    pub blocking_first_byte_time: Duration,
    /// Between two pieces of the origin's body; then the object is broken off.
    pub between_bytes_time: Duration,
    /// How long a viewer waits for a fetch when a stale copy is at hand that may be served instead.
    pub stale_patience: Duration,
    /// Largest object that is shared; one that turns out larger is broken off.
    pub object_bytes: u64,
    /// Fetches from the origin under way at once; more are answered 503.
    pub fetches: usize,
    /// How late a serving thread may be for what is due; later, and it is handed no connection and begins no fetch (503)
    /// until it has caught up. What is in the cache is answered all the same.
    pub loop_lag: Duration,
    /// Objects of 64 KiB and more held at once (each is one file descriptor); the least wanted make room.
    pub large_objects: usize,
    /// How long a drain lasts at most: connections that are still open then are closed, and who still waits for a head
    /// shortly before is answered 503.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let descriptors = usize::try_from(descriptors.unwrap_or(65_536)).unwrap_or(65_536);
        Limits {
            // Of all descriptors: 3/4 viewers, 1/8 large objects, 1/16 fetches, the rest in reserve.
            connections: descriptors / 4 * 3,
            connections_per_address: 2_000.min(descriptors / 4),
            requests_per_s_per_address: None,
            head_time: Duration::from_secs(5),
            idle_time: Duration::from_secs(15),
            pace_window: Duration::from_secs(10),
            pace_bytes_per_s: 1_000,
            connect_time: Duration::from_secs(1),
            first_byte_time: Duration::from_secs(10),
            blocking_first_byte_time: Duration::from_secs(30),
            between_bytes_time: Duration::from_secs(10),
            stale_patience: Duration::from_secs(1),
            object_bytes: 256 << 20,
            fetches: (descriptors / 16).clamp(16, 1_024),
            loop_lag: Duration::from_secs(1),
            large_objects: (descriptors / 8).max(16),
            drain_time: Duration::from_secs(5),
        }
    }
}
