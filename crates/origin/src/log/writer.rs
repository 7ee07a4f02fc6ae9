//! The thread that writes.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use manifest::TrackName;
use media::{ChannelName, Utc};

use super::{EXTENSION, Record, StateRecord};
use crate::metrics::Metrics;
use crate::{Channel, Error};

/// Records that may wait for the disk; beyond, segments stay in memory only.
const QUEUE_RECORDS: usize = 1_024;
/// Bytes of segments that may wait for the disk.
const QUEUE_BYTES: u64 = 128 << 20;
/// How much a power cut may cost.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How much is deleted at once when the window has passed it.
const FILE_SPAN: Duration = Duration::from_secs(60);
/// A file is ended early at this size.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Tracks whose headers are written again in each file: more than a channel can have at once.
const HEADERS_MAX: usize = 64;
/// After a fault of the disk, before the next try.
const RETRY_AFTER: Duration = Duration::from_secs(1);

enum Message {
    Write(ChannelName, Record),
    /// Segments that end before this are listed no longer.
    Oldest(ChannelName, Utc),
}

/// Hands records to the thread; never waits.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    queue: SyncSender<Message>,
    waiting: Arc<AtomicU64>,
    metrics: Metrics,
}

impl Log {
    /// Keeps a record, or, where the disk is too far behind, does not, and says so.
    pub(crate) fn keep(&self, channel: &ChannelName, record: Record) {
        let bytes = record.payload().len() as u64;
        let full = self.waiting.load(Ordering::Relaxed) + bytes > QUEUE_BYTES;
        let message = Message::Write(channel.clone(), record);
        let sent = if full { Err(TrySendError::Full(message)) } else { self.queue.try_send(message) };
        match sent {
            Ok(()) => {
                self.waiting.fetch_add(bytes, Ordering::Relaxed);
                self.metrics.log_queue_bytes.inc_by(bytes as i64);
            }
            Err(_) => {
                self.metrics.log_skipped.inc();
                tracing::warn!(%channel, "log: the disk is behind, a segment is kept in memory only");
            }
        }
    }

    /// Tells what is out of the window. Lost where the queue is full: the next one says more.
    pub(crate) fn oldest(&self, channel: &ChannelName, oldest: Utc) {
        let _ = self.queue.try_send(Message::Oldest(channel.clone(), oldest));
    }
}

/// Makes the channels' folders and starts the thread. It ends when every [`Log`] is gone and everything is written.
pub(crate) fn start(
    root: PathBuf,
    channels: &[Channel],
    metrics: Metrics,
) -> Result<(Log, JoinHandle<()>), Error> {
    for channel in channels {
        let path = root.join(channel.name.as_str());
        fs::create_dir_all(&path).map_err(|source| Error::LogFolder { path, source })?;
    }
    let (queue, messages) = sync_channel(QUEUE_RECORDS);
    let waiting = Arc::new(AtomicU64::new(0));
    let writer = Writer { root, folders: HashMap::new(), waiting: waiting.clone(), metrics: metrics.clone() };
    let thread = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || writer.run(&messages))
        .map_err(Error::LogThread)?;
    Ok((Log { queue, waiting, metrics }, thread))
}

struct Writer {
    root: PathBuf,
    folders: HashMap<ChannelName, Folder>,
    waiting: Arc<AtomicU64>,
    metrics: Metrics,
}

/// One channel's files.
#[derive(Default)]
struct Folder {
    path: PathBuf,
    open: Option<Open>,
    /// Closed ones, with the end of the newest segment each holds.
    closed: Vec<(PathBuf, Utc)>,
    state: StateRecord,
    next_numbers: BTreeMap<TrackName, u64>,
    /// Newest header records, newest last, written again at the start of each file.
    headers: Vec<(TrackName, Record)>,
    retry_at: Option<Instant>,
}

struct Open {
    file: File,
    path: PathBuf,
    since: Instant,
    bytes: u64,
    newest_end: Utc,
    dirty: bool,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        let mut sync_at = Instant::now() + SYNC_EVERY;
        loop {
            let left = sync_at.saturating_duration_since(Instant::now());
            match messages.recv_timeout(left) {
                Ok(Message::Write(channel, record)) => self.write(&channel, record),
                Ok(Message::Oldest(channel, oldest)) => self.folder(&channel).delete_before(oldest),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= sync_at {
                self.sync();
                sync_at = Instant::now() + SYNC_EVERY;
            }
        }
        self.sync();
    }

