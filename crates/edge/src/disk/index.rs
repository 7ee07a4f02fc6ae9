//! What is on disk, and what has to go to make room. Knows keys and numbers of files, and touches no file.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use http_cache::purge::Pattern;
use http_cache::{Cost, Key, Storage, Ticket};

use super::work::Write;

/// Keys looked at under the lock in one step of a purge.
const STEP: usize = 256;

/// The index.
#[derive(Debug)]
pub(super) struct Index {
    /// In the order of their keys, so that a purge reads only what it means.
    entries: BTreeMap<Key, Entry>,
    room: Storage<Key>,
    next_id: u64,
    pub(super) purging: Vec<Pattern>,
    /// None once the tier is closed.
    pub(super) writes: Option<SyncSender<Write>>,
    /// The folder has been read back; until then nothing is taken in, for its number could be in use.
    pub(super) is_open: bool,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    /// None while it waits to be written.
    ticket: Option<Arc<Ticket>>,
    /// Files with lower numbers, on their way still, were asked for before a purge.
    since: u64,
}

impl Index {
    pub(super) fn new(room: Cost, writes: SyncSender<Write>) -> Index {
        Index {
            entries: BTreeMap::new(),
            room: Storage::new(room),
            next_id: 1,
            purging: Vec::new(),
            writes: Some(writes),
            is_open: false,
        }
    }

    pub(super) fn used(&self) -> Cost {
        self.room.used()
    }

    pub(super) fn objects(&self) -> usize {
        self.room.objects()
    }

    fn is_being_purged(&self, key: &Key) -> bool {
        self.purging.iter().any(|pattern| pattern.matches(key.as_str()))
    }

    /// A number for a file that is about to be written for `key`, unless one is on its way.
    pub(super) fn reserve(&mut self, key: &Key) -> Option<u64> {
        let waits = self.entries.get(key).is_some_and(|entry| entry.ticket.is_none());
        if !self.is_open || waits || self.writes.is_none() || self.is_being_purged(key) {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        if let btree_map::Entry::Vacant(vacant) = self.entries.entry(key.clone()) {
            vacant.insert(Entry { id, ticket: None, since: id });
        }
        Some(id)
    }

    /// Whether the file `id` for `key` is still wanted: no purge has met it.
    pub(super) fn wants(&self, key: &Key, id: u64) -> bool {
        self.entries.get(key).is_some_and(|entry| id >= entry.since)
    }

    /// The file `id` of `len` bytes is about to take its name. Returns the numbers of files that go for it; none where
    /// there is no place for it.
    pub(super) fn admit(&mut self, key: &Key, id: u64, len: u64) -> Option<(Arc<Ticket>, Vec<u64>)> {
        let old = self.entries.get(key).and_then(|entry| entry.ticket.clone());
        let ticket = self.room.admit(key.clone(), id, old.as_deref());
        let mut evicted = Vec::new();
        let grown = self.room.grow(&ticket, Cost { bytes: len, handles: 1 }, &mut evicted);
        let mut gone = Vec::new();
        for (key, evicted) in evicted {
            let is_meant =
                |entry: &Entry| entry.ticket.as_ref().is_some_and(|held| Arc::ptr_eq(held, &evicted));
            if self.entries.get(&key).is_some_and(is_meant) {
                gone.extend(self.entries.remove(&key).map(|entry| entry.id));
            }
        }
        if grown.is_err() {
            self.room.release(&ticket);
        }
        Some((ticket, gone)).filter(|(ticket, gone)| ticket.is_live() || !gone.is_empty())
    }

    /// The file `id` is there. Returns the number of the one it replaces.
    pub(super) fn written(&mut self, key: &Key, id: u64, ticket: Arc<Ticket>) -> Option<u64> {
        self.room.finish(&ticket);
        let old = self.entries.insert(key.clone(), Entry { id, ticket: Some(ticket), since: id })?;
        let replaced = old.ticket?;
        self.room.release(&replaced);
        Some(old.id)
    }

    /// The file `id` will not come.
    pub(super) fn forget(&mut self, key: &Key, id: u64) {
        if self.entries.get(key).is_some_and(|entry| entry.id == id)
            && let Some(entry) = self.entries.remove(key)
            && let Some(ticket) = entry.ticket
        {
            self.room.release(&ticket);
        }
    }

    /// Closes the account of a file that never got its name.
    pub(super) fn release(&mut self, ticket: &Ticket) {
        self.room.release(ticket);
    }

    /// The number of the file for `key`.
    pub(super) fn find(&mut self, key: &Key) -> Option<u64> {
        if self.is_being_purged(key) {
            return None;
        }
        let entry = self.entries.get(key)?;
        entry.ticket.as_ref()?.hit();
        Some(entry.id)
    }

    /// Takes in what lay in the folder; returns the numbers of files that must go.
    pub(super) fn restore(&mut self, found: Vec<(Key, u64, u64)>) -> Vec<u64> {
        let mut gone = Vec::new();
        for (key, id, len) in found {
            self.next_id = self.next_id.max(id + 1);
            match self.admit(&key, id, len) {
                Some((ticket, evicted)) => {
                    gone.extend(evicted);
                    match ticket.is_live() {
                        true => gone.extend(self.written(&key, id, ticket)),
                        false => gone.push(id),
                    }
                }
                None => gone.push(id),
            }
        }
        self.is_open = true;
        gone
    }

    /// The numbers of some files that `pattern` means, of keys after `after`, which are forgotten where they go, and the
    /// last key looked at where there may be more.
    pub(super) fn take(&mut self, pattern: &Pattern, after: &str, goes: bool) -> (Vec<u64>, Option<String>) {
        // A beginning is itself a key that may be meant; everything after it is looked at once.
        let from = if after == pattern.start() { Bound::Included(after) } else { Bound::Excluded(after) };
        let looked: Vec<(Key, u64)> = self
            .entries
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.as_str().starts_with(pattern.start()))
            .take(STEP)
            .map(|(key, entry)| (key.clone(), entry.id))
            .collect();
        let last = looked.last().map(|(key, _)| key.as_str().to_owned()).filter(|_| looked.len() == STEP);
        let met: Vec<_> = looked.into_iter().filter(|(key, _)| pattern.matches(key.as_str())).collect();
        let mut ids = Vec::with_capacity(met.len());
        for (key, id) in met {
            let is_written = self.entries.get(&key).is_some_and(|entry| entry.ticket.is_some());
            // What waits to be written goes either way: its head would say that it is fresh.
            if goes || !is_written {
                self.forget(&key, id);
            } else if let Some(entry) = self.entries.get_mut(&key) {
                entry.since = self.next_id;
            }
            if is_written {
                ids.push(id);
            }
        }
        (ids, last)
    }
}
