//! A scripted origin, an edge in front of it and viewers that speak raw HTTP, all on loopback sockets.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// Longer than anything here takes; a test that comes to it hangs.
pub(crate) const HANG: Duration = Duration::from_secs(30);

/// An origin that answers as its script says and remembers what it was asked.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Origin {
    /// `script` gets each request's head and the connection; returns it to be kept alive.
    pub(crate) async fn start<F, A>(script: F) -> Origin
    where
        F: Fn(String, TcpStream) -> A + Send + Sync + 'static,
        A: Future<Output = Option<TcpStream>> + Send + 'static,
    {
        Origin::start_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    /// The same at a given address.
    pub(crate) async fn start_at<F, A>(address: SocketAddr, script: F) -> Origin
    where
        F: Fn(String, TcpStream) -> A + Send + Sync + 'static,
        A: Future<Output = Option<TcpStream>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let script = Arc::new(script);
        let task = tokio::spawn({
            let heads = heads.clone();
            async move {
                let mut connections = tokio::task::JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let (heads, script) = (heads.clone(), script.clone());
                    connections.spawn(async move {
                        let mut stream = Some(stream);
                        while let Some(mut open) = stream.take() {
                            let Some(head) = read_head(&mut open).await else { return };
                            heads.lock().unwrap().push(head.clone());
                            stream = script(head, open).await;
                        }
                    });
                }
            }
        });
        Origin { address, heads, task }
    }

    /// An origin that gives every request the same answer.
    pub(crate) async fn fixed(answer: impl Into<Vec<u8>>) -> Origin {
        let answer: Arc<[u8]> = answer.into().into();
        Origin::start(move |_, mut stream| {
            let answer = answer.clone();
            async move {
                stream.write_all(&answer).await.ok()?;
                Some(stream)
            }
        })
        .await
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Its port refuses from now on, and its connections are gone.
    pub(crate) async fn stop(self) -> SocketAddr {
        self.task.abort();
        let _ = self.task.await;
        self.address
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.ok()?;
        head.push(byte);
    }
    Some(String::from_utf8(head).unwrap())
}

pub(crate) fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

/// `200` with a length, ready to be sent.
pub(crate) fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

pub(crate) fn body(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 / 7) as u8).collect()
}

pub(crate) const SEGMENT: &str = "Cache-Control: max-age=86400, immutable\r\nETag: \"s\"\r\n";

/// A listener of an edge that is about to start.
pub(crate) fn listener() -> std::net::TcpListener {
    daemon::listen::bind("viewers", "127.0.0.1:0".parse().unwrap()).unwrap()
}

/// Plain origins.
pub(crate) fn upstream(origins: &[SocketAddr]) -> edge::Upstream {
    edge::Upstream::of(origins.iter().map(|origin| format!("http://{origin}").parse().unwrap()).collect())
}

/// An edge, running.
pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    tls_address: Option<SocketAddr>,
    trigger: daemon::Trigger,
    task: JoinHandle<Result<(), edge::Error>>,
    quic: Option<std::net::UdpSocket>,
    folder: tempfile::TempDir,
    /// To be changed.
    pub(crate) distributions: edge::Distributions,
    pub(crate) fences: edge::Fences,
    /// Where certificates lie, and edges that share a UDP socket meet.
    tls_folder: Arc<tempfile::TempDir>,
}

/// What some edges are set to beside.
struct Set {
    cache_bytes: u64,
    disk: Option<edge::Disk>,
    access: Vec<edge::Access>,
    distributions: Vec<spec::Distribution>,
}

impl Default for Set {
    fn default() -> Set {
        Set { cache_bytes: 64 << 20, disk: None, access: Vec::new(), distributions: Vec::new() }
    }
}

impl Edge {
    pub(crate) async fn before(origin: SocketAddr) -> Edge {
        Edge::with(origin, edge::Limits::default(), 64 << 20).await
    }

