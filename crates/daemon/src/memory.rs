//! How much memory there is left for this process, and which processes go first where there is none.

use std::fs;
use std::path::{Path, PathBuf};

/// Share of what there is, in hundredths, above which memory is short,
const SHORT_PERCENT: u64 = 90;
/// and below which it is no longer.
const AMPLE_PERCENT: u64 = 80;
/// Limits above this are none: version 1 writes the largest number of pages that there can be.
const NO_LIMIT: u64 = 1 << 60;

/// Whether memory is short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// It is not.
    #[default]
    Ample,
    /// Nine tenths and more are in use: what can be had again, or is wanted by few, goes.
    Short,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether memory is short.
    pub memory: Memory,
    /// It was not so before.
    pub is_new: bool,
    /// How much of the memory is in use, in hundredths.
    pub used_percent: u64,
}

/// Tells operators what a [`Look`] found, where it is another than before; `$short` says what becomes of a shortage. A macro, for an
/// event is of the role whose module tells it.
#[macro_export]
macro_rules! tell_memory {
    ($look:expr, $short:literal) => {{
        let $crate::memory::Look { memory, is_new, used_percent } = $look;
        match memory {
            _ if !is_new => {}
            $crate::memory::Memory::Short => {
                tracing::warn!(event = "memory_short", state = "raised", used_percent, $short);
            }
            $crate::memory::Memory::Ample => {
                tracing::info!(
                    event = "memory_short",
                    state = "cleared",
                    used_percent,
                    "there is enough again"
                );
            }
        }
    }};
}

/// Looks at the memory of the machine, and of every control group that this process is in.
#[derive(Debug)]
pub struct Watch {
    machine: PathBuf,
    /// The innermost first.
    groups: Vec<Group>,
    memory: Memory,
}

/// A control group, by the names of its version's files.
#[derive(Debug)]
struct Group {
    folder: PathBuf,
    limit: &'static str,
    used: &'static str,
    /// In `memory.stat`: file pages, which the kernel takes back.
    files: [&'static str; 2],
}

impl Watch {
    /// Of this process, as its groups are now.
    pub fn start() -> Self {
        Self::below(Path::new("/proc"), Path::new("/sys/fs/cgroup"))
    }

    fn below(proc: &Path, sys: &Path) -> Self {
        let own = fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
        let groups = own.lines().flat_map(|line| groups(line, sys)).collect();
        Self { machine: proc.join("meminfo"), groups, memory: Memory::Ample }
    }

    /// How it is now: as before where nothing can be told.
    pub fn look(&mut self) -> Look {
        let shares = self.groups.iter().map(Group::used_percent).chain([machine_percent(&self.machine)]);
        let used_percent = shares.flatten().max().unwrap_or(0);
        let memory = match used_percent {
            SHORT_PERCENT.. => Memory::Short,
            AMPLE_PERCENT.. => self.memory,
            _ => Memory::Ample,
        };
        let is_new = std::mem::replace(&mut self.memory, memory) != memory;
        Look { memory, is_new, used_percent }
    }
}

/// The groups of a line of `/proc/self/cgroup` that bound memory, up to the root (cgroups(7)).
fn groups(line: &str, sys: &Path) -> Vec<Group> {
    let Some((controllers, path)) = line.split_once(':').and_then(|(_, rest)| rest.split_once(':')) else {
        return Vec::new();
    };
    let (root, limit, used, files) = match controllers {
        "" => (sys.to_owned(), "memory.max", "memory.current", ["inactive_file", "active_file"]),
        _ if controllers.split(',').any(|name| name == "memory") => (
            sys.join("memory"),
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            ["total_inactive_file", "total_active_file"],
        ),
        _ => return Vec::new(),
    };
    let innermost = root.join(path.trim_start_matches('/'));
    let folders = innermost.ancestors().take_while(|folder| folder.starts_with(&root));
    folders.map(|folder| Group { folder: folder.to_owned(), limit, used, files }).collect()
}

impl Group {
    /// `None` where it has no limit.
    fn used_percent(&self) -> Option<u64> {
        let number = |file| fs::read_to_string(self.folder.join(file)).ok()?.trim().parse::<u64>().ok();
        let limit = number(self.limit).filter(|limit| (1..NO_LIMIT).contains(limit))?;
        let used = number(self.used)?;
        let stat = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        let files: u64 = self.files.iter().filter_map(|name| figure(&stat, name)).sum();
        Some(used.saturating_sub(files).saturating_mul(100) / limit)
    }
}

fn machine_percent(meminfo: &Path) -> Option<u64> {
    let text = fs::read_to_string(meminfo).ok()?;
    let (total, left) = (figure(&text, "MemTotal:")?, figure(&text, "MemAvailable:")?);
    (total > 0).then(|| total.saturating_sub(left) * 100 / total)
}

/// The number behind a name at a line's start.
fn figure(text: &str, name: &str) -> Option<u64> {
    let mut words = text.lines().map(str::split_whitespace);
    words.find_map(|mut words| (words.next()? == name).then(|| words.next()?.parse().ok())?)
}

/// Which processes the kernel ends first where memory is used up. It ends the largest; these count as larger by so many
/// thousandths of all there is: near the whole, for a lone encoder may hold most of it. Who makes media offers nothing: what he
/// holds is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sacrifice {
    /// Nothing is lost with it.
    First = 1_000,
    /// Nobody who watches sees that it has gone.
    Second = 990,
    /// It is back at once, and viewers come again.
    Third = 980,
}

