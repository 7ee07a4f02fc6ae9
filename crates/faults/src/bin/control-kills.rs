//! `make control-kills`: AWS calls while control and the roles are killed, and what became of them.

use std::process::ExitCode;

use clap::Parser;
use faults::calls::{self, Order, Tally};

/// Kills control and the supervisor's other children at random moments while boto3 makes calls, and holds what is there against what was acknowledged.
#[derive(Debug, Parser)]
struct Options {
    /// Processes to kill, at least
    #[arg(long, short, value_name = "N", default_value_t = 50)]
    number: u64,
    /// Calls to make, at least
    #[arg(long, value_name = "N", default_value_t = 40)]
    calls: u64,
    /// Says what is called and when something is killed: the same for the same seed
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let Options { number, calls, seed } = Options::parse();
    let tally = calls::run(&Order { calls, kills: number, seed }, &|so_far: &Tally| {
        if so_far.calls().is_multiple_of(100) {
            eprintln!(
                "  {} kills in {} calls, {} faults",
                so_far.killed(),
                so_far.calls(),
                so_far.wrong.len()
            );
        }
    });
    println!("{tally}");
    let broken = tally.broken();
    broken.iter().for_each(|what| eprintln!("broken: {what}"));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
