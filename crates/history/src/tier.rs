//! Everything of one resolution: what is in memory, its log, the blocks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use metric::Aggregate;

use crate::block::Block;
use crate::catalogue::{Catalogue, SeriesId};
use crate::codec::{Kind, header};
use crate::files::{self, Entry};
use crate::head::Head;
use crate::limits::Keep;

/// What is kept of one resolution. Nothing here waits for a disk but [`Tier::open`].
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) keep: Keep,
    pub(crate) folder: PathBuf,
    head: Head,
    /// Series that the log has given their number since it was opened.
    declared: HashSet<SeriesId>,
    /// Entries for the log.
    pending: Vec<u8>,
    /// Names the log, and the block that is made of it.
    pub(crate) number: u64,
    /// Which span of [`Keep::block_s`] the head began in.
    span: Option<i64>,
    /// A head whose block is not written yet.
    pub(crate) sealing: Option<(u64, Arc<Head>)>,
    pub(crate) blocks: Vec<Arc<Block>>,
    /// The log's state is unknown after a fault; it is written anew from the head.
    pub(crate) is_log_lost: bool,
}

/// What is to be written to a log.
#[derive(Debug)]
pub(crate) enum Logged {
    /// Added at its end.
    More(Vec<u8>),
    /// All of it, in place of what there was.
    Anew(Vec<u8>),
}

impl Tier {
    /// Reads what the folder holds: blocks are opened, the newest log becomes the head, older ones blocks. A log's torn end is cut
    /// off; a damaged block is set aside as `.damaged`.
    pub(crate) fn open(folder: &Path, keep: Keep, catalogue: &mut Catalogue) -> io::Result<Tier> {
        fs::create_dir_all(folder)?;
        let mut found: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let part = |part: Option<&std::ffi::OsStr>| Some(part?.to_str()?.to_owned());
            let (Some(stem), Some(extension)) = (part(path.file_stem()), part(path.extension())) else {
                continue;
            };
            match (stem.parse(), extension.as_str()) {
                (Ok(number), "log" | "block") => found.entry(number).or_default().push(extension),
                (Ok(_), "new") => fs::remove_file(&path)?,
                _ => {}
            }
        }
        let newest = found.keys().next_back().copied().unwrap_or(0);
        let mut tier = Tier {
            keep,
            folder: folder.to_owned(),
            head: Head::default(),
            declared: HashSet::new(),
            pending: Vec::new(),
            number: newest,
            span: None,
            sealing: None,
            blocks: Vec::new(),
            is_log_lost: false,
        };
        for (number, extensions) in found {
            let (log, block) = (tier.path(number, "log"), tier.path(number, "block"));
            if extensions.iter().any(|extension| extension == "block") {
                tier.open_block(&block, catalogue)?;
                if extensions.len() > 1 {
                    // It was finished, and then its log had no time to go.
                    fs::remove_file(&log)?;
                }
                tier.number = number + 1;
            } else {
                let head = read_log(&log, &keep, catalogue)?;
                if number == newest {
                    tier.head = head;
                    tier.number = number;
                } else if !head.is_empty() {
                    Block::write(&block, &block_bytes(&keep, &head, |id| series(catalogue, id)))?;
                    tier.open_block(&block, catalogue)?;
                    fs::remove_file(&log)?;
                } else {
                    fs::remove_file(&log)?;
                }
            }
        }
        Ok(tier)
    }

    fn open_block(&mut self, path: &Path, catalogue: &mut Catalogue) -> io::Result<()> {
        let step_s = self.keep.step_s;
        let opened = Block::open(path, step_s, |(metric, unit), last_step| {
            catalogue.enter(metric, *unit, last_step.saturating_mul(step_s))
        })?;
        match opened {
            Some(block) => self.blocks.push(Arc::new(block)),
            None => {
                tracing::error!(path = %path.display(), "a block of metrics is damaged; it is set aside as .damaged");
                fs::rename(path, path.with_extension("damaged"))?;
            }
        }
        Ok(())
    }

    pub(crate) fn path(&self, number: u64, extension: &str) -> PathBuf {
        self.folder.join(format!("{number:012}.{extension}"))
    }

    /// Adds values, in memory and for the log.
    pub(crate) fn add(&mut self, id: SeriesId, at_s: i64, values: &Aggregate, catalogue: &Catalogue) {
        let step = at_s.div_euclid(self.keep.step_s);
        if !self.is_log_lost {
            if self.declared.insert(id) {
                let (metric, unit) = catalogue.series(id).expect("it was entered");
                files::put_series_entry(id, metric, *unit, &mut self.pending);
            }
            files::put_values_entry(id, step, values, &mut self.pending);
        }
        self.head.add(id, step, values.clone());
    }

    /// The values of a series in memory from step `from` up to `to`, of both heads.
    pub(crate) fn in_memory(&self, id: SeriesId, from: i64, to: i64) -> Vec<(i64, Aggregate)> {
        let sealing = self.sealing.iter().flat_map(|(_, head)| head.between(id, from, to));
        sealing.chain(self.head.between(id, from, to)).cloned().collect()
    }

    /// Bytes of values in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.head.bytes() + self.pending.len()
    }

    /// What the log has not yet.
    pub(crate) fn take_pending(&mut self, catalogue: &Catalogue) -> Logged {
        let pending = std::mem::take(&mut self.pending);
        if !self.is_log_lost {
            return Logged::More(pending);
        }
        let mut bytes = header(Kind::Log, self.keep.step_s).to_vec();
        self.declared.clear();
        for (id, steps) in self.head.iter() {
            let Some((metric, unit)) = catalogue.series(id) else { continue };
            self.declared.insert(id);
            files::put_series_entry(id, metric, *unit, &mut bytes);
            steps.iter().for_each(|(step, values)| files::put_values_entry(id, *step, values, &mut bytes));
        }
        self.is_log_lost = false;
        Logged::Anew(bytes)
    }

    /// Begins a new head and log where the time for a block has come; what was pending is the old log's, and taken before.
    pub(crate) fn seal(&mut self, now_s: i64, most_bytes: usize) {
        let span = now_s.div_euclid(self.keep.block_s);
        let is_over = *self.span.get_or_insert(span) != span;
        if self.sealing.is_some() || self.head.is_empty() || !(is_over || self.bytes() >= most_bytes) {
            return;
        }
        self.sealing = Some((self.number, Arc::new(std::mem::take(&mut self.head))));
        self.declared.clear();
        self.number += 1;
        self.span = Some(span);
    }

    /// Takes blocks out that are too old, or too much; their files are the caller's to remove.
    pub(crate) fn outlived(&mut self, now_s: i64, most_bytes: u64) -> Vec<Arc<Block>> {
        let oldest = (now_s - self.keep.kept_s).div_euclid(self.keep.step_s);
        let (mut gone, stay): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.blocks).into_iter().partition(|block| block.last_step < oldest);
        self.blocks = stay;
        let mut bytes: u64 = self.blocks.iter().map(|block| block.bytes).sum();
        while bytes > most_bytes && !self.blocks.is_empty() {
            let block = self.blocks.remove(0);
            tracing::warn!(path = %block.path().display(), "metrics take too much of the disk; their oldest block goes before its time");
            bytes -= block.bytes;
            gone.push(block);
        }
        gone
    }
}

