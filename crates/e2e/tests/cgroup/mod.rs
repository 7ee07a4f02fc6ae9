//! A control group with a bound, below this process's own; gone when dropped.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io};

/// The period in which processor time is counted, in microseconds.
const PERIOD_US: u32 = 100_000;

/// What is in it goes back to this process's group when it is dropped.
pub(crate) struct Group {
    folder: PathBuf,
    parent: PathBuf,
    version: Version,
}

#[derive(Clone, Copy)]
enum Version {
    One,
    Two,
}

impl Group {
    /// One whose processes share so many hundredths of a core.
    pub(crate) fn with_cpu(percent: u32) -> io::Result<Self> {
        let quota_us = PERIOD_US / 100 * percent;
        let group = Self::of("cpu")?;
        match group.version {
            Version::One => {
                group.set("cpu.cfs_period_us", PERIOD_US)?;
                group.set("cpu.cfs_quota_us", quota_us)?;
            }
            Version::Two => group.set("cpu.max", format!("{quota_us} {PERIOD_US}"))?,
        }
        Ok(group)
    }

    /// One whose memory is counted, and may be bounded.
    pub(crate) fn of_memory() -> io::Result<Self> {
        let group = Self::of("memory")?;
        group.memory_used()?;
        Ok(group)
    }

    /// One whose threads are counted, and may be bounded.
    pub(crate) fn of_threads() -> io::Result<Self> {
        let group = Self::of("pids")?;
        group.threads()?;
        Ok(group)
    }

    /// Bytes in use that the kernel cannot take back.
    pub(crate) fn memory_used(&self) -> io::Result<u64> {
        let (used, files) = match self.version {
            Version::One => ("memory.usage_in_bytes", ["total_inactive_file", "total_active_file"]),
            Version::Two => ("memory.current", ["inactive_file", "active_file"]),
        };
        let stat = fs::read_to_string(self.folder.join("memory.stat"))?;
        let of_files = stat.lines().filter_map(|line| line.split_once(' '));
        let of_files = of_files.filter(|(name, _)| files.contains(name));
        let of_files: u64 = of_files.filter_map(|(_, bytes)| bytes.parse::<u64>().ok()).sum();
        Ok(self.read(used)?.saturating_sub(of_files))
    }

    /// There shall be no more memory than this, in bytes; `None`: no bound.
    pub(crate) fn bound_memory(&self, bytes: Option<u64>) -> io::Result<()> {
        match (self.version, bytes) {
            (Version::One, None) => self.set("memory.limit_in_bytes", -1),
            (Version::One, Some(bytes)) => self.set("memory.limit_in_bytes", bytes),
            (Version::Two, None) => self.set("memory.max", "max"),
            (Version::Two, Some(bytes)) => self.set("memory.max", bytes),
        }
    }

    /// Threads in it.
    pub(crate) fn threads(&self) -> io::Result<u64> {
        self.read("pids.current")
    }

    /// There shall be no more threads than this; `None`: no bound.
    pub(crate) fn bound_threads(&self, threads: Option<u64>) -> io::Result<()> {
        self.set("pids.max", threads.map_or_else(|| "max".to_owned(), |threads| threads.to_string()))
    }

    /// The file into which a process writes its id to be in it.
    pub(crate) fn door(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Moves a process into it.
    pub(crate) fn take(&self, pid: u32) -> io::Result<()> {
        fs::write(self.door(), pid.to_string())
    }

    fn of(controller: &str) -> io::Result<Self> {
        match own(controller).map(|own| Path::new("/sys/fs/cgroup").join(controller).join(own)) {
            Some(parent) if parent.is_dir() => Self::below(parent, Version::One),
            _ => {
                let own = own("").ok_or(io::ErrorKind::NotFound)?;
                Self::below(Path::new("/sys/fs/cgroup").join(own), Version::Two)
            }
        }
    }

    fn below(parent: PathBuf, version: Version) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("headwater-test-{}-{number}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Self { folder, parent, version })
    }

    fn set(&self, file: &str, value: impl ToString) -> io::Result<()> {
        fs::write(self.folder.join(file), value.to_string())
    }

    fn read(&self, file: &str) -> io::Result<u64> {
        let text = fs::read_to_string(self.folder.join(file))?;
        text.trim().parse().map_err(io::Error::other)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let inside = fs::read_to_string(self.door()).unwrap_or_default();
        for pid in inside.lines() {
            // It may have gone.
            let _ = fs::write(self.parent.join("cgroup.procs"), pid);
        }
        let _ = fs::remove_dir(&self.folder);
    }
}

/// This process's group of `controller`, below the controller's root; of version 2 where there is no name.
fn own(controller: &str) -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let is_it = controllers.split(',').any(|name| name == controller);
        is_it.then(|| PathBuf::from(path.trim_start_matches('/')))
    })
}
