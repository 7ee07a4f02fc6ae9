//! Disks that are full, slow, broken, or lose power. What needs root or a tool is passed over with a word where it is not there.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::{Killable, Publisher, now_ticks, wait_for};

/// A file system of its own, gone with the test.
struct Mount(PathBuf);

impl Mount {
    fn new(arguments: &[&str], at: &Path) -> Option<Self> {
        let mounted = run("mount", &[arguments, &[at.to_str().expect("UTF-8")]].concat());
        if !mounted {
            println!("passed over: this needs root and `mount {}`", arguments.join(" "));
        }
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["-l", self.0.to_str().expect("UTF-8")]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn metric(data: &Path, name: &str) -> i64 {
    let text = common::metrics_at(&data.join("metrics.sock"));
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn begin(origin: &Killable) -> Publisher {
    let mut publisher = Publisher::new(now_ticks() - 20_000 * 48_000);
    assert!(publisher.meet(origin.address).is_some());
    publisher
}

/// Publishes until the metric is `wanted`; every segment must be taken and served.
fn publish_until(publisher: &mut Publisher, origin: &Killable, data: &Path, name: &str, wanted: i64) {
    wait_for(name, || {
        assert!(publisher.publish(origin.address));
        (metric(data, name) >= wanted).then_some(())
    });
    let (listed, lost, torn) = publisher.verify(origin.address);
    assert!(listed > 0 && lost == 0 && torn == 0);
}

#[test]
fn on_a_full_disk_live_goes_on_and_the_newest_is_kept() {
    for options in ["size=1600k,nr_inodes=64", "size=4m,nr_inodes=8"] {
        let data = tempfile::tempdir().expect("a folder");
        let root = data.path().join("origin");
        fs::create_dir(&root).expect("makes");
        let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", options, "none"], &root) else { return };
        // Files of earlier runs, which make room, for far more than is published here; inodes: the last one is taken too.
        let folder = root.join("cam");
        fs::create_dir(&folder).expect("makes");
        let size = if options.contains("1600k") { 390_000 } else { 10 };
        for old in 0..4 {
            fs::write(folder.join(format!("{old:020}.log")), vec![7; size]).expect("room");
        }
        let mut fill = 0;
        while options.contains("=8") && fs::write(root.join(format!("{fill}")), []).is_ok() {
            fill += 1;
        }
        let mut origin = Killable::start(data.path());
        let mut publisher = begin(&origin);
        publish_until(&mut publisher, &origin, data.path(), "headwater_origin_disk_degraded", 1);
        assert!(metric(data.path(), "headwater_origin_log_errors_total") > 0);
        assert!(!folder.join(format!("{:020}.log", 0)).exists(), "the oldest file made room");
        wait_for("the newest to be on disk", || {
            assert!(publisher.publish(origin.address));
            (publisher.durable > 0).then_some(())
        });
        let durable = publisher.durable;
        origin.process.kill();
        let origin = Killable::start(data.path());
        let text = origin.get("/cam/audio/index.m3u8").text();
        let newest = common::entries(&text).last().cloned().unwrap_or_default();
        let newest: i64 = newest.trim_end_matches(".m4s").parse().unwrap_or(0);
        assert!(newest + common::Sound::TICKS >= durable, "{options}: {text}");
    }
}

#[test]
fn a_sync_that_fails_is_never_tried_again_alone() {
    strace("fdatasync:error=EIO:when=1..2", |origin, data| {
        let mut publisher = begin(origin);
        publish_until(&mut publisher, origin, data, "headwater_origin_log_errors_total", 2);
        wait_for("a sync of a new file", || {
            assert!(publisher.publish(origin.address));
            (publisher.durable > 0).then_some(())
        });
        publisher
    });
}

#[test]
fn a_slow_disk_is_told_and_nobody_waits_for_it() {
    strace("fdatasync:delay_enter=6000000", |origin, data| {
        let mut publisher = begin(origin);
        wait_for("the event", || {
            assert!(publisher.publish(origin.address));
            std::thread::sleep(Duration::from_millis(50));
            (metric(data, "headwater_origin_disk_degraded") == 1).then_some(())
        });
        assert!(metric(data, "headwater_origin_log_lag_ms") > 1_000);
        publisher
    });
}

/// Runs `test` on an origin whose log thread meets this fault, kills it, and checks that it kept what it said it had.
fn strace(inject: &str, test: impl FnOnce(&Killable, &Path) -> Publisher) {
    if !run("strace", &["-o", "/dev/null", "true"]) {
        println!("passed over: this needs strace and the right to trace");
        return;
    }
    let data = tempfile::tempdir().expect("a folder");
    let inject = format!("inject={inject}");
    let only = format!("trace={}", inject["inject=".len()..].split(':').next().expect("one"));
    // The tracer is the grandchild, so that it is the origin that is killed.
    let front = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", &only, "-e", &inject];
    let mut origin = Killable::start_under(&front, data.path());
    let publisher = test(&origin, data.path());
    let durable = publisher.durable;
    origin.process.kill();
    let origin = Killable::start(data.path());
    let listed = common::entries(&origin.get("/cam/audio/index.m3u8").text());
    let (_, _, torn) = publisher.verify(origin.address);
    assert_eq!(torn, 0);
    let kept = |start: &i64| listed.contains(&format!("{start}.m4s"));
    let newest = publisher.acknowledged.keys().rev().find(|start| **start < durable);
    assert!(newest.is_none_or(kept), "{newest:?} {listed:?}");
}

#[test]
fn after_a_power_cut_everything_durable_is_there() {
    let place = tempfile::tempdir().expect("a folder");
    let (image, data) = (place.path().join("disk"), place.path().join("data"));
    fs::create_dir(&data).expect("makes");
    fs::File::create(&image).and_then(|file| file.set_len(320 << 20)).expect("sparse");
    let image = image.to_str().expect("UTF-8");
    if !run("mkfs.xfs", &["-q", image]) || !run("xfs_io", &["-V"]) {
        println!("passed over: this needs mkfs.xfs and xfs_io");
        return;
    }
    let Some(mount) = Mount::new(&["-o", "loop", image], &data) else { return };
    let mut origin = Killable::start(&data);
    let mut publisher = begin(&origin);
    wait_for("something to be durable", || {
        assert!(publisher.publish(origin.address));
        (publisher.durable > 0).then_some(())
    });
    assert!(run("xfs_io", &["-x", "-c", "shutdown", data.to_str().expect("UTF-8")]), "the power is cut");
    origin.process.kill();
    drop(mount);
    let _mount = Mount::new(&["-o", "loop", image], &data).expect("it comes back");
    let origin = Killable::start(&data);
    let durable: Vec<_> = publisher.acknowledged.keys().filter(|start| **start < publisher.durable).collect();
    let listed = common::entries(&origin.get("/cam/audio/index.m3u8").text());
    let newest = durable.last().expect("some");
    assert!(listed.contains(&format!("{newest}.m4s")), "{newest} {listed:?}");
    let (_, _, torn) = publisher.verify(origin.address);
    assert_eq!(torn, 0);
    assert!(publisher.meet(origin.address).is_some());
    let (_, lost, torn) = publisher.verify(origin.address);
    assert_eq!((lost, torn), (0, 0));
}
