//! The cache gives way where memory is short.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use daemon::memory::{Look, Memory};
use http_cache::Cost;

use super::Store;

/// What it keeps in any case: the newest segments of what is watched.
const LEAST_BYTES: u64 = 16 << 20;
/// Part of its whole room by which it grows again with each look.
const REGAIN: u64 = 64;

impl Store {
    /// Takes a quarter less than it holds while memory is short; else, look by look, what it was given at the start.
    pub(crate) fn fit(&self, look: Look) {
        daemon::tell_memory!(look, "the cache is smaller while memory is short");
        let mut evicted = Vec::new();
        {
            let mut room = self.room();
            let (now, whole) = (room.room(), self.whole_room);
            let bytes = match look.memory {
                Memory::Short => (room.used().bytes / 4 * 3).max(LEAST_BYTES).min(now.bytes),
                Memory::Ample => now.bytes.saturating_add(whole.bytes / REGAIN).min(whole.bytes),
            };
            if bytes == now.bytes {
                return;
            }
            room.resize(Cost { bytes, ..now }, &mut evicted);
        }
        self.evictions.fetch_add(evicted.len() as u64, Ordering::Relaxed);
        for (key, ticket) in evicted {
            self.remove(&key, |object| Arc::ptr_eq(&object.ticket, &ticket));
        }
    }
}
