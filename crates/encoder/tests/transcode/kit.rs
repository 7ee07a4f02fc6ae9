//! Runs the transcoder into memory and takes apart what it made.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cmaf::{Chunk, Header};
use daemon::{Drain, EpochClock};
use encoder::door::Door;
use encoder::metrics::{ChannelFigures, TranscodeMetrics};
use encoder::source::file::{FileSource, Play};
use encoder::source::pattern::{Pattern, next_frame};
use encoder::source::{self, Sender};
use encoder::transcode::{self, Pace, Settings, Sink, Start};
use ffmpeg::{Decoder, Frame, Parameters, Resampler};
use media::{Format, Grid, Rational, Sample, Utc, VideoCodec};
use spec::{Preset, Profile, Rung};
use tempfile::NamedTempFile;
use wire::Measured;

/// 2026-11-21T00:00:00.5Z: half a second before a slot's start.
pub(crate) const BEGINS: Utc = Utc(1_795_219_200_500_000);
const SOUND_RATE: i64 = 48_000;

pub(crate) fn ladder(sizes: &[(u32, u32, u32)]) -> Vec<Rung> {
    let rung = |(width, height, fps): &(u32, u32, u32)| Rung {
        name: format!("{height}p{fps}"),
        codec: VideoCodec::H264,
        width: *width,
        height: *height,
        frame_rate: Rational::whole(*fps),
        bitrate_bps: width * height * 4,
        preset: Preset::Veryfast,
        profile: Profile::High,
    };
    sizes.iter().map(rung).collect()
}

pub(crate) fn settings(rungs: Vec<Rung>) -> Settings {
    Settings {
        channel: "test".into(),
        rungs,
        audio_bps: 128_000,
        audio: vec![spec::AudioRendition::first()],
        grid: Grid::new(1_000),
        latency: spec::Latency::Standard,
        pace: Pace::Offline,
        start: Start::Now,
        fill: spec::Fill::default(),
        door: Door::Itself,
        backup: None,
        prefers: transcode::Side::Primary,
        selector: transcode::Selector::default(),
        preview: transcode::Preview::default(),
        cores: 2,
        pulse: encoder::pulse::Pulse::default(),
        clock: EpochClock::start(),
        drain: Drain::manual().0,
    }
}

#[derive(Default)]
struct Memory {
    header: Option<Bytes>,
    chunks: Vec<Chunk>,
    measured: Vec<Measured>,
}

impl Sink for Memory {
    fn header(&mut self, init: Bytes) {
        self.header = Some(init);
    }

    fn chunk(&mut self, chunk: Chunk) {
        self.chunks.push(chunk);
    }

    fn end_segment(&mut self, measured: Measured) {
        self.measured.push(measured);
    }

    fn break_off(&mut self) {}
}

/// One track of what was made.
pub(crate) struct Take {
    pub(crate) name: String,
    pub(crate) samples: Vec<Sample>,
    /// What was said of each segment.
    pub(crate) measured: Vec<Measured>,
    pub(crate) header: Header,
    chunks: Vec<Chunk>,
}

pub(crate) struct Made {
    pub(crate) tracks: Vec<Take>,
    pub(crate) figures: ChannelFigures,
}

/// Runs the transcoder over what `feed` sends; it gets a small pattern and the number of its first frame.
pub(crate) fn run(settings: &Settings, feed: impl FnOnce(&Pattern, i64, &Sender) + Send) -> Made {
    let pattern = Pattern { width: 320, height: 180, frame_rate: Rational::whole(30), name: "test".into() };
    run_with(settings, &pattern, feed)
}

fn run_with(
    settings: &Settings,
    pattern: &Pattern,
    feed: impl FnOnce(&Pattern, i64, &Sender) + Send,
) -> Made {
    ffmpeg::log_to(|_, _| {});
    let heads = settings.heads().expect("encoders open");
    let sinks = heads.iter().map(|_| Memory::default()).collect();
    let (sender, receiver) = source::queue(source::RAW_EVENTS);
    let first = next_frame(BEGINS, pattern.frame_rate);
    let metrics = TranscodeMetrics::default();
    let sinks = std::thread::scope(|scope| {
        scope.spawn(move || {
            feed(pattern, first, &sender);
        });
        transcode::run(settings.clone(), receiver, sinks, &metrics).expect("transcodes")
    });
    let tracks = heads.into_iter().zip(sinks).map(|(head, sink)| {
        let header = Header::read(sink.header.unwrap_or(head.init)).expect("our own header reads");
        let mut samples = Vec::new();
        for chunk in &sink.chunks {
            samples.extend(take_apart(&header, &chunk.to_bytes()));
        }
        Take { name: head.name, samples, measured: sink.measured, header, chunks: sink.chunks }
    });
    Made { tracks: tracks.collect(), figures: metrics.channel(&settings.channel) }
}

