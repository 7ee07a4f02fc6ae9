//! A live channel made of numbers: two origins on one clock serve the same bytes.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Of a segment.
pub(crate) const SECONDS: u64 = 2;
/// Segments listed.
const WINDOW: u64 = 8;
/// Bytes of a segment.
const BYTES: usize = 40_000;

/// Serves for ever.
pub(crate) async fn serve(address: SocketAddr) -> super::Result<()> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            // Whoever asked may leave at any time.
            let _ = answer_all(stream).await;
        });
    }
}

/// Segment `number`'s bytes.
pub(crate) fn segment(number: u64) -> Vec<u8> {
    number.to_be_bytes().into_iter().cycle().take(BYTES).collect()
}

async fn answer_all(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        head.clear();
        let target = text.split(' ').nth(1).unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let answer = match path.strip_prefix("/live/") {
            Some("index.m3u8") => {
                let awaited = query.strip_prefix("_HLS_msn=").and_then(|number| number.parse().ok());
                if let Some(number) = awaited {
                    wait_for(number).await;
                }
                let lived = if awaited.is_some() { 6 } else { 1 };
                answer(
                    200,
                    &format!("max-age={lived}"),
                    "application/vnd.apple.mpegurl",
                    playlist().as_bytes(),
                )
            }
            Some(name) => match name.strip_suffix(".m4s").and_then(|number| number.parse::<u64>().ok()) {
                Some(number) if number <= newest() && number + 2 * WINDOW > newest() => {
                    answer(200, "max-age=86400, immutable", "video/iso.segment", &segment(number))
                }
                _ => answer(404, "max-age=1", "text/plain", b"no such segment\n"),
            },
            None => answer(404, "max-age=1", "text/plain", b"not here\n"),
        };
        stream.write_all(&answer).await?;
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

/// The newest segment that is whole.
fn newest() -> u64 {
    since_epoch().as_secs() / SECONDS - 1
}

async fn wait_for(number: u64) {
    let whole = Duration::from_secs((number + 1) * SECONDS);
    let wait = whole.saturating_sub(since_epoch()).min(Duration::from_secs(3 * SECONDS));
    tokio::time::sleep(wait).await;
}

fn playlist() -> String {
    let newest = newest();
    let first = newest + 1 - WINDOW;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{SECONDS}\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for number in first..=newest {
        text += &format!("#EXTINF:{SECONDS}.0,\n{number}.m4s\n");
    }
    text
}

fn answer(status: u16, cache: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\ncontent-type: {kind}\r\ncache-control: {cache}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
