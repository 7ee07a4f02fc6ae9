//! Files that are not as they should be, made by the `ffmpeg` command, played one after the other.

use std::process::Command;

use tempfile::NamedTempFile;

use super::*;
use crate::source::{CODED_EVENTS, queue};

/// 2026-11-21T00:00:00Z.
const BEGINS: Utc = Utc(1_795_219_200_000_000);
const FRAME_US: i64 = 40_000;

/// Pictures, and sound of its own length, with time stamps that begin at `from`; lengths in seconds.
fn made(pictures: &str, sound: &str, from: &str, suffix: &str) -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(suffix).tempfile().expect("a file");
    let picture = format!("testsrc2=size=160x90:rate=25:duration={pictures}");
    let tone = format!("sine=frequency=440:sample_rate=48000:duration={sound}");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-bf", "2"]);
    ffmpeg.args(["-c:a", "aac", "-output_ts_offset", from]).arg(file.path());
    let output = ffmpeg.output().expect("it is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

/// What is sent when these files are played, in its order.
fn sent(files: &[&Path]) -> Vec<Sample> {
    // Joined files have packets that FFmpeg counts as damaged.
    ffmpeg::log_to(|_, _| {});
    let paths = files.iter().map(|file| (*file).to_owned()).collect();
    let source = FileSource { paths, play: Play::Once, door: Door::Itself };
    let (sender, mut receiver) = queue(CODED_EVENTS);
    let player = std::thread::spawn(move || {
        source.run(&EpochClock::start(), Some(BEGINS), &sender, &Drain::manual().0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut samples = Vec::new();
    while let Some(envelope) = runtime.block_on(receiver.receive()) {
        match envelope.event {
            Event::Sample(sample) => samples.push(sample),
            Event::Fault(fault) => panic!("{fault}"),
            _ => {}
        }
    }
    player.join().expect("does not panic");
    samples
}

/// A track's presentation times in µs from the beginning, in their order.
fn times(samples: &[Sample], track: u8) -> Vec<i64> {
    let of_track = samples.iter().filter(|sample| sample.track == TrackId(track));
    let mut times: Vec<_> = of_track.map(|sample| sample.pts() - BEGINS.0).collect();
    times.sort_unstable();
    times
}

/// Pictures come one a frame for so many seconds, sound all the time, and everything is sent when it is due.
fn assert_even(samples: &[Sample], seconds: i64, longest_gap_us: i64) {
    let pictures = times(samples, 0);
    assert_eq!(pictures.len() as i64, seconds * 25);
    for (n, at_us) in pictures.iter().enumerate() {
        assert!((at_us - n as i64 * FRAME_US).abs() < 2_000, "picture {n} at {at_us} us");
    }
    let sounds = times(samples, 1);
    assert!(sounds[0] < longest_gap_us && seconds * 1_000_000 - sounds[sounds.len() - 1] < longest_gap_us);
    for pair in sounds.windows(2) {
        assert!(pair[1] - pair[0] < longest_gap_us, "silence from {} to {} us", pair[0], pair[1]);
        assert!(pair[1] - pair[0] > 5_000, "sound is there twice at {} us", pair[0]);
    }
    let mut latest = BEGINS.0;
    for sample in samples {
        assert!(sample.dts > latest - 1_000_000, "{} us late", latest - sample.dts);
        latest = latest.max(sample.dts);
    }
}

#[test]
fn sound_that_outlasts_the_pictures_is_left_out_and_the_next_file_follows_at_once() {
    for suffix in [".mp4", ".ts"] {
        let file = made("2", "6", "0", suffix);
        assert_even(&sent(&[file.path(), file.path(), file.path()]), 6, 60_000);
    }
}

#[test]
fn where_times_jump_within_a_file_it_goes_on_where_its_pictures_ended() {
    let parts = ["50", "1000", "20", "7000"].map(|from| made("2", "2", from, ".ts"));
    let mut joined = tempfile::Builder::new().suffix(".ts").tempfile().expect("a file");
    for part in &parts {
        std::io::copy(&mut part.reopen().expect("is there"), &mut joined).expect("room");
    }
    assert_even(&sent(&[joined.path(), joined.path()]), 16, 100_000);
}