    pub(crate) async fn with(origin: SocketAddr, limits: edge::Limits, cache_bytes: u64) -> Edge {
        Edge::start(listener(), upstream(&[origin]), limits, None, Set { cache_bytes, ..Set::default() })
            .await
    }

    /// One before several origins.
    pub(crate) async fn before_all(origins: &[SocketAddr]) -> Edge {
        Edge::fetching(upstream(origins)).await
    }

    pub(crate) async fn fetching(upstream: edge::Upstream) -> Edge {
        Edge::at(listener(), upstream).await
    }

    pub(crate) async fn at(listener: std::net::TcpListener, upstream: edge::Upstream) -> Edge {
        Edge::start(listener, upstream, edge::Limits::default(), None, Set::default()).await
    }

    /// With a listener for TLS too.
    pub(crate) async fn with_tls(
        origin: SocketAddr,
        limits: edge::Limits,
        certificate: edge::Certificate,
    ) -> Edge {
        Edge::with_certificate(listener(), origin, limits, certificate).await
    }

    /// The same, its plain listener given.
    pub(crate) async fn with_certificate(
        listener: std::net::TcpListener,
        origin: SocketAddr,
        limits: edge::Limits,
        certificate: edge::Certificate,
    ) -> Edge {
        Edge::start(listener, upstream(&[origin]), limits, Some(certificate), Set::default()).await
    }

    /// With `cache_bytes` of memory and a disk tier of `bytes` in `path`.
    pub(crate) async fn with_disk(
        origin: SocketAddr,
        cache_bytes: u64,
        path: &std::path::Path,
        bytes: u64,
    ) -> Edge {
        let disk = Some(edge::Disk { path: path.to_owned(), bytes });
        let set = Set { cache_bytes, disk, ..Set::default() };
        Edge::start(listener(), upstream(&[origin]), edge::Limits::default(), None, set).await
    }

    /// With distributions, access tables, and a listener for TLS.
    pub(crate) async fn with_distributions(
        origin: SocketAddr,
        distributions: Vec<spec::Distribution>,
        access: Vec<edge::Access>,
    ) -> Edge {
        let set = Set { access, distributions, ..Set::default() };
        let certificate = Some(edge::Certificate::SelfMade);
        Edge::start(listener(), upstream(&[origin]), edge::Limits::default(), certificate, set).await
    }

    /// With access tables, and a listener for TLS too.
    pub(crate) async fn with_access(origin: SocketAddr, access: Vec<edge::Access>) -> Edge {
        let set = Set { access, ..Set::default() };
        let certificate = Some(edge::Certificate::SelfMade);
        Edge::start(listener(), upstream(&[origin]), edge::Limits::default(), certificate, set).await
    }

    async fn start(
        listener: std::net::TcpListener,
        upstream: edge::Upstream,
        limits: edge::Limits,
        certificate: Option<edge::Certificate>,
        set: Set,
    ) -> Edge {
        let tls_folder = Arc::new(tempfile::tempdir().unwrap());
        let tls = certificate.map(|certificate| tls(tcp_and_udp(), certificate, &tls_folder));
        Edge::start_with(listener, upstream, limits, tls, tls_folder, set).await
    }

    /// One that takes over the UDP socket of this one, which it does not tell to drain.
    pub(crate) async fn successor(&self, origin: SocketAddr) -> Edge {
        let sockets = (listener(), self.quic.as_ref().expect("HTTP/3 is spoken").try_clone().unwrap());
        let tls = tls(sockets, edge::Certificate::SelfMade, &self.tls_folder);
        let (limits, folder) = (edge::Limits::default(), self.tls_folder.clone());
        Edge::start_with(listener(), upstream(&[origin]), limits, Some(tls), folder, Set::default()).await
    }

    /// One on other sockets, with this one's certificate and folders.
    pub(crate) async fn neighbour(&self, origin: SocketAddr) -> Edge {
        let tls = tls(tcp_and_udp(), edge::Certificate::SelfMade, &self.tls_folder);
        let (limits, folder) = (edge::Limits::default(), self.tls_folder.clone());
        Edge::start_with(listener(), upstream(&[origin]), limits, Some(tls), folder, Set::default()).await
    }

