//! The threads that touch the disk: one writes, some read.

use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_cache::Key;
use tokio::sync::oneshot;

use super::files::{Unreadable, now_ms};
use super::{Loaded, Outcome, Shared};
use crate::object::Object;

/// Between two tries to take a folder that cannot be used yet.
const TAKE_AGAIN: Duration = Duration::from_millis(250);
/// After a failed write nothing is written for so long.
const PAUSE: Duration = Duration::from_secs(30);

/// An object to be written.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) key: Key,
    pub(super) id: u64,
    pub(super) object: Arc<Object>,
}

/// A file to be read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) key: Key,
    pub(super) id: u64,
    pub(super) answer: oneshot::Sender<Option<Loaded>>,
}

/// Reads what is asked for until the tier is dropped.
pub(super) fn read_all(shared: &Shared, asked: &Mutex<Receiver<Read>>) {
    loop {
        let next = asked.lock().expect("nothing panics while it holds the queue").recv();
        let Ok(Read { key, id, answer }) = next else { return };
        let loaded = match shared.folder.load(&key, id) {
            Ok(loaded) => {
                shared.count(Outcome::Read);
                Some(loaded)
            }
            Err(fault) => {
                shared.count(match fault {
                    Unreadable::Damaged => Outcome::Damaged,
                    Unreadable::Io(fault) => {
                        tracing::warn!(%key, %fault, "a cached file cannot be read");
                        Outcome::ReadFailed
                    }
                });
                shared.index().forget(&key, id);
                shared.folder.remove(id);
                None
            }
        };
        // Whoever asked may have given up.
        let _ = answer.send(loaded);
    }
}

/// Reads the folder back, then writes what is handed in until the tier is closed.
pub(super) fn write_all(shared: &Shared, handed: &Receiver<Write>) {
    let Some(_lock) = take(shared, handed) else { return };
    let mut paused_until: Option<Instant> = None;
    while let Ok(write) = handed.recv() {
        if paused_until.is_some_and(|until| Instant::now() < until) {
            shared.index().forget(&write.key, write.id);
            shared.count(Outcome::WriteFailed);
            continue;
        }
        match one(shared, &write) {
            Ok(()) => {
                if paused_until.take().is_some() {
                    tracing::info!(folder = %shared.folder.path().display(), "the disk cache is written again");
                }
            }
            Err(fault) => {
                shared.folder.remove_unfinished(write.id);
                shared.index().forget(&write.key, write.id);
                shared.count(Outcome::WriteFailed);
                if paused_until.is_none() {
                    let folder = shared.folder.path().display();
                    tracing::error!(%folder, %fault, "the disk cache cannot be written; tried again every {PAUSE:?}");
                }
                paused_until = Some(Instant::now() + PAUSE);
            }
        }
    }
}

/// Takes the folder and reads it back; waits while it cannot be used. None where the tier is closed before that.
fn take(shared: &Shared, handed: &Receiver<Write>) -> Option<File> {
    let mut told = false;
    loop {
        let folder = &shared.folder;
        let taken = folder.take().and_then(|lock| Ok((lock, folder.scan()?)));
        match taken {
            Ok((lock, found)) => {
                let files = found.len();
                let gone = shared.index().restore(found);
                gone.iter().for_each(|id| folder.remove(*id));
                tracing::info!(folder = %folder.path().display(), files, gone = gone.len(), "disk cache read back");
                return Some(lock);
            }
            Err(fault) if !told => {
                told = true;
                let folder = folder.path().display();
                tracing::error!(%folder, %fault, "the disk cache cannot be used; serving without it, trying again");
            }
            Err(_) => {}
        }
        // Nothing is handed in before the folder is read back: this is a wait that ends when the tier is closed.
        if let Err(RecvTimeoutError::Disconnected) = handed.recv_timeout(TAKE_AGAIN) {
            return None;
        }
    }
}

fn one(shared: &Shared, Write { key, id, object }: &Write) -> std::io::Result<()> {
    let (folder, id) = (&shared.folder, *id);
    if !shared.index().wants(key, id) {
        return Ok(());
    }
    let Some(len) = folder.write(key, id, object, now_ms())? else {
        shared.index().forget(key, id);
        return Ok(());
    };
    let admitted = {
        let mut index = shared.index();
        // A purge that came while it was written has met it.
        if index.wants(key, id) { index.admit(key, id, len) } else { None }
    };
    let Some((ticket, evicted)) = admitted else {
        folder.remove_unfinished(id);
        shared.index().forget(key, id);
        return Ok(());
    };
    for gone in evicted {
        shared.count(Outcome::Evicted);
        folder.remove(gone);
    }
    if !ticket.is_live() {
        folder.remove_unfinished(id);
        shared.index().forget(key, id);
        return Ok(());
    }
    if let Err(fault) = folder.publish(id) {
        shared.index().release(&ticket);
        return Err(fault);
    }
    let replaced = {
        let mut index = shared.index();
        if index.wants(key, id) {
            index.written(key, id, ticket)
        } else {
            index.release(&ticket);
            Some(id)
        }
    };
    if let Some(gone) = replaced {
        folder.remove(gone);
    }
    shared.count(Outcome::Written);
    Ok(())
}
