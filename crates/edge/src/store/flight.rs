//! A fetch under way: who leads it, who waits for it, and what it leaves behind.

use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http_cache::storage::NoRoom;
use http_cache::{Cost, Key, Ticket};
use tokio::sync::Notify;

use super::{Failure, Slot, Store};
use crate::object::Object;

/// What an object costs beyond its body: head, key and accounts, in bytes.
const OBJECT_OVERHEAD: u64 = 2 * 1024;
/// How long it is believed that a key's answers are not to be shared.
const UNSHARED_BELIEF: Duration = Duration::from_secs(5);

/// A fetch of which the head has not come.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) begun: Instant,
    landing: OnceLock<Landing>,
    landed: Notify,
}

/// How a flight ended.
#[derive(Clone, Debug)]
pub(crate) enum Landing {
    /// An answer to share, whole or filling.
    Object(Arc<Object>),
    /// The origin failed; this old answer may stand in.
    Stale(Arc<Object>),
    /// An answer that is only the leader's.
    Pass,
    /// Nothing.
    Failed(Failure),
}

impl Flight {
    pub(super) fn new(begun: Instant) -> Arc<Flight> {
        Arc::new(Flight { begun, landing: OnceLock::new(), landed: Notify::new() })
    }

    /// Waits for the end.
    pub(crate) async fn landing(&self) -> Landing {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            landed.as_mut().enable();
            if let Some(landing) = self.landing.get() {
                return landing.clone();
            }
            landed.await;
        }
    }
}

/// The right and the duty to fetch a key: dropped without a landing, it lands as failed, so nobody waits for ever.
#[derive(Debug)]
pub(crate) struct Lead {
    pub(super) store: Arc<Store>,
    pub(crate) key: Key,
    pub(crate) flight: Arc<Flight>,
    /// The copy that is no longer fresh.
    pub(crate) old: Option<Arc<Object>>,
    /// How long it is remembered that nothing came, where nothing comes.
    pub(crate) hold: Duration,
}

impl Lead {
    /// Opens an account for the object about to be stored, head included.
    pub(crate) fn admit(&self) -> Result<Arc<Ticket>, NoRoom> {
        let hash = self.store.hasher.hash_one(self.key.as_str());
        let old = self.old.as_ref().map(|old| &*old.ticket);
        let ticket = self.store.room().admit(self.key.clone(), hash, old);
        let overhead = Cost { bytes: OBJECT_OVERHEAD, handles: 0 };
        match self.store.grow(&ticket, overhead) {
            Ok(()) => Ok(ticket),
            Err(no_room) => {
                self.store.room().release(&ticket);
                Err(no_room)
            }
        }
    }

    /// Puts `old` where a copy that is no longer fresh would be.
    pub(crate) fn adopt(&mut self, old: &Arc<Object>) {
        self.old = Some(old.clone());
        let mut shard = self.store.shard(self.key.as_str());
        if let Some(slot) = shard.get_mut(&self.key)
            && slot.flight.as_ref().is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            slot.object = Some(old.clone());
        }
    }

    /// Ends the flight: keeps what is to be kept, and lets everybody go who waited.
    pub(crate) fn land(self, landing: Landing, now: Instant) {
        self.end_flight(landing, now);
    }

    fn end_flight(&self, landing: Landing, now: Instant) {
        let mut gone = None;
        {
            let mut shard = self.store.shard(self.key.as_str());
            // A purge takes the flight away: what it brings is for those who wait, and leaves nothing behind.
            let own = |slot: &&mut Slot| {
                slot.flight.as_ref().is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
            };
            if let Some(slot) = shard.get_mut(&self.key).filter(own) {
                slot.flight = None;
                match &landing {
                    Landing::Object(object) => {
                        // A refreshed one shares its predecessor's account, which may have been evicted meanwhile.
                        slot.object = object.ticket.is_live().then(|| object.clone());
                        slot.failed = None;
                        slot.unshared_until = None;
                    }
                    Landing::Pass => {
                        gone = slot.object.take();
                        slot.unshared_until = Some(now + UNSHARED_BELIEF);
                    }
                    Landing::Stale(_) => slot.failed = Some((now + self.hold, Failure::TooStale)),
                    Landing::Failed(failure) => {
                        slot.failed = Some((now + self.hold, *failure));
                    }
                }
            }
        }
        if let Some(gone) = gone
            && gone.whole().is_some()
        {
            self.store.room().release(&gone.ticket);
        }
        if self.flight.landing.set(landing).is_ok() {
            self.flight.landed.notify_waiters();
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if self.flight.landing.get().is_none() {
            self.end_flight(Landing::Failed(Failure::BrokenOff), Instant::now());
        }
    }
}
