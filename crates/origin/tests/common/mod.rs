//! An origin to push to and read from, over real sockets.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test file uses a part")]

mod killable;
mod publisher;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use cmaf::{Begins, Fragmenter, Labels, init_segment};
use media::{AudioCodec, AudioFormat, Format, Sample, Timescale, Track, TrackId};

pub use killable::Killable;
pub use publisher::Publisher;

/// Longest that anything here may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An origin in this process, with channel `cam`; drained when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub data: PathBuf,
    orderer: daemon::Orderer<Vec<origin::Channel>>,
    pub endpoints: origin::Endpoints,
    trigger: daemon::Trigger,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn settings(name: &str, part: Option<Duration>) -> origin::Channel {
    origin::Channel {
        name: name.parse().expect("a name"),
        grid: media::Grid::new(2_000),
        part,
        window: Duration::from_secs(20),
    }
}

impl Server {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, None)
    }

    /// The same with channel `cam` in parts of this length.
    pub fn start_with(data: &Path, part: Option<Duration>) -> Self {
        Self::start_packaging(data, part, Vec::new())
    }

    /// The same with these endpoints.
    pub fn start_packaging(data: &Path, part: Option<Duration>, endpoints: Vec<origin::Endpoint>) -> Self {
        let (orderer, orders) = daemon::orders();
        let endpoints = origin::Endpoints::new(endpoints);
        let listener = daemon::listen::bind("origin", ([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (drain, trigger) = daemon::Drain::manual();
        let config = origin::Config {
            listener,
            data_dir: data.to_owned(),
            metrics_socket: data.join("metrics.sock"),
            channels: vec![settings("cam", part)],
            orders,
            endpoints: endpoints.clone(),
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(origin::run(config, drain)).expect("the origin runs");
        });
        let server =
            Self { address, data: data.to_owned(), orderer, endpoints, trigger, thread: Some(thread) };
        assert_eq!(server.get("/health").status, 200);
        server
    }

    /// Tells the running origin which channels there shall be.
    pub fn set(&self, channels: &[&str]) {
        let wanted = channels.iter().map(|name| settings(name, None)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.orderer.give(wanted)).expect("they can be set");
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        request(self.address, "GET", path, &[], &[])
    }

    pub fn put(&self, path: &str, body: &[u8]) -> Answer {
        request(self.address, "PUT", path, &[], body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.trigger.start();
        let ended = self.thread.take().expect("joined once").join();
        assert!(ended.is_ok() || std::thread::panicking(), "the origin ended without fault");
    }
}

/// A segment's body on its way, chunk by chunk.
pub struct Push {
    stream: TcpStream,
}

impl Push {
    pub fn begin(address: SocketAddr, path: &str) -> Self {
        Self::begin_with(address, path, &[])
    }

    pub fn begin_with(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("sets");
        let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{fields}transfer-encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sends");
        Self { stream }
    }

    pub fn chunk(&mut self, bytes: &[u8]) {
        let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.stream.write_all(&framed).expect("sends");
    }

    pub fn finish(self) -> Answer {
        self.finish_with("")
    }

    /// Ends it with these trailer fields.
    pub fn finish_with(mut self, trailers: &str) -> Answer {
        self.stream.write_all(format!("0\r\n{trailers}\r\n").as_bytes()).expect("sends");
        read_answer(&mut self.stream)
    }
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("sets");
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).expect("sends");
    // Refused in the middle of the body, the rest may find the connection closed; the answer tells.
    let _ = stream.write_all(body);
    read_answer(&mut stream)
}

pub fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

/// Waits until `found` gives something.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A made-up AAC publisher: the bytes are a real CMAF track whose frames hold nothing to hear.
pub struct Sound {
    track: Track,
    name: &'static str,
}

impl Sound {
    pub const FRAME: i64 = 1_024;
    /// Frames of one segment: 1.984 s.
    pub const FRAMES: i64 = 93;
    pub const TICKS: i64 = Self::FRAME * Self::FRAMES;

    pub fn named(name: &'static str, channels: u16) -> Self {
        let format = Format::Audio(AudioFormat {
            codec: AudioCodec::Aac,
            sample_rate: 48_000,
            channels,
            // AudioSpecificConfig: AAC-LC, 48 kHz, channels.
            config: Bytes::copy_from_slice(&[0x11, 0x80 | (channels as u8) << 3]),
            rfc6381: "mp4a.40.2".to_owned(),
        });
        let timescale = Timescale::new(48_000);
        Self { track: Track { id: TrackId(1), timescale, format, language: None }, name }
    }

    pub fn header(&self) -> Bytes {
        init_segment(&self.track, &Labels::named(self.name))
    }

    /// The segment that begins at `start`, filled with a byte that tells where.
    pub fn segment(&self, start: i64) -> Vec<u8> {
        self.chunks(start, Self::FRAMES).concat()
    }

    /// A segment of so many frames.
    pub fn frames(&self, start: i64, count: i64) -> Vec<u8> {
        self.cut(start, count, count).concat()
    }

    /// A segment in chunks of so many frames.
    pub fn chunks(&self, start: i64, frames: i64) -> Vec<Vec<u8>> {
        self.cut(start, Self::FRAMES, frames)
    }

    fn cut(&self, start: i64, count: i64, frames: i64) -> Vec<Vec<u8>> {
        let mut fragmenter = Fragmenter::new(&self.track);
        let mut chunks = Vec::new();
        for frame in 0..count {
            let sample = Sample {
                track: self.track.id,
                dts: start + frame * Self::FRAME,
                composition_offset: 0,
                duration: Some(Self::FRAME as u32),
                sync: true,
                data: vec![(start / Self::TICKS) as u8; 200].into(),
            };
            let begins = match frame {
                0 => Begins::Segment,
                frame if frame % frames == 0 => Begins::Chunk,
                _ => Begins::Nothing,
            };
            chunks.extend(fragmenter.push(sample, begins).expect("in order"));
        }
        chunks.extend(fragmenter.finish());
        chunks.iter().map(|chunk| chunk.to_bytes().to_vec()).collect()
    }
}

/// A tick of 48 kHz about now, where a segment of [`Sound`] begins.
pub fn now_ticks() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let ticks = i64::try_from(now.as_micros()).expect("fits") * 48 / 1_000;
    ticks - ticks % Sound::TICKS
}

