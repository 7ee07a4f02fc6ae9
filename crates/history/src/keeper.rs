//! The thread that writes.
//!
//! Each second, for each resolution: the log gets what is new and is synced; where the time has come the head becomes a block; what
//! is too old goes. After a fault of the disk nobody knows what the log holds, so it is written anew, whole, beside the old
//! one, and takes its place.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::block::{Block, sync_folder};
use crate::codec::{Kind, header};
use crate::history::Shared;
use crate::limits::MINUTES;
use crate::tier::{Logged, block_bytes};

/// Time between two rounds: what a kill may take.
const ROUND: Duration = Duration::from_secs(1);

/// A log that is open, and its number.
type Log = Option<(u64, File)>;

pub(crate) fn start(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    Builder::new().name("history".to_owned()).spawn(move || run(&shared))
}

fn run(shared: &Shared) {
    let mut logs: [Log; 2] = [None, None];
    let mut is_failing = false;
    loop {
        let (asked, is_over) = {
            let state = shared.lock();
            let most = shared.limits.memory_bytes;
            let idle = |state: &mut crate::history::State| {
                !state.is_over
                    && state.asked == state.done
                    && state.tiers.iter().all(|tier| tier.bytes() < most)
            };
            let (state, _) =
                shared.bell.wait_timeout_while(state, ROUND, idle).expect("nobody panics with it");
            (state.asked, state.is_over)
        };
        let fault = logs.iter_mut().enumerate().find_map(|(tier, log)| round(shared, tier, log).err());
        if let Some(fault) = &fault
            && !is_failing
        {
            tracing::error!(%fault, "metrics cannot be written to disk; they are kept in memory, and it is tried again");
        }
        is_failing = fault.is_some();
        let mut state = shared.lock();
        state.done = asked;
        state.fault = fault.map(|fault| fault.to_string());
        shared.bell.notify_all();
        drop(state);
        if is_over {
            return;
        }
        if is_failing {
            std::thread::sleep(ROUND);
        }
    }
}

/// One round for one resolution.
fn round(shared: &Shared, tier: usize, log: &mut Log) -> io::Result<()> {
    let (logged, number) = {
        let mut guard = shared.lock();
        let state = &mut *guard;
        let now_s = state.now_s;
        let tier = &mut state.tiers[tier];
        let taken = (tier.take_pending(&state.catalogue), tier.number);
        tier.seal(now_s, shared.limits.memory_bytes);
        taken
    };
    if let Err(fault) = write_log(shared, tier, log, logged, number) {
        *log = None;
        let tier = &mut shared.lock().tiers[tier];
        // Where the head has become one that is sealed, its block replaces the log.
        tier.is_log_lost = tier.number == number;
        return Err(fault);
    }
    write_block(shared, tier)?;
    let (gone, forgotten_s) = {
        let mut guard = shared.lock();
        let state = &mut *guard;
        (state.tiers[tier].outlived(state.now_s, shared.limits.disk_bytes), state.now_s - MINUTES.kept_s)
    };
    if !gone.is_empty() {
        shared.lock().catalogue.forget(forgotten_s);
    }
    gone.iter().try_for_each(|block| fs::remove_file(block.path()))
}

fn write_log(shared: &Shared, tier: usize, log: &mut Log, logged: Logged, number: u64) -> io::Result<()> {
    let (path, step_s) = {
        let tier = &shared.lock().tiers[tier];
        (tier.path(number, "log"), tier.keep.step_s)
    };
    match logged {
        Logged::More(bytes) if bytes.is_empty() => Ok(()),
        Logged::More(bytes) => {
            if log.as_ref().is_none_or(|(open, _)| *open != number) {
                let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
                if file.metadata()?.len() == 0 {
                    file.write_all(&header(Kind::Log, step_s))?;
                    sync_folder(&path)?;
                }
                *log = Some((number, file));
            }
            let (_, file) = log.as_mut().expect("it was opened");
            file.write_all(&bytes)?;
            file.sync_data()
        }
        Logged::Anew(bytes) => {
            *log = None;
            Block::write(&path, &bytes)
        }
    }
}

/// Makes a block of a head that waits for it.
fn write_block(shared: &Shared, tier: usize) -> io::Result<()> {
    let (number, head, keep, series) = {
        let state = shared.lock();
        let Some((number, head)) = state.tiers[tier].sealing.clone() else { return Ok(()) };
        let series: HashMap<_, _> =
            head.iter().filter_map(|(id, _)| Some((id, state.catalogue.series(id)?.clone()))).collect();
        (number, head, state.tiers[tier].keep, series)
    };
    let bytes = block_bytes(&keep, &head, |id| series.get(&id).cloned());
    let (block, log) = {
        let tier = &shared.lock().tiers[tier];
        (tier.path(number, "block"), tier.path(number, "log"))
    };
    Block::write(&block, &bytes)?;
    let ids: HashMap<_, _> =
        series.iter().map(|(id, (metric, unit))| ((metric.as_ref(), *unit), *id)).collect();
    let opened = Block::open(&block, keep.step_s, |(metric, unit), _| ids[&(metric, *unit)])?;
    let opened = opened.ok_or_else(|| io::Error::other("a block is not what was just written"))?;
    {
        let tier = &mut shared.lock().tiers[tier];
        tier.blocks.push(Arc::new(opened));
        tier.sealing = None;
    }
    match fs::remove_file(log) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        _ => Ok(()),
    }
}
