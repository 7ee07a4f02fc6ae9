//! The edge over HTTP/3, with a client of quinn and h3.

#[path = "common/http3_client.rs"]
mod client;
mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use client::{Client, endpoint};
use common::{Edge, HANG, Origin, SEGMENT, body, ok, target};
use edge::{Certificate, Limits};
use http::{Request, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

async fn edge_before(origin: &Origin) -> Edge {
    Edge::with_tls(origin.address, Limits::default(), Certificate::SelfMade).await
}

#[tokio::test]
async fn bodies_of_every_size_arrive_whole_and_are_cached_for_all_protocols() {
    for size in [0, 10, 16_385, 70_000, 3_000_000] {
        let whole = body(size);
        let origin = Origin::fixed(ok(SEGMENT, &whole)).await;
        let edge = edge_before(&origin).await;
        let mut client = Client::connect(&edge).await;
        for cache in ["miss", "hit"] {
            let answer = client.get("/a/b/1.m4s").await;
            assert_eq!((answer.status, answer.body == whole), (StatusCode::OK, true), "{size} bytes");
            assert_eq!(answer.fields["content-length"], size.to_string());
            assert!(answer.fields["cache-status"].to_str().unwrap().contains(cache), "{:?}", answer.fields);
        }
        assert_eq!(edge.get("/a/b/1.m4s").await.body, whole);
        assert_eq!(origin.heads().len(), 1);
        edge.metric_reaches("headwater_edge_protocol_requests_total{protocol=\"h3\"}", 2).await;
    }
}

#[tokio::test]
async fn ranges_conditions_and_head_are_answered_as_by_http_1() {
    let origin = Origin::fixed(ok(SEGMENT, &body(100_000))).await;
    let edge = edge_before(&origin).await;
    let mut client = Client::connect(&edge).await;
    client.get("/a").await;
    let part = client.ask("GET", "/a", &[("range", "bytes=70000-70009")]).await.unwrap();
    assert_eq!((part.status.as_u16(), part.body), (206, body(100_000)[70_000..70_010].to_vec()));
    let unchanged = client.ask("GET", "/a", &[("if-none-match", "\"s\"")]).await.unwrap();
    assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0));
    let head = client.ask("HEAD", "/a", &[]).await.unwrap();
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.fields["content-length"], "100000");
    assert_eq!(client.ask("OPTIONS", "/a", &[]).await.unwrap().status.as_u16(), 204);
}

#[tokio::test]
async fn the_gate_is_the_same() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = edge_before(&origin).await;
    let mut client = Client::connect(&edge).await;
    for (method, target, fields, status) in [
        ("POST", "/a", &[][..], 405),
        ("GET", "/a/../b", &[], 400),
        ("GET", "/a%2fb", &[], 400),
        ("GET", "/a", &[("content-length", "5")], 400),
        ("GET", "/a", &[("expect", "100-continue")], 417),
        ("GET", "/a", &[("range", "bytes=0-1"), ("range", "bytes=2-3")], 400),
    ] {
        let answer = client.ask(method, target, fields).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{method} {target} {fields:?}");
    }
    assert!(origin.heads().is_empty());
    edge.metric_reaches("headwater_edge_rejected_total{reason=\"method\"}", 1).await;
    assert_eq!(client.get("/a").await.body, b"x");
}

