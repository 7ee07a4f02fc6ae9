//! More memory, time and rights over memory than was given.

use std::io;

use crate::{Anyone, BOUNDS, Probe, Root, Scene, at, call, probe};

/// More than the limit and the stacks of the one core.
const BEYOND: usize = 1 << 30;

pub(crate) const PROBES: &[Probe] = &[
    probe("memory-beyond-the-limit", Anyone, |_| {
        map(BEYOND, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE)
    }),
    probe("shared-memory-beyond-the-limit", Anyone, |_| {
        map(16 << 30, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_NORESERVE)
    }),
    probe("heap-beyond-the-limit", Anyone, |_| {
        let mut held: Vec<u8> = Vec::new();
        held.try_reserve_exact(BEYOND).map_err(io::Error::other)
    }),
    probe("map-code", Anyone, |_| map(4_096, libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE)),
    probe("make-code", Anyone, |_| {
        let page = mapped(4_096, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE)?;
        let code = (libc::PROT_READ | libc::PROT_EXEC) as usize;
        call(libc::SYS_mprotect, [page, 4_096, code, 0, 0, 0]).map(drop)
    }),
    probe("lock-memory", Anyone, |_| {
        call(libc::SYS_mlock, [at(&[0_u8; 64]) & !4_095, 4_096, 0, 0, 0, 0]).map(drop)
    }),
    probe("open-files-beyond-the-limit", Anyone, |scene: &Scene| {
        let copies: io::Result<Vec<_>> = (0..BOUNDS.open_files).map(|_| scene.open.try_clone()).collect();
        copies.map(drop)
    }),
    probe("raise-limits", Root, |_| {
        let limit = [1_u64 << 40, 1 << 40];
        call(libc::SYS_prlimit64, [0, libc::RLIMIT_DATA as usize, at(&limit), 0, 0, 0]).map(drop)
    }),
    probe("limits-of-parent", Anyone, |scene: &Scene| {
        let mut limit = [0_u64; 2];
        let limit = std::ptr::from_mut(&mut limit) as usize;
        call(libc::SYS_prlimit64, [scene.parent, libc::RLIMIT_NOFILE as usize, 0, limit, 0, 0]).map(drop)
    }),
    probe("be-less-nice", Root, |_| {
        call(libc::SYS_setpriority, [0, 0, -5_isize as usize, 0, 0, 0]).map(drop)
    }),
    probe("be-real-time", Root, |_| {
        call(libc::SYS_sched_setscheduler, [0, 1, at(&1_i32), 0, 0, 0]).map(drop)
    }),
    probe("choose-cores", Anyone, |_| {
        call(libc::SYS_sched_setaffinity, [0, 128, at(&[0xFF_u8; 128]), 0, 0, 0]).map(drop)
    }),
];

fn mapped(bytes: usize, protection: i32, kind: i32) -> io::Result<usize> {
    let kind = (kind | libc::MAP_ANONYMOUS) as usize;
    call(libc::SYS_mmap, [0, bytes, protection as usize, kind, usize::MAX, 0]).map(|page| page as usize)
}

fn map(bytes: usize, protection: i32, kind: i32) -> io::Result<()> {
    mapped(bytes, protection, kind).map(drop)
}
