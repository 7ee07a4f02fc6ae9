//! The services that are answered, and what they need to act.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use cloudfront::{CloudFront, Purge, PurgeFault, Purged, Viewers};
use control::{Elsewhere, Identity};
use door::{Door, Site};
use history::{History, Limits};
use identity::Secret;
use media::Utc;
use medialive::MediaLive;
use mediapackage::{MediaPackage, MediaPackageV2, Secrets, Setup};
use monitor::alarms::Done;
use monitor::{Actions, Alarms, CloudWatch};
use notify::{MailTls, Notifier, Smtp};
use spec::{Mail, Workflow};
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
    /// Opens what they keep beside the store. `text` is the workflow file's.
    pub(super) async fn open(
        workflow: &Workflow,
        text: &str,
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
            smtp: workflow.control.mail.as_ref().map(smtp).transpose()?,
        };
        let notifier = Notifier::new(store.clone(), identity.keyring.clone(), notifier)?;
        let others = Arc::new(Elsewhere::new(store.clone(), identity, text));
        let package = Setup {
            store: store.clone(),
            site: site.clone(),
            key: identity.keyring.derived("mediapackage"),
            secrets: Secrets::in_folder(folder.join("secrets")),
            others: others.clone(),
        };
        let live_reach = if is_private { medialive::Reach::Private } else { medialive::Reach::Public };
        let viewers = match workflow.listen.viewers_tls {
            Some(_) => Viewers::HttpAndHttps,
            None => Viewers::Http,
        };
        let edge = Arc::new(Edge { layout: layout.clone() });
        let encoders = Arc::new(Encoders::of(layout));
        let doors: Vec<Arc<dyn Door>> = vec![
            Arc::new(MediaLive::new(store.clone(), site.clone(), live_reach, encoders, others.clone())),
            Arc::new(MediaPackage::new(package.clone())),
            Arc::new(MediaPackageV2::new(package)),
            Arc::new(CloudFront::new(store.clone(), edge, viewers, site.clone(), others)),
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

/// The mail server, with its password.
fn smtp(mail: &Mail) -> anyhow::Result<Smtp> {
    let password = |(user, file): &(String, PathBuf)| {
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("the mail server's password, `{shown}`"))?;
        let password = text.lines().next().filter(|line| !line.is_empty());
        let password = password.with_context(|| format!("the first line of `{shown}` is no password"))?;
        anyhow::Ok((user.clone(), Secret::new(password)))
    };
    Ok(Smtp {
        host: mail.host.clone(),
        port: mail.port,
        tls: match mail.tls {
            spec::MailTls::None => MailTls::None,
            spec::MailTls::StartTls => MailTls::StartTls,
            spec::MailTls::Implicit => MailTls::Implicit,
        },
        login: mail.login.as_ref().map(password).transpose()?,
        from: mail.from.clone(),
    })
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use aws::{Map, Model, Value, model::Kind};
    use door::Caller;
    use store::Place;

    use super::*;

    /// An input with every text and list of texts that an operation's top level has.
    fn filled(service: &aws::Service, operation: &aws::Operation) -> Map {
        let members = operation.input.as_ref().and_then(|input| service.structure(input));
        let members = members.map(|structure| structure.members.as_slice()).unwrap_or_default();
        let text = |name: &str| match name.to_ascii_lowercase() {
            name if name.ends_with("url") => "http://localhost/123456789012/x".to_owned(),
            name if name.ends_with("arn") => format!("arn:aws:{}:us-west-2:123456789012:x:y", service.name),
            _ => "x".to_owned(),
        };
        let value = |member: &aws::model::Member| match &service.shape(member.target.shape).kind {
            Kind::String { .. } => Some(Value::from(text(member.name))),
            Kind::List { .. } => Some(vec![Value::from(text(member.name))].into()),
            _ => None,
        };
        members.iter().filter_map(|member| Some((member.name, value(member)?))).collect()
    }

    async fn services(folder: &Path) -> Services {
        let store = Store::open(&Place::Sqlite(folder.join("store.db"))).await.expect("opened");
        let identity = control::prepare(&store, folder, &identity::Given::default()).await.expect("made");
        let text = "[[channel]]\nname = \"main\"\ninput = \"cmaf\"";
        let workflow = Workflow::parse(text).expect("valid");
        let site = super::super::site(&workflow);
        Services::open(&workflow, text, &Layout::under(folder), &store, &identity, &site)
            .await
            .expect("opened")
    }

    fn caller() -> Caller {
        Caller {
            account: "123456789012".to_owned(),
            region: "us-west-2".to_owned(),
            who: "arn:aws:iam::123456789012:root".to_owned(),
            access_key: String::new(),
            source: String::new(),
            request_id: String::new(),
            action: String::new(),
            at: now(),
        }
    }

    #[tokio::test]
    async fn a_call_is_about_what_awss_reference_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let (services, caller) = (services(folder.path()).await, caller());
        let doors = services.doors();
        let door = |service: &str| doors.iter().find(|door| door.service() == service).expect("one");
        let made = Map::new().with("Id", "live");
        let made =
            door("mediapackage").call(&caller, "CreateChannel", made).expect("done").await.expect("made");
        let packaged = made.text("Arn").expect("an ARN");
        let url = "http://localhost:8400/123456789012/jobs";
        let regional = |service: &str, end: &str| format!("arn:aws:{service}:us-west-2:123456789012:{end}");
        for (service, operation, member, value, expected) in [
            ("medialive", "StartChannel", "ChannelId", "1", regional("medialive", "channel:1")),
            ("medialive", "DeleteInput", "InputId", "1", regional("medialive", "input:1")),
            ("medialive", "CreateChannel", "Name", "n", regional("medialive", "channel:*")),
            ("mediapackage", "DescribeChannel", "Id", "live", packaged.to_owned()),
            ("mediapackage", "DescribeChannel", "Id", "other", regional("mediapackage", "channels/*")),
            ("mediapackage", "CreateOriginEndpoint", "Id", "hls", "*".to_owned()),
            (
                "mediapackagev2",
                "ListChannels",
                "ChannelGroupName",
                "g",
                regional("mediapackagev2", "channelGroup/g"),
            ),
            (
                "cloudfront",
                "GetDistribution",
                "Id",
                "E1",
                "arn:aws:cloudfront::123456789012:distribution/E1".to_owned(),
            ),
            (
                "cloudfront",
                "CreateInvalidation",
                "DistributionId",
                "E1",
                "arn:aws:cloudfront::123456789012:distribution/E1".to_owned(),
            ),
            (
                "cloudfront",
                "DeleteCachePolicy",
                "Id",
                "p",
                "arn:aws:cloudfront::123456789012:cache-policy/p".to_owned(),
            ),
            ("cloudfront", "ListCachePolicies", "Type", "custom", "*".to_owned()),
            ("cloudwatch", "PutMetricAlarm", "AlarmName", "late", regional("cloudwatch", "alarm:late")),
            ("cloudwatch", "DescribeAlarms", "AlarmNamePrefix", "l", regional("cloudwatch", "alarm:*")),
            (
                "cloudwatch",
                "GetDashboard",
                "DashboardName",
                "d",
                "arn:aws:cloudwatch::123456789012:dashboard/d".to_owned(),
            ),
            ("sns", "CreateTopic", "Name", "news", regional("sns", "news")),
            (
                "sns",
                "Publish",
                "TopicArn",
                "arn:aws:sns:eu-west-1:123456789012:news",
                "arn:aws:sns:eu-west-1:123456789012:news".to_owned(),
            ),
            (
                "sns",
                "Unsubscribe",
                "SubscriptionArn",
                "arn:aws:sns:us-west-2:123456789012:news:0-1",
                regional("sns", "news"),
            ),
            ("sqs", "CreateQueue", "QueueName", "jobs", regional("sqs", "jobs")),
            ("sqs", "SendMessage", "QueueUrl", url, regional("sqs", "jobs")),
        ] {
            let input = Map::new().with(member, value);
            let about = door(service).about(&caller, operation, &input).await.expect("the store answers");
            assert_eq!(about, [expected], "{service}:{operation}");
        }
    }

    #[tokio::test]
    async fn whatever_a_service_does_it_says_what_that_is_about() {
        let folder = tempfile::tempdir().expect("a folder");
        let (services, caller) = (services(folder.path()).await, caller());
        for door in services.doors() {
            let service = Model::bundled().service(door.service()).expect("described");
            for operation in service.operations() {
                if door.call(&caller, operation.name, Map::new()).is_none() {
                    continue;
                }
                let input = filled(service, operation);
                let about = door.about(&caller, operation.name, &input).await.expect("the store answers");
                assert!(!about.is_empty(), "{}:{}", service.name, operation.name);
                let own = format!("arn:aws:{}:", service.name);
                let is_told = |arn: &str| input.iter().any(|(_, value)| value.as_str() == Some(arn));
                let is_named = |arn: &String| arn == "*" || arn.starts_with(&own) || is_told(arn);
                assert!(about.iter().all(is_named), "{}:{} {about:?}", service.name, operation.name);
            }
        }
    }
}
