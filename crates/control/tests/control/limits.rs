//! What clients may not take.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use control::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Ask, parsed, raw};
use crate::support::{Fake, Options, PATIENCE, Server, until};

async fn server(limits: Limits) -> Server {
    Server::start(Options { doors: vec![Fake::new("medialive")], limits, ..Options::default() }).await
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_never_by_a_page_or_a_500() {
    let server = server(Limits { head_time: Duration::from_secs(1), ..Limits::default() }).await;
    let body = vec![b' '; (2 << 20) + 10];
    let large = Ask::new("POST", "/prod/channels").json("").body(body.clone()).signed(&server, "medialive");
    let refused = large.send(&server).await;
    assert_eq!((refused.status, refused.header("x-amzn-errortype")), (413, "RequestEntityTooLarge"));
    let native = Ask::new("PUT", "/v1/channels/a").json("").body(vec![b' '; 60 << 10]).bearer(&server);
    let refused = native.send(&server).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (413, Some("TooLarge")));
    let address = server.address;
    for bytes in [
        format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(100 << 10)),
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(80 << 10)),
        format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(200)),
        format!("GET /prod/channels HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 {}\r\n\r\n", "a".repeat(8 << 10)),
        "NONSENSE\r\n\r\n".to_owned(),
        "CONNECT a:1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
        "OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(),
        "GET http://other/v1/status HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
        "POST /v1/channels HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n".to_owned(),
    ] {
        let answer = raw(address, bytes.as_bytes()).await;
        assert_eq!(answer.status / 100, 4, "{} {answer:?}", &bytes[..bytes.len().min(80)]);
        assert!(!answer.body.contains('<') || answer.body.starts_with("<?xml"), "{answer:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn whoever_is_slow_is_let_go() {
    let limits = Limits {
        head_time: Duration::from_millis(200),
        body_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = server(limits).await;
    let mut head = TcpStream::connect(server.address).await.expect("connected");
    head.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.expect("sent");
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, head.read_to_end(&mut rest)).await.expect("closed");
    assert!(closed.is_ok() && (rest.is_empty() || parsed(&rest).status == 408), "{rest:?}");
    let late = b"POST /prod/channels HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345";
    assert_eq!(raw(server.address, late).await.status, 408);
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_place() {
    let server = server(Limits { connections: 2, ..Limits::default() }).await;
    let held: Vec<_> = [
        TcpStream::connect(server.address).await.expect("connected"),
        TcpStream::connect(server.address).await.expect("connected"),
    ]
    .into();
    let mut waiting = TcpStream::connect(server.address).await.expect("in the kernel's queue");
    waiting.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.expect("sent");
    let mut bytes = [0; 12];
    let answered = tokio::time::timeout(Duration::from_millis(300), waiting.read_exact(&mut bytes)).await;
    assert!(answered.is_err(), "nobody answers while both places are taken");
    drop(held);
    tokio::time::timeout(PATIENCE, waiting.read_exact(&mut bytes))
        .await
        .expect("a place")
        .expect("an answer");
    assert_eq!(&bytes, b"HTTP/1.1 200");
    server.stop().await;
}

#[tokio::test]
async fn health_is_for_everybody_and_says_nothing_else() {
    let server = server(Limits::default()).await;
    let answer = Ask::new("GET", "/health").send(&server).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"ok"}"#));
    for name in ["date", "x-amzn-requestid", "x-content-type-options"] {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
    assert_eq!(answer.header("server"), "");
    assert_eq!(Ask::new("POST", "/health").send(&server).await.status, 405);
    server.drain();
    server.stop().await;
}

#[tokio::test]
async fn what_was_begun_is_done_whether_its_client_leaves_or_the_server_drains() {
    let door = Fake::new("medialive");
    let server = Server::start(Options { doors: vec![door.clone()], ..Options::default() }).await;
    let ask = Ask::new("POST", "/prod/channels/1/stop").signed(&server, "medialive").bytes(server.address);
    let begun = |count| {
        let door = &door;
        until("begun", move || async move { (door.operations().len() == count).then_some(()) })
    };
    let mut leaves = TcpStream::connect(server.address).await.expect("connected");
    leaves.write_all(&ask).await.expect("sent");
    begun(1).await;
    drop(leaves);
    until("done", || async { (door.done.load(Relaxed) == 1).then_some(()) }).await;

    let mut stays = TcpStream::connect(server.address).await.expect("connected");
    stays.write_all(&ask).await.expect("sent");
    begun(2).await;
    let reading = tokio::spawn(async move {
        let mut bytes = Vec::new();
        stays.read_to_end(&mut bytes).await.map(|_| bytes)
    });
    server.stop().await;
    let answer = parsed(&reading.await.expect("no panic").expect("read"));
    assert_eq!((answer.status, door.done.load(Relaxed)), (200, 2));
}
