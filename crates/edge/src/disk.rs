//! The disk tier: large objects that live long are written to files of their own, and outlive memory and restarts.
//!
//! One file an object, because a file leaves by `sendfile` as it is, going is an `unlink`, and readers of what has gone
//! keep their descriptor; a slab would need compaction around its readers. At 16 KiB and more an object, and bounded in
//! number, the folder stays of a size that is read back in moments. A file is written under another name and renamed when
//! it is whole; nothing waits for the disk to have it, for a checksum over the body is looked at before the first byte
//! leaves: what a power cut tore is dropped, never served. That reading also brings the body into the page cache, so
//! that serving threads never wait for the disk.
//!
//! [`index`] knows what is there and what has to go, [`files`] the form on disk, [`work`] the threads that touch it.

mod files;
mod index;
mod work;

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::StatusCode;
use http_cache::purge::Pattern;
use http_cache::record::Record;
use http_cache::{Cost, Key};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::Disk as Config;
use crate::object::Object;
use crate::store::Purge;
use files::Folder;
pub(crate) use files::now_ms;
use index::Index;

/// Smaller objects stay in memory: the origin's window holds them anyway, and each file costs a descriptor to read.
const MIN_BYTES: u64 = 16 * 1024;
/// An object that is fresh for less is not worth a write. Parts and playlists live shorter.
const MIN_LIFE: Duration = Duration::from_secs(60);
/// One object takes at most one in this many bytes of the room.
const MAX_SHARE: u64 = 8;
/// Files at once.
const MAX_FILES: u64 = 256 * 1024;
/// Objects that wait to be written; more are not kept on disk, and counted.
const WRITE_QUEUE: usize = 64;
/// Requests that wait to be read; more are fetched from the origin, and counted.
const READ_QUEUE: usize = 256;
/// Reading threads.
const READERS: usize = 2;
/// How long a request waits for the disk before the origin is asked.
const READ_PATIENCE: Duration = Duration::from_secs(1);
/// How long the writer may go on with what is queued at the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// The tier, as the cache sees it.
#[derive(Debug)]
pub(crate) struct Disk {
    shared: Arc<Shared>,
    reads: SyncSender<work::Read>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    folder: Folder,
    max_object: u64,
    index: Mutex<Index>,
    results: [AtomicU64; Outcome::LABELS.len()],
}

/// What came of touching the disk; a counter's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Read,
    Written,
    /// Its checksum was wrong.
    Damaged,
    ReadFailed,
    WriteFailed,
    /// A queue was full, or the disk too slow.
    Busy,
    Evicted,
}

impl Outcome {
    pub(crate) const LABELS: [&str; 7] =
        ["read", "written", "damaged", "read_failed", "write_failed", "busy", "evicted"];
}

/// An object read back: its head has been checked, and its body.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) record: Record,
    pub(crate) file: File,
    /// Where the body begins.
    pub(crate) start: u64,
}

/// What [`Disk::figures`] tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DiskFigures {
    pub(crate) used: Cost,
    pub(crate) objects: u64,
    pub(crate) outcomes: [u64; Outcome::LABELS.len()],
}

impl Disk {
    /// Starts the tier; it fills its index behind the scenes and is used from then on.
    pub(crate) fn start(config: &Config) -> std::io::Result<Arc<Disk>> {
        let room = Cost { bytes: config.bytes, handles: MAX_FILES };
        let (writes, to_write) = sync_channel(WRITE_QUEUE);
        let (reads, to_read) = sync_channel(READ_QUEUE);
        let shared = Arc::new(Shared {
            folder: Folder::new(config.path.clone()),
            max_object: config.bytes / MAX_SHARE,
            index: Mutex::new(Index::new(room, writes)),
            results: Default::default(),
        });
        let to_read = Arc::new(Mutex::new(to_read));
        for number in 0..READERS {
            let (shared, to_read) = (shared.clone(), to_read.clone());
            std::thread::Builder::new()
                .name(format!("disk-read-{number}"))
                .spawn(move || work::read_all(&shared, &to_read))?;
        }
        let writer = std::thread::Builder::new().name("disk-write".to_owned()).spawn({
            let shared = shared.clone();
            move || work::write_all(&shared, &to_write)
        })?;
        Ok(Arc::new(Disk { shared, reads, writer: Mutex::new(Some(writer)) }))
    }

