//! The workflow file's channels, beside the API's.

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
    assert_eq!((shown.status, shown.header("etag")), (200, ""), "nothing to hold a change to");
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

#[tokio::test]
async fn one_that_the_api_made_before_the_file_had_its_name_can_only_be_removed() {
    let server = Server::start(Options::default()).await;
    assert_eq!(send(&server, "PUT", "/v1/channels/c", r#"{"input":{"rtmp":"live/api"}}"#).await.status, 201);
    let folder = server.stop().await;

    let server = Server::start_in(folder, Options { workflow: WORKFLOW, ..Options::default() }).await;
    let shown = send(&server, "GET", "/v1/channels/c", "").await.json();
    assert_eq!((&shown["owner"], &shown["channel"]["input"]), (&json!("file"), &json!({ "rtmp": "live/c" })));
    assert!(
        shown["problem"].as_str().is_some_and(|told| told.contains("DELETE removes that one")),
        "{shown}"
    );
    assert_eq!(names(&server, "").await.0, ["a file", "c file"]);
    assert_eq!(send(&server, "POST", "/v1/channels/c/stop", "").await.status, 409);
    assert_eq!(send(&server, "DELETE", "/v1/channels/c", "").await.status, 204);
    assert_eq!(send(&server, "GET", "/v1/channels/c", "").await.json()["problem"], Value::Null);
    assert_eq!(send(&server, "DELETE", "/v1/channels/c", "").await.status, 409);
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