    async fn start_with(
        listener: std::net::TcpListener,
        upstream: edge::Upstream,
        limits: edge::Limits,
        tls: Option<edge::Tls>,
        tls_folder: Arc<tempfile::TempDir>,
        set: Set,
    ) -> Edge {
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (drain, trigger) = daemon::Drain::manual();
        let tls_address = tls.as_ref().map(|tls| tls.listener.local_addr().unwrap());
        let quic =
            tls.as_ref().and_then(|tls| tls.quic.as_ref()).map(|quic| quic.socket.try_clone().unwrap());
        let distributions = edge::Distributions::new(&upstream);
        distributions.set(&set.distributions).unwrap();
        let handle = distributions.clone();
        let fences = edge::Fences::default();
        let config = edge::Config {
            tls,
            listener,
            upstream,
            control: Some(folder.path().join("control")),
            metrics: daemon::metrics::Endpoint::Socket(folder.path().join("metrics")),
            threads: 2,
            // What tests of the key ask with.
            key_query: vec!["variant".to_owned()],
            access: set.access,
            distributions,
            fences: fences.clone(),
            cache_bytes: set.cache_bytes,
            disk: set.disk,
            limits,
        };
        let task = tokio::spawn(edge::run(config, drain));
        let socket = folder.path().join("metrics");
        let started = async {
            while !socket.exists() {
                tokio::time::sleep(Duration::from_millis(1)).await
            }
        };
        tokio::time::timeout(HANG, started).await.expect("the edge starts");
        Edge { address, tls_address, trigger, task, quic, folder, tls_folder, distributions: handle, fences }
    }

    pub(crate) fn tls_address(&self) -> SocketAddr {
        self.tls_address.expect("the edge was started with TLS")
    }

    /// Where it keeps its certificates.
    pub(crate) fn tls_folder(&self) -> std::path::PathBuf {
        self.tls_folder.path().join("tls")
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `bytes` on a connection of its own and reads until the edge closes it.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset is an end too.
        let read = tokio::time::timeout(HANG, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("the edge closes the connection");
        answer
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "").await
    }

    pub(crate) async fn ask(&self, method: &str, target: &str, headers: &str) -> Answer {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        Answer::read(&self.raw(request.as_bytes()).await)
    }

    /// Purges on the operator's socket; returns the status and what was said.
    pub(crate) async fn purge(&self, pattern: &str, mode: &str) -> (u16, String) {
        self.purge_with(pattern, &format!("purge-mode: {mode}")).await
    }

    /// The same among a distribution's objects.
    pub(crate) async fn purge_of(&self, distribution: &str, pattern: &str) -> (u16, String) {
        self.purge_with(pattern, &format!("purge-distribution: {distribution}")).await
    }

