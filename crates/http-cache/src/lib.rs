//! HTTP caching as decisions: key, freshness, who leads and who follows.
//!
//! Nothing here opens a socket, reads a clock or stores a byte. The edge parses a request, asks [`key`] what it is
//! called, [`lookup()`] what to do about it, [`freshness`] what may be kept of the origin's answer and for how long,
//! and [`storage`] what has to go to make room. Answering from a stored object is [`conditional`] and [`range`].
//!
//! Specs: RFC 9110 (semantics), RFC 9111 (caching), RFC 5861 (stale extensions), RFC 8246 (`immutable`).
#![forbid(unsafe_code)]

pub mod cache_control;
pub mod conditional;
pub mod freshness;
pub mod key;
pub mod lookup;
pub mod purge;
pub mod range;
pub mod record;
pub mod storage;

pub use cache_control::CacheControl;
pub use freshness::{Lifetime, PassReason, Rules, Ttl, Verdict, judge};
pub use key::{Key, KeyFault, KeyRules};
pub use lookup::{Decision, Held, lookup};
pub use storage::{Cost, Storage, Ticket};
