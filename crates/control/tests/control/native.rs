//! The native API.

use crate::client::{Answer, Ask};
use crate::support::{Options, Server, now};

async fn send(server: &Server, method: &str, target: &str, body: &str) -> Answer {
    let ask = Ask::new(method, target).bearer(server);
    if body.is_empty() { ask.send(server).await } else { ask.json(body).send(server).await }
}

fn told(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status);
    assert_eq!(problem["request_id"], answer.header("x-amzn-requestid"));
    (answer.status, problem["code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn a_channel_is_made_shown_changed_stopped_started_and_removed() {
    let server = Server::start(Options::default()).await;
    let made = send(
        &server,
        "PUT",
        "/v1/channels/main",
        r#"{"name":"main","input":{"rtmp":"live/key"},"segment":2}"#,
    )
    .await;
    assert_eq!(
        (made.status, made.header("etag"), made.header("location")),
        (201, "\"1\"", "/v1/channels/main")
    );
    let shown = send(&server, "GET", "/v1/channels/main", "").await;
    assert_eq!((shown.status, shown.header("etag")), (200, "\"1\""));
    assert_eq!(shown.json()["channel"], serde_json::json!({ "input": { "rtmp": "live/key" }, "segment": 2 }));
    assert_eq!(shown.json()["started"], true);
    let same =
        send(&server, "PUT", "/v1/channels/main", r#"{"segment":2,"input":{"rtmp":"live/key"}}"#).await;
    assert_eq!((same.status, same.header("etag")), (200, "\"1\""));
    let patched = send(&server, "PATCH", "/v1/channels/main", r#"{"segment":null,"window":90}"#).await;
    assert_eq!((patched.status, patched.header("etag")), (200, "\"2\""), "{patched:?}");
    assert_eq!(
        patched.json()["channel"],
        serde_json::json!({ "input": { "rtmp": "live/key" }, "window": 90 })
    );
    let stopped = send(&server, "POST", "/v1/channels/main/stop", "").await;
    assert_eq!((stopped.header("etag"), &stopped.json()["started"]), ("\"3\"", &false.into()));
    let again = send(&server, "POST", "/v1/channels/main/stop", "").await;
    assert_eq!((again.status, again.header("etag")), (200, "\"3\""));
    let started = send(&server, "POST", "/v1/channels/main/start", "").await;
    assert_eq!((started.status, &started.json()["started"]), (200, &true.into()));
    assert_eq!(send(&server, "DELETE", "/v1/channels/main", "").await.status, 204);
    assert_eq!(told(&send(&server, "GET", "/v1/channels/main", "").await), (404, "NotFound".to_owned()));
    assert_eq!(told(&send(&server, "DELETE", "/v1/channels/main", "").await), (404, "NotFound".to_owned()));
    assert_eq!(
        told(&send(&server, "POST", "/v1/channels/main/start", "").await),
        (404, "NotFound".to_owned())
    );
    let anew = send(&server, "PUT", "/v1/channels/main", r#"{"input":"test"}"#).await;
    assert_eq!((anew.status, anew.header("etag")), (201, "\"6\""), "nobody takes it for the one before");
    let outcomes: Vec<_> =
        server.outcomes("headwater:DeleteChannel").await.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["ok", "NotFound"]);
    server.stop().await;
}

#[tokio::test]
async fn whoever_saw_another_generation_changes_nothing() {
    let server = Server::start(Options::default()).await;
    let put = async |name: &str, value: &str| {
        let ask =
            Ask::new("PUT", "/v1/channels/a").json(r#"{"input":"test","window":100}"#).header(name, value);
        ask.bearer(&server).send(&server).await
    };
    assert_eq!(told(&put("if-match", "*").await), (412, "Stale".to_owned()));
    assert_eq!(told(&put("if-match", "\"1\"").await), (412, "Stale".to_owned()));
    assert_eq!(put("if-none-match", "*").await.status, 201);
    assert_eq!(told(&put("if-none-match", "*").await), (412, "Stale".to_owned()));
    assert_eq!(told(&put("if-match", "\"2\"").await), (412, "Stale".to_owned()));
    assert_eq!(put("if-match", "\"1\"").await.status, 200);
    for wrong in ["1", "\"x\"", "\"1\", \"2\"", "W/\"1\""] {
        assert_eq!(told(&put("if-match", wrong).await), (400, "BadRequest".to_owned()), "{wrong}");
    }
    let conditional = async |method: &str, target: &str| {
        Ask::new(method, target).header("if-match", "\"9\"").bearer(&server).send(&server).await
    };
    assert_eq!(conditional("DELETE", "/v1/channels/a").await.status, 412);
    assert_eq!(conditional("POST", "/v1/channels/a/stop").await.status, 412);
    let patch = Ask::new("PATCH", "/v1/channels/a").header("content-type", "application/merge-patch+json");
    let patch = patch.body("{\"window\":50}").header("if-match", "\"9\"").bearer(&server).send(&server).await;
    assert_eq!(patch.status, 412);
    assert_eq!(send(&server, "GET", "/v1/channels/a", "").await.header("etag"), "\"1\"");
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_valid_is_refused_with_its_place_and_nothing_is_stored() {
    let workflow = "[[channel]]\nname = \"filed\"\ninput = { rtmp = \"live/filed\" }\n";
    let server = Server::start(Options { workflow, ..Options::default() }).await;
    let put =
        async |name: &str, body: &str| send(&server, "PUT", &format!("/v1/channels/{name}"), body).await;
    for (name, body, pointer) in [
        ("a", r#"{"input":"test","segment":99}"#, "/segment"),
        ("a", r#"{"input":"test","nothing":1}"#, "/nothing"),
        ("a", r#"{"input":"test","ladder":[{"size":"640x360","bitrate":"x"}]}"#, "/ladder/0/bitrate"),
        ("a", r#"{"input":{"rtmp":null}}"#, "/input/rtmp"),
        ("a", r#"{"input":"test","name":"b"}"#, "/name"),
        ("A", r#"{"input":"test"}"#, "/name"),
        ("a%2f", r#"{"input":"test"}"#, "/name"),
    ] {
        let answer = put(name, body).await;
        assert_eq!(told(&answer), (422, "Invalid".to_owned()), "{body}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{answer:?}");
    }
    for body in ["{", "[]", "1", r#"{"input":"test","input":"cmaf"}"#, &"[".repeat(10_000)] {
        assert_eq!(told(&put("a", body).await), (400, "BadRequest".to_owned()), "{body:.20}");
    }
    for (name, body) in [("filed", r#"{"input":"test"}"#), ("a", r#"{"input":{"rtmp":"live/filed"}}"#)] {
        assert_eq!(told(&put(name, body).await), (409, "Conflict".to_owned()), "{name} {body}");
    }
    assert_eq!(put("z", r#"{"input":{"rtmp":"live/z"}}"#).await.status, 201);
    let beside = put("a", r#"{"input":{"rtmp":"live/z"}}"#).await;
    assert_eq!(told(&beside), (409, "Conflict".to_owned()));
    assert!(beside.body.contains("channel z could not run beside it"), "{beside:?}");
    let text =
        Ask::new("PUT", "/v1/channels/a").header("content-type", "text/plain").body("{}").bearer(&server);
    assert_eq!(told(&text.send(&server).await), (415, "UnsupportedMediaType".to_owned()));
    let listed = send(&server, "GET", "/v1/channels", "").await.json();
    let names: Vec<_> = listed["items"].as_array().expect("items").iter().map(|item| &item["name"]).collect();
    assert_eq!(names, ["filed", "z"]);
    server.stop().await;
}

#[tokio::test]
async fn lists_come_in_pages_and_show_no_settings() {
    let server = Server::start(Options::default()).await;
    for name in ["a", "b", "c", "d", "e"] {
        let body = format!(r#"{{"input":{{"rtmp":"live/s3cret-{name}"}}}}"#);
        assert_eq!(send(&server, "PUT", &format!("/v1/channels/{name}"), &body).await.status, 201);
    }
    for target in ["/v1/channels", "/v1/resources?kind=channel"] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        for _ in 0..3 {
            let mark = if target.contains('?') { '&' } else { '?' };
            let page = send(&server, "GET", &format!("{target}{mark}limit=2{after}"), "").await;
            assert!(!page.body.contains("s3cret"), "{page:?}");
            let page = page.json();
            seen.extend(
                page["items"]
                    .as_array()
                    .expect("items")
                    .iter()
                    .map(|item| item["name"].as_str().expect("named").to_owned()),
            );
            after = page["next"]
                .as_str()
                .map_or(String::new(), |next| format!("&after={}", next.replace('/', "%2F")));
        }
        assert_eq!((seen.join(""), after.as_str()), ("abcde".to_owned(), ""), "{target}");
    }
    let all = send(&server, "GET", "/v1/resources", "").await.json();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(5), "the identity is of no account: {all}");
    for wrong in ["/v1/channels?limit=0", "/v1/channels?kind=x", "/v1/resources?limit=a"] {
        assert_eq!(told(&send(&server, "GET", wrong, "").await), (400, "BadRequest".to_owned()));
    }
    server.stop().await;
}

#[tokio::test]
async fn only_whoever_has_a_key_and_the_permission_comes_in() {
    let server = Server::start(Options::default()).await;
    let status = Ask::new("GET", "/v1/status");
    let unsigned = status.clone().send(&server).await;
    assert_eq!(told(&unsigned), (401, "Unauthenticated".to_owned()));
    assert!(unsigned.header("www-authenticate").starts_with("Bearer"), "{unsigned:?}");
    for wrong in ["Bearer", "Bearer x", "Bearer AKIANOBODYHASTHISKEY.secret", "Basic eDp5", "Digest x"] {
        let answer = status.clone().header("authorization", wrong).send(&server).await;
        assert_eq!(told(&answer), (401, "Unauthenticated".to_owned()), "{wrong}");
    }
    let cut = format!("Bearer {}.{}", server.root.access_key, &server.root.secret_key.expose()[1..]);
    assert_eq!(status.clone().header("authorization", &cut).send(&server).await.status, 401);
    let signed = status.clone().signed(&server, "headwater").send(&server).await;
    assert_eq!((signed.status, &signed.json()["account"]), (200, &server.root.account.as_str().into()));
    assert_eq!(
        status.clone().signed(&server, "medialive").send(&server).await.status,
        404,
        "another service's path"
    );

    let (key, secret) = server
        .user(
            "op",
            Some(
                r#"{"Effect":"Allow","Action":["headwater:GetChannel","headwater:PutChannel"],"Resource":"arn:aws:headwater::*:channel/op-*"}"#,
            ),
        )
        .await;
    let asked = async |method: &str, target: &str, body: &str| {
        let ask = Ask::new(method, target).json(body).signed_by(&server, &key, &secret, "headwater", now());
        ask.send(&server).await.status
    };
    assert_eq!(asked("PUT", "/v1/channels/op-1", r#"{"input":"test"}"#).await, 201);
    assert_eq!(asked("GET", "/v1/channels/op-1", "").await, 200);
    assert_eq!(asked("PUT", "/v1/channels/other", r#"{"input":"test"}"#).await, 403);
    assert_eq!(asked("GET", "/v1/channels", "").await, 403);
    assert_eq!(asked("DELETE", "/v1/channels/op-1", "").await, 403);
    // This machine's files and networks are not everybody's.
    assert_eq!(asked("PUT", "/v1/channels/op-2", r#"{"input":{"file":"/etc/passwd"}}"#).await, 403);
    let private = r#"{"input":{"hls":"https://example.org/a.m3u8","allow_private":true}}"#;
    assert_eq!(asked("PUT", "/v1/channels/op-2", private).await, 403);
    assert_eq!(
        send(&server, "PUT", "/v1/channels/rooted", r#"{"input":{"file":"a.mp4"}}"#).await.status,
        201
    );
    server.stop().await;
}

#[tokio::test]
async fn what_there_is_not_is_said_so() {
    let server = Server::start(Options::default()).await;
    assert_eq!(told(&send(&server, "GET", "/v1/nothing", "").await), (404, "NotFound".to_owned()));
    let method = send(&server, "PUT", "/v1/channels", "{}").await;
    assert_eq!((told(&method).0, method.header("allow")), (405, "GET"));
    let description = send(&server, "GET", "/v1/openapi.json", "").await;
    assert_eq!(description.json()["openapi"], "3.1.0");
    let head = send(&server, "HEAD", "/v1/status", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    server.stop().await;
}
