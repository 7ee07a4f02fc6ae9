//! The origin of the cases. It counts what it is asked, and is told by `/control/…` when to let go.
//!
//! | path | answer |
//! | --- | --- |
//! | `/hot/{bytes}` | so many bytes, fresh for an hour |
//! | `/held/{name}/{bytes}` | the same, once `/control/release/{name}` was asked |
//! | `/open/{name}` | chunked: one piece of [`PIECE`] bytes each [`PERIOD`], [`PIECES`] of them, each begins with the time it was made |
//! | `/live/{name}/index.m3u8?_HLS_msn={n}` | once segment n is there; segments of one second, since the first question |
//! | `/live/{name}/{n}.m4s` | segment n |
//! | `/control/count/{prefix}` | how many requests began with `/{prefix}` |
//! | `/control/release/{name}` | the time, in ns |

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::now_ns;

/// Bytes of one piece of a growing object.
pub(crate) const PIECE: usize = 20_000;
/// Between two pieces.
pub(crate) const PERIOD: Duration = Duration::from_millis(100);
/// Pieces of a growing object.
pub(crate) const PIECES: usize = 40;
/// How long a segment of the live channel is.
pub(crate) const SEGMENT: Duration = Duration::from_secs(1);
/// Bytes of one.
const SEGMENT_BYTES: usize = 20_000;

/// What a growing object has so far, framed.
type Pieces = Vec<Arc<[u8]>>;

#[derive(Default)]
struct Origin {
    counts: Mutex<HashMap<String, u64>>,
    held: Mutex<HashMap<String, watch::Sender<bool>>>,
    open: Mutex<HashMap<String, watch::Receiver<Pieces>>>,
    live: Mutex<HashMap<String, tokio::time::Instant>>,
}

/// Serves until it is stopped.
pub(crate) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let origin = Arc::new(Origin::default());
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    let listener: TcpListener = socket.listen(4096)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let origin = origin.clone();
        // A connection that breaks is its client's business.
        tokio::spawn(async move { origin.answer_all(stream).await });
    }
}

impl Origin {
    async fn answer_all(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        loop {
            head.clear();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut head).await? == 0 {
                    return Ok(());
                }
            }
            let text = String::from_utf8_lossy(&head);
            let target = text.split(' ').nth(1).unwrap_or_default().to_owned();
            drop(text);
            // Room for ten thousand held connections.
            head = Vec::new();
            self.answer(&mut stream, &target).await?;
        }
    }

    async fn answer(&self, stream: &mut TcpStream, target: &str) -> std::io::Result<()> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let words: Vec<&str> = path.split('/').skip(1).collect();
        if words[0] != "control" {
            *lock(&self.counts).entry(path.to_owned()).or_default() += 1;
        }
        match words.as_slice() {
            ["hot", bytes] => whole(stream, "public, max-age=3600", &filler(bytes)).await,
            ["held", name, bytes] => {
                let mut free = lock(&self.held).entry((*name).to_owned()).or_default().subscribe();
                if free.wait_for(|free| *free).await.is_ok() {
                    whole(stream, "public, max-age=6", &filler(bytes)).await?;
                }
                Ok(())
            }
            ["open", name] => self.open(stream, name).await,
            ["live", name, file] => {
                let begun =
                    *lock(&self.live).entry((*name).to_owned()).or_insert_with(tokio::time::Instant::now);
                match file.strip_suffix(".m4s") {
                    Some(_) => whole(stream, "public, max-age=3600", &[0; SEGMENT_BYTES]).await,
                    None => {
                        let wanted =
                            query.strip_prefix("_HLS_msn=").and_then(|n| n.parse().ok()).unwrap_or(0);
                        tokio::time::sleep_until(begun + SEGMENT * wanted).await;
                        let last = begun.elapsed().as_secs().max(wanted.into());
                        whole(stream, "public, max-age=6", format!("#EXTM3U\n{last}\n").as_bytes()).await
                    }
                }
            }
            ["control", "count", prefix @ ..] => {
                let prefix = format!("/{}", prefix.join("/"));
                let count: u64 = {
                    let counts = lock(&self.counts);
                    counts.iter().filter(|(path, _)| path.starts_with(&prefix)).map(|(_, count)| count).sum()
                };
                whole(stream, "no-store", count.to_string().as_bytes()).await
            }
            ["control", "release", name] => {
                let now = now_ns();
                lock(&self.held).entry((*name).to_owned()).or_default().send_replace(true);
                whole(stream, "no-store", now.to_string().as_bytes()).await
            }
            _ => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await,
        }
    }

    /// A growing object begins with its first reader; each further one gets what is there and follows.
    async fn open(&self, stream: &mut TcpStream, name: &str) -> std::io::Result<()> {
        let mut pieces = lock(&self.open).entry(name.to_owned()).or_insert_with(grow).clone();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nCache-Control: public, max-age=3600\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
        for at in 0..PIECES {
            let piece = match pieces.wait_for(|pieces| pieces.len() > at).await {
                Ok(pieces) => pieces[at].clone(),
                Err(_) => return Ok(()),
            };
            stream.write_all(&piece).await?;
        }
        stream.write_all(b"0\r\n\r\n").await
    }
}

/// Makes an object's pieces, one each period, framed as chunks.
fn grow() -> watch::Receiver<Pieces> {
    let (made, pieces) = watch::channel(Pieces::new());
    tokio::spawn(async move {
        let mut period = tokio::time::interval(PERIOD);
        for _ in 0..PIECES {
            period.tick().await;
            let mut piece = format!("{PIECE:x}\r\n{:020}", now_ns()).into_bytes();
            piece.resize(piece.len() + PIECE - 20, b'.');
            piece.extend_from_slice(b"\r\n");
            made.send_modify(|pieces| pieces.push(piece.into()));
        }
        // Kept for readers who come when it is whole.
        std::future::pending::<()>().await;
    });
    pieces
}

async fn whole(stream: &mut TcpStream, cache_control: &str, body: &[u8]) -> std::io::Result<()> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nCache-Control: {cache_control}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    stream.write_all(&answer).await
}

fn filler(bytes: &str) -> Vec<u8> {
    vec![b'#'; bytes.parse().unwrap_or(0)]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds the lock")
}
