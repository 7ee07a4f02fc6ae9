//! More than the edge can or should carry: what it turns away, and that the others do not notice.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Answer, Edge, HANG, Origin, SEGMENT, body, ok, read_answer, target};
use edge::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;

/// What the kernel holds for the connections of a listening port, sent but not acknowledged or not sent, in bytes.
fn queued(port: u16) -> (usize, u64) {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let queues = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        let (transmit, _) = fields.next()?.split_once(':')?;
        let is_ours = local.ends_with(&format!(":{port:04X}")) && state == "01";
        is_ours.then(|| u64::from_str_radix(transmit, 16).unwrap())
    });
    queues.fold((0, 0), |(count, sum), queue| (count + 1, sum + queue))
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

/// Row 51. What a reader holds is the edge's own memory and what the kernel keeps for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_take_nothing_hold_at_most_64_kib_each() {
    const READERS: u64 = 400;
    let origin = Origin::start(|head, mut stream| async move {
        let len = if target(&head) == "/large" { 8 << 20 } else { 12 << 10 };
        stream.write_all(&ok(SEGMENT, &body(len))).await.ok()?;
        Some(stream)
    })
    .await;
    let edge = Edge::before(origin.address).await;
    for path in ["/large", "/small"] {
        assert!(edge.get(path).await.complete);
    }
    let small = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
    for asks in ["GET /large HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), small.repeat(600)] {
        let before = resident();
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let socket = TcpSocket::new_v4().unwrap();
            // As small as Linux has them, so that the bytes wait at the edge.
            socket.set_recv_buffer_size(4 * 1024).unwrap();
            let mut stream = socket.connect(edge.address).await.unwrap();
            stream.write_all(asks.as_bytes()).await.unwrap();
            readers.push(stream);
        }
        let mut last = (0, 0);
        let settled = async {
            loop {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let now = queued(edge.address.port());
                if now == last && now.0 as u64 == READERS {
                    return;
                }
                last = now;
            }
        };
        tokio::time::timeout(HANG, settled).await.expect("the queues stand still");
        assert!(last.1 > READERS * 4_096, "they do wait: {last:?}");
        let own = resident().saturating_sub(before) / READERS;
        let kernel = last.1 / READERS;
        println!("each of {READERS} readers holds {own} bytes of the edge's and {kernel} of the kernel's");
        assert!(own + kernel <= 64 * 1024, "{own} and {kernel} bytes each");
        drop(readers);
        let gone = async { while queued(edge.address.port()).0 > 0 {} };
        tokio::time::timeout(HANG, gone).await.expect("the connections go");
    }
}

/// Row 60. One address asks as fast as it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_asks_too_often_is_told_429_until_its_rate_allows_more() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let limits = Limits { requests_per_s_per_address: Some(20), ..Limits::default() };
    let edge = Edge::with(origin.address, limits, 1 << 20).await;
    let mut viewer = edge.connect().await;
    let (mut served, mut refused) = (0, 0);
    for at in 0..200 {
        if at % 50 == 49 {
            // A new connection is no new account.
            viewer = edge.connect().await;
        }
        viewer.write_all(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let answer = read_answer(&mut viewer).await;
        match answer.status {
            200 => served += 1,
            429 => {
                assert_eq!(answer.header("retry-after"), Some("1"));
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(served >= 40 && refused > 0, "{served} {refused}");
    assert_eq!(edge.metric(r#"headwater_edge_shed_total{reason="address_requests"}"#).await, refused);
    let again = async { while edge.get("/s").await.status != 200 {} };
    tokio::time::timeout(HANG, again).await.expect("the rate comes back");
}

/// Overload: as many fetches as there may be are under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_bound_of_fetches_misses_are_told_503_and_hits_are_served() {
    let gate = Arc::new(Semaphore::new(0));
    let origin = Origin::start({
        let gate = gate.clone();
        move |head, mut stream| {
            let gate = gate.clone();
            async move {
                if target(&head) != "/hot" {
                    let _held = gate.acquire().await.unwrap();
                }
                stream.write_all(&ok(SEGMENT, b"x")).await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    let limits = Limits { fetches: 4, ..Limits::default() };
    let edge = Arc::new(Edge::with(origin.address, limits, 1 << 20).await);
    assert_eq!(edge.get("/hot").await.status, 200);
    let mut misses = tokio::task::JoinSet::new();
    for at in 0..4 {
        let edge = edge.clone();
        misses.spawn(async move { edge.get(&format!("/cold{at}")).await.status });
    }
    let under_way = async {
        while origin.heads().len() < 5 {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(HANG, under_way).await.expect("four are being fetched");
    let shed = edge.get("/cold5").await;
    assert_eq!((shed.status, shed.header("retry-after")), (503, Some("1")));
    assert_eq!(edge.get("/hot").await.status, 200);
    assert_eq!(edge.metric(r#"headwater_edge_shed_total{reason="fetches"}"#).await, 1);
    assert_eq!(origin.heads().len(), 5);
    gate.add_permits(4);
    assert!(misses.join_all().await.iter().all(|status| *status == 200));
}

/// Overload: a serving thread cannot keep up. Nothing is made slow here: the bound is zero, so every thread is late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_is_late_takes_no_connection_and_fetches_nothing_but_answers_hits() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let limits = Limits { loop_lag: Duration::ZERO, ..Limits::default() };
    let edge = Edge::with(origin.address, limits, 1 << 20).await;
    // Before the first alarm nobody knows, so this one gets in.
    let mut viewer = edge.connect().await;
    let ask = async |viewer: &mut TcpStream, path: &str| {
        let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        viewer.write_all(ask.as_bytes()).await.unwrap();
        read_answer(viewer).await
    };
    assert_eq!(ask(&mut viewer, "/hot").await.status, 200);
    let shed = async {
        loop {
            let answer = edge.get("/hot").await;
            if answer.status == 503 {
                return answer;
            }
        }
    };
    let shed: Answer = tokio::time::timeout(HANG, shed).await.expect("nobody new is let in");
    assert_eq!(shed.header("retry-after"), Some("5"));
    assert_eq!(ask(&mut viewer, "/hot").await.status, 200);
    let miss = ask(&mut viewer, "/cold").await;
    assert_eq!((miss.status, miss.header("retry-after")), (503, Some("1")));
    assert!(edge.metric(r#"headwater_edge_shed_total{reason="loop_lag"}"#).await >= 2);
    assert_eq!(origin.heads().len(), 1);
}

/// Row 60. A bot goes through everything once; what many watch stays in the cache.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_asks_for_everything_once_drives_out_nothing_that_is_watched() {
    let origin = Origin::start(|_, mut stream| async move {
        stream.write_all(&ok(SEGMENT, &body(10_000))).await.ok()?;
        Some(stream)
    })
    .await;
    // Room for about eighty of them.
    let edge = Edge::with(origin.address, Limits::default(), 1_000_000).await;
    let hot: Vec<String> = (0..20).map(|at| format!("/live/{at}.m4s")).collect();
    for _ in 0..2 {
        for path in &hot {
            assert_eq!(edge.get(path).await.status, 200);
        }
    }
    for at in 0..1_000 {
        assert_eq!(edge.get(&format!("/dvr/{at}.m4s")).await.status, 200);
        if at % 50 == 0 {
            for path in &hot {
                edge.get(path).await;
            }
        }
    }
    let fetched = |path: &str| origin.heads().iter().filter(|head| target(head) == path).count();
    for path in &hot {
        assert_eq!(fetched(path), 1, "{path}");
    }
}
