//! What every request is answered with: the store, the doors, who may.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use daemon::Drain;
use door::{Door, Seen, Site};
use identity::AccountId;
use identity::seal::Keyring;
use identity::sigv4::Replays;
use media::Utc;
use store::Store;
use tokio::sync::{Semaphore, watch};

use crate::first_start::Identity;
use crate::last_used::LastUsed;
use crate::limits;
use crate::metrics::Metrics;
use crate::native::ChannelDoor;
use crate::refusals::Refusals;

/// Shared by all requests.
pub(crate) struct Front {
    pub(crate) store: Store,
    pub(crate) doors: Vec<Arc<dyn Door>>,
    pub(crate) channels: Arc<ChannelDoor>,
    pub(crate) account: AccountId,
    pub(crate) keyring: Keyring,
    pub(crate) site: Site,
    /// The workflow file's text: its settings, and the order of its tables.
    pub(crate) workflow: String,
    pub(crate) seen: watch::Receiver<Arc<Seen>>,
    pub(crate) replays: Mutex<Replays>,
    pub(crate) used: LastUsed,
    pub(crate) refusals: Refusals,
    pub(crate) event_streams: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    pub(crate) drain: Drain,
}

/// What a [`Front`] is made of.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) doors: Vec<Arc<dyn Door>>,
    pub(crate) channels: Arc<ChannelDoor>,
    pub(crate) identity: Identity,
    pub(crate) site: Site,
    pub(crate) workflow: String,
    pub(crate) seen: watch::Receiver<Arc<Seen>>,
    pub(crate) refusals: Refusals,
    pub(crate) metrics: Metrics,
    pub(crate) drain: Drain,
}

impl Front {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { store, doors, channels, identity, site, workflow, seen, refusals, metrics, drain } =
            parts;
        // Before the first start nobody had a key to sign with. Later ones do not know what the process before saw, so what is
        // dated before this second is refused, once; clients sign anew.
        let floor = match identity.made {
            Some(_) => Utc(0),
            None => Utc(now().0.div_euclid(1_000_000) * 1_000_000 - 1),
        };
        Self {
            store,
            doors,
            channels,
            account: identity.account,
            keyring: identity.keyring,
            site,
            workflow,
            seen,
            replays: Mutex::new(Replays::new(limits::REPLAYS, floor)),
            used: LastUsed::default(),
            refusals,
            event_streams: Arc::new(Semaphore::new(limits::EVENT_STREAMS)),
            metrics,
            drain,
        }
    }

    /// The wall clock, which signatures are dated by.
    pub(crate) fn now(&self) -> Utc {
        now()
    }

    /// The door of a service.
    pub(crate) fn door(&self, service: &str) -> Option<&Arc<dyn Door>> {
        self.doors.iter().find(|door| door.service() == service)
    }
}

fn now() -> Utc {
    SystemTime::now().into()
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("account", &self.account).finish_non_exhaustive()
    }
}
