//! Who is not let in, and what they are told in each protocol.

use std::sync::Arc;

use identity::Secret;

use crate::client::{Answer, Ask};
use crate::support::{Fake, Options, Server, now, until};

/// A request of each family of protocols, and its signing name.
pub(crate) fn calls() -> [(&'static str, Ask, &'static str); 5] {
    let alarm = "{}";
    let json = Ask::new("POST", "/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
        .body(alarm);
    let cbor = Ask::new("POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics")
        .header("smithy-protocol", "rpc-v2-cbor")
        .header("content-type", "application/cbor")
        .body([0xa0]);
    [
        ("rest-json", Ask::new("GET", "/prod/channels"), "medialive"),
        ("json", json, "monitoring"),
        ("cbor", cbor, "monitoring"),
        ("query", Ask::new("POST", "/").form("Action=ListTopics&Version=2010-03-31"), "sns"),
        ("rest-xml", Ask::new("GET", "/2020-05-31/distribution"), "cloudfront"),
    ]
}

pub(crate) async fn server() -> Server {
    let doors = ["medialive", "cloudwatch", "sns", "cloudfront"].map(|name| Fake::new(name) as Arc<_>);
    Server::start(Options { doors: doors.into(), ..Options::default() }).await
}

pub(crate) fn check(protocol: &str, answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{protocol} {code} {answer:?}");
    assert!(!answer.header("x-amzn-requestid").is_empty() && !answer.header("date").is_empty(), "{answer:?}");
    assert!(!answer.body.contains("<html") && !answer.body.contains("<!DOCTYPE"), "{answer:?}");
    let said = match protocol {
        "rest-json" => answer.header("x-amzn-errortype") == code,
        "query" | "rest-xml" => answer.body.contains(&format!("<Code>{code}</Code>")),
        _ => answer.body.contains(code),
    };
    assert!(said, "{protocol} wants {code}: {answer:?}");
}

/// Codes and statuses of rest-json (and CBOR), JSON, and query (and XML).
struct Told {
    json: &'static str,
    query: (u16, &'static str),
}

impl Told {
    fn of(&self, protocol: &str) -> (u16, &'static str) {
        match protocol {
            "rest-json" | "cbor" => (403, self.json),
            "json" => (400, self.json),
            _ => self.query,
        }
    }
}

#[tokio::test]
async fn each_failure_has_awss_code_and_status_in_each_protocol() {
    let server = server().await;
    let minutes = |minutes: i64| now().plus_micros(minutes * 60_000_000);
    let root = server.root.clone();
    let key = root.access_key.as_str();
    let wrong = Secret::new("another-secret-of-thirty-two-bytes-or-so");
    for (protocol, ask, service) in calls() {
        let refused = async |ask: Ask, told: Told| {
            let (status, code) = told.of(protocol);
            check(protocol, &ask.send(&server).await, status, code);
        };
        let signed =
            |key: &str, secret: &Secret, at| ask.clone().signed_by(&server, key, secret, service, at);
        assert_eq!(signed(key, &root.secret_key, now()).send(&server).await.status, 200, "{protocol}");
        let missing =
            Told { json: "MissingAuthenticationTokenException", query: (403, "MissingAuthenticationToken") };
        refused(ask.clone(), missing).await;
        let unknown = || Told { json: "UnrecognizedClientException", query: (403, "InvalidClientTokenId") };
        refused(signed("AKIANOBODYHASTHISKEY", &wrong, now()), unknown()).await;
        let mismatch = || Told { json: "InvalidSignatureException", query: (403, "SignatureDoesNotMatch") };
        refused(signed(key, &wrong, now()), mismatch()).await;
        refused(signed(key, &root.secret_key, minutes(-6)), mismatch()).await;
        refused(signed(key, &root.secret_key, minutes(6)), mismatch()).await;
        let mut changed = signed(key, &root.secret_key, now());
        changed.body.push(b' ');
        refused(changed, mismatch()).await;
        let unsigned_header = signed(key, &root.secret_key, now()).header("x-amz-extra", "1");
        refused(unsigned_header, mismatch()).await;
        let token = signed(key, &root.secret_key, now()).header("x-amz-security-token", "t");
        refused(token, mismatch()).await;
        let incomplete = Told { json: "IncompleteSignatureException", query: (400, "IncompleteSignature") };
        let broken = ask.clone().header(
            "authorization",
            &format!("AWS4-HMAC-SHA256 Credential=AK/20261127/r/{service}/aws4_request, SignedHeaders=host"),
        );
        refused(broken, incomplete).await;
        let over = ask.clone().presigned(&server, service, minutes(-3), 60);
        if protocol == "rest-json" || protocol == "rest-xml" {
            let told = Told { json: "InvalidSignatureException", query: (400, "RequestExpired") };
            refused(over, told).await;
            let good = ask.clone().presigned(&server, service, now(), 60);
            assert_eq!(good.send(&server).await.status, 200, "{protocol}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_key_that_is_switched_off_is_as_unknown_as_one_that_never_was() {
    let server = server().await;
    let (key, secret) = server.user("eve", Some(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#)).await;
    let ask = || Ask::new("GET", "/prod/channels").signed_by(&server, &key, &secret, "medialive", now());
    assert_eq!(ask().send(&server).await.status, 200);
    let call = store::Call {
        account: server.root.account.as_str().to_owned(),
        who: "test".to_owned(),
        source: String::new(),
        action: "iam:UpdateAccessKey".to_owned(),
        request_id: "1".to_owned(),
        at: now(),
    };
    let mut write = server.store.write(call).await.expect("a turn");
    let done = write.set_key_active(&key, false).await;
    write.settle(done).await.expect("switched off");
    check("rest-json", &ask().send(&server).await, 403, "UnrecognizedClientException");
    server.stop().await;
}

#[tokio::test]
async fn the_same_call_is_taken_from_its_client_and_not_from_whoever_heard_it() {
    let door = Fake::new("medialive");
    let server = Server::start(Options { doors: vec![door.clone()], ..Options::default() }).await;
    let read = Ask::new("GET", "/prod/channels").signed(&server, "medialive");
    let root = server.root.clone();
    let change = Ask::new("DELETE", "/prod/channels/1").signed_by(
        &server,
        root.access_key.as_str(),
        &root.secret_key,
        "medialive",
        now().plus_micros(-30_000_000),
    );
    assert_eq!(change.send(&server).await.status, 200);
    assert_eq!(change.send(&server).await.status, 200, "a retry within the moment");
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    check("rest-json", &change.send(&server).await, 403, "InvalidSignatureException");
    for _ in 0..2 {
        assert_eq!(read.send(&server).await.status, 200);
    }
    assert_eq!(door.operations().iter().filter(|name| **name == "DeleteChannel").count(), 2);
    let told = until("the refusal in the audit log", || async {
        server.outcomes("medialive:DeleteChannel").await.first().cloned()
    })
    .await;
    assert_eq!(told, (format!("unverified:{}", root.access_key), "InvalidSignatureException".to_owned()));
    server.stop().await;
}

#[tokio::test]
async fn links_in_messages_need_no_signature_and_all_else_does() {
    let door = Fake::new("sns");
    let server = Server::start(Options { doors: vec![door.clone()], ..Options::default() }).await;
    let link = "/?Action=ConfirmSubscription&Version=2010-03-31&TopicArn=arn%3Aaws%3Asns%3Aus-west-2%3A1%3At&Token=abc";
    assert_eq!(Ask::new("GET", link).send(&server).await.status, 200);
    {
        let asked = door.asked.lock().expect("not poisoned");
        let (caller, operation, input) = asked.first().expect("asked");
        assert_eq!((*operation, input.text("Token")), ("ConfirmSubscription", Some("abc")));
        assert_eq!(caller.who, door::Caller::ANYBODY);
    }
    let other = link.replace("ConfirmSubscription", "Subscribe") + "&Protocol=http";
    check("query", &Ask::new("GET", &other).send(&server).await, 403, "MissingAuthenticationToken");
    let wrong = Ask::new("GET", link).header("authorization", "AWS4-HMAC-SHA256 Credential=x");
    assert_eq!(wrong.send(&server).await.status / 100, 4, "a bad signature is not no signature");
    assert_eq!(door.operations(), ["ConfirmSubscription"]);
    server.stop().await;
}
