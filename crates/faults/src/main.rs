//! `make faults`: faults at random moments, and the table of what viewers saw.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use faults::{Kind, Order, Tally};

/// Breaks things at random moments while a client reads every segment, and prints what a viewer would have seen.
#[derive(Debug, Parser)]
struct Options {
    /// What to break, several times where it is repeated [default: every kind]
    #[arg(long = "kind", value_name = "KIND", value_parser = Kind::named)]
    kinds: Vec<Kind>,
    /// Faults of each kind
    #[arg(long, short, value_name = "N", default_value_t = 20)]
    number: u64,
    /// Stacks side by side
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    lanes: u64,
    /// Says when things are broken: the same moments for the same seed
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Leave the stacks' logs in this folder
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let kinds = if options.kinds.is_empty() { Kind::ALL.to_vec() } else { options.kinds };
    if let Some(logs) = &options.logs
        && let Err(fault) = std::fs::create_dir_all(logs)
    {
        eprintln!("make folder `{}`: {fault}", logs.display());
        return ExitCode::FAILURE;
    }
    let mut tallies = Vec::new();
    for kind in kinds {
        eprintln!(
            "{}: {} faults in {} lanes, seed {}",
            kind.as_str(),
            options.number,
            options.lanes,
            options.seed
        );
        let order = Order {
            kind,
            count: options.number,
            lanes: options.lanes,
            seed: options.seed,
            logs: options.logs.clone(),
        };
        let tally = faults::run(&order, &|so_far: &Tally| {
            if so_far.faults.is_multiple_of(10) {
                eprintln!("  {} of {}", so_far.faults, options.number);
            }
        });
        for told in &tally.findings.told {
            eprintln!("  {told}");
        }
        eprintln!(
            "  {} frames in {} segments; {} requests were tried again",
            tally.findings.frames, tally.findings.segments, tally.findings.unanswered
        );
        println!("{}\n{}", if tallies.is_empty() { Tally::HEAD } else { "" }, tally.row());
        tallies.push(tally);
    }
    let broken: Vec<_> = tallies.iter().flat_map(|tally| [tally.broken(), tally.late()].concat()).collect();
    for promise in &broken {
        eprintln!("broken: {promise}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
