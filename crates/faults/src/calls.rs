//! AWS calls by chance, while whoever answers them is killed: nothing is half done, nothing acknowledged is lost, and what runs runs on.
//!
//! One `headwater up` with a channel of its file; a script of boto3 that makes a channel which stays, then creates, starts, stops and deletes others
//! (`crates/e2e/tests/aws/calls.py`, which holds what it finds against what was acknowledged); clients that read every segment of both
//! channels; and a hand that kills control and the supervisor's other children at random moments.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use e2e::aws::Clients;
use e2e::{Stack, eventually};
use serde_json::Value;

use crate::client::{Client, Findings};
use crate::random::Random;

/// The file's channel.
const STAYS: &str = "[[channel]]\nname = \"stays\"\ninput = \"test\"\npreset = \"ultrafast\"\nladder = [\"144p15\"]\nsegment = 1\nwindow = 60\n";
/// Between two looks of a client.
const LOOK: Duration = Duration::from_millis(500);
/// What a player buffers before it plays.
const BUFFER: Duration = Duration::from_secs(3);
/// A kill comes within so many microseconds of when a call is begun: some come before it is read, most while it is made, some after.
const MOMENT_US: u64 = 12_000;
/// One that was killed within this time is started again late: roles that carry media are left alone so long, so that it is the kill
/// that is tried, not the pause of a role that dies in a loop.
const SETTLED: Duration = Duration::from_millis(10_500);
/// Roles that carry media.
const CARRIERS: [&str; 3] = ["ingest", "origin", "edge"];
const ENCODERS: &str = "encoders of API channels";

/// What is to be done, at least.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Calls.
    pub calls: u64,
    /// Processes killed.
    pub kills: u64,
    /// The same calls and moments for the same seed.
    pub seed: u64,
}

/// What became of it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Calls that were acknowledged.
    pub acknowledged: u64,
    /// Calls that were cut off, and had been done as a whole all the same.
    pub cut_done: u64,
    /// Calls that were cut off, and had not been done.
    pub cut_undone: u64,
    /// Calls that were refused, for they were signed in the second of a start.
    pub refused: u64,
    /// Kills of each role.
    pub kills: BTreeMap<&'static str, u64>,
    /// What the clients of the channels that stay found.
    pub findings: Findings,
    /// What was broken, in words.
    pub wrong: Vec<String>,
}

impl Tally {
    /// All calls.
    pub const fn calls(&self) -> u64 {
        self.acknowledged + self.cut_done + self.cut_undone + self.refused
    }

    /// All kills.
    pub fn killed(&self) -> u64 {
        self.kills.values().sum()
    }

    /// Adds what became of another.
    pub fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.cut_done += other.cut_done;
        self.cut_undone += other.cut_undone;
        self.refused += other.refused;
        for (role, count) in &other.kills {
            *self.kills.entry(role).or_default() += count;
        }
        self.findings.add(&other.findings);
        self.wrong.extend(other.wrong.iter().cloned());
    }

    /// What of the promise was broken, in words. It says nothing of time.
    pub fn broken(&self) -> Vec<String> {
        let Findings { missing, duplicate, discontinuities, torn, changed, lost, violations, .. } =
            self.findings;
        let counts = [
            (missing, "missing frames"),
            (duplicate, "duplicate frames"),
            (discontinuities, "discontinuities"),
            (torn, "torn segments"),
            (changed, "segments changed"),
            (lost, "segments lost"),
            (violations, "rules of HLS broken"),
        ];
        let counted = counts.iter().filter(|(count, _)| *count > 0);
        let mut broken: Vec<_> =
            counted.map(|(count, what)| format!("{count} {what} in channels that stay")).collect();
        if !broken.is_empty() {
            broken.extend(self.findings.told.iter().cloned());
        }
        broken.extend(self.wrong.iter().cloned());
        broken
    }

    fn call(&mut self, said: &Value) {
        match (said["outcome"].as_str(), said["done"].as_bool()) {
            (Some("acknowledged"), _) => self.acknowledged += 1,
            (Some("cut"), Some(true)) => self.cut_done += 1,
            (Some("cut"), _) => self.cut_undone += 1,
            _ => self.refused += 1,
        }
        self.hear(said);
    }

    fn hear(&mut self, said: &Value) {
        let wrong = said["wrong"].as_array().into_iter().flatten();
        self.wrong.extend(wrong.filter_map(Value::as_str).map(str::to_owned));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, cut_done, cut_undone, refused, .. } = self;
        let kills: Vec<_> = self.kills.iter().map(|(role, count)| format!("{role} {count}")).collect();
        write!(
            to,
            "{} kills ({}) in {} calls: {acknowledged} acknowledged, {cut_done} cut off and done, {cut_undone} cut off and not done, {refused} refused; \
             {} frames in {} segments of the channels that stay",
            self.killed(),
            kills.join(", "),
            self.calls(),
            self.findings.frames,
            self.findings.segments
        )
    }
}

