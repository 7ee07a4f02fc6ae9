//! What is counted, a set for each thread, summed when somebody asks.
//!
//! A shared counter costs the cores that share it a cache line's journey for every request; a thread's own costs
//! about a nanosecond.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http2::Attack;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::access::token::Refusal;
use crate::disk::Outcome;
use crate::gate::Violation;
use crate::lag::Lag;
use crate::store::Store;
use crate::tls::Protocol;
use crate::worker::Shared;

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// From the cache.
    Hit,
    /// Fetched for this request.
    Miss,
    /// Waited for somebody else's fetch.
    Collapsed,
    /// From the cache though no longer fresh, because the origin failed or a newer copy was on its way.
    Stale,
    /// Fetched for this request after a stale copy.
    Revalidated,
    /// Fetched, not to be shared.
    Pass,
    /// Made by the edge: preflights, refusals, failures of the origin.
    Local,
}

impl Phase {
    pub(crate) const LABELS: [&str; 7] =
        ["hit", "miss", "collapsed", "stale", "revalidated", "pass", "local"];
}

/// How a fetch from the origin ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchEnd {
    Stored,
    NotModified,
    Passed,
    OriginError,
    ConnectFailed,
    Timeout,
    BrokenOff,
    TooLarge,
    Refused,
}

impl FetchEnd {
    const LABELS: [&str; 9] = [
        "stored",
        "not_modified",
        "passed",
        "origin_error",
        "connect_failed",
        "timeout",
        "broken_off",
        "too_large",
        "refused",
    ];
}

/// Why the edge closed a connection, or would not have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    SlowReader,
    HeadTime,
    IdleTime,
    OverTotal,
    OverAddress,
    Lag,
    /// Its TLS handshake failed.
    Handshake,
    /// It broke HTTP/2 (RFC 9113 §5.4.1).
    Http2,
}

impl Closed {
    const LABELS: [&str; 8] = [
        "slow_reader",
        "head_time",
        "idle_time",
        "over_total",
        "over_address",
        "loop_lag",
        "tls_handshake",
        "http2_fault",
    ];
}

/// Which bound made the edge turn new work away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shed {
    Connections,
    AddressConnections,
    AddressRequests,
    Fetches,
    LoopLag,
    Draining,
}

impl Shed {
    const LABELS: [&str; 6] =
        ["connections", "address_connections", "address_requests", "fetches", "loop_lag", "draining"];
}

/// How a TLS session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// With a whole handshake.
    Full,
    /// From a ticket.
    Resumed,
}

impl Session {
    const LABELS: [&str; 2] = ["full", "resumed"];
}

/// What happened to a QUIC connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuicEvent {
    /// Its handshake is done.
    Accepted,
    /// Its address was asked for proof first.
    Retried,
    /// There was no place for it.
    Refused,
    /// Its handshake failed.
    Failed,
    /// Closed for what it made the edge do: requests given up, bytes without end, broken rules of QUIC.
    Excessive,
}

impl QuicEvent {
    const LABELS: [&str; 5] = ["accepted", "retried", "refused", "failed", "excessive"];
}

/// What an edge did with a datagram that is for a connection of another edge on the same UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// Handed it on to the one from before.
    On,
    /// Took it from the one that reads the socket now.
    Taken,
    /// Lost it: the one from before had no room.
    Lost,
}

impl Handed {
    const LABELS: [&str; 3] = ["on", "taken", "lost"];
}

/// What became of a certificate after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// Sessions are shown it.
    Shown,
    /// The files cannot be used; the one before stays.
    Refused,
}

impl Renewal {
    const LABELS: [&str; 2] = ["shown", "refused"];
}

/// One thread's counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    requests: [[AtomicU64; Phase::LABELS.len()]; 5],
    bytes_out: AtomicU64,
    connections: AtomicU64,
    closed_connections: AtomicU64,
    rejected: [AtomicU64; Violation::ALL.len()],
    access_refused: [AtomicU64; Refusal::LABELS.len()],
    closed: [AtomicU64; Closed::LABELS.len()],
    http2_attacks: [AtomicU64; Attack::ALL.len()],
    fetches: [AtomicU64; FetchEnd::LABELS.len()],
    sessions: [AtomicU64; Session::LABELS.len()],
    quic: [AtomicU64; QuicEvent::LABELS.len()],
    handed: [AtomicU64; Handed::LABELS.len()],
    renewals: [AtomicU64; Renewal::LABELS.len()],
    protocols: [AtomicU64; Protocol::ALL.len()],
    shed: [AtomicU64; Shed::LABELS.len()],
}

