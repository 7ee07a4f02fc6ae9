//! The system calls that are left.
//!
//! Three filters, the strictest answer of which counts: [`FATAL`] calls, which no encoder makes, kill the process, so
//! that the attempt is seen; `clone3` does not exist, since its flags cannot be looked at (libraries then use `clone`);
//! and of all others those in [`allowed`] work. What is in no list is refused with EPERM.

use std::collections::BTreeMap;

use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use crate::Fault;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls made only by whoever has taken the process over.
const FATAL: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
];

/// Calls that work whatever their arguments: on descriptors the process holds, its own memory and threads, and clocks.
const PLAIN: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    libc::SYS_accept4,
    libc::SYS_getsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_ppoll,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    // Its flags are out of a filter's reach; the filter before this one says it does not exist.
    libc::SYS_clone3,
];

/// Calls that newer architectures have no more.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[libc::SYS_poll, libc::SYS_epoll_wait, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[i64] = &[];

/// What a thread is made with, and what no thread is.
const THREAD: u64 = (libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_THREAD) as u64;
const NEW_NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;
/// `prctl`'s name for naming memory, which glibc does.
const PR_SET_VMA: u64 = 0x5356_4d41;

/// Restricts this thread and those it will start.
pub(crate) fn restrict() -> Result<(), Fault> {
    let fault = Fault::at("build the list of system calls");
    let (allow, refuse) = (SeccompAction::Allow, |errno: i32| SeccompAction::Errno(errno.cast_unsigned()));
    let fatal = FATAL.iter().map(|call| (*call, Vec::new())).collect();
    let absent = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let filters = [
        program(fatal, allow.clone(), SeccompAction::KillProcess).map_err(&fault)?,
        program(absent, allow.clone(), refuse(libc::ENOSYS)).map_err(&fault)?,
        program(allowed().map_err(&fault)?, refuse(libc::EPERM), allow).map_err(&fault)?,
    ];
    // The last one lets no further filter be laid.
    filters.iter().try_for_each(|filter| apply_filter(filter)).map_err(Fault::at("seccomp"))
}

fn program(
    rules: Rules,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, listed, architecture)?.try_into()
}

fn allowed() -> Result<Rules, seccompiler::BackendError> {
    // An empty list of rules: whatever the arguments.
    let plain = PLAIN.iter().chain(OLD).map(|call| (*call, Vec::new()));
    let mut rules: Rules = plain.collect();
    let this = u64::from(std::process::id());
    let no_code = || argument(2, Dword, MaskedEq(libc::PROT_EXEC as u64), 0);
    let empty_path = libc::AT_EMPTY_PATH as u64;
    let no_path = |index| argument(index, Dword, MaskedEq(empty_path), empty_path);
    rules.insert(libc::SYS_mmap, vec![rule([no_code()?])?]);
    rules.insert(libc::SYS_mprotect, vec![rule([no_code()?])?]);
    // Threads and no processes.
    let flags = MaskedEq(THREAD | NEW_NAMESPACES);
    rules.insert(libc::SYS_clone, vec![rule([argument(0, Qword, flags, THREAD)?])?]);
    // Of descriptors, not of paths.
    rules.insert(libc::SYS_newfstatat, vec![rule([no_path(3)?])?]);
    rules.insert(libc::SYS_statx, vec![rule([no_path(2)?])?]);
    // To whom the socket is connected, and to nobody else.
    rules.insert(libc::SYS_sendto, vec![rule([argument(4, Qword, Eq, 0)?])?]);
    // To itself: how a process aborts.
    rules.insert(libc::SYS_tgkill, vec![rule([argument(0, Dword, Eq, this)?])?]);
    // Asking for a limit, not setting one.
    rules.insert(libc::SYS_prlimit64, vec![rule([argument(0, Dword, Eq, 0)?, argument(2, Qword, Eq, 0)?])?]);
    rules.insert(libc::SYS_ioctl, one_of(1, &[libc::FIONBIO, libc::FIOCLEX])?);
    rules.insert(libc::SYS_prctl, one_of(0, &[libc::PR_SET_NAME as u64, PR_SET_VMA])?);
    let descriptors = [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL, libc::F_DUPFD_CLOEXEC];
    rules.insert(libc::SYS_fcntl, one_of(1, &descriptors.map(|command| command as u64))?);
    Ok(rules)
}

fn one_of(index: u8, values: &[u64]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    values.iter().map(|value| rule([argument(index, Dword, Eq, *value)?])).collect()
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(conditions.into())
}

fn argument(
    index: u8,
    length: SeccompCmpArgLen,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(index, length, operator, value)
}
