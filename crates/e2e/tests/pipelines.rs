//! A channel with two pipelines, of which one after the other is killed and stopped, as viewers see it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use e2e::{Peer, Stack, binary, eventually, hls, tracks};

const STANDARD: &str = "[[channel]]\nname = \"cam\"\ninput = { rtmp = \"live/k3y\" }\npipelines = 2\n\
                        preset = \"ultrafast\"\nladder = [\"360p30\", \"240p30\"]\nsegment = 1\nwindow = 300\n";
const LOW_LATENCY: &str = "[[channel]]\nname = \"cam\"\ninput = { rtmp = \"live/k3y\" }\npipelines = 2\n\
                           latency = \"low\"\npreset = \"ultrafast\"\nladder = [\"240p30\"]\nwindow = 300\n";
/// The processes of the two.
const PIPELINES: [&str; 2] = ["encoder-cam", "encoder-cam.1"];
/// Pictures in a second, and ticks in a picture.
const RATE: u32 = 30;
const TICKS: u64 = 3_000;
/// How long a stopped process stands still before it is killed.
const STOPPED: Duration = Duration::from_secs(3);

/// What is done to a pipeline.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    /// Stopped, and killed a while later.
    Stop,
    /// Stopped, and let go on.
    Pause,
}

/// Waits until both pipelines bring every track.
fn both_bring(stack: &Stack) {
    for process in PIPELINES {
        let of = format!("process=\"{process}\"");
        let segments = || stack.metric(&["headwater_encoder_push_segments_total", &of]);
        let before = segments();
        eventually(&format!("{process} brings segments"), || (segments() > before + 3.0).then_some(()));
    }
}

/// A client that downloads every playlist and every segment of every track once, as soon as it is listed.
struct Client<'a> {
    stack: &'a Stack,
    /// Of each track, segments by number.
    got: BTreeMap<String, BTreeMap<u64, (String, Bytes)>>,
}

impl Client<'_> {
    fn look(&mut self) {
        let multivariant = self.stack.get("/cam/index.m3u8");
        for uri in hls::media_playlists(multivariant.text()) {
            let playlist = hls::media_playlist(self.stack.get(&format!("/cam/{uri}")).text());
            let folder = uri.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
            let got = self.got.entry(uri).or_default();
            for segment in &playlist.segments {
                assert_eq!(segment.discontinuities, 0, "a discontinuity");
                assert!(!segment.gap, "a gap");
                if let Some((name, _)) = got.get(&segment.number) {
                    assert_eq!(*name, segment.uri, "what is listed stays");
                    continue;
                }
                let answer = self.stack.get(&format!("/cam/{folder}/{}", segment.uri));
                assert_eq!(answer.status, 200, "{folder}/{} is listed", segment.uri);
                let cmsd = answer.header("cmsd-static").expect("a segment is described");
                assert!(cmsd.contains("headwater-score="), "{cmsd}");
                got.insert(segment.number, (segment.uri.clone(), answer.body));
            }
        }
    }

    /// What was downloaded is all there is, still the same, and without a frame too many or too few.
    fn check(&self) {
        for track in tracks::read_all(self.stack, "cam") {
            let got = &self.got[&track.uri];
            let numbers: Vec<u64> = got.keys().copied().collect();
            let (first, last) = (*numbers.first().expect("some"), *numbers.last().expect("some"));
            assert_eq!(numbers, (first..=last).collect::<Vec<_>>(), "{}: every segment once", track.uri);
            let listed = track.playlist.segments.iter().zip(&track.segments);
            // One more may have been listed since.
            for (segment, bytes) in listed.filter(|(segment, _)| segment.number <= last) {
                assert!(got[&segment.number].1 == *bytes, "{}: {} changed", track.uri, segment.uri);
            }
            let maps = track.playlist.segments.iter().map(|segment| &segment.map);
            let mut maps: Vec<_> = maps.collect();
            maps.dedup();
            assert_eq!(maps.len(), 1, "{}: one header serves both pipelines", track.uri);
            let chunks = tracks::chunks(&track);
            for (before, after) in chunks.iter().zip(&chunks[1..]) {
                let end = before.decode_time + before.duration;
                assert_eq!(end, after.decode_time, "{}: neither hole nor overlap", track.uri);
            }
            if !track.uri.contains("audio") {
                let frames: u64 = chunks.iter().map(|chunk| u64::from(chunk.sample_count)).sum();
                let ticks: u64 = chunks.iter().map(|chunk| chunk.duration).sum();
                assert_eq!(ticks, frames * TICKS, "{}: every frame lasts a frame", track.uri);
            }
        }
    }
}

