//! The other end of the edge's benchmarks: the origin behind it and the viewers before it.
//!
//! `origin` answers what the cases ask for and counts it; `herd`, `http3`, `open` and `viewers` are viewers, and print one JSON
//! line each; `floor` is the cheapest server there can be, to be measured beside the real ones. Clocks are the machine's
//! monotonic one, so that times told by the origin and by viewers can be compared.
#![forbid(unsafe_code)]

mod answer;
mod floor;
mod herd;
mod http3;
mod open;
mod origin;
mod viewers;

use std::net::SocketAddr;

use clap::Parser;

/// Loads edges and is their test origin, for the benchmarks.
#[derive(Debug, Parser)]
enum Command {
    /// Serves the objects that the cases ask for, until it is stopped.
    Origin {
        /// Where it listens.
        listen: SocketAddr,
    },
    /// Answers every request with the same 2 KiB, from a bare epoll loop.
    Floor {
        /// Where it listens.
        listen: SocketAddr,
        /// Threads, each with a listener of its own.
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Many viewers ask for one object at once; the origin holds it back, then lets it go.
    Herd(herd::Herd),
    /// One object, asked for over HTTP/3 again and again.
    Http3(http3::Http3),
    /// Readers of objects that grow while they are read, half of them joining midway.
    Open(open::Open),
    /// Viewers who follow a live channel by blocking playlist reloads.
    Viewers(viewers::Viewers),
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match Command::parse() {
        Command::Origin { listen } => runtime.block_on(origin::serve(listen)),
        Command::Floor { listen, threads } => floor::serve(listen, threads),
        Command::Herd(herd) => runtime.block_on(herd.run()),
        Command::Http3(http3) => runtime.block_on(http3.run()),
        Command::Open(open) => runtime.block_on(open.run()),
        Command::Viewers(viewers) => runtime.block_on(viewers.run()),
    }
}

/// The machine's monotonic clock, in nanoseconds.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The value below which `share` of `values` lie, 0 of none. Sorts them.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}
