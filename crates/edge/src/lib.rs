//! The caching edge viewers talk to.
//!
//! An HTTP/1.1 and HTTP/2 server of its own over one thread a core, made for what viewers of live video do: ask for the
//! same few objects at the same moment. The path of a request:
//!
//! `transport` (TCP, or `tls` over it) → [`gate`] (which bytes are a request at all) → `conn` (one read, one write) →
//! [`access`] (who may ask, where paths take a token) → `distribution` (whose hosts and rules they are, where there are any) → `store` (hit, lead, follow or pass, as [`http_cache`] decides) → `resolve`, with `fetch` and `pass` where an origin is
//! needed (`client` asks the one that `health` names, over `origin`'s connections) → `respond` (status, fields and a
//! `source` of bytes: nothing so far knows the protocol) → `http1` (the head as text) → `answer` and `send` (the bytes, at a
//! watched pace). A connection that speaks HTTP/2 goes to `http2`, which does for streams what `conn`, `http1`, `answer`
//! and `send` do. Objects are shared while they fill (`body`): whoever comes late reads from the first byte. `admission`
//! bounds who may connect and (`rate`) how often he may ask, `lag` tells when a thread cannot keep up and `worker` then
//! sheds what would be new work, `counters` tells what happened.
#![forbid(unsafe_code)]

pub mod access;
mod admission;
mod answer;
mod body;
mod client;
mod config;
mod conn;
mod control;
mod counters;
pub mod datagram;
mod depth;
mod disk;
mod distribution;
mod fence;
mod fetch;
pub mod gate;
mod gzip;
mod health;
mod hints;
mod http1;
mod http2;
mod http3;
mod lag;
mod linger;
mod object;
mod origin;
mod origin_figures;
mod pass;
mod rate;
mod resolve;
mod respond;
mod run;
mod send;
mod source;
mod store;
mod tls;
mod transport;
mod trust;
mod via;
mod worker;

pub use ::certificate::CertificateError;
pub use access::{AccessError, check as check_access};
pub use config::{Access, AccessKey, Acme, Certificate, Config, Disk, KeyFile, Limits, Quic, Tls, Upstream};
pub use distribution::{Distributions, key_of as distribution_key};
pub use fence::Fences;
pub use origin::OriginError;
pub use run::{Error, run, run_and_tell};
pub use trust::TrustError;
