//! The role running in a thread of its own, and what a test sees of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use media::{Sample, Track, TrackId, Utc};
use wire::sample_stream::{self, Message, Request, Tracks};

/// Nothing here takes this long; a test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const VIDEO: TrackId = TrackId(0);
pub(crate) const AUDIO: TrackId = TrackId(1);

/// What SRT publishers of channel `secret` have to know.
pub(crate) const PASSPHRASE: &str = "correct-horse-battery";

/// A running role. Channel `main` takes `live/sesame`, channel `other` takes `live/other-key`; by SRT, channel `secret`
/// takes stream `secret` with a passphrase, and channel `open` takes stream `open` in the clear.
pub(crate) struct Role {
    pub(crate) rtmp: SocketAddr,
    pub(crate) srt: SocketAddr,
    pub(crate) hls_push: SocketAddr,
    folder: tempfile::TempDir,
    sources: ingest::Sources,
    orderer: daemon::Orderer<ingest::Sources>,
    trigger: daemon::Trigger,
    thread: Option<JoinHandle<Result<(), ingest::Error>>>,
    log: Log,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while logging").extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn publisher(channel: &str, door: ingest::Door, batch_ms: u64) -> ingest::Publisher {
    let second = if channel == "yielding" { ingest::Second::Replaces } else { ingest::Second::IsRefused };
    ingest::Publisher {
        feed: channel.parse::<media::ChannelName>().expect("a channel name").into(),
        door,
        batch: Duration::from_millis(batch_ms),
        admission: ingest::Admission { second, from: Vec::new() },
        keep: Duration::from_secs(6),
    }
}

impl Role {
    pub(crate) fn start(batch_ms: u64) -> Self {
        Self::start_with(batch_ms, &[])
    }

    /// As [`Self::start`], with more channels.
    pub(crate) fn start_with(batch_ms: u64, more: &[(&str, ingest::Door)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let rtmp = listener.local_addr().expect("bound");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let srt = udp.local_addr().expect("bound");
        let http = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let hls_push = http.local_addr().expect("bound");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let publisher = |channel: &str, door: ingest::Door| publisher(channel, door, batch_ms);
        let key = |key: &str| ingest::Door::Rtmp { app: "live".to_owned(), key: key.to_owned() };
        let stream = |stream_id: &str, passphrase: Option<&str>| ingest::Door::Srt {
            stream_id: stream_id.to_owned(),
            terms: terms(passphrase),
            select: ingest::Select::default(),
        };
        let mut publishers = vec![
            publisher("main", key("sesame")),
            publisher("other", key("other-key")),
            publisher("secret", stream("secret", Some(PASSPHRASE))),
            publisher("open", stream("open", None)),
        ];
        let sources = ingest::Sources { publishers: publishers.clone(), downloads: Vec::new() };
        publishers.extend(more.iter().map(|(channel, door)| publisher(channel, door.clone())));
        let (orderer, orders) = daemon::orders();
        let config = ingest::Config {
            rtmp: listener,
            rtmps: None,
            srt: Some(udp),
            hls_push: Some(http),
            socket: folder.path().join("samples.sock"),
            metrics_socket: folder.path().join("metrics.sock"),
            sources: ingest::Sources { publishers, downloads: Vec::new() },
            orders,
        };
        let (drain, trigger) = daemon::Drain::manual();
        let log = Log::default();
        let lines = log.clone();
        let thread = std::thread::spawn(move || {
            let logger =
                tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone()).finish();
            let _guard = tracing::subscriber::set_default(logger);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(ingest::run(config, drain))
        });
        let role = Self { rtmp, srt, hls_push, folder, sources, orderer, trigger, thread: Some(thread), log };
        wait_for("the sockets", || role.folder.path().join("metrics.sock").exists());
        role
    }

    /// Tells the running role which channels there are beside those of [`Self::start`].
    pub(crate) fn set(&self, more: &[(&str, ingest::Door)]) -> Result<(), String> {
        self.order(more.iter().map(|(channel, door)| publisher(channel, door.clone(), 0)))
    }

