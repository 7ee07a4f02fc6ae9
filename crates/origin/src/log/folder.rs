//! One channel's files.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use manifest::TrackName;
use media::Utc;

use super::health::Ticket;
use super::{EXTENSION, Record, StateRecord};

/// How much is deleted at once when the window has passed it.
const FILE_SPAN: Duration = Duration::from_secs(60);
/// A file is ended early at this size.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Tracks whose headers are written again in each file: more than a channel can have at once.
const HEADERS_MAX: usize = 64;
/// After a fault of the disk, before the next try.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One channel's files, and the records that are not on disk for certain.
///
/// A failed write or sync leaves a file whose content nobody knows, and a sync that is tried again may succeed though
/// pages are lost. So the file is given up, and every record since its last sync is written again, to a new one.
#[derive(Default)]
pub(super) struct Folder {
    path: PathBuf,
    open: Option<Open>,
    /// Closed ones, with the end of the newest segment each holds.
    closed: Vec<(PathBuf, Utc)>,
    state: StateRecord,
    next_numbers: BTreeMap<TrackName, u64>,
    /// Newest header and slate of each track, newest last, written again at the start of each file.
    headers: Vec<(TrackName, Record)>,
    slates: Vec<(TrackName, Record)>,
    /// Since the last sync, oldest first.
    unsynced: VecDeque<(Ticket, Record)>,
    /// So many of them are in the open file.
    written: usize,
    retry_at: Option<Instant>,
}

struct Open {
    file: File,
    path: PathBuf,
    since: Instant,
    bytes: u64,
    newest_end: Utc,
    dirty: bool,
    /// Something in it was synced.
    counts: bool,
}

impl Folder {
    pub(super) fn at(path: PathBuf) -> Self {
        // Files from before are deleted once a whole new window stands behind them: their newest end is not known
        // here, but nothing in them is newer than their last change.
        let closed = fs::read_dir(&path).into_iter().flatten().flatten().filter_map(|entry| {
            let changed = entry.metadata().ok()?.modified().ok()?;
            let path = entry.path();
            let ours = path.extension().is_some_and(|extension| extension == EXTENSION);
            ours.then(|| (path, Utc::from(changed)))
        });
        // Oldest first, and so they are deleted: a kill between two leaves no hole.
        let mut closed: Vec<(PathBuf, Utc)> = closed.collect();
        closed.sort();
        Self { closed, path, ..Self::default() }
    }

    /// Takes a record, to be written.
    pub(super) fn take(&mut self, ticket: Ticket, record: Record) {
        match &record {
            Record::State(state) => {
                self.state = state.clone();
                self.next_numbers.extend(state.next_numbers.iter().cloned());
            }
            Record::Header(header, _) => {
                if let Some(track) = keep_newest(&mut self.headers, &header.track, &record) {
                    self.next_numbers.remove(&track);
                }
            }
            Record::Slate(slate, _) => {
                keep_newest(&mut self.slates, &slate.track, &record);
            }
            Record::Segment(segment, _) => {
                self.state.period = Some(segment.period);
                self.state.target_s = self.state.target_s.max(segment.target_s);
                self.next_numbers.insert(segment.track.clone(), segment.number + 1);
            }
        }
        self.unsynced.push_back((ticket, record));
    }

    /// Writes what waits, unless it is too early after a fault; returns the bytes written to the file, and those of
    /// payloads that wait no longer.
    pub(super) fn write(&mut self, now: Instant) -> Result<Written, (Written, io::Error)> {
        let mut done = Written::default();
        if self.retry_at.is_some_and(|at| now < at) {
            return Ok(done);
        }
        while self.written < self.unsynced.len() {
            if let Err(error) = self.write_next(&mut done) {
                let again = self.give_up(now);
                done.payload -= again as i64;
                return Err((done, error));
            }
        }
        self.retry_at = None;
        Ok(done)
    }

