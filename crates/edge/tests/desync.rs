//! Row 56: no two readings of one stream of bytes.
//!
//! The edge writes requests of its own to the origin, so what a viewer sent can only be misread in between. Each stream of
//! the corpus goes to the edge and, as it is, to a parser that the origin uses, too (hyper). Either the edge refuses it and
//! closes, or both read the same requests.

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Edge, HANG, Origin, ok, target};
use edge::Limits;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How long a server waits for more on a connection.
const PATIENCE: Duration = Duration::from_millis(500);
/// Streams on their way at once.
const AT_ONCE: usize = 64;

/// A server that answers everything and remembers what it read.
struct Reference {
    address: SocketAddr,
    /// Method and target of each request, and how long its body was.
    read: Arc<Mutex<Vec<(String, String, usize)>>>,
    task: JoinHandle<()>,
}

impl Reference {
    async fn start() -> Reference {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let read = Arc::<Mutex<Vec<_>>>::default();
        let task = tokio::spawn({
            let read = read.clone();
            async move {
                let mut connections = JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let read = read.clone();
                    let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                        let read = read.clone();
                        async move {
                            let (head, body) = request.into_parts();
                            let body = body.collect().await.map(|body| body.to_bytes().len());
                            let uri = head.uri.to_string();
                            read.lock().unwrap().push((head.method.to_string(), uri, body.unwrap_or(0)));
                            Ok::<_, Infallible>(Response::new(Full::new(bytes::Bytes::new())))
                        }
                    });
                    connections.spawn(async move {
                        let mut builder = hyper::server::conn::http1::Builder::new();
                        builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                        let served = builder.serve_connection(TokioIo::new(stream), answer);
                        // A body that does not come has no limit of its own.
                        let _ = tokio::time::timeout(4 * PATIENCE, served).await;
                    });
                }
            }
        });
        Reference { address, read, task }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends a stream; everything that came back until the server had waited long enough for more.
async fn send(server: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).await.unwrap();
    // Whoever refuses early may have closed already.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(HANG, stream.read_to_end(&mut answer)).await.expect("it is closed");
    answer
}

