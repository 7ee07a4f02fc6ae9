use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

/// How the origin in these tests answers its n-th request.
type Answer = fn(usize, &str) -> StatusCode;

/// What it was sent: path, whether with a `Content-Length`, and the body; or that a body broke off.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Put(String, Framing, Vec<u8>),
    Aborted(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length,
    Chunked,
}

struct Origin {
    address: SocketAddr,
    got: mpsc::UnboundedReceiver<Got>,
    pieces: mpsc::UnboundedReceiver<Bytes>,
    server: JoinHandle<()>,
}

impl Origin {
    async fn start(address: SocketAddr, next: &'static str, answer: Answer) -> Self {
        Self::start_with(address, next, answer, None).await
    }

    async fn start_telling(
        address: SocketAddr,
        next: &'static str,
        durable: Option<&'static str>,
        answer: Answer,
    ) -> Self {
        Self::start_whole(address, next, durable, answer, None).await
    }

    async fn start_with(
        address: SocketAddr,
        next: &'static str,
        answer: Answer,
        idle_limit: Option<Duration>,
    ) -> Self {
        Self::start_whole(address, next, None, answer, idle_limit).await
    }

    async fn start_whole(
        address: SocketAddr,
        next: &'static str,
        durable: Option<&'static str>,
        answer: Answer,
        idle_limit: Option<Duration>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("a loopback port");
        let address = listener.local_addr().expect("it is bound");
        let (got_in, got) = mpsc::unbounded_channel();
        let (pieces_in, pieces) = mpsc::unbounded_channel();
        let count = Arc::new(Mutex::new(0));
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("loopback");
                let (got_in, pieces_in, count) = (got_in.clone(), pieces_in.clone(), count.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (got_in, pieces_in) = (got_in.clone(), pieces_in.clone());
                    let number = {
                        let mut count = count.lock().expect("no panics");
                        *count += 1;
                        *count - 1
                    };
                    async move {
                        let got = receive(request, &pieces_in).await;
                        let status = match &got {
                            Got::Put(path, ..) => answer(number, path),
                            Got::Aborted(_) => StatusCode::BAD_REQUEST,
                        };
                        let _ = got_in.send(got);
                        let mut response = Response::builder().status(status).header("Headwater-Next", next);
                        if let Some(durable) = durable {
                            response = response.header("Headwater-Durable", durable);
                        }
                        Ok::<_, Infallible>(response.body(Full::new(Bytes::new())).expect("static"))
                    }
                });
                let mut http = hyper::server::conn::http1::Builder::new();
                http.timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(idle_limit);
                connections.spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, got, pieces, server }
    }

    /// Ends it with its connections.
    async fn stop(mut self) -> SocketAddr {
        self.server.abort();
        let _ = (&mut self.server).await;
        self.address
    }

    async fn put(&mut self) -> (String, Framing, Vec<u8>) {
        match self.got.recv().await.expect("the server runs") {
            Got::Put(path, framing, body) => (path, framing, body),
            Got::Aborted(path) => panic!("{path} broke off"),
        }
    }
}

