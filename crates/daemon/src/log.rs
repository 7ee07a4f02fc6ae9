//! Structured log lines on standard error.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::events;

/// Environment variable that sets the filter, such as `info`, `debug`, `warn,ingest=debug`.
pub const FILTER_VARIABLE: &str = "HEADWATER_LOG";
/// Environment variable that sets the form: `text` (default) or `json`.
pub const FORMAT_VARIABLE: &str = "HEADWATER_LOG_FORMAT";

/// Writes a line for people on standard error. Where that takes none (a full disk, a closed pipe) it is lost, as log lines
/// are.
pub fn say(words: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Starts logging for this process, and tells its events to the supervisor where there is one.
///
/// A filter that does not parse is reported on standard error and `info` is used.
pub fn start() {
    let wanted = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|fault| {
        say(format_args!("{FILTER_VARIABLE}=`{wanted}` is not a log filter ({fault}); using `info`"));
        EnvFilter::new("info")
    });
    let json = std::env::var(FORMAT_VARIABLE).is_ok_and(|form| form == "json");
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = if json { lines.json().flatten_event(true).boxed() } else { lines.boxed() };
    let connected = events::connect_from_environment();
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(events::layer()).init();
    if let Err(fault) = connected {
        tracing::warn!("the supervisor takes no events: {fault}");
    }
}