/// Does these to one pipeline after the other, at moments that differ, under a client that misses nothing.
fn survives(channel: &str, faults: &[(usize, Fault)]) {
    let stack = Stack::start(channel);
    let _publisher = Peer::publish(&stack.rtmp_url("live/k3y"), RATE);
    stack.wait_for_segments("cam", 3);
    both_bring(&stack);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut client = Client { stack: &stack, got: BTreeMap::new() };
            while !is_over.load(Ordering::Relaxed) {
                client.look();
                thread::sleep(Duration::from_millis(150));
            }
            client.look();
            client
        });
        for (step, (pipeline, fault)) in faults.iter().enumerate() {
            // Each falls into another phase of a segment.
            thread::sleep(Duration::from_millis(370 * step as u64 % 1_000));
            let process = PIPELINES[*pipeline];
            let pid = eventually("the pipeline runs", || stack.pid_of(process));
            match fault {
                Fault::Kill => stack.kill_pid(pid),
                Fault::Stop | Fault::Pause => {
                    stack.stop_pid(pid);
                    thread::sleep(STOPPED);
                    match fault {
                        Fault::Pause => stack.continue_pid(pid),
                        Fault::Kill | Fault::Stop => stack.kill_pid(pid),
                    }
                }
            }
            both_bring(&stack);
        }
        is_over.store(true, Ordering::Relaxed);
        let client = client.join().expect("the client saw nothing wrong");
        client.check();
    });
    assert_eq!(stack.metric(&["headwater_origin_discontinuities"]), 0.0);
    let brought = |pipeline: &str| stack.metric(&["headwater_origin_pipeline_segments_total", pipeline]);
    assert!(brought("pipeline=\"0\"") > 0.0 && brought("pipeline=\"1\"") > 0.0, "either was listed");
}

#[test]
fn no_viewer_sees_either_pipeline_die() {
    use Fault::{Kill, Pause, Stop};
    survives(STANDARD, &[(0, Kill), (1, Kill), (0, Stop), (1, Stop), (0, Pause), (1, Kill), (0, Kill)]);
}

#[test]
fn no_low_latency_viewer_sees_either_pipeline_die() {
    use Fault::{Kill, Pause, Stop};
    survives(LOW_LATENCY, &[(0, Kill), (1, Kill), (0, Stop), (1, Pause), (1, Kill), (0, Kill)]);
}

#[test]
fn each_of_a_pair_has_its_own_input_and_a_switch_tells_both() {
    let stack = Stack::start(
        "[[channel]]\nname = \"cam\"\ninput = { rtmp = \"live/k3y-a\" }\nbackup = { rtmp = \"live/k3y-b\" }\n\
         pipelines = \"pair\"\npreset = \"ultrafast\"\nladder = [\"240p30\"]\nsegment = 1\nwindow = 300\n\
         [channel.failover]\nclear = 1\n",
    );
    let _primary = Peer::publish(&stack.rtmp_url("live/k3y-a"), RATE);
    let backup = Peer::publish(&stack.rtmp_url("live/k3y-b"), RATE);
    stack.wait_for_segments("cam", 3);
    let shows = |inputs: [&str; 2]| {
        let shown = |process: &str, input: &str| {
            let labels = [format!("process=\"{process}\""), format!("input=\"{input}\"")];
            stack.metric(&["headwater_encoder_input_active", &labels[0], &labels[1]]) == 1.0
        };
        eventually(&format!("the pipelines show {inputs:?}"), || {
            (shown(PIPELINES[0], inputs[0]) && shown(PIPELINES[1], inputs[1])).then_some(())
        });
    };
    let switch = |input: &str| {
        let mut order = std::process::Command::new(binary("headwater"));
        let said =
            order.args(["switch", "cam", input, "--data"]).arg(stack.data()).output().expect("it runs");
        assert!(said.status.success() && said.stderr.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    };
    shows(["primary", "backup"]);
    switch("primary");
    shows(["primary", "primary"]);
    switch("backup");
    shows(["backup", "backup"]);
    // The process that follows goes on with the operator's choice.
    let killed = stack.pid_of(PIPELINES[0]).expect("it runs");
    stack.kill_pid(killed);
    eventually("another process", || stack.pid_of(PIPELINES[0]).filter(|pid| *pid != killed));
    shows(["backup", "backup"]);
    switch("auto");
    shows(["primary", "backup"]);
    backup.kill();
    shows(["primary", "primary"]);
    both_bring(&stack);
    assert_eq!(stack.metric(&["headwater_origin_discontinuities"]), 0.0);
}