async fn receive(request: Request<Incoming>, pieces: &mpsc::UnboundedSender<Bytes>) -> Got {
    let path = request.uri().path().to_owned();
    assert_eq!(request.method(), "PUT");
    assert_eq!(request.headers()["content-type"], "video/mp4");
    let framing = match request.headers().contains_key("content-length") {
        true => Framing::Length,
        false => Framing::Chunked,
    };
    let said = |fields: &hyper::HeaderMap| {
        if let Some(measured) = fields.get(wire::MEASURED) {
            let _ = pieces.send(Bytes::copy_from_slice(measured.as_bytes()));
        }
    };
    said(request.headers());
    let (mut body, mut whole) = (request.into_body(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Got::Aborted(path);
        };
        match frame.into_data() {
            Ok(data) => {
                whole.extend_from_slice(&data);
                let _ = pieces.send(data);
            }
            Err(frame) => said(&frame.into_trailers().expect("data or trailers")),
        }
    }
    Got::Put(path, framing, whole)
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn all_is_well(_: usize, _: &str) -> StatusCode {
    StatusCode::OK
}

fn spawn(address: SocketAddr, metrics: &PushMetrics) -> PushHandle {
    let target = Target {
        push_url: format!("http://{address}/ingest/main"),
        channel: "main".to_owned(),
        track: "video".to_owned(),
        is_video: true,
        door: Door::Itself,
        pipeline: None,
    };
    PushHandle::spawn(&target, Bytes::from_static(b"header"), metrics).expect("a good URL")
}

fn labels() -> TrackLabels {
    TrackLabels { channel: "main".to_owned(), track: "video".to_owned() }
}

fn chunk(first_dts: i64, segment_start: bool, pieces: &[&'static [u8]]) -> Chunk {
    Chunk {
        bytes: pieces.iter().map(|piece| Bytes::from_static(piece)).collect(),
        first_dts,
        first_pts: first_dts,
        duration: 10,
        sample_count: 1,
        independent: segment_start,
        segment_start,
    }
}

fn put(path: &str, framing: Framing, body: &[u8]) -> (String, Framing, Vec<u8>) {
    (format!("/ingest/main/video/{path}"), framing, body.to_vec())
}

#[tokio::test]
async fn the_header_goes_first_and_its_answer_tells_where_to_go_on() {
    let mut origin = Origin::start(anywhere(), "12345", all_is_well).await;
    let push = spawn(origin.address, &PushMetrics::default());
    assert_eq!(push.next_expected().await, Some(12_345));
    assert_eq!(origin.put().await, put("init.mp4", Framing::Length, b"header"));
    push.chunk(chunk(100, true, &[b"whole ", b"segment"]));
    push.end_segment();
    assert_eq!(origin.put().await, put("100.m4s", Framing::Length, b"whole segment"));
    push.finish(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn what_was_measured_goes_in_front_of_a_whole_segment_and_behind_one_that_is_being_made() {
    let mut origin = Origin::start(anywhere(), "", all_is_well).await;
    let push = spawn(origin.address, &PushMetrics::default());
    let measured = Measured { frames: 60, fill: 12, ..Measured::default() };
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"header"[..]));
    push.chunk(chunk(100, true, &[b"one"]));
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"one"[..]));
    push.measured(measured);
    push.end_segment();
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"frames=60, fill=12"[..]));
    assert_eq!(origin.put().await, put("init.mp4", Framing::Length, b"header"));
    assert_eq!(origin.put().await, put("100.m4s", Framing::Chunked, b"one"));
    push.chunk(chunk(200, true, &[b"whole"]));
    push.measured(measured);
    push.end_segment();
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"frames=60, fill=12"[..]));
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"whole"[..]));
    assert_eq!(origin.put().await, put("200.m4s", Framing::Length, b"whole"));
    push.finish(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn a_chunk_leaves_before_its_segment_is_complete() {
    let mut origin = Origin::start(anywhere(), "", all_is_well).await;
    let metrics = PushMetrics::default();
    let push = spawn(origin.address, &metrics);
    assert_eq!(push.next_expected().await, None);
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"header"[..]));
    push.chunk(chunk(100, true, &[b"one"]));
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"one"[..]));
    push.chunk(chunk(110, false, &[b"t", b"wo"]));
    let mut second = Vec::new();
    while second.len() < 3 {
        second.extend(origin.pieces.recv().await.expect("the server runs"));
    }
    assert_eq!(second, b"two");
    push.chunk(chunk(120, true, &[b"next"]));
    push.finish(Duration::from_secs(30)).await;
    origin.put().await;
    assert_eq!(origin.put().await, put("100.m4s", Framing::Chunked, b"onetwo"));
    assert_eq!(origin.put().await.2, b"next");
    assert_eq!(metrics.figures(&labels()), (2, 0, 0));
}