    /// Tells it that publishers of those of [`Self::start`] come from these networks alone.
    pub(crate) fn admit_from(&mut self, networks: &[&str]) {
        for publisher in &mut self.sources.publishers {
            publisher.admission.from =
                networks.iter().map(|network| network.parse().expect("a network")).collect();
        }
        self.order([]).expect("it can be told");
    }

    fn order(&self, more: impl IntoIterator<Item = ingest::Publisher>) -> Result<(), String> {
        let mut sources = self.sources.clone();
        sources.publishers.extend(more);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts");
        runtime.block_on(self.orderer.give(sources))
    }

    /// `rtmp://…/live/KEY`.
    pub(crate) fn url(&self, key: &str) -> String {
        format!("rtmp://{}/live/{key}", self.rtmp)
    }

    /// `srt://…?streamid=STREAM`, and `&passphrase=` where there is one.
    pub(crate) fn srt_url(&self, stream_id: &str, passphrase: Option<&str>) -> String {
        srt_url(self.srt, stream_id, passphrase)
    }

    pub(crate) fn subscribe(&self, channel: &str, from: Option<Utc>) -> Subscriber {
        let before = self.log().matches("subscribed").count();
        let subscriber = self.ask(channel, from);
        // Asked for before anything is published, the samples of a test begin at its first.
        wait_for("the subscription", || self.log().matches("subscribed").count() > before);
        subscriber
    }

    /// As [`Self::subscribe`], for a channel that need not exist.
    pub(crate) fn subscribe_unchecked(&self, channel: &str) -> Subscriber {
        self.ask(channel, None)
    }

    fn ask(&self, channel: &str, from: Option<Utc>) -> Subscriber {
        let mut stream = UnixStream::connect(self.folder.path().join("samples.sock")).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let request =
            Request { feed: channel.parse::<media::ChannelName>().expect("a channel name").into(), from };
        let mut bytes = BytesMut::new();
        sample_stream::encode_request(&request, &mut bytes);
        stream.write_all(&bytes).expect("writes");
        Subscriber { stream, buffer: BytesMut::new() }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.0.lock().expect("no panic while logging")).into_owned()
    }

    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_for(&format!("`{text}` in the log"), || self.log().contains(text));
    }

    /// The value of a metric, written as Prometheus does: `headwater_ingest_refused_total{reason="busy"}`.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let socket = self.folder.path().join("metrics.sock");
        // It is there a moment before anybody listens.
        let mut connected = None;
        wait_for("the role to tell its metrics", || {
            connected = UnixStream::connect(&socket).ok();
            connected.is_some()
        });
        let mut stream = connected.expect("waited for");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("reads");
        let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.trim().parse().expect("a number"))
    }

    pub(crate) fn wait_for_metric(&self, name: &str, value: f64) {
        wait_for(&format!("{name} to be {value}"), || self.metric(name) == value);
    }

    /// Asks the role to drain.
    pub(crate) fn drain(&self) {
        self.trigger.start();
    }

    /// Waits for the role's end after a drain.
    pub(crate) fn join(mut self) -> Result<(), ingest::Error> {
        self.thread.take().expect("joined once").join().expect("the role does not panic")
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.trigger.start();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the role does not panic").expect("the role ends well");
            }
        }
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("{log}");
        } else {
            for secret in ["sesame", "other-key", PASSPHRASE] {
                assert!(!log.contains(secret), "a secret in the log:\n{log}");
            }
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

/// libsrt's own latency, with this passphrase.
pub(crate) fn terms(passphrase: Option<&str>) -> ingest::Terms {
    ingest::Terms {
        passphrase: passphrase.map(|text| ingest::Passphrase::new(text).expect("within bounds")),
        latency: Duration::from_millis(120),
    }
}

pub(crate) fn srt_url(address: SocketAddr, stream_id: &str, passphrase: Option<&str>) -> String {
    let passphrase = passphrase.map_or(String::new(), |text| format!("&passphrase={text}"));
    format!("srt://{address}?streamid={stream_id}{passphrase}")
}

/// An encoder's end of the sample socket.
pub(crate) struct Subscriber {
    stream: UnixStream,
    buffer: BytesMut,
}

impl Subscriber {
    /// The next message; `None` when the role has closed the connection.
    pub(crate) fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = sample_stream::decode(&mut self.buffer).expect("our own frames") {
                return Some(message);
            }
            let mut bytes = [0; 16 << 10];
            match self.stream.read(&mut bytes).expect("a message before the patience ends") {
                0 => return None,
                length => self.buffer.extend_from_slice(&bytes[..length]),
            }
        }
    }

    pub(crate) fn tracks(&mut self) -> Tracks {
        match self.next() {
            Some(Message::Tracks(tracks)) => tracks,
            other => panic!("{other:?} instead of tracks"),
        }
    }

    pub(crate) fn sample(&mut self) -> Sample {
        match self.next() {
            Some(Message::Sample(sample)) => sample,
            other => panic!("{other:?} instead of a sample"),
        }
    }

    /// A whole publishing session: its tracks as last announced, its samples, the reason of its end.
    pub(crate) fn session(&mut self) -> Heard {
        let mut heard = Heard { tracks: self.tracks(), samples: Vec::new(), ended: String::new() };
        loop {
            match self.next() {
                Some(Message::Tracks(tracks)) => heard.tracks = tracks,
                Some(Message::Sample(sample)) => heard.samples.push(sample),
                Some(Message::Ended(ended)) => {
                    heard.ended = ended.reason;
                    return heard;
                }
                None => panic!("the role closed the connection within a session"),
            }
        }
    }
}

