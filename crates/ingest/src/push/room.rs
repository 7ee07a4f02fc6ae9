//! Memory for what is pushed, all channels together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all files and uploads together may have.
const MAX_BYTES: usize = 1 << 30;

/// Memory that is left.
#[derive(Debug)]
pub(crate) struct Room(AtomicUsize);

/// Some of it, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    room: Arc<Room>,
    bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(MAX_BYTES)
    }
}

impl Room {
    pub(super) const fn of(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    /// Nothing yet.
    pub(super) fn hold(self: &Arc<Self>) -> Held {
        Held { room: self.clone(), bytes: 0 }
    }
}

impl Held {
    /// Takes so much more; false, and nothing, where there is not so much.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        let is_taken = self.room.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        self.bytes += if is_taken { bytes } else { 0 };
        is_taken
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.room.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_missing_until_it_is_given_back() {
        let room = Arc::new(Room::of(10));
        let (mut one, mut other) = (room.hold(), room.hold());
        assert!(one.grow(7) && !other.grow(4) && other.grow(3) && !one.grow(1));
        assert_eq!((one.bytes(), other.bytes()), (7, 3));
        drop(one);
        assert!(other.grow(7));
    }
}