    fn folder(&mut self, channel: &ChannelName) -> &mut Folder {
        let path = || self.root.join(channel.as_str());
        self.folders.entry(channel.clone()).or_insert_with(|| Folder::at(path()))
    }

    fn write(&mut self, channel: &ChannelName, record: Record) {
        let bytes = record.payload().len() as u64;
        let result = self.folder(channel).write(record);
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        self.metrics.log_queue_bytes.dec_by(bytes as i64);
        match result {
            Ok(written) => {
                self.metrics.log_written_bytes.inc_by(written);
            }
            Err(error) => self.fault(channel, &error),
        }
    }

    fn sync(&mut self) {
        let mut faults = Vec::new();
        for (channel, folder) in &mut self.folders {
            if let Err(error) = folder.sync() {
                faults.push((channel.clone(), error));
            }
        }
        for (channel, error) in faults {
            self.fault(&channel, &error);
        }
    }

    fn fault(&self, channel: &ChannelName, error: &io::Error) {
        self.metrics.log_errors.inc();
        tracing::warn!(%channel, %error, "log: not written; the window after a restart will be shorter");
    }
}

impl Folder {
    fn at(path: PathBuf) -> Self {
        // Files from before are deleted once a whole new window stands behind them: their newest end is not known
        // here, but nothing in them is newer than their last change.
        let closed = fs::read_dir(&path).into_iter().flatten().flatten().filter_map(|entry| {
            let changed = entry.metadata().ok()?.modified().ok()?;
            let path = entry.path();
            let ours = path.extension().is_some_and(|extension| extension == EXTENSION);
            ours.then(|| (path, Utc::from(changed)))
        });
        Self { closed: closed.collect(), path, ..Self::default() }
    }

    /// Writes a record and returns its bytes. After a fault the file is given up: what a failed write or sync left in
    /// it is not known, and reading stops at what is torn.
    fn write(&mut self, record: Record) -> io::Result<u64> {
        match &record {
            Record::State(state) => {
                self.state = state.clone();
                self.next_numbers.extend(state.next_numbers.iter().cloned());
            }
            Record::Header(header, _) => {
                self.headers.retain(|(track, _)| *track != header.track);
                self.headers.push((header.track.clone(), record.clone()));
                if self.headers.len() > HEADERS_MAX {
                    let (track, _) = self.headers.remove(0);
                    self.next_numbers.remove(&track);
                }
            }
            Record::Segment(segment, _) => {
                self.state.period = Some(segment.period);
                self.state.target_s = self.state.target_s.max(segment.target_s);
                self.next_numbers.insert(segment.track.clone(), segment.number + 1);
            }
        }
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return Err(io::Error::other("waiting after a fault"));
        }
        let result = self.try_write(&record);
        if result.is_err() {
            self.give_up();
        }
        result
    }

    fn try_write(&mut self, record: &Record) -> io::Result<u64> {
        let ended = |open: &Open| open.since.elapsed() >= FILE_SPAN || open.bytes >= FILE_BYTES_MAX;
        if self.open.as_ref().is_some_and(ended) {
            self.sync()?;
            self.close();
        }
        if matches!(record, Record::State(_)) {
            return Ok(0);
        }
        let mut written = 0;
        if self.open.is_none() {
            let mut open = Open::create(&self.path)?;
            self.retry_at = None;
            self.state.next_numbers = self.next_numbers.clone().into_iter().collect();
            written += open.append(&Record::State(self.state.clone()))?;
            for (_, header) in &self.headers {
                written += open.append(header)?;
            }
            self.open = Some(open);
            if matches!(record, Record::Header(..)) {
                return Ok(written);
            }
        }
        let open = self.open.as_mut().expect("opened above");
        written += open.append(record)?;
        if let Record::Segment(segment, _) = record {
            open.newest_end = open.newest_end.max(segment.end);
        }
        Ok(written)
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(open) = self.open.as_mut().filter(|open| open.dirty) else {
            return Ok(());
        };
        let result = open.file.sync_data();
        open.dirty = false;
        if result.is_err() {
            self.give_up();
        }
        result
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.closed.push((open.path, open.newest_end));
        }
    }

    fn give_up(&mut self) {
        self.close();
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
    }

    fn delete_before(&mut self, oldest: Utc) {
        self.closed.retain(|(path, newest_end)| {
            if *newest_end > oldest {
                return true;
            }
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(file = %path.display(), %error, "log: file out of the window not deleted");
            }
            false
        });
    }
}

