//! The control role as a process of its own, and what is read from its folder.
//!
//! - [`runner`]: what is wanted goes to the supervisor, what is seen comes back.
//! - [`doors`]: the services, and what they need to act.
//! - [`encoders`]: what encoders show, and started anew.
//! - [`watch`]: figures of all that runs, for CloudWatch.
//! - [`edited`]: another workflow file, while everything runs.

mod doors;
mod edited;
mod encoders;
mod runner;
mod watch;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use control::RootKey;
use daemon::listen;
use daemon::memory::Sacrifice;
use door::Site;
use identity::aws_env::{self, Target};
use spec::Workflow;
use store::{Place, Store};

use crate::cli::{AwsEnv, AwsEnvFormat, Role};
use crate::plan::{Layout, reachable};
use crate::{role, workflow};
use runner::Supervisor;

/// Answers API calls until told to stop.
pub(crate) fn control(options: &Role) -> anyhow::Result<()> {
    let loaded = workflow::from_file(&options.workflow, options.folder.as_deref())?;
    let (workflow, layout) = (&loaded.workflow, Layout::under(&options.data));
    let address = workflow.listen.control.context("[listen] control is \"off\"")?;
    if role::is_supervised() {
        Sacrifice::Second.offer();
    }
    role::run(&layout, async |drain| {
        let listener = listen::inherited_or_bind("control", address)?;
        let store = open(workflow, &layout).await?;
        let identity = control::prepare(&store, layout.data(), &control::given_by_environment()).await?;
        let site = site(workflow);
        let services =
            doors::Services::open(workflow, &loaded.text, &layout, &store, &identity, &site).await?;
        edited::Desk::new(&layout, &loaded, &store, &identity).serve(drain.clone())?;
        let config = control::Config {
            listener,
            store: store.clone(),
            doors: services.doors(),
            site,
            identity,
            workflow: loaded.text.clone(),
            runner: Some(Arc::new(Supervisor::start(&layout, workflow, drain.clone()))),
            metrics_socket: Some(layout.metrics_socket("control")),
            limits: control::Limits::default(),
        };
        tokio::select! {
            served = control::run(config, drain) => served?,
            never = services.run() => match never {},
        }
        store.close().await;
        Ok(())
    })
}

/// Prints what AWS's clients need.
pub(crate) fn aws_env(options: &AwsEnv) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Here { workflow, address, key } = runtime.block_on(here(&options.data))?;
    let endpoint = site(&workflow).url("http", address);
    let target = Target {
        endpoint: &endpoint,
        region: &options.region,
        access_key: &key.access_key,
        secret_key: &key.secret_key,
        authority: None,
    };
    print!(
        "{}",
        match options.format {
            AwsEnvFormat::Shell => aws_env::shell(&target),
            AwsEnvFormat::Profile => aws_env::profile("headwater", &target),
            AwsEnvFormat::Terraform => aws_env::terraform(&target),
        }
    );
    Ok(())
}

/// What the data folder of a `headwater up` says of its control role.
pub(crate) struct Here {
    workflow: Workflow,
    /// Where API calls come, as this machine reaches it.
    pub(crate) address: SocketAddr,
    /// The root's key.
    pub(crate) key: RootKey,
}

/// The control role of the `headwater up` with this data folder, which may be stopped now.
pub(crate) async fn here(data: &Path) -> anyhow::Result<Here> {
    let layout = Layout::under(data);
    let running = "start `headwater up` once, or say which folder it has with --data";
    let workflow = workflow::from_file(&layout.file(), None).context(running)?.workflow;
    let address = workflow.listen.control.context("[listen] control is \"off\" in the workflow file")?;
    let store = open(&workflow, &layout).await?;
    let key = control::root_key(&store, layout.data()).await?;
    store.close().await;
    Ok(Here { workflow, address: reachable(address), key })
}

/// Where the workflow says that the store lies.
pub(crate) fn place(workflow: &Workflow, layout: &Layout) -> anyhow::Result<Place> {
    match &workflow.control.store {
        Some(setting) => Ok(Place::parse(setting)?),
        None => Ok(Place::Sqlite(layout.data().join("control").join("headwater.db"))),
    }
}

/// The store that the workflow names, which is made where there is none.
async fn open(workflow: &Workflow, layout: &Layout) -> anyhow::Result<Store> {
    let folder = layout.data().join("control");
    std::fs::create_dir_all(&folder).with_context(|| format!("make folder `{}`", folder.display()))?;
    let place = place(workflow, layout)?;
    Store::open(&place).await.with_context(|| format!("open the store `{place}`"))
}

/// The store that the workflow names; `None` where it is a file that is not there.
pub(crate) async fn existing(workflow: &Workflow, layout: &Layout) -> anyhow::Result<Option<Store>> {
    let place = place(workflow, layout)?;
    match &place {
        Place::Sqlite(path) if !path.exists() => Ok(None),
        _ => Ok(Some(Store::open(&place).await.with_context(|| format!("open the store `{place}`"))?)),
    }
}

fn site(workflow: &Workflow) -> Site {
    let listen = &workflow.listen;
    Site {
        host: workflow.control.host.clone(),
        viewers: listen.viewers,
        rtmp: listen.rtmp,
        srt: listen.srt,
        hls_push: listen.hls_push,
        origin: listen.origin,
        control: listen.control.unwrap_or(control::DEFAULT_ADDRESS),
    }
}
