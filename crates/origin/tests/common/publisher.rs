//! A publisher that keeps its word: it sends again what the origin says it lacks, and remembers what was acknowledged.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use super::{PATIENCE, Sound, request};

/// One track's publisher.
pub struct Publisher {
    sound: Sound,
    next: i64,
    /// Answered with 200, by start; what was on disk by then, and what is not, which is kept to be sent again.
    pub acknowledged: BTreeMap<i64, Vec<u8>>,
    kept: BTreeMap<i64, Vec<u8>>,
    /// Told to be on disk.
    pub durable: i64,
}

impl Publisher {
    pub fn new(at: i64) -> Self {
        let sound = Sound::named("audio", 2);
        Self { sound, next: at, acknowledged: BTreeMap::new(), kept: BTreeMap::new(), durable: 0 }
    }

    /// Meets an origin: sends the header, and again what was acknowledged and is not there; how many. `None`: it is away.
    pub fn meet(&mut self, origin: SocketAddr) -> Option<usize> {
        let header = self.sound.header();
        let has = self.kept.keys().next_back().map(|has| format!("headwater-has: {has}\r\n"));
        let (status, told) = put(origin, "init.mp4", &has.unwrap_or_default(), &header)?;
        assert_eq!(status, 200);
        let next = told("headwater-next").unwrap_or(0);
        let lost: Vec<_> = self.kept.range(next..).map(|(start, body)| (*start, body.clone())).collect();
        let count = lost.len();
        lost.into_iter().all(|(start, body)| self.put(origin, start, &body)).then_some(count)
    }

    /// Publishes the next segment; false where the origin did not answer.
    pub fn publish(&mut self, origin: SocketAddr) -> bool {
        let (start, body) = (self.next, self.sound.segment(self.next));
        self.next += Sound::TICKS;
        self.kept.insert(start, body.clone());
        self.put(origin, start, &body)
    }

    /// Sends the first half of the next segment and holds it there.
    pub fn begin(&self, origin: SocketAddr) -> Option<TcpStream> {
        let body = self.sound.segment(self.next);
        let mut stream = TcpStream::connect(origin).ok()?;
        let head = format!(
            "PUT /ingest/cam/audio/x.m4s HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&body[..body.len() / 2]).ok()?;
        Some(stream)
    }

    fn put(&mut self, origin: SocketAddr, start: i64, body: &[u8]) -> bool {
        let Some((status, told)) = put(origin, "x.m4s", "", body) else { return false };
        assert_eq!(status, 200);
        self.acknowledged.insert(start, body.to_vec());
        self.durable = told("headwater-durable").unwrap_or(0).max(self.durable);
        self.kept.retain(|start, _| *start >= self.durable);
        true
    }

    /// Checks that an origin serves whole what it lists, and everything acknowledged of that time: (listed, lost, torn).
    pub fn verify(&self, origin: SocketAddr) -> (usize, usize, usize) {
        let text = request(origin, "GET", "/cam/audio/index.m3u8", &[], &[]).text();
        let listed: Vec<i64> = super::entries(&text)
            .iter()
            .filter_map(|entry| entry.strip_suffix(".m4s")?.parse().ok())
            .collect();
        let torn = listed.iter().filter(|start| {
            let body = request(origin, "GET", &format!("/cam/audio/{start}.m4s"), &[], &[]).body;
            body != self.sound.segment(**start)
        });
        let torn = torn.count();
        let first = listed.first().copied().unwrap_or(0);
        let lost = self.acknowledged.range(first..).filter(|(start, _)| !listed.contains(start)).count();
        (listed.len(), lost, torn)
    }
}

type Told = Box<dyn Fn(&str) -> Option<i64>>;

/// Like [`request`], from an origin that may die meanwhile.
fn put(origin: SocketAddr, name: &str, fields: &str, body: &[u8]) -> Option<(u16, Told)> {
    let length = body.len();
    let mut stream = TcpStream::connect(origin).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let head = format!(
        "PUT /ingest/cam/audio/{name} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{fields}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, _) = text.split_once("\r\n\r\n")?;
    let answer = super::Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_owned(),
        body: Vec::new(),
    };
    let status = answer.status;
    Some((status, Box::new(move |name| answer.header(name)?.parse().ok())))
}
