//! What is believed of each origin, and which of them one request asks when.
//!
//! ```text
//!  Good --no head in time, a failing status--> Doubtful --3 failures, no answer between--> Down
//!    ^------------ 10 heads in time -------------'   ^-------- its probe answers ----------'
//!  Good, Doubtful --refused, reset, broke off--> Down, probed after 1 s, 2 s, 4 s … 30 s
//! ```
//!
//! One that is down is not asked while another is up, but for its probes: one request each, which the next origin joins
//! as soon as the probe is late. Nobody is refused because every origin is down: then they are asked all the same.

use std::time::{Duration, Instant};

mod pace;

use pace::Pace;

/// What the beliefs rest on.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// After so long without a head from a good origin, the next is asked too; sooner, down to `doubtful_patience`, where
    /// its heads have come sooner so far.
    pub(crate) good_patience: Duration,
    /// The same for one in doubt.
    pub(crate) doubtful_patience: Duration,
    /// Failures without an answer between them that take an origin down, where one alone does not.
    pub(crate) failures: u32,
    /// Heads in time that end the doubt.
    pub(crate) in_time: u32,
    /// From going down to the first probe.
    pub(crate) first_probe: Duration,
    /// Each probe that fails doubles the wait for the next, up to this.
    pub(crate) longest_probe: Duration,
}

impl Rules {
    /// The rules for an edge that waits so long for an origin in doubt.
    pub(crate) fn new(doubtful_patience: Duration) -> Rules {
        Rules {
            good_patience: (doubtful_patience * 4).max(Duration::from_secs(1)),
            doubtful_patience,
            failures: 3,
            in_time: 10,
            first_probe: Duration::from_secs(1),
            longest_probe: Duration::from_secs(30),
        }
    }
}

/// What is believed of one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It answers.
    Good,
    /// It was late or failed, or is just back.
    Doubtful {
        /// Since its last answer.
        failures: u32,
        /// Since it was last late.
        in_time: u32,
    },
    /// It is not asked but for a probe.
    Down {
        /// Between the last probe, or the failure, and the next probe.
        wait: Duration,
        /// When the next is due.
        probe_at: Instant,
        /// A probe is under way. Nothing waits for it: one that is never heard of again is followed by the next.
        probing: bool,
    },
}

/// What an origin did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Refused, reset, or broke an answer off.
    Connection,
    /// Sent no head in time, and another did; or nothing at all in the time a request has.
    Slow,
    /// Answered with a status that says it failed.
    Status,
}

impl Fault {
    pub(crate) const LABELS: [&str; 3] = ["connection", "slow", "status"];
}

/// What a request asks of an origin's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// An answer as soon as it can.
    Prompt,
    /// The origin may hold it until there is something to say, as a blocking playlist reload: its silence says nothing.
    Held,
}

/// What is believed of every origin of an edge, in their order.
#[derive(Debug)]
pub(crate) struct Health {
    rules: Rules,
    origins: Vec<State>,
    paces: Vec<Pace>,
    changes: u64,
}

impl Health {
    /// `count` origins, all good.
    pub(crate) fn new(count: usize, rules: Rules) -> Health {
        Health { rules, origins: vec![State::Good; count], paces: vec![Pace::default(); count], changes: 0 }
    }

    /// In the origins' order.
    pub(crate) fn states(&self) -> &[State] {
        &self.origins
    }

    /// Rises whenever a state turned into another: whoever waits by the old one should look again.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// `origin` failed.
    pub(crate) fn failed(&mut self, origin: usize, fault: Fault, now: Instant) {
        let down = |wait| State::Down { wait, probe_at: now + wait, probing: false };
        let first = self.rules.first_probe;
        let next = match (self.origins[origin], fault) {
            (State::Down { wait, probing: true, .. }, _) => down((wait * 2).min(self.rules.longest_probe)),
            (known @ State::Down { probing: false, .. }, _) => known,
            (_, Fault::Connection) => down(first),
            (State::Good, _) if self.rules.failures > 1 => State::Doubtful { failures: 1, in_time: 0 },
            (State::Doubtful { failures, .. }, _) if failures + 1 < self.rules.failures => {
                State::Doubtful { failures: failures + 1, in_time: 0 }
            }
            (State::Good | State::Doubtful { .. }, _) => down(first),
        };
        self.turn(origin, next);
    }

    /// `origin` has sent no head in time. It may still.
    fn late(&mut self, origin: usize) {
        let next = match self.origins[origin] {
            State::Good => State::Doubtful { failures: 0, in_time: 0 },
            State::Doubtful { failures, .. } => State::Doubtful { failures, in_time: 0 },
            down @ State::Down { .. } => down,
        };
        self.turn(origin, next);
    }

    /// `origin` sent a head that is no failure, in time or not.
    fn answered(&mut self, origin: usize, in_time: bool) {
        let next = match self.origins[origin] {
            State::Good => State::Good,
            State::Doubtful { in_time: before, .. } if in_time && before + 1 >= self.rules.in_time => {
                State::Good
            }
            State::Doubtful { in_time: before, .. } => {
                State::Doubtful { failures: 0, in_time: if in_time { before + 1 } else { 0 } }
            }
            State::Down { .. } => State::Doubtful { failures: 0, in_time: u32::from(in_time) },
        };
        self.turn(origin, next);
    }

    fn turn(&mut self, origin: usize, next: State) {
        let kind = std::mem::discriminant(&self.origins[origin]);
        self.changes += u64::from(kind != std::mem::discriminant(&next));
        self.origins[origin] = next;
    }

    fn is_down(&self, origin: usize) -> bool {
        matches!(self.origins[origin], State::Down { .. })
    }

