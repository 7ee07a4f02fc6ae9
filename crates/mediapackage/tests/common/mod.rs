//! Calls as clients send them, to both doors over one store.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws::{Limits, Map, Model, validate};
use bytes::Bytes;
use door::{Caller, Door, Made, Others, Site, Told, Wanted};
use http::Request;
use media::Utc;
use mediapackage::{MediaPackage, MediaPackageV2, Secrets, Setup};
use serde_json::Value;
use store::{Place, Resource, Store};
use tokio::runtime::Runtime;

pub const REGION: &str = "us-west-2";

pub struct Api {
    runtime: Runtime,
    pub store: Store,
    doors: [Box<dyn Door>; 2],
    pub site: Site,
    clock: AtomicI64,
    _folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The exception's name, where it is one.
    pub error: Option<String>,
    pub body: Value,
}

impl Answer {
    /// A good answer's body.
    pub fn ok(self) -> Value {
        assert!(self.status < 300, "{self:?}");
        self.body
    }

    /// The exception's name and message.
    pub fn refused(&self) -> (&str, &str) {
        let message = self.body["message"].as_str().or(self.body["Message"].as_str());
        (self.error.as_deref().expect("it is refused"), message.unwrap_or_default())
    }
}

/// What other doors made.
struct Beside(Made);

impl Others for Beside {
    fn made(&self) -> Told<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

pub fn site() -> Site {
    let at = |port| ([127, 0, 0, 1], port).into();
    Site {
        host: "localhost".to_owned(),
        viewers: at(8080),
        rtmp: at(1935),
        srt: at(9710),
        hls_push: at(8310),
        origin: at(8300),
        control: at(8400),
    }
}

impl Api {
    pub fn start() -> Self {
        Self::start_at(site())
    }

    /// Beside a workflow file.
    pub fn beside(file: &str) -> Self {
        Self::start_with(site(), Made::of_file(file).expect("a workflow file"))
    }

    pub fn start_at(site: Site) -> Self {
        Self::start_with(site, Made::default())
    }

    fn start_with(site: Site, made: Made) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = Runtime::new().expect("a runtime");
        let place = Place::Sqlite(folder.path().join("headwater.db"));
        let store = runtime.block_on(Store::open(&place)).expect("it opens");
        let secrets = Secrets::by(|name| (name == "cdn").then(|| "0123456789abcdef".to_owned()));
        let others = Arc::new(Beside(made));
        let setup = Setup { store: store.clone(), site: site.clone(), key: [7; 32], secrets, others };
        let doors: [Box<dyn Door>; 2] =
            [Box::new(MediaPackage::new(setup.clone())), Box::new(MediaPackageV2::new(setup))];
        let clock = AtomicI64::new(1_800_000_000_000_000);
        Self { runtime, store, doors, site, clock, _folder: folder }
    }

    /// Sends a request of the service as its clients do.
    pub fn send(&self, service: &str, method: &str, target: &str, body: &Value) -> Answer {
        self.send_from(REGION, service, method, target, &[], body)
    }

    pub fn send_from(
        &self,
        region: &str,
        service: &str,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let scope = format!("AK/20261127/{region}/{service}/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let mut request = Request::builder().method(method).uri(target).header("authorization", signed);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let limits = Limits::default();
        let call = Model::bundled().route(&request, &limits).expect("an operation");
        let input = call.input(&limits).expect("it is read");
        let done = match validate::check(call.service, call.operation, &input) {
            Ok(()) => self.call(region, service, call.operation.name, input),
            Err(error) => Err(error),
        };
        let response = match &done {
            Ok(output) => call.answer(output, "id").expect("it is of the operation's type"),
            Err(error) => call.refusal(error, "id"),
        };
        let error =
            response.headers().get("x-amzn-errortype").map(|name| name.to_str().expect("text").to_owned());
        let body = response.body();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).expect("JSON") };
        Answer { status: response.status().as_u16(), error, body }
    }

    /// Does an operation.
    pub fn call(
        &self,
        region: &str,
        service: &str,
        operation: &'static str,
        input: Map,
    ) -> Result<Map, aws::Error> {
        let now = self.clock.fetch_add(1_000_000, Ordering::Relaxed);
        let caller = Caller {
            account: "123456789012".to_owned(),
            region: region.to_owned(),
            who: "arn:aws:iam::123456789012:root".to_owned(),
            access_key: String::new(),
            source: "127.0.0.1".to_owned(),
            request_id: format!("request-{now}"),
            action: format!("{service}:{operation}"),
            at: Utc(now),
        };
        let door = self.doors.iter().find(|door| door.service() == service).expect("a door");
        self.runtime.block_on(door.call(&caller, operation, input).expect("it is done here"))
    }

    pub fn resources(&self) -> Vec<Resource> {
        self.runtime.block_on(self.store.every()).expect("it reads").1
    }

    /// What both doors ask to run.
    pub fn wanted(&self) -> Wanted {
        let resources = self.resources();
        let mut all = Wanted::default();
        for door in &self.doors {
            let wanted = door.wanted(&resources, &self.site);
            all.channels.extend(wanted.channels);
            all.endpoints.extend(wanted.endpoints);
        }
        all
    }

    /// That as a workflow, and its text.
    pub fn workflow(&self) -> (spec::Workflow, String) {
        let text = text(&self.wanted());
        match spec::Workflow::parse(&text) {
            Ok(workflow) => (workflow, text),
            Err(fault) => panic!("{fault}\n{text}"),
        }
    }

    /// Puts a resource of another door into the store.
    pub fn put(&self, kind: &str, id: &str, document: &Value) {
        let now = self.clock.fetch_add(1_000_000, Ordering::Relaxed);
        let new = store::New {
            key: store::Key::new(kind, "123456789012", REGION, id).expect("a key"),
            arn: format!("arn:{kind}:{id}"),
            name: id.to_owned(),
            owner: store::Owner::Api,
            desired: store::Document::of(document).expect("a document"),
            tags: store::Tags::new(),
        };
        let call = store::Call {
            account: "123456789012".to_owned(),
            who: "test".to_owned(),
            source: "here".to_owned(),
            action: "test:Put".to_owned(),
            request_id: "id".to_owned(),
            at: Utc(now),
        };
        self.runtime.block_on(self.store.create(call, new, None)).expect("it is made");
    }
}

/// A workflow file of what is wanted.
pub fn text(wanted: &Wanted) -> String {
    let mut file = toml::Table::new();
    let tables =
        |tables: &[toml::Table]| toml::Value::Array(tables.iter().cloned().map(toml::Value::Table).collect());
    file.insert("channel".to_owned(), tables(&wanted.channels));
    if !wanted.endpoints.is_empty() {
        file.insert("endpoint".to_owned(), tables(&wanted.endpoints));
    }
    toml::to_string(&file).expect("tables become text")
}
