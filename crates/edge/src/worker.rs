//! What the tasks of one serving thread share, and what all threads share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use http_cache::KeyRules;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::access::Guard;
use crate::client::{Client, Origins};
use crate::config::Limits;
use crate::counters::{Counters, FetchEnd, Shed};
use crate::distribution::Distributions;
use crate::fence::Fences;
use crate::lag::Lag;
use crate::store::Store;
use crate::tls::acme::Proofs;

/// One edge.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) key_rules: KeyRules,
    pub(crate) limits: Limits,
    /// The value of `Alt-Svc` on answers over TLS, where HTTP/3 is spoken (RFC 7838).
    pub(crate) alt_svc: Option<Box<str>>,
    /// Proofs that this machine is its domains', where certificates are asked for by ACME.
    pub(crate) proofs: Option<Arc<Proofs>>,
    /// Who may ask, where some paths take a token.
    pub(crate) access: Option<Arc<Guard>>,
    /// Sites of their own, where there are any.
    pub(crate) distributions: Distributions,
    /// Paths that only some addresses may fetch.
    pub(crate) fences: Fences,
    /// Where viewers come by TLS.
    pub(crate) tls_port: Option<u16>,
    /// One permit a fetch from the origin.
    pub(crate) fetches: Arc<Semaphore>,
    draining: watch::Sender<Draining>,
    /// The same, for a look at each request.
    is_draining: AtomicBool,
}

/// What a [`Shared`] is made of.
pub(crate) struct Parts {
    pub(crate) store: Arc<Store>,
    pub(crate) key_rules: KeyRules,
    pub(crate) limits: Limits,
    pub(crate) alt_svc: Option<Box<str>>,
    pub(crate) proofs: Option<Arc<Proofs>>,
    pub(crate) access: Option<Arc<Guard>>,
    pub(crate) distributions: Distributions,
    pub(crate) fences: Fences,
    pub(crate) tls_port: Option<u16>,
}

/// How far the edge's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Draining {
    /// It serves.
    No,
    /// It accepts nobody; each viewer is told at his next answer to connect anew.
    Begun,
    /// Its time is nearly over: who waits for a head is told to ask again.
    Ending,
}

/// One thread of it.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) lag: Arc<Lag>,
    /// Of the edge's own origins.
    pub(crate) client: Arc<Client>,
    /// Of distributions' origins, made when they are first asked.
    clients: Mutex<Vec<Arc<Client>>>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Shared {
        let Parts { store, key_rules, limits, alt_svc, proofs, access, distributions, fences, tls_port } =
            parts;
        Shared {
            store,
            key_rules,
            fetches: Arc::new(Semaphore::new(limits.fetches)),
            limits,
            alt_svc,
            proofs,
            access,
            distributions,
            fences,
            tls_port,
            draining: watch::Sender::new(Draining::No),
            is_draining: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    pub(crate) fn drain(&self, state: Draining) {
        self.is_draining.store(state != Draining::No, Ordering::Relaxed);
        self.draining.send_replace(state);
    }

    /// Resolves once the drain has come to `state`.
    pub(crate) async fn drained_to(&self, state: Draining) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.draining.subscribe().wait_for(|now| *now >= state).await;
    }
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        counters: Arc<Counters>,
        lag: Arc<Lag>,
        origins: Arc<Origins>,
    ) -> Worker {
        Worker { shared, counters, lag, client: Arc::new(Client::new(origins)), clients: Mutex::default() }
    }

    /// This thread's connections to these origins.
    pub(crate) fn client_of(&self, origins: &Arc<Origins>) -> Arc<Client> {
        let mut clients = self.clients.lock().expect("nothing panics while it holds the clients");
        if let Some(known) = clients.iter().find(|client| Arc::ptr_eq(&client.origins, origins)) {
            return known.clone();
        }
        clients.retain(|client| !client.origins.is_retired());
        let client = Arc::new(Client::new(origins.clone()));
        clients.push(client.clone());
        client
    }

    /// Leave to fetch from the origin, unless so much is under way or waiting that one more would not come in time.
    pub(crate) fn may_fetch(&self) -> Option<OwnedSemaphorePermit> {
        let bound = if self.is_late() {
            Shed::LoopLag
        } else {
            match self.shared.fetches.clone().try_acquire_owned() {
                Ok(permit) => return Some(permit),
                Err(_) => Shed::Fetches,
            }
        };
        self.counters.shed(bound);
        self.counters.fetched(FetchEnd::Refused);
        None
    }

    /// Whether this thread is too late for what is due to take on more.
    pub(crate) fn is_late(&self) -> bool {
        self.lag.at(Instant::now()) > self.shared.limits.loop_lag
    }
}
