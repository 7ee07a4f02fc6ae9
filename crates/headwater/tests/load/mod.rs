//! A steady load on an edge, with the origin behind it and the program around it.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod http3;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Longer than anything here takes.
const HANG: Duration = Duration::from_secs(60);

pub(crate) async fn eventually(what: &str, mut question: impl FnMut() -> bool) {
    let asked = async {
        while !question() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(HANG, asked).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

/// Answers `/{length}/{anything}` with so many bytes, and what has `blocking` in it half a second later.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Origin {
    pub(crate) async fn start() -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream));
            }
        });
        Origin { address, task }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let head = read_head(&mut stream).await?;
        let path = head.split(' ').nth(1)?.to_owned();
        let len: usize = path.split('/').nth(1)?.parse().ok()?;
        if path.contains("blocking") {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let head = format!("HTTP/1.1 200 OK\r\ncache-control: max-age=1\r\ncontent-length: {len}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(&vec![b'x'; len]).await.ok()?;
    }
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// A running `headwater up` that is an edge alone.
pub(crate) struct Up {
    process: Child,
    program: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) viewers: SocketAddr,
    viewers_tls: SocketAddr,
}

impl Up {
    pub(crate) async fn start(program: &Path, origin: SocketAddr, limits: &str) -> Up {
        let folder = tempfile::tempdir().unwrap();
        let addresses @ [viewers, viewers_tls, _] = free_addresses();
        std::fs::write(folder.path().join("headwater.toml"), workflow(addresses, origin, limits)).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg("up")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("headwater starts");
        let up = Up { process, program: program.to_owned(), folder, viewers, viewers_tls };
        let answered = async { while get(up.viewers, "/1/start").await.is_err() {} };
        tokio::time::timeout(HANG, answered).await.expect("the edge answers");
        up
    }

    /// How viewers come by HTTP/3.
    pub(crate) fn http3(&self) -> http3::Door {
        http3::Door::new(self.viewers_tls, &self.folder.path().join("data/edge/tls/self-made.pem"))
    }

    /// Process ids of the edges.
    pub(crate) fn edges(&self) -> Vec<u32> {
        children(self.process.id())
    }

    /// The one that was started last.
    pub(crate) fn edge(&self) -> u32 {
        self.edges().into_iter().max_by_key(|pid| started(*pid)).expect("an edge runs")
    }

    /// `headwater restart edge`: what it printed.
    pub(crate) fn restart_edge(&self) -> Result<String, String> {
        self.restart_edge_with(&self.program)
    }

    pub(crate) fn restart_edge_with(&self, program: &Path) -> Result<String, String> {
        let ended = Command::new(program)
            .args(["restart", "edge"])
            .current_dir(self.folder.path())
            .output()
            .expect("headwater starts");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        if ended.status.success() { Ok(text(ended.stdout)) } else { Err(text(ended.stderr)) }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(name, self.process.id());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("-- headwater said:\n{log}");
        }
        self.signal("TERM");
        let _ = self.process.wait();
    }
}

/// A running `headwater edge`.
pub(crate) struct Alone {
    first: Child,
    /// The one that serves.
    pub(crate) pid: u32,
    folder: tempfile::TempDir,
    pub(crate) viewers: SocketAddr,
    viewers_tls: SocketAddr,
}

impl Alone {
    pub(crate) async fn start(program: &Path, origin: SocketAddr) -> Alone {
        Alone::start_told(program, |[viewers, _, metrics], edge, _| {
            edge.args(["--origin", &format!("http://{origin}"), "--listen", &viewers.to_string()]).args([
                "--metrics",
                &metrics.to_string(),
                "--threads",
                "2",
            ]);
        })
        .await
    }

    /// One that is told by a workflow file, which can say more.
    pub(crate) async fn start_with_http3(program: &Path, origin: SocketAddr) -> Alone {
        Alone::start_told(program, |addresses, edge, folder| {
            std::fs::write(folder.join("edge.toml"), workflow(addresses, origin, "")).unwrap();
            edge.args(["--workflow", "edge.toml", "--data", "data"]);
        })
        .await
    }

    async fn start_told(program: &Path, tell: impl FnOnce([SocketAddr; 3], &mut Command, &Path)) -> Alone {
        let folder = tempfile::tempdir().unwrap();
        let addresses @ [viewers, viewers_tls, _] = free_addresses();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        tell(addresses, command.arg("edge"), folder.path());
        let first = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("headwater starts");
        let alone = Alone { pid: first.id(), first, folder, viewers, viewers_tls };
        let answered = async { while get(alone.viewers, "/1/start").await.is_err() {} };
        tokio::time::timeout(HANG, answered).await.expect("the edge answers");
        alone
    }

    /// How viewers come by HTTP/3.
    pub(crate) fn http3(&self) -> http3::Door {
        http3::Door::new(self.viewers_tls, &self.folder.path().join("data/edge/tls/self-made.pem"))
    }

    /// Asks the one that serves for a successor, and waits for that.
    pub(crate) async fn take_over(&mut self) {
        let before = self.pid;
        signal("USR2", before);
        let mut successor = None;
        eventually("a successor starts", || {
            successor = children(before).first().copied();
            successor.is_some()
        })
        .await;
        self.pid = successor.unwrap();
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("-- headwater said:\n{log}");
        }
        for pid in [self.pid, self.first.id()] {
            if is_running(pid) {
                signal("TERM", pid);
            }
        }
        let _ = self.first.wait();
    }
}

