//! How an edge ends: nobody who was let in goes without an answer.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Answer, Edge, HANG, Origin, SEGMENT, body, ok, read_answer};
use edge::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

/// An origin that sends the head and half of a body, and the rest when it gets a permit.
async fn halting(len: usize) -> (Origin, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let origin = Origin::start({
        let gate = gate.clone();
        move |_, mut stream| {
            let gate = gate.clone();
            async move {
                let whole = ok(SEGMENT, &body(len));
                stream.write_all(&whole[..len / 2]).await.ok()?;
                let _held = gate.acquire().await.unwrap();
                stream.write_all(&whole[len / 2..]).await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    (origin, gate)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_finishes_what_is_under_way_and_accepts_nobody() {
    let (origin, gate) = halting(100_000).await;
    let edge = Edge::before(origin.address).await;
    let mut viewer = edge.connect().await;
    viewer.write_all(b"GET /s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    while got.len() < 10_000 {
        viewer.read_buf(&mut got).await.unwrap();
    }
    edge.drain();
    edge.refuses().await;
    gate.add_permits(1);
    viewer.read_to_end(&mut got).await.unwrap();
    let answer = Answer::read(&got);
    assert!(answer.complete && answer.body == body(100_000));
    edge.drained().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_connections_are_told_to_close_at_their_next_answer() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = Edge::before(origin.address).await;
    let mut viewers = Vec::new();
    for _ in 0..50 {
        let mut viewer = edge.connect().await;
        viewer.write_all(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let answer = read_answer(&mut viewer).await;
        assert_eq!((answer.status, answer.header("connection")), (200, None));
        viewers.push(viewer);
    }
    edge.drain();
    edge.refuses().await;
    for (at, mut viewer) in viewers.into_iter().enumerate() {
        // Hits and misses alike.
        let path = if at % 2 == 0 { "/s".to_owned() } else { format!("/s{at}") };
        let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        viewer.write_all(ask.as_bytes()).await.unwrap();
        let answer = read_answer(&mut viewer).await;
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{path}");
        assert_eq!(viewer.read(&mut [0]).await.unwrap(), 0);
    }
    // Nobody is left, so the edge ends before its time is over.
    edge.drained().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_answer_when_the_time_is_over_is_told_to_ask_again() {
    let origin = Origin::start(|_, stream| async move {
        // As an origin that holds a blocking reload.
        tokio::time::sleep(HANG).await;
        Some(stream)
    })
    .await;
    let limits = Limits { drain_time: Duration::from_millis(1_000), ..Limits::default() };
    let edge = Edge::with(origin.address, limits, 1 << 20).await;
    let mut idle = edge.connect().await;
    let mut viewers = Vec::new();
    for _ in 0..20 {
        let mut viewer = edge.connect().await;
        viewer.write_all(b"GET /a.m3u8?_HLS_msn=7 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        viewers.push(viewer);
    }
    while origin.heads().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    edge.metric_reaches("headwater_edge_connections", 21).await;
    edge.drain();
    for mut viewer in viewers {
        let answer = read_answer(&mut viewer).await;
        assert_eq!((answer.status, answer.header("connection")), (503, Some("close")));
        assert!(answer.header("retry-after").is_some());
    }
    edge.drained().await;
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
}
