//! The thread that writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use manifest::TrackName;
use media::{ChannelName, Utc};

use super::Record;
use super::folder::{Folder, Written};
use super::health::{Change, Health, Reason, Ticket};
use crate::Error;
use crate::metrics::Metrics;

/// Records that may wait for the thread; beyond, segments stay in memory only.
const QUEUE_RECORDS: usize = 1_024;
/// Bytes of segments that may wait for the disk; beyond, new ones stay in memory only.
const QUEUE_BYTES: i64 = 128 << 20;
/// Of those, as many as a disk that fails is waited for with; beyond, the oldest stay in memory only.
const HELD_BYTES: i64 = QUEUE_BYTES / 2;
/// How much a power cut may cost a publisher that does not ask what is durable.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Files that make room at once on a full disk.
const DELETED_AT_ONCE: usize = 4;

enum Message {
    Write(ChannelName, Record, Ticket),
    /// Segments that end before this are listed no longer.
    Oldest(ChannelName, Utc),
    /// A channel is opened or closed; what came before is on disk, as far as the disk allows, when the sender is dropped.
    Open(ChannelName, SyncSender<()>),
    Close(ChannelName, SyncSender<()>),
}

/// Hands records to the thread; never waits for the disk.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    queue: SyncSender<Message>,
    root: PathBuf,
    shared: Shared,
}

/// What the thread and everybody else see.
#[derive(Clone, Debug)]
struct Shared {
    /// Bytes that wait to be written.
    waiting: Arc<AtomicI64>,
    health: Arc<Mutex<Health>>,
    metrics: Metrics,
}

impl Log {
    /// Keeps a record, or, where the disk is too far behind, does not, and says so.
    pub(crate) fn keep(&self, channel: &ChannelName, record: Record) {
        let now = Instant::now();
        let bytes = record.payload().len() as i64;
        let full = self.shared.waiting.load(Ordering::Relaxed) + bytes > QUEUE_BYTES;
        let (ticket, change) = {
            let mut health = self.shared.health();
            (health.enter(now), health.look(now))
        };
        self.shared.tell(change);
        let message = Message::Write(channel.clone(), record, ticket);
        // Before it is sent: the thread may be done with it in a moment.
        self.shared.waits(bytes);
        let sent = if full { Err(TrySendError::Full(message)) } else { self.queue.try_send(message) };
        if sent.is_err() {
            self.shared.waits(-bytes);
            self.shared.health().leave(ticket);
            self.shared.skipped(channel);
        }
    }

    /// Tells what is out of the window. Lost where the queue is full: the next one says more.
    pub(crate) fn oldest(&self, channel: &ChannelName, oldest: Utc) {
        let _ = self.queue.try_send(Message::Oldest(channel.clone(), oldest));
    }

    /// Makes a channel's folder, and keeps what comes from then on. Waits for the thread.
    pub(crate) fn open(&self, channel: &ChannelName) -> Result<(), Error> {
        let path = self.root.join(channel.as_str());
        match fs::create_dir_all(&path) {
            Err(error) if is_disk_fault(&error) => self.shared.fault(channel, &error),
            made => made.map_err(|source| Error::LogFolder { path, source })?,
        }
        self.tell(|told| Message::Open(channel.clone(), told));
        Ok(())
    }

    /// Writes what there is of a channel and lets go of its files. Waits for the thread.
    pub(crate) fn close(&self, channel: &ChannelName) {
        self.tell(|told| Message::Close(channel.clone(), told));
    }

    fn tell(&self, message: impl FnOnce(SyncSender<()>) -> Message) {
        let (done, wait) = sync_channel(0);
        // A thread that has gone has let go of everything.
        if self.queue.send(message(done)).is_ok() {
            let _ = wait.recv();
        }
    }

    /// Up to where the track's segments are on disk, in its ticks.
    pub(crate) fn durable(&self, channel: &ChannelName, track: &TrackName) -> Option<i64> {
        self.shared.health().durable(channel, track)
    }
}

