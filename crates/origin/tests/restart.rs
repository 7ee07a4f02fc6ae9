//! The window survives the origin.

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use common::{Killable, Server, Sound, entries, media_sequence, now_ticks, request, wait_for};

fn log_files(data: &Path) -> Vec<PathBuf> {
    let folder = fs::read_dir(data.join("origin/cam")).expect("the log's folder");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn log_bytes(data: &Path) -> u64 {
    log_files(data).iter().map(|file| fs::metadata(file).expect("a file").len()).sum()
}

/// Pushes `count` segments of the track, the `from`th first.
fn push(server: &Server, sound: &Sound, at: i64, from: i64, count: i64) {
    assert_eq!(server.put("/ingest/cam/audio/init.mp4", &sound.header()).status, 200);
    for index in from..from + count {
        let answer = server.put("/ingest/cam/audio/x.m4s", &sound.segment(at + index * Sound::TICKS));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn killed_in_the_middle_of_a_segment_it_comes_back_with_the_window_and_its_numbers() {
    let data = tempfile::tempdir().expect("a folder");
    let (sound, at) = (Sound::named("audio", 2), now_ticks());
    let mut first = Killable::start(data.path());
    first.put("/ingest/cam/audio/init.mp4", &sound.header());
    let mut sent = 0;
    for index in 0..5 {
        let segment = sound.segment(at + index * Sound::TICKS);
        sent += segment.len() as u64;
        first.put("/ingest/cam/audio/x.m4s", &segment);
    }
    let before = first.get("/cam/audio/index.m3u8").text();
    let half = sound.segment(at + 5 * Sound::TICKS);
    let mut open = std::net::TcpStream::connect(first.address).expect("connects");
    let head =
        format!("PUT /ingest/cam/audio/x.m4s HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", half.len());
    open.write_all(head.as_bytes()).expect("sends");
    open.write_all(&half[..half.len() / 2]).expect("sends");
    wait_for("the log to be written", || (log_bytes(data.path()) >= sent).then_some(()));
    first.process.kill();

    let second = Killable::start(data.path());
    let after = second.get("/cam/audio/index.m3u8").text();
    assert_eq!(after, before);
    for (index, name) in entries(&after).iter().enumerate() {
        let body = second.get(&format!("/cam/audio/{name}")).body;
        assert_eq!(body, sound.segment(at + index as i64 * Sound::TICKS), "whole and as it was");
    }
    // A segment without a header before it: the log has kept the header.
    second.put("/ingest/cam/audio/x.m4s", &half);
    let on = second.get("/cam/audio/index.m3u8").text();
    assert_eq!(entries(&on).len(), 6);
    assert_eq!(media_sequence(&on), media_sequence(&before));
}

#[test]
fn a_torn_end_is_dropped_and_a_damaged_segment_is_a_gap() {
    let data = tempfile::tempdir().expect("a folder");
    let (sound, at) = (Sound::named("audio", 2), now_ticks());
    let server = Server::start(data.path());
    push(&server, &sound, at, 0, 6);
    drop(server);

    let files = log_files(data.path());
    assert_eq!(files.len(), 1);
    let mut bytes = fs::read(&files[0]).expect("the file");
    // The third segment's payload is full of its own number.
    let damaged = sound.segment(at + 2 * Sound::TICKS);
    let place = bytes.windows(damaged.len()).position(|window| window == damaged).expect("it is there");
    bytes[place + damaged.len() / 2] ^= 0x10;
    bytes.truncate(bytes.len() - 100);
    fs::write(&files[0], &bytes).expect("writes");

    let server = Server::start(data.path());
    let rot = "headwater_origin_log_corrupt_total 1";
    assert!(common::metrics(&server).lines().any(|line| line == rot), "it is told");
    let text = server.get("/cam/audio/index.m3u8").text();
    let name = |index: i64| format!("{}.m4s", at + index * Sound::TICKS);
    assert_eq!(entries(&text), [name(0), name(1), "GAP".into(), name(2), name(3), name(4)]);
    assert_eq!(server.get(&format!("/cam/audio/{}", name(2))).status, 404, "never served");
    assert_eq!(server.get(&format!("/cam/audio/{}", name(5))).status, 404);
    let first = media_sequence(&text);

    // The publisher goes on behind the lost one, whose number is not given out again.
    push(&server, &sound, at, 6, 2);
    let text = server.get("/cam/audio/index.m3u8").text();
    assert_eq!(media_sequence(&text), first);
    assert_eq!(
        entries(&text)[6..],
        ["DISCONTINUITY".into(), "GAP".into(), name(5), "DISCONTINUITY".into(), name(6), name(7)]
    );
    m3u8_rs::parse_media_playlist_res(text.as_bytes()).expect("m3u8-rs reads it");
}

#[test]
fn viewers_are_answered_once_what_the_log_lost_has_come_again() {
    let data = tempfile::tempdir().expect("a folder");
    let (sound, at) = (Sound::named("audio", 2), now_ticks());
    let server = Server::start(data.path());
    push(&server, &sound, at, 0, 4);
    let before = server.get("/cam/audio/index.m3u8").text();
    drop(server);
    let files = log_files(data.path());
    let bytes = fs::read(&files[0]).expect("the file");
    fs::write(&files[0], &bytes[..bytes.len() - 100]).expect("writes");

    let server = Server::start(data.path());
    let last = at + 3 * Sound::TICKS;
    std::thread::scope(|scope| {
        let playlist = scope.spawn(|| server.get("/cam/audio/index.m3u8").text());
        let segment = scope.spawn(|| server.get(&format!("/cam/audio/{last}.m4s")));
        let has = last.to_string();
        let fields = [("headwater-has", has.as_str())];
        let answer = request(server.address, "PUT", "/ingest/cam/audio/init.mp4", &fields, &sound.header());
        assert_eq!(answer.header("headwater-next"), Some(has.as_str()));
        server.put("/ingest/cam/audio/x.m4s", &sound.segment(last));
        assert_eq!(playlist.join().expect("answered"), before);
        assert_eq!(segment.join().expect("answered").body, sound.segment(last));
    });
}

#[test]
fn many_restarts_keep_counting() {
    let data = tempfile::tempdir().expect("a folder");
    let (sound, at) = (Sound::named("audio", 2), now_ticks());
    let mut last = None;
    for round in 0..5 {
        let server = Server::start(data.path());
        push(&server, &sound, at, round * 4, 4);
        let text = server.get("/cam/audio/index.m3u8").text();
        assert!(!text.contains("DISCONTINUITY\n"), "{text}");
        let end = media_sequence(&text) + entries(&text).len() as u64;
        if let Some(last) = last {
            assert_eq!(end, last + 4);
        }
        last = Some(end);
    }
}

#[test]
fn a_log_of_nonsense_is_no_reason_not_to_start() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().join("origin/cam");
    fs::create_dir_all(&folder).expect("makes");
    fs::write(folder.join("00000000000000000001.log"), [b"HWL1".as_slice(), &[7; 5_000]].concat())
        .expect("writes");
    fs::write(folder.join("00000000000000000002.log"), []).expect("writes");
    let server = Server::start(data.path());
    push(&server, &Sound::named("audio", 2), now_ticks(), 0, 1);
    assert_eq!(server.get("/cam/audio/index.m3u8").status, 200);
}

#[test]
fn a_disk_that_cannot_be_written_leaves_the_live_channel_alone() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path());
    let folder = data.path().join("origin/cam");
    fs::remove_dir(&folder).expect("still empty");
    fs::write(&folder, b"in the way").expect("writes");
    let (sound, at) = (Sound::named("audio", 2), now_ticks());
    push(&server, &sound, at, 0, 12);
    assert_eq!(entries(&server.get("/cam/audio/index.m3u8").text()).len(), 11);
    wait_for("the errors in the metrics", || {
        let text = common::metrics(&server);
        let line = text.lines().find_map(|line| line.strip_prefix("headwater_origin_log_errors_total "))?;
        (line != "0").then_some(())
    });
}