    fn write_next(&mut self, done: &mut Written) -> io::Result<()> {
        let ended = |open: &Open| open.since.elapsed() >= FILE_SPAN || open.bytes >= FILE_BYTES_MAX;
        if self.written == 0 && self.open.as_ref().is_some_and(|open| ended(open) && !open.dirty) {
            self.close();
        }
        if self.open.is_none() {
            let mut open = Open::create(&self.path)?;
            self.state.next_numbers = self.next_numbers.clone().into_iter().collect();
            let front = [Record::State(self.state.clone())];
            let again = self.headers.iter().chain(&self.slates).map(|(_, record)| record);
            for record in front.iter().chain(again) {
                match open.append(record) {
                    Ok(bytes) => done.bytes += bytes,
                    Err(error) => {
                        open.remove();
                        return Err(error);
                    }
                }
            }
            self.open = Some(open);
        }
        let (_, record) = &self.unsynced[self.written];
        let open = self.open.as_mut().expect("opened above");
        done.bytes += open.append(record)?;
        if let Record::Segment(segment, _) = record {
            open.newest_end = open.newest_end.max(segment.end);
        }
        done.payload += record.payload().len() as i64;
        self.written += 1;
        Ok(())
    }

    /// Makes what is written last. Returns it, or, after a fault, the bytes of payloads that wait again.
    pub(super) fn sync(&mut self, now: Instant) -> Result<Vec<(Ticket, Record)>, (u64, io::Error)> {
        let Some(open) = self.open.as_mut().filter(|open| open.dirty) else {
            return Ok(Vec::new());
        };
        if let Err(error) = open.file.sync_data() {
            return Err((self.give_up(now), error));
        }
        open.dirty = false;
        open.counts = true;
        Ok(self.unsynced.drain(..std::mem::take(&mut self.written)).collect())
    }

    /// Gives up the oldest record that is not written, for want of memory.
    pub(super) fn drop_oldest(&mut self) -> Option<(Ticket, Record)> {
        (self.written == 0).then(|| self.unsynced.pop_front()).flatten()
    }

    /// The next write need not wait.
    pub(super) fn retry_now(&mut self) {
        self.retry_at = None;
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.closed.push((open.path, open.newest_end));
        }
    }

    /// Returns the bytes of payloads that must be written again.
    fn give_up(&mut self, now: Instant) -> u64 {
        match self.open.take_if(|open| !open.counts) {
            // Whatever it holds is written again.
            Some(open) => open.remove(),
            None => self.close(),
        }
        self.retry_at = Some(now + RETRY_AFTER);
        let again = self.unsynced.iter().take(std::mem::take(&mut self.written));
        again.map(|(_, record)| record.payload().len() as u64).sum()
    }

    pub(super) fn delete_before(&mut self, oldest: Utc) {
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

    /// Name of the oldest file that is closed; names tell when files were begun.
    pub(super) fn oldest_file(&self) -> Option<&OsStr> {
        self.closed.iter().filter_map(|(path, _)| path.file_name()).min()
    }

    /// Deletes that file, to make room.
    pub(super) fn delete_oldest(&mut self) {
        let oldest = self.closed.iter().enumerate().min_by_key(|(_, (path, _))| path.file_name());
        if let Some(index) = oldest.map(|(index, _)| index) {
            let (path, _) = self.closed.remove(index);
            let deleted = fs::remove_file(&path);
            tracing::warn!(file = %path.display(), ?deleted, "log: no room, the oldest file goes before its time");
        }
    }
}

/// What a write has done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Bytes that went to a file.
    pub(super) bytes: u64,
    /// Bytes of payloads that wait no longer; below zero where more wait again.
    pub(super) payload: i64,
}