#[tokio::test]
async fn an_origin_that_comes_late_gets_everything_in_bounds_and_the_rest_is_counted() {
    // A port that nobody listens on.
    let address = Origin::start(anywhere(), "", all_is_well).await.stop().await;
    let metrics = PushMetrics::default();
    let push = spawn(address, &metrics);
    for number in 0..12 {
        push.chunk(chunk(number * 10, true, &[b"media"]));
        tokio::task::yield_now().await;
    }
    let mut origin = Origin::start(address, "", all_is_well).await;
    push.finish(Duration::from_secs(30)).await;
    origin.put().await;
    for number in 4..12 {
        assert_eq!(origin.put().await.0, format!("/ingest/main/video/{}.m4s", number * 10));
    }
    assert_eq!(metrics.figures(&labels()), (8, 4, 0));
}

#[tokio::test]
async fn a_segment_whose_connection_broke_is_sent_again_from_its_start_after_the_header() {
    let mut origin = Origin::start(anywhere(), "", all_is_well).await;
    let push = spawn(origin.address, &PushMetrics::default());
    assert_eq!(origin.put().await.2, b"header");
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"header"[..]));
    push.chunk(chunk(100, true, &[b"one"]));
    assert_eq!(origin.pieces.recv().await.as_deref(), Some(&b"one"[..]));
    let address = origin.stop().await;
    push.chunk(chunk(110, false, &[b"two"]));
    let mut origin = Origin::start(address, "", all_is_well).await;
    push.end_segment();
    assert_eq!(origin.put().await.2, b"header");
    let (path, _, body) = origin.put().await;
    assert_eq!((path.as_str(), &body[..]), ("/ingest/main/video/100.m4s", &b"onetwo"[..]));
}

