//! What has to go to make room: S3-FIFO over bytes and file handles.
//!
//! New objects enter a small queue (a tenth of the room); those asked for again before they reach its end move to the
//! main queue, the rest leave and are remembered by hash only. That suits live video: playlists, parts and segments
//! nobody asks for twice die in the small queue without disturbing what viewers share, and a hit costs one relaxed
//! atomic, no lock and no list.
//!
//! Yang, Zhang, Qiu, Yue, Vigfusson: FIFO queues are all you need for cache eviction, SOSP 2023.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// What a thing takes, or what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Bytes of memory.
    pub bytes: u64,
    /// File handles.
    pub handles: u64,
}

impl Cost {
    fn exceeds(self, room: Cost) -> bool {
        self.bytes > room.bytes || self.handles > room.handles
    }

    fn plus(self, other: Cost) -> Cost {
        Cost {
            bytes: self.bytes.saturating_add(other.bytes),
            handles: self.handles.saturating_add(other.handles),
        }
    }

    fn minus(self, other: Cost) -> Cost {
        Cost {
            bytes: self.bytes.saturating_sub(other.bytes),
            handles: self.handles.saturating_sub(other.handles),
        }
    }
}

/// One stored object's place. The object holds one end, the [`Storage`] the other.
#[derive(Debug)]
pub struct Ticket {
    hash: u64,
    hits: AtomicU8,
    bytes: AtomicU64,
    handles: AtomicU64,
    live: AtomicBool,
    growing: AtomicBool,
    in_main: AtomicBool,
}

impl Ticket {
    /// More hits than this are not counted (the paper's two bits).
    const MAX_HITS: u8 = 3;

    /// Notes that the object was asked for. Cheap enough for every request.
    pub fn hit(&self) {
        let hits = self.hits.load(Ordering::Relaxed);
        if hits < Ticket::MAX_HITS {
            self.hits.store(hits + 1, Ordering::Relaxed);
        }
    }

    /// Whether the object is still accounted for.
    pub fn is_live(&self) -> bool {
        self.live.load(Ordering::Relaxed)
    }

    fn cost(&self) -> Cost {
        Cost { bytes: self.bytes.load(Ordering::Relaxed), handles: self.handles.load(Ordering::Relaxed) }
    }
}

/// The room was not enough, even after everything that may go went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for {bytes} bytes more", bytes = wanted.bytes)]
pub struct NoRoom {
    /// What was asked for.
    pub wanted: Cost,
}

/// The accounts. Never holds an object; names those that must go.
#[derive(Debug)]
pub struct Storage<K> {
    room: Cost,
    used: Cost,
    small_used: Cost,
    small: VecDeque<(K, Arc<Ticket>)>,
    main: VecDeque<(K, Arc<Ticket>)>,
    ghosts: VecDeque<u64>,
    ghost_set: HashSet<u64>,
    objects: usize,
}

impl<K> Storage<K> {
    /// The small queue's share of the room: one in this many.
    const SMALL_SHARE: u64 = 10;
    /// Hashes remembered of objects that left the small queue.
    pub const MAX_GHOSTS: usize = 16 * 1024;

    /// An empty store with `room`.
    pub fn new(room: Cost) -> Storage<K> {
        Storage {
            room,
            used: Cost::default(),
            small_used: Cost::default(),
            small: VecDeque::new(),
            main: VecDeque::new(),
            ghosts: VecDeque::new(),
            ghost_set: HashSet::new(),
            objects: 0,
        }
    }

    /// What is in use. Never more than the room, but while objects grow that were there when it became less.
    pub fn used(&self) -> Cost {
        self.used
    }

    /// Objects accounted for.
    pub fn objects(&self) -> usize {
        self.objects
    }

    /// Opens an account for an object that is about to grow; it costs nothing yet and cannot be evicted until
    /// [`Storage::finish`]. `hash` is the key's; `replaces` is the object that the same key had, whose standing the
    /// new one inherits.
    pub fn admit(&mut self, key: K, hash: u64, replaces: Option<&Ticket>) -> Arc<Ticket> {
        let returns = self.ghost_set.contains(&hash);
        let in_main = returns || replaces.is_some_and(|old| old.in_main.load(Ordering::Relaxed));
        let ticket = Arc::new(Ticket {
            hash,
            hits: AtomicU8::new(replaces.map_or(0, |old| old.hits.load(Ordering::Relaxed))),
            bytes: AtomicU64::new(0),
            handles: AtomicU64::new(0),
            live: AtomicBool::new(true),
            growing: AtomicBool::new(true),
            in_main: AtomicBool::new(in_main),
        });
        let queue = if in_main { &mut self.main } else { &mut self.small };
        queue.push_back((key, ticket.clone()));
        self.objects += 1;
        self.sweep_released();
        ticket
    }

