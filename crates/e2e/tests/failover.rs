//! Two publishers of one channel, cut off and switched, as viewers see it.

use std::process::Command;

use e2e::{Peer, Stack, binary, eventually, ffmpeg, tracks};

const CHANNEL: &str = "[[channel]]\nname = \"cam\"\ninput = { rtmp = \"live/k3y-a\" }\nbackup = { rtmp = \"live/k3y-b\" }\n\
                       preset = \"ultrafast\"\nladder = [\"360p30\", \"240p30\"]\nsegment = 1\nwindow = 300\n\
                       [channel.failover]\nclear = 3\n[channel.fill]\nslate = \"#ff0000\"\n";

/// Publishes one colour and a tone.
fn publish(url: &str, colour: &str) -> Peer {
    let picture = format!("color=c={colour}:size=640x360:rate=30");
    let arguments = ["-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", picture.as_str()];
    let sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
    let coded = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-g",
        "30",
        "-pix_fmt",
        "yuv420p",
    ];
    let rest = ["-c:a", "aac", "-ac", "2", "-f", "flv", url];
    Peer::start("ffmpeg", &[&arguments[..], &sound, &coded, &rest].concat())
}

fn active(stack: &Stack, input: &str) -> bool {
    stack.metric(&["headwater_encoder_input_active", &format!("input=\"{input}\"")]) == 1.0
}

fn switch(stack: &Stack, input: &str) -> String {
    let data = stack.data();
    let said = Command::new(binary("headwater"))
        .args(["switch", "cam", input, "--data"])
        .arg(data)
        .output()
        .expect("headwater runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).expect("text")
}

#[test]
fn viewers_see_the_backup_when_the_primary_dies_and_every_frame_once() {
    let stack = Stack::start(CHANNEL);
    // The channel is on the air before anybody publishes.
    stack.wait_for_segments("cam", 2);
    let primary = publish(&stack.rtmp_url("live/k3y-a"), "blue");
    let lost = || stack.metric(&["headwater_encoder_input_lost"]);
    eventually("the primary is shown", || (lost() == 0.0 && active(&stack, "primary")).then_some(()));
    let _backup = publish(&stack.rtmp_url("live/k3y-b"), "green");
    let both = || stack.metric(&["headwater_ingest_publishers"]) == 2.0;
    eventually("both publish", || both().then_some(()));
    // The backup has come for a while.
    std::thread::sleep(std::time::Duration::from_secs(3));

    primary.kill();
    eventually("the backup is shown", || active(&stack, "backup").then_some(()));
    let _primary = publish(&stack.rtmp_url("live/k3y-a"), "blue");
    eventually("the primary is shown again", || active(&stack, "primary").then_some(()));
    // Long enough for some of its pictures.
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(switch(&stack, "backup").contains("backup"));
    eventually("the backup is shown", || active(&stack, "backup").then_some(()));
    switch(&stack, "auto");
    eventually("the primary is shown again", || active(&stack, "primary").then_some(()));
    std::thread::sleep(std::time::Duration::from_secs(3));

    let tracks = tracks::read_all(&stack, "cam");
    assert_eq!(tracks.len(), 3);
    for track in &tracks {
        let chunks = tracks::chunks(track);
        for pair in chunks.windows(2) {
            assert_eq!(pair[0].decode_time + pair[0].duration, pair[1].decode_time, "{}", track.uri);
        }
        assert!(track.playlist.segments.iter().all(|segment| segment.discontinuities == 0), "{}", track.uri);
        assert_eq!(track.playlist.discontinuity_sequence, 0, "{}", track.uri);
    }
    // Slate, then blue and green in turn, and nothing else: no black, no slate in between.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("picture.mp4");
    std::fs::write(&path, tracks[0].file()).expect("room");
    let file = path.to_str().expect("text");
    let (pixels, _) = ffmpeg(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            file,
            "-vf",
            "crop=iw:ih/2:0:ih/2,scale=1:1:flags=area,format=rgb24",
            "-f",
            "rawvideo",
            "-",
        ],
    );
    let mut seen: Vec<char> = pixels
        .chunks_exact(3)
        .map(|pixel| match pixel {
            [red, green, blue] if *red > 150 && *green < 80 && *blue < 80 => 'r',
            [red, green, blue] if *blue > 150 && *green < 80 && *red < 80 => 'b',
            [red, green, blue] if *green > 90 && *red < 80 && *blue < 80 => 'g',
            _ => '?',
        })
        .collect();
    let slate = seen.iter().rposition(|colour| *colour == 'r').map_or(0, |last| last + 1);
    assert!(
        seen[..slate].iter().all(|colour| *colour == 'r'),
        "the slate is shown only before the first source"
    );
    seen.drain(..slate);
    seen.dedup();
    assert_eq!(seen.iter().collect::<String>(), "bgbgb", "{}", stack.log_tail());
    let log = stack.log();
    for reason in ["loss", "clear", "chosen"] {
        assert!(log.contains(&format!("reason=\"{reason}\"")), "{reason}: {log}");
    }
    assert!(!log.contains("k3y"), "keys are never logged");
}