#[tokio::test]
async fn an_open_object_is_read_as_it_grows_by_whoever_comes_and_whenever() {
    let go = Arc::new(Notify::new());
    let origin = Origin::start({
        let go = go.clone();
        move |_, mut stream| {
            let go = go.clone();
            async move {
                let head =
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\nTransfer-Encoding: chunked\r\n\r\n";
                stream.write_all(head.as_bytes()).await.ok()?;
                for _ in 0..3 {
                    stream.write_all(b"5\r\nhello\r\n").await.ok()?;
                    go.notified().await;
                }
                stream.write_all(b"0\r\n\r\n").await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    let edge = edge_before(&origin).await;
    let (mut first, mut second) = (Client::connect(&edge).await, Client::connect(&edge).await);
    let request = || Request::get("https://localhost/open").body(()).unwrap();
    let mut early = first.requests.send_request(request()).await.unwrap();
    early.finish().await.unwrap();
    assert_eq!(early.recv_response().await.unwrap().status(), 200);
    let mut read = Vec::new();
    while read.len() < 5 {
        let mut piece = early.recv_data().await.unwrap().expect("it is open");
        read.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    assert_eq!(read, b"hello");
    go.notify_one();
    // Who joins midway reads from the first byte.
    let mut late = second.requests.send_request(request()).await.unwrap();
    late.finish().await.unwrap();
    assert_eq!(late.recv_response().await.unwrap().status(), 200);
    go.notify_one();
    let mut joined = Vec::new();
    while joined.len() < 15 {
        let mut piece = late.recv_data().await.unwrap().expect("it is open");
        joined.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    go.notify_one();
    assert!(late.recv_data().await.unwrap().is_none());
    while let Some(mut piece) = early.recv_data().await.unwrap() {
        read.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    assert_eq!((&read[..], &joined[..]), (&b"hellohellohello"[..], &b"hellohellohello"[..]));
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_resets_its_stream_and_no_other() {
    let origin = Origin::start(|head, mut stream| async move {
        if target(&head) == "/whole" {
            stream.write_all(&ok(SEGMENT, b"whole")).await.ok()?;
            return Some(stream);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await.ok()?;
        None
    })
    .await;
    let edge = edge_before(&origin).await;
    let mut client = Client::connect(&edge).await;
    client.ask("GET", "/broken", &[]).await.expect_err("reset");
    assert_eq!(client.get("/whole").await.body, b"whole");
}

#[tokio::test]
async fn answers_over_tls_tell_of_http_3_and_those_without_do_not() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = edge_before(&origin).await;
    let line = format!("alt-svc: h3=\":{}\"; ma=86400\r\n", edge.tls_address().port());
    // The second answer is a hit.
    for version in ["--http1.1", "--http1.1", "--http2", "--http2"] {
        let output = tokio::process::Command::new("curl")
            .args(["-sS", "-m", "20", version, "-D", "-", "-o", "/dev/null", "--cacert"])
            .arg(edge.tls_folder().join("self-made.pem"))
            .arg(format!("https://localhost:{}/a", edge.tls_address().port()))
            .output()
            .await
            .expect("curl is installed (`scripts/packages run test`)");
        let head = String::from_utf8(output.stdout).unwrap();
        assert!(head.contains(&line), "{head}");
    }
    assert_eq!(edge.get("/a").await.header("alt-svc"), None);
}

#[tokio::test]
async fn a_request_without_end_ends_its_connection_and_holds_no_memory() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = edge_before(&origin).await;
    let client = Client::connect(&edge).await;
    let (mut send, _recv) = client.quic.open_bi().await.unwrap();
    // A HEADERS frame (RFC 9114 §7.2.2) that says it has 1 GB.
    send.write_all(&[0x01, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]).await.unwrap();
    let wrote = async {
        let piece = [0; 16 * 1024];
        let mut sent = 0;
        while send.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
        sent
    };
    let sent = tokio::time::timeout(HANG, wrote).await.expect("it is stopped");
    assert!(sent < 1 << 20, "{sent} bytes were taken");
    match client.quic.close_reason() {
        Some(quinn::ConnectionError::ApplicationClosed(close)) => {
            // H3_EXCESSIVE_LOAD.
            assert_eq!(close.error_code.into_inner(), 0x107);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_gives_up_request_after_request_is_sent_away() {
    // An origin that does not answer: every request waits.
    let origin = Origin::start(|_, stream| async move {
        tokio::time::sleep(HANG).await;
        Some(stream)
    })
    .await;
    let edge = edge_before(&origin).await;
    let mut client = Client::connect(&edge).await;
    let gave_up = async {
        loop {
            // A request that is cut before its head is whole.
            let Ok((mut send, mut recv)) = client.quic.open_bi().await else { break };
            if send.write_all(&[0x01, 0x40, 0x80]).await.is_err() {
                break;
            }
            let _ = send.reset(0x10c_u32.into());
            let _ = recv.stop(0x10c_u32.into());
        }
    };
    tokio::time::timeout(HANG, gave_up).await.expect("the connection ends");
    assert!(client.ask("GET", "/a", &[]).await.is_err());
    edge.metric_reaches("headwater_edge_quic_connections_total{event=\"excessive\"}", 1).await;
    let mut other = Client::connect(&edge).await;
    assert_eq!(other.ask("OPTIONS", "/a", &[]).await.unwrap().status.as_u16(), 204);
}

#[tokio::test]
async fn a_connection_without_requests_ends_and_one_that_waits_for_an_answer_does_not() {
    let origin = Origin::start(|_, mut stream| async move {
        tokio::time::sleep(Duration::from_millis(600)).await;
        stream.write_all(&ok(SEGMENT, b"late")).await.ok()?;
        Some(stream)
    })
    .await;
    let limits = Limits { idle_time: Duration::from_millis(200), ..Limits::default() };
    let edge = Edge::with_tls(origin.address, limits, Certificate::SelfMade).await;
    let mut client = Client::connect(&edge).await;
    assert_eq!(client.get("/a").await.body, b"late");
    tokio::time::timeout(HANG, client.quic.closed()).await.expect("closed");
    edge.metric_reaches("headwater_edge_closed_total{reason=\"idle_time\"}", 1).await;
}

#[tokio::test]
async fn a_drain_finishes_answers_under_way() {
    let origin = Origin::start(|_, mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await.ok()?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stream.write_all(b"world").await.ok()?;
        Some(stream)
    })
    .await;
    let edge = edge_before(&origin).await;
    let mut client = Client::connect(&edge).await;
    let request = Request::get("https://localhost/a").body(()).unwrap();
    let mut stream = client.requests.send_request(request).await.unwrap();
    stream.finish().await.unwrap();
    stream.recv_response().await.unwrap();
    edge.drain();
    let mut read = Vec::new();
    while let Some(mut piece) = stream.recv_data().await.unwrap() {
        read.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    assert_eq!(read, b"helloworld");
    drop(stream);
    edge.drained().await;
}

#[tokio::test]
async fn places_are_counted_with_those_of_tcp() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let limits = Limits { connections_per_address: 2, ..Limits::default() };
    let edge = Edge::with_tls(origin.address, limits, Certificate::SelfMade).await;
    let _tcp = edge.connect().await;
    edge.metric_reaches("headwater_edge_connections", 1).await;
    let mut client = Client::connect(&edge).await;
    assert_eq!(client.get("/a").await.body, b"x");
    let refused = endpoint(&edge).connect(edge.tls_address(), "localhost").unwrap().await;
    assert!(matches!(refused, Err(quinn::ConnectionError::ConnectionClosed(_))), "{refused:?}");
    edge.metric_reaches("headwater_edge_closed_total{reason=\"over_address\"}", 1).await;
}
