//! Asks one server for one object over kept connections, and tells what CPU time that took the server:
//! `load ADDRESS PATH CONNECTIONS SECONDS PID[,PID…]`. In the path, `{}` becomes each of 00 to 99 in turn: a hundred
//! objects, more than a processor's caches hold. Prints one JSON line.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, connections, seconds, pids] = arguments.as_slice() else {
        return Err("usage: load ADDRESS PATH CONNECTIONS SECONDS PID[,PID…]".into());
    };
    let address: SocketAddr = address.parse()?;
    let request = |path: String| {
        format!("GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n")
    };
    let asked: Arc<[String]> = match path.contains("{}") {
        true => (0..100).map(|number| request(path.replace("{}", &format!("{number:02}")))).collect(),
        false => [request(path.clone())].into(),
    };
    let (requests, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for first in 0..connections.parse()? {
        let (asked, requests, bytes, stop) = (asked.clone(), requests.clone(), bytes.clone(), stop.clone());
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        tasks.push(tokio::spawn(async move {
            ask(stream, asked.iter().cycle().skip(first), &requests, &bytes, &stop).await
        }));
    }
    // The first answers warm caches and buffers.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let figures = || {
        let cpu: io::Result<f64> = pids.split(',').map(cpu_seconds).sum();
        cpu.map(|cpu| (cpu, requests.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed), Instant::now()))
    };
    let before = figures()?;
    tokio::time::sleep(Duration::from_secs(seconds.parse()?)).await;
    let after = figures()?;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await??;
    }
    let (cpu, done, moved) = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
    let wall = (after.3 - before.3).as_secs_f64();
    println!(
        "{{\"address\":\"{address}\",\"path\":\"{path}\",\"connections\":{connections},\"requests_per_s\":{:.0},\
         \"cpu_us_per_request\":{:.2},\"cpu_ms_per_gb\":{:.1},\"gbit_per_s\":{:.2}}}",
        done as f64 / wall,
        cpu * 1e6 / done as f64,
        cpu * 1e12 / moved as f64,
        moved as f64 * 8e-9 / wall
    );
    Ok(())
}

async fn ask(
    mut stream: TcpStream,
    mut asked: impl Iterator<Item = &String>,
    requests: &AtomicU64,
    bytes: &AtomicU64,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    while !stop.load(Ordering::Relaxed) {
        let request = asked.next().expect("the requests go round");
        stream.write_all(request.as_bytes()).await?;
        let mut left = None;
        let mut filled = 0;
        // The head and what came with it.
        while left.is_none() {
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => filled += read,
            }
            if let Some(end) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
                if !head.starts_with("http/1.1 200") {
                    return Err(io::Error::other(head));
                }
                let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let len: u64 = len.and_then(|len| len.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
                left = Some(len - (filled - end - 4) as u64);
                bytes.fetch_add(len, Ordering::Relaxed);
            }
        }
        let mut left = left.unwrap_or(0);
        while left > 0 {
            match stream.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => left -= read as u64,
            }
        }
        requests.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// User and system time of a process, in seconds, by the scheduler's own account (ns) where it keeps one.
fn cpu_seconds(pid: &str) -> io::Result<f64> {
    let mut nanoseconds = 0_u64;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(nanoseconds as f64 * 1e-9)
}
