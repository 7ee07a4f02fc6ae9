//! `make control-kills`: AWS calls while control and the roles are killed, and what became of them.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use clap::Parser;
use faults::calls::{self, Order, Tally};

/// Kills control and the supervisor's other children at random moments while boto3 makes calls, and holds what is there against
/// what was acknowledged.
#[derive(Debug, Parser)]
struct Options {
    /// Processes to kill
    #[arg(long, short, value_name = "N", default_value_t = 50)]
    number: u64,
    /// Stacks side by side
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=64))]
    lanes: u64,
    /// Says what is called and when something is killed: the same for the same seed
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let Options { number, lanes, seed } = Options::parse();
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for lane in 0..lanes.min(number) {
            let tally = &tally;
            scope.spawn(move || {
                let kills = number / lanes + u64::from(lane < number % lanes);
                let order = Order { calls: 2 * kills, kills, seed: seed.wrapping_add(lane) };
                let done = calls::run(&order, &|so_far: &Tally| {
                    if so_far.calls().is_multiple_of(100) {
                        eprintln!("  lane {lane}: {} kills in {} calls", so_far.killed(), so_far.calls());
                    }
                });
                tally.lock().expect("no lane panicked with it").add(&done);
            });
        }
    });
    let tally = tally.into_inner().expect("no lane panicked with it");
    println!("{tally}");
    let broken = tally.broken();
    broken.iter().for_each(|what| eprintln!("broken: {what}"));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
