//! HTTP/2 through the edge, with real clients and with frames written by hand.

mod common;

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::{Edge, HANG, Origin, SEGMENT, body, ok, target};
use edge::{Certificate, Limits};
use h2::client::SendRequest;
use http::{Method, Request, StatusCode};
use http2::StreamId;
use http2::frame::{self, ErrorCode, Head, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A client by the `h2` crate, over TCP.
struct Client {
    send: SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Got {
    status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
    /// The stream ended as it should.
    complete: bool,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    async fn connect(edge: &Edge) -> Client {
        let stream = edge.connect().await;
        let (send, connection) = h2::client::Builder::new()
            .initial_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .handshake(stream)
            .await
            .unwrap();
        Client { send, connection: tokio::spawn(connection) }
    }

    async fn ask(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Result<Got, h2::Error> {
        let mut request = Request::builder().method(method).uri(format!("http://x{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut send = self.send.clone().ready().await?;
        let (response, _) = send.send_request(request.body(()).unwrap(), true)?;
        let whole = async {
            let (head, mut stream) = response.await?.into_parts();
            let mut got =
                Got { status: head.status.as_u16(), headers: head.headers, body: Vec::new(), complete: true };
            while let Some(piece) = stream.data().await {
                match piece {
                    Ok(piece) => {
                        stream.flow_control().release_capacity(piece.len()).unwrap();
                        got.body.extend_from_slice(&piece);
                    }
                    Err(_) => got.complete = false,
                }
            }
            Ok(got)
        };
        tokio::time::timeout(HANG, whole).await.expect("an answer")
    }

    async fn get(&self, target: &str) -> Got {
        self.ask(Method::GET, target, &[]).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_those_of_http_1_1() {
    let origin = Origin::start(|head, mut stream| async move {
        let answer = match target(&head) {
            "/missing" => b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno".to_vec(),
            "/large" => ok(SEGMENT, &body(1_000_000)),
            "/empty" => ok(SEGMENT, b""),
            _ => ok(SEGMENT, &body(2_000)),
        };
        stream.write_all(&answer).await.ok()?;
        Some(stream)
    })
    .await;
    let edge = Edge::before(origin.address).await;
    let client = Client::connect(&edge).await;
    let miss = client.get("/a").await;
    assert_eq!(
        (miss.status, miss.body.len(), miss.header("cache-status").split(" ttl=").next()),
        (200, 2_000, Some("headwater; fwd=uri-miss; fwd-status=200; stored;"))
    );
    for _ in 0..2 {
        let hit = client.get("/a").await;
        assert_eq!(hit.body, body(2_000));
        assert!(hit.header("cache-status").starts_with("headwater; hit; ttl="));
        assert_eq!(hit.header("etag"), "\"s\"");
        assert_eq!((hit.header("content-length"), hit.header("age")), ("2000", "0"));
        let by_http_1 = edge.get("/a").await;
        let lines = by_http_1.head.lines().skip(1).filter(|line| !line.starts_with("connection"));
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            assert_eq!(hit.header(name), value, "{name}");
        }
    }
    for (target, len) in [("/large", 1_000_000), ("/empty", 0)] {
        for _ in 0..2 {
            let got = client.get(target).await;
            assert!(got.complete && got.body == body(len), "{target}");
        }
    }
    let head = client.ask(Method::HEAD, "/large", &[]).await.unwrap();
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "1000000", 0));
    for (range, status, len) in
        [("bytes=10-19", 206, 10), ("bytes=100000-999999", 206, 900_000), ("bytes=1000000-", 416, 0)]
    {
        let part = client.ask(Method::GET, "/large", &[("range", range)]).await.unwrap();
        assert_eq!((part.status, part.body.len()), (status, len));
        if status == 206 {
            let first: usize = range[6..].split_once('-').unwrap().0.parse().unwrap();
            assert_eq!(part.body, body(1_000_000)[first..first + len]);
        }
    }
    let same = client.ask(Method::GET, "/a", &[("if-none-match", "\"s\"")]).await.unwrap();
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert_eq!(client.get("/missing").await.status, 404);
    let preflight = client.ask(Method::OPTIONS, "/a", &[("origin", "http://y")]).await.unwrap();
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, "*"));
    let post = client.ask(Method::POST, "/a", &[]).await.unwrap();
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD, OPTIONS"));
    assert_eq!(client.get("/ingest/x").await.status, 404);
    assert_eq!(edge.metric(r#"headwater_edge_rejected_total{reason="method"}"#).await, 1);
    assert_eq!(origin.heads().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_streams_at_once_get_each_its_own_and_the_origin_is_asked_once_a_key() {
    let origin = Origin::start(|head, mut stream| async move {
        let len: usize = target(&head)[1..].parse().unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(&ok(SEGMENT, &body(len))).await.ok()?;
        Some(stream)
    })
    .await;
    let edge = Edge::before(origin.address).await;
    let client = Arc::new(Client::connect(&edge).await);
    for _ in 0..2 {
        let mut asked = tokio::task::JoinSet::new();
        for at in 0..100 {
            let client = client.clone();
            // Half of them fit a frame, half lie in files.
            let len = if at % 2 == 0 { at * 10 } else { 70_000 + at % 10 };
            asked.spawn(async move { (client.get(&format!("/{len}")).await, len) });
        }
        while let Some(asked) = asked.join_next().await {
            let (got, len) = asked.unwrap();
            assert!(got.status == 200 && got.complete && got.body == body(len), "{len}");
        }
    }
    assert_eq!(origin.heads().len(), 55);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_does_not_keep_a_short_one_waiting() {
    let origin = Origin::start(|head, mut stream| async move {
        let len = if target(&head) == "/long" { 8 << 20 } else { 1_000 };
        stream.write_all(&ok(SEGMENT, &body(len))).await.ok()?;
        Some(stream)
    })
    .await;
    let edge = Edge::before(origin.address).await;
    let client = Client::connect(&edge).await;
    client.get("/long").await;
    let mut send = client.send.clone().ready().await.unwrap();
    let request = Request::get("http://x/long").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    // Its window stays shut: nobody reads it.
    let (_, mut long) = response.await.unwrap().into_parts();
    for _ in 0..10 {
        assert_eq!(client.get("/short").await.body, body(1_000));
    }
    let mut got = 0;
    while let Some(piece) = long.data().await {
        let len = piece.unwrap().len();
        long.flow_control().release_capacity(len).unwrap();
        got += len;
    }
    assert_eq!(got, 8 << 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_object_goes_out_as_it_comes_and_one_that_breaks_off_ends_its_stream_alone() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let origin = Origin::start({
        let gate = gate.clone();
        move |head, mut stream| {
            let gate = gate.clone();
            async move {
                if target(&head) == "/whole" {
                    stream.write_all(&ok(SEGMENT, b"whole")).await.ok()?;
                    return Some(stream);
                }
                let begin =
                    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{SEGMENT}\r\n5\r\nfirst\r\n");
                stream.write_all(begin.as_bytes()).await.ok()?;
                gate.acquire().await.unwrap().forget();
                stream.write_all(b"6\r\nsecond\r\n").await.ok()?;
                gate.acquire().await.unwrap().forget();
                if target(&head) == "/ends" {
                    stream.write_all(b"0\r\n\r\n").await.ok()?;
                }
                None
            }
        }
    })
    .await;
    let edge = Edge::before(origin.address).await;
    let client = Client::connect(&edge).await;
    for ends in [true, false] {
        let ask = async || {
            let mut send = client.send.clone().ready().await.unwrap();
            let target = if ends { "http://x/ends" } else { "http://x/breaks" };
            let (response, _) = send.send_request(Request::get(target).body(()).unwrap(), true).unwrap();
            response.await.unwrap().into_body()
        };
        let mut early = ask().await;
        assert_eq!(early.data().await.unwrap().unwrap(), "first");
        let mut late = ask().await;
        assert_eq!(late.data().await.unwrap().unwrap(), "first");
        gate.add_permits(1);
        for stream in [&mut early, &mut late] {
            assert_eq!(stream.data().await.unwrap().unwrap(), "second");
        }
        assert_eq!(client.get("/whole").await.body, b"whole");
        gate.add_permits(1);
        for stream in [&mut early, &mut late] {
            match stream.data().await {
                None => assert!(ends),
                Some(Ok(rest)) => assert!(ends && rest.is_empty()),
                Some(end) => {
                    assert!(!ends);
                    assert_eq!(end.unwrap_err().reason(), Some(h2::Reason::INTERNAL_ERROR));
                }
            }
        }
    }
    assert_eq!(client.get("/whole").await.body, b"whole");
}

/// Runs a program; returns what it wrote.
async fn run(program: &str, arguments: &[&str]) -> String {
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|fault| panic!("{program} (scripts/packages test installs it): {fault}"));
    let output = tokio::time::timeout(HANG, child.wait_with_output()).await.expect("it ends").unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_nghttp_and_h2load_are_served_in_the_clear_and_over_tls() {
    let origin = Origin::start(|head, mut stream| async move {
        let len = if target(&head) == "/large" { 300_000 } else { 2_000 };
        stream.write_all(&ok(SEGMENT, &body(len))).await.ok()?;
        Some(stream)
    })
    .await;
    let limits = Limits { connections_per_address: 100, ..Limits::default() };
    let edge = Edge::with_tls(origin.address, limits, Certificate::SelfMade).await;
    let roots = [format!("http://{}", edge.address), format!("https://{}", edge.tls_address())];
    for root in &roots {
        for (target, len) in [("/small", 2_000), ("/large", 300_000)] {
            let url = format!("{root}{target}");
            let version = if root.starts_with("https") { "--http2" } else { "--http2-prior-knowledge" };
            let format = "%{http_version} %{http_code} %{size_download}";
            let curl = run("curl", &["-sk", version, "-o", "/dev/null", "-w", format, &url]).await;
            assert_eq!(curl, format!("2 200 {len}"));
            // Default windows, so that updates are needed; several streams, priorities and all.
            let nghttp = run("nghttp", &["-ns", "-m", "20", &url]).await;
            assert_eq!(nghttp.lines().filter(|line| line.contains(" 200 ")).count(), 20, "{nghttp}");
            let load = ["-n", "2000", "-c", "4", "-m", "10", "-w", "16", "-W", "17", &url];
            let h2load = run("h2load", &load).await;
            assert!(h2load.contains("2000 done, 2000 succeeded, 0 failed, 0 errored"), "{h2load}");
            assert!(h2load.contains("status codes: 2000 2xx"), "{h2load}");
        }
    }
    assert_eq!(origin.heads().len(), 2);
    assert!(edge.metric(r#"headwater_edge_protocol_requests_total{protocol="h2"}"#).await > 8_000);
}

/// A client that writes frames by hand.
struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    kind: Kind,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
/// `GET http://x/`, all from the static table but the host.
const GET: &[u8] = b"\x82\x86\x84\x41\x01x";
const WHOLE: u8 = frame::END_HEADERS | frame::END_STREAM;

fn frame_of(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write(kind, flags, StreamId::new(stream), payload, &mut bytes);
    bytes
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    frame_of(Kind::Settings, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn request_for(stream: u32, target: &str) -> Vec<u8> {
    let path = [&b"\x04"[..], &[target.len() as u8], target.as_bytes()].concat();
    frame_of(Kind::Headers, WHOLE, stream, &[b"\x82\x86\x41\x01x", &path[..]].concat())
}

impl Raw {
    async fn connect(edge: &Edge) -> Raw {
        let mut raw = Raw { stream: edge.connect().await, read: Vec::new() };
        raw.send(&[&frame::PREFACE[..], SETTINGS].concat()).await;
        raw
    }

    /// Sends what the edge still takes.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = tokio::time::timeout(HANG, self.stream.write_all(bytes)).await.expect("it is read");
    }

    /// The next frame, or `None` at the end.
    async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(head) = Head::read(&self.read)
                && self.read.len() >= frame::HEAD + head.len
            {
                let bytes: Vec<u8> = self.read.drain(..frame::HEAD + head.len).collect();
                let Head { kind, flags, stream, .. } = head;
                let payload = bytes[frame::HEAD..].to_vec();
                return Some(Frame { kind, flags, stream: stream.number(), payload });
            }
            let read = tokio::time::timeout(HANG, self.stream.read_buf(&mut self.read)).await;
            match read.expect("the edge sends or closes") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn frame_of_kind(&mut self, kind: Kind) -> Frame {
        loop {
            let frame = self.frame().await.unwrap_or_else(|| panic!("no {kind:?}"));
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// The code of the `GOAWAY` behind which the edge closes.
    async fn ended(&mut self) -> u32 {
        let code = self.frame_of_kind(Kind::GoAway).await.number(4);
        while let Some(frame) = self.frame().await {
            assert_eq!(frame.kind, Kind::GoAway);
        }
        code
    }
}

/// What one attacker sends, over and over.
type Attack = (&'static str, fn(u32) -> Vec<u8>);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_is_counted_and_ends_its_connection_and_no_other() {
    let origin = Origin::fixed(ok(SEGMENT, &body(100_000))).await;
    let edge = Edge::before(origin.address).await;
    let bystander = Client::connect(&edge).await;
    assert_eq!(bystander.get("/").await.status, 200);
    let attacks: [Attack; 10] = [
        ("rapid_reset", |round| {
            let stream = 2 * round + 1;
            let reset = frame_of(Kind::RstStream, 0, stream, &8_u32.to_be_bytes());
            [frame_of(Kind::Headers, WHOLE, stream, GET), reset].concat()
        }),
        ("made_you_reset", |round| {
            let stream = 2 * round + 1;
            let update = frame_of(Kind::WindowUpdate, 0, stream, &0_u32.to_be_bytes());
            [frame_of(Kind::Headers, WHOLE, stream, GET), update].concat()
        }),
        ("made_you_reset", |round| {
            // An upper-case name.
            frame_of(Kind::Headers, WHOLE, 2 * round + 1, b"\x82\x86\x84\x00\x01A\x01b")
        }),
        ("continuation_flood", |round| match round {
            0 => frame_of(Kind::Headers, frame::END_STREAM, 1, GET),
            _ => frame_of(Kind::Continuation, 0, 1, b"\x00\x01a\x01b"),
        }),
        ("ping_flood", |_| frame_of(Kind::Ping, 0, 0, &[7; 8])),
        ("settings_flood", |round| setting(frame::setting::INITIAL_WINDOW_SIZE, 65_535 + round)),
        ("empty_data", |round| match round {
            0 => frame_of(Kind::Headers, frame::END_HEADERS, 1, GET),
            _ => frame_of(Kind::Data, 0, 1, b""),
        }),
        ("broke_window", |round| match round {
            0 => [setting(frame::setting::INITIAL_WINDOW_SIZE, 0), frame_of(Kind::Headers, WHOLE, 1, GET)]
                .concat(),
            _ => frame_of(Kind::WindowUpdate, 0, 1, &1_u32.to_be_bytes()),
        }),
        ("hpack_bomb", |round| {
            let mut block = [GET, b"\x40\x01a\x7f\xdb\x1e"].concat();
            block.extend_from_slice(&[b'b'; 0x7f + 0xf5b]);
            block.extend_from_slice(&[0xbe; 5_000]);
            frame_of(Kind::Headers, WHOLE, 2 * round + 1, &block)
        }),
        ("frame_flood", |_| frame_of(Kind::Unknown(0xee), 0, 0, b"")),
    ];
    let mut counted = std::collections::HashMap::new();
    for (name, frames) in attacks {
        let mut attacker = Raw::connect(&edge).await;
        let metric = format!("headwater_edge_http2_attacks_total{{attack=\"{name}\"}}");
        let sending = async {
            let (mut read, mut write) = attacker.stream.split();
            let attack = async {
                for round in 0..10_000 {
                    if write.write_all(&frames(round)).await.is_err() {
                        break;
                    }
                    if name == "broke_window" {
                        // Each crumb is to be taken on its own.
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
            };
            let mut got = Vec::new();
            let end = async { while !matches!(read.read_buf(&mut got).await, Ok(0) | Err(_)) {} };
            tokio::select! { () = end => {}, () = async { attack.await; std::future::pending().await } => {} }
            got
        };
        let got = tokio::time::timeout(HANG, sending).await.unwrap_or_else(|_| panic!("{name} is not ended"));
        attacker.read = got;
        assert_eq!(attacker.ended().await, ErrorCode::EnhanceYourCalm as u32, "{name}");
        let count: &mut u64 = counted.entry(name).or_default();
        *count += 1;
        assert_eq!(edge.metric(&metric).await, *count);
        let got = bystander.get("/").await;
        assert!(got.status == 200 && got.body == body(100_000), "{name}");
    }
    assert!(!bystander.connection.is_finished());
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_keeps_his_windows_shut_is_ended_and_who_does_so_for_one_stream_loses_that() {
    let origin = Origin::fixed(ok(SEGMENT, &body(1_000_000))).await;
    let limits = Limits { pace_window: Duration::from_millis(500), ..Limits::default() };
    let edge = Edge::with(origin.address, limits, 64 << 20).await;
    let mut shut = Raw::connect(&edge).await;
    shut.send(&[setting(frame::setting::INITIAL_WINDOW_SIZE, 0), request_for(1, "/")].concat()).await;
    assert_eq!(shut.ended().await, ErrorCode::EnhanceYourCalm as u32);
    assert_eq!(edge.metric(r#"headwater_edge_http2_attacks_total{attack="broke_window"}"#).await, 1);

    let mut half = Raw::connect(&edge).await;
    let open = frame_of(Kind::WindowUpdate, 0, 0, &(1_u32 << 30).to_be_bytes());
    half.send(&[open, request_for(1, "/")].concat()).await;
    let mut stream = 3;
    let reset = loop {
        // The first stream's window is spent; others are answered, slowly but well above the least pace.
        half.send(&request_for(stream, "/")).await;
        let update = frame_of(Kind::WindowUpdate, 0, stream, &(1_u32 << 30).to_be_bytes());
        half.send(&update).await;
        let mut len = 0;
        let reset = loop {
            let frame = half.frame().await.expect("the connection stays");
            match frame.kind {
                Kind::RstStream => break Some(frame),
                Kind::Data if frame.stream == stream => {
                    len += frame.payload.len();
                    if frame.flags & frame::END_STREAM != 0 {
                        break None;
                    }
                }
                Kind::GoAway => panic!("{frame:?}"),
                _ => {}
            }
        };
        match reset {
            Some(reset) => break reset,
            None => assert_eq!(len, 1_000_000),
        }
        stream += 2;
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((reset.stream, reset.number(0)), (1, ErrorCode::Cancel as u32));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_is_evicted_and_others_go_on() {
    let len = 16 << 20;
    let origin = Origin::fixed(ok(SEGMENT, &body(len))).await;
    let limits =
        Limits { pace_window: Duration::from_millis(1_000), pace_bytes_per_s: 2_000, ..Limits::default() };
    let edge = Edge::with(origin.address, limits, 64 << 20).await;
    assert!(edge.get("/").await.complete);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stopped = socket.connect(edge.address).await.unwrap();
    let window = (1_u32 << 30).to_be_bytes();
    let begin = [
        &frame::PREFACE[..],
        &setting(frame::setting::INITIAL_WINDOW_SIZE, 1 << 30),
        &frame_of(Kind::WindowUpdate, 0, 0, &window),
        &frame_of(Kind::Headers, WHOLE, 1, GET),
        &frame_of(Kind::Headers, WHOLE, 3, GET),
    ]
    .concat();
    stopped.write_all(&begin).await.unwrap();
    edge.metric_reaches(r#"headwater_edge_closed_total{reason="slow_reader"}"#, 1).await;
    let client = Client::connect(&edge).await;
    let got = client.get("/").await;
    assert!(got.complete && got.body == body(len));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_and_idle_connections_are_closed() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let limits = Limits {
        head_time: Duration::from_millis(300),
        idle_time: Duration::from_millis(1_500),
        ..Limits::default()
    };
    let edge = Edge::with(origin.address, limits, 1 << 20).await;
    let half_frame = &frame_of(Kind::Headers, WHOLE, 1, GET)[..7];
    let half_block = frame_of(Kind::Headers, frame::END_STREAM, 1, GET);
    for begin in [
        frame::PREFACE.to_vec(),
        [&frame::PREFACE[..], &SETTINGS[..5]].concat(),
        [&frame::PREFACE[..], SETTINGS, half_frame].concat(),
        [&frame::PREFACE[..], SETTINGS, &half_block].concat(),
    ] {
        let mut raw = Raw { stream: edge.connect().await, read: Vec::new() };
        raw.send(&begin).await;
        assert_eq!(raw.ended().await, ErrorCode::NoError as u32);
    }
    let head_time = r#"headwater_edge_closed_total{reason="head_time"}"#;
    assert_eq!(edge.metric(head_time).await, 4);
    // A byte now and then keeps no connection open.
    let mut drip = Raw::connect(&edge).await;
    let frame = frame_of(Kind::Unknown(99), 0, 0, &[0; 16_000]);
    for byte in frame {
        if drip.stream.write_all(&[byte]).await.is_err() || edge.metric(head_time).await == 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(edge.metric(head_time).await, 5);
    let mut idle = Raw::connect(&edge).await;
    idle.send(&request_for(1, "/")).await;
    assert_eq!(idle.frame_of_kind(Kind::Headers).await.stream, 1);
    assert_eq!(idle.ended().await, ErrorCode::NoError as u32);
    assert_eq!(edge.metric(r#"headwater_edge_closed_total{reason="idle_time"}"#).await, 1);
    // Nor do frames that ask for nothing.
    let mut chatty = Raw::connect(&edge).await;
    for _ in 0..100 {
        chatty.send(&frame_of(Kind::Unknown(99), 0, 0, b"")).await;
        if edge.metric(r#"headwater_edge_closed_total{reason="idle_time"}"#).await == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(chatty.ended().await, ErrorCode::NoError as u32);
    assert_eq!(edge.metric(r#"headwater_edge_closed_total{reason="idle_time"}"#).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_none_are_reset_or_refused_and_reach_nobody() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = Edge::before(origin.address).await;
    let mut raw = Raw::connect(&edge).await;
    // RFC 9113 §8.2, §8.3: these are malformed, whoever reads them.
    let malformed: [&[u8]; 11] = [
        b"\x86\x84\x41\x01x",
        b"\x82\x84\x41\x01x",
        b"\x82\x86\x41\x01x",
        b"\x82\x82\x86\x84\x41\x01x",
        b"\x82\x86\x04\x00\x41\x01x",
        b"\x82\x86\x00\x01a\x01b\x84\x41\x01x",
        b"\x82\x86\x84\x41\x01x\x00\x07:status\x03200",
        b"\x82\x86\x84\x41\x01x\x00\x05Range\x01b",
        b"\x82\x86\x84\x41\x01x\x00\x0aconnection\x05close",
        b"\x82\x86\x84\x41\x01x\x0f\x2a\x07chunked",
        b"\x82\x86\x84\x41\x01x\x00\x01a\x04b\r\nc",
    ];
    let mut stream = 1;
    for block in malformed {
        raw.send(&frame_of(Kind::Headers, WHOLE, stream, block)).await;
        let reset = raw.frame_of_kind(Kind::RstStream).await;
        assert_eq!((reset.stream, reset.number(0)), (stream, ErrorCode::ProtocolError as u32), "{block:?}");
        stream += 2;
    }
    let client = Client::connect(&edge).await;
    for (headers, target, status, reason) in [
        (&[("content-length", "5")][..], "/", 400, "body"),
        (&[("host", "y")], "/", 400, "host"),
        (&[("expect", "100-continue")], "/", 417, "expect"),
        (&[("range", "bytes=0-1"), ("range", "bytes=0-2")], "/", 400, "repeated"),
        (&[], "/a/../b", 400, "target_path"),
        (&[], "/a%00", 400, "target_byte"),
    ] {
        let got = match client.ask(Method::GET, target, headers).await {
            Ok(got) => got.status,
            Err(fault) => panic!("{headers:?} {target}: {fault}"),
        };
        assert_eq!(got, status, "{headers:?} {target}");
        assert_eq!(edge.metric(&format!("headwater_edge_rejected_total{{reason=\"{reason}\"}}")).await, 1);
    }
    let large = "b".repeat(9_000);
    let got = client.ask(Method::GET, "/", &[("a", &large), ("b", &large)]).await.unwrap();
    assert_eq!(got.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(origin.heads().is_empty(), "{:?}", origin.heads());
    assert_eq!(client.get("/").await.status, 200);
    // HTTP/2 begins a connection or is not spoken on it.
    let after = edge.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(after.windows(9).filter(|nine| nine == b"HTTP/1.1 ").count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_a_body_is_answered_and_told_to_stop() {
    let origin = Origin::fixed(ok(SEGMENT, b"x")).await;
    let edge = Edge::before(origin.address).await;
    let mut raw = Raw::connect(&edge).await;
    raw.send(&frame_of(Kind::Headers, frame::END_HEADERS, 1, GET)).await;
    raw.send(&frame_of(Kind::Data, 0, 1, &[0; 1_000])).await;
    assert_eq!(raw.frame_of_kind(Kind::Headers).await.stream, 1);
    let reset = raw.frame_of_kind(Kind::RstStream).await;
    assert_eq!((reset.stream, reset.number(0)), (1, ErrorCode::NoError as u32));
    raw.send(&frame_of(Kind::Data, frame::END_STREAM, 1, &[0; 1_000])).await;
    raw.send(&request_for(3, "/")).await;
    assert_eq!(raw.frame_of_kind(Kind::Headers).await.stream, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_lets_streams_finish_and_says_goodbye() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let origin = Origin::start({
        let gate = gate.clone();
        move |_, mut stream| {
            let gate = gate.clone();
            async move {
                let whole = ok(SEGMENT, &body(100_000));
                stream.write_all(&whole[..50_000]).await.ok()?;
                let _held = gate.acquire().await.unwrap();
                stream.write_all(&whole[50_000..]).await.ok()?;
                Some(stream)
            }
        }
    })
    .await;
    let edge = Edge::before(origin.address).await;
    let mut raw = Raw::connect(&edge).await;
    let window = (1_u32 << 30).to_be_bytes();
    raw.send(
        &[
            frame_of(Kind::WindowUpdate, 0, 0, &window),
            setting(frame::setting::INITIAL_WINDOW_SIZE, 1 << 30),
            request_for(1, "/"),
        ]
        .concat(),
    )
    .await;
    let mut len = raw.frame_of_kind(Kind::Data).await.payload.len();
    let mut idle = Raw::connect(&edge).await;
    idle.frame_of_kind(Kind::Settings).await;
    edge.drain();
    // First it is asked to go, then, when it has heard that, told that nothing more is answered.
    assert_eq!(idle.frame_of_kind(Kind::GoAway).await.number(0), 0x7fff_ffff);
    let ping = idle.frame_of_kind(Kind::Ping).await;
    idle.send(&frame_of(Kind::Ping, frame::ACK, 0, &ping.payload)).await;
    assert_eq!(idle.frame_of_kind(Kind::GoAway).await.number(0), 0);
    assert_eq!(idle.frame().await, None);
    let address = edge.address;
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(HANG, refused).await.expect("nobody is accepted any more");
    gate.add_permits(1);
    let (mut told, mut complete) = (false, false);
    while let Some(frame) = raw.frame().await {
        match frame.kind {
            Kind::GoAway => {
                assert_eq!(frame.number(4), ErrorCode::NoError as u32);
                told = true;
            }
            Kind::Ping => raw.send(&frame_of(Kind::Ping, frame::ACK, 0, &frame.payload)).await,
            Kind::Data => {
                len += frame.payload.len();
                complete |= frame.flags & frame::END_STREAM != 0;
            }
            _ => {}
        }
    }
    assert!(told && complete && len == 100_000, "{told} {complete} {len}");
    edge.drained().await;
}