pub(crate) fn of_pattern(
    settings: &Settings,
    size: (u32, u32),
    frame_rate: Rational,
    frames: std::ops::Range<i64>,
) -> Made {
    let pattern = Pattern { width: size.0, height: size.1, frame_rate, name: "test".into() };
    run_with(settings, &pattern, |pattern, first, sender| {
        let frames = first + frames.start..first + frames.end;
        pattern.send_frames(frames, sender).expect("memory").expect("received");
    })
}

pub(crate) fn of_file(settings: &Settings, path: &Path) -> Made {
    run(settings, |_, _, sender| play(path, sender))
}

/// Plays a file once.
pub(crate) fn play(path: &Path, sender: &Sender) {
    let (drain, _trigger) = Drain::manual();
    let file = FileSource { paths: vec![path.to_owned()], play: Play::Once, door: Door::Itself };
    file.run(&EpochClock::start(), Some(BEGINS), sender, &drain);
}

/// What the log says when `path` is played.
pub(crate) fn faults_of(path: &Path) -> String {
    let path = path.to_owned();
    let settings = settings(ladder(&[(320, 180, 30)]));
    let (made, log) = logged(|| run(&settings, |_, _, sender| play(&path, sender)));
    assert!(made.figures.source_faults.get() >= 1);
    log
}

/// What `body` gives, and what it logs on this thread.
pub(crate) fn logged<T>(body: impl FnOnce() -> T) -> (T, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let given = tracing::subscriber::with_default(subscriber, body);
    let text = log.0.lock().expect("not poisoned");
    (given, String::from_utf8_lossy(&text).into_owned())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A file that the `ffmpeg` command makes.
pub(crate) fn made_by_ffmpeg(arguments: &[&str], suffix: &str) -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(&format!(".{suffix}")).tempfile().expect("a file");
    command("ffmpeg", |ffmpeg| {
        ffmpeg.args(["-v", "error", "-nostdin", "-y"]).args(arguments).arg(file.path())
    });
    file
}

