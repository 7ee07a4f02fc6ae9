//! The memory cache: what is held, who is fetching, what has to go.
//!
//! Keys are spread over shards, each a map behind its own lock that is held for a look or a change, never while
//! anything waits. Room is kept by [`http_cache::Storage`], touched when objects grow or leave, not when they are hit.

mod failure;
mod flight;
mod memory;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http_cache::purge::Pattern;
use http_cache::storage::NoRoom;
use http_cache::{Cost, Decision, Held, Key, Rules, Storage, Ticket};

use crate::disk::Disk;
use crate::object::Object;

pub(crate) use failure::Failure;
pub(crate) use flight::{Flight, Landing, Lead};

/// Maps, each with its lock.
const SHARDS: usize = 64;
/// How long a stale object is kept for the chance that the origin says 304.
const KEEP_FOR_REVALIDATION: Duration = Duration::from_secs(60);

/// The cache.
#[derive(Debug)]
pub(crate) struct Store {
    shards: Vec<Mutex<HashMap<Key, Slot>>>,
    hasher: RandomState,
    room: Mutex<Storage<Key>>,
    /// What it may take while memory is not short.
    whole_room: Cost,
    evictions: AtomicU64,
    purged: AtomicU64,
    pub(crate) rules: Rules,
    pub(crate) disk: Option<Arc<Disk>>,
}

#[derive(Debug, Default)]
struct Slot {
    object: Option<Arc<Object>>,
    flight: Option<Arc<Flight>>,
    unshared_until: Option<Instant>,
    failed: Option<(Instant, Failure)>,
}

impl Slot {
    fn is_empty(&self, now: Instant) -> bool {
        self.object.is_none()
            && self.flight.is_none()
            && self.unshared_until.is_none_or(|until| until <= now)
            && self.failed.is_none_or(|(until, _)| until <= now)
    }
}

/// What a look at the cache came to.
#[derive(Debug)]
pub(crate) enum Found {
    /// Answer with this.
    Hit(Arc<Object>),
    /// Answer with this; whoever got the lead also fetches a newer one.
    HitStale(Arc<Object>, Option<Lead>),
    /// The origin failed a moment ago; answer with this.
    StaleOnError(Arc<Object>),
    /// Fetch.
    Lead(Lead),
    /// Wait for the fetch under way. The stale copy may do if that takes long.
    Follow(Arc<Flight>, Option<Arc<Object>>),
    /// Fetch for oneself.
    Pass,
    /// The origin failed a moment ago, and there is nothing to answer with.
    Failed(Failure),
}

/// How thorough a purge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purge {
    /// The bytes go.
    Exact,
    /// They stay, no longer fresh.
    Soft,
}

/// What [`Store::figures`] tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreFigures {
    pub(crate) used: Cost,
    pub(crate) room: Cost,
    pub(crate) objects: u64,
    pub(crate) evictions: u64,
    pub(crate) purged: u64,
}

impl Store {
    /// How many parts there are for [`Store::sweep`] and [`Store::purge_shard`].
    pub(crate) const SHARDS: usize = SHARDS;

    pub(crate) fn new(room: Cost, rules: Rules, disk: Option<Arc<Disk>>) -> Store {
        Store {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            room: Mutex::new(Storage::new(room)),
            whole_room: room,
            evictions: AtomicU64::new(0),
            purged: AtomicU64::new(0),
            rules,
            disk,
        }
    }

    /// Looks a canonical target up and decides; takes the lead where nobody has it.
    pub(crate) fn lookup(self: &Arc<Self>, target: &str, now: Instant) -> Found {
        let mut shard = self.shard(target);
        let Some(slot) = shard.get_mut(target) else {
            let key = Key::from_canonical(target);
            let flight = Flight::new(now);
            shard.insert(key.clone(), Slot { flight: Some(flight.clone()), ..Slot::default() });
            let hold = self.rules.error_cap;
            return Found::Lead(Lead { store: self.clone(), key, flight, old: None, hold });
        };
        if let Some((until, failure)) = slot.failed
            && now < until
            && !slot.object.as_ref().is_some_and(|object| object.lifetime.is_fresh(now))
        {
            return match &slot.object {
                Some(object) if object.lifetime.serves_on_error(now) => Found::StaleOnError(object.clone()),
                _ => Found::Failed(failure),
            };
        }
        let held = match (&slot.object, slot.unshared_until) {
            (Some(object), _) => Held::Stored(&object.lifetime),
            (None, Some(until)) => Held::Unshared { until },
            (None, None) => Held::None,
        };
        let decision = http_cache::lookup(held, slot.flight.is_some(), now);
        let object = slot.object.clone();
        if let Some(object) = &object {
            object.ticket.hit();
        }
        match (decision, object) {
            (Decision::Hit, Some(object)) => Found::Hit(object),
            (Decision::HitStale, Some(object)) => Found::HitStale(object, None),
            (Decision::HitAndLead, Some(object)) => {
                let lead = self.lead(target, slot, now);
                Found::HitStale(object, Some(lead))
            }
            (Decision::Pass, _) => Found::Pass,
            (Decision::Follow, object) => {
                let flight = slot.flight.clone().expect("Follow is decided only while somebody fetches");
                Found::Follow(flight, object)
            }
            (Decision::Lead | Decision::Hit | Decision::HitAndLead | Decision::HitStale, _) => {
                Found::Lead(self.lead(target, slot, now))
            }
        }
    }

    fn lead(self: &Arc<Self>, target: &str, slot: &mut Slot, now: Instant) -> Lead {
        let flight = Flight::new(now);
        slot.flight = Some(flight.clone());
        let (key, hold) = (Key::from_canonical(target), self.rules.error_cap);
        Lead { store: self.clone(), key, flight, old: slot.object.clone(), hold }
    }

