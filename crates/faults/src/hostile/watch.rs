//! Processes: that each lives as long as the run, and what it holds.

use std::fs;

use e2e::{Stack, is_alive};

/// What a process may grow by from its start to its peak, in MiB. Ingest may hold 4 MiB of each unfinished RTMP message, and of each
/// fetched HLS stream a segment of 48 MiB and 32 MiB ahead.
const MAX_GROWTH_MIB: u64 = 768;
/// What it may have more at its end than at its start, in MiB: what allocators keep, and what the edge has cached, which has a bound of its
/// own of 512 MB.
const MAX_KEPT_MIB: u64 = 640;
/// Descriptors that may be open at the end beyond those at the start: a target's file at the origin, which is there from its first
/// publisher on, and the connections of its tracks, which are kept for the next one. There are 33 targets.
const MAX_KEPT_DESCRIPTORS: u64 = 100;
/// The same of threads: libsrt has one for each connection, and closes late.
const MAX_KEPT_THREADS: u64 = 8;

/// The stack's processes.
#[derive(Debug)]
pub struct Watch {
    processes: Vec<Process>,
    /// Process ids that came later.
    newcomers: Vec<u32>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its role.
    pub name: String,
    pid: u32,
    /// At the start,
    pub start: Held,
    /// the most of each,
    pub peak: Held,
    /// and at the end.
    pub end: Held,
    /// It ended before the run did.
    pub has_exited: bool,
}

/// What a process holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Resident memory, in KiB.
    pub memory_kib: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

impl Watch {
    /// From now on.
    pub fn begin(stack: &Stack) -> Self {
        let mut processes = Vec::new();
        for pid in [vec![stack.supervisor()], stack.children()].concat() {
            // The peak of memory counts from here.
            let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
            let held = Held::by(pid);
            processes.push(Process {
                name: name(pid),
                pid,
                start: held,
                peak: held,
                end: held,
                has_exited: false,
            });
        }
        Self { processes, newcomers: Vec::new() }
    }

    /// Looks at each.
    pub fn look(&mut self, stack: &Stack) {
        for process in &mut self.processes {
            if !is_alive(process.pid) {
                process.has_exited = true;
                continue;
            }
            let held = Held::by(process.pid);
            process.peak = process.peak.most(held).most(Held { memory_kib: peak_kib(process.pid), ..held });
            process.end = held;
        }
        let known = |pid: &u32| {
            self.processes.iter().any(|process| process.pid == *pid) || self.newcomers.contains(pid)
        };
        let new: Vec<_> = stack.children().into_iter().filter(|pid| !known(pid)).collect();
        self.newcomers.extend(new);
    }

    /// Whether descriptors and threads are about as few as at the start.
    pub fn has_settled(&self) -> bool {
        self.processes.iter().all(Process::has_settled)
    }

    /// The last look.
    pub fn end(mut self, stack: &Stack) -> Processes {
        self.look(stack);
        Processes { all: self.processes, newcomers: self.newcomers.len() as u64 }
    }
}

/// What became of the stack's processes.
#[derive(Clone, Debug)]
pub struct Processes {
    /// Those that were there at the start.
    pub all: Vec<Process>,
    /// So many came later: somebody was restarted.
    pub newcomers: u64,
}

impl Process {
    const fn has_settled(&self) -> bool {
        self.end.descriptors <= self.start.descriptors + MAX_KEPT_DESCRIPTORS
            && self.end.threads <= self.start.threads + MAX_KEPT_THREADS
    }
}

impl Processes {
    /// What is not as it should be.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.newcomers > 0 {
            broken.push(format!("{} processes were started", self.newcomers));
        }
        for process in &self.all {
            let Process { name, start, peak, end, has_exited, .. } = process;
            if *has_exited {
                broken.push(format!("{name}: it exited"));
            }
            let grown = |now: u64| now.saturating_sub(start.memory_kib) >> 10;
            if grown(peak.memory_kib) > MAX_GROWTH_MIB {
                broken.push(format!(
                    "{name}: {} MiB more at its peak than at the start",
                    grown(peak.memory_kib)
                ));
            }
            if grown(end.memory_kib) > MAX_KEPT_MIB {
                broken
                    .push(format!("{name}: {} MiB more at the end than at the start", grown(end.memory_kib)));
            }
            if !process.has_settled() {
                let counts = [start.descriptors, end.descriptors, start.threads, end.threads];
                broken.push(format!("{name}: descriptors and threads at the start and the end: {counts:?}"));
            }
        }
        broken
    }
}

impl Held {
    /// What `pid` holds; nothing where it is gone.
    fn by(pid: u32) -> Self {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |folder| folder.count() as u64);
        Self { memory_kib: status(pid, "VmRSS:"), descriptors, threads: status(pid, "Threads:") }
    }

    fn most(self, other: Self) -> Self {
        Self {
            memory_kib: self.memory_kib.max(other.memory_kib),
            descriptors: self.descriptors.max(other.descriptors),
            threads: self.threads.max(other.threads),
        }
    }
}

fn peak_kib(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

/// A number in the process's status.
fn status(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The role of a process, by its command line; encoders have none, and are told by what the kernel calls them.
fn name(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let program = words.next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    match words.next().filter(|word| !word.is_empty()) {
        Some(role) if program == "headwater" => role.into_owned(),
        _ => {
            fs::read_to_string(format!("/proc/{pid}/comm")).map_or(program, |comm| comm.trim_end().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(start: u64, peak: u64, end: u64) -> Process {
        let held = |mib: u64| Held { memory_kib: mib << 10, descriptors: 10, threads: 1 };
        Process {
            name: "x".to_owned(),
            pid: 1,
            start: held(start),
            peak: held(peak),
            end: held(end),
            has_exited: false,
        }
    }

    #[test]
    fn this_process_holds_memory_and_descriptors() {
        let held = Held::by(std::process::id());
        assert!(held.memory_kib > 0 && held.descriptors > 2 && held.threads > 0, "{held:?}");
    }

    #[test]
    fn what_grew_too_far_exited_or_came_later_is_told() {
        let of = |all: Vec<Process>, newcomers| Processes { all, newcomers }.broken().len();
        assert_eq!(of(vec![process(20, 80, 40)], 0), 0);
        assert_eq!(of(vec![process(20, 2_000, 40), process(20, 700, 700)], 0), 2);
        assert_eq!(of(vec![Process { has_exited: true, ..process(20, 20, 20) }], 1), 2);
    }
}
