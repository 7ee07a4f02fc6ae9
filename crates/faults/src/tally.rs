//! What became of many faults of one kind, as a row of a table.

use std::time::Duration;

use crate::client::Findings;
use crate::kind::Kind;
use crate::lane::Outcome;

/// Faults of one kind.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The kind.
    pub kind: Kind,
    /// How many.
    pub faults: u64,
    /// After so many the channel did not become healthy.
    pub ill: u64,
    healthy: Vec<Duration>,
    switch: Vec<Duration>,
    /// What the clients found.
    pub findings: Findings,
}

impl Tally {
    /// None yet.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            faults: 0,
            ill: 0,
            healthy: Vec::new(),
            switch: Vec::new(),
            findings: Findings::default(),
        }
    }

    /// One more.
    pub fn add(&mut self, outcome: &Outcome) {
        self.faults += 1;
        match outcome.healthy {
            Some(healthy) => self.healthy.push(healthy),
            None => self.ill += 1,
        }
        self.switch.extend(outcome.switch);
    }

    /// What of the kind's promise was broken, whatever the clock: frames, bytes, rules.
    pub fn broken(&self) -> Vec<String> {
        let promise = self.kind.promise();
        let Findings { missing, duplicate, discontinuities, torn, changed, lost, violations, .. } =
            self.findings;
        let unseen = if self.kind.has_backup() { self.faults - self.switch.len() as u64 } else { 0 };
        [
            (self.ill, "faults after which it was not healthy again"),
            (unseen, "switches that are not in the pictures"),
            (if promise.no_missing { missing } else { 0 }, "missing frames"),
            (duplicate, "duplicate frames"),
            (if promise.no_discontinuities { discontinuities } else { 0 }, "discontinuities"),
            (torn, "torn segments"),
            (changed, "segments that changed"),
            (lost, "segments lost"),
            (violations, "broken rules of HLS"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{}: {count} {what}", self.kind.as_str()))
        .collect()
    }

    /// What of its times was broken: they hold on a machine that has time.
    pub fn late(&self) -> Vec<String> {
        let promise = self.kind.promise();
        let mut late = Vec::new();
        if promise.no_stalls && self.findings.stalls > 0 {
            late.push(format!("{}: {} stalls", self.kind.as_str(), self.findings.stalls));
        }
        let bounds = [
            ("longest switch", promise.switch, percentile(&self.switch, 100)),
            ("95th percentile of times to healthy", promise.healthy_p95, percentile(&self.healthy, 95)),
            ("longest time to healthy", promise.healthy_max, percentile(&self.healthy, 100)),
        ];
        for (what, bound, was) in bounds {
            if let (Some(bound), Some(was)) = (bound, was)
                && was > bound
            {
                late.push(format!("{}: {what} {was:.1?}, over {bound:?}", self.kind.as_str()));
            }
        }
        late
    }

    /// The table's head.
    pub const HEAD: &str = "| kind | faults | stalls | longest gap | missing | duplicate | discontinuities | torn, changed, lost | healthy p50 / p95 / max | switch p50 / p95 / max |\n\
                            | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

    /// Its row.
    pub fn row(&self) -> String {
        let Findings { stalls, missing, duplicate, discontinuities, torn, changed, lost, .. } = self.findings;
        format!(
            "| `{}` | {} | {stalls} | {:.1} s | {missing} | {duplicate} | {discontinuities} | {torn}, {changed}, {lost} | {} | {} |",
            self.kind.as_str(),
            self.faults,
            self.findings.longest_gap.as_secs_f64(),
            spread(&self.healthy),
            spread(&self.switch),
        )
    }
}

/// `p50 / p95 / max` in milliseconds.
fn spread(times: &[Duration]) -> String {
    let at = |percent| percentile(times, percent).map(|time| time.as_millis().to_string());
    match (at(50), at(95), at(100)) {
        (Some(p50), Some(p95), Some(max)) => format!("{p50} / {p95} / {max} ms"),
        _ => "–".to_owned(),
    }
}

/// The smallest time that `percent` of all do not exceed.
fn percentile(times: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(healthy_ms: u64) -> Outcome {
        let healthy = Some(Duration::from_millis(healthy_ms));
        Outcome { healthy, switch: healthy }
    }

    #[test]
    fn percentiles_are_values_that_were_there() {
        let times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Some(Duration::from_millis(50)));
        assert_eq!(percentile(&times, 95), Some(Duration::from_millis(95)));
        assert_eq!(percentile(&times, 100), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&times[..1], 5), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn what_breaks_a_promise_is_named() {
        let mut tally = Tally::new(Kind::InputKilled);
        tally.add(&outcome(300));
        assert_eq!((tally.broken(), tally.late()), (vec![], vec![]));
        tally.add(&Outcome::default());
        tally.findings.missing = 2;
        tally.findings.stalls = 1;
        tally.add(&outcome(700));
        assert_eq!(tally.broken().len(), 3, "{:?}", tally.broken());
        assert_eq!(tally.late().len(), 2, "{:?}", tally.late());
    }

    #[test]
    fn one_encoder_may_leave_frames_out_and_repeat_none() {
        let mut tally = Tally::new(Kind::EncoderKilled);
        tally.findings.missing = 100;
        tally.findings.discontinuities = 1;
        assert!(tally.broken().is_empty());
        tally.findings.duplicate = 1;
        assert_eq!(tally.broken().len(), 1);
    }
}
