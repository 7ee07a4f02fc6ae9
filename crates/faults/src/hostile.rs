//! Publishers that mean harm, beside some that mean well.
//!
//! One stack has, for each protocol, channels that hostile publishers reach (*targets*) and one that a well-behaved publisher feeds all
//! the while (*neighbours*), each read by a [`Client`](crate::client::Client). Publishes are numbered; a number and the seed say which
//! protocol and what is done, so that any one can be made again.
//!
//! - [`site`]: the stack, its channels, its neighbours.
//! - [`rtmp`], [`srt`], [`datagrams`], [`hls`]: what is done, by protocol; [`transport_stream`] is what three of them carry.
//! - [`material`]: real media to begin from; [`damage`]: what becomes of bytes.
//! - [`crew`]: who makes which publish, and when.
//! - [`watch`]: processes: that they live, what they hold.
//! - [`report`]: the table.

pub mod crew;
pub mod damage;
pub mod datagrams;
pub mod hls;
pub mod material;
pub mod report;
pub mod rtmp;
pub mod site;
pub mod srt;
pub mod transport_stream;
pub mod watch;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::random::Random;
use crew::Crew;
use report::Report;
use site::Site;
use watch::Watch;

/// How long all that hostile publishers left open may take to be given up: the longest wait of any protocol is 30 s.
const SETTLE: Duration = Duration::from_secs(60);
/// What is watched while publishes are made, and how often.
const WATCH_PERIOD: Duration = Duration::from_millis(500);

/// A protocol that hostile publishers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// RTMP: a publish is a connection, or a handful at once.
    Rtmp,
    /// SRT: a publish is a call, whole or in part.
    Srt,
    /// MPEG-TS by RTP and UDP: a publish is what one sender sends.
    Datagrams,
    /// HLS that is fetched: a publish is an answer of the server's.
    Hls,
}

impl Protocol {
    /// All of them; publish `n` is of the one at `n % 4`.
    pub const ALL: [Self; 4] = [Self::Rtmp, Self::Srt, Self::Datagrams, Self::Hls];

    /// Its name in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtmp => "RTMP",
            Self::Srt => "SRT",
            Self::Datagrams => "RTP and UDP",
            Self::Hls => "HLS",
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Order {
    /// How many publishes.
    pub count: u64,
    /// The number of the first.
    pub first: u64,
    /// The same publishes for the same seed.
    pub seed: u64,
    /// Publishes a second, of all protocols together, at most.
    pub pace: f64,
    /// Where the stack's log is left.
    pub log: Option<PathBuf>,
}

/// The chances of publish `number`.
pub fn chances(seed: u64, number: u64) -> Random {
    let mut mixed = Random::new(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
    Random::new(mixed.bits())
}

/// Makes the publishes that `order` asks for; `tell` hears how many there were, now and then.
///
/// # Panics
/// Where the stack does not start, or a neighbour does not come on the air.
pub fn run(order: &Order, tell: &(dyn Fn(u64) + Sync)) -> Report {
    let site = Site::start();
    let mut watch = Watch::begin(&site.stack);
    let before = report::Counters::read(&site);
    let crew = Crew::new(order.clone());
    let over = AtomicBool::new(false);
    let began = Instant::now();
    let mut took = Duration::ZERO;
    let neighbours = thread::scope(|scope| {
        let reading: Vec<_> = site
            .neighbours
            .iter()
            .map(|neighbour| (neighbour.channel, scope.spawn(|| neighbour.read(&site.stack, &over))))
            .collect();
        // However this ends, the readers end too: the scope waits for them.
        let _over = OnDrop(&over);
        thread::scope(|at_work| {
            let work = at_work.spawn(|| crew.work(&site));
            while !work.is_finished() {
                watch.look(&site.stack);
                tell(crew.made());
                thread::sleep(WATCH_PERIOD);
            }
        });
        took = began.elapsed();
        site.server.hush();
        let until = Instant::now() + SETTLE;
        while Instant::now() < until {
            thread::sleep(WATCH_PERIOD);
            watch.look(&site.stack);
            if watch.has_settled() {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        reading
            .into_iter()
            .map(|(channel, read)| (channel, read.join().expect("readers do not panic")))
            .collect()
    });
    let report = Report {
        seed: order.seed,
        took,
        made: crew.tallies(),
        counted: report::Counters::read(&site).since(&before),
        neighbours,
        processes: watch.end(&site.stack),
        panics: report::panics(&site.stack),
    };
    if let Some(log) = &order.log {
        std::fs::copy(site.stack.log_path(), log).expect("room for the log");
    }
    report
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_the_same_for_the_same_seed_and_number() {
        assert_eq!(chances(1, 77).bits(), chances(1, 77).bits());
        assert_ne!(chances(1, 77).bits(), chances(1, 78).bits());
        assert_ne!(chances(1, 77).bits(), chances(2, 77).bits());
    }
}
