//! A front without sockets, and doors that only tell what they were asked, for tests.

use std::sync::{Arc, Mutex};

use aws::Map;
use daemon::Drain;
use door::{Answer, Caller, Door, Seen, Site};
use identity::Given;
use store::{Place, Store};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::first_start::{self, RootKey};
use crate::front::{Front, Parts};
use crate::metrics::Metrics;
use crate::native::ChannelDoor;
use crate::refusals;

/// A front, the root's key, and the folder that holds its files.
pub(crate) struct Home {
    pub(crate) front: Arc<Front>,
    pub(crate) root: RootKey,
    pub(crate) folder: TempDir,
}

/// What a [`Recorder`] was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) operation: &'static str,
    pub(crate) input: Map,
}

/// Answers everything with nothing, and remembers it.
pub(crate) struct Recorder {
    service: &'static str,
    pub(crate) asked: Mutex<Vec<Asked>>,
}

impl Recorder {
    pub(crate) fn new(service: &'static str) -> Arc<Self> {
        Arc::new(Self { service, asked: Mutex::default() })
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().expect("not poisoned").len()
    }
}

impl Door for Recorder {
    fn service(&self) -> &'static str {
        self.service
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<Answer<'a>> {
        let asked = Asked { caller: caller.clone(), operation, input };
        self.asked.lock().expect("not poisoned").push(asked);
        Some(Box::pin(async { Ok(Map::new()) }))
    }

    fn takes_unsigned(&self, operation: &str) -> bool {
        matches!(operation, "ConfirmSubscription" | "Unsubscribe")
    }
}

pub(crate) async fn front(doors: Vec<Arc<dyn Door>>) -> Home {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&Place::Sqlite(folder.path().join("store.db"))).await.expect("opened");
    let identity = first_start::prepare(&store, folder.path(), &Given::default()).await.expect("made");
    let root = first_start::root_key(&store, folder.path()).await.expect("made");
    let channels = Arc::new(ChannelDoor::new(identity.keyring.clone()));
    let metrics = Metrics::default();
    let (refusals, _) = refusals::start(store.clone(), metrics.clone());
    let address = "127.0.0.1:1".parse().expect("an address");
    let site = Site {
        host: "localhost".to_owned(),
        viewers: address,
        rtmp: address,
        srt: address,
        hls_push: address,
        origin: address,
        control: address,
    };
    let (_, seen) = watch::channel(Arc::new(Seen::default()));
    let (drain, _) = Drain::manual();
    let workflow = String::new();
    let parts = Parts { store, doors, channels, identity, site, workflow, seen, refusals, metrics, drain };
    Home { front: Arc::new(Front::new(parts)), root, folder }
}
