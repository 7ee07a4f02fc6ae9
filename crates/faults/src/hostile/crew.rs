//! Who makes which publish, and when.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::site::Site;
use super::{Order, Protocol, chances, datagrams, rtmp, srt};
use crate::random::Random;

/// Publishes of one protocol at once. Most of them wait most of the time.
const AT_ONCE: usize = 24;

/// What was made of one protocol: how often what was done.
pub type Tally = BTreeMap<&'static str, u64>;

/// Hands out publishes, and counts them.
#[derive(Debug)]
pub struct Crew {
    order: Order,
    queues: [Queue; 4],
}

/// The publishes of one protocol.
#[derive(Debug, Default)]
struct Queue {
    taken: AtomicU64,
    done: Mutex<Tally>,
}

impl Crew {
    /// Begins now.
    pub fn new(order: Order) -> Self {
        Self { order, queues: Default::default() }
    }

    /// Makes every publish; returns when all are done.
    pub fn work(&self, site: &Site) {
        let began = Instant::now();
        thread::scope(|scope| {
            for protocol in [Protocol::Rtmp, Protocol::Srt, Protocol::Datagrams] {
                for _ in 0..AT_ONCE {
                    scope.spawn(move || {
                        while let Some(mut random) = self.next(protocol, began) {
                            let done = match protocol {
                                Protocol::Rtmp => rtmp::publish(site, &mut random),
                                Protocol::Srt => srt::publish(site, &mut random),
                                Protocol::Datagrams | Protocol::Hls => datagrams::publish(site, &mut random),
                            };
                            self.done(protocol, done);
                        }
                    });
                }
            }
            // Whoever fetches says when an answer is made.
            scope.spawn(move || {
                site.server.be_hostile(&mut || self.next(Protocol::Hls, began), &|done| {
                    self.done(Protocol::Hls, done)
                })
            });
        });
    }

    /// The next publish of `protocol`, when its time has come; `None` when there is none.
    fn next(&self, protocol: Protocol, began: Instant) -> Option<Random> {
        let turns = Protocol::ALL.len() as u64;
        let nth = self.queues[protocol as usize].taken.fetch_add(1, Ordering::Relaxed);
        // The first number of this protocol from `first` on, and every fourth after it.
        let offset = (protocol as u64 + turns - self.order.first % turns) % turns + nth * turns;
        if offset >= self.order.count {
            return None;
        }
        let due = began + Duration::from_secs_f64(offset as f64 / self.order.pace);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        Some(chances(self.order.seed, self.order.first + offset))
    }

    fn done(&self, protocol: Protocol, what: &'static str) {
        *lock(&self.queues[protocol as usize].done).entry(what).or_default() += 1;
    }

    /// How many were made so far.
    pub fn made(&self) -> u64 {
        self.tallies().iter().flat_map(|(_, tally)| tally.values()).sum()
    }

    /// What was made so far.
    pub fn tallies(&self) -> [(Protocol, Tally); 4] {
        Protocol::ALL.map(|protocol| (protocol, lock(&self.queues[protocol as usize].done).clone()))
    }
}

/// Things that one at a time has; whoever wants one waits for it.
#[derive(Debug)]
pub struct Pool<T> {
    free: Mutex<Vec<T>>,
    came_back: Condvar,
}

impl<T> Pool<T> {
    /// Of these.
    pub fn new(things: impl IntoIterator<Item = T>) -> Self {
        Self { free: Mutex::new(things.into_iter().collect()), came_back: Condvar::new() }
    }

    /// Does `work` with one of them, the one that was free longest.
    pub fn with<R>(&self, work: impl FnOnce(&T) -> R) -> R {
        let waiting = self.came_back.wait_while(lock(&self.free), |free| free.is_empty());
        let thing = waiting.unwrap_or_else(PoisonError::into_inner).remove(0);
        let result = work(&thing);
        lock(&self.free).push(thing);
        self.came_back.notify_one();
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_made_once_by_the_protocol_it_belongs_to() {
        let order = Order { count: 10, first: 3, seed: 1, pace: 1e9, log: None };
        let crew = Crew::new(order);
        let began = Instant::now();
        let row = |protocol| {
            std::iter::from_fn(|| crew.next(protocol, began))
                .map(|mut random| random.bits())
                .collect::<Vec<_>>()
        };
        let of =
            |numbers: &[u64]| numbers.iter().map(|number| chances(1, *number).bits()).collect::<Vec<_>>();
        assert_eq!(row(Protocol::Rtmp), of(&[4, 8, 12]));
        assert_eq!(row(Protocol::Srt), of(&[5, 9]));
        assert_eq!(row(Protocol::Datagrams), of(&[6, 10]));
        assert_eq!(row(Protocol::Hls), of(&[3, 7, 11]));
    }

    #[test]
    fn a_pool_lends_each_thing_to_one_at_a_time() {
        let pool = Pool::new([1, 2]);
        let (first, second) = pool.with(|first| (*first, pool.with(|second| *second)));
        assert_eq!((first, second), (1, 2));
        assert_eq!(pool.with(|thing| *thing), 2);
    }
}
