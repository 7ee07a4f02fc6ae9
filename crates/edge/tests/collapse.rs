//! One fetch for any number of viewers, and what each gets while it lasts or fails.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Answer, Edge, Origin, SEGMENT, body, ok, target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Row 49.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_viewers_of_a_missing_object_cost_the_origin_one_fetch() {
    let gate = Arc::new(Semaphore::new(0));
    let origin = Origin::start({
        let gate = gate.clone();
        move |_, mut stream| {
            let gate = gate.clone();
            async move {
                let _held = gate.acquire().await.unwrap();
                stream.write_all(&ok(SEGMENT, &body(200_000))).await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    let edge = Arc::new(Edge::before(origin.address).await);
    let mut viewers = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let edge = edge.clone();
        viewers.spawn(async move { edge.get("/demo/720p30/0.m4s").await });
    }
    edge.metric_reaches("headwater_edge_connections", 1_000).await;
    gate.add_permits(1);
    let mut collapsed = 0;
    for answer in viewers.join_all().await {
        assert!(answer.complete && answer.status == 200 && answer.body == body(200_000), "{}", answer.head);
        collapsed += usize::from(answer.cache().contains("collapsed"));
    }
    assert_eq!(origin.heads().len(), 1);
    assert!(collapsed > 900, "{collapsed} were told that they had been collapsed");
    assert_eq!(edge.metric(r#"headwater_edge_origin_fetches_total{result="stored"}"#).await, 1);
}

/// An origin that lets go of one piece of each body for each permit, and ends as `end` says.
async fn in_pieces(head: &'static str, pieces: Vec<Vec<u8>>, end: End) -> (Origin, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let answered = Arc::new(AtomicUsize::new(0));
    let origin = Origin::start({
        let gate = gate.clone();
        move |_, mut stream| {
            let (gate, pieces) = (gate.clone(), pieces.clone());
            let first = answered.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                stream.write_all(head.as_bytes()).await.ok()?;
                for piece in &pieces {
                    if first {
                        gate.acquire().await.unwrap().forget();
                    }
                    stream.write_all(piece).await.ok()?;
                }
                if first && end == End::Dies {
                    gate.acquire().await.unwrap().forget();
                    return None;
                }
                Some(stream)
            }
        }
    })
    .await;
    (origin, gate)
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Whole,
    Dies,
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=86400, immutable\r\n\r\n";

/// Begins a request and reads until `least` bytes have come.
async fn begin(edge: &Edge, version: &str, least: usize) -> (TcpStream, Vec<u8>) {
    let mut stream = edge.connect().await;
    let request = format!("GET /open HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    while got.len() < least {
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
    }
    (stream, got)
}

async fn rest((mut stream, mut got): (TcpStream, Vec<u8>)) -> Vec<u8> {
    let _ = stream.read_to_end(&mut got).await;
    got
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_object_reaches_early_and_late_viewers_with_the_same_bytes() {
    let whole = body(300_000);
    let mut pieces: Vec<Vec<u8>> = whole.chunks(50_000).map(chunk).collect();
    pieces.push(b"0\r\n\r\n".to_vec());
    let (origin, gate) = in_pieces(CHUNKED, pieces, End::Whole).await;
    let edge = Edge::before(origin.address).await;

    gate.add_permits(1);
    // It has bytes of the first piece while the origin holds the second.
    let early = begin(&edge, "1.1", 10_000).await;
    gate.add_permits(2);
    let middle = begin(&edge, "1.1", 120_000).await;
    let old = begin(&edge, "1.0", 120_000).await;
    let ranged = edge.connect().await;
    gate.add_permits(4);
    for viewer in [early, middle] {
        let answer = Answer::read(&rest(viewer).await);
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        assert!(answer.complete && answer.body == whole);
    }
    let old = Answer::read(&rest(old).await);
    assert!(old.header("transfer-encoding").is_none() && old.header("connection") == Some("close"));
    assert!(old.body == whole);
    drop(ranged);
    let late = edge.get("/open").await;
    assert_eq!(
        (late.header("content-length"), late.cache().as_str()),
        (Some("300000"), "headwater; hit; ttl=_")
    );
    assert!(late.body == whole);
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_of_a_filling_object_is_answered_as_soon_as_its_bytes_are_there() {
    let whole = body(200_000);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\nCache-Control: max-age=9\r\n\r\n";
    let pieces = whole.chunks(100_000).map(<[u8]>::to_vec).collect();
    let (origin, gate) = in_pieces(head, pieces, End::Whole).await;
    let edge = Edge::before(origin.address).await;
    gate.add_permits(1);
    let answer = edge.ask("GET", "/open", "Range: bytes=50-99\r\n").await;
    assert_eq!((answer.status, answer.header("content-range")), (206, Some("bytes 50-99/200000")));
    assert_eq!(answer.body, whole[50..100]);
    gate.add_permits(1);
    let answer = edge.ask("GET", "/open", "Range: bytes=99990-100009\r\n").await;
    assert_eq!(answer.body, whole[99_990..100_010]);
}

/// Row 50: the writer dies mid-fill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_a_part_for_the_whole_when_the_origin_dies_and_the_next_fetches_anew() {
    let whole = body(150_000);
    let plain = "HTTP/1.1 200 OK\r\nContent-Length: 150000\r\nCache-Control: max-age=9\r\n\r\n";
    for head in [CHUNKED, plain] {
        let framed = |piece: &[u8]| if head == CHUNKED { chunk(piece) } else { piece.to_vec() };
        let mut pieces: Vec<Vec<u8>> = whole.chunks(50_000).map(framed).collect();
        pieces.push(if head == CHUNKED { b"0\r\n\r\n".to_vec() } else { Vec::new() });
        // The first answer dies after its second piece.
        let (dying, gate) = {
            let gate = Arc::new(Semaphore::new(0));
            let count = Arc::new(AtomicUsize::new(0));
            let script_gate = gate.clone();
            let origin = Origin::start(move |_, mut stream| {
                let (gate, pieces) = (script_gate.clone(), pieces.clone());
                let first = count.fetch_add(1, Ordering::Relaxed) == 0;
                async move {
                    stream.write_all(head.as_bytes()).await.ok()?;
                    for (at, piece) in pieces.iter().enumerate() {
                        if first && at == 2 {
                            gate.acquire().await.unwrap().forget();
                            return None;
                        }
                        stream.write_all(piece).await.ok()?;
                    }
                    Some(stream)
                }
            })
            .await;
            (origin, gate)
        };
        let edge = Edge::before(dying.address).await;
        let viewers = [begin(&edge, "1.1", 80_000).await, begin(&edge, "1.1", 80_000).await];
        gate.add_permits(1);
        for viewer in viewers {
            let answer = Answer::read(&rest(viewer).await);
            assert!(!answer.complete && answer.body.len() < whole.len());
            assert!(whole.starts_with(&answer.body));
        }
        let next = edge.get("/open").await;
        assert!(next.complete && next.body == whole, "{}", next.head);
        assert_eq!(dying.heads().len(), 2);
    }
}

/// Row 50: the viewer who began it leaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fetch_goes_on_for_the_others_when_the_viewer_who_began_it_leaves() {
    let whole = body(100_000);
    let mut pieces: Vec<Vec<u8>> = whole.chunks(50_000).map(chunk).collect();
    pieces.push(b"0\r\n\r\n".to_vec());
    let (origin, gate) = in_pieces(CHUNKED, pieces, End::Whole).await;
    let edge = Edge::before(origin.address).await;
    gate.add_permits(1);
    let leader = begin(&edge, "1.1", 1_000).await;
    let follower = begin(&edge, "1.1", 1_000).await;
    drop(leader);
    gate.add_permits(2);
    let answer = Answer::read(&rest(follower).await);
    assert!(answer.complete && answer.body == whole);
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_to_be_shared_is_fetched_for_each() {
    let origin = Origin::start(|head, mut stream| async move {
        let headers = match target(&head) {
            "/private" => "Cache-Control: private, max-age=9\r\n",
            "/cookie" => "Set-Cookie: a=b\r\nCache-Control: max-age=9\r\n",
            "/vary" => "Vary: Origin\r\nCache-Control: max-age=9\r\n",
            _ => "Cache-Control: no-store\r\n",
        };
        stream.write_all(&ok(headers, b"mine")).await.ok()?;
        Some(stream)
    })
    .await;
    let edge = Edge::before(origin.address).await;
    for path in ["/private", "/cookie", "/vary", "/_/time"] {
        for forward in ["uri-miss", "bypass", "bypass"] {
            let answer = edge.get(path).await;
            assert_eq!((answer.status, answer.body.as_slice()), (200, b"mine".as_slice()), "{path}");
            assert_eq!(answer.cache(), format!("headwater; fwd={forward}; fwd-status=200"));
        }
    }
    assert_eq!(origin.heads().len(), 12);
    assert_eq!(edge.metric("headwater_edge_cache_objects").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_a_length_ends_with_its_connection_and_is_not_kept() {
    let origin = Origin::start(|_, mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=9\r\n\r\nperhaps all").await.ok()?;
        None
    })
    .await;
    let edge = Edge::before(origin.address).await;
    for _ in 0..2 {
        let answer = edge.get("/a").await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"perhaps all".as_slice()));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(origin.heads().len(), 2);
}

/// Row 50: the next waiter takes over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_who_has_nothing_yet_is_led_through_the_next_fetch_when_one_dies() {
    let whole = body(150_000);
    let deaths = 2;
    let gate = Arc::new(Semaphore::new(0));
    let origin = Origin::start({
        let (gate, whole, count) = (gate.clone(), whole.clone(), AtomicUsize::new(0));
        move |_, mut stream| {
            let (gate, whole) = (gate.clone(), whole.clone());
            let dies = count.fetch_add(1, Ordering::Relaxed) < deaths;
            async move {
                let answer = ok(SEGMENT, &whole);
                if dies {
                    stream.write_all(&answer[..70_000]).await.ok()?;
                    gate.acquire().await.unwrap().forget();
                    return None;
                }
                stream.write_all(&answer).await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    let edge = Arc::new(Edge::before(origin.address).await);
    // These want bytes that the dying fetches never bring.
    let mut viewers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let edge = edge.clone();
        viewers.spawn(async move { edge.ask("GET", "/s", "Range: bytes=149000-149999\r\n").await });
    }
    edge.metric_reaches("headwater_edge_connections", 20).await;
    gate.add_permits(deaths);
    for answer in viewers.join_all().await {
        assert_eq!(answer.status, 206);
        assert!(answer.body == whole[149_000..150_000]);
    }
    assert_eq!(origin.heads().len(), deaths + 1);
}
