//! What runs follows what is wanted, and what is said of it what is seen.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use control::{Applied, Refused, Runner};
use door::{Answer, Caller, ChannelSeen, Door, Seen, Site, Wanted};
use media::Utc;
use store::{Observation, Resource};
use tokio::sync::watch;

use crate::client::Ask;
use crate::support::{Options, Server, now, open, until};

/// Remembers what it was given, and tells what it is told to.
struct Fake {
    applied: Mutex<Vec<(String, i64)>>,
    refuses: Mutex<u32>,
    seen: watch::Sender<Arc<Seen>>,
}

impl Fake {
    fn new() -> Arc<Self> {
        Arc::new(Self { applied: Mutex::default(), refuses: Mutex::new(0), seen: watch::Sender::default() })
    }

    fn texts(&self) -> Vec<String> {
        self.applied.lock().expect("not poisoned").iter().map(|(text, _)| text.clone()).collect()
    }

    fn runs(&self, channels: &[(&str, bool)]) {
        let channels: BTreeMap<_, _> = channels
            .iter()
            .map(|(name, is_on_air)| {
                let seen = ChannelSeen { encoders: 1, is_on_air: *is_on_air, has_source: true };
                ((*name).to_owned(), seen)
            })
            .collect();
        let revision = self.applied.lock().expect("not poisoned").last().map_or(0, |(_, revision)| *revision);
        self.seen.send_replace(Arc::new(Seen { revision, channels, refused: BTreeMap::new() }));
    }
}

impl Runner for Fake {
    fn apply<'a>(&'a self, workflow: &'a str, revision: i64) -> Applied<'a> {
        Box::pin(async move {
            let mut refuses = self.refuses.lock().expect("not poisoned");
            if *refuses > 0 {
                *refuses -= 1;
                return Err(Refused("not now".to_owned()));
            }
            self.applied.lock().expect("not poisoned").push((workflow.to_owned(), revision));
            Ok(())
        })
    }

    fn seen(&self) -> watch::Receiver<Arc<Seen>> {
        self.seen.subscribe()
    }
}

const FILE: &str = "[[channel]]\nname = \"filed\"\ninput = \"test\"\n";

async fn put(server: &Server, name: &str, body: &str) -> u16 {
    Ask::new("PUT", &format!("/v1/channels/{name}")).json(body).bearer(server).send(server).await.status
}

async fn post(server: &Server, target: &str) -> u16 {
    Ask::new("POST", target).bearer(server).send(server).await.status
}

async fn is_state(server: &Server, name: &str, state: &str) {
    until(&format!("{name} is {state}"), || async {
        let shown = Ask::new("GET", &format!("/v1/channels/{name}")).bearer(server).send(server).await;
        (shown.json()["state"] == state).then_some(())
    })
    .await;
}

async fn wanted(runner: &Fake, is: impl Fn(&str) -> bool, what: &str) {
    until(what, || async { runner.texts().last().is_some_and(|text| is(text)).then_some(()) }).await;
}

