//! A viewer as a player makes one: playlist, segments, a buffer that runs dry or does not.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use conformance::Playback;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, sleep_until, timeout};

use super::origin::{SECONDS, segment};

/// Media a player has before it plays, and at most: it joins so far behind the live edge.
const BUFFER: Duration = Duration::from_secs(6);
/// As long as players wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between a failure and the next try.
const RETRY: Duration = Duration::from_millis(250);

/// What one viewer saw.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) viewer: usize,
    pub(crate) requests: u64,
    /// Statuses other than 200, wrong bytes, broken connections, silence.
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) segments: u64,
    /// Between two segments,
    pub(crate) longest_gap_ms: u64,
    /// which ended so long after the viewers came.
    pub(crate) longest_gap_at_s: u64,
    pub(crate) stalls: u64,
    pub(crate) stalled_ms: u64,
}

impl Report {
    pub(crate) fn json(&self) -> String {
        let Report {
            viewer,
            requests,
            errors,
            segments,
            longest_gap_ms,
            longest_gap_at_s,
            stalls,
            stalled_ms,
            ..
        } = self;
        let first = self.first_error.as_deref().unwrap_or("").replace(['"', '\\'], "'");
        format!(
            "{{\"viewer\":{viewer},\"requests\":{requests},\"errors\":{errors},\"first_error\":\"{first}\",\
             \"segments\":{segments},\"longest_gap_ms\":{longest_gap_ms},\"longest_gap_at_s\":{longest_gap_at_s},\"stalls\":{stalls},\"stalled_ms\":{stalled_ms}}}"
        )
    }
}

/// One kept connection.
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(edge: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(edge).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, unread: Vec::new() })
    }

    /// Status and body.
    pub(crate) async fn get(&mut self, target: &str) -> io::Result<(u16, Vec<u8>)> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: live.example\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await?;
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).to_ascii_lowercase();
        let status =
            head.get(9..12).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let len =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        let whole = end + 4 + len.ok_or(io::ErrorKind::InvalidData)?;
        while self.unread.len() < whole {
            self.more().await?;
        }
        let rest = self.unread.split_off(whole);
        let body = std::mem::replace(&mut self.unread, rest).split_off(end + 4);
        Ok((status, body))
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.unread).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Watches from when it comes to the end.
pub(crate) async fn watch(
    viewer: usize,
    edge: SocketAddr,
    blocking: bool,
    [start, come, end]: [Instant; 3],
) -> Report {
    sleep_until(come.into()).await;
    let mut viewer = Viewer { edge, connection: None, report: Report { viewer, ..Report::default() } };
    let mut player = Playback::new(BUFFER);
    let mut next: Option<u64> = None;
    while Instant::now() < end {
        let target = match next {
            Some(next) if blocking => format!("/live/index.m3u8?_HLS_msn={next}"),
            _ => "/live/index.m3u8".to_owned(),
        };
        let Some((oldest, listed)) = viewer.get(&target).await.and_then(|text| window_of(&text)) else {
            sleep(RETRY).await;
            continue;
        };
        let behind = BUFFER.as_secs() / SECONDS - 1;
        // Who was away for longer than the window goes on with the oldest that is left.
        let mut wanted = next.unwrap_or(listed.saturating_sub(behind)).max(oldest);
        let is_new = wanted <= listed;
        while wanted <= listed && Instant::now() < end {
            match viewer.get(&format!("/live/{wanted}.m4s")).await {
                Some(bytes) if bytes == segment(wanted) => {
                    wanted += 1;
                    player.got(Instant::now(), Duration::from_secs(SECONDS));
                    viewer.report.segments += 1;
                }
                Some(_) => viewer.erred("other bytes than the segment's".into()),
                None => {
                    // It may have left the window meanwhile: look again.
                    sleep(RETRY).await;
                    break;
                }
            }
        }
        next = Some(wanted);
        if !blocking {
            // RFC 8216 §6.3.4: a target duration after a change, half of one otherwise.
            sleep(Duration::from_millis(if is_new { 1_000 * SECONDS } else { 500 * SECONDS })).await;
        }
    }
    player.over(end);
    Report {
        longest_gap_ms: player.longest_gap.as_millis() as u64,
        longest_gap_at_s: player.longest_gap_end.map_or(0, |ended| (ended - start).as_secs()),
        stalls: player.stalls,
        stalled_ms: player.stalled.as_millis() as u64,
        ..viewer.report
    }
}

/// The oldest and the newest segment listed.
fn window_of(playlist: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(playlist).ok()?;
    let mut listed = text.lines().filter_map(|line| line.strip_suffix(".m4s")?.parse().ok());
    let oldest = listed.next()?;
    Some((oldest, listed.next_back().unwrap_or(oldest)))
}

struct Viewer {
    edge: SocketAddr,
    connection: Option<Connection>,
    report: Report,
}

impl Viewer {
    /// The body of a 200; anything else is an error, and costs the connection.
    async fn get(&mut self, target: &str) -> Option<Vec<u8>> {
        self.report.requests += 1;
        let asked = async {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => Connection::open(self.edge).await?,
            };
            let (status, body) = connection.get(target).await?;
            if status != 200 {
                let words = String::from_utf8_lossy(&body);
                return Err(io::Error::other(format!("{status} {}", words.trim())));
            }
            Ok((connection, body))
        };
        let fault = match timeout(PATIENCE, asked).await {
            Ok(Ok((connection, body))) => {
                self.connection = Some(connection);
                return Some(body);
            }
            Ok(Err(fault)) => fault.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.erred(format!("{target}: {fault}"));
        None
    }

    fn erred(&mut self, fault: String) {
        self.report.errors += 1;
        self.report.first_error.get_or_insert(fault);
    }
}
