//! Other processes: started, looked into, ended; and other rights for this one.

use std::io;
use std::os::fd::AsRawFd;
use std::process::Command;

use crate::{Anyone, Probe, Root, Untried, at, call, probe};

pub(crate) const PROBES: &[Probe] = &[
    probe("fork", Anyone, |_| forked(call(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0])?)),
    probe("clone3", Anyone, |_| clone3(0)),
    probe("clone3-namespaces", Root, |_| clone3((libc::CLONE_NEWUSER | libc::CLONE_NEWNS) as u64)),
    probe("clone-namespaces", Root, |_| {
        let flags = libc::SIGCHLD | libc::CLONE_NEWUSER | libc::CLONE_NEWNET;
        forked(call(libc::SYS_clone, [flags as usize, 0, 0, 0, 0, 0])?)
    }),
    probe("run-program", Anyone, |_| Command::new("/bin/true").status().map(drop)),
    probe("execve", Anyone, |_| {
        let arguments = [at(c"/bin/true"), 0];
        call(libc::SYS_execve, [at(c"/bin/true"), at(&arguments), 0, 0, 0, 0]).map(drop)
    }),
    probe("execveat", Anyone, |_| {
        let arguments = [at(c"/bin/true"), 0];
        let here = libc::AT_FDCWD as usize;
        call(libc::SYS_execveat, [here, at(c"/bin/true"), at(&arguments), 0, 0, 0]).map(drop)
    }),
    probe("memory-file", Anyone, |_| call(libc::SYS_memfd_create, [at(c"program"), 0, 0, 0, 0, 0]).map(drop)),
    probe("run-descriptor", Untried, |scene| {
        let arguments = [at(c"program"), 0];
        let file = scene.open.as_raw_fd() as usize;
        let empty_path = libc::AT_EMPTY_PATH as usize;
        call(libc::SYS_execveat, [file, at(c""), at(&arguments), 0, empty_path, 0]).map(drop)
    }),
    probe("trace-parent", Root, |scene| {
        // PTRACE_SEIZE does not stop it.
        call(libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, scene.parent, 0, 0, 0, 0]).map(drop)
    }),
    probe("be-traced", Untried, |_| {
        call(libc::SYS_ptrace, [libc::PTRACE_TRACEME as usize, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("read-memory-of-parent", Root, |scene| {
        // Nothing is transferred: whether it may be is what counts.
        call(libc::SYS_process_vm_readv, [scene.parent, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("write-memory-of-parent", Root, |scene| {
        call(libc::SYS_process_vm_writev, [scene.parent, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("read-environment-of-parent", Anyone, |scene| {
        std::fs::read(format!("/proc/{}/environ", scene.parent)).map(drop)
    }),
    probe("read-environment-of-first-process", Root, |_| std::fs::read("/proc/1/environ").map(drop)),
    probe("write-own-memory-file", Anyone, |_| {
        std::fs::OpenOptions::new().write(true).open("/proc/self/mem").map(drop)
    }),
    probe("signal-parent", Anyone, |scene| call(libc::SYS_kill, [scene.parent, 0, 0, 0, 0, 0]).map(drop)),
    probe("signal-everybody", Anyone, |_| call(libc::SYS_kill, [usize::MAX, 0, 0, 0, 0, 0]).map(drop)),
    probe("signal-thread-of-parent", Anyone, |scene| {
        call(libc::SYS_tgkill, [scene.parent, scene.parent, 0, 0, 0, 0]).map(drop)
    }),
    probe("queue-signal-to-parent", Untried, |scene| {
        let information = [0_u64; 16];
        call(libc::SYS_rt_sigqueueinfo, [scene.parent, libc::SIGURG as usize, at(&information), 0, 0, 0])
            .map(drop)
    }),
    probe("handle-of-parent", Anyone, |scene| {
        call(libc::SYS_pidfd_open, [scene.parent, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("take-descriptor", Untried, |scene| {
        call(libc::SYS_pidfd_getfd, [scene.open.as_raw_fd() as usize, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("become-root", Root, |_| call(libc::SYS_setresuid, [0; 6]).map(drop)),
    probe("change-group", Root, |_| call(libc::SYS_setresgid, [0; 6]).map(drop)),
    probe("change-groups", Root, |_| call(libc::SYS_setgroups, [0; 6]).map(drop)),
    probe("new-session", Untried, |_| call(libc::SYS_setsid, [0; 6]).map(drop)),
    probe("new-namespaces", Root, |_| {
        call(libc::SYS_unshare, [(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) as usize, 0, 0, 0, 0, 0])
            .map(drop)
    }),
    probe("back-to-the-network", Root, |scene| {
        call(libc::SYS_setns, [scene.network.as_raw_fd() as usize, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("other-root", Root, |_| call(libc::SYS_chroot, [at(c"/"), 0, 0, 0, 0, 0]).map(drop)),
    probe("mount", Untried, |_| {
        call(libc::SYS_mount, [at(c"none"), at(c"/"), at(c"tmpfs"), 0, 0, 0]).map(drop)
    }),
    probe("unmount", Untried, |_| call(libc::SYS_umount2, [at(c"/"), 0, 0, 0, 0, 0]).map(drop)),
    probe("pivot-root", Untried, |_| call(libc::SYS_pivot_root, [at(c"."), at(c"."), 0, 0, 0, 0]).map(drop)),
    probe("be-dumpable-again", Anyone, |_| prctl(libc::PR_SET_DUMPABLE, 1)),
    probe("outlive-the-parent", Anyone, |_| prctl(libc::PR_SET_PDEATHSIG, 0)),
    probe("lay-another-filter", Untried, |_| prctl(libc::PR_SET_SECCOMP, 2)),
    probe("choose-a-tracer", Untried, |scene| prctl(libc::PR_SET_PTRACER, scene.parent)),
    probe("ambient-capability", Untried, |_| {
        call(libc::SYS_prctl, [libc::PR_CAP_AMBIENT as usize, 2, 21, 0, 0, 0]).map(drop)
    }),
];

fn prctl(option: i32, value: usize) -> io::Result<()> {
    call(libc::SYS_prctl, [option as usize, value, 0, 0, 0, 0]).map(drop)
}

/// Like `fork`, with `flags`.
fn clone3(flags: u64) -> io::Result<()> {
    // struct clone_args: flags first, the signal at its end fifth.
    let arguments = [flags, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    forked(call(libc::SYS_clone3, [at(&arguments), 64, 0, 0, 0, 0])?)
}

/// The child goes at once; the parent has shown that there can be one.
fn forked(child: i64) -> io::Result<()> {
    if child == 0 {
        // SAFETY: ends this process, running nothing of what was copied from the parent.
        unsafe { libc::_exit(0) }
    }
    Ok(())
}
