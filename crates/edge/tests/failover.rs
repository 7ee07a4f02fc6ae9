//! Which origin answers when one fails, and what the viewer sees of it.

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::{Answer, Edge, HANG, Origin, SEGMENT, body, ok, target, upstream};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// An address that refuses.
async fn nobody() -> SocketAddr {
    Origin::fixed("").await.stop().await
}

async fn says(words: &'static str) -> Origin {
    Origin::fixed(ok(SEGMENT, words.as_bytes())).await
}

async fn with_status(status: u16) -> Origin {
    Origin::fixed(format!("HTTP/1.1 {status} x\r\ncontent-length: 3\r\n\r\nbad")).await
}

/// One that takes requests and says nothing.
async fn silent() -> Origin {
    Origin::start(|_, stream| async move {
        tokio::time::sleep(HANG).await;
        Some(stream)
    })
    .await
}

fn health(place: usize) -> String {
    format!("headwater_edge_origin_health{{origin=\"{place}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_answers_for_one_that_refuses_and_the_first_is_left_alone() {
    let second = says("second").await;
    let edge = Edge::before_all(&[nobody().await, second.address]).await;
    for at in 0..20 {
        let answer = edge.get(&format!("/{at}")).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"second".as_slice()));
    }
    assert_eq!(edge.metric(&health(1)).await, 0);
    assert_eq!(edge.metric(&health(2)).await, 2);
    let asked = edge.metric("headwater_edge_origin_asked_total{origin=\"1\"}").await;
    assert!((1..10).contains(&asked), "{asked}: probes only");
    assert!(edge.metric("headwater_edge_failovers_total").await >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_back_is_found_by_a_probe_and_asked_first_again() {
    let second = says("second").await;
    let address = nobody().await;
    let edge = Edge::before_all(&[address, second.address]).await;
    assert_eq!(edge.get("/0").await.body, b"second");
    let answer = ok(SEGMENT, b"first");
    let _first = Origin::start_at(address, move |_, mut stream| {
        let answer = answer.clone();
        async move {
            stream.write_all(&answer).await.ok()?;
            Some(stream)
        }
    })
    .await;
    let found = async {
        for at in 1.. {
            let answer = edge.get(&format!("/{at}")).await;
            assert_eq!(answer.status, 200);
            if answer.body == b"first" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(HANG, found).await.expect("the first is asked again");
    for at in 0..20 {
        assert_eq!(edge.get(&format!("/again/{at}")).await.body, b"first");
    }
    assert_eq!(edge.metric(&health(1)).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_that_say_so_are_failures_and_404_is_an_answer() {
    for status in [500, 502, 503, 504] {
        let (first, second) = (with_status(status).await, says("second").await);
        let edge = Edge::before_all(&[first.address, second.address]).await;
        assert_eq!(edge.get("/s").await.body, b"second", "{status}");
        assert_eq!(first.heads().len(), 1);
    }
    for status in [403, 404] {
        let (first, second) = (with_status(status).await, says("second").await);
        let edge = Edge::before_all(&[first.address, second.address]).await;
        assert_eq!(edge.get("/s").await.status, status);
        assert!(second.heads().is_empty());

        let mut asked_for = upstream(&[first.address, second.address]);
        asked_for.failover_on.push(StatusCode::from_u16(status).unwrap());
        let edge = Edge::fetching(asked_for).await;
        assert_eq!(edge.get("/s").await.body, b"second", "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_origin_is_stood_in_for_and_then_left_alone() {
    let (first, second) = (silent().await, says("second").await);
    let edge = Edge::before_all(&[first.address, second.address]).await;
    for at in 0..10 {
        let answer = edge.get(&format!("/{at}")).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"second".as_slice()));
    }
    assert_eq!(edge.metric(&health(1)).await, 0);
    let asked = first.heads().len();
    assert!((3..8).contains(&asked), "{asked}: three found out, the others were probes");
    assert_eq!(edge.metric("headwater_edge_origin_joined_total{origin=\"2\"}").await as usize, asked);
}

/// An origin that answers playlists and parts when let go, and everything else at once.
async fn low_latency(words: &'static str, gate: Arc<Semaphore>) -> Origin {
    Origin::start(move |head, mut stream| {
        let gate = gate.clone();
        async move {
            let answer = match target(&head) {
                "/live/index.m3u8" => {
                    let playlist = "#EXTM3U\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"7.2.m4s\"\n";
                    ok(
                        "Content-Type: application/vnd.apple.mpegurl\r\nCache-Control: max-age=1\r\n",
                        playlist.as_bytes(),
                    )
                }
                held if held.contains("_HLS_msn=") || held == "/live/7.2.m4s" => {
                    gate.acquire().await.ok()?.forget();
                    ok(SEGMENT, words.as_bytes())
                }
                _ => ok(SEGMENT, words.as_bytes()),
            };
            stream.write_all(&answer).await.ok()?;
            Some(stream)
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_reload_and_a_hinted_part_are_not_taken_for_a_slow_origin() {
    let gate = Arc::new(Semaphore::new(0));
    let (first, second) = (low_latency("first", gate.clone()).await, says("second").await);
    let edge = Arc::new(Edge::before_all(&[first.address, second.address]).await);
    assert_eq!(edge.get("/live/index.m3u8").await.status, 200);
    let mut held = tokio::task::JoinSet::new();
    for target in ["/live/index.m3u8?_HLS_msn=7&_HLS_part=2", "/live/7.2.m4s"] {
        let edge = edge.clone();
        held.spawn(async move { edge.get(target).await });
    }
    // Longer than any other request would wait before the next origin is asked.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(edge.metric(&health(1)).await, 2);
    gate.add_permits(2);
    for answer in held.join_all().await {
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"first".as_slice()));
    }
    assert!(second.heads().is_empty(), "{:?}", second.heads());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_viewer_is_taken_to_the_next_origin_when_the_first_dies_or_falls_silent() {
    for dies in [true, false] {
        let gate = Arc::new(Semaphore::new(0));
        let first = if dies { low_latency("first", gate.clone()).await } else { silent().await };
        let second = says("second").await;
        let edge = Arc::new(Edge::before_all(&[first.address, second.address]).await);
        let blocked = tokio::spawn({
            let edge = edge.clone();
            async move { edge.get("/live/index.m3u8?_HLS_msn=7").await }
        });
        edge.metric_reaches("headwater_edge_origin_asked_total{origin=\"1\"}", 1).await;
        if dies {
            first.stop().await;
        } else {
            for at in 0..3 {
                assert_eq!(edge.get(&format!("/{at}")).await.body, b"second");
            }
        }
        let answer = tokio::time::timeout(HANG, blocked).await.expect("it does not hang").unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"second".as_slice()), "dies: {dies}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_breaks_off_and_the_next_request_goes_to_the_other() {
    let whole = body(200_000);
    let (gate, script_gate) = (Arc::new(Semaphore::new(0)), ok(SEGMENT, &whole));
    let first = Origin::start({
        let gate = gate.clone();
        move |_, mut stream| {
            let (gate, answer) = (gate.clone(), script_gate.clone());
            async move {
                stream.write_all(&answer[..100_000]).await.ok()?;
                gate.acquire().await.unwrap().forget();
                None
            }
        }
    })
    .await;
    let second = Origin::fixed(ok(SEGMENT, &whole)).await;
    let edge = Edge::before_all(&[first.address, second.address]).await;
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    stream.write_all(b"GET /s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    while got.len() < 50_000 {
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
    }
    gate.add_permits(1);
    let _ = stream.read_to_end(&mut got).await;
    let broken = Answer::read(&got);
    assert!(!broken.complete && whole.starts_with(&broken.body));
    let next = edge.get("/s").await;
    assert!(next.complete && next.body == whole);
    assert_eq!((first.heads().len(), second.heads().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_fail_a_stale_copy_is_served_or_the_reason_told() {
    let edge = Edge::before_all(&[nobody().await, nobody().await]).await;
    let answer = edge.get("/s").await;
    assert_eq!(answer.status, 502);
    assert!(String::from_utf8(answer.body).unwrap().contains("cannot be reached"));

    // One that says itself that it failed is heard.
    let busy = Origin::fixed("HTTP/1.1 503 x\r\ncontent-length: 4\r\nretry-after: 7\r\n\r\nbusy").await;
    let edge = Edge::before_all(&[nobody().await, busy.address, nobody().await]).await;
    let answer = edge.get("/s").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("7")));

    let stale = "Cache-Control: max-age=0, stale-if-error=60\r\n";
    let (first, second) = (Origin::fixed(ok(stale, b"old")).await, with_status(500).await);
    let edge = Edge::before_all(&[first.address, second.address]).await;
    assert_eq!(edge.get("/s").await.body, b"old");
    first.stop().await;
    let answer = edge.get("/s").await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"old".as_slice()));
    assert!(!second.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_prefix_goes_before_the_target_and_host_is_the_origin_s() {
    let origin = says("x").await;
    let url = format!("http://{}/live/eu/", origin.address);
    let edge = Edge::fetching(edge::Upstream::of(vec![url.parse().unwrap()])).await;
    assert_eq!(edge.get("/demo/index.m3u8?_HLS_msn=1").await.status, 200);
    let head = origin.heads().remove(0);
    let expected =
        format!("GET /live/eu/demo/index.m3u8?_HLS_msn=1 HTTP/1.1\r\nhost: {}\r\n", origin.address);
    assert!(head.starts_with(&expected), "{head}");
}

/// An origin behind TLS that answers every request alike; its certificate is for `localhost`, by an authority of its own.
async fn behind_tls(words: &'static str, folder: &std::path::Path) -> (SocketAddr, std::path::PathBuf) {
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = folder.join("ca.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer_all(acceptor.clone(), stream, ok(SEGMENT, words.as_bytes())));
        }
    });
    (address, file)
}

async fn answer_all(
    acceptor: tokio_rustls::TlsAcceptor,
    stream: TcpStream,
    answer: Vec<u8>,
) -> std::io::Result<std::convert::Infallible> {
    let mut stream = acceptor.accept(stream).await?;
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        stream.write_all(&answer).await?;
        stream.flush().await?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_https_origin_must_be_who_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let (address, ca) = behind_tls("secret", folder.path()).await;
    let edge = async |host: &str, ca: Option<&std::path::Path>| {
        let url = format!("https://{host}:{}", address.port()).parse().unwrap();
        let upstream = edge::Upstream { ca: ca.map(Into::into), ..edge::Upstream::of(vec![url]) };
        Edge::fetching(upstream).await
    };
    let trusting = edge("localhost", Some(&ca)).await;
    for path in ["/a", "/b"] {
        assert_eq!(trusting.get(path).await.body, b"secret");
    }
    // Another name than the certificate's, and an authority nobody named.
    assert_eq!(edge("127.0.0.1", Some(&ca)).await.get("/a").await.status, 502);
    assert_eq!(edge("localhost", None).await.get("/a").await.status, 502);
}
