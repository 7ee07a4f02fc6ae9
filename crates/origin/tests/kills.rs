//! The origin is killed at random moments under load: nothing torn is served and nothing acknowledged is lost.
//!
//! `HEADWATER_ORIGIN_KILLS` says how often, 10 by default; `HEADWATER_ORIGIN_KILLS=500 cargo test -p origin --test kills --
//! --nocapture` prints the figures.

mod common;

use std::time::{Duration, Instant};

use common::{Killable, Publisher, now_ticks, request};

/// Numbers that look random, the same in each run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn killed_at_any_moment_it_serves_nothing_torn_and_loses_nothing_acknowledged() {
    let kills: u64 =
        std::env::var("HEADWATER_ORIGIN_KILLS").map_or(10, |kills| kills.parse().expect("a number"));
    let seed = 0x5eed;
    let mut dice = Dice(seed);
    let data = tempfile::tempdir().expect("a folder");
    let mut publisher = Publisher::new(now_ticks());
    let (mut lost, mut torn, mut ready, mut sent_again) = (0, 0, Vec::new(), 0);
    let mut origin = Killable::start(data.path());
    for _ in 0..kills {
        assert!(publisher.meet(origin.address).is_some());
        let address = origin.address;
        let process = std::mem::replace(&mut origin.process, common::Process::none());
        let wait = Duration::from_micros(dice.below(20_000));
        let killer = std::thread::spawn(move || {
            let mut process = process;
            std::thread::sleep(wait);
            process.kill();
        });
        let _half = publisher.begin(address);
        while publisher.publish(address) {}
        killer.join().expect("it kills");

        let began = Instant::now();
        origin = Killable::start(data.path());
        assert_eq!(request(origin.address, "GET", "/health", &[], &[]).status, 200);
        ready.push(began.elapsed());
        // What is there already stays as it is: anything torn would be seen behind it.
        sent_again += publisher.meet(origin.address).expect("it lives");
        let (listed, lost_now, torn_now) = publisher.verify(origin.address);
        assert!(listed > 0 || publisher.acknowledged.is_empty());
        lost += lost_now;
        torn += torn_now;
    }
    ready.sort();
    let acknowledged = publisher.acknowledged.len();
    let (median, most) = (ready[ready.len() / 2].as_millis(), ready[ready.len() - 1].as_millis());
    println!(
        "{kills} kills, seed {seed:#x}: {acknowledged} acknowledged, {sent_again} sent again, {lost} lost, {torn} torn; \
         ready in {median} ms, at most {most} ms"
    );
    assert_eq!((lost, torn), (0, 0));
}
