//! What clients may take.

use std::time::Duration;

/// Bounds on connections and requests. What a request may hold is `aws::Limits`' and `identity::sigv4::limits`' matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; further ones wait in the kernel.
    pub connections: usize,
    /// From the end of one request to the end of the next one's head: also how long a connection may idle.
    pub head_time: Duration,
    /// From the end of the head to the end of the body.
    pub body_time: Duration,
    /// From the whole request to its answer's head; the writer of the store is waited for five seconds at most.
    pub answer_time: Duration,
    /// How long requests in flight may take to finish once the drain has begun.
    pub drain_time: Duration,
}

impl Default for Limits {
    /// 256 connections; 15 s, 10 s and 30 s; 5 s to drain.
    fn default() -> Self {
        Self {
            connections: 256,
            head_time: Duration::from_secs(15),
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(5),
        }
    }
}

/// Largest head, in bytes: the signature's own bound, and what belongs to a request line.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;
/// Most header lines of a request.
pub(crate) const HEADERS_MAX: usize = 100;
/// Memory of all bodies that are being read or answered.
pub(crate) const BODY_BYTES_IN_ALL: usize = 64 << 20;
/// Streams of changes at once.
pub(crate) const EVENT_STREAMS: usize = 64;
/// Signatures remembered against replays: 200 changes a second for as long as a signature is good.
pub(crate) const REPLAYS: usize = 200_000;
