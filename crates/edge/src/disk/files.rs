//! The form on disk: `{folder}/{low byte}/{number}`, both in hexadecimal; see [`http_cache::record`] for what is in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use http_cache::Key;
use http_cache::record::{FIXED, MARK_OFFSET, Record, STALE};
use rustix::fs::{FlockOperation, flock};

use super::Loaded;
use crate::body::Piece;
use crate::object::Object;

/// Bytes read or written at a time.
const TURN: usize = 256 * 1024;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// Why a file is not served.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The system's words.
    Io(io::Error),
    /// Torn, changed, or not ours.
    Damaged,
}

impl From<io::Error> for Unreadable {
    fn from(fault: io::Error) -> Unreadable {
        match fault.kind() {
            io::ErrorKind::UnexpectedEof => Unreadable::Damaged,
            _ => Unreadable::Io(fault),
        }
    }
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Folder {
        Folder { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder and takes it for this process; another edge has it as long as it runs.
    pub(super) fn take(&self) -> io::Result<File> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.path.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        for low in 0..=u8::MAX {
            match fs::DirBuilder::new().mode(0o700).create(self.path.join(format!("{low:02x}"))) {
                Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => return Err(fault),
                _ => {}
            }
        }
        Ok(lock)
    }

    fn file(&self, id: u64) -> PathBuf {
        self.path.join(format!("{:02x}", id & 0xff)).join(format!("{id:016x}"))
    }

    fn unfinished(&self, id: u64) -> PathBuf {
        self.file(id).with_extension("tmp")
    }

    /// Key, number and length of every whole file, the oldest first; removes the others.
    pub(super) fn scan(&self) -> io::Result<Vec<(Key, u64, u64)>> {
        let mut found = Vec::new();
        for low in 0..=u8::MAX {
            for file in fs::read_dir(self.path.join(format!("{low:02x}")))? {
                let path = file?.path();
                let id = path.file_name().and_then(|name| name.to_str()).filter(|name| name.len() == 16);
                let id = id.and_then(|name| u64::from_str_radix(name, 16).ok());
                match id.and_then(|id| Some((id, head(&path).ok()?))) {
                    Some((id, (record, _, len))) => found.push((Key::from_canonical(&record.key), id, len)),
                    None => {
                        let _ = fs::remove_file(&path);
                    }
                }
            }
        }
        found.sort_by_key(|(_, id, _)| *id);
        Ok(found)
    }

    /// Writes `object` under its unfinished name; returns the file's length, or nothing where its head is too long.
    pub(super) fn write(&self, key: &Key, id: u64, object: &Object, now_ms: u64) -> io::Result<Option<u64>> {
        let Some(whole) = object.whole() else { return Ok(None) };
        let lifetime = object.lifetime;
        let since_arrival = lifetime.arrived.elapsed();
        let record = |body_crc| Record {
            key: key.as_str().to_owned(),
            status: object.status.as_u16(),
            lines: String::from_utf8_lossy(&object.fields.lines).into_owned(),
            body_len: whole.body.len(),
            body_crc,
            arrived_ms: now_ms.saturating_sub(since_arrival.as_millis() as u64),
            age: lifetime.age,
            fresh: lifetime.fresh,
            while_revalidate: lifetime.while_revalidate,
            if_error: lifetime.if_error,
            marked_stale: false,
        };
        let Some(head) = record(0).encode() else { return Ok(None) };
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.unfinished(id))?;
        file.write_all(&head)?;
        let mut checksum = crc32fast::Hasher::new();
        match whole.body.part(0, whole.body.len()) {
            Piece::Bytes(bytes) => {
                checksum.update(&bytes);
                file.write_all(&bytes)?;
            }
            Piece::File { file: from, mut offset, len } => {
                let mut buffer = vec![0; TURN.min(len as usize)];
                let end = offset + len;
                while offset < end {
                    let want = buffer.len().min((end - offset) as usize);
                    let read =
                        rustix::io::retry_on_intr(|| rustix::io::pread(&*from, &mut buffer[..want], offset))?;
                    if read == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    checksum.update(&buffer[..read]);
                    file.write_all(&buffer[..read])?;
                    offset += read as u64;
                }
            }
        }
        let head = record(checksum.finalize()).encode().expect("as long as the one before");
        file.write_all_at(&head, 0)?;
        Ok(Some(head.len() as u64 + whole.body.len()))
    }

    /// Gives a written file its name.
    pub(super) fn publish(&self, id: u64) -> io::Result<()> {
        fs::rename(self.unfinished(id), self.file(id))
    }

    pub(super) fn remove_unfinished(&self, id: u64) {
        let _ = fs::remove_file(self.unfinished(id));
    }

    /// Removes a file; one that cannot be removed cannot be found any more either, until a restart.
    pub(super) fn remove(&self, id: u64) {
        if let Err(fault) = fs::remove_file(self.file(id))
            && fault.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.file(id).display(), %fault, "a cached file cannot be removed");
        }
    }

    /// Marks a file as stale, for now and after a restart; removes it where that fails.
    pub(super) fn mark_stale(&self, id: u64) {
        let marked = OpenOptions::new().write(true).open(self.file(id));
        if marked.and_then(|file| file.write_all_at(&[STALE], MARK_OFFSET)).is_err() {
            self.remove(id);
        }
    }

    /// Opens the file of `key` and reads it through: its checksum is right, and its bytes are in the page cache.
    pub(super) fn load(&self, key: &Key, id: u64) -> Result<Loaded, Unreadable> {
        let (record, file, len) = head(&self.file(id))?;
        if record.key != key.as_str() {
            return Err(Unreadable::Damaged);
        }
        let start = len - record.body_len;
        let mut checksum = crc32fast::Hasher::new();
        let mut buffer = vec![0; TURN.min(record.body_len as usize)];
        let mut at = start;
        while at < len {
            let want = buffer.len().min((len - at) as usize);
            file.read_exact_at(&mut buffer[..want], at)?;
            checksum.update(&buffer[..want]);
            at += want as u64;
        }
        if checksum.finalize() != record.body_crc {
            return Err(Unreadable::Damaged);
        }
        Ok(Loaded { record, file, start })
    }
}

/// The checked head of a file whose length is as the head says, and that length.
fn head(path: &Path) -> Result<(Record, File, u64), Unreadable> {
    let mut file = File::open(path)?;
    let mut head = vec![0; FIXED];
    file.read_exact(&mut head)?;
    let head_len = Record::head_len(&head).map_err(|_| Unreadable::Damaged)?;
    head.resize(head_len, 0);
    file.read_exact(&mut head[FIXED..])?;
    let record = Record::parse(&head).map_err(|_| Unreadable::Damaged)?;
    let len = file.metadata()?.len();
    if record.body_len.checked_add(head_len as u64) != Some(len) {
        return Err(Unreadable::Damaged);
    }
    Ok((record, file, len))
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
