//! The workflow file as desired state: its channels, endpoints and distributions are resources, beside the API's.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::support::{Options, Server};

const WORKFLOW: &str =
    "[[channel]]\nname = \"c\"\ninput = { rtmp = \"live/c\" }\n[[channel]]\nname = \"a\"\ninput = \"test\"\n";

async fn send(server: &Server, method: &str, target: &str, body: &str) -> Answer {
    let ask = Ask::new(method, target).bearer(server);
    if body.is_empty() { ask.send(server).await } else { ask.json(body).send(server).await }
}

async fn names(server: &Server, query: &str) -> (Vec<String>, Value) {
    let page = send(server, "GET", &format!("/v1/channels{query}"), "").await.json();
    let items = page["items"].as_array().expect("items").iter();
    let names = items.map(|item| format!("{} {}", item["name"], item["owner"]).replace('"', ""));
    (names.collect(), page["next"].clone())
}

#[tokio::test]
async fn channels_of_the_file_are_shown_and_belong_to_it() {
    let server = Server::start(Options { workflow: WORKFLOW, ..Options::default() }).await;
    let shown = send(&server, "GET", "/v1/channels/c", "").await;
    assert_eq!((shown.status, shown.header("etag")), (200, "\"1\""));
    let shown = shown.json();
    assert_eq!(
        (&shown["owner"], &shown["started"], &shown["state"]),
        (&json!("file"), &json!(true), &json!("starting"))
    );
    assert_eq!(shown["channel"], json!({ "input": { "rtmp": "live/c" } }));
    for (method, target, body) in [
        ("PUT", "/v1/channels/c", r#"{"input":"test"}"#),
        ("PATCH", "/v1/channels/c", r#"{"window":50}"#),
        ("POST", "/v1/channels/c/start", ""),
        ("POST", "/v1/channels/c/stop", ""),
        ("DELETE", "/v1/channels/c", ""),
    ] {
        let refused = send(&server, method, target, body).await;
        assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("Conflict")), "{method} {target}");
        assert!(refused.body.contains("belongs to the workflow file"), "{method} {target}: {refused:?}");
    }
    // Written behind the scenes.
    crate::support::until("the refusal in the audit log", async || {
        let outcomes = server.outcomes("headwater:StopChannel").await;
        outcomes.iter().any(|(_, outcome)| outcome == "Conflict").then_some(())
    })
    .await;
    let status = send(&server, "GET", "/v1/status", "").await.json();
    let channel = |name: &str| json!({ "name": name, "owner": "file", "on_air": false, "has_source": false, "encoders": 0 });
    assert_eq!(status["channels"], json!([channel("a"), channel("c")]));
    server.stop().await;
}

