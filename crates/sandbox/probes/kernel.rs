//! The kernel's wide doors.

use std::fs::File;

use crate::{Anyone, Probe, Root, Untried, at, call, probe};

/// Room for any structure a call here looks at.
const ZEROS: [u64; 32] = [0; 32];

pub(crate) const PROBES: &[Probe] = &[
    probe("io-uring", Untried, |_| {
        call(libc::SYS_io_uring_setup, [1, at(&[0_u64; 32]), 0, 0, 0, 0]).map(drop)
    }),
    probe("bpf", Root, |_| {
        // BPF_MAP_CREATE: an array of one entry of eight bytes.
        let mut attributes = [0_u32; 32];
        attributes[..4].copy_from_slice(&[2, 4, 8, 1]);
        call(libc::SYS_bpf, [0, at(&attributes), 128, 0, 0, 0]).map(drop)
    }),
    probe("perf-event", Untried, |_| {
        call(libc::SYS_perf_event_open, [at(&ZEROS), 0, usize::MAX, usize::MAX, 0, 0]).map(drop)
    }),
    probe("add-key", Untried, |_| {
        // To the process's own ring, -2.
        call(libc::SYS_add_key, [at(c"user"), at(c"probe"), at(b"x"), 1, -2_isize as usize, 0]).map(drop)
    }),
    probe("keyring", Untried, |_| call(libc::SYS_keyctl, [0, -2_isize as usize, 1, 0, 0, 0]).map(drop)),
    probe("user-faults", Root, |_| call(libc::SYS_userfaultfd, [0; 6]).map(drop)),
    probe("kernel-module", Untried, |_| call(libc::SYS_finit_module, [0, at(c""), 0, 0, 0, 0]).map(drop)),
    probe("other-kernel", Untried, |_| call(libc::SYS_kexec_load, [0; 6]).map(drop)),
    probe("swap", Untried, |_| call(libc::SYS_swapon, [at(c"/nothing"), 0, 0, 0, 0, 0]).map(drop)),
    probe("kernel-log", Root, |_| {
        // SYSLOG_ACTION_SIZE_BUFFER
        call(libc::SYS_syslog, [10, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("set-clock", Untried, |_| call(libc::SYS_clock_settime, [0, at(&ZEROS), 0, 0, 0, 0]).map(drop)),
    probe("host-name", Untried, |_| call(libc::SYS_sethostname, [at(b"x"), 1, 0, 0, 0, 0]).map(drop)),
    probe("personality", Anyone, |_| call(libc::SYS_personality, [0xFFFF_FFFF, 0, 0, 0, 0, 0]).map(drop)),
    probe("physical-memory", Untried, |_| File::open("/dev/mem").map(drop)),
    probe("kernel-settings", Anyone, |_| File::open("/proc/sys/kernel/hostname").map(drop)),
    probe("type-into-terminal", Untried, |_| {
        call(libc::SYS_ioctl, [0, libc::TIOCSTI as usize, at(b"x"), 0, 0, 0]).map(drop)
    }),
    probe("shared-memory", Anyone, |_| {
        let id = call(libc::SYS_shmget, [0, 4_096, 0o1600, 0, 0, 0])?;
        call(libc::SYS_shmctl, [id as usize, 0, 0, 0, 0, 0]).map(drop)
    }),
    probe("message-queue", Anyone, |_| {
        let id = call(libc::SYS_msgget, [0, 0o1600, 0, 0, 0, 0])?;
        call(libc::SYS_msgctl, [id as usize, 0, 0, 0, 0, 0]).map(drop)
    }),
    #[cfg(target_arch = "x86_64")]
    probe("segments", Anyone, |_| call(libc::SYS_modify_ldt, [0, at(&[0_u8; 16]), 16, 0, 0, 0]).map(drop)),
    #[cfg(target_arch = "x86_64")]
    probe("hardware-ports", Untried, |_| call(libc::SYS_iopl, [3, 0, 0, 0, 0, 0]).map(drop)),
];
