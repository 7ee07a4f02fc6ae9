//! The program itself, with an origin in this process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cmaf::Header;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use media::{Grid, Rational, VideoCodec};
use spec::{Preset, Profile, Rung};
use tokio::net::TcpListener;
use wire::report::{REPORT_BYTES, Report};
use wire::sample_stream::FeedInput;
use wire::{ChannelJob, Confinement, Job, Ladder, Source};

/// Longest wait for anything here; far above what it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the origin holds of a track: header, and whole segments by first decode time.
#[derive(Clone, Default)]
struct Held {
    header: Bytes,
    segments: BTreeMap<i64, Bytes>,
}

type Origin = Arc<Mutex<BTreeMap<String, Held>>>;

/// Starts an origin that takes whole bodies and tells `Headwater-Next`.
async fn origin() -> (String, Origin) {
    let held = Origin::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let shared = held.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("accepts");
            let held = shared.clone();
            let answer = service_fn(move |request| take(held.clone(), request));
            let serving =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            tokio::spawn(serving);
        }
    });
    (format!("http://{address}/ingest/test"), held)
}

async fn take(held: Origin, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let mut parts = path.rsplit('/');
    let (file, track) = (parts.next().expect("a file"), parts.next().expect("a track").to_owned());
    let first_dts = file.strip_suffix(".m4s").and_then(|dts| dts.parse::<i64>().ok());
    // A torn body publishes nothing.
    let Ok(body) = request.into_body().collect().await else { return Ok(Response::new(Full::default())) };
    if file == "slate.m4s" {
        return Ok(Response::new(Full::default()));
    }
    let body = body.to_bytes();
    let mut held = held.lock().expect("not poisoned");
    let of_track = held.entry(track).or_default();
    match first_dts {
        None => of_track.header = body,
        Some(dts) => {
            of_track.segments.entry(dts).or_insert(body);
        }
    }
    let mut answer = Response::builder();
    if let Some(next) = of_track.next() {
        answer = answer.header("Headwater-Next", next);
    }
    Ok(answer.body(Full::default()).expect("a valid answer"))
}

impl Held {
    fn samples(&self) -> Vec<media::Sample> {
        let header = Header::read(self.header.clone()).expect("the header reads");
        let read = |segment| cmaf::read_samples(segment, &header).expect("segments read");
        self.segments.values().flat_map(read).collect()
    }

    fn next(&self) -> Option<i64> {
        let last = self.samples().pop()?;
        Some(last.dts + i64::from(last.duration?))
    }

    /// Decode times that do not follow the sample before them.
    fn holes(&self) -> Vec<i64> {
        let samples = self.samples();
        let follows =
            |pair: &&[media::Sample]| pair[0].dts + i64::from(pair[0].duration.unwrap_or(0)) == pair[1].dts;
        samples.windows(2).filter(|pair| !follows(pair)).map(|pair| pair[1].dts).collect()
    }
}

struct Encoder {
    process: Child,
    input: Option<ChildStdin>,
}

