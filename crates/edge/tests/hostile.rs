//! What the edge does to those who do not mean well, and to those who cannot keep up.

mod common;

use std::time::Duration;

use common::{Answer, Edge, HANG, Origin, SEGMENT, body, ok};
use edge::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// Heads that two servers could read differently, or that carry a second request for one of them.
fn corpus() -> Vec<Vec<u8>> {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    let mut heads: Vec<String> = Vec::new();
    let codings = [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "transfer-encoding:\tchunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: \x00chunked",
        " Transfer-Encoding: chunked",
        "X: y\n Transfer-Encoding: chunked",
        "X: y\r\n\tTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "Transfer-Encoding\r\n: chunked",
    ];
    let lengths = [
        "",
        "Content-Length: 6\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 6\r\nContent-Length: 0\r\n",
        "Content-Length: 0,6\r\n",
    ];
    for method in ["GET", "HEAD", "POST", "OPTIONS"] {
        for coding in codings {
            for length in lengths {
                heads.push(format!(
                    "{method} / HTTP/1.1\r\nHost: x\r\n{length}{coding}\r\n\r\n{chunked}{smuggled}"
                ));
            }
        }
        for length in &lengths[1..] {
            if *length != "Content-Length: 0\r\n" || method == "POST" {
                heads.push(format!("{method} / HTTP/1.1\r\nHost: x\r\n{length}\r\nGET /x HTTP/1.1\r\n"));
            }
        }
        for host in [
            "",
            "Host: x\r\nHost: y\r\n",
            "Host: x y\r\n",
            "Host: x/\r\n",
            "Host : x\r\n",
            "Host: x@y\r\n",
            "Host:\r\n",
        ] {
            heads.push(format!("{method} / HTTP/1.1\r\n{host}\r\n"));
        }
        for target in [
            "http://x/",
            "//x/",
            "/a/../b",
            "/%2e%2e/",
            "/a%2fb",
            "/a%00",
            "/a\\b",
            "*",
            "x:1",
            "",
            "/a b",
            "/\u{7f}",
            "/%",
            "/a?_HLS_msn=1&_HLS_msn=2",
            "/a#b",
            "/a%0d%0aHost:%20y",
        ] {
            heads.push(format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        }
        for version in
            ["HTTP/1.2", "HTTP/2.0", "HTTP/1.1\t", "http/1.1", "HTTP/1", "HTTP/01.1", "HTP/1.1", ""]
        {
            heads.push(format!("{method} / {version}\r\nHost: x\r\n\r\n"));
        }
        for end in ["\n", "\r", "\r\r\n", "\n\r", " \r\n ", "\0\r\n"] {
            heads.push(format!("{method} / HTTP/1.1{end}Host: x\r\n\r\n\r\n"));
            heads.push(format!("{method} / HTTP/1.1\r\nHost: x{end}\r\n\r\n{smuggled}"));
        }
        heads.push(format!("\r\n{method} / HTTP/1.1\r\nHost: x\r\n\r\n"));
        heads.push(format!("{method} / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n"));
        heads.push(format!("{method} / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(65)));
        heads.push(format!("{method} / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "b".repeat(33_000)));
        heads.push(format!("{method} /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(9_000)));
    }
    let mut corpus: Vec<Vec<u8>> = heads.into_iter().map(String::into_bytes).collect();
    corpus.push(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec());
    corpus.push(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n".to_vec());
    corpus
}

/// Row 56; `desync.rs` compares with the origin's parser.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_with_two_readings_is_refused_closed_and_reaches_nobody() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = Edge::before(origin.address).await;
    let corpus = corpus();
    assert!(corpus.len() > 400, "{}", corpus.len());
    for head in &corpus {
        let bytes = edge.raw(head).await;
        let answer = Answer::read(&bytes);
        let shown = String::from_utf8_lossy(&head[..head.len().min(120)]);
        assert!((400..=505).contains(&answer.status), "{shown:?}: {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{shown:?}");
        let answers = bytes.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count();
        assert_eq!(answers, 1, "{shown:?}");
    }
    assert!(origin.heads().is_empty(), "{:?}", origin.heads());
    // And whoever means well is served as before.
    assert_eq!(edge.get("/a").await.status, 200);
}

/// Row 52.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_come_and_an_idle_connection_are_closed() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let limits = Limits {
        head_time: Duration::from_millis(300),
        idle_time: Duration::from_millis(2_000),
        ..Limits::default()
    };
    let edge = Edge::with(origin.address, limits, 1 << 20).await;
    let mut drips = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut stream = edge.connect().await;
        drips.spawn(async move {
            // A line now and then keeps no connection open.
            for line in std::iter::once("GET / HTTP/1.1\r\n").chain(std::iter::repeat("A: b\r\n")) {
                if stream.write_all(line.as_bytes()).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    let ended = async { while drips.join_next().await.is_some() {} };
    tokio::time::timeout(HANG, ended).await.expect("slow heads are cut off");
    assert_eq!(edge.metric(r#"headwater_edge_closed_total{reason="head_time"}"#).await, 20);

    assert!(edge.raw(b"").await.is_empty());
    let served = edge.raw(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(Answer::read(&served).status, 200);
    assert_eq!(edge.metric(r#"headwater_edge_closed_total{reason="idle_time"}"#).await, 2);
}

/// Row 51; what such a reader holds is in `overload.rs`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_is_evicted_and_one_that_is_merely_slow_is_not() {
    let len = 16 << 20;
    let origin = Origin::fixed(ok(SEGMENT, &body(len))).await;
    let limits =
        Limits { pace_window: Duration::from_millis(1_000), pace_bytes_per_s: 2_000, ..Limits::default() };
    let edge = Edge::with(origin.address, limits, 64 << 20).await;
    assert!(edge.get("/s").await.complete);
    let connect = async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let mut stream = socket.connect(edge.address).await.unwrap();
        stream.write_all(b"GET /s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        stream
    };
    let stopped = connect().await;
    let mut slow = connect().await;
    let slow = tokio::spawn(async move {
        let mut got = Vec::new();
        let mut piece = vec![0; 1 << 20];
        loop {
            match slow.read(&mut piece).await.unwrap() {
                0 => return got,
                read => got.extend_from_slice(&piece[..read]),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    edge.metric_reaches(r#"headwater_edge_closed_total{reason="slow_reader"}"#, 1).await;
    let answer = Answer::read(&slow.await.unwrap());
    assert!(answer.complete && answer.body == body(len));
    assert_eq!(edge.metric(r#"headwater_edge_closed_total{reason="slow_reader"}"#).await, 1);
    drop(stopped);
}

/// Rows 52 and 60.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_bounds_are_told_and_places_come_back() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    for (limits, reason) in [
        (Limits { connections: 5, ..Limits::default() }, "over_total"),
        (Limits { connections_per_address: 5, ..Limits::default() }, "over_address"),
    ] {
        let edge = Edge::with(origin.address, limits, 1 << 20).await;
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(edge.connect().await);
        }
        edge.metric_reaches("headwater_edge_connections", 5).await;
        let refused = edge.get("/a").await;
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
        assert_eq!(edge.metric(&format!("headwater_edge_closed_total{{reason=\"{reason}\"}}")).await, 1);
        held.clear();
        let served = async { while edge.get("/a").await.status != 200 {} };
        tokio::time::timeout(HANG, served).await.expect("the places come back");
    }
}