#[tokio::test]
async fn what_an_origin_took_and_lost_is_sent_again_until_it_is_on_its_disk() {
    let durable = Some("110");
    let mut origin = Origin::start_telling(anywhere(), "", durable, all_is_well).await;
    let push = spawn(origin.address, &PushMetrics::default());
    assert_eq!(origin.put().await.2, b"header");
    for (dts, body) in [(100, b"first"), (110, b"secnd"), (120, b"third")] {
        push.chunk(chunk(dts, true, &[body]));
        push.end_segment();
        assert_eq!(origin.put().await.0, format!("/ingest/main/video/{dts}.m4s"));
    }
    // Whatever was answered is taken in before the connection is gone.
    while !push.shared.queue().segments.is_empty() {
        tokio::task::yield_now().await;
    }
    let address = origin.stop().await;
    push.chunk(chunk(130, true, &[b"forth"]));
    push.end_segment();
    let mut origin = Origin::start_telling(address, "120", durable, all_is_well).await;
    assert_eq!(origin.put().await.2, b"header");
    assert_eq!(origin.put().await.2, b"third", "from where the origin says its media ends");
    assert_eq!(origin.put().await.2, b"forth");
    push.finish(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn a_slate_goes_between_segments_and_again_to_an_origin_that_comes_back() {
    let mut origin = Origin::start(anywhere(), "", all_is_well).await;
    let push = spawn(origin.address, &PushMetrics::default());
    assert_eq!(origin.put().await.2, b"header");
    push.slate_door().put(Bytes::from_static(b"another header"), Bytes::from_static(b"no"));
    push.slate_door().put(Bytes::from_static(b"header"), Bytes::from_static(b"slate"));
    assert_eq!(origin.put().await, put("slate.m4s", Framing::Length, b"slate"));
    let address = origin.stop().await;
    push.chunk(chunk(100, true, &[b"one"]));
    push.end_segment();
    let mut origin = Origin::start(address, "", all_is_well).await;
    assert_eq!(origin.put().await.2, b"header");
    assert_eq!(origin.put().await.2, b"slate");
    assert_eq!(origin.put().await.2, b"one");
    push.finish(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn the_header_is_sent_again_when_asked_for_and_when_it_changes() {
    fn forgetful(number: usize, _: &str) -> StatusCode {
        match number {
            1 => StatusCode::PRECONDITION_FAILED,
            _ => StatusCode::OK,
        }
    }
    let mut origin = Origin::start(anywhere(), "", forgetful).await;
    let metrics = PushMetrics::default();
    let push = spawn(origin.address, &metrics);
    push.chunk(chunk(100, true, &[b"one"]));
    push.end_segment();
    push.header(Bytes::from_static(b"another header"));
    push.chunk(chunk(110, true, &[b"two"]));
    push.finish(Duration::from_secs(30)).await;
    let mut bodies = Vec::new();
    for _ in 0..6 {
        bodies.push(String::from_utf8(origin.put().await.2).expect("text"));
    }
    assert_eq!(bodies, ["header", "one", "header", "one", "another header", "two"]);
    assert_eq!(metrics.figures(&labels()), (2, 0, 0));
}

#[tokio::test]
async fn an_origin_that_closes_idle_connections_is_met_again_when_there_is_a_segment() {
    let limit = Some(Duration::from_millis(20));
    let mut origin = Origin::start_with(anywhere(), "", all_is_well, limit).await;
    let metrics = PushMetrics::default();
    let push = spawn(origin.address, &metrics);
    assert_eq!(origin.put().await.2, b"header");
    for dts in [100, 200] {
        assert_eq!(push.next_expected().await, None);
        while metrics.is_connected(&labels()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        push.chunk(chunk(dts, true, &[b"one"]));
        push.end_segment();
        assert_eq!(origin.put().await.2, b"header", "on the new connection");
        assert_eq!(origin.put().await.0, format!("/ingest/main/video/{dts}.m4s"));
    }
    push.finish(Duration::from_secs(30)).await;
}

#[tokio::test]
async fn a_refused_segment_is_counted_and_the_next_one_goes_on() {
    fn picky(_: usize, path: &str) -> StatusCode {
        match path.ends_with("/100.m4s") {
            true => StatusCode::BAD_REQUEST,
            false => StatusCode::OK,
        }
    }
    let mut origin = Origin::start(anywhere(), "", picky).await;
    let metrics = PushMetrics::default();
    let push = spawn(origin.address, &metrics);
    push.chunk(chunk(100, true, &[b"one"]));
    push.end_segment();
    push.chunk(chunk(110, true, &[b"two"]));
    push.finish(Duration::from_secs(30)).await;
    assert_eq!(origin.put().await.2, b"header");
    assert_eq!(origin.put().await.2, b"one");
    assert_eq!(origin.put().await.2, b"two");
    assert_eq!(metrics.figures(&labels()), (1, 0, 1));
}

#[tokio::test]
async fn a_segment_over_its_bound_breaks_off_and_is_never_published() {
    let mut origin = Origin::start(anywhere(), "", all_is_well).await;
    let metrics = PushMetrics::default();
    let push = spawn(origin.address, &metrics);
    assert_eq!(origin.put().await.2, b"header");
    let mut large = chunk(100, true, &[]);
    large.bytes = vec![Bytes::from(vec![0; 1 << 20])];
    push.chunk(large.clone());
    // The body has begun before the bound is reached.
    assert!(origin.pieces.recv().await.is_some());
    assert!(origin.pieces.recv().await.is_some());
    large.segment_start = false;
    large.bytes = vec![Bytes::from(vec![0; 1 << 20]); MAX_SEGMENT_BYTES >> 20];
    push.chunk(large);
    push.chunk(chunk(200, true, &[b"next"]));
    push.finish(Duration::from_secs(30)).await;
    let aborted = Got::Aborted("/ingest/main/video/100.m4s".to_owned());
    assert_eq!(origin.got.recv().await, Some(aborted));
    assert_eq!(origin.put().await.2, b"header");
    assert_eq!(origin.put().await.2, b"next");
    assert_eq!(metrics.figures(&labels()), (1, 1, 0));
}

#[tokio::test]
async fn a_push_url_that_cannot_work_is_refused_at_once() {
    for bad in ["https://host/ingest/main", "/ingest/main", "http://", "nonsense url"] {
        let target = Target {
            push_url: bad.to_owned(),
            channel: "main".to_owned(),
            track: "video".to_owned(),
            is_video: true,
            door: Door::Itself,
            pipeline: None,
        };
        let refused = PushHandle::spawn(&target, Bytes::new(), &PushMetrics::default());
        assert!(refused.is_err(), "{bad}");
    }
}