    /// Accounts for `more`, naming in `evicted` what must go for it. On `NoRoom` nothing is added (what was evicted
    /// stays so).
    pub fn grow(
        &mut self,
        ticket: &Ticket,
        more: Cost,
        evicted: &mut Vec<(K, Arc<Ticket>)>,
    ) -> Result<(), NoRoom> {
        let no_room = NoRoom { wanted: more };
        if !ticket.is_live() || ticket.cost().plus(more).exceeds(self.room) {
            return Err(no_room);
        }
        while self.used.plus(more).exceeds(self.room) {
            evicted.push(self.evict_one().ok_or(no_room)?);
            // A finished object that grows after all may have been the one to go.
            if !ticket.is_live() {
                return Err(no_room);
            }
        }
        self.used = self.used.plus(more);
        if !ticket.in_main.load(Ordering::Relaxed) {
            self.small_used = self.small_used.plus(more);
        }
        ticket.bytes.fetch_add(more.bytes, Ordering::Relaxed);
        ticket.handles.fetch_add(more.handles, Ordering::Relaxed);
        Ok(())
    }

    /// There is this much room from now on, naming in `evicted` what must go for it. Objects that still grow stay.
    pub fn resize(&mut self, room: Cost, evicted: &mut Vec<(K, Arc<Ticket>)>) {
        self.room = room;
        while self.used.exceeds(self.room) {
            let Some(gone) = self.evict_one() else { return };
            evicted.push(gone);
        }
    }

    /// How much room there is.
    pub fn room(&self) -> Cost {
        self.room
    }

    /// The object has its final size; from now on it may be evicted.
    pub fn finish(&mut self, ticket: &Ticket) {
        ticket.growing.store(false, Ordering::Relaxed);
    }

    /// The object is gone: replaced, out of date or broken. Once is enough; twice does no harm.
    pub fn release(&mut self, ticket: &Ticket) {
        if !ticket.live.swap(false, Ordering::Relaxed) {
            return;
        }
        let cost = ticket.cost();
        self.used = self.used.minus(cost);
        if !ticket.in_main.load(Ordering::Relaxed) {
            self.small_used = self.small_used.minus(cost);
        }
        self.objects -= 1;
    }

    /// Takes the next object that may go. Gives each queue one full turn before it says that there is none.
    fn evict_one(&mut self) -> Option<(K, Arc<Ticket>)> {
        // Every pass over an entry drops it, moves it to main, or takes one of its three hits.
        let mut turns = (self.small.len() + self.main.len()) * (usize::from(Ticket::MAX_HITS) + 2);
        while turns > 0 {
            turns -= 1;
            let small_full = self.small_used.bytes >= self.room.bytes / Self::SMALL_SHARE
                || self.small_used.handles >= (self.room.handles / Self::SMALL_SHARE).max(1);
            let from_small =
                !self.small.is_empty() && (small_full || self.main.is_empty() || turns.is_multiple_of(2));
            let victim = if from_small { self.pass_small() } else { self.pass_main() };
            if victim.is_some() {
                return victim;
            }
        }
        None
    }

    fn pass_small(&mut self) -> Option<(K, Arc<Ticket>)> {
        let (key, ticket) = self.small.pop_front()?;
        if !ticket.is_live() {
            return None;
        }
        if ticket.growing.load(Ordering::Relaxed) {
            self.small.push_back((key, ticket));
            return None;
        }
        if ticket.hits.load(Ordering::Relaxed) > 1 {
            ticket.hits.store(0, Ordering::Relaxed);
            ticket.in_main.store(true, Ordering::Relaxed);
            self.small_used = self.small_used.minus(ticket.cost());
            self.main.push_back((key, ticket));
            return None;
        }
        self.remember(ticket.hash);
        self.release(&ticket);
        Some((key, ticket))
    }

    fn pass_main(&mut self) -> Option<(K, Arc<Ticket>)> {
        let (key, ticket) = self.main.pop_front()?;
        if !ticket.is_live() {
            return None;
        }
        let hits = ticket.hits.load(Ordering::Relaxed);
        if hits > 0 || ticket.growing.load(Ordering::Relaxed) {
            ticket.hits.store(hits.saturating_sub(1), Ordering::Relaxed);
            self.main.push_back((key, ticket));
            return None;
        }
        self.release(&ticket);
        Some((key, ticket))
    }

    fn remember(&mut self, hash: u64) {
        if !self.ghost_set.insert(hash) {
            return;
        }
        self.ghosts.push_back(hash);
        if self.ghosts.len() > Self::MAX_GHOSTS
            && let Some(oldest) = self.ghosts.pop_front()
        {
            self.ghost_set.remove(&oldest);
        }
    }