impl Encoder {
    /// Starts the program as the supervisor does. Call inside a tokio runtime.
    fn start(job: &Job) -> Self {
        let (ours, theirs) = broker::pair().expect("a line");
        tokio::spawn(broker::serve(ours, Arc::new(job.clone())));
        let mut process = Command::new(env!("CARGO_BIN_EXE_headwater-encoder"))
            .stdin(Stdio::piped())
            .stdout(theirs)
            .env("HEADWATER_LOG", "warn")
            .spawn()
            .expect("starts");
        let mut input = process.stdin.take().expect("piped");
        writeln!(input, "{}", serde_json::to_string(job).expect("a job is JSON")).expect("is read");
        Self { process, input: Some(input) }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn job(folder: &Path, push_url: String, source: Source) -> Job {
    let rung = Rung {
        name: "180p30".into(),
        codec: VideoCodec::H264,
        width: 320,
        height: 180,
        frame_rate: Rational::whole(30),
        bitrate_bps: 200_000,
        preset: Preset::Ultrafast,
        profile: Profile::High,
    };
    let small = Rung { name: "90p30".into(), width: 160, height: 90, ..rung.clone() };
    let channel = ChannelJob {
        name: "test".parse().expect("a name"),
        source,
        backup: None,
        ladder: Ladder::Transcode {
            rungs: vec![rung, small],
            audio_bps: 64_000,
            audio: vec![spec::AudioRendition::first()],
            fill: spec::Fill::default(),
        },
        grid: Grid::new(1_000),
        latency: spec::Latency::Standard,
        push_url,
        quarantine: Vec::new(),
        chosen: None,
        pipeline: None,
    };
    Job {
        channels: vec![channel],
        metrics_socket: folder.join("metrics.sock"),
        control_socket: folder.join("control.sock"),
        confinement: Confinement { sandbox: spec::Sandbox::Best, memory_bytes: 2 << 30, nice: 1 },
    }
}

async fn wait_for(held: &Origin, what: &str, done: impl Fn(&BTreeMap<String, Held>) -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !done(&held.lock().expect("not poisoned")) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what} did not come"));
}

fn segments(held: &BTreeMap<String, Held>, track: &str) -> usize {
    held.get(track).map_or(0, |held| held.segments.len())
}

const TRACKS: [&str; 3] = ["180p30", "90p30", "audio"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_and_after_a_drain_the_next_encoder_goes_on_without_a_hole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (push_url, held) = origin().await;
    let job = job(folder.path(), push_url, Source::Pattern);
    let mut encoder = Encoder::start(&job);
    wait_for(&held, "the first segments", |held| TRACKS.iter().all(|track| segments(held, track) >= 2)).await;
    encoder.process.kill().expect("is there");
    encoder.process.wait().expect("ends");

    let before = segments(&held.lock().expect("not poisoned"), "180p30");
    let mut encoder = Encoder::start(&job);
    wait_for(&held, "segments after the kill", |held| {
        TRACKS.iter().all(|track| segments(held, track) >= before + 3)
    })
    .await;

    let mut metrics = String::new();
    let mut scrape = UnixStream::connect(&job.metrics_socket).expect("metrics are served");
    scrape.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("is read");
    scrape.read_to_string(&mut metrics).expect("is answered");
    assert!(metrics.contains("headwater_encoder_frames_in_total{channel=\"test\"}"), "{metrics}");
    assert!(
        metrics.contains("headwater_encoder_frames_out_total{channel=\"test\",track=\"90p30\"}"),
        "{metrics}"
    );

    for layer in ["limits", "privileges", "seccomp"] {
        let holds = format!("headwater_encoder_sandbox{{layer=\"{layer}\"}} 1");
        assert!(metrics.contains(&holds), "{holds}: {metrics}");
    }
    assert!(metrics.contains("headwater_process_resident_bytes "), "{metrics}");

    // The supervisor's end of the pipe closes.
    encoder.input.take();
    let status =
        tokio::task::spawn_blocking(move || encoder.process.wait()).await.expect("waits").expect("ends");
    assert!(status.success(), "{status}");

    // It left the segment that it was in to the next one, as one that is killed does.
    let before = segments(&held.lock().expect("not poisoned"), "180p30");
    let encoder = Encoder::start(&job);
    wait_for(&held, "segments after the drain", |held| {
        TRACKS.iter().all(|track| segments(held, track) >= before + 2)
    })
    .await;
    drop(encoder);

    let held = held.lock().expect("not poisoned").clone();
    for track in TRACKS {
        assert_eq!(held[track].holes(), [0_i64; 0], "{track}");
    }
    let keys = |track: &str| -> Vec<i64> {
        held[track].samples().iter().filter(|sample| sample.sync).map(media::Sample::pts).collect()
    };
    assert_eq!(keys("180p30"), keys("90p30"));
    assert!(keys("180p30")[1..].iter().all(|pts| pts % 90_000 == 0), "{:?}", keys("180p30"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_file_is_waited_for_and_a_looped_one_has_no_seam() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.mp4");
    let (push_url, held) = origin().await;
    let job = job(folder.path(), push_url, Source::Files { paths: vec![path.clone()], is_looped: true });
    let mut encoder = Encoder::start(&job);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(encoder.process.try_wait().expect("is there").is_none(), "the process stays up without its file");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=1.5"])
        .args(["-f", "lavfi", "-i", "sine=duration=1.5", "-c:v", "libx264", "-c:a", "aac", "-f", "mp4"])
        .arg(folder.path().join("making.mp4"))
        .status()
        .expect("ffmpeg is installed");
    assert!(made.success());
    std::fs::rename(folder.path().join("making.mp4"), &path).expect("the same folder");
    // More than two rounds of the file.
    wait_for(&held, "segments", |held| TRACKS.iter().all(|track| segments(held, track) >= 5)).await;
    encoder.input.take();
    let status =
        tokio::task::spawn_blocking(move || encoder.process.wait()).await.expect("waits").expect("ends");
    assert!(status.success(), "{status}");
    let held = held.lock().expect("not poisoned").clone();
    for track in TRACKS {
        assert_eq!(held[track].holes(), [0_i64; 0], "{track}");
    }
}

/// The program with a supervisor's socket as its standard input, and what it reports. Call inside a tokio runtime.
fn supervised(job: &Job) -> (Child, UnixStream) {
    let (ours, theirs) = broker::pair().expect("a line");
    tokio::spawn(broker::serve(ours, Arc::new(job.clone())));
    let (supervisor, line) = UnixStream::pair().expect("a pair");
    let process = Command::new(env!("CARGO_BIN_EXE_headwater-encoder"))
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(line)))
        .stdout(theirs)
        .env("HEADWATER_LOG", "warn")
        .env("HEADWATER_TEST_FAULTS", "1")
        .spawn()
        .expect("starts");
    supervisor.set_read_timeout(Some(PATIENCE)).expect("is set");
    writeln!(&supervisor, "{}", serde_json::to_string(job).expect("a job is JSON")).expect("is read");
    (process, supervisor)
}

fn report(supervisor: &mut UnixStream) -> Option<Report> {
    let mut bytes = [0; REPORT_BYTES];
    supervisor.read_exact(&mut bytes).ok()?;
    Some(Report::decode(&bytes).expect("a report"))
}

/// A clip, two seconds into which a picture carries `text` as user data.
fn marked_clip(path: &Path, text: &str) {
    let part = |name: &str, sei: Option<&str>| {
        let path = path.with_file_name(name);
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi"]);
        command.args(["-i", "testsrc2=size=320x180:rate=30:duration=2", "-c:v", "libx264", "-bf", "0"]);
        if let Some(text) = sei {
            let user_data =
                format!("h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+{text}");
            command.args(["-bsf:v", &user_data]);
        }
        assert!(command.arg(&path).status().expect("ffmpeg is installed").success());
        path
    };
    let list = path.with_file_name("list.txt");
    let (good, bad) = (part("good.mp4", None), part("bad.mp4", Some(text)));
    std::fs::write(&list, format!("file '{}'\nfile '{}'\n", good.display(), bad.display())).expect("writes");
    let joined = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-f", "concat", "-safe", "0", "-i"])
        .args([&list])
        .args(["-c", "copy"])
        .arg(path)
        .status();
    assert!(joined.expect("ffmpeg is installed").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_tells_whose_samples_it_dies_of_and_lives_without_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.mp4");
    marked_clip(&path, "headwater-test-abort");
    let (push_url, held) = origin().await;
    let mut job = job(folder.path(), push_url, Source::Files { paths: vec![path], is_looped: true });
    let (mut process, mut supervisor) = supervised(&job);
    let reports: Vec<_> = std::iter::from_fn(|| report(&mut supervisor)).collect();
    let status = process.wait().expect("ends");
    assert_eq!(status.signal(), Some(6), "SIGABRT");
    let input = FeedInput::Primary;
    assert_eq!(reports[0], Report::Ready);
    for expected in [Report::Session { input, session: 0 }, Report::Decodes { input }] {
        assert!(reports.contains(&expected), "{expected:?} of {reports:?}");
    }
    let frames = |report: &Report| matches!(report, Report::Beat(beat) if beat.frames > 0);
    assert!(reports.iter().any(frames), "it encoded for two seconds: {reports:?}");

    job.channels[0].quarantine = vec![wire::Quarantined { input, session: 0 }];
    let (mut process, mut supervisor) = supervised(&job);
    let before = segments(&held.lock().expect("not poisoned"), "180p30");
    wait_for(&held, "slate", |held| segments(held, "180p30") >= before + 6).await;
    assert!(process.try_wait().expect("is there").is_none(), "it lives on slate");
    process.kill().expect("is there");
    process.wait().expect("ends");
    let reports: Vec<_> = std::iter::from_fn(|| report(&mut supervisor)).collect();
    assert!(!reports.contains(&Report::Decodes { input }), "{reports:?}");
    assert_eq!(held.lock().expect("not poisoned")["180p30"].holes(), [0_i64; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decoder_that_hangs_is_told_though_the_process_beats() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.mp4");
    marked_clip(&path, "headwater-test-hang");
    let (push_url, _held) = origin().await;
    let job = job(folder.path(), push_url, Source::Files { paths: vec![path], is_looped: true });
    let (mut process, mut supervisor) = supervised(&job);
    let stalled = std::iter::from_fn(|| report(&mut supervisor)).find(|report| {
        // What a supervisor kills for.
        matches!(report, Report::Beat(beat) if beat.stalled_ms >= 2_000)
    });
    assert!(stalled.is_some(), "the process ended by itself");
    process.kill().expect("is there");
    process.wait().expect("ends");
}

#[test]
fn a_sandbox_that_is_required_and_cannot_be_had_stops_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut job = job(folder.path(), "http://127.0.0.1:9/ingest/test".to_owned(), Source::Pattern);
    job.confinement.sandbox = spec::Sandbox::Required;
    // By hand: nobody is there to open sockets for it.
    let mut process = Command::new(env!("CARGO_BIN_EXE_headwater-encoder"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut input = process.stdin.take().expect("piped");
    writeln!(input, "{}", serde_json::to_string(&job).expect("a job is JSON")).expect("is read");
    let output = process.wait_with_output().expect("ends");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the job demands a sandbox"), "{said}");
}

#[test]
fn without_a_job_or_with_a_bad_one_the_program_says_what_it_wants() {
    for (input, words) in [("", "--help"), ("{}\n", "the job on standard input"), ("garbage\n", "the job")] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_headwater-encoder"))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        process.stdin.take().expect("piped").write_all(input.as_bytes()).expect("is read");
        let output = process.wait_with_output().expect("ends");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{said}");
    }
}
