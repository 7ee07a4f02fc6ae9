//! Nobody publishes: the origin goes on with slate, on the same timeline.

mod common;

use std::time::{Duration, Instant};

use common::{Server, Sound, entries, now_ticks, wait_for};

/// End of a playlist: names of its segments, which are their start times.
fn starts(playlist: &str) -> Vec<i64> {
    entries(playlist).iter().filter_map(|entry| entry.strip_suffix(".m4s")?.parse().ok()).collect()
}

/// First tick of the slot that holds `ticks`, on the grid of AAC frames.
fn cut(ticks: i64) -> i64 {
    let slot = ticks.div_euclid(96_000) * 96_000;
    -(-slot).div_euclid(Sound::FRAME) * Sound::FRAME
}

fn playlist(server: &Server) -> String {
    server.get("/cam/audio/index.m3u8").text()
}

/// Durations that the segments say of themselves, from their start to the next one's.
fn is_without_gap(server: &Server) -> bool {
    let starts = starts(&playlist(server));
    starts.windows(2).all(|pair| {
        let body = server.get(&format!("/cam/audio/{}.m4s", pair[0])).body;
        // The payload of a frame is as the publisher or its slate made it: 200 bytes each.
        let frames = body.windows(200).filter(|window| window.iter().all(|byte| *byte == window[0])).count();
        frames > 0 && cut(pair[1]) == pair[1]
    })
}

/// Pushes a segment from `start` to the next cut; returns where that is.
fn push(server: &Server, sound: &Sound, start: i64) -> i64 {
    let end = cut(start + 96_000);
    let whole = sound.frames(start, (end - start) / Sound::FRAME);
    let answer = server.put("/ingest/cam/audio/x.m4s", &whole);
    assert_eq!(answer.status, 200, "{}", answer.text());
    end
}

fn announce(server: &Server, sound: &Sound) -> Option<i64> {
    let answer = server.put("/ingest/cam/audio/init.mp4", &sound.header());
    assert_eq!(answer.status, 200);
    answer.header("headwater-next").map(|next| next.parse().expect("ticks"))
}

fn is_shown(server: &Server) -> bool {
    common::metrics(server).lines().any(|line| line == "headwater_origin_slate{channel=\"cam\"} 1")
}

#[test]
fn a_channel_whose_publisher_is_gone_goes_on_with_slate_until_it_is_back() {
    for part in [None, Some(Duration::from_millis(500))] {
        let data = tempfile::tempdir().expect("a folder");
        let server = Server::start_with(data.path(), part);
        let sound = Sound::named("audio", 2);
        announce(&server, &sound);
        let slate = server.put("/ingest/cam/audio/slate.m4s", &sound.frames(0, 10));
        assert_eq!(slate.status, 200, "{}", slate.text());
        let mut at = cut(now_ticks() - 4 * 96_000);
        for _ in 0..4 {
            at = push(&server, &sound, at);
        }
        assert!(!is_shown(&server));
        let began = starts(&playlist(&server));
        wait_for("three slots of slate", || {
            (starts(&playlist(&server)).len() >= began.len() + 3).then_some(())
        });
        assert!(is_shown(&server) && is_without_gap(&server));
        let low = "headwater_origin_low_score{channel=\"cam\"} 1";
        assert!(!common::metrics(&server).contains(low), "it is told as slate, and as nothing else");

        // The publisher goes on behind them, where it is told to.
        let next = announce(&server, &sound).expect("the origin has media");
        assert_eq!(cut(next), next, "behind a whole slot");
        let mut at = next;
        let began = Instant::now();
        while is_shown(&server) {
            assert!(began.elapsed() < common::PATIENCE, "{}", playlist(&server));
            at = push(&server, &sound, at);
            std::thread::sleep(Duration::from_millis(300));
        }
        let text = playlist(&server);
        assert!(is_without_gap(&server), "{text}");
        assert!(!text.contains("DISCONTINUITY\n") && !text.contains("EXT-X-GAP"), "{text}");
    }
}

#[test]
fn the_slate_outlives_the_origin() {
    let data = tempfile::tempdir().expect("a folder");
    let sound = Sound::named("audio", 2);
    let server = Server::start(data.path());
    announce(&server, &sound);
    assert_eq!(server.put("/ingest/cam/audio/slate.m4s", &sound.frames(0, 94)).status, 200);
    let end = push(&server, &sound, cut(now_ticks() - 96_000));
    drop(server);
    let server = Server::start(data.path());
    wait_for("slate", || starts(&playlist(&server)).contains(&end).then_some(()));
    assert!(is_shown(&server));
}

#[test]
fn what_is_no_slate_is_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path());
    let sound = Sound::named("audio", 2);
    let put = |body: &[u8]| server.put("/ingest/cam/audio/slate.m4s", body).status;
    assert_eq!(put(&sound.frames(0, 94)), 412, "its header comes first");
    announce(&server, &sound);
    assert_eq!(put(b"no box"), 400);
    assert_eq!(put(&sound.frames(0, 2_000)), 400);
    assert_eq!(put(&sound.frames(0, 94)), 200);
}