    /// Keeps `object` on disk where it is worth that. Called with the lock that `key` is under in memory, so that a purge
    /// finds it in one place or the other. Waits for nothing.
    pub(crate) fn offer(&self, key: &Key, object: &Arc<Object>, now: Instant) {
        let Some(whole) = object.whole() else { return };
        let worth = object.status == StatusCode::OK
            && (MIN_BYTES..=self.shared.max_object).contains(&whole.body.len())
            && object.lifetime.left(now) >= MIN_LIFE;
        if !worth || !object.offer_to_disk() {
            return;
        }
        let mut index = self.shared.index();
        let Some(id) = index.reserve(key) else { return };
        let write = work::Write { key: key.clone(), id, object: object.clone() };
        match index.writes.as_ref().map(|writes| writes.try_send(write)) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => {
                index.forget(key, id);
                self.shared.count(Outcome::Busy);
            }
            Some(Err(TrySendError::Disconnected(_))) | None => index.forget(key, id),
        }
    }

    /// The object under `key`, where it is on disk and whole.
    pub(crate) async fn load(&self, key: &Key) -> Option<Loaded> {
        let id = self.shared.index().find(key)?;
        let (answer, answered) = oneshot::channel();
        if self.reads.try_send(work::Read { key: key.clone(), id, answer }).is_err() {
            self.shared.count(Outcome::Busy);
            return None;
        }
        match timeout(READ_PATIENCE, answered).await {
            Ok(loaded) => loaded.ok().flatten(),
            Err(_) => {
                self.shared.count(Outcome::Busy);
                None
            }
        }
    }

    /// From now until [`Purging`] is dropped, nothing that `pattern` means is read or taken in.
    pub(crate) fn purging(self: &Arc<Self>, pattern: &Pattern) -> Purging {
        self.shared.index().purging.push(pattern.clone());
        Purging { disk: self.clone(), pattern: pattern.clone() }
    }

    pub(crate) fn figures(&self) -> DiskFigures {
        let index = self.shared.index();
        let outcomes = std::array::from_fn(|at| self.shared.results[at].load(Ordering::Relaxed));
        DiskFigures { used: index.used(), objects: index.objects() as u64, outcomes }
    }

    /// Takes no more, and waits a while for what is queued to be written.
    pub(crate) fn close(&self) {
        self.shared.index().writes = None;
        let writer = self.writer.lock().expect("nothing panics while it holds the thread").take();
        let end = Instant::now() + CLOSE_PATIENCE;
        if let Some(writer) = writer {
            while !writer.is_finished() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// A purge under way.
#[derive(Debug)]
pub(crate) struct Purging {
    disk: Arc<Disk>,
    pattern: Pattern,
}

impl Purging {
    /// Takes out what the pattern means; returns how many objects that were. Touches the disk.
    pub(crate) fn run(&self, mode: Purge) -> usize {
        let shared = &self.disk.shared;
        let mut after = self.pattern.start().to_owned();
        let mut gone = 0;
        loop {
            // So many at a time under the lock.
            let (met, last) = shared.index().take(&self.pattern, &after, mode == Purge::Exact);
            gone += met.len();
            for id in met {
                match mode {
                    Purge::Exact => shared.folder.remove(id),
                    Purge::Soft => shared.folder.mark_stale(id),
                }
            }
            match last {
                Some(key) => after = key,
                None => return gone,
            }
        }
    }
}

impl Drop for Purging {
    fn drop(&mut self) {
        let mut index = self.disk.shared.index();
        if let Some(at) = index.purging.iter().position(|pattern| *pattern == self.pattern) {
            index.purging.swap_remove(at);
        }
    }
}

impl Shared {
    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().expect("nothing panics while it holds the index")
    }

    fn count(&self, outcome: Outcome) {
        self.results[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }
}
