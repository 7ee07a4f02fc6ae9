//! What the tasks of one serving thread share, and what all threads share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http_cache::KeyRules;
use tokio::sync::Semaphore;

use crate::config::Limits;
use crate::counters::Counters;
use crate::origin::Client;
use crate::store::Store;

/// One edge.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) key_rules: KeyRules,
    pub(crate) limits: Limits,
    /// One permit a fetch from the origin.
    pub(crate) fetches: Arc<Semaphore>,
    pub(crate) draining: AtomicBool,
    /// Answers under way, which a drain waits for.
    busy: AtomicUsize,
}

/// One thread of it.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) client: Client,
}

impl Shared {
    pub(crate) fn new(store: Arc<Store>, limits: Limits) -> Shared {
        Shared {
            store,
            key_rules: KeyRules::hls(),
            fetches: Arc::new(Semaphore::new(limits.fetches)),
            limits,
            draining: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }
}

/// An answer under way.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Worker>);

impl Busy {
    pub(crate) fn new(worker: &Arc<Worker>) -> Busy {
        worker.shared.busy.fetch_add(1, Ordering::Relaxed);
        Busy(worker.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.shared.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
