//! A file through the transcoder as fast as it goes, for comparison with other encoders.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use cmaf::Chunk;
use daemon::{Drain, EpochClock};
use media::Grid;
use serde::Serialize;
use spec::{Ladder, Rung, Workflow};

use crate::door::Door;
use crate::metrics::TranscodeMetrics;
use crate::source::file::{FileSource, Play};
use crate::source::{self};
use crate::transcode::{self, Pace, Settings, Sink, Start};

/// Segment length, in milliseconds.
const SEGMENT_MS: u32 = 2_000;

/// What a run took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Source frames decoded.
    pub frames_in: u64,
    /// Frames encoded, by rung.
    pub frames_out: Vec<(String, u64)>,
    /// Bytes of CMAF, all tracks.
    pub bytes: u64,
    /// Seconds of the clock.
    pub wall_s: f64,
    /// Seconds of processor time, user and system.
    pub cpu_s: f64,
}

/// The ladder that `rungs` (`720p30,480p30`) names.
pub fn ladder(rungs: &str, preset: &str) -> Result<Vec<Rung>, spec::Fault> {
    let rungs: Vec<String> = rungs.split(',').map(|rung| format!("{:?}", rung.trim())).collect();
    let text = format!(
        "[[channel]]\nname = \"bench\"\ninput = \"test\"\npreset = {preset:?}\nladder = [{}]\n",
        rungs.join(", ")
    );
    let channel = Workflow::parse(&text)?.channels.remove(0);
    match channel.ladder {
        Ladder::Transcode(rungs) => Ok(rungs),
        Ladder::Passthrough | Ladder::Pushed => unreachable!("a list of rungs is a transcoding ladder"),
    }
}

/// Transcodes `file` once into nothing.
pub fn run(file: &Path, rungs: Vec<Rung>, cores: usize) -> anyhow::Result<Figures> {
    let metrics = TranscodeMetrics::default();
    let clock = EpochClock::start();
    let (drain, _trigger) = Drain::manual();
    let settings = Settings {
        channel: "bench".into(),
        rungs: rungs.clone(),
        audio_bps: 128_000,
        audio: vec![spec::AudioRendition::first()],
        grid: Grid::new(SEGMENT_MS),
        latency: spec::Latency::Standard,
        pace: Pace::Offline,
        start: Start::Now,
        fill: spec::Fill::default(),
        door: Door::Itself,
        backup: None,
        prefers: transcode::Side::Primary,
        selector: transcode::Selector::default(),
        preview: transcode::Preview::default(),
        cores,
        pulse: crate::pulse::Pulse::default(),
        clock,
        drain: drain.clone(),
    };
    let (sender, receiver) = source::queue(source::CODED_EVENTS);
    let sinks: Vec<Null> = (0..=rungs.len()).map(|_| Null).collect();
    let source = FileSource { paths: vec![file.to_owned()], play: Play::Once, door: Door::Itself };
    let (wall, cpu) = (Instant::now(), cpu_seconds());
    std::thread::scope(|scope| {
        scope.spawn(move || source.run(&clock, None, &sender, &drain));
        transcode::run(settings, receiver, sinks, &metrics)
    })?;
    let tracks: Vec<String> =
        rungs.iter().map(|rung| rung.name.clone()).chain(["audio".to_owned()]).collect();
    let figures = |track: &String| metrics.track("bench", track);
    Ok(Figures {
        frames_in: metrics.channel("bench").frames_in.get(),
        frames_out: rungs
            .iter()
            .map(|rung| (rung.name.clone(), figures(&rung.name).frames_out.get()))
            .collect(),
        bytes: tracks.iter().map(|track| figures(track).bytes.get()).sum(),
        wall_s: wall.elapsed().as_secs_f64(),
        cpu_s: cpu_seconds() - cpu,
    })
}

struct Null;

impl Sink for Null {
    fn header(&mut self, _init: Bytes) {}

    fn chunk(&mut self, _chunk: Chunk) {}

    fn end_segment(&mut self, _: wire::Measured) {}

    fn break_off(&mut self) {}
}

/// Processor time of this process so far; zero where the system does not tell.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    // utime and stime, counted after the name, in ticks of 10 ms (proc_pid_stat(5)).
    fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>()
        / 100.0
}
