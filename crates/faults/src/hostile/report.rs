//! What a run was like, for people and for machines.

use std::time::Duration;

use e2e::Stack;
use serde_json::{Value, json};

use super::Protocol;
use super::crew::Tally;
use super::site::Site;
use super::watch::{Held, Processes};
use crate::client::Findings;

/// A run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// How long publishes were made.
    pub took: Duration,
    /// What was done, by protocol.
    pub made: [(Protocol, Tally); 4],
    /// What the stack counted meanwhile.
    pub counted: Counters,
    /// What the readers of neighbours found.
    pub neighbours: Vec<(&'static str, Findings)>,
    /// What became of the processes.
    pub processes: Processes,
    /// Log lines that tell of a panic.
    pub panics: Vec<String>,
}

/// Counters of the stack, those of each protocol together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counters {
    /// Refusals and faults, by protocol.
    pub refused: [f64; 4],
    /// Publishers that were let in, and HLS segments that were read, by protocol.
    pub let_in: [f64; 4],
    /// Restarts that the supervisor counted.
    pub restarts: f64,
}

/// The values of `reason` that only one protocol's publishers bring about.
const RTMP_REASONS: [&str; 6] =
    ["unknown_app", "unknown_key", "no_publish", "too_much", "deaf", "connection_cap"];
const SRT_REASONS: [&str; 3] = ["unknown_stream", "passphrase", "overload"];

impl Counters {
    /// As they are now.
    pub fn read(site: &Site) -> Self {
        let text = site.stack.metrics();
        let sum = |name: &str, part: &dyn Fn(&str) -> bool| -> f64 {
            let lines = text.lines().filter(|line| line.starts_with(name) && part(line));
            lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
        };
        let reasons = |row: &[&str]| {
            sum("headwater_ingest_refused_total", &|line| {
                row.iter().any(|reason| line.contains(&format!("\"{reason}\"")))
            })
        };
        let of = |names: &'static [&'static str]| {
            move |line: &str| names.iter().any(|name| line.contains(&format!("channel=\"{name}-")))
        };
        let faults = |names| sum("headwater_ingest_faults_total", &of(names));
        let sessions = |names| sum("headwater_ingest_sessions_total", &of(names));
        Self {
            refused: [
                reasons(&RTMP_REASONS) + faults(&["rtmp"]),
                reasons(&SRT_REASONS) + faults(&["srt"]),
                sum("headwater_ingest_udp_malformed_datagrams_total", &|_| true)
                    + sum("headwater_ingest_udp_stranger_datagrams_total", &|_| true)
                    + faults(&["rtp", "udp"]),
                sum("headwater_ingest_pull_faults_total", &of(&["hls"])) + faults(&["hls"]),
            ],
            let_in: [
                sessions(&["rtmp"]),
                sessions(&["srt"]),
                sessions(&["rtp", "udp"]),
                sum("headwater_ingest_pull_segments_total", &of(&["hls"])),
            ],
            restarts: sum("headwater_supervisor_restarts_total", &|_| true),
        }
    }

    /// How far they rose since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let less = |now: [f64; 4], then: [f64; 4]| std::array::from_fn(|at| now[at] - then[at]);
        Self {
            refused: less(self.refused, before.refused),
            let_in: less(self.let_in, before.let_in),
            restarts: self.restarts - before.restarts,
        }
    }
}

/// Lines of the stack's log that tell of a panic, the first few.
pub fn panics(stack: &Stack) -> Vec<String> {
    stack.log().lines().filter(|line| line.contains("panicked")).take(10).map(str::to_owned).collect()
}

impl Report {
    /// How many publishes were made.
    pub fn publishes(&self) -> u64 {
        self.made.iter().map(|(_, tally)| tally.values().sum::<u64>()).sum()
    }