impl Counters {
    pub(crate) fn answered(&self, status: u16, phase: Phase) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        add(&self.requests[class][phase as usize], 1);
    }

    pub(crate) fn sent(&self, bytes: u64) {
        add(&self.bytes_out, bytes);
    }

    pub(crate) fn opened(&self) {
        add(&self.connections, 1);
    }

    pub(crate) fn ended(&self) {
        add(&self.closed_connections, 1);
    }

    pub(crate) fn rejected(&self, violation: Violation) {
        add(&self.rejected[violation as usize], 1);
    }

    pub(crate) fn access_refused(&self, reason: Refusal) {
        add(&self.access_refused[reason as usize], 1);
    }

    pub(crate) fn closed(&self, reason: Closed) {
        add(&self.closed[reason as usize], 1);
    }

    pub(crate) fn shed(&self, bound: Shed) {
        add(&self.shed[bound as usize], 1);
    }

    /// Somebody was not let in.
    pub(crate) fn turned_away(&self, reason: Closed) {
        self.closed(reason);
        self.shed(match reason {
            Closed::OverAddress => Shed::AddressConnections,
            Closed::Lag => Shed::LoopLag,
            _ => Shed::Connections,
        });
    }

    pub(crate) fn fetched(&self, end: FetchEnd) {
        add(&self.fetches[end as usize], 1);
    }

    pub(crate) fn tls_session(&self, session: Session) {
        add(&self.sessions[session as usize], 1);
    }

    pub(crate) fn quic(&self, event: QuicEvent) {
        add(&self.quic[event as usize], 1);
    }

    pub(crate) fn handed(&self, handed: Handed) {
        add(&self.handed[handed as usize], 1);
    }

    pub(crate) fn certificate(&self, renewal: Renewal) {
        add(&self.renewals[renewal as usize], 1);
    }

    /// A request came, by whatever connection.
    pub(crate) fn attacked(&self, attack: Attack) {
        add(&self.http2_attacks[attack as usize], 1);
    }

    pub(crate) fn asked_by(&self, protocol: Protocol) {
        add(&self.protocols[protocol as usize], 1);
    }
}

/// Only the thread that owns the set adds to it, so no read-modify-write across cores is needed.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// Every thread's counts and the store's accounts, as Prometheus families.
pub(crate) struct Figures {
    pub(crate) threads: Vec<Arc<Counters>>,
    pub(crate) lags: Vec<Arc<Lag>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) store: Arc<Store>,
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").field("threads", &self.threads.len()).finish()
    }
}

impl Figures {
    fn sum(&self, pick: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        self.threads.iter().map(|counters| pick(counters).load(Ordering::Relaxed)).sum()
    }
}

