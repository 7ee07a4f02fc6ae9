//! What every role process needs.
//!
//! - [`log`]: structured log lines on standard error.
//! - [`events`]: what an operator is told, as one stream over all roles.
//! - [`metrics`]: Prometheus text on a unix socket, process figures included.
//! - [`listen`]: listeners, handed over by the supervisor or bound here; a port in use names port and setting.
//! - [`http_service`]: a small HTTP service beside a role's own traffic.
//! - [`lines`]: one line asks a running process, one line answers.
//! - [`orders`]: what a running role is told anew.
//! - [`memory`]: whether it is short, and who goes first.
//! - [`shortage`]: what the system has no more of, and what to do.
//! - [`runtime`]: what a role turns on.
//! - [`Drain`]: when to stop: SIGTERM, SIGINT, or the end of standard input where a supervisor holds it.
//! - [`EpochClock`]: a monotonic clock anchored to the Unix epoch once, by the supervisor for all its processes.

mod clock;
mod drain;
pub mod events;
pub mod http_service;
pub mod lines;
pub mod listen;
pub mod log;
pub mod memory;
pub mod metrics;
mod orders;
mod runtime;
mod shortage;
mod words;

pub use clock::{CLOCK_VARIABLE, EpochClock};
pub use drain::{Drain, Trigger};
pub use orders::{Order, Orderer, Orders, orders};
pub use runtime::runtime;
pub use shortage::{WithShortage, shortage};
pub use words::words;
