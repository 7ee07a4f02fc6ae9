//! Where one encoder pushes: a path, who may, and what is there.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_auth::{Gate, Login};
use rustls::crypto::ring::default_provider;
use tokio::sync::Semaphore;

use super::room::Room;
use super::store::Store;
use crate::channel::Channel;
use crate::metrics::PushMetrics;

/// Uploads of one encoder at once: of each rendition that is read, and of some more, a segment, which some push while they make it,
/// and a playlist.
const MAX_UPLOADS: usize = 64;
const REALM: &str = "headwater";

/// A place for one encoder's files: `/in/PATH/`.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) channel: Arc<Channel>,
    pub(crate) store: Arc<Store>,
    pub(super) uploads: Semaphore,
    pub(super) metrics: PushMetrics,
    gate: Mutex<Option<Gate>>,
    /// What the figure has of it.
    shown_bytes: AtomicI64,
    /// From when on the gate's times are counted.
    born: Instant,
}

impl Place {
    pub(crate) fn new(
        path: String,
        login: Option<Login>,
        channel: Arc<Channel>,
        room: &Arc<Room>,
        metrics: PushMetrics,
    ) -> Self {
        let store = Arc::new(Store::new(&path, room.clone()));
        let (uploads, gate) = (Semaphore::new(MAX_UPLOADS), Mutex::new(login.map(gate)));
        Self {
            path,
            channel,
            store,
            uploads,
            metrics,
            gate,
            shown_bytes: AtomicI64::new(0),
            born: Instant::now(),
        }
    }

    /// Another login holds from now on; what is there stays.
    pub(crate) fn set_login(&self, login: Option<Login>) {
        let mut now = self.gate();
        match (&mut *now, login) {
            (Some(gate), Some(login)) => gate.set_login(login),
            (now, login) => *now = login.map(gate),
        }
    }

    /// The gate's time.
    pub(super) fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// Brings the figure of the channel's bytes up to date, which is of all its places.
    pub(super) fn show_bytes(&self) {
        let now = self.store.bytes() as i64;
        self.metrics.stored_bytes.inc_by(now - self.shown_bytes.swap(now, Ordering::Relaxed));
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Option<Gate>> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gate(login: Login) -> Gate {
    let mut key = [0; 32];
    default_provider().secure_random.fill(&mut key).expect("the system has random bytes");
    Gate::new(REALM, login, key)
}