/// Streams of one or two requests, `PATH` standing for a path of their own.
fn corpus() -> Vec<String> {
    let request_lines = [
        "GET PATH HTTP/1.1",
        "HEAD PATH HTTP/1.1",
        "POST PATH HTTP/1.1",
        "GET PATH HTTP/1.0",
        "GET http://x/PATH HTTP/1.1",
        "GET  PATH HTTP/1.1",
        "GET PATH  HTTP/1.1",
        "GET\tPATH\tHTTP/1.1",
        "GET PATH HTTP/1.1 ",
        " GET PATH HTTP/1.1",
        "get PATH HTTP/1.1",
        "GET PATH",
    ];
    let fields = [
        "Host: x",
        "Host: x\r\nHost: x",
        "Host: x\r\nHost: y",
        "Host: x, y",
        "Host:x",
        "Host: x\r\nX: y\r\n z",
        "Host: x\r\nX: y\n z",
        "Host: x\nX: y",
        "Host : x",
        "\tHost: x",
        "Host: x\r\nContent-Length: 0",
        "Host: x\r\nContent-Length: 5",
        "Host: x\r\nContent-Length: +0",
        "Host: x\r\nContent-Length: 00",
        "Host: x\r\nContent-Length: 0, 0",
        "Host: x\r\nContent-Length: 0\r\nContent-Length: 0",
        "Host: x\r\nContent-Length: -5",
        "Host: x\r\nContent-Length:",
        "Host: x\r\nTransfer-Encoding: chunked",
        "Host: x\r\nTransfer-Encoding: identity",
        "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        "Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        "Host: x\r\nTransfer-Encoding: \"chunked\"",
        "Host: x\r\nTransfer-Encoding: chunked;q=1",
        "Host: x\r\nTransfer_Encoding: chunked",
        "Host: x\r\nTransfer-Encoding\t: chunked",
        "Host: x\r\nX: a\rTransfer-Encoding: chunked",
        "Host: x\r\nConnection: close",
        "Host: x\r\nConnection: Content-Length\r\nContent-Length: 5",
        "Host: x\r\nConnection: upgrade\r\nUpgrade: h2c",
        "Host: x\r\nX-HTTP-Method-Override: POST",
        "Host: x\r\nX: \u{e9}",
        "Host: x\r\nX\u{0}: y",
        "Host: x\r\n: y",
        "Host: x\r\nX",
        "Host: x\r\nX: a\u{0}b",
    ];
    // What comes behind the head: nothing, another request, or what may be a body with a request in it.
    let smuggled = "GET PATH-hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    let tails = [
        String::new(),
        smuggled.to_owned(),
        format!("0\r\n\r\n{smuggled}"),
        format!("5\r\nhello\r\n0\r\n\r\n{smuggled}"),
        format!("5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n{smuggled}"),
        format!("5\nhello\n0\n\n{smuggled}"),
        format!("\r\n{smuggled}"),
    ];
    let mut corpus = Vec::new();
    for line in request_lines {
        for field in fields {
            for tail in &tails {
                // Every line with every field, and each of them with every tail.
                if tail.is_empty()
                    || line == request_lines[0]
                    || field == fields[0]
                    || field.contains("hunked")
                {
                    corpus.push(format!("{line}\r\n{field}\r\n\r\n{tail}"));
                }
            }
        }
    }
    for end in ["\n", "\r", "\r\r\n", "\n\r\n"] {
        corpus.push(format!("GET PATH HTTP/1.1{end}Host: x{end}{end}{smuggled}"));
        corpus.push(format!("GET PATH HTTP/1.1\r\nHost: x{end}\r\n{smuggled}"));
    }
    corpus
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_edge_does_not_refuse_it_reads_as_the_origin_would() {
    let origin = Origin::fixed(ok("Cache-Control: no-store\r\n", b"x")).await;
    let limits = Limits { idle_time: PATIENCE, head_time: PATIENCE, ..Limits::default() };
    let edge = Arc::new(Edge::with(origin.address, limits, 1 << 20).await);
    let reference = Reference::start().await;
    let corpus = corpus();
    assert!(corpus.len() >= 500, "{}", corpus.len());
    let room = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut sent = JoinSet::new();
    for (at, stream) in corpus.iter().enumerate() {
        let stream = stream.replace("PATH", &format!("/c{at}."));
        let (edge, room, address) = (edge.clone(), room.clone(), reference.address);
        sent.spawn(async move {
            let _place = room.acquire().await.unwrap();
            let (answer, _) =
                tokio::join!(send(edge.address, stream.as_bytes()), send(address, stream.as_bytes()));
            (at, stream, answer)
        });
    }
    let answers = sent.join_all().await;
    let (heads, read) = (origin.heads(), reference.read.lock().unwrap().clone());
    let (mut refused, mut agreed) = (0, 0);
    for (at, stream, answer) in answers {
        let own = format!("/c{at}.");
        let reached: Vec<&str> =
            heads.iter().map(|head| target(head)).filter(|path| path.starts_with(&own)).collect();
        let text = String::from_utf8_lossy(&answer);
        let mut statuses = text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).peekable();
        let mut accepted = 0;
        while statuses.next_if_eq(&"200").is_some() {
            accepted += 1;
        }
        // OPTIONS aside, which is not here, the edge has no 200 of its own.
        assert_eq!(reached.len(), accepted, "{stream:?}: {text} {reached:?}");
        if let Some(refusal) = statuses.next() {
            refused += 1;
            assert!(refusal.starts_with(['4', '5']), "{stream:?}: {text}");
            let end = text.rsplit("HTTP/1.1 ").next().unwrap();
            assert!(end.contains("connection: close\r\n"), "{stream:?}: {text}");
            assert_eq!(statuses.next(), None, "a refusal is the last word: {stream:?}: {text}");
        }
        if accepted == 0 {
            continue;
        }
        let mut others: Vec<_> = read.iter().filter(|(_, target, _)| target.contains(&own)).collect();
        // After a refusal the edge reads no more, whatever the other would.
        others.truncate(accepted);
        let targets: Vec<&str> = others.iter().map(|(_, target, _)| target.as_str()).collect();
        assert_eq!(reached, targets, "{stream:?}");
        assert!(others.iter().all(|(_, _, body)| *body == 0), "{stream:?}: {others:?}");
        agreed += 1;
    }
    println!("{} streams: {refused} refused, {agreed} read the same", corpus.len());
    assert!(refused > 200 && agreed > 50, "{refused} {agreed}");
}
