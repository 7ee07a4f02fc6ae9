//! An edge whose origin is another edge: what passes through both, and what collapses at each.

mod common;

use std::sync::Arc;

use common::{Answer, Edge, HANG, Origin, SEGMENT, body, listener, ok, upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Holds every answer until it is let go.
async fn holding(answer: Vec<u8>) -> (Origin, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let origin = Origin::start({
        let gate = gate.clone();
        move |_, mut stream| {
            let (gate, answer) = (gate.clone(), answer.clone());
            async move {
                gate.acquire().await.ok()?.forget();
                stream.write_all(&answer).await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    (origin, gate)
}

fn via(head: &str) -> Vec<String> {
    let line = head.lines().find_map(|line| line.strip_prefix("via: ")).unwrap_or_else(|| panic!("{head}"));
    line.split(", ").map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn via_age_and_cache_status_tell_of_both() {
    let origin = Origin::fixed(ok(&format!("{SEGMENT}Age: 30\r\n"), b"x")).await;
    let parent = Edge::before(origin.address).await;
    let child = Edge::before(parent.address).await;
    let answer = child.ask("GET", "/s", "Via: 1.1 viewer.example\r\nVia: 1.0 proxy (it is, old)\r\n").await;
    assert_eq!(answer.status, 200);
    let age: u64 = answer.header("age").unwrap().parse().unwrap();
    assert!((30..40).contains(&age), "{age}");
    let statuses: Vec<_> =
        answer.head.lines().filter_map(|line| line.strip_prefix("cache-status: ")).collect();
    assert_eq!(statuses.len(), 2, "the one nearest to the origin first: {}", answer.head);
    assert!(statuses.iter().all(|status| status.starts_with("headwater; fwd=")));

    let through = via(&origin.heads()[0]);
    assert_eq!(through[0], "1.1 viewer.example");
    let edges = &through[through.len() - 2..];
    assert!(
        edges.iter().all(|edge| edge.starts_with("1.1 headwater-")) && edges[0] != edges[1],
        "{through:?}"
    );

    let hit = child.get("/s").await;
    assert!(hit.head.contains("cache-status: headwater; hit; ttl="), "{}", hit.head);
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_is_its_own_origin_says_so() {
    let (first, second) = (listener(), listener());
    let (at_first, at_second) = (first.local_addr().unwrap(), second.local_addr().unwrap());
    let start = |listener, origin| Edge::at(listener, upstream(&[origin]));
    let first = start(first, at_second).await;
    let second = start(second, at_first).await;
    let own = listener();
    let at_own = own.local_addr().unwrap();
    let own = start(own, at_own).await;
    for edge in [&first, &second, &own] {
        let answer = tokio::time::timeout(HANG / 10, edge.get("/live/index.m3u8")).await.expect("no hang");
        assert_eq!(answer.status, 508, "{}", answer.head);
        assert_eq!(answer.body, b"this edge is among its own origins\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_cannot_pretend_a_loop() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let parent = Edge::before(origin.address).await;
    let child = Edge::before(parent.address).await;
    let long = format!("Via: {}\r\n", "1.1 headwater-0123456789abcdef, ".repeat(200));
    assert_eq!(child.ask("GET", "/s", &long).await.status, 200);
    assert!(via(&origin.heads()[0]).len() <= 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_viewers_of_two_edges_cost_the_origin_one_request() {
    let (origin, gate) = holding(ok("Cache-Control: max-age=6\r\n", b"#EXTM3U\n")).await;
    let parent = Edge::before(origin.address).await;
    let children =
        [Arc::new(Edge::before(parent.address).await), Arc::new(Edge::before(parent.address).await)];
    let mut viewers = tokio::task::JoinSet::new();
    for child in &children {
        for _ in 0..100 {
            let child = child.clone();
            viewers.spawn(async move { child.get("/live/index.m3u8?_HLS_msn=9&_HLS_part=1").await });
        }
        child.metric_reaches("headwater_edge_connections", 100).await;
    }
    gate.add_permits(1);
    for answer in viewers.join_all().await {
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"#EXTM3U\n".as_slice()));
    }
    assert_eq!(origin.heads().len(), 1);
    let by_children = parent.metric("headwater_edge_requests_total{status=\"2xx\",cache=\"miss\"}").await
        + parent.metric("headwater_edge_requests_total{status=\"2xx\",cache=\"collapsed\"}").await
        + parent.metric("headwater_edge_requests_total{status=\"2xx\",cache=\"hit\"}").await;
    assert_eq!(by_children, 2, "one request a child reached the parent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_object_and_its_ranges_come_through_two_edges_as_they_grow() {
    let whole = body(200_000);
    let gate = Arc::new(Semaphore::new(0));
    let origin = Origin::start({
        let (gate, whole) = (gate.clone(), whole.clone());
        move |_, mut stream| {
            let (gate, whole) = (gate.clone(), whole.clone());
            async move {
                let head =
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=9\r\n\r\n";
                stream.write_all(head.as_bytes()).await.ok()?;
                for piece in whole.chunks(100_000) {
                    stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.ok()?;
                    stream.write_all(piece).await.ok()?;
                    stream.write_all(b"\r\n").await.ok()?;
                    gate.acquire().await.ok()?.forget();
                }
                stream.write_all(b"0\r\n\r\n").await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    let parent = Edge::before(origin.address).await;
    let child = Edge::before(parent.address).await;
    let mut stream = TcpStream::connect(child.address).await.unwrap();
    stream.write_all(b"GET /open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    // The origin holds the second half.
    while got.len() < 90_000 {
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
    }
    gate.add_permits(2);
    stream.read_to_end(&mut got).await.unwrap();
    let answer = Answer::read(&got);
    assert!(answer.complete && answer.body == whole);
    let part = child.ask("GET", "/open", "Range: bytes=150000-150099\r\n").await;
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 150000-150099/200000")));
    assert!(part.body == whole[150_000..150_100]);
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_that_dies_is_replaced_by_the_next() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let (first, second) = (Edge::before(origin.address).await, Edge::before(origin.address).await);
    let child = Edge::before_all(&[first.address, second.address]).await;
    assert_eq!(child.get("/0").await.status, 200);
    first.drained().await;
    for at in 1..20 {
        assert_eq!(child.get(&format!("/{at}")).await.status, 200);
    }
    assert_eq!(child.metric("headwater_edge_origin_health{origin=\"1\"}").await, 0);
}
