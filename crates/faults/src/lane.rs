//! One stack, one channel, its publishers and its client; faults in it, one after the other.
//!
//! - [`inputs`]: faults of publishers.
//! - [`processes`]: roles that are killed.

mod inputs;
mod processes;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use e2e::Stack;
use rustix::process::Signal;
use serde_json::Value;

use crate::client::{Client, Findings};
use crate::events::{Events, is_event};
use crate::kind::{self, BUFFER, CHANNEL, Kind};
use crate::line::Line;
use crate::publisher::{self, Publisher, Side};
use crate::random::Random;

/// Between two looks of the client.
const LOOK: Duration = Duration::from_millis(150);
/// A fault whose consequence does not come in this time has none.
const PATIENCE: Duration = Duration::from_secs(30);
/// From when a segment begins until the client has it, at most, as a rule.
const ARRIVAL: Duration = Duration::from_millis(2_500);
/// Waits are random within a segment, so that faults come at every moment of one.
const PHASE_MS: u64 = 1_000;

/// What became of one fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// From the fault until the channel was healthy again, as [`Kind::healthy`] says; `None`: it was not.
    pub healthy: Option<Duration>,
    /// For how long no input was shown at a switch; `None` where it was not to be seen, or there was none.
    pub switch: Option<Duration>,
}

/// A publisher and its connection.
struct Input {
    publisher: Publisher,
    line: Line,
}

/// The lane's parts, for the faults of each kind.
struct Lane<'a, 's> {
    kind: Kind,
    stack: &'a Stack,
    client: &'a Mutex<Client<'s>>,
    events: Events,
    random: Random,
    inputs: [Input; 2],
    folder: &'a Path,
    /// The input that is shown.
    shown: Side,
    /// When a process was hit last.
    hit_at: Option<Instant>,
}

/// Makes `count` faults of `kind`, told one by one to `tell`; what the client found meanwhile. The stack's log is left at `log`.
///
/// # Panics
/// Where the stack does not start or a channel does not come on the air.
pub fn run(
    kind: Kind,
    count: u64,
    seed: u64,
    log: Option<&Path>,
    tell: &(dyn Fn(&Outcome) + Sync),
) -> Findings {
    let stack = Stack::start_with(&kind::channel(kind), &[("HEADWATER_LOG_FORMAT", "json")]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inputs = [(Side::Primary, "k3y-a"), (Side::Backup, "k3y-b")].map(|(side, key)| {
        let line = Line::to(stack.rtmp_address()).expect("a free port");
        let url = format!("rtmp://{}/live/{key}", line.address());
        Input { publisher: Publisher::new(publisher::material(folder.path(), side), url), line }
    });
    let mut events = Events::follow(&stack.log_path()).expect("the stack has a log");
    stack.wait_for_segments(CHANNEL, 2);
    let client = Mutex::new(Client::new(&stack, CHANNEL, BUFFER));
    events.now();
    let mut lane = Lane {
        kind,
        stack: &stack,
        client: &client,
        events,
        random: Random::new(seed),
        inputs,
        folder: folder.path(),
        shown: Side::Primary,
        hit_at: None,
    };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                lock(&client).look();
                thread::sleep(LOOK);
            }
        });
        // However the lane ends, the client ends too: the scope waits for it.
        let _over = OnDrop(&over);
        lane.begin();
        for _ in 0..count {
            let outcome = lane.fault();
            tell(&outcome);
        }
        lane.settle();
    });
    drop(lane);
    let mut client = client.into_inner().unwrap_or_else(PoisonError::into_inner);
    client.look();
    client.read_again();
    if let Some(log) = log {
        std::fs::copy(stack.log_path(), log).expect("room for the log");
    }
    client.over()
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn lock<'c, 'a>(client: &'c Mutex<Client<'a>>) -> MutexGuard<'c, Client<'a>> {
    client.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Now, in seconds since the epoch.
fn epoch_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

impl Lane<'_, '_> {
    /// Publishers come, and the channel shows them.
    fn begin(&mut self) {
        self.inputs[0].publisher.start(0);
        self.expect("the primary is shown", |line| is_event(line, "fill", "cleared"));
        if self.kind.has_backup() {
            self.inputs[1].publisher.start(0);
            let came = |line: &Value| is_event(line, "input_fault", "cleared") && line["input"] == "backup";
            self.expect("the backup has come", came);
        }
        self.settle();
    }

    fn fault(&mut self) -> Outcome {
        self.settle_process();
        let phase = self.random.between_ms(0, PHASE_MS);
        thread::sleep(phase);
        self.events.now();
        match self.kind {
            Kind::InputKilled | Kind::InputReset | Kind::InputFrozen => self.cut_shown(),
            Kind::InputAway => self.cut_only(),
            Kind::EncoderKilled => self.kill_encoder(),
            Kind::EncoderAway | Kind::PipelinesAway => self.keep_encoders_away(),
            Kind::PipelineKilled => self.hit_pipeline(Signal::KILL),
            Kind::PipelineFrozen => self.hit_pipeline(Signal::STOP),
            Kind::OriginKilled => self.kill_origin(),
            Kind::IngestKilled => self.kill_ingest(),
            Kind::EdgeKilled => self.kill_edge(),
        }
    }

    /// Long enough for all that was encoded until now to have reached the client.
    fn settle(&self) {
        thread::sleep(Duration::from_secs(3));
    }

    fn input(&mut self, side: Side) -> &mut Input {
        &mut self.inputs[side as usize]
    }

    /// A line that must come.
    fn expect(&mut self, what: &str, is: impl Fn(&Value) -> bool) {
        let came = self.events.wait(PATIENCE, is);
        assert!(came.is_some(), "{what}: never\n{}", self.stack.log_tail());
    }

    /// How long until a line came, from `since` on.
    fn until(&mut self, since: Instant, is: impl Fn(&Value) -> bool) -> Option<Duration> {
        self.events.wait(PATIENCE, is).map(|_| since.elapsed())
    }

    /// Asks until there is an answer; how long that took, from `since` on.
    fn until_answered(&self, since: Instant, url: &str) -> Option<Duration> {
        while since.elapsed() < PATIENCE {
            if self.stack.fetch(url).is_some_and(|answer| answer.status == 200) {
                return Some(since.elapsed());
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}