#[tokio::test]
async fn what_is_made_is_applied_and_what_is_seen_is_told() {
    let runner = Fake::new();
    let server =
        Server::start(Options { workflow: FILE, runner: Some(runner.clone()), ..Options::default() }).await;
    wanted(&runner, |text| text.contains("filed"), "the file's channel").await;
    assert_eq!(put(&server, "made", r#"{"input":{"rtmp":"live/made"}}"#).await, 201);
    wanted(&runner, |text| text.contains("live/made") && text.contains("filed"), "both channels").await;
    is_state(&server, "made", "starting").await;
    runner.runs(&[("made", true), ("filed", true)]);
    is_state(&server, "made", "running").await;

    let revision = server.store.revision().await.expect("a revision");
    let status = until("the revision is told", || async {
        let status = Ask::new("GET", "/v1/status").bearer(&server).send(&server).await.json();
        (status["applied_revision"].as_i64() >= Some(revision)).then_some(status)
    })
    .await;
    assert_eq!(status["channels"].as_array().map(Vec::len), Some(2));

    assert_eq!(post(&server, "/v1/channels/made/stop").await, 200);
    wanted(&runner, |text| !text.contains("made"), "the file's channel alone").await;
    is_state(&server, "made", "stopping").await;
    runner.runs(&[("filed", true)]);
    is_state(&server, "made", "stopped").await;
    // States written to the store are no reason to apply anything.
    let texts = runner.texts();
    assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "{texts:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_runner_that_refuses_is_asked_again() {
    let runner = Fake::new();
    *runner.refuses.lock().expect("not poisoned") = 3;
    let server =
        Server::start(Options { workflow: FILE, runner: Some(runner.clone()), ..Options::default() }).await;
    wanted(&runner, |text| text.contains("filed"), "the file's channel in the end").await;
    assert_eq!(*runner.refuses.lock().expect("not poisoned"), 0);
    server.stop().await;
}

#[tokio::test]
async fn a_channel_that_cannot_run_beside_the_others_is_left_out_and_says_why() {
    let runner = Fake::new();
    let server = Server::start(Options { runner: Some(runner.clone()), ..Options::default() }).await;
    assert_eq!(put(&server, "b", r#"{"input":{"rtmp":"live/b"}}"#).await, 201);
    wanted(&runner, |text| text.contains("live/b"), "b").await;
    let folder = server.stop().await;

    // The file takes the key that b has had.
    let workflow = "[[channel]]\nname = \"a\"\ninput = { rtmp = \"live/b\" }\n";
    let runner = Fake::new();
    let options = Options { workflow, runner: Some(runner.clone()), ..Options::default() };
    let server = Server::start_in(folder, options).await;
    wanted(&runner, |text| text.contains("name = \"a\"") && !text.contains("name = \"b\""), "a alone").await;
    runner.runs(&[("a", true)]);
    is_state(&server, "b", "refused").await;
    let shown = Ask::new("GET", "/v1/channels/b").bearer(&server).send(&server).await.json();
    assert!(shown["problem"].as_str().is_some_and(|why| why.contains("RTMP")), "{shown}");
    server.stop().await;
}

#[tokio::test]
async fn what_another_process_writes_to_the_store_is_found() {
    let runner = Fake::new();
    let server = Server::start(Options { runner: Some(runner.clone()), ..Options::default() }).await;
    assert_eq!(put(&server, "a", r#"{"input":"test"}"#).await, 201);
    wanted(&runner, |text| text.contains("name = \"a\""), "a").await;
    let store::Place::Sqlite(path) = server.store.place().clone() else { panic!("a file") };
    let other = open(path.parent().expect("a folder")).await;
    let (_, resources) = other.every().await.expect("read");
    let channel = resources.into_iter().find(|resource| resource.key.kind() == "channel").expect("made");
    let call = store::Call {
        account: channel.key.account().to_owned(),
        who: "another".to_owned(),
        source: String::new(),
        action: "headwater:DeleteChannel".to_owned(),
        request_id: "1".to_owned(),
        at: now(),
    };
    other.delete(call, &channel.key, store::Expect::Any, now()).await.expect("deleted");
    wanted(&runner, |text| !text.contains("name = \"a\""), "nothing").await;
    other.close().await;
    server.stop().await;
}

/// Wants a channel, and breaks off while it is told to.
#[derive(Default)]
struct Brittle(AtomicBool);

impl Door for Brittle {
    fn service(&self) -> &'static str {
        "brittle"
    }

    fn call<'a>(&'a self, _: &'a Caller, _: &'static str, _: aws::Map) -> Option<Answer<'a>> {
        None
    }

    fn wanted(&self, _: &[Resource], _: &Site) -> Wanted {
        assert!(!self.0.load(Relaxed), "a bug of the door");
        let table = door::table([("name", "brittle"), ("input", "test")]);
        Wanted { channels: vec![table], ..Wanted::default() }
    }

    fn observe(&self, _: &[Resource], _: &Seen, _: Utc) -> Vec<Observation> {
        panic!("a bug of the door")
    }
}

#[tokio::test]
async fn a_door_that_breaks_off_stops_nothing_that_runs() {
    let (runner, brittle) = (Fake::new(), Arc::new(Brittle::default()));
    let doors: Vec<Arc<dyn Door>> = vec![brittle.clone()];
    let server = Server::start(Options { doors, runner: Some(runner.clone()), ..Options::default() }).await;
    wanted(&runner, |text| text.contains("brittle"), "its channel").await;
    brittle.0.store(true, Relaxed);
    // What is asked for by others is looked at beside what that door wants: until it answers nobody can say.
    assert_eq!(put(&server, "a", r#"{"input":"test"}"#).await, 500);
    assert_eq!(runner.texts().len(), 1, "and nothing was stopped");
    brittle.0.store(false, Relaxed);
    assert_eq!(put(&server, "a", r#"{"input":"test"}"#).await, 201);
    wanted(&runner, |text| text.contains("brittle") && text.contains("name = \"a\""), "both").await;
    is_state(&server, "a", "starting").await;
    server.stop().await;
}
