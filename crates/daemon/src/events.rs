//! What an operator is told: conditions that begin and are over, as one stream over all roles.
//!
//! A log line with the fields `event` and `state` is an [`Event`] besides: [`mod@layer`] sends it to the supervisor, which keeps the
//! latest and serves them. What a role says to its log it so says to operators, once.
//!
//! - [`event`]: one event, and its line of JSON.
//! - [`mod@layer`]: log lines become events.
//! - [`line`]: the way to the supervisor.

mod event;
mod layer;
mod line;

use std::path::Path;

pub use event::{BadEvent, Event, MAX_LINE_BYTES, State};
pub(crate) use layer::layer;
pub use line::connect;

/// Environment variable that says where events are sent: the path of a unix socket.
pub const SOCKET_VARIABLE: &str = "HEADWATER_EVENTS";

/// Connects to where the environment says, if it does.
pub(crate) fn connect_from_environment() -> std::io::Result<()> {
    std::env::var_os(SOCKET_VARIABLE).map_or(Ok(()), |path| connect(Path::new(&path)))
}
