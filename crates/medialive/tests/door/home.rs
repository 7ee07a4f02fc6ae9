//! A door to a store in a temporary folder, its clients, and a controller that is only imagined.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aws::{Error, Limits, Model, validate};
use bytes::Bytes;
use door::{Caller, ChannelSeen, Door, Made, Others, Seen, Sight, Site, Told};
use http::Request;
use media::Utc;
use medialive::{Encoders, MediaLive, Outcome, Reach, Thumbnail, is_lenient};
use serde_json::{Value, json};
use store::{Owner, Place, Store};

/// A door, and all it needs.
pub(crate) struct Home {
    pub(crate) door: MediaLive,
    pub(crate) store: Store,
    pub(crate) site: Site,
    /// Pipelines that were started anew, `CHANNEL 0`.
    pub(crate) restarted: Arc<Pipelines>,
    beside: Arc<Beside>,
    now_us: AtomicI64,
    _folder: tempfile::TempDir,
}

/// Encoders that show a picture which says whose it is.
#[derive(Default)]
pub(crate) struct Pipelines(pub(crate) Mutex<Vec<String>>);

impl Encoders for Pipelines {
    fn picture<'a>(&'a self, channel: &'a str, pipeline: u8) -> Outcome<'a, Thumbnail> {
        let jpeg = format!("{channel}/{pipeline}");
        Box::pin(async move { Ok(Thumbnail { at: Utc(1_795_000_000_000_000), jpeg }) })
    }

    fn restart<'a>(&'a self, channel: &'a str, pipeline: u8) -> Outcome<'a, ()> {
        self.0.lock().expect("no panic").push(format!("{channel} {pipeline}"));
        Box::pin(async { Ok(()) })
    }
}

/// What other doors made, as it is told to be.
struct Beside(Mutex<Made>);

impl Others for Beside {
    fn made(&self) -> Told<'_> {
        let made = self.0.lock().expect("no panic").clone();
        Box::pin(async { Ok(made) })
    }
}

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AK/20261127/us-west-2/medialive/aws4_request, SignedHeaders=host, Signature=0";

impl Home {
    pub(crate) async fn new() -> Self {
        Self::with(Made::default()).await
    }

    /// Beside a workflow file.
    pub(crate) async fn beside(file: &str) -> Self {
        Self::with(Made::of_file(file).expect("a workflow file")).await
    }

    /// A channel of another door is seen to be so.
    pub(crate) fn see_other(&self, name: &str, sight: Sight) {
        let mut made = self.beside.0.lock().expect("no panic");
        made.channels.iter_mut().find(|channel| channel.name == name).expect("a channel").sight = sight;
    }

    /// A channel is the native API's.
    pub(crate) fn give_to_native_api(&self, name: &str) {
        let mut made = self.beside.0.lock().expect("no panic");
        let mut channels = made.channels.iter_mut();
        channels.find(|channel| channel.name == name).expect("a channel").owner = Owner::Api;
    }

