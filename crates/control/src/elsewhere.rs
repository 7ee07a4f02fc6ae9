//! What the workflow file and the native API made, for the doors of services: they show it to their own clients.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use door::{Made, Other, Others, Told};
use identity::AccountId;
use plan::Kind;
use spec::{Channel, Distribution, Endpoint, Workflow};
use store::{Key, Owner, Page, Resource, Store};

use crate::first_start::Identity;
use crate::native::{ChannelDoor, REGION, is_ours, with_name};
use crate::workflow_file::{self, KINDS};

/// Opens what the store has of both. Clones share what was read.
#[derive(Clone)]
pub struct Elsewhere(Arc<Inner>);

struct Inner {
    store: Store,
    account: AccountId,
    door: ChannelDoor,
    /// The workflow file's text: its settings beside the tables that the store has.
    workflow: String,
    /// What was read last, as long as nothing changes: to open and parse all of it for each call would be slow.
    known: Mutex<Arc<Known>>,
}

/// What resources of these generations are.
#[derive(Default)]
struct Known {
    versions: Vec<(Key, i64)>,
    channels: BTreeMap<String, Arc<Channel>>,
    endpoints: BTreeMap<String, Arc<Endpoint>>,
    distributions: BTreeMap<String, Arc<Distribution>>,
}

impl Elsewhere {
    /// Of this store, whose secrets `identity` opens; `workflow` is the file's text.
    pub fn new(store: Store, identity: &Identity, workflow: &str) -> Self {
        let door = ChannelDoor::new(identity.keyring.clone());
        let (account, workflow) = (identity.account.clone(), workflow.to_owned());
        Self(Arc::new(Inner { store, account, door, workflow, known: Mutex::default() }))
    }

    async fn look(&self) -> Result<Made, store::Error> {
        let resources = self.0.resources().await?;
        let known = self.known(&resources).await?;
        let of =
            |kind: Kind| resources.iter().filter(move |resource| resource.key.kind() == kind.to_string());
        Ok(Made {
            channels: of(Kind::Channel).filter_map(|one| self.other(one, &known.channels)).collect(),
            endpoints: of(Kind::Endpoint).filter_map(|one| self.other(one, &known.endpoints)).collect(),
            distributions: of(Kind::Distribution)
                .filter_map(|one| self.other(one, &known.distributions))
                .collect(),
        })
    }

    fn other<T>(&self, resource: &Resource, specs: &BTreeMap<String, Arc<T>>) -> Option<Other<T>> {
        let name = resource.key.id();
        Some(Other {
            name: name.to_owned(),
            owner: resource.owner,
            spec: specs.get(name)?.clone(),
            sight: self.0.door.sight(resource),
            tags: resource.tags.clone(),
            generation: resource.generation,
            created: resource.created,
            updated: resource.updated,
        })
    }

    /// What the resources are. Where any has changed, all are read anew, in a thread beside those that answer.
    async fn known(&self, resources: &[Resource]) -> Result<Arc<Known>, store::Error> {
        let versions: Vec<_> =
            resources.iter().map(|resource| (resource.key.clone(), resource.generation)).collect();
        let before = self.0.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if before.versions == versions {
            return Ok(before);
        }
        let (inner, resources) = (self.0.clone(), resources.to_vec());
        let read = tokio::task::spawn_blocking(move || Arc::new(inner.read(versions, &resources))).await;
        let read = read.map_err(|_| {
            store::Error::Damaged("what the workflow file made cannot be read; the log says more".to_owned())
        })?;
        *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) = read.clone();
        Ok(read)
    }
}

impl Others for Elsewhere {
    fn made(&self) -> Told<'_> {
        Box::pin(self.look())
    }
}

impl Inner {
    /// What the file has tables of, and the native API's channels, in the order of their names.
    async fn resources(&self) -> Result<Vec<Resource>, store::Error> {
        let mut resources = Vec::new();
        for kind in KINDS {
            let mut after: Option<String> = None;
            loop {
                let (kind, account) = (kind.to_string(), self.account.as_str());
                let page = self.store.list(&kind, account, REGION, after.as_deref(), Page::<Resource>::MAX);
                let page = page.await?;
                resources.extend(page.items);
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(resources)
    }

    /// One that cannot be read is left out, and its log line says why.
    fn read(&self, versions: Vec<(Key, i64)>, resources: &[Resource]) -> Known {
        let mut known = Known { versions, ..Known::default() };
        if resources.iter().any(|resource| resource.owner == Owner::File) {
            match Workflow::parse(&workflow_file::base(&self.workflow, &self.door, resources)) {
                Ok(file) => known.add(file),
                Err(fault) => tracing::error!(%fault, "what the workflow file made cannot be shown"),
            }
        }
        for resource in resources.iter().filter(|resource| is_ours(resource)) {
            let name = resource.key.id();
            match self.door.open(resource) {
                Ok(stored) => {
                    let table = toml::Value::Table(with_name(name, &stored.settings));
                    let alone = door::table([("channel", vec![table])]);
                    match Workflow::parse(&alone.to_string()) {
                        Ok(file) => known.add(file),
                        Err(fault) => {
                            tracing::error!(%fault, channel = name, "a stored channel cannot be shown")
                        }
                    }
                }
                Err(error) => tracing::error!(%error, channel = name, "a stored channel cannot be read"),
            }
        }
        known
    }
}

impl Known {
    fn add(&mut self, file: Workflow) {
        let Workflow { channels, endpoints, distributions, .. } = file;
        self.channels.extend(channels.into_iter().map(|one| (one.name.to_string(), Arc::new(one))));
        self.endpoints.extend(endpoints.into_iter().map(|one| (one.name.clone(), Arc::new(one))));
        self.distributions.extend(distributions.into_iter().map(|one| (one.name.clone(), Arc::new(one))));
    }
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elsewhere").field("account", &self.0.account).finish_non_exhaustive()
    }
}