/// A head's values as a block.
pub(crate) fn block_bytes(
    keep: &Keep,
    head: &Head,
    series: impl Fn(SeriesId) -> Option<(Arc<metric::Metric>, metric::Unit)>,
) -> Vec<u8> {
    let known: Vec<_> = head.iter().filter_map(|(id, steps)| Some((series(id)?, steps))).collect();
    files::write_block(
        keep.step_s,
        known.iter().map(|((metric, unit), steps)| (metric.as_ref(), *unit, steps.as_slice())),
    )
}

fn series(catalogue: &Catalogue, id: SeriesId) -> Option<(Arc<metric::Metric>, metric::Unit)> {
    catalogue.series(id).cloned()
}

/// Reads a log, and cuts off what is not whole. One without a whole header begins anew.
fn read_log(path: &Path, keep: &Keep, catalogue: &mut Catalogue) -> io::Result<Head> {
    let bytes = fs::read(path)?;
    let mut head = Head::default();
    // By the log's number: ours, and the newest step. A number may come to stand for another series, after a restart.
    let mut known: HashMap<u32, (SeriesId, i64)> = HashMap::new();
    let mut newest: Vec<(SeriesId, i64)> = Vec::new();
    let whole = files::read_log(&bytes, keep.step_s, |entry| match entry {
        Entry::Series(number, series) => {
            let id = catalogue.enter(&series.0, series.1, i64::MIN);
            newest.extend(known.insert(number, (id, i64::MIN)));
        }
        Entry::Values(number, step, values) => {
            // Values of a number that nothing stands for cannot be in a whole log.
            let Some((id, last)) = known.get_mut(&number) else { return };
            *last = step.max(*last);
            head.add(*id, step, values);
        }
    });
    for (id, step) in newest.into_iter().chain(known.into_values()) {
        catalogue.seen(id, step.saturating_mul(keep.step_s));
    }
    if whole < bytes.len() {
        tracing::warn!(path = %path.display(), bytes = bytes.len() - whole, "the end of a log of metrics was not whole, and is cut off");
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(whole as u64)?;
        file.sync_all()?;
    }
    Ok(head)
}
