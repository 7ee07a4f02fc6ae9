//! A control role that runs, with doors that do what they are told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws::{Error, Map};
use control::{Config, Limits, RootKey, Runner};
use daemon::{Drain, Trigger};
use door::{About, Answer as DoorAnswer, Arns, Caller, Door, Site};
use identity::seal::{Keyring, MasterKey};
use identity::{Given, Secret};
use media::Utc;
use store::{Call, Document, Place, Store};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::client::Ask;

/// Longest wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How to start one.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) doors: Vec<Arc<dyn Door>>,
    pub(crate) workflow: &'static str,
    pub(crate) runner: Option<Arc<dyn Runner>>,
    pub(crate) limits: Limits,
}

/// A control role that runs.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) root: RootKey,
    pub(crate) store: Store,
    folder: TempDir,
    trigger: Trigger,
    task: JoinHandle<Result<(), control::Error>>,
}

impl Server {
    pub(crate) async fn start(options: Options) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), options).await
    }

    /// In a folder where one may have run before.
    pub(crate) async fn start_in(folder: TempDir, options: Options) -> Self {
        let store = open(folder.path()).await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (drain, trigger) = Drain::manual();
        let site = Site {
            host: "localhost".to_owned(),
            viewers: address,
            rtmp: address,
            srt: address,
            hls_push: address,
            origin: address,
            control: address,
        };
        let config = Config {
            listener,
            store: store.clone(),
            doors: options.doors,
            site,
            identity: control::prepare(&store, folder.path(), &Given::default()).await.expect("an identity"),
            workflow: options.workflow.to_owned(),
            runner: options.runner,
            metrics_socket: None,
            limits: options.limits,
        };
        let task = tokio::spawn(control::run(config, drain));
        let started = tokio::time::Instant::now();
        let root = loop {
            if let Ok(root) = control::root_key(&store, folder.path()).await {
                break root;
            }
            assert!(started.elapsed() < PATIENCE && !task.is_finished(), "it did not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let server = Self { address, root, store, folder, trigger, task };
        assert_eq!(Ask::new("GET", "/health").send(&server).await.status, 200);
        server
    }

    /// Drains it; its folder stays.
    pub(crate) async fn stop(self) -> TempDir {
        self.trigger.start();
        let ended = tokio::time::timeout(PATIENCE, self.task).await.expect("it drains");
        ended.expect("no panic").expect("it ended well");
        self.store.close().await;
        self.folder
    }

    /// Who it is.
    pub(crate) async fn identity(&self) -> control::Identity {
        control::prepare(&self.store, self.folder.path(), &Given::default()).await.expect("an identity")
    }

    /// Where its store lies.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("store.db")
    }

    pub(crate) fn drain(&self) {
        self.trigger.start();
    }

    /// What seals its secrets.
    pub(crate) fn keyring(&self) -> Keyring {
        let key = std::fs::read(self.folder.path().join("control/master.key")).expect("the master key");
        Keyring::new(MasterKey::parse(&key).expect("a key"), Vec::new())
    }

    /// A user with one policy's statements and a key.
    pub(crate) async fn user(&self, name: &str, statements: Option<&str>) -> (String, Secret) {
        let keyring = self.keyring();
        let id =
            format!("AKIATESTS{}", name.to_ascii_uppercase().repeat(8).chars().take(11).collect::<String>());
        let secret = Secret::new(format!("{name}-secret-of-at-least-thirty-two-bytes"));
        let sealed = keyring.seal(&secret, &id, [name.len() as u8; 24]).expect("sealed");
        let call = Call {
            account: self.root.account.as_str().to_owned(),
            who: "test".to_owned(),
            source: String::new(),
            action: "iam:CreateUser".to_owned(),
            request_id: "1".to_owned(),
            at: now(),
        };
        let mut write = self.store.write(call).await.expect("a turn");
        let done = async {
            write.put_user(name, &Document::parse(r#"{"id":"AIDATEST"}"#)?, None).await?;
            write.put_key(&id, name, &sealed).await?;
            if let Some(statements) = statements {
                let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
                write.put_policy(name, &Document::parse(&text)?, &Document::parse("{}")?).await?;
                write.attach(name, name).await?;
            }
            Ok(())
        }
        .await;
        write.settle(done).await.expect("made");
        (id, secret)
    }

    /// The outcomes in the audit log of an action.
    pub(crate) async fn outcomes(&self, action: &str) -> Vec<(String, String)> {
        let lines = self.store.audit(0, 1_000).await.expect("read");
        lines
            .into_iter()
            .filter(|line| line.call.action == action)
            .map(|line| (line.call.who, line.outcome))
            .collect()
    }
}

pub(crate) async fn open(folder: &Path) -> Store {
    Store::open(&Place::Sqlite(folder.join("store.db"))).await.expect("opened")
}

pub(crate) fn now() -> Utc {
    SystemTime::now().into()
}

/// Waits until `look` gives something.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let started = tokio::time::Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A service that answers with nothing, or what it is told, and remembers what it was asked.
pub(crate) struct Fake {
    service: &'static str,
    answers: BTreeMap<&'static str, Result<Map, Error>>,
    pub(crate) asked: Mutex<Vec<(Caller, &'static str, Map)>>,
    /// How many of the operation that takes its time are done.
    pub(crate) done: AtomicU32,
}

impl Fake {
    pub(crate) fn new(service: &'static str) -> Arc<Self> {
        Self::answering(service, [])
    }

    pub(crate) fn answering(
        service: &'static str,
        answers: impl IntoIterator<Item = (&'static str, Result<Map, Error>)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            service,
            answers: answers.into_iter().collect(),
            asked: Mutex::default(),
            done: AtomicU32::new(0),
        })
    }

    pub(crate) fn operations(&self) -> Vec<&'static str> {
        self.asked.lock().expect("not poisoned").iter().map(|(_, operation, _)| *operation).collect()
    }
}

impl Door for Fake {
    fn service(&self) -> &'static str {
        self.service
    }

    fn call<'a>(&'a self, caller: &'a Caller, operation: &'static str, input: Map) -> Option<DoorAnswer<'a>> {
        match operation {
            "ListOfferings" => return None,
            "ListMultiplexes" => return Some(Box::pin(async { panic!("a bug of the door") })),
            _ => {}
        }
        self.asked.lock().expect("not poisoned").push((caller.clone(), operation, input));
        if operation == "StopChannel" {
            return Some(Box::pin(async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                self.done.fetch_add(1, Relaxed);
                Ok(Map::new())
            }));
        }
        let answer = self.answers.get(operation).cloned().unwrap_or_else(|| Ok(Map::new()));
        Some(Box::pin(async { answer }))
    }

    fn about<'a>(&'a self, caller: &'a Caller, operation: &'a str, input: &'a Map) -> About<'a> {
        const ARNS: Arns = Arns {
            start: "arn:aws:medialive:{region}:{account}:",
            forms: &[
                ("ListChannels CreateChannel", "*"),
                ("DescribeChannel StartChannel StopChannel DeleteChannel", "channel:{ChannelId}"),
                ("BatchStart", "channel:{ChannelIds}"),
            ],
        };
        Box::pin(std::future::ready(Ok(ARNS.of(caller, operation, input))))
    }

    fn takes_unsigned(&self, operation: &str) -> bool {
        matches!(operation, "ConfirmSubscription" | "Unsubscribe")
    }
}
