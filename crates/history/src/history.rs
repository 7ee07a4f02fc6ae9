//! The history itself: what is recorded, and what is asked.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use media::Utc;
use metric::{Aggregate, Metric, Unit};

use crate::block::Block;
use crate::catalogue::{Catalogue, Filter, SeriesId};
use crate::files::Steps;
use crate::keeper;
use crate::limits::{Keep, Limits, MINUTES, SECONDS};
use crate::sample::{Resolution, Sample, Span};
use crate::tier::Tier;

/// What metrics were. Shared by all who record and ask; the last one to let go writes what is left.
#[derive(Debug)]
pub struct History {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
    /// Held as long as the files are ours.
    _lock: File,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// Something changed: for the keeper, and for those who wait for it.
    pub(crate) bell: Condvar,
    pub(crate) limits: Limits,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) catalogue: Catalogue,
    /// Minutes, and seconds.
    pub(crate) tiers: [Tier; 2],
    pub(crate) now_s: i64,
    /// Rounds of the keeper that were asked for, and done, and the last one's fault.
    pub(crate) asked: u64,
    pub(crate) done: u64,
    pub(crate) fault: Option<String>,
    pub(crate) is_over: bool,
}

/// Why values are not taken. None of those that came with them is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There are too many metrics.
    #[error(
        "there are {0} metrics already, which is the limit; those without values for 15 days go by themselves"
    )]
    TooManySeries(usize),
    /// Their names take too much.
    #[error(
        "the names and dimensions of all metrics take {0} bytes, which is the limit; use shorter or fewer"
    )]
    TooManyNames(usize),
    /// The disk does not take what is in memory.
    #[error("metrics cannot be written to disk fast enough; look at the log, and at the disk's room")]
    Behind,
}

/// Why a history does not open.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum OpenFault {
    #[error("the metrics' folder `{}` cannot be read or written", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the metrics' folder `{}` is in use by another process", path.display())]
    InUse { path: PathBuf },
}

/// A file does not give back what was written.
#[derive(Debug, thiserror::Error)]
#[error("metrics in `{}` cannot be read: {why}", path.display())]
pub struct Damaged {
    path: PathBuf,
    why: String,
}