/// Where the score lies (proc_pid_oom_score_adj(5)).
const SCORE: &str = "/proc/self/oom_score_adj";

impl Sacrifice {
    /// Makes this process one; the score it had, for [`Self::take_back`].
    pub fn offer(self) -> Option<String> {
        let before = fs::read_to_string(SCORE).ok()?;
        // Relative to what the service was given. Where it cannot be written, the kernel chooses as it likes.
        let score = before.trim().parse::<i32>().ok()? + self as i32;
        fs::write(SCORE, score.min(1_000).to_string()).ok()?;
        Some(before)
    }

    /// Makes this process what it was before.
    pub fn take_back(before: Option<String>) {
        if let Some(before) = before {
            let _ = fs::write(SCORE, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folders as Linux has them, with a group of version 1 and its parent.
    fn watch(root: &Path) -> Watch {
        let (proc, group) = (root.join("proc"), root.join("sys/memory/a/b"));
        fs::create_dir_all(proc.join("self")).expect("makes");
        fs::create_dir_all(&group).expect("makes");
        fs::write(proc.join("self/cgroup"), "4:memory:/a/b\n1:cpu:/\n0::/\n").expect("writes");
        fs::write(proc.join("meminfo"), "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 700 kB\n")
            .expect("writes");
        fs::write(group.join("memory.limit_in_bytes"), "9223372036854771712\n").expect("writes");
        let parent = group.parent().expect("a");
        fs::write(parent.join("memory.limit_in_bytes"), "1000\n").expect("writes");
        fs::write(parent.join("memory.stat"), "cache 7\ntotal_inactive_file 200\ntotal_active_file 50\n")
            .expect("writes");
        Watch::below(&proc, &root.join("sys"))
    }

    #[test]
    fn memory_is_short_from_nine_tenths_of_the_tightest_bound_on_until_a_fifth_is_free() {
        let root = tempfile::tempdir().expect("a folder");
        let mut watch = watch(root.path());
        let uses = |bytes: u64| {
            fs::write(root.path().join("sys/memory/a/memory.usage_in_bytes"), bytes.to_string())
                .expect("writes");
        };
        let mut looks = Vec::new();
        // Of files 250 bytes, which the kernel takes back.
        for bytes in [400, 1_130, 1_150, 1_080, 1_040] {
            uses(bytes);
            let Look { memory, is_new, used_percent } = watch.look();
            looks.push((used_percent, memory, is_new));
        }
        let expected = [
            (30, Memory::Ample, false),
            (88, Memory::Ample, false),
            (90, Memory::Short, true),
            (83, Memory::Short, false),
            (79, Memory::Ample, true),
        ];
        assert_eq!(looks, expected);
    }
}