/// The segments' names in a media playlist, and its marks, in order.
pub fn entries(playlist: &str) -> Vec<String> {
    playlist
        .lines()
        .filter(|line| !line.starts_with('#') || matches!(*line, "#EXT-X-DISCONTINUITY" | "#EXT-X-GAP"))
        .map(|line| line.trim_start_matches("#EXT-X-").to_owned())
        .collect()
}

pub fn media_sequence(playlist: &str) -> u64 {
    let line = playlist.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
    line.and_then(|number| number.parse().ok()).expect("a media sequence")
}

/// A process that is killed when dropped.
pub struct Process(pub Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(
            command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}")),
        )
    }

    /// One that has ended already, in the place of one that is killed elsewhere.
    pub fn none() -> Self {
        Self::start(&mut Command::new("true"))
    }

    /// SIGKILL, and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn ffmpeg(input: &[&str], output: &[&str]) -> Process {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin"]).args(input).args(output);
    Process::start(&mut command)
}

/// A moving picture of 320x180 at 30 fps and a tone, in real time.
pub const LIVE: [&str; 9] = [
    "-re",
    "-f",
    "lavfi",
    "-i",
    "testsrc2=size=320x180:rate=30",
    "-f",
    "lavfi",
    "-i",
    "sine=frequency=440:sample_rate=48000",
];

/// H.264 with a key frame every 2 s, and AAC.
pub const CODECS: [&str; 12] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-g",
    "60",
    "-keyint_min",
    "60",
    "-sc_threshold",
    "0",
    "-c:a",
    "aac",
];

/// The metrics page.
pub fn metrics(server: &Server) -> String {
    metrics_at(&server.data.join("metrics.sock"))
}

pub fn metrics_at(socket: &Path) -> String {
    let mut stream = std::os::unix::net::UnixStream::connect(socket).expect("connects");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").expect("sends");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("reads");
    text
}