    /// One of its unix sockets; an edge that was started again may take a moment to open it.
    async fn connect_to(&self, socket: &str) -> UnixStream {
        let path = self.folder.path().join(socket);
        let connected = async {
            loop {
                match UnixStream::connect(&path).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        tokio::time::timeout(HANG, connected).await.expect("the socket is opened")
    }

    async fn purge_with(&self, pattern: &str, field: &str) -> (u16, String) {
        let mut stream = self.connect_to("control").await;
        let request = format!("PURGE {pattern} HTTP/1.1\r\nhost: x\r\n{field}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = Answer::read(&answer);
        (
            answer.status,
            String::from_utf8(answer.body).unwrap().trim_end().replace(" objects", "").replace(" object", ""),
        )
    }

    /// One figure from the metrics page; families with labels are given with them.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let mut stream = self.connect_to("metrics").await;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit_once(' ').unwrap().1.parse().unwrap()
    }

    /// Waits until a figure is at least `least`.
    pub(crate) async fn metric_reaches(&self, name: &str, least: u64) {
        let reaches = async {
            while self.metric(name).await < least {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(HANG, reaches).await.unwrap_or_else(|_| panic!("{name} stays under {least}"));
    }

    pub(crate) fn drain(&self) {
        self.trigger.start();
    }

    /// Waits until nobody is let in any more.
    pub(crate) async fn refuses(&self) {
        let refused = async { while TcpStream::connect(self.address).await.is_ok() {} };
        tokio::time::timeout(HANG, refused).await.expect("nobody is accepted any more");
    }

    pub(crate) async fn drained(self) {
        self.trigger.start();
        tokio::time::timeout(HANG, self.task).await.expect("it ends").unwrap().unwrap();
    }
}

/// TLS on these sockets, with HTTP/3.
fn tls(
    (listener, socket): (std::net::TcpListener, std::net::UdpSocket),
    certificate: edge::Certificate,
    folder: &tempfile::TempDir,
) -> edge::Tls {
    let quic = edge::Quic { socket, handover: folder.path().join("run") };
    edge::Tls { listener, quic: Some(quic), certificate, folder: folder.path().join("tls") }
}

/// A port that is free for both; one that the system gives for TCP may be somebody's for UDP.
fn tcp_and_udp() -> (std::net::TcpListener, std::net::UdpSocket) {
    let both = || {
        let tcp = daemon::listen::bind("viewers_tls", "127.0.0.1:0".parse().unwrap()).unwrap();
        let udp = daemon::listen::bind_udp("viewers_tls", tcp.local_addr().unwrap()).ok()?;
        Some((tcp, udp))
    };
    (0..100).find_map(|_| both()).expect("a port is free for TCP and UDP")
}

/// Reads one answer of a connection that stays open, and no byte more.
pub(crate) async fn read_answer(stream: &mut TcpStream) -> Answer {
    let read = async {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await.expect("an answer comes"));
        }
        let mut answer = Answer::read(&bytes);
        let len = answer.header("content-length").map_or(0, |len| len.parse().unwrap());
        answer.body = vec![0; len];
        stream.read_exact(&mut answer.body).await.unwrap();
        answer.complete = true;
        answer
    };
    tokio::time::timeout(HANG, read).await.expect("an answer comes")
}

/// An answer, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The body has the length that was told, or its last chunk.
    pub(crate) complete: bool,
}

impl Answer {
    /// Reads one answer from the front of `bytes`.
    pub(crate) fn read(bytes: &[u8]) -> Answer {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Answer { status: 0, head: String::new(), body: bytes.to_vec(), complete: false };
        };
        let head = String::from_utf8(bytes[..end + 2].to_vec()).unwrap();
        let status = head[9..12].parse().unwrap();
        let rest = &bytes[end + 4..];
        let mut answer = Answer { status, head, body: rest.to_vec(), complete: true };
        if answer.header("transfer-encoding") == Some("chunked") {
            (answer.body, answer.complete) = unchunk(rest);
        } else if let Some(len) = answer.header("content-length") {
            answer.complete = rest.len() >= len.parse::<usize>().unwrap();
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// What the edge's cache did, with `_` for the digits of `ttl`.
    pub(crate) fn cache(&self) -> String {
        let value = self.header("cache-status").unwrap_or("");
        match value.split_once("ttl=") {
            Some((before, rest)) => {
                format!("{before}ttl=_{}", rest.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit()))
            }
            None => value.to_owned(),
        }
    }

    /// The freshness left, in seconds, as `Cache-Status` tells it.
    pub(crate) fn ttl(&self) -> i64 {
        let rest = self.header("cache-status").and_then(|value| value.split_once("ttl=")).unwrap().1;
        rest.split(';').next().unwrap().parse().unwrap()
    }
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { return (body, false) };
        let len = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if rest.len() < end + 2 + len + 2 {
            body.extend_from_slice(&rest[end + 2..]);
            return (body, false);
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + len]);
        assert_eq!(&rest[end + 2 + len..][..2], b"\r\n");
        if len == 0 {
            return (body, true);
        }
        rest = &rest[end + 4 + len..];
    }
}