    fn is_good(&self, origin: usize) -> bool {
        self.origins[origin] == State::Good
    }

    fn patience(&self, origin: usize) -> Duration {
        match self.origins[origin] {
            State::Good => {
                let (least, most) = (self.rules.doubtful_patience, self.rules.good_patience);
                self.paces[origin].limit().map_or(most, |limit| limit.clamp(least, most))
            }
            State::Doubtful { .. } | State::Down { .. } => self.rules.doubtful_patience,
        }
    }

    /// The origin to ask next, of those that were not `tried`; to join one that is asked already, or as the only one.
    fn choose(&self, tried: &[usize], wait: Wait, joins: bool, now: Instant) -> Option<usize> {
        let left = || (0..self.origins.len()).filter(|origin| !tried.contains(origin));
        let up = left().find(|origin| !self.is_down(*origin));
        let due = |origin: &usize| match self.origins[*origin] {
            State::Down { probe_at, .. } => probe_at <= now,
            State::Good | State::Doubtful { .. } => false,
        };
        // A request that may be held would keep a probe waiting for its answer.
        let probe = if wait == Wait::Prompt { left().find(due) } else { None };
        match (up, probe) {
            (Some(up), Some(probe)) if probe < up && !joins => Some(probe),
            (Some(up), _) => Some(up),
            (None, Some(probe)) => Some(probe),
            (None, None) if joins => None,
            (None, None) => left().min_by_key(|origin| match self.origins[*origin] {
                State::Down { probe_at, .. } => Some(probe_at),
                State::Good | State::Doubtful { .. } => None,
            }),
        }
    }

    /// `origin` is about to be asked.
    fn ask(&mut self, origin: usize, now: Instant) {
        if let State::Down { wait, probe_at, probing } = &mut self.origins[origin]
            && *probe_at <= now
        {
            (*probe_at, *probing) = (now + *wait, true);
        }
    }
}

/// One request's way through the origins: fed with what became of those it asked.
#[derive(Debug)]
pub(crate) struct Plan {
    wait: Wait,
    /// In the order they were asked.
    tried: Vec<usize>,
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    origin: usize,
    at: Instant,
    late: bool,
}

/// What a request does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Asks this origin, besides those it has asked already.
    Ask(usize),
    /// Waits for those it asked, until then at most.
    Wait(Option<Instant>),
    /// Gives up: every origin was asked and failed.
    GiveUp,
}

impl Plan {
    pub(crate) fn new(wait: Wait) -> Plan {
        Plan { wait, tried: Vec::new(), asked: Vec::new() }
    }

    /// What to do now; to be called again until it says to wait, and after anything happened, the time or a change in
    /// `health` included.
    pub(crate) fn step(&mut self, health: &mut Health, now: Instant) -> Step {
        let Some(newest) = self.asked.last_mut() else {
            return match health.choose(&self.tried, self.wait, false, now) {
                Some(origin) => self.ask(origin, health, now),
                None => Step::GiveUp,
            };
        };
        let Some(next) = health.choose(&self.tried, self.wait, true, now) else { return Step::Wait(None) };
        match self.wait {
            // Its own silence says nothing; that others were kept waiting does.
            Wait::Held if health.is_good(newest.origin) => Step::Wait(None),
            Wait::Held => self.ask(next, health, now),
            Wait::Prompt => {
                let late_at = newest.at + health.patience(newest.origin);
                if now < late_at {
                    return Step::Wait(Some(late_at));
                }
                newest.late = true;
                health.late(newest.origin);
                self.ask(next, health, now)
            }
        }
    }

    /// `origin`, which was asked, failed.
    pub(crate) fn failed(&mut self, health: &mut Health, origin: usize, fault: Fault, now: Instant) {
        self.asked.retain(|asked| asked.origin != origin);
        // One that holds its answer for too long has perhaps nothing to say.
        if (self.wait, fault) != (Wait::Held, Fault::Slow) {
            health.failed(origin, fault, now);
        }
    }

    /// `origin` was to be asked, and this machine had not what that takes: which says nothing of it.
    pub(crate) fn not_reached(&mut self, origin: usize) {
        self.asked.retain(|asked| asked.origin != origin);
    }

    /// `origin`, which was asked, sent a head that is no failure, and not the one that is wanted.
    pub(crate) fn passed_over(&mut self, health: &mut Health, origin: usize, now: Instant) {
        let Some(at) = self.asked.iter().position(|asked| asked.origin == origin) else { return };
        let asked = self.asked.remove(at);
        let time = now.saturating_duration_since(asked.at);
        health.answered(origin, time <= health.rules.doubtful_patience || self.wait == Wait::Held);
    }

    /// `origin`, which was asked, sent the head that is taken; the others are let go.
    pub(crate) fn answered(&mut self, health: &mut Health, origin: usize, now: Instant) {
        for asked in std::mem::take(&mut self.asked) {
            if asked.origin == origin {
                let time = now.saturating_duration_since(asked.at);
                if self.wait == Wait::Prompt {
                    health.paces[origin].took(time);
                }
                health.answered(origin, time <= health.rules.doubtful_patience || self.wait == Wait::Held);
            } else if asked.late {
                health.failed(asked.origin, Fault::Slow, now);
            }
        }
    }

    /// The origin that was asked first.
    pub(crate) fn first(&self) -> Option<usize> {
        self.tried.first().copied()
    }

    fn ask(&mut self, origin: usize, health: &mut Health, now: Instant) -> Step {
        health.ask(origin, now);
        self.tried.push(origin);
        self.asked.push(Asked { origin, at: now, late: false });
        Step::Ask(origin)
    }
}

#[cfg(test)]
mod tests;
