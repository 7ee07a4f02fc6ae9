//! A control group with a bound, below this process's own; gone when dropped.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The period in which processor time is counted, in microseconds.
const PERIOD_US: u32 = 100_000;

/// What is in it goes back to this process's group when it is dropped.
pub(crate) struct Group {
    folder: PathBuf,
    parent: PathBuf,
}

impl Group {
    /// One whose processes share so many hundredths of a core.
    pub(crate) fn with_cpu(percent: u32) -> io::Result<Self> {
        let quota_us = PERIOD_US / 100 * percent;
        match own("cpu").map(|own| Path::new("/sys/fs/cgroup/cpu").join(own)).filter(|own| own.is_dir()) {
            Some(parent) => {
                let group = Self::below(parent)?;
                fs::write(group.folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(group.folder.join("cpu.cfs_quota_us"), quota_us.to_string())?;
                Ok(group)
            }
            None => {
                let own = own("").ok_or(io::ErrorKind::NotFound)?;
                let group = Self::below(Path::new("/sys/fs/cgroup").join(own))?;
                fs::write(group.folder.join("cpu.max"), format!("{quota_us} {PERIOD_US}"))?;
                Ok(group)
            }
        }
    }

    fn below(parent: PathBuf) -> io::Result<Self> {
        let folder = parent.join(format!("headwater-test-{}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Self { folder, parent })
    }

    /// Moves a process into it.
    pub(crate) fn take(&self, pid: u32) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.procs"), pid.to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let inside = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
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
