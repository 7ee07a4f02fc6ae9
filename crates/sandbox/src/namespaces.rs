//! Namespaces of its own: an empty network, an empty root folder, nobody to talk to.

use std::fs;

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::process::{chdir, getgid, getuid, pivot_root};

use crate::{Fault, limits};

/// Where the empty root is mounted before it becomes the root: a folder every Linux has.
const PLACE: &str = "/proc";

/// Leaves the host's namespaces. Where the host gives no user namespace, root has the others all the same.
pub(crate) fn leave() -> Result<(), Fault> {
    let others = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    match unshare(others | CloneFlags::CLONE_NEWUSER) {
        Ok(()) => {
            // Itself and nobody else. Unmapped it would work as well: the user is only a name in there.
            fs::write("/proc/self/setgroups", "deny").map_err(Fault::at("give up groups"))?;
            fs::write("/proc/self/uid_map", format!("{user} {user} 1")).map_err(Fault::at("map the user"))?;
            fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
                .map_err(Fault::at("map the group"))?;
            limits::set_threads()?;
        }
        Err(_) => unshare(others).map_err(Fault::at("new namespaces"))?,
    }
    empty_root().map_err(Fault::at("an empty root folder"))
}

fn empty_root() -> rustix::io::Result<()> {
    // Nothing done here may reach the host's mounts.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("none", PLACE, "tmpfs", flags, Some(c"size=4k,mode=0555"))?;
    chdir(PLACE)?;
    // The old root comes to lie on top of the new one, and goes (pivot_root(2), "pivot_root(".", ".")").
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")
}
