//! The services that are answered, and what they need to act.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use cloudfront::{CloudFront, Purge, PurgeFault, Purged, Viewers};
use control::Identity;
use door::{Door, Site};
use history::{History, Limits};
use media::Utc;
use medialive::MediaLive;
use mediapackage::{MediaPackage, MediaPackageV2, Secrets, Setup};
use monitor::alarms::Done;
use monitor::{Actions, Alarms, CloudWatch};
use notify::Notifier;
use spec::Workflow;
use store::Store;
use tokio::time::timeout;

use super::encoders::Encoders;
use super::watch::Watch;
use crate::plan::{Layout, reachable};
use crate::purge;

/// How long the edge may take to purge.
const PURGE_LIMIT: Duration = Duration::from_secs(30);

/// The services of this machine.
pub(super) struct Services {
    doors: Vec<Arc<dyn Door>>,
    notifier: Notifier,
    alarms: Arc<Alarms>,
    watch: Watch,
}

impl Services {
    /// Opens what they keep beside the store.
    pub(super) async fn open(
        workflow: &Workflow,
        layout: &Layout,
        store: &Store,
        identity: &Identity,
        site: &Site,
    ) -> anyhow::Result<Self> {
        let is_private = workflow.control.allow_private;
        let folder = layout.data().join("control");
        let figures = folder.join("metrics");
        let history =
            History::open(&figures, Limits::default(), now()).context("open the history of metrics")?;
        let history = Arc::new(history);
        let alarms = Alarms::open(store.clone(), history.clone(), now()).await.context("read the alarms")?;
        let alarms = Arc::new(alarms);
        let notifier = notify::Config {
            account: identity.account.to_string(),
            url: site.url("http", site.control),
            reach: if is_private { reach::Reach::Private } else { reach::Reach::Public },
            smtp: None,
        };
        let notifier = Notifier::new(store.clone(), identity.keyring.clone(), notifier)?;
        let package = Setup {
            store: store.clone(),
            site: site.clone(),
            key: identity.keyring.derived("mediapackage"),
            secrets: Secrets::in_folder(folder.join("secrets")),
        };
        let live_reach = if is_private { medialive::Reach::Private } else { medialive::Reach::Public };
        let viewers = match workflow.listen.viewers_tls {
            Some(_) => Viewers::HttpAndHttps,
            None => Viewers::Http,
        };
        let edge = Arc::new(Edge { layout: layout.clone() });
        let encoders = Arc::new(Encoders::of(layout));
        let doors: Vec<Arc<dyn Door>> = vec![
            Arc::new(MediaLive::new(store.clone(), site.clone(), live_reach, encoders)),
            Arc::new(MediaPackage::new(package.clone())),
            Arc::new(MediaPackageV2::new(package)),
            Arc::new(CloudFront::new(store.clone(), edge, viewers, site.host.clone())),
            Arc::new(CloudWatch::new(history.clone(), alarms.clone())),
            Arc::new(notifier.sns()),
            Arc::new(notifier.sqs()),
        ];
        let watch = Watch::new(reachable(workflow.listen.metrics), store.clone(), history);
        Ok(Self { doors, notifier, alarms, watch })
    }

    /// The services.
    pub(super) fn doors(&self) -> Vec<Arc<dyn Door>> {
        self.doors.clone()
    }

    /// Takes figures, judges alarms, delivers messages, for ever.
    pub(super) async fn run(&self) -> Infallible {
        let actions: Arc<dyn Actions> = Arc::new(Tell(self.notifier.clone()));
        tokio::join!(self.notifier.run(), self.alarms.run(actions, now), self.watch.run());
        std::future::pending().await
    }
}

/// What alarms do: tell topics.
struct Tell(Notifier);

impl Actions for Tell {
    fn act<'a>(&'a self, arn: &'a str, message: &'a str, subject: &'a str) -> Done<'a> {
        Box::pin(async move {
            if arn.split(':').nth(2) != Some("sns") {
                return Err(format!("only SNS topics are told here, not {arn}"));
            }
            let told = self.0.publish(arn, Some(subject), message).await;
            told.map(drop).map_err(|fault| fault.message)
        })
    }
}

/// The edge of this machine.
struct Edge {
    layout: Layout,
}

impl Purge for Edge {
    fn purge<'a>(&'a self, distribution: &'a str, pattern: &'a str) -> Purged<'a> {
        Box::pin(async move {
            let socket = self.layout.edge_control();
            let field = Some(("purge-distribution", distribution));
            let asked = timeout(PURGE_LIMIT, purge::ask(&socket, pattern, field)).await;
            let asked =
                asked.map_err(|_| PurgeFault { why: "the edge did not answer in time".to_owned() })?;
            asked.map(drop).map_err(|fault| PurgeFault { why: format!("{fault:#}") })
        })
    }
}

/// The wall clock.
pub(super) fn now() -> Utc {
    SystemTime::now().into()
}