impl Open {
    fn create(folder: &Path) -> io::Result<Self> {
        // Wall clock: the name only orders files, and must differ from all before.
        let mut name = Utc::from(std::time::SystemTime::now()).0.max(0);
        let (path, file) = loop {
            let path = folder.join(format!("{name:020}.{EXTENSION}"));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => name += 1,
                Err(error) => return Err(error),
            }
        };
        File::open(folder)?.sync_all()?;
        let newest_end = Utc(i64::MIN);
        Ok(Self { file, path, since: Instant::now(), bytes: 0, newest_end, dirty: false })
    }

    fn append(&mut self, record: &Record) -> io::Result<u64> {
        let front = record.front();
        let payload = record.payload();
        let total = front.len() + payload.len();
        self.dirty = true;
        // One call in the common case: little of a record can be torn from it by a kill.
        let written = self.file.write_vectored(&[IoSlice::new(&front), IoSlice::new(payload)])?;
        if written < front.len() {
            self.file.write_all(&front[written..])?;
            self.file.write_all(payload)?;
        } else {
            self.file.write_all(&payload[written - front.len()..])?;
        }
        self.bytes += total as u64;
        Ok(total as u64)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use manifest::{HeaderId, Period};

    use super::*;
    use crate::log::{HeaderRecord, SegmentRecord, read_records};

    fn track() -> TrackName {
        "video".parse().expect("a name")
    }

    fn header() -> Record {
        let record = HeaderRecord { track: track(), id: HeaderId(1) };
        Record::Header(record, Bytes::from_static(b"header"))
    }

    fn segment(number: u64, end: i64) -> Record {
        let record = SegmentRecord {
            track: track(),
            header: HeaderId(1),
            number,
            period: Period { number: 4, start_ms: 9 },
            start: 0,
            duration: 1,
            end: Utc(end),
            published: Utc(end),
            target_s: 2,
        };
        Record::Segment(record, Bytes::from_static(b"segment"))
    }

    #[test]
    fn each_file_can_be_read_alone_and_goes_when_the_window_has_passed_it() {
        let path = tempfile::tempdir().expect("a folder");
        let mut folder = Folder::at(path.path().to_owned());
        for record in [header(), segment(10, 100), segment(11, 200)] {
            folder.write(record).expect("writes");
        }
        folder.close();
        folder.write(segment(12, 300)).expect("writes");
        folder.sync().expect("syncs");

        let second = folder.open.as_ref().expect("open").path.clone();
        let (records, damaged) = read_records(&fs::read(&second).expect("reads"));
        let state = StateRecord {
            period: Some(Period { number: 4, start_ms: 9 }),
            target_s: 2,
            next_numbers: vec![(track(), 13)],
        };
        assert_eq!((records, damaged), (vec![Record::State(state), header(), segment(12, 300)], 0));

        let files = || fs::read_dir(path.path()).expect("reads").count();
        folder.delete_before(Utc(199));
        assert_eq!(files(), 2);
        folder.delete_before(Utc(200));
        assert_eq!(files(), 1);
        assert!(second.exists());
    }

    #[test]
    fn files_from_before_a_restart_go_too() {
        let path = tempfile::tempdir().expect("a folder");
        let mut folder = Folder::at(path.path().to_owned());
        folder.write(segment(10, 100)).expect("writes");
        drop(folder);
        let mut folder = Folder::at(path.path().to_owned());
        folder.delete_before(Utc(1));
        assert_eq!(fs::read_dir(path.path()).expect("reads").count(), 1, "it may hold newer ones");
        folder.delete_before(Utc::from(std::time::SystemTime::now()).plus_micros(1_000_000));
        assert_eq!(fs::read_dir(path.path()).expect("reads").count(), 0);
    }
}
