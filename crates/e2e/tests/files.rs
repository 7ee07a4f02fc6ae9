//! Channels that play files: one after the other, from this machine and from elsewhere.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use e2e::{Peer, Stack, eventually, ffmpeg, hls};

/// A file of so many seconds with a tone, in the container its name tells.
fn make(path: &Path, size: &str, rate: &str, seconds: &str) {
    make_with(path, size, rate, seconds, seconds);
}

/// The same, with sound of a length of its own.
fn make_with(path: &Path, size: &str, rate: &str, seconds: &str, sound_seconds: &str) {
    let picture = format!("testsrc2=size={size}:rate={rate}:duration={seconds}");
    let sound = format!("sine=frequency=440:sample_rate=48000:duration={sound_seconds}");
    let to = path.to_str().expect("a path in UTF-8");
    let mut arguments = vec!["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound];
    arguments.extend([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-g",
        "25",
        "-c:a",
        "aac",
        to,
    ]);
    ffmpeg("ffmpeg", &arguments);
}

fn channel(input: &str, more: &str) -> String {
    format!(
        "[[channel]]\nname = \"list\"\ninput = {input}\nladder = [\"240p30\"]\npreset = \"ultrafast\"\nsegment = 1\n{more}"
    )
}

#[test]
fn files_of_two_formats_are_played_in_turn_and_nothing_is_missing_between_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, second) = (folder.path().join("a.mp4"), folder.path().join("b.ts"));
    make(&first, "640x360", "30", "3");
    make(&second, "320x240", "25", "2");
    let stack = Stack::start(&channel(
        &format!("{{ files = [\"{}\", \"{}\"] }}", first.display(), second.display()),
        "",
    ));
    stack.wait_for_segments("list", 4);
    let begun = stack.metric(&["headwater_encoder_fill_frames_total", "list"]);
    eventually("both were played twice", || {
        (stack.metric(&["headwater_encoder_input_changes_total", "list"]) >= 4.0).then_some(())
    });
    assert_eq!(stack.metric(&["headwater_encoder_fill_frames_total", "list"]), begun, "{}", stack.log());
    let multivariant = stack.get("/list/index.m3u8");
    for uri in hls::media_playlists(multivariant.text()) {
        let playlist = stack.get(&format!("/list/{uri}"));
        assert!(!playlist.text().contains("#EXT-X-DISCONTINUITY\n"), "{}", playlist.text());
    }
    let watched = stack.url("/list/index.m3u8");
    let (_, said) =
        ffmpeg("ffmpeg", &["-v", "error", "-xerror", "-i", &watched, "-t", "8", "-f", "null", "-"]);
    assert_eq!(said, "");
}

#[test]
fn sound_that_outlasts_its_pictures_and_times_that_jump_show_no_fill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [long, part, joined] = ["long.mp4", "part.ts", "joined.ts"].map(|name| folder.path().join(name));
    make_with(&long, "640x360", "30", "3", "6");
    make(&part, "320x240", "25", "2");
    // Its times begin anew in its middle.
    let bytes = std::fs::read(&part).expect("it was made");
    std::fs::write(&joined, [&bytes[..], &bytes[..]].concat()).expect("room");
    let stack = Stack::start(&channel(
        &format!("{{ files = [\"{}\", \"{}\"] }}", long.display(), joined.display()),
        "",
    ));
    stack.wait_for_segments("list", 4);
    let begun = stack.metric(&["headwater_encoder_fill_frames_total", "list"]);
    eventually("both were played twice", || {
        (stack.metric(&["headwater_encoder_input_changes_total", "list"]) >= 4.0).then_some(())
    });
    assert_eq!(stack.metric(&["headwater_encoder_fill_frames_total", "list"]), begun, "{}", stack.log());
    assert!(stack.log().contains("times jump within the file"), "{}", stack.log());
}

#[test]
fn after_the_last_file_the_channel_continues_with_its_backup() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("a.mp4");
    make(&file, "640x360", "30", "6");
    let input = format!("{{ file = \"{}\", at_end = \"continue\" }}", file.display());
    let stack = Stack::start(&channel(&input, "backup = \"test\"\n"));
    let shown = |input: &str| {
        let label = format!("input=\"{input}\"");
        eventually(&format!("the {input} is shown"), || {
            (stack.metric(&["headwater_encoder_input_active", &label]) == 1.0).then_some(())
        });
    };
    shown("primary");
    shown("backup");
    assert!(stack.log().contains("the last file has ended"), "{}", stack.log());
}

#[test]
fn a_file_from_elsewhere_is_fetched_once_and_played_and_private_places_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&folder.path().join("a.mp4"), "640x360", "30", "3");
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|free| free.local_addr())
        .expect("a free port")
        .port();
    let at = folder.path().to_str().expect("a path in UTF-8");
    let _server = Peer::start(
        "python3",
        &["-m", "http.server", &port.to_string(), "--bind", "127.0.0.1", "--directory", at],
    );
    let url = format!("http://127.0.0.1:{port}/a.mp4?s3cret");
    let refused = Stack::start(&channel(&format!("{{ file = \"{url}\" }}"), ""));
    eventually("it is refused", || {
        refused.log().contains("set `allow_private = true` on this input").then_some(())
    });
    // It is on the air all the same, with its slate.
    refused.wait_for_segments("list", 2);
    drop(refused);
    let stack = Stack::start(&channel(&format!("{{ file = \"{url}\", allow_private = true }}"), ""));
    eventually("it is played", || {
        (stack.metric(&["headwater_encoder_input_lost", "list"]) == 0.0
            && stack.log().contains("file fetched"))
        .then_some(())
    });
    stack.wait_for_segments("list", 4);
    assert!(!stack.log().contains("s3cret"), "{}", stack.log());
}
