//! `make hostile`: hostile publishes by number, and the table of what the stack and its well-behaved publishers went through.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use faults::hostile::{Order, run};

/// Publishes to a running stack with ill will, beside publishers that are read to the frame, and prints what came of it.
#[derive(Debug, Parser)]
struct Options {
    /// Hostile publishes, a quarter by each protocol
    #[arg(long, short, value_name = "N", default_value_t = 2_000)]
    number: u64,
    /// The number of the first: to make some of a longer run again
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    first: u64,
    /// Says what is done: the same publishes for the same seed
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Publishes a second, of all protocols together, at most
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    pace: f64,
    /// Leave the stack's log in this file
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

/// After so many publishes a line is said.
const TELL_EVERY: u64 = 1_000;

fn main() -> ExitCode {
    let Options { number, first, seed, pace, log } = Options::parse();
    if pace.is_nan() || pace <= 0.0 {
        eprintln!("--pace {pace}: a number over 0 is wanted");
        return ExitCode::FAILURE;
    }
    eprintln!("{number} hostile publishes, seed {seed}");
    let told = AtomicU64::new(0);
    let report = run(&Order { count: number, first, seed, pace, log }, &|made| {
        if made / TELL_EVERY > told.swap(made, Ordering::Relaxed) / TELL_EVERY {
            eprintln!("  {made} of {number}");
        }
    });
    println!("{}\n\n{}", report.tables(), report.json());
    for (channel, found) in &report.neighbours {
        found.told.iter().for_each(|told| eprintln!("  {channel}: {told}"));
    }
    let mut broken = [report.broken(), report.late()].concat();
    if report.publishes() < number {
        broken.push(format!("{} of {number} publishes were made", report.publishes()));
    }
    for promise in &broken {
        eprintln!("broken: {promise}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