    async fn with(made: Made) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&Place::Sqlite(folder.path().join("store.db"))).await.expect("a store");
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let site = Site {
            host: "live.example".to_owned(),
            viewers: at(8080),
            rtmp: at(1935),
            srt: at(9710),
            hls_push: at(8310),
            origin: at(8300),
            control: at(8400),
        };
        let restarted = Arc::<Pipelines>::default();
        let beside = Arc::new(Beside(Mutex::new(made)));
        let door =
            MediaLive::new(store.clone(), site.clone(), Reach::Public, restarted.clone(), beside.clone());
        let now_us = AtomicI64::new(1_795_000_000_000_000);
        Self { door, store, site, restarted, beside, now_us, _folder: folder }
    }

    /// Lets time pass.
    pub(crate) fn wait_s(&self, seconds: i64) -> Utc {
        Utc(self.now_us.fetch_add(seconds * 1_000_000, Ordering::SeqCst) + seconds * 1_000_000)
    }

    /// Calls, and gives the answer's body.
    pub(crate) async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        match self.call(method, path, body).await {
            (200..=299, answer) => answer,
            (status, answer) => panic!("{method} {path}: {status} {answer}"),
        }
    }

    /// Calls, and gives the refusal: `404 NotFoundException: message`.
    pub(crate) async fn refused(&self, method: &str, path: &str, body: Value) -> String {
        match self.call(method, path, body).await {
            (status @ 200..=299, answer) => panic!("{method} {path}: {status} {answer}"),
            (status, answer) => {
                let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
                format!("{status} {}: {}", text("exception"), text("message"))
            }
        }
    }

    /// Calls as a client of AWS does; status and body, in which `exception` is what the header says.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let now = self.wait_s(0);
        let number = self.now_us.fetch_add(1, Ordering::SeqCst);
        let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", SIGNED)
            .body(bytes)
            .expect("a request");
        let limits = Limits::default();
        let call = Model::bundled().route(&request, &limits).expect("an operation");
        let caller = Caller {
            account: "123456789012".to_owned(),
            region: "us-west-2".to_owned(),
            who: "arn:aws:iam::123456789012:root".to_owned(),
            access_key: String::new(),
            source: "127.0.0.1".to_owned(),
            request_id: format!("request-{number}"),
            action: format!("medialive:{}", call.operation.name),
            at: now,
        };
        let done = match self.input(&call, &limits) {
            Ok(input) => match self.door.call(&caller, call.operation.name, input) {
                Some(answer) => answer.await,
                None => Err(Error::not_implemented(call.service, call.operation)),
            },
            Err(error) => Err(error),
        };
        let response = match done {
            Ok(output) => call.answer(&output, "id").expect("the output is as described"),
            Err(error) => call.refusal(&error, "id"),
        };
        let mut told: Value = serde_json::from_slice(response.body()).unwrap_or_else(|_| json!({}));
        if let Some(exception) = response.headers().get("x-amzn-errortype") {
            told["exception"] = json!(exception.to_str().expect("text"));
        }
        (response.status().as_u16(), told)
    }

    fn input(&self, call: &aws::Call<'_>, limits: &Limits) -> Result<aws::Map, Error> {
        let input = call.input(limits)?;
        let violations = validate::violations(call.service, call.operation, &input);
        let strict: Vec<_> = violations.into_iter().filter(|violation| !is_lenient(violation)).collect();
        match strict.is_empty() {
            true => Ok(input),
            false => Err(validate::refusal(call.service, call.operation, &strict)),
        }
    }

    /// One look around: what the door is told to be running.
    pub(crate) async fn look(&self, channels: &[(&str, u8)]) {
        self.see(channels, &[]).await;
    }

    /// One look around at what runs, with encoders, and at what cannot.
    pub(crate) async fn see(&self, channels: &[(&str, u8)], refused: &[(&str, &str)]) {
        let (revision, resources) = self.store.every().await.expect("resources");
        let sight = |encoders| ChannelSeen { encoders, is_on_air: encoders > 0, has_source: true };
        let seen = Seen {
            revision,
            channels: channels
                .iter()
                .map(|(name, encoders)| ((*name).to_owned(), sight(*encoders)))
                .collect(),
            refused: refused.iter().map(|(name, why)| ((*name).to_owned(), (*why).to_owned())).collect(),
        };
        let now = self.wait_s(1);
        let reports = self.door.observe(&resources, &seen, now);
        self.store.observe(&reports, now).await.expect("reports");
    }

    /// What is asked to run, as text.
    pub(crate) async fn wanted(&self) -> Vec<String> {
        let (_, resources) = self.store.every().await.expect("resources");
        let tables = self.door.wanted(&resources, &self.site).channels;
        tables.iter().map(|table| toml::to_string(table).expect("text")).collect()
    }

    /// An RTMP input; its id.
    pub(crate) async fn rtmp(&self, streams: &[&str]) -> String {
        let destinations: Vec<_> = streams.iter().map(|stream| json!({"streamName": stream})).collect();
        let body = json!({"type": "RTMP_PUSH", "name": "camera", "destinations": destinations});
        id(&self.ok("POST", "/prod/inputs", body).await["input"])
    }

    /// The seed's channel with this input; its id.
    pub(crate) async fn channel(&self, input: &str) -> String {
        id(&self.ok("POST", "/prod/channels", seed(input)).await["channel"])
    }

    /// The state that a channel is described with, which is the one that the door tells of it.
    pub(crate) async fn state(&self, channel: &str) -> String {
        let described = self.ok("GET", &format!("/prod/channels/{channel}"), Value::Null).await;
        let state = described["state"].as_str().expect("a state").to_owned();
        assert_eq!(self.told("medialive-channel", channel).await.as_deref(), Some(state.as_str()));
        state
    }

    /// The state that the door tells of a resource.
    pub(crate) async fn told(&self, kind: &str, id: &str) -> Option<String> {
        let (_, resources) = self.store.every().await.expect("resources");
        let its = |resource: &&store::Resource| resource.key.kind() == kind && resource.key.id() == id;
        self.door.state(resources.iter().find(its).expect("a resource"))
    }
}

/// The id in a description.
pub(crate) fn id(described: &Value) -> String {
    described["id"].as_str().expect("an id").to_owned()
}

/// The first seed as it is written, with an input.
pub(crate) fn seed(input: &str) -> Value {
    json!({
        "inputAttachments": [{"inputId": input, "inputAttachmentName": "first", "inputSettings": {"sourceEndBehavior": "LOOP"}}],
        "encoderSettings": {"outputGroups": [{
            "name": "HLS Output",
            "outputGroupSettings": {"hlsGroupSettings": {"segmentLength": 10}},
            "outputs": [{"outputSettings": {"hlsOutputSettings": {}}, "videoDescriptionName": "video_1080p30"}],
        }]},
    })
}
