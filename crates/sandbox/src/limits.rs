//! What the process may use up.

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};

use crate::{Bounds, Fault};

/// Address space beyond what may be written to: code, and what is reserved and not used.
const RESERVE_BYTES: u64 = 2 << 30;
/// The same for each core: glibc reserves up to eight heaps of 64 MiB, threads 8 MiB of stack.
const RESERVE_BYTES_PER_CORE: u64 = 640 << 20;
/// Memory for the stacks of a core's threads, which count whole: 8 MiB each, of decoders and of every rung's encoder.
const STACK_BYTES_PER_CORE: u64 = 64 << 20;
/// Threads: those of the codecs follow the cores and the ladder; far above both.
const THREADS: u64 = 4_096;

/// Sets them; none can be raised again without a privilege that goes next.
pub(crate) fn set(bounds: &Bounds) -> Result<(), Fault> {
    if bounds.nice > 0 {
        setpriority_process(None, bounds.nice).map_err(Fault::at("niceness"))?;
    }
    let reserve = RESERVE_BYTES + RESERVE_BYTES_PER_CORE * bounds.cores as u64;
    let memory = bounds.memory_bytes + STACK_BYTES_PER_CORE * bounds.cores as u64;
    // RLIMIT_DATA is of private memory that can be written to; shared memory counts only in RLIMIT_AS.
    lower(Resource::Data, memory).map_err(Fault::at("limit of memory"))?;
    lower(Resource::As, memory + reserve).map_err(Fault::at("limit of address space"))?;
    lower(Resource::Nofile, bounds.open_files).map_err(Fault::at("limit of open files"))?;
    lower(Resource::Core, 0).map_err(Fault::at("limit of core files"))?;
    lower(Resource::Memlock, 0).map_err(Fault::at("limit of locked memory"))
}

/// Threads of this user in its namespace; outside one it would count all that the user runs.
pub(crate) fn set_threads() -> Result<(), Fault> {
    lower(Resource::Nproc, THREADS).map_err(Fault::at("limit of threads"))
}

fn lower(resource: Resource, wanted: u64) -> rustix::io::Result<()> {
    let least = |limit: Option<u64>| Some(limit.map_or(wanted, |limit| limit.min(wanted)));
    let now = getrlimit(resource);
    // Both ends: a soft limit could be raised again.
    let limit = least(now.maximum);
    setrlimit(resource, Rlimit { current: limit, maximum: limit })
}
