//! Whether operators are told that viewers do not get what the source sends.

mod common;

use common::{Server, Sound, metrics, now_ticks, request, wait_for};

/// A publisher of sound that tells what it measured.
struct Teller {
    server: Server,
    sound: Sound,
    /// Where its next segment begins.
    at: i64,
}

impl Teller {
    /// It begins so many segments from now.
    fn start(data: &std::path::Path, ahead: i64) -> Self {
        let (server, sound) = (Server::start(data), Sound::named("audio", 2));
        assert_eq!(server.put("/ingest/cam/audio/init.mp4", &sound.header()).status, 200);
        Self { server, sound, at: now_ticks() + ahead * Sound::TICKS }
    }

    /// A segment of so many frames.
    fn put(&mut self, frames: i64, measured: &str) {
        let path = format!("/ingest/cam/audio/{}.m4s", self.at);
        let body = self.sound.frames(self.at, frames);
        let answer = request(self.server.address, "PUT", &path, &[("headwater-measured", measured)], &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.at += frames * Sound::FRAME;
    }

    fn is_low(&self) -> bool {
        metrics(&self.server).contains("headwater_origin_low_score{channel=\"cam\"} 1")
    }

    fn gaps(&self) -> usize {
        let page = metrics(&self.server);
        let gaps =
            page.lines().find_map(|line| line.strip_prefix("headwater_origin_gaps_total{channel=\"cam\"} "));
        gaps.map_or(0, |gaps| gaps.parse().expect("a number"))
    }
}

#[test]
fn what_a_drained_publisher_leaves_of_a_segment_is_low_only_where_nobody_makes_the_rest() {
    let data = tempfile::tempdir().expect("a folder");
    // After the origin began: what is missing from before, it does not tell.
    let mut teller = Teller::start(data.path(), 2);
    teller.put(93, "frames=93");
    teller.put(40, "frames=93, missing=53");
    assert!(!teller.is_low(), "the next one may make the rest");
    teller.put(53, "frames=53");
    assert!(!teller.is_low(), "it did");
    assert_eq!(teller.gaps(), 0);
    teller.put(40, "frames=93, missing=53");
    teller.at += 53 * Sound::FRAME;
    teller.put(93, "frames=93");
    assert!(teller.is_low(), "nobody did");
    assert_eq!(teller.gaps(), 1);
    teller.put(93, "frames=93");
    assert!(!teller.is_low(), "it is over with the next two seconds");
}

#[test]
fn what_was_low_is_over_once_the_origin_shows_slate() {
    let data = tempfile::tempdir().expect("a folder");
    let mut teller = Teller::start(data.path(), -4);
    let slate = teller.server.put("/ingest/cam/audio/slate.m4s", &teller.sound.frames(0, 10));
    assert_eq!(slate.status, 200, "{}", slate.text());
    teller.put(93, "frames=93");
    teller.put(93, "frames=93, fill=93");
    assert!(teller.is_low());
    let page = || metrics(&teller.server);
    wait_for("the origin's slate", || {
        page().contains("headwater_origin_slate{channel=\"cam\"} 1").then_some(())
    });
    wait_for("the low score's end", || (!teller.is_low()).then_some(()));
}