/// A publishing session as a subscriber heard it.
pub(crate) struct Heard {
    pub(crate) tracks: Tracks,
    pub(crate) samples: Vec<Sample>,
    pub(crate) ended: String,
}

impl Heard {
    pub(crate) fn of(&self, track: TrackId) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.track == track).collect()
    }

    pub(crate) fn track(&self, id: TrackId) -> &Track {
        self.tracks.tracks.iter().find(|track| track.id == id).expect("the track was announced")
    }
}

/// A child process, killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(program: impl AsRef<Path>, arguments: &[&str]) -> Self {
        let program = program.as_ref();
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|fault| panic!("start {}: {fault}", program.display()));
        Self(child)
    }

    /// Waits for its end; true when it succeeded.
    pub(crate) fn succeeded(&mut self) -> bool {
        let mut status = None;
        wait_for("a child process", || {
            status = self.0.try_wait().expect("a child can be asked");
            status.is_some()
        });
        status.is_some_and(|status| status.success())
    }
}

impl Process {
    /// Waits for its end; what it wrote to standard error.
    pub(crate) fn complaint(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|fault| panic!("start {program}: {fault}"));
        assert!(!output.status.success(), "{program} {arguments:?} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Four seconds of 320x180, 30 frames a second with B-frames, a key frame a second, and AAC at 48 kHz; made once.
pub(crate) fn clip() -> &'static Path {
    static CLIP: OnceLock<PathBuf> = OnceLock::new();
    CLIP.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ingest-{}.flv", std::process::id()));
        let name = path.to_str().expect("the target folder's name is UTF-8");
        let arguments = "-v error -y -f lavfi -i testsrc2=s=320x180:r=30:d=4 -f lavfi -i sine=r=48000:d=4 \
                         -c:v libx264 -preset veryfast -bf 2 -g 30 -keyint_min 30 -sc_threshold 0 -pix_fmt yuv420p \
                         -c:a aac -b:a 96k -f flv";
        let arguments: Vec<_> = arguments.split_whitespace().chain([name]).collect();
        assert!(Process::start("ffmpeg", &arguments).succeeded(), "ffmpeg makes a clip");
        path
    })
}

/// Packets in the clip's stream, by ffprobe: `v:0`, `a:0`.
pub(crate) fn packets_in_clip(stream: &str) -> usize {
    let name = clip().to_str().expect("a UTF-8 name");
    let arguments = ["-v", "error", "-count_packets", "-select_streams", stream];
    let output = Command::new("ffprobe")
        .args(arguments)
        .args(["-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", name])
        .output()
        .expect("ffprobe runs");
    String::from_utf8_lossy(&output.stdout).trim().trim_end_matches(',').parse().expect("a number")
}