/// Does what `order` asks for; `tell` hears of each call.
///
/// # Panics
/// Where the stack does not start, or the script ends.
pub fn run(order: &Order, tell: &dyn Fn(&Tally)) -> Tally {
    let stack = Stack::start_with_control(STAYS);
    let aws = Clients::of(&stack);
    let mut script = aws.talk("calls.py", &[&order.seed.to_string()]);
    let mut tally = Tally::default();
    let first = script.hear();
    tally.hear(&first);
    let guest = format!("ml-{}", first["stays"].as_str().expect("the id of the channel that stays"));
    let names = ["stays", guest.as_str()];
    let clients = names.map(|name| {
        stack.wait_for_segments(name, 2);
        Mutex::new(Client::new(&stack, name, BUFFER))
    });
    let pids = || names.map(|name| stack.pid_of(&format!("encoder-{name}")));
    let before = pids();
    let over = AtomicBool::new(false);
    let mut hand =
        Hand { stack: &stack, random: Random::new(order.seed), spared: &guest, hit: BTreeMap::new() };
    thread::scope(|scope| {
        let _over = OnDrop(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                clients.iter().for_each(|client| lock(client).look());
                thread::sleep(LOOK);
            }
        });
        while tally.calls() < order.calls || tally.killed() < order.kills {
            let left = order.kills.saturating_sub(tally.killed());
            // Spread over the calls that are left, and at most every second one is hit.
            let among = order.calls.saturating_sub(tally.calls()).max(2 * left);
            script.ask("step");
            if hand.random.below(among.max(1)) < left
                && let Some(role) = hand.kill()
            {
                *tally.kills.entry(role).or_default() += 1;
            }
            tally.call(&script.hear());
            tell(&tally);
        }
        let last = script.ask("end");
        tally.hear(&last);
        let running = last["running"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let wanted: Vec<_> = running.map(|id| format!("encoder-ml-{id}")).collect();
        eventually("the encoders that run are those of the channels that are to run", || {
            (guests(&stack) == wanted).then_some(())
        });
    });
    if pids() != before {
        tally.wrong.push(format!("encoders of channels that stay were {before:?} and are {:?}", pids()));
    }
    for client in clients {
        let mut client = client.into_inner().unwrap_or_else(PoisonError::into_inner);
        client.look();
        client.read_again();
        tally.findings.add(&client.over());
    }
    tally
}

/// Names of the encoders of channels that were made by API, in order.
fn guests(stack: &Stack) -> Vec<String> {
    let folder = std::fs::read_dir(stack.data().join("run")).into_iter().flatten();
    let names = folder.filter_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        Some(name.strip_suffix(".metrics.sock")?.to_owned()).filter(|name| name.starts_with("encoder-ml-"))
    });
    let mut alive: Vec<_> = names.filter(|name| stack.pid_of(name).is_some()).collect();
    alive.sort();
    alive
}

/// What kills.
struct Hand<'a> {
    stack: &'a Stack,
    random: Random,
    /// The API's channel that stays.
    spared: &'a str,
    /// When a role was killed last.
    hit: BTreeMap<&'static str, Instant>,
}

impl Hand<'_> {
    /// Kills one in a moment: control more often than not. The role, where there was one to kill.
    fn kill(&mut self) -> Option<&'static str> {
        let role = match self.random.below(10) {
            chosen @ 0..=2 => CARRIERS[chosen as usize],
            3 => ENCODERS,
            _ => "control",
        };
        let now = Instant::now();
        let is_settled = self.hit.get(role).is_none_or(|hit| now - *hit > SETTLED);
        if CARRIERS.contains(&role) && !is_settled {
            return None;
        }
        let pid = match role {
            ENCODERS => {
                let spared = format!("encoder-{}", self.spared);
                let guests: Vec<_> = guests(self.stack).into_iter().filter(|name| *name != spared).collect();
                let chosen = guests.get(self.random.below(guests.len().max(1) as u64) as usize)?;
                self.stack.pid_of(chosen)?
            }
            role => *self.stack.pids(&format!(" {role} ")).first()?,
        };
        thread::sleep(Duration::from_micros(self.random.below(MOMENT_US)));
        self.stack.kill_pid(pid);
        self.hit.insert(role, now);
        Some(role)
    }
}

/// Ends the threads of a scope, however it is left.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_that_came_late_breaks_nothing_and_one_that_is_missing_does() {
        let mut tally = Tally::default();
        tally.findings.told.push("number 7 came 2.2s after the last".to_owned());
        assert_eq!(tally.broken(), Vec::<String>::new());
        tally.findings.missing = 15;
        assert_eq!(tally.broken()[0], "15 missing frames in channels that stay");
        tally.wrong.push("input 1 was deleted, and is DETACHED".to_owned());
        assert_eq!(tally.broken().len(), 3);
    }
}
