//! The stack as its operator sees it.

use std::process::{Command, Stdio};

use e2e::{Stack, binary, decode, eventually, ffmpeg, is_alive, tracks};

const PATTERN: &str = "[[channel]]\nname = \"demo\"\ninput = \"test\"\npreset = \"ultrafast\"\nladder = [\"360p30\", \"240p30\"]\n";

fn headwater(arguments: &[&str], folder: &std::path::Path) -> (bool, String) {
    let output = Command::new(binary("headwater"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("headwater runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn the_built_in_source_is_on_air_with_lips_in_sync() {
    let stack = Stack::start(PATTERN);
    stack.wait_for_segments("demo", 4);
    let tracks = tracks::read_all(&stack, "demo");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, part: &str| {
        let track = tracks.iter().find(|track| track.uri.contains(part)).expect("the track");
        let path = folder.path().join(name);
        std::fs::write(&path, track.file()).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (video, audio) = (write("video.mp4", "360p30"), write("audio.mp4", "audio"));
    let found = decode::flashes_and_beeps(&video, &audio);
    assert!(found.flashes.len() >= 5, "{found:?}");
    let mut pairs = 0;
    for flash in &found.flashes {
        assert!((flash - flash.round()).abs() < 0.001, "a flash begins on the second: {flash}");
        if let Some(beep) = found.beeps.iter().find(|beep| (*beep - flash).abs() < 0.5) {
            assert!((beep - flash).abs() < 0.040, "flash at {flash}, beep at {beep}");
            pairs += 1;
        }
    }
    assert!(pairs >= 4, "{found:?}");
}

#[test]
fn a_file_is_repeated_for_ever_without_a_seam() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clip = folder.path().join("clip.mp4");
    let clip = clip.to_str().expect("UTF-8");
    ffmpeg(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x240:rate=25:duration=3",
            "-f",
            "lavfi",
            "-i",
            "sine=duration=3",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "aac",
            clip,
        ],
    );
    let stack = Stack::start(&format!(
        "[[channel]]\nname = \"loop\"\ninput = {{ file = \"{clip}\" }}\npreset = \"ultrafast\"\nladder = [\"240p30\"]\n"
    ));
    stack.wait_for_segments("loop", 5);
    for track in tracks::read_all(&stack, "loop") {
        let chunks = tracks::chunks(&track);
        for pair in chunks.windows(2) {
            assert_eq!(pair[0].decode_time + pair[0].duration, pair[1].decode_time, "{}", track.uri);
        }
        assert!(
            track.playlist.segments.iter().all(|segment| segment.discontinuities == 0),
            "{:?}",
            track.playlist
        );
    }
}

#[test]
fn ctrl_c_ends_every_role() {
    let mut stack = Stack::start(PATTERN);
    stack.wait_for_segments("demo", 1);
    let children = stack.pids("headwater");
    assert_eq!(children.len(), 4, "ingest, origin, edge and one encoder");
    let status = stack.interrupt();
    assert!(status.success(), "{status}\n{}", stack.log_tail());
    for pid in children {
        assert!(!is_alive(pid), "{pid} has gone\n{}", stack.log_tail());
    }
}

#[test]
fn no_role_outlives_a_killed_supervisor() {
    let stack = Stack::start(PATTERN);
    let children = stack.pids("headwater");
    stack.kill_supervisor();
    eventually("every role ends", || children.iter().all(|pid| !is_alive(*pid)).then_some(()));
}

#[test]
fn a_killed_edge_is_back_on_the_same_listener() {
    let stack = Stack::start(PATTERN);
    stack.wait_for_segments("demo", 1);
    stack.kill_child(" edge ");
    // No retry: the connection waits in the handed-over listener until the edge is back.
    assert_eq!(stack.get("/demo/index.m3u8").status, 200);
}

#[test]
fn one_page_tells_every_role_s_metrics() {
    let stack = Stack::start(PATTERN);
    stack.wait_for_segments("demo", 2);
    let metrics = stack.metrics();
    for role in ["ingest", "origin", "edge", "encoder-demo"] {
        let line = format!("headwater_process_resident_bytes{{process=\"{role}\"}}");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    for family in ["headwater_ingest_", "headwater_encoder_", "headwater_origin_", "headwater_edge_"] {
        assert!(metrics.lines().any(|line| line.starts_with(family)), "{family}\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
}

#[test]
fn a_bad_workflow_file_is_refused_with_file_line_and_bound() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(
        folder.path().join("bad.toml"),
        "[[channel]]\nname = \"a\"\ninput = \"test\"\nsegment = 60\n",
    )
    .expect("written");
    let (fine, said) = headwater(&["up", "bad.toml"], folder.path());
    assert!(!fine);
    assert!(
        said.contains("bad.toml: line 4: channel[0].segment: 60 is out of bounds: 1 to 10 seconds"),
        "{said}"
    );
    let (fine, said) = headwater(&["up", "missing.toml"], folder.path());
    assert!(!fine && said.contains("missing.toml"), "{said}");
}

#[test]
fn check_says_what_would_run_and_starts_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("good.toml"), PATTERN).expect("written");
    let (fine, said) = headwater(&["up", "--check", "good.toml"], folder.path());
    assert!(fine && said.contains("360p30 640x360 30 fps") && said.contains("demo"), "{said}");
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_port_in_use_names_the_port_and_the_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(
        folder.path().join("w.toml"),
        format!("[listen]\nviewers = \"127.0.0.1:{port}\"\norigin = \"127.0.0.1:0\"\nrtmp = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"\ncontrol = \"off\"\n{PATTERN}"),
    )
    .expect("written");
    let (fine, said) = headwater(&["up", "w.toml"], folder.path());
    assert!(!fine && said.contains(&port.to_string()) && said.contains("viewers"), "{said}");
}