    /// What is not as it should be, whatever the clock.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = self.processes.broken();
        if self.counted.restarts > 0.0 {
            broken.push(format!("{} restarts", self.counted.restarts));
        }
        broken.extend(self.panics.iter().map(|line| format!("a panic: {line}")));
        for (at, (protocol, tally)) in self.made.iter().enumerate() {
            if tally.values().sum::<u64>() > 0 && self.counted.refused[at] == 0.0 {
                broken.push(format!("{}: nothing was refused", protocol.as_str()));
            }
        }
        for (channel, found) in &self.neighbours {
            let faults = [
                (found.missing, "frames missing"),
                (found.duplicate, "frames twice"),
                (found.discontinuities, "discontinuities"),
                (found.torn, "segments torn"),
                (found.changed, "segments changed"),
                (found.lost, "segments lost"),
                (found.violations, "broken rules of HLS"),
                (u64::from(found.frames == 0), "times nothing came"),
            ];
            let told = faults.into_iter().filter(|(count, _)| *count > 0);
            broken.extend(told.map(|(count, what)| format!("{channel}: {count} {what}")));
        }
        broken
    }

    /// What of the neighbours' times was broken: they hold on a machine that has time.
    pub fn late(&self) -> Vec<String> {
        let stalled = self.neighbours.iter().filter(|(_, found)| found.stalls > 0);
        stalled.map(|(channel, found)| format!("{channel}: {} stalls", found.stalls)).collect()
    }

    /// The tables: protocols, neighbours, processes.
    pub fn tables(&self) -> String {
        let mut lines = vec![
            "| protocol | publishes | ways | let in | refusals and faults counted |".to_owned(),
            "| --- | ---: | ---: | ---: | ---: |".to_owned(),
        ];
        for (at, (protocol, tally)) in self.made.iter().enumerate() {
            let (name, ways) = (protocol.as_str(), tally.len());
            let (count, let_in, refused) =
                (tally.values().sum::<u64>(), self.counted.let_in[at], self.counted.refused[at]);
            lines.push(format!("| {name} | {count} | {ways} | {let_in} | {refused} |"));
        }
        lines.push("\n| neighbour | frames | stalls | longest gap | missing, twice | discontinuities | torn, changed, lost |".to_owned());
        lines.push("| --- | ---: | ---: | ---: | ---: | ---: | ---: |".to_owned());
        for (channel, found) in &self.neighbours {
            let Findings { frames, stalls, missing, duplicate, discontinuities, torn, changed, lost, .. } =
                found;
            let gap = found.longest_gap.as_secs_f64();
            lines.push(format!(
                "| `{channel}` | {frames} | {stalls} | {gap:.1} s | {missing}, {duplicate} | {discontinuities} | {torn}, {changed}, {lost} |"
            ));
        }
        lines.push("\n| process | memory at start / peak / end | descriptors | threads |".to_owned());
        lines.push("| --- | ---: | ---: | ---: |".to_owned());
        for process in &self.processes.all {
            let all = [process.start, process.peak, process.end];
            let row = |of: fn(Held) -> u64| all.map(|held| of(held).to_string()).join(" / ");
            lines.push(format!(
                "| {} | {} MiB | {} | {} |",
                process.name,
                row(|held| held.memory_kib >> 10),
                row(|held| held.descriptors),
                row(|held| held.threads),
            ));
        }
        lines.join("\n")
    }

    /// The same as one line of JSON.
    pub fn json(&self) -> String {
        let protocols: Vec<Value> = self
            .made
            .iter()
            .enumerate()
            .map(|(at, (protocol, tally))| {
                json!({
                    "protocol": protocol.as_str(),
                    "publishes": tally.values().sum::<u64>(),
                    "ways": tally,
                    "let_in": self.counted.let_in[at],
                    "refused": self.counted.refused[at],
                })
            })
            .collect();
        let neighbours: Vec<Value> = self
            .neighbours
            .iter()
            .map(|(channel, found)| {
                json!({
                    "channel": channel,
                    "frames": found.frames,
                    "segments": found.segments,
                    "stalls": found.stalls,
                    "longest_gap_s": found.longest_gap.as_secs_f64(),
                    "missing": found.missing,
                    "duplicate": found.duplicate,
                    "discontinuities": found.discontinuities,
                    "torn": found.torn,
                    "changed": found.changed,
                    "lost": found.lost,
                    "violations": found.violations,
                })
            })
            .collect();
        let held = |held: Held| json!([held.memory_kib, held.descriptors, held.threads]);
        let processes: Vec<Value> = self
            .processes
            .all
            .iter()
            .map(|process| {
                json!({
                    "process": process.name,
                    "start": held(process.start),
                    "peak": held(process.peak),
                    "end": held(process.end),
                    "exited": process.has_exited,
                })
            })
            .collect();
        json!({
            "seed": self.seed,
            "publishes": self.publishes(),
            "seconds": self.took.as_secs_f64(),
            "restarts": self.counted.restarts,
            "panics": self.panics.len(),
            "protocols": protocols,
            "neighbours": neighbours,
            "memory_kib_descriptors_threads": processes,
        })
        .to_string()
    }
}