/// Puts the track's record in the place of the one before; returns the track that had to make room for it.
fn keep_newest(
    records: &mut Vec<(TrackName, Record)>,
    track: &TrackName,
    record: &Record,
) -> Option<TrackName> {
    records.retain(|(known, _)| known != track);
    records.push((track.clone(), record.clone()));
    (records.len() > HEADERS_MAX).then(|| records.remove(0).0)
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
                // There was no room for the folder when the origin began.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => {
                    fs::create_dir_all(folder)?;
                }
                Err(error) => return Err(error),
            }
        };
        let newest_end = Utc(i64::MIN);
        let open =
            Self { file, path, since: Instant::now(), bytes: 0, newest_end, dirty: false, counts: false };
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            Ok(()) => Ok(open),
            Err(error) => {
                open.remove();
                Err(error)
            }
        }
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

    /// Takes a file away that holds nothing of worth.
    fn remove(self) {
        // One that cannot be removed is read at the next start like any other.
        let _ = fs::remove_file(self.path);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use manifest::{HeaderId, Period};

    use super::*;
    use crate::log::{Damage, HeaderRecord, SegmentRecord, read_records};

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

    fn write(folder: &mut Folder, records: impl IntoIterator<Item = Record>) {
        for record in records {
            folder.take(0, record);
        }
        folder.write(Instant::now()).expect("writes");
    }

    fn read(path: &Path) -> Vec<Record> {
        let (records, damage) = read_records(&fs::read(path).expect("reads"));
        assert_eq!(damage, Damage::default());
        records
    }

    fn state(next: u64) -> Record {
        Record::State(StateRecord {
            period: Some(Period { number: 4, start_ms: 9 }),
            target_s: 2,
            next_numbers: vec![(track(), next)],
        })
    }

    #[test]
    fn each_file_can_be_read_alone_and_goes_when_the_window_has_passed_it() {
        let path = tempfile::tempdir().expect("a folder");
        let mut folder = Folder::at(path.path().to_owned());
        write(&mut folder, [header(), segment(10, 100), segment(11, 200)]);
        assert_eq!(folder.sync(Instant::now()).expect("syncs").len(), 3);
        folder.close();
        write(&mut folder, [segment(12, 300)]);
        folder.sync(Instant::now()).expect("syncs");

        let second = folder.open.as_ref().expect("open").path.clone();
        assert_eq!(read(&second), [state(13), header(), segment(12, 300)]);

        let files = || fs::read_dir(path.path()).expect("reads").count();
        folder.delete_before(Utc(199));
        assert_eq!(files(), 2);
        folder.delete_before(Utc(200));
        assert_eq!(files(), 1);
        assert!(second.exists());
    }

    #[test]
    fn what_a_lost_file_held_since_its_last_sync_is_written_again_to_a_new_one() {
        let path = tempfile::tempdir().expect("a folder");
        let mut folder = Folder::at(path.path().to_owned());
        let now = Instant::now();
        write(&mut folder, [header(), segment(10, 100)]);
        folder.sync(now).expect("syncs");
        write(&mut folder, [segment(11, 200), segment(12, 300)]);
        // A sync has failed.
        assert_eq!(folder.give_up(now), 2 * b"segment".len() as u64);
        folder.take(0, segment(13, 400));
        folder.write(now).expect("waits");
        assert!(folder.open.is_none(), "not at once");
        let done = folder.write(now + RETRY_AFTER).expect("writes");
        assert_eq!(done.payload, 3 * b"segment".len() as i64);
        let second = folder.open.as_ref().expect("open").path.clone();
        let again = [state(14), header(), segment(11, 200), segment(12, 300), segment(13, 400)];
        assert_eq!(read(&second), again);
        assert_eq!(folder.sync(now).expect("syncs").len(), 3);

        // A file of which nothing was synced is of no use, and takes no room.
        folder.close();
        write(&mut folder, [segment(14, 500)]);
        let third = folder.open.as_ref().expect("open").path.clone();
        folder.give_up(now);
        assert!(!third.exists());
    }

    #[test]
    fn files_from_before_a_restart_go_too() {
        let path = tempfile::tempdir().expect("a folder");
        let mut folder = Folder::at(path.path().to_owned());
        write(&mut folder, [segment(10, 100)]);
        drop(folder);
        let mut folder = Folder::at(path.path().to_owned());
        folder.delete_before(Utc(1));
        assert_eq!(fs::read_dir(path.path()).expect("reads").count(), 1, "it may hold newer ones");
        folder.delete_before(Utc::from(std::time::SystemTime::now()).plus_micros(1_000_000));
        assert_eq!(fs::read_dir(path.path()).expect("reads").count(), 0);
    }
}