    /// Accounts for `more` of an object, evicting what must go.
    pub(crate) fn grow(&self, ticket: &Ticket, more: Cost) -> Result<(), NoRoom> {
        let mut evicted = Vec::new();
        let grown = self.room().grow(ticket, more, &mut evicted);
        self.evictions.fetch_add(evicted.len() as u64, Ordering::Relaxed);
        for (key, ticket) in evicted {
            self.remove(&key, |object| Arc::ptr_eq(&object.ticket, &ticket));
        }
        grown
    }

    /// The object is whole. What it replaced goes.
    pub(crate) fn finish(&self, key: &Key, object: &Arc<Object>, replaced: Option<&Arc<Object>>) {
        let (is_current, keeps_account) = {
            let shard = self.shard(key.as_str());
            let held = shard.get(key).and_then(|slot| slot.object.as_ref());
            let is_current = held.is_some_and(|held| Arc::ptr_eq(held, object));
            if let Some(disk) = self.disk.as_ref().filter(|_| is_current) {
                disk.offer(key, object, Instant::now());
            }
            (is_current, held.zip(replaced).is_some_and(|(held, old)| Arc::ptr_eq(&held.ticket, &old.ticket)))
        };
        let mut room = self.room();
        room.finish(&object.ticket);
        if !is_current {
            room.release(&object.ticket);
        }
        // One that is still filling is released by its own fetch when that ends.
        if let Some(replaced) = replaced
            && replaced.whole().is_some()
            && !keeps_account
            && !Arc::ptr_eq(&replaced.ticket, &object.ticket)
        {
            room.release(&replaced.ticket);
        }
    }

    /// The object will never be whole: the next request fetches anew, or uses what was there before.
    pub(crate) fn discard(&self, key: &Key, object: &Arc<Object>, replaced: Option<&Arc<Object>>) {
        {
            let mut shard = self.shard(key.as_str());
            if let Some(slot) = shard.get_mut(key)
                && slot.object.as_ref().is_some_and(|held| Arc::ptr_eq(held, object))
            {
                slot.object = replaced.filter(|old| old.whole().is_some() && old.ticket.is_live()).cloned();
                if slot.is_empty(Instant::now()) {
                    shard.remove(key);
                }
            }
        }
        let mut room = self.room();
        room.finish(&object.ticket);
        room.release(&object.ticket);
    }

    /// Drops what is of no use any more in one of the shards; called round and round.
    pub(crate) fn sweep(&self, turn: usize, now: Instant) {
        let mut released = Vec::new();
        {
            let mut shard = self.lock(turn % SHARDS);
            shard.retain(|_, slot| {
                let dead = |object: &Arc<Object>| {
                    let validators = object.validators();
                    let keep = match (validators.etag, validators.last_modified) {
                        (None, None) => Duration::ZERO,
                        _ => KEEP_FOR_REVALIDATION,
                    };
                    object.whole().is_some() && object.lifetime.is_dead(now, keep)
                };
                if slot.flight.is_none() && slot.object.as_ref().is_some_and(dead) {
                    released.extend(slot.object.take());
                }
                !slot.is_empty(now)
            });
        }
        let mut room = self.room();
        for object in released {
            room.release(&object.ticket);
        }
    }

    /// Purges one shard of what `pattern` means; returns how many objects that were. Fetches under way go on for those
    /// who wait for them already, and leave nothing behind: they may have been asked before the purge.
    pub(crate) fn purge_shard(&self, shard: usize, pattern: &Pattern, mode: Purge, now: Instant) -> usize {
        let mut gone = 0;
        let mut released = Vec::new();
        self.lock(shard).retain(|key, slot| {
            if !pattern.matches(key.as_str()) {
                return true;
            }
            slot.flight = None;
            slot.failed = None;
            slot.unshared_until = None;
            let Some(object) = slot.object.take() else { return false };
            gone += 1;
            match (mode, object.whole().is_some()) {
                (Purge::Soft, true) => slot.object = object.no_longer_fresh(now).map(Arc::new),
                (Purge::Exact, true) => released.push(object),
                // Still filling: its own fetch closes its account.
                (_, false) => {}
            }
            slot.object.is_some()
        });
        let mut room = self.room();
        for object in released {
            room.release(&object.ticket);
        }
        self.purged.fetch_add(gone as u64, Ordering::Relaxed);
        gone
    }

    pub(crate) fn figures(&self) -> StoreFigures {
        let room = self.room();
        StoreFigures {
            used: room.used(),
            room: room.room(),
            objects: room.objects() as u64,
            evictions: self.evictions.load(Ordering::Relaxed),
            purged: self.purged.load(Ordering::Relaxed),
        }
    }

    fn remove(&self, key: &Key, is_meant: impl Fn(&Object) -> bool) {
        let mut shard = self.shard(key.as_str());
        if let Some(slot) = shard.get_mut(key)
            && slot.object.as_ref().is_some_and(|object| is_meant(object))
        {
            let now = Instant::now();
            if let (Some(object), Some(disk)) = (slot.object.take(), &self.disk) {
                disk.offer(key, &object, now);
            }
            if slot.is_empty(now) {
                shard.remove(key);
            }
        }
    }

    /// Closes an account that never became an object's.
    pub(crate) fn release(&self, ticket: &Ticket) {
        self.room().release(ticket);
    }

    fn shard(&self, target: &str) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.lock(self.hasher.hash_one(target) as usize % SHARDS)
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.shards[shard].lock().expect("nothing panics while it holds a shard")
    }

    fn room(&self) -> MutexGuard<'_, Storage<Key>> {
        self.room.lock().expect("nothing panics while it holds the accounts")
    }
}