impl History {
    /// Opens the history in a folder, and makes it where there is none.
    pub fn open(folder: &Path, limits: Limits, now: Utc) -> Result<History, OpenFault> {
        let fault = |source| OpenFault::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(fault)?;
        let lock = File::create(folder.join("lock")).map_err(fault)?;
        lock.try_lock().map_err(|_| OpenFault::InUse { path: folder.to_owned() })?;
        let now_s = now.0.div_euclid(1_000_000);
        let mut catalogue = Catalogue::new(limits);
        let mut open = |keep: Keep| Tier::open(&folder.join(keep.name), keep, &mut catalogue);
        let tiers = [open(MINUTES).map_err(fault)?, open(SECONDS).map_err(fault)?];
        let state = State { catalogue, tiers, now_s, asked: 0, done: 0, fault: None, is_over: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), bell: Condvar::new(), limits });
        let keeper = keeper::start(shared.clone()).map_err(fault)?;
        Ok(History { shared, keeper: Some(keeper), _lock: lock })
    }

    /// Takes values, all or none, in memory: they are on disk within a second or so.
    pub fn record(&self, samples: &[Sample], now: Utc) -> Result<(), Refused> {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        let now_s = now.0.div_euclid(1_000_000);
        state.now_s = state.now_s.max(now_s);
        state.catalogue.check(samples)?;
        let most = self.shared.limits.memory_bytes;
        if state.tiers.iter().any(|tier| tier.bytes() >= 2 * most) {
            return Err(Refused::Behind);
        }
        for Sample { metric, unit, at_s, resolution, values } in samples {
            let id = state.catalogue.enter(metric, *unit, *at_s);
            let [minutes, seconds] = &mut state.tiers;
            minutes.add(id, *at_s, values, &state.catalogue);
            if *resolution == Resolution::Second && *at_s > now_s - SECONDS.kept_s {
                seconds.add(id, *at_s, values, &state.catalogue);
            }
        }
        if state.tiers.iter().any(|tier| tier.bytes() >= most) {
            self.shared.bell.notify_all();
        }
        Ok(())
    }

    /// Tells the time where nothing is recorded, so that blocks are made and old ones go.
    pub fn tick(&self, now: Utc) {
        let mut state = self.shared.lock();
        state.now_s = state.now_s.max(now.0.div_euclid(1_000_000));
    }

    /// The values of a metric by period, those periods that have any, oldest first. Without a unit those of all units count
    /// together. A period is told by its start.
    pub fn range(
        &self,
        metric: &Metric,
        unit: Option<Unit>,
        span: Span,
    ) -> Result<Vec<(i64, Aggregate)>, Damaged> {
        let keep = if span.period_s < 60 { SECONDS } else { MINUTES };
        // A step belongs to the period in which it begins.
        let step = |at_s: i64| (at_s - 1).div_euclid(keep.step_s) + 1;
        let (from, to) = (step(span.start_s), step(span.end_s));
        let (ids, blocks, in_memory) = {
            let state = self.shared.lock();
            let tier = &state.tiers[usize::from(span.period_s < 60)];
            let units = state.catalogue.units(metric).iter();
            let asked = units.filter(|(known, _)| unit.is_none_or(|unit| unit == *known));
            let ids: Vec<SeriesId> = asked.map(|(_, id)| *id).collect();
            let in_memory: Steps = ids.iter().flat_map(|id| tier.in_memory(*id, from, to)).collect();
            let within = |block: &&Arc<Block>| block.first_step < to && block.last_step >= from;
            let blocks: Vec<Arc<Block>> = match ids.is_empty() {
                true => Vec::new(),
                false => tier.blocks.iter().filter(within).cloned().collect(),
            };
            (ids, blocks, in_memory)
        };
        let mut periods: Steps = Vec::new();
        let mut add = |steps: Steps| {
            for (step, values) in steps {
                if (from..to).contains(&step) {
                    merge(&mut periods, span.period_of(step * keep.step_s), values);
                }
            }
        };
        for block in blocks {
            for id in &ids {
                let damaged = |why: String| Damaged { path: block.path().to_owned(), why };
                let steps = block.steps(*id).map_err(|fault| damaged(fault.to_string()))?;
                add(steps.ok_or_else(|| damaged("its checksum is another".to_owned()))?);
            }
        }
        add(in_memory);
        Ok(periods)
    }

    /// The units a metric has values in.
    pub fn units(&self, metric: &Metric) -> Vec<Unit> {
        self.shared.lock().catalogue.units(metric).iter().map(|(unit, _)| *unit).collect()
    }

    /// Metrics in their order, at most `limit`; `after` is the last one of the list before.
    pub fn list(&self, filter: &Filter, after: Option<&Metric>, limit: usize) -> Vec<Metric> {
        self.shared.lock().catalogue.list(filter, after, limit)
    }

    /// How many series there are.
    pub fn series(&self) -> usize {
        self.shared.lock().catalogue.len()
    }

    /// Waits until all that was recorded before is on disk.
    ///
    /// # Errors
    /// What the disk said, in words. It is tried again each second.
    pub fn flush(&self) -> Result<(), String> {
        let mut state = self.shared.lock();
        state.asked += 1;
        let mine = state.asked;
        self.shared.bell.notify_all();
        while state.done < mine {
            state = self.shared.bell.wait(state).expect("nobody panics with it");
        }
        state.fault.clone().map_or(Ok(()), Err)
    }
}

/// Adds values to a period of these, which rise. Most come in order, so the place is at the end.
fn merge(periods: &mut Steps, period: i64, values: Aggregate) {
    match periods.last_mut() {
        Some((last, there)) if *last == period => return there.merge(&values),
        Some((last, _)) if *last > period => {}
        _ => return periods.push((period, values)),
    }
    match periods.binary_search_by_key(&period, |(start, _)| *start) {
        Ok(at) => periods[at].1.merge(&values),
        Err(at) => periods.insert(at, (period, values)),
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.bell.notify_all();
        if let Some(keeper) = self.keeper.take()
            && keeper.join().is_err()
        {
            tracing::error!("the thread that writes metrics has panicked");
        }
    }
}