#[tokio::test]
async fn lists_have_the_files_channels_at_their_places_in_every_page() {
    let server = Server::start(Options { workflow: WORKFLOW, ..Options::default() }).await;
    for name in ["b", "d", "e"] {
        assert_eq!(
            send(&server, "PUT", &format!("/v1/channels/{name}"), r#"{"input":"test"}"#).await.status,
            201
        );
    }
    let all = ["a file", "b api", "c file", "d api", "e api"];
    assert_eq!(names(&server, "").await, (all.map(str::to_owned).into(), Value::Null));
    for limit in 1..=6 {
        let (mut gathered, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let (page, next) = names(&server, &query).await;
            assert!(page.len() <= limit);
            gathered.extend(page);
            let Some(next) = next.as_str() else { break };
            query = format!("?limit={limit}&after={next}");
        }
        assert_eq!(gathered, all, "limit {limit}");
    }
    server.stop().await;
}

/// `kind id owner generation`, a line each.
async fn held(server: &Server) -> Vec<String> {
    let listed = send(server, "GET", "/v1/resources", "").await.json();
    let items = listed["items"].as_array().expect("items").iter();
    let line = |item: &Value| {
        format!("{} {} {} {}", item["kind"], item["id"], item["owner"], item["generation"]).replace('"', "")
    };
    items.map(line).collect()
}

async fn restarted(server: Server, workflow: &'static str) -> Server {
    let folder = server.stop().await;
    Server::start_in(folder, Options { workflow, ..Options::default() }).await
}

#[tokio::test]
async fn another_file_makes_changes_and_removes_its_own_and_leaves_the_apis() {
    const BEFORE: &str = "[[channel]]\nname = \"stays\"\ninput = \"test\"\n\
        [[channel]]\nname = \"changes\"\ninput = { rtmp = \"live/s3cret\" }\n\
        [[channel]]\nname = \"goes\"\ninput = \"cmaf\"\n\
        [[endpoint]]\nname = \"out\"\nchannel = \"goes\"\npath = \"out/v1/1\"\n[[endpoint.manifest]]\nkind = \"hls\"\nname = \"index\"\n\
        [[distribution]]\nname = \"cdn\"\nmount = true\n[[distribution.origin]]\nid = \"o\"\ntarget = \"origin\"\n\
        [[distribution.behaviour]]\norigin = \"o\"\n";
    const AFTER: &str = "# Words and order make no difference.\n\
        [[channel]]\nname = \"comes\"\ninput = \"test\"\n\
        [[channel]]\nname = \"changes\"\nwindow = 50\ninput = { rtmp = \"live/s3cret\" }\n\
        [[channel]]\ninput = \"test\"\nname = \"stays\"\n";
    let server = Server::start(Options { workflow: BEFORE, ..Options::default() }).await;
    assert_eq!(send(&server, "PUT", "/v1/channels/api", r#"{"input":"test"}"#).await.status, 201);
    let of_file = ["channel changes", "channel goes", "channel stays", "distribution cdn", "endpoint out"];
    let mut all = of_file.map(|resource| format!("{resource} file 1")).to_vec();
    all.insert(0, "channel api api 1".to_owned());
    assert_eq!(held(&server).await, all);

    let file = control::File::of(&server.identity().await);
    let steps = file.plan(&server.store, AFTER).await.expect("a plan");
    let plan: Vec<_> = steps.iter().map(ToString::to_string).collect();
    let expected = [
        "~ channel changes: window changed",
        "+ channel comes (built-in test pattern; 1080p30 720p30 480p30)",
        "- distribution cdn",
        "- endpoint out",
        "- channel goes",
    ];
    assert_eq!(plan, expected);
    assert_eq!(held(&server).await, all, "a plan changes nothing");

    let server = restarted(server, AFTER).await;
    let all = ["channel api api 1", "channel changes file 2", "channel comes file 1", "channel stays file 1"];
    assert_eq!(held(&server).await, all);
    let one = server.outcomes("headwater:ApplyFile").await;
    assert_eq!(one.len(), 2, "each file is one transaction with one line: {one:?}");
    let database = std::fs::read(server.database()).expect("read");
    assert!(!database.windows(6).any(|window| window == b"s3cret"), "the store shows a stream key");

    let steps = file.apply(&server.store, AFTER).await.expect("applied");
    assert_eq!((steps.len(), held(&server).await), (0, all.map(str::to_owned).to_vec()));
    assert_eq!(server.outcomes("headwater:ApplyFile").await, one, "nothing was written");
    let server = restarted(server, "").await;
    assert_eq!(held(&server).await, ["channel api api 1"], "no file, and nothing of one");
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_asks_for_what_an_api_made_is_refused_as_a_whole() {
    let server = Server::start(Options::default()).await;
    assert_eq!(send(&server, "PUT", "/v1/channels/c", r#"{"input":{"rtmp":"live/api"}}"#).await.status, 201);
    let file = control::File::of(&server.identity().await);
    let refused = file.apply(&server.store, WORKFLOW).await;
    assert!(matches!(refused, Err(control::FileFault::Taken(_))), "{refused:?}");
    assert_eq!(held(&server).await, ["channel c api 1"]);

    // A control role that is started with it goes on with what there is.
    let server = restarted(server, WORKFLOW).await;
    assert_eq!(held(&server).await, ["channel c api 1"]);
    assert_eq!(send(&server, "DELETE", "/v1/channels/c", "").await.status, 204);
    let steps = file.apply(&server.store, WORKFLOW).await.expect("applied");
    assert_eq!(steps.len(), 2);
    assert_eq!(held(&server).await, ["channel a file 1", "channel c file 3"], "goes on from its tombstone");
    server.stop().await;
}

#[tokio::test]
async fn a_resource_is_shown_with_the_state_that_its_door_tells() {
    /// Knows the state of topics.
    struct Told;
    impl door::Door for Told {
        fn service(&self) -> &'static str {
            "sns"
        }

        fn call<'a>(&'a self, _: &'a door::Caller, _: &'static str, _: aws::Map) -> Option<door::Answer<'a>> {
            None
        }

        fn state(&self, resource: &store::Resource) -> Option<String> {
            (resource.key.kind() == "sns-topic").then(|| format!("HEARD-{}", resource.key.id()))
        }
    }
    let server = Server::start(Options { doors: vec![Arc::new(Told)], ..Options::default() }).await;
    let account = server.root.account.as_str();
    let call = store::Call {
        account: account.to_owned(),
        who: "test".to_owned(),
        source: String::new(),
        action: "sns:CreateTopic".to_owned(),
        request_id: "1".to_owned(),
        at: crate::support::now(),
    };
    let mut write = server.store.write(call).await.expect("a turn");
    let made = async {
        for kind in ["sns-topic", "sqs-queue"] {
            let key = store::Key::new(kind, account, "us-east-1", "news")?;
            let (arn, name, owner) = (format!("arn:{kind}"), "news".to_owned(), store::Owner::Api);
            let (desired, tags) = (store::Document::parse("{}")?, store::Tags::new());
            write.create(store::New { key, arn, name, owner, desired, tags }).await?;
        }
        Ok(())
    }
    .await;
    write.settle(made).await.expect("made");
    send(&server, "PUT", "/v1/channels/d", r#"{"input":"test"}"#).await;
    send(&server, "POST", "/v1/channels/d/stop", "").await;
    let told = crate::support::until("the channel's state", async || {
        let listed = send(&server, "GET", "/v1/resources", "").await.json();
        let items = listed["items"].as_array().expect("items").iter();
        let told: Vec<_> = items.map(|item| (item["kind"].clone(), item["state"].clone())).collect();
        told.contains(&(json!("channel"), json!("stopped"))).then_some(told)
    })
    .await;
    let expected =
        [("channel", json!("stopped")), ("sns-topic", json!("HEARD-news")), ("sqs-queue", Value::Null)];
    assert_eq!(told, expected.map(|(kind, state)| (json!(kind), state)));
    server.stop().await;
}