/// How far the disk is behind, for scrapes.
#[derive(Clone, Debug)]
pub(crate) struct Lag(Arc<Mutex<Health>>);

impl Lag {
    pub(crate) fn ms(&self) -> i64 {
        let lag = self.0.lock().expect("nobody panics with it locked").lag(Instant::now());
        i64::try_from(lag.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Shared {
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().expect("nobody panics with it locked")
    }

    fn waits(&self, bytes: i64) {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        self.metrics.log_queue_bytes.inc_by(bytes);
    }

    fn skipped(&self, channel: &ChannelName) {
        self.metrics.log_skipped.inc();
        tracing::warn!(%channel, "log: the disk is behind, a segment is kept in memory only");
        let change = self.health().fault(Reason::Slow, Instant::now());
        self.tell(change);
    }

    fn fault(&self, channel: &ChannelName, error: &io::Error) {
        self.metrics.log_errors.inc();
        let reason = if is_full(error) { Reason::Full } else { Reason::Fault };
        let change = self.health().fault(reason, Instant::now());
        self.tell(change);
        tracing::warn!(%channel, %error, "log: not written; it is tried again in a new file");
    }

    fn tell(&self, change: Option<Change>) {
        let free_bytes = self.metrics.disk_free_bytes.get();
        match change {
            None => {}
            Some(Change::Raised(reason)) => {
                self.metrics.disk_degraded.set(1);
                tracing::warn!(
                    event = "disk_degraded",
                    state = "raised",
                    reason = reason.as_str(),
                    free_bytes,
                    "live goes on from memory; the window on disk is shorter"
                );
            }
            Some(Change::Cleared) => {
                self.metrics.disk_degraded.set(0);
                tracing::info!(
                    event = "disk_degraded",
                    state = "cleared",
                    free_bytes,
                    "the disk keeps everything"
                );
            }
        }
    }
}

/// No room: bytes, files, or quota.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What a disk does that worked before and may work again; everything else is a mistake in the set-up.
pub(super) fn is_disk_fault(error: &io::Error) -> bool {
    let is_io_error = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    is_full(error) || is_io_error || error.kind() == io::ErrorKind::ReadOnlyFilesystem
}

/// Starts the thread. It ends when every [`Log`] is gone and everything is written.
pub(crate) fn start(root: PathBuf, metrics: Metrics) -> Result<(Log, Lag, JoinHandle<()>), Error> {
    let health = Arc::<Mutex<Health>>::default();
    let shared = Shared { waiting: Arc::default(), health, metrics };
    shared.metrics.disk_degraded.set(0);
    let (queue, messages) = sync_channel(QUEUE_RECORDS);
    let writer = Writer { folders: Vec::new(), root: root.clone(), shared: shared.clone() };
    let thread = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || writer.run(&messages))
        .map_err(Error::LogThread)?;
    let lag = Lag(shared.health.clone());
    Ok((Log { queue, root, shared }, lag, thread))
}

struct Writer {
    root: PathBuf,
    folders: Vec<(ChannelName, Folder)>,
    shared: Shared,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        let mut sync_at = Instant::now();
        loop {
            let left = sync_at.saturating_duration_since(Instant::now());
            match messages.recv_timeout(left) {
                Ok(Message::Write(channel, record, ticket)) => match self.index(&channel) {
                    Some(index) => {
                        self.folders[index].1.take(ticket, record);
                        self.write(index);
                    }
                    None => self.leave(ticket, &record),
                },
                Ok(Message::Oldest(channel, oldest)) => {
                    if let Some(index) = self.index(&channel) {
                        self.folders[index].1.delete_before(oldest);
                    }
                }
                Ok(Message::Open(channel, _done)) => {
                    if self.index(&channel).is_none() {
                        let folder = Folder::at(self.root.join(channel.as_str()));
                        self.folders.push((channel, folder));
                    }
                }
                Ok(Message::Close(channel, _done)) => self.close(&channel),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= sync_at {
                self.sync();
                self.look();
                sync_at = Instant::now() + SYNC_EVERY;
            }
        }
        // The last try.
        for (_, folder) in &mut self.folders {
            folder.retry_now();
        }
        self.sync();
    }