/// Whether a process runs; one that ended and was not waited for does not.
pub(crate) fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z"))
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    children
        .flat_map(|text| text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

/// What an edge before `origin` is told.
fn workflow([viewers, viewers_tls, metrics]: [SocketAddr; 3], origin: SocketAddr, limits: &str) -> String {
    format!(
        "[listen]\nviewers = \"{viewers}\"\nviewers_tls = \"{viewers_tls}\"\nmetrics = \"{metrics}\"\n\
         [edge]\norigins = [\"http://{origin}\"]\nthreads = 2\n{limits}"
    )
}

/// Addresses nobody listens at, neither by TCP nor by UDP.
fn free_addresses() -> [SocketAddr; 3] {
    let free = || {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = std::net::UdpSocket::bind(tcp.local_addr().unwrap()).ok()?;
        Some((tcp, udp))
    };
    let held = [(); 3].map(|()| (0..100).find_map(|_| free()).expect("a port is free for TCP and UDP"));
    held.each_ref().map(|(tcp, _)| tcp.local_addr().unwrap())
}

/// When a process began, in ticks since the machine did.
fn started(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let field = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19));
    field.and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

pub(crate) fn kill(pid: u32) {
    signal("KILL", pid);
}

fn signal(name: &str, pid: u32) {
    let done = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(done.unwrap().success());
}

/// Viewers that ask and ask again.
pub(crate) struct Load {
    answers: Arc<AtomicUsize>,
    faults: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
    viewers: JoinSet<()>,
}

/// How one of them comes.
enum Client {
    Http1 { edge: SocketAddr, connection: Option<BufReader<TcpStream>> },
    Http3(http3::Client),
}

impl Client {
    /// One request: the length of its body. Nothing is tried again.
    async fn ask(&mut self, path: &str) -> Result<usize, String> {
        match self {
            Client::Http1 { edge, connection } => ask(*edge, connection, path).await,
            Client::Http3(client) => client.ask(path).await,
        }
    }
}

impl Load {
    /// Over HTTP/1.1.
    pub(crate) fn start(edge: SocketAddr, viewers: usize) -> Load {
        Load::of((0..viewers).map(|_| Client::Http1 { edge, connection: None }))
    }

    /// Over HTTP/3.
    pub(crate) fn start_http3(door: &http3::Door, viewers: usize) -> Load {
        Load::of((0..viewers).map(|viewer| Client::Http3(door.client(viewer))))
    }

    fn of(clients: impl Iterator<Item = Client>) -> Load {
        let mut load = Load {
            answers: Arc::default(),
            faults: Arc::default(),
            over: Arc::default(),
            viewers: JoinSet::new(),
        };
        for (viewer, mut client) in clients.enumerate() {
            let (answers, faults, over) = (load.answers.clone(), load.faults.clone(), load.over.clone());
            load.viewers.spawn(async move {
                let mut turn = viewer;
                while !over.load(Ordering::Relaxed) {
                    turn += 1;
                    let (len, name) = match turn % 10 {
                        0 => (200_000, "segment".to_owned()),
                        // Nobody has asked for it yet.
                        1 => (2_000, format!("{viewer}-{turn}")),
                        2 => (500, format!("blocking{}", turn / 500)),
                        _ => (2_000, "playlist".to_owned()),
                    };
                    match client.ask(&format!("/{len}/{name}")).await {
                        Ok(got) if got == len => {
                            answers.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(got) => faults.lock().unwrap().push(format!("{got} bytes of {len}")),
                        Err(fault) => faults.lock().unwrap().push(fault),
                    }
                    tokio::time::sleep(Duration::from_millis((turn * 37 % 250) as u64)).await;
                }
            });
        }
        load
    }

    /// Waits for more answers.
    pub(crate) async fn answers_more(&self, more: usize) {
        let least = self.answers.load(Ordering::Relaxed) + more;
        eventually("the viewers are answered", || self.answers.load(Ordering::Relaxed) >= least).await;
    }

    /// How many answers there were, and what went wrong.
    pub(crate) async fn stop(self) -> (usize, Vec<String>) {
        self.over.store(true, Ordering::Relaxed);
        self.viewers.join_all().await;
        (self.answers.load(Ordering::Relaxed), std::mem::take(&mut *self.faults.lock().unwrap()))
    }
}

/// One request on a connection of its own: the length of its body.
pub(crate) async fn get(edge: SocketAddr, path: &str) -> Result<usize, String> {
    ask(edge, &mut None, path).await
}

/// One request, on `connection` while the edge keeps it. Nothing is tried again.
async fn ask(
    edge: SocketAddr,
    connection: &mut Option<BufReader<TcpStream>>,
    path: &str,
) -> Result<usize, String> {
    let (mut stream, age) = match connection.take() {
        Some(kept) => (kept, "kept"),
        None => {
            let stream = TcpStream::connect(edge).await.map_err(|fault| format!("connect: {fault}"))?;
            (BufReader::new(stream), "new")
        }
    };
    let told = |what: &str| format!("{path} on a {age} connection: {what}");
    let asked = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.map_err(|fault| told(&fault.to_string()))?;
    let head = tokio::time::timeout(HANG, read_head(&mut stream)).await.map_err(|_| told("hangs"))?;
    let head = head.ok_or_else(|| told("no answer"))?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(told(&head));
    }
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let mut body = vec![0; field("content-length: ").ok_or_else(|| told(&head))?.parse().unwrap()];
    stream.read_exact(&mut body).await.map_err(|fault| told(&fault.to_string()))?;
    if field("connection: ") != Some("close") {
        *connection = Some(stream);
    }
    Ok(body.len())
}
