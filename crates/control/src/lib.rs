//! The control role's front door: who asks, may they, which door takes the call, and what runs because of it.
//!
//! One HTTP listener, in the clear and on loopback until the operator says otherwise ([`run`]):
//!
//! - `GET /health`, for everybody.
//! - `/v1/…`: the native API ([`native`]): JSON, problem details, a feed of changes.
//! - everything else: AWS's APIs ([`aws_call`]): `aws::Model::route` finds the operation, [`asker`] knows who signed it and what
//!   their policies say, [`door::Door::call`] does it.
//!
//! At the first start [`first_start`] makes account, root access key and console password. [`reconcile`] keeps what runs as the
//! store has it: the workflow file's resources ([`workflow_file`]) and every door's [`door::Door::wanted`] are put together
//! ([`compose`]) and given to a [`Runner`], and what it sees goes back through [`door::Door::observe`]. Media goes on while this role is away.

#![forbid(unsafe_code)]

mod asker;
mod aws_call;
mod compose;
mod elsewhere;
mod first_start;
mod front;
mod last_used;
mod limits;
mod master_key;
mod metrics;
mod native;
mod random;
mod reconcile;
mod refusals;
mod runner;
mod seed_dialect;
mod server;
#[cfg(test)]
mod testing;
mod upkeep;
mod workflow_file;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use daemon::Drain;
use door::{Door, Seen, Site};
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use compose::{Composed, compose};
pub use elsewhere::Elsewhere;
pub use first_start::{FirstStartFault, Identity, RootKey, given_by_environment, prepare, root_key};
pub use limits::Limits;
pub use master_key::MasterKeyFault;
pub use plan::{NotTheFiles, Step};
pub use runner::{Applied, Refused, Runner};
pub use workflow_file::{File, FileFault, plan_file};

use crate::front::Front;
use crate::native::ChannelDoor;

/// Where it listens, unless the operator says otherwise: this machine's programs alone can come.
pub const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8400);

/// What the control role is given.
#[expect(missing_debug_implementations, reason = "doors and runner have none")]
pub struct Config {
    /// Where API calls come.
    pub listener: TcpListener,
    /// Resources and identity.
    pub store: Store,
    /// The services, beside those that are built in: IAM, STS and the native API.
    pub doors: Vec<Arc<dyn Door>>,
    /// What answers name.
    pub site: Site,
    /// Whose it all is: [`prepare`].
    pub identity: Identity,
    /// The workflow file's text, which is applied first ([`File::apply`]); empty where there is none.
    pub workflow: String,
    /// Who runs what is wanted; without one the API answers, and nothing runs.
    pub runner: Option<Arc<dyn Runner>>,
    /// Where Prometheus text is answered: a unix socket.
    pub metrics_socket: Option<PathBuf>,
    /// What clients may take.
    pub limits: Limits,
}

/// Why the control role cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener.
    #[error("the control role cannot use its listener")]
    Listener(#[source] std::io::Error),
    /// The metrics' socket.
    #[error("the control role cannot answer with metrics on `{}`", path.display())]
    Metrics {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A part of it broke off, which is a bug: its log says more.
    #[error("the control role's {0} broke off; start it again")]
    Broke(&'static str),
}

/// Answers API calls, and keeps what runs as it is wanted, until the drain. Call inside a tokio runtime.
///
/// At the very first start it prints the root access key and the console password to standard error, once.
pub async fn run(config: Config, drain: Drain) -> Result<(), Error> {
    let Config { listener, store, doors, site, identity, workflow, runner, metrics_socket, limits } = config;
    if let Some((_, announcement)) = &identity.made {
        eprintln!("{announcement}");
    }
    aws::Model::bundled();

    let (registry, metrics) = metrics::registry();
    if let Some(path) = metrics_socket {
        daemon::metrics::serve(registry, &path, drain.clone())
            .map_err(|source| Error::Metrics { path, source })?;
    }
    if let Err(fault) = File::of(&identity).apply(&store, &workflow).await {
        // What it made before goes on.
        tracing::error!(error = &fault as &dyn std::error::Error, "the workflow file is not applied");
    }
    let channels = Arc::new(ChannelDoor::new(identity.keyring.clone()));
    let doors = {
        let mut doors = doors;
        doors.push(Arc::new(iam::Iam::new(store.clone(), identity.keyring.clone())));
        doors.push(Arc::new(iam::Sts::new(store.clone(), identity.keyring.clone())));
        doors.push(channels.clone());
        doors
    };
    let (refusals, written) = refusals::start(store.clone(), metrics.clone());
    let (seen, seen_by_front) = watch::channel(Arc::new(Seen::default()));
    let front = Arc::new(Front::new(front::Parts {
        store: store.clone(),
        doors: doors.clone(),
        channels: channels.clone(),
        identity,
        site: site.clone(),
        workflow: workflow.clone(),
        seen: seen_by_front,
        refusals,
        metrics: metrics.clone(),
        drain: drain.clone(),
    }));
    listener.set_nonblocking(true).map_err(Error::Listener)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Listener)?;

    let mut reconciling = tokio::spawn(reconcile::run(
        reconcile::Reconcile {
            store: store.clone(),
            planner: Arc::new(reconcile::Planner { doors, site, workflow, channels }),
            runner,
            metrics,
            seen,
        },
        drain.clone(),
    ));
    let mut keeping = tokio::spawn(upkeep::run(front.clone(), drain.clone()));
    let served = tokio::select! {
        () = server::serve(listener, &front, limits, drain.clone()) => Ok(()),
        () = broken(&mut reconciling, &drain) => Err(Error::Broke("reconcile loop")),
        () = broken(&mut keeping, &drain) => Err(Error::Broke("upkeep")),
    };
    for part in [reconciling, keeping] {
        if served.is_err() {
            part.abort();
        } else if !part.is_finished() {
            // It ends with the drain too, and waits for the store some seconds at most.
            let _ = part.await;
        }
    }
    drop(front);
    written.finished().await;
    served
}

/// Resolves when a part has ended, unless it was asked to.
async fn broken(part: &mut JoinHandle<()>, drain: &Drain) {
    let ended = part.await;
    if ended.is_ok() && drain.is_requested() {
        std::future::pending::<()>().await;
    }
}