    /// The place of a channel's folder; none where it was closed: a body that was under way brings more.
    fn index(&self, channel: &ChannelName) -> Option<usize> {
        self.folders.iter().position(|(name, _)| name == channel)
    }

    /// A record that is not kept.
    fn leave(&self, ticket: Ticket, record: &Record) {
        self.shared.waits(-(record.payload().len() as i64));
        self.shared.health().leave(ticket);
    }

    /// Writes what a folder has, once more where the disk failed, and lets go of it.
    fn close(&mut self, channel: &ChannelName) {
        let Some(index) = self.index(channel) else { return };
        self.folders[index].1.retry_now();
        self.write(index);
        self.sync();
        let (_, mut folder) = self.folders.swap_remove(index);
        while let Some((ticket, record)) = folder.drop_oldest() {
            self.leave(ticket, &record);
        }
    }

    /// Writes what waits in a folder. On a full disk the oldest files make room: after a restart the newest segments are
    /// what viewers want.
    fn write(&mut self, index: usize) {
        for _ in 0..=DELETED_AT_ONCE {
            let (channel, folder) = &mut self.folders[index];
            let (done, error) = match folder.write(Instant::now()) {
                Ok(done) => (done, None),
                Err((done, error)) => (done, Some(error)),
            };
            let Written { bytes, payload } = done;
            self.shared.metrics.log_written_bytes.inc_by(bytes);
            self.shared.waits(-payload);
            let Some(error) = error else { break };
            let channel = channel.clone();
            self.shared.fault(&channel, &error);
            if !is_full(&error) || !self.make_room() {
                break;
            }
            self.folders[index].1.retry_now();
        }
        self.drop_over_bound(index);
    }

    /// Deletes the oldest file there is.
    fn make_room(&mut self) -> bool {
        let with_files = self.folders.iter_mut().filter(|(_, folder)| folder.oldest_file().is_some());
        let oldest = with_files.min_by(|(_, a), (_, b)| a.oldest_file().cmp(&b.oldest_file()));
        oldest.map(|(_, folder)| folder.delete_oldest()).is_some()
    }

    fn drop_over_bound(&mut self, index: usize) {
        while self.shared.waiting.load(Ordering::Relaxed) > HELD_BYTES {
            let (channel, folder) = &mut self.folders[index];
            let Some((ticket, record)) = folder.drop_oldest() else { return };
            self.shared.waits(-(record.payload().len() as i64));
            self.shared.health().leave(ticket);
            self.shared.skipped(channel);
        }
    }

    fn sync(&mut self) {
        for index in 0..self.folders.len() {
            self.write(index);
            let (channel, folder) = &mut self.folders[index];
            match folder.sync(Instant::now()) {
                Ok(synced) => {
                    let mut health = self.shared.health();
                    for (ticket, record) in synced {
                        health.leave(ticket);
                        if let Record::Segment(segment, _) = record {
                            health.keeps(channel, &segment.track, segment.start + segment.duration);
                        }
                    }
                }
                Err((again, error)) => {
                    self.shared.waits(again as i64);
                    self.shared.fault(channel, &error);
                }
            }
        }
    }

    fn look(&self) {
        if let Some((bytes, files)) = free(&self.root) {
            self.shared.metrics.disk_free_bytes.set(bytes);
            self.shared.metrics.disk_free_files.set(files);
        }
        let change = self.shared.health().look(Instant::now());
        self.shared.tell(change);
    }
}

/// Bytes and files that there is room for.
fn free(folder: &Path) -> Option<(i64, i64)> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let bytes = found.f_bavail.saturating_mul(found.f_frsize);
    Some((i64::try_from(bytes).unwrap_or(i64::MAX), i64::try_from(found.f_favail).unwrap_or(i64::MAX)))
}