pub(crate) fn command(name: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) -> String {
    let mut command = Command::new(name);
    // libsvtav1 tells its settings on standard error otherwise.
    command.env("SVT_LOG", "1");
    let output = arguments(&mut command).output().expect("it is installed");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

impl Made {
    /// All tracks in one file, as the `ffmpeg` command copies them.
    pub(crate) fn muxed(&self, suffix: &str) -> NamedTempFile {
        let parts: Vec<NamedTempFile> = self.tracks.iter().map(Take::file).collect();
        let file = tempfile::Builder::new().suffix(&format!(".{suffix}")).tempfile().expect("a file");
        command("ffmpeg", |ffmpeg| {
            ffmpeg.args(["-v", "error", "-nostdin", "-y", "-copyts"]);
            for part in &parts {
                ffmpeg.arg("-i").arg(part.path());
            }
            for index in 0..parts.len() {
                ffmpeg.args(["-map", &index.to_string()]);
            }
            // Files begin near zero.
            let begins = format!("-{}", BEGINS.0 / 1_000_000);
            ffmpeg.args(["-c", "copy", "-output_ts_offset", &begins]).arg(file.path())
        });
        file
    }
}

impl Take {
    /// Header and chunks in one file.
    pub(crate) fn file(&self) -> NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().expect("a file");
        file.write_all(&self.header.raw).expect("room");
        for chunk in &self.chunks {
            file.write_all(&chunk.to_bytes()).expect("room");
        }
        file
    }

    /// What ffprobe says, one line, in the order of its own fields.
    pub(crate) fn ffprobe(&self, arguments: &[&str]) -> String {
        let file = self.file();
        let probed = command("ffprobe", |ffprobe| {
            ffprobe.args(["-v", "error", "-of", "csv=p=0"]).args(arguments).arg(file.path())
        });
        probed.trim().to_owned()
    }

    /// Decode times rise by exactly each sample's duration.
    pub(crate) fn assert_contiguous(&self) {
        for pair in self.samples.windows(2) {
            let duration = i64::from(pair[0].duration.expect("chunks tell durations"));
            assert_eq!(pair[0].dts + duration, pair[1].dts, "{}", self.name);
        }
        for sample in &self.samples {
            assert!(sample.composition_offset >= 0, "{}", self.name);
        }
    }

    /// Decode times at which segments start.
    pub(crate) fn segment_starts(&self) -> Vec<i64> {
        self.chunks.iter().filter(|chunk| chunk.segment_start).map(|chunk| chunk.first_dts).collect()
    }

    fn time_ns(&self, ticks: i64) -> i64 {
        let scale = i128::from(self.header.track.timescale.ticks_per_second());
        i64::try_from(i128::from(ticks) * 1_000_000_000 / scale).expect("in our time")
    }

    /// Pictures or blocks of sound with their times in nanoseconds.
    pub(crate) fn decoded(&self) -> Vec<(i64, Frame)> {
        let parameters = Parameters::of(&self.header.track.format).expect("memory");
        let mut decoder = Decoder::open(&parameters, 1).expect("opens");
        let mut frames = Vec::new();
        let mut take = |decoder: &mut Decoder| {
            while let Some(frame) = decoder.receive().expect("decodes") {
                frames.push((self.time_ns(frame.pts().expect("known")), frame));
            }
        };
        for sample in &self.samples {
            decoder.send(&sample.data, sample.pts(), sample.dts).expect("decodes");
            take(&mut decoder);
        }
        decoder.finish();
        take(&mut decoder);
        frames
    }

    /// When flashes begin, in nanoseconds.
    pub(crate) fn flashes(&self) -> Vec<i64> {
        let Format::Video(format) = &self.header.track.format else { panic!("pictures flash") };
        let (x, y) = (format.width as usize * 14 / 16, format.height as usize / 4);
        let bright = |frame: &Frame| {
            let (luma, stride) = frame.plane(0);
            luma[y * stride + x] > 126
        };
        let frames = self.decoded();
        onsets(frames.iter().map(|(time, frame)| (*time, bright(frame))))
    }

    /// When beeps begin, in nanoseconds.
    pub(crate) fn beeps(&self) -> Vec<i64> {
        let mut loud = Vec::new();
        for (time, left) in self.heard() {
            for (n, window) in left.chunks(48).enumerate() {
                let at = time + n as i64 * 48 * 1_000_000_000 / SOUND_RATE;
                loud.push((at, window.iter().any(|sample| sample.abs() > 0.15)));
            }
        }
        onsets(loud.into_iter())
    }

    /// Blocks of the left channel, with their times in nanoseconds.
    pub(crate) fn heard(&self) -> Vec<(i64, Vec<f32>)> {
        let mut resampler = Resampler::new(SOUND_RATE as u32);
        let block = |(time, frame): (i64, Frame)| {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            resampler.convert(&frame, &mut left, &mut right).expect("converts");
            (time, left)
        };
        self.decoded().into_iter().map(block).collect()
    }
}

/// Where `true` begins.
fn onsets(marks: impl Iterator<Item = (i64, bool)>) -> Vec<i64> {
    let (mut onsets, mut before) = (Vec::new(), false);
    for (time, on) in marks {
        if on && !before {
            onsets.push(time);
        }
        before = on;
    }
    onsets
}

fn take_apart(header: &Header, chunk: &Bytes) -> Vec<Sample> {
    cmaf::read_samples(chunk, header).expect("our own chunks read")
}

/// The track and samples of a fragmented file with one track that the `ffmpeg` command makes, moved to the beginning of
/// these tests' time.
pub(crate) fn coded_by_ffmpeg(arguments: &[&str], id: u8) -> (media::Track, Vec<Sample>) {
    let fragmented = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"];
    let file = made_by_ffmpeg(&[arguments, &fragmented].concat(), "mp4");
    let mut reader = cmaf::ChunkReader::new();
    reader.feed(std::fs::read(file.path()).expect("is there").into());
    let mut samples = Vec::new();
    while let Some(event) = reader.next().expect("reads") {
        if let cmaf::Event::Chunk(chunk) = event {
            let header = reader.header().expect("came first");
            samples.extend(cmaf::read_samples(&chunk.raw, header).expect("reads"));
        }
    }
    let mut track = reader.header().expect("came first").track.clone();
    track.id = media::TrackId(id);
    let begins = BEGINS.ticks(track.timescale);
    for sample in &mut samples {
        sample.track = track.id;
        sample.dts += begins;
    }
    (track, samples)
}
