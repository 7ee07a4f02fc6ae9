//! Lets many viewers wait for one object that the origin holds back, then lets it go, and tells how long it took to
//! reach them: `herd VIEWERS ORIGIN_LISTEN [EDGE [PID]]`. Without an edge the viewers ask the origin themselves.
//! With the edge's process id, tells what memory each waiting viewer took there. Prints one JSON line.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [viewers, listen, rest @ ..] = arguments.as_slice() else {
        return Err("usage: herd VIEWERS ORIGIN_LISTEN [EDGE [PID]]".into());
    };
    let (viewers, listen): (usize, SocketAddr) = (viewers.parse()?, listen.parse()?);
    let asked = rest.first().map_or(Ok(listen), |edge| edge.parse())?;
    let pid = rest.get(1);

    let (let_go, held) = watch::channel(false);
    let fetches = Arc::new(AtomicUsize::new(0));
    tokio::spawn(origin(TcpListener::bind(listen).await?, held, fetches.clone()));

    let before = pid.map(|pid| resident_kib(pid)).transpose()?;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..viewers {
        let mut stream = TcpStream::connect(asked).await?;
        stream.write_all(b"GET /demo/index.m3u8?_HLS_msn=1 HTTP/1.1\r\nHost: bench\r\n\r\n").await?;
        waiting.spawn(async move {
            let mut got = Vec::with_capacity(4096);
            while !got.ends_with(b"#END\n") {
                if stream.read_buf(&mut got).await? == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
            }
            Ok((Instant::now(), stream))
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = pid.map(|pid| resident_kib(pid)).transpose()?;
    let start = Instant::now();
    let_go.send(true)?;
    let mut delays = Vec::new();
    while let Some(done) = waiting.join_next().await {
        delays.push((done??.0 - start).as_secs_f64() * 1e3);
    }
    delays.sort_by(f64::total_cmp);
    let each = after.zip(before).map(|(after, before)| (after - before) / viewers as f64);
    println!(
        "{{\"asked\":\"{asked}\",\"viewers\":{viewers},\"fetches\":{},\"p50_ms\":{:.1},\"p99_ms\":{:.1},\
         \"kib_per_viewer\":{:.2}}}",
        fetches.load(Ordering::Relaxed),
        delays[viewers / 2],
        delays[viewers * 99 / 100],
        each.unwrap_or(0.0)
    );
    Ok(())
}

async fn origin(listener: TcpListener, held: watch::Receiver<bool>, fetches: Arc<AtomicUsize>) {
    let body = format!("{}#END\n", "#EXTINF:2.0,\n".repeat(160));
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nCache-Control: max-age=6\r\n\r\n{body}",
        body.len()
    );
    let answer: Arc<[u8]> = answer.into_bytes().into();
    while let Ok((mut stream, _)) = listener.accept().await {
        let (mut held, fetches, answer) = (held.clone(), fetches.clone(), answer.clone());
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            fetches.fetch_add(1, Ordering::Relaxed);
            if held.wait_for(|free| *free).await.is_ok() {
                let _ = stream.write_all(&answer).await;
                // Kept open until the other side has had enough.
                let _ = stream.read(&mut [0]).await;
            }
        });
    }
}

fn resident_kib(pid: &str) -> io::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    Ok(line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0.0))
}