/// Name, help, the label's name and its values, and how to read one.
type Family<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], &'a dyn Fn(&Counters, usize) -> u64);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut requests = encoder.encode_descriptor(
            "headwater_edge_requests",
            "Requests answered, by status class and how the answer came about",
            None,
            MetricType::Counter,
        )?;
        for class in 0..5 {
            for (phase, label) in Phase::LABELS.iter().enumerate() {
                let count = self.sum(|counters| &counters.requests[class][phase]);
                let labels = [("status", ["1xx", "2xx", "3xx", "4xx", "5xx"][class]), ("cache", *label)];
                ConstCounter::new(count).encode(requests.encode_family(&labels)?)?;
            }
        }
        let families: [Family<'_>; 11] = [
            (
                "headwater_edge_http2_attacks",
                "HTTP/2 connections ended because of what the viewer did, by its name",
                "attack",
                &Attack::ALL.iter().map(|attack| attack.label()).collect::<Vec<_>>(),
                &|counters, at| counters.http2_attacks[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_protocol_requests",
                "Requests read, by protocol",
                "protocol",
                &Protocol::ALL.map(Protocol::label),
                &|counters, at| counters.protocols[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_tls_sessions",
                "TLS sessions begun over TCP",
                "handshake",
                &Session::LABELS,
                &|counters, at| counters.sessions[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_quic_connections",
                "QUIC connections, by what happened to them",
                "event",
                &QuicEvent::LABELS,
                &|counters, at| counters.quic[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_quic_handed_datagrams",
                "Datagrams for a connection of another edge on the same UDP socket, by what became of them",
                "how",
                &Handed::LABELS,
                &|counters, at| counters.handed[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_certificates",
                "Certificates after the first: shown from then on, or refused",
                "result",
                &Renewal::LABELS,
                &|counters, at| counters.renewals[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_rejected",
                "Heads the request gate refused",
                "reason",
                &Violation::ALL.iter().map(|violation| violation.label()).collect::<Vec<_>>(),
                &|counters, at| counters.rejected[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_access_refused",
                "Requests refused for want of a token that lets them in",
                "reason",
                Refusal::LABELS,
                &|counters, at| counters.access_refused[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_closed",
                "Connections the edge closed or would not have",
                "reason",
                &Closed::LABELS,
                &|counters, at| counters.closed[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_shed",
                "New work turned away, by the bound that was reached",
                "reason",
                &Shed::LABELS,
                &|counters, at| counters.shed[at].load(Ordering::Relaxed),
            ),
            (
                "headwater_edge_origin_fetches",
                "Fetches from the origin",
                "result",
                &FetchEnd::LABELS,
                &|counters, at| counters.fetches[at].load(Ordering::Relaxed),
            ),
        ];
        for (name, help, label_name, labels, count) in families {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (at, label) in labels.iter().enumerate() {
                let sum: u64 = self.threads.iter().map(|counters| count(counters, at)).sum();
                ConstCounter::new(sum).encode(family.encode_family(&[(label_name, *label)])?)?;
            }
        }
        if let Some(disk) = &self.store.disk {
            let figures = disk.figures();
            let mut family = encoder.encode_descriptor(
                "headwater_edge_disk",
                "What came of touching the disk cache",
                None,
                MetricType::Counter,
            )?;
            for (count, label) in figures.outcomes.iter().zip(Outcome::LABELS) {
                ConstCounter::new(*count).encode(family.encode_family(&[("result", label)])?)?;
            }
            for (name, help, value) in [
                ("headwater_edge_disk_bytes", "Bytes of the disk cache's files", figures.used.bytes),
                ("headwater_edge_disk_objects", "Objects in the disk cache", figures.objects),
            ] {
                let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(descriptor)?;
            }
        }
        if let Some(access) = &self.shared.access {
            let figures = access.figures();
            let mut family = encoder.encode_descriptor(
                "headwater_edge_jwks_fetches",
                "Fetches of issuers' sets of access keys",
                None,
                MetricType::Counter,
            )?;
            for (count, label) in figures.fetches.iter().zip(["fetched", "failed"]) {
                ConstCounter::new(*count).encode(family.encode_family(&[("result", label)])?)?;
            }
            let descriptor = encoder.encode_descriptor(
                "headwater_edge_jwks_down",
                "Issuers of whose access keys none are held, so that their tokens are refused",
                None,
                MetricType::Gauge,
            )?;
            ConstGauge::new(figures.down as i64).encode(descriptor)?;
        }
        let stored = self.store.figures();
        let counters = [
            ("headwater_edge_sent_bytes", "Bytes sent to viewers", self.sum(|counters| &counters.bytes_out)),
            ("headwater_edge_cache_evictions", "Objects that left the cache to make room", stored.evictions),
            ("headwater_edge_purged_objects", "Objects the operator purged", stored.purged),
        ];
        for (name, help, count) in counters {
            let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count).encode(descriptor)?;
        }
        let ended = self.sum(|counters| &counters.closed_connections);
        let open = self.sum(|counters| &counters.connections).saturating_sub(ended);
        let now = Instant::now();
        let lag = self.lags.iter().map(|lag| lag.at(now)).max().unwrap_or_default();
        let gauges = [
            ("headwater_edge_draining", "1 while the edge drains", u64::from(self.shared.is_draining())),
            ("headwater_edge_loop_lag_ms", "How late the latest serving thread is", lag.as_millis() as u64),
            ("headwater_edge_connections", "Viewer connections open", open),
            ("headwater_edge_cache_bytes", "Memory the cached objects take", stored.used.bytes),
            ("headwater_edge_cache_room_bytes", "Memory cached objects may take", stored.room.bytes),
            ("headwater_edge_cache_large_objects", "Cached objects of 64 KiB and more", stored.used.handles),
            ("headwater_edge_cache_objects", "Cached objects", stored.objects),
        ];
        for (name, help, value) in gauges {
            let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(descriptor)?;
        }
        Ok(())
    }
}