    /// Released entries stay in their queue until they are passed; when they are the majority, all are dropped.
    fn sweep_released(&mut self) {
        const WORTH_IT: usize = 64;
        let queued = self.small.len() + self.main.len();
        if queued > WORTH_IT && queued > self.objects * 2 {
            self.small.retain(|(_, ticket)| ticket.is_live());
            self.main.retain(|(_, ticket)| ticket.is_live());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(bytes: u64) -> Cost {
        Cost { bytes, handles: 0 }
    }

    fn put(storage: &mut Storage<u64>, key: u64, size: u64) -> (Arc<Ticket>, Vec<u64>) {
        let ticket = storage.admit(key, key, None);
        let mut evicted = Vec::new();
        storage.grow(&ticket, bytes(size), &mut evicted).unwrap();
        storage.finish(&ticket);
        (ticket, evicted.into_iter().map(|(key, _)| key).collect())
    }

    #[test]
    fn what_nobody_asked_for_twice_goes_first() {
        let mut storage = Storage::new(bytes(100));
        let (popular, _) = put(&mut storage, 0, 10);
        for _ in 0..3 {
            popular.hit();
        }
        for key in 1..200 {
            let (_, evicted) = put(&mut storage, key, 10);
            assert!(!evicted.contains(&0), "the popular one left for {key}");
            popular.hit();
        }
        assert_eq!(storage.used(), bytes(100));
    }

    #[test]
    fn a_smaller_room_keeps_what_is_popular_or_grows_and_a_larger_one_takes_more_again() {
        let mut storage = Storage::new(bytes(100));
        let growing = storage.admit(100, 100, None);
        let mut evicted = Vec::new();
        storage.grow(&growing, bytes(10), &mut evicted).unwrap();
        let (popular, _) = put(&mut storage, 0, 10);
        (0..3).for_each(|_| popular.hit());
        (1..9).for_each(|key| drop(put(&mut storage, key, 10)));
        storage.resize(bytes(20), &mut evicted);
        assert_eq!((storage.used(), evicted.len()), (bytes(20), 8));
        assert!(popular.is_live() && growing.is_live());
        storage.resize(bytes(100), &mut evicted);
        (10..18).for_each(|key| assert!(put(&mut storage, key, 10).1.is_empty()));
    }

    #[test]
    fn a_growing_object_stays_and_one_larger_than_the_room_never_enters() {
        let mut storage = Storage::new(bytes(100));
        let growing = storage.admit(1, 1, None);
        let mut evicted = Vec::new();
        storage.grow(&growing, bytes(90), &mut evicted).unwrap();
        let other = storage.admit(2, 2, None);
        assert!(storage.grow(&other, bytes(11), &mut evicted).is_err());
        assert!(storage.grow(&growing, bytes(11), &mut evicted).is_err());
        assert!(evicted.is_empty());
        storage.finish(&growing);
        storage.grow(&other, bytes(11), &mut evicted).unwrap();
        assert_eq!(evicted[0].0, 1);
        assert!(storage.grow(&growing, bytes(1), &mut evicted).is_err(), "it has been evicted");
    }

    #[test]
    fn handles_are_as_scarce_as_bytes() {
        let mut storage = Storage::new(Cost { bytes: 1000, handles: 2 });
        let mut evicted = Vec::new();
        for key in 0..5u64 {
            let ticket = storage.admit(key, key, None);
            storage.grow(&ticket, Cost { bytes: 1, handles: 1 }, &mut evicted).unwrap();
            storage.finish(&ticket);
        }
        assert_eq!(evicted.len(), 3);
        assert_eq!(storage.used().handles, 2);
    }

    #[test]
    fn an_object_that_returns_soon_is_kept_in_the_main_queue() {
        let mut storage = Storage::new(bytes(100));
        put(&mut storage, 7, 10);
        for key in 100..120 {
            put(&mut storage, key, 10);
        }
        let (again, _) = put(&mut storage, 7, 10);
        assert!(again.in_main.load(Ordering::Relaxed));
    }

    proptest! {
        #[test]
        fn accounts_always_balance(steps in prop::collection::vec((0u8..5, 0u64..30, 0usize..20), 0..300)) {
            let room = Cost { bytes: 100, handles: 8 };
            let mut storage = Storage::new(room);
            let mut tickets: Vec<Arc<Ticket>> = Vec::new();
            let mut evicted = Vec::new();
            for (step, amount, pick) in steps {
                let picked = (!tickets.is_empty()).then(|| tickets[pick % tickets.len()].clone());
                match (step, picked) {
                    (0, old) => tickets.push(storage.admit(amount, amount, old.as_deref())),
                    (1, Some(ticket)) => {
                        let more = Cost { bytes: amount, handles: amount % 3 };
                        let _ = storage.grow(&ticket, more, &mut evicted);
                    }
                    (2, Some(ticket)) => storage.finish(&ticket),
                    (3, Some(ticket)) => storage.release(&ticket),
                    (_, Some(ticket)) => ticket.hit(),
                    _ => {}
                }
                let live = tickets.iter().filter(|ticket| ticket.is_live());
                let sum = live.clone().fold(Cost::default(), |sum, ticket| sum.plus(ticket.cost()));
                prop_assert_eq!(sum, storage.used());
                prop_assert!(!storage.used().exceeds(room));
                prop_assert_eq!(live.clone().count(), storage.objects());
                let small = live.filter(|ticket| !ticket.in_main.load(Ordering::Relaxed));
                let small = small.fold(Cost::default(), |sum, ticket| sum.plus(ticket.cost()));
                prop_assert_eq!(small, storage.small_used);
                prop_assert!(evicted.iter().all(|(_, ticket)| !ticket.is_live()));
            }
        }
    }
}
