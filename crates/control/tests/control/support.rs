//! A control role that runs, and a client that can say anything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws::{Error, Map};
use control::{Config, Limits, RootKey, Runner};
use daemon::{Drain, Trigger};
use door::{Answer as DoorAnswer, Caller, Door, Site};
use identity::seal::{Keyring, MasterKey};
use identity::sigv4::{Body, Request, Signer};
use identity::{Given, Secret};
use media::Utc;
use store::{Call, Document, Place, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

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
            origin: address,
            control: address,
        };
        let config = Config {
            listener,
            store: store.clone(),
            doors: options.doors,
            site,
            data_dir: folder.path().to_owned(),
            given: Given::default(),
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

    pub(crate) fn drain(&self) {
        self.trigger.start();
    }

    /// A user with one policy's statements and a key.
    pub(crate) async fn user(&self, name: &str, statements: Option<&str>) -> (String, Secret) {
        let key = std::fs::read(self.folder.path().join("control/master.key")).expect("the master key");
        let keyring = Keyring::new(MasterKey::parse(&key).expect("a key"), Vec::new());
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
                write.put_policy(name, &Document::parse(&text)?).await?;
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

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(self, body: &str) -> Self {
        self.header("content-type", "application/json").body(body)
    }

    pub(crate) fn form(self, body: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded; charset=utf-8").body(body)
    }

    /// Signs with the root's key, now.
    pub(crate) fn signed(self, server: &Server, service: &str) -> Self {
        let root = &server.root;
        self.signed_by(server, root.access_key.as_str(), &root.secret_key, service, now())
    }

    pub(crate) fn signed_by(
        mut self,
        server: &Server,
        access_key: &str,
        secret: &Secret,
        service: &str,
        at: Utc,
    ) -> Self {
        self.headers.push(("host".to_owned(), server.address.to_string()));
        let added = self
            .with_request(|request| signer(access_key, secret, service).headers(&request, at))
            .expect("it can be signed");
        self.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// Puts a signature of the root's into the query.
    pub(crate) fn presigned(mut self, server: &Server, service: &str, at: Utc, expires_s: i64) -> Self {
        let root = &server.root;
        self.headers.push(("host".to_owned(), server.address.to_string()));
        let signer = signer(root.access_key.as_str(), &root.secret_key, service);
        let query = self.with_request(|request| signer.presign(&request, at, expires_s)).expect("signed");
        self.target = format!("{}?{query}", self.target.split('?').next().expect("a path"));
        self
    }

    fn with_request<T>(&self, sign: impl FnOnce(Request<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        sign(Request { method: &self.method, path, query, headers: &headers, body: Body::Whole(&self.body) })
    }

    /// With the root's key shown.
    pub(crate) fn bearer(self, server: &Server) -> Self {
        let token = format!("Bearer {}.{}", server.root.access_key, server.root.secret_key.expose());
        self.header("authorization", &token)
    }

    /// The bytes that go out.
    pub(crate) fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            text += &format!("host: {address}\r\n");
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len());
        let mut bytes = text.into_bytes();
        bytes.extend(&self.body);
        bytes
    }

    pub(crate) async fn send(&self, server: &Server) -> Answer {
        raw(server.address, &self.bytes(server.address)).await
    }
}

fn signer(access_key: &str, secret: &Secret, service: &str) -> Signer {
    Signer {
        access_key: access_key.to_owned(),
        secret: secret.clone(),
        token: None,
        region: "us-west-2".to_owned(),
        service: service.to_owned(),
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Sends bytes, and reads until the server closes.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    // It may answer and close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut read = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("it answers");
    assert!(reading.is_ok() || !read.is_empty(), "{reading:?}");
    parsed(&read)
}

pub(crate) fn parsed(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Answer { status: status.unwrap_or(0), headers, body: body.to_owned() }
}

/// A service that answers with nothing, or what it is told, and remembers what it was asked.
pub(crate) struct Fake {
    service: &'static str,
    answers: BTreeMap<&'static str, Result<Map, Error>>,
    pub(crate) asked: Mutex<Vec<(Caller, &'static str, Map)>>,
}

impl Fake {
    pub(crate) fn new(service: &'static str) -> Arc<Self> {
        Self::answering(service, [])
    }

    pub(crate) fn answering(
        service: &'static str,
        answers: impl IntoIterator<Item = (&'static str, Result<Map, Error>)>,
    ) -> Arc<Self> {
        Arc::new(Self { service, answers: answers.into_iter().collect(), asked: Mutex::default() })
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
        let answer = self.answers.get(operation).cloned().unwrap_or_else(|| Ok(Map::new()));
        Some(Box::pin(async { answer }))
    }

    fn resource(&self, caller: &Caller, operation: &str, input: &Map) -> Option<String> {
        match (operation, input.text("ChannelId")) {
            ("ListChannels" | "CreateChannel", _) => Some("*".to_owned()),
            (_, Some(id)) => Some(caller.arn("medialive", &format!("channel:{id}"))),
            _ => None,
        }
    }

    fn takes_unsigned(&self, operation: &str) -> bool {
        matches!(operation, "ConfirmSubscription" | "Unsubscribe")
    }
}
