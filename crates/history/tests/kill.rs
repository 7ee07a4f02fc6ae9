//! A process that records is killed at any moment, again and again, while it writes logs and makes blocks.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use history::{History, Limits, Resolution, Sample, Span};
use media::Utc;
use metric::{Aggregate, Metric, Unit};

/// A whole minute.
const T0: i64 = 1_795_737_600;
/// Where the killed process records.
const FOLDER: &str = "HISTORY_TEST_FOLDER";
/// Values between two that are told to be on disk.
const STEP: u64 = 20;

fn open(folder: &Path) -> History {
    // So little memory that blocks are made all the time.
    let limits = Limits { memory_bytes: 3000, ..Limits::default() };
    History::open(folder, limits, Utc(T0 * 1_000_000)).expect("it opens")
}

fn metric() -> Metric {
    Metric::new("Test", "m", Vec::new()).expect("sound names")
}

/// How many values are found.
fn found(history: &History) -> u64 {
    let span = Span { start_s: T0, end_s: T0 + 86_400, period_s: 3600 };
    let periods = history.range(&metric(), None, span).expect("files are whole");
    periods.iter().map(|(_, values)| values.sum()).sum::<f64>() as u64
}

/// Not a test: the process that is killed. It tells how many values are on disk.
#[test]
#[ignore = "it is run by the other test, and never ends"]
fn records_for_ever() {
    let folder = std::env::var(FOLDER).expect("the other test says where");
    let history = open(Path::new(&folder));
    let mut count = found(&history);
    loop {
        for _ in 0..STEP {
            let values = Aggregate::of(1.0, 1.0).expect("a sound value");
            let at_s = T0 + (count as i64 * 60) % 86_400;
            let resolution = Resolution::Minute;
            let sample = Sample { metric: metric(), unit: Unit::Count, at_s, resolution, values };
            history.record(&[sample], Utc(T0 * 1_000_000)).expect("there is room");
            count += 1;
        }
        history.flush().expect("the disk takes it");
        println!("on disk: {count}");
    }
}

#[test]
fn whatever_was_told_to_be_on_disk_is_there_once_after_any_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut told = 0;
    for round in 0..25usize {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "records_for_ever", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut read = |line: Option<std::io::Result<String>>| {
            let line = line.expect("it goes on").expect("text");
            // The harness writes the test's name into the first line.
            if let Some((_, count)) = line.split_once("on disk: ") {
                told = count.parse().expect("a number");
            }
        };
        for _ in 0..2 + (round * 7) % 11 {
            read(lines.next());
        }
        // In the middle of whatever comes next.
        child.kill().expect("it is killed");
        lines.by_ref().for_each(|line| read(Some(line)));
        child.wait().expect("it ends");
        let found = found(&open(folder.path()));
        assert!((told..told + 2 * STEP).contains(&found), "{told} were told, {found} are there");
        told = found;
    }
}
