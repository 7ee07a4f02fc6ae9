//! Faults at random moments, under a client that misses nothing.
//!
//! A [`lane`] is one `headwater up` with one channel, publishers and a client; several run side by side. The client reads every
//! playlist and every segment of every rung and of the sound through the edge, and looks whether a viewer would have seen
//! anything.
//!
//! - [`kind`]: what is broken, and what must hold meanwhile.
//! - [`lane`]: breaks it and waits until it is healthy again.
//! - [`client`]: reads and compares; [`continuity`] counts frames.
//! - [`publisher`], [`line`](mod@line): inputs that can be cut; [`picture`]: which one the output shows.
//! - [`events`]: what the stack says happened.
//! - [`tally`]: the table.
//! - [`calls`]: AWS calls while whoever answers is killed.
//! - [`hostile`]: publishers that mean harm, beside some that are read as above.
//! - [`random`]: moments by chance, the same for the same seed.

pub mod calls;
pub mod client;
pub mod continuity;
pub mod events;
pub mod hostile;
pub mod kind;
pub mod lane;
pub mod line;
pub mod picture;
pub mod publisher;
pub mod random;
pub mod tally;

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

pub use kind::Kind;
pub use tally::Tally;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Order {
    /// What is broken,
    pub kind: Kind,
    /// how often,
    pub count: u64,
    /// in how many stacks side by side.
    pub lanes: u64,
    /// The same moments for the same seed.
    pub seed: u64,
    /// Where the stacks' logs are left.
    pub logs: Option<PathBuf>,
}

/// Makes the faults that `order` asks for; `tell` hears of each.
///
/// # Panics
/// Where a stack does not start, or a channel does not come on the air.
pub fn run(order: &Order, tell: &(dyn Fn(&Tally) + Sync)) -> Tally {
    let Order { kind, count, lanes, seed, .. } = *order;
    let tally = Mutex::new(Tally::new(kind));
    let with = |work: &dyn Fn(&mut Tally)| work(&mut tally.lock().expect("no lane panicked with it"));
    thread::scope(|scope| {
        for lane in 0..lanes.min(count) {
            let share = count / lanes + u64::from(lane < count % lanes);
            let with = &with;
            scope.spawn(move || {
                // Lanes of one run are as different as two seeds.
                let seed =
                    random::Random::new(seed.wrapping_add(lane << 32).wrapping_add(kind as u64)).bits();
                let log = order.logs.as_ref().map(|logs| logs.join(format!("{}-{lane}.log", kind.as_str())));
                let findings = lane::run(kind, share, seed, log.as_deref(), &|outcome| {
                    with(&|tally| {
                        tally.add(outcome);
                        tell(tally);
                    });
                });
                with(&|tally| tally.findings.add(&findings));
            });
        }
    });
    tally.into_inner().expect("no lane panicked with it")
}
