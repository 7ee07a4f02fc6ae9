//! Two publishers of the same segments: what the origin lists, and that what it has listed never changes.

mod common;

use std::path::Path;
use std::thread;
use std::time::Duration;

use common::{Answer, Push, Server, Sound, entries, metrics, now_ticks, request, wait_for};

/// Frames of a chunk that is a part: 0.49 s.
const FRAMES: i64 = 23;
const TICKS_PER_SLOT: i64 = 96_000;

/// Two publishers of one track, whose bytes tell them apart.
struct Pair {
    server: Server,
    sound: Sound,
    begin: i64,
}

impl Pair {
    /// Both have brought one segment, so that either may be waited for.
    fn start(data: &Path, part: Option<Duration>) -> Self {
        let server = Server::start_with(data, part);
        let begin = now_ticks() / TICKS_PER_SLOT * TICKS_PER_SLOT;
        let pair = Self { server, sound: Sound::named("audio", 2), begin };
        for pipeline in 0..2 {
            assert_eq!(pair.header(pipeline, &pair.sound.header()).status, 200);
            assert_eq!(pair.put(pipeline, 0, "frames=93").status, 200);
        }
        pair
    }

    fn header(&self, pipeline: u8, header: &[u8]) -> Answer {
        let named = pipeline.to_string();
        let fields = [("headwater-pipeline", named.as_str())];
        request(self.server.address, "PUT", "/ingest/cam/audio/init.mp4", &fields, header)
    }

    fn at(&self, number: i64) -> i64 {
        self.begin + number * Sound::TICKS
    }

    fn chunks(&self, pipeline: u8, number: i64) -> Vec<Vec<u8>> {
        // The frames' bytes tell whose they are; times stay.
        let mut chunks = self.sound.chunks(self.at(number), FRAMES);
        for chunk in &mut chunks {
            let frames = chunk.windows(4).position(|name| name == b"mdat").expect("it has frames") + 4;
            chunk[frames..].fill(pipeline);
        }
        chunks
    }

    fn bytes(&self, pipeline: u8, number: i64) -> Vec<u8> {
        self.chunks(pipeline, number).concat()
    }

    fn put(&self, pipeline: u8, number: i64, measured: &str) -> Answer {
        let named = pipeline.to_string();
        let fields = [("headwater-pipeline", named.as_str()), ("headwater-measured", measured)];
        let path = self.path(number);
        request(self.server.address, "PUT", &path, &fields, &self.bytes(pipeline, number))
    }

    fn begin(&self, pipeline: u8, number: i64) -> Push {
        let named = pipeline.to_string();
        let fields = [("headwater-pipeline", named.as_str()), ("trailer", "headwater-measured")];
        Push::begin_with(self.server.address, &self.path(number), &fields)
    }

    fn path(&self, number: i64) -> String {
        format!("/ingest/cam/audio/{}.m4s", self.at(number))
    }

    fn playlist(&self) -> String {
        self.server.get("/cam/audio/index.m3u8").text()
    }

    fn segment(&self, number: i64) -> Answer {
        self.server.get(&format!("/cam/audio/{}.m4s", self.at(number)))
    }

    /// Waits until the segment is there.
    fn listed(&self, number: i64) -> Answer {
        wait_for("a segment", || Some(self.segment(number)).filter(|answer| answer.status == 200))
    }

    /// The playlist lists segments 0 to `last`, each once, with no break.
    fn lists_all_to(&self, last: i64) {
        let expected: Vec<_> = (0..=last).map(|number| format!("{}.m4s", self.at(number))).collect();
        assert_eq!(entries(&self.playlist()), expected);
    }
}

fn with_pair(test: impl FnOnce(Pair)) {
    let data = tempfile::tempdir().expect("a folder");
    test(Pair::start(data.path(), None));
}

fn with_low_latency_pair(test: impl FnOnce(Pair)) {
    let data = tempfile::tempdir().expect("a folder");
    test(Pair::start(data.path(), Some(Duration::from_millis(500))));
}

#[test]
fn whoever_is_first_with_a_full_score_is_listed_and_the_other_s_bytes_are_dropped() {
    with_pair(|pair| {
        assert_eq!(pair.put(1, 1, "frames=93").status, 200);
        assert_eq!(pair.listed(1).body, pair.bytes(1, 1));
        assert_eq!(pair.put(0, 1, "frames=93").status, 200);
        assert_eq!(pair.segment(1).body, pair.bytes(1, 1), "what is listed is frozen");
        pair.lists_all_to(1);
    });
}

#[test]
fn the_better_of_two_is_served_with_its_score() {
    with_pair(|pair| {
        pair.put(0, 1, "frames=93, fill=50");
        assert_eq!(pair.segment(1).status, 404, "the other may bring a better one");
        pair.put(1, 1, "frames=93, repeated=3");
        let better = pair.listed(1);
        assert_eq!(better.body, pair.bytes(1, 1));
        let cmsd = better.header("cmsd-static").expect("it is described");
        assert_eq!(cmsd, "br=78,d=1984,ot=a,st=l,headwater-score=98");
        let page = metrics(&pair.server);
        let score = "headwater_origin_segment_score{channel=\"cam\",track=\"audio\"} 98";
        assert!(page.contains(score), "{page}");
    });
}

#[test]
fn a_lesser_segment_is_listed_alone_where_the_other_does_not_come() {
    with_pair(|pair| {
        pair.put(0, 1, "frames=93, fill=93");
        assert_eq!(pair.listed(1).body, pair.bytes(0, 1));
        pair.put(1, 1, "frames=93");
        assert_eq!(pair.segment(1).body, pair.bytes(0, 1), "a better one that is too late");
        pair.lists_all_to(1);
        assert!(metrics(&pair.server).contains("headwater_origin_low_score{channel=\"cam\"} 1"));
    });
}

#[test]
fn the_log_says_why_another_pipeline_is_served() {
    // All tests of this file share it.
    let log = tempfile::NamedTempFile::new().expect("room");
    let file = log.reopen().expect("it is there");
    tracing_subscriber::fmt().with_ansi(false).with_writer(file).init();
    with_pair(|pair| {
        pair.put(0, 1, "frames=93");
        pair.listed(1);
        pair.put(0, 2, "frames=100, fill=70");
        pair.put(1, 2, "frames=93");
        pair.listed(2);
    });
    let log = std::fs::read_to_string(log.path()).expect("reads");
    let line = log.lines().find(|line| line.contains("another pipeline is served") && line.contains("=37"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    let told = "channel=cam track=audio from=\"0\" to=\"1\" score=100 other_score=37 untold=0";
    assert!(line.contains("INFO") && line.contains(told), "{line}");
}

#[test]
fn a_segment_that_one_has_not_is_the_other_s() {
    with_pair(|pair| {
        pair.put(0, 1, "frames=93");
        // Pipeline 0 breaks off in the middle of the second.
        let mut push = pair.begin(0, 2);
        push.chunk(&pair.chunks(0, 2)[0]);
        drop(push);
        pair.put(1, 1, "frames=93");
        pair.put(1, 2, "frames=93");
        pair.put(0, 3, "frames=93");
        pair.put(1, 3, "frames=93");
        assert_eq!(pair.listed(2).body, pair.bytes(1, 2));
        assert_eq!(pair.listed(3).body, pair.bytes(0, 3));
        pair.lists_all_to(3);
    });
}

#[test]
fn the_other_s_header_again_and_what_is_measured_behind_a_body_change_nothing() {
    with_pair(|pair| {
        assert_eq!(pair.header(1, &pair.sound.header()).status, 200);
        let mut push = pair.begin(0, 1);
        for chunk in pair.chunks(0, 1) {
            push.chunk(&chunk);
        }
        assert_eq!(push.finish_with("headwater-measured: frames=93, later-key=1\r\n").status, 200);
        let cmsd = pair.listed(1).header("cmsd-static").map(str::to_owned);
        assert_eq!(cmsd.as_deref(), Some("br=78,d=1984,ot=a,st=l,headwater-score=100"));
        pair.lists_all_to(1);
    });
}

#[test]
fn a_pipeline_under_another_header_does_not_break_the_one_that_is_shown() {
    with_pair(|pair| {
        // One channel of sound instead of two.
        let other = Sound::named("audio", 1);
        assert_eq!(pair.header(1, &other.header()).status, 200);
        pair.put(0, 1, "frames=93");
        pair.put(1, 1, "frames=93");
        pair.put(1, 2, "frames=93");
        pair.put(0, 2, "frames=93, repeated=9");
        assert_eq!(pair.listed(2).body, pair.bytes(0, 2), "players go on with the header they have");
        pair.lists_all_to(2);
        // Alone, it is shown all the same.
        pair.put(1, 3, "frames=93");
        pair.put(1, 4, "frames=93");
        pair.listed(3);
        assert!(pair.playlist().contains("#EXT-X-DISCONTINUITY\n"));
    });
}

#[test]
fn a_pipeline_that_is_neither_0_nor_1_is_refused() {
    with_pair(|pair| {
        let refused = pair.put(2, 1, "frames=93");
        assert_eq!((refused.status, refused.text().as_str()), (400, "a pipeline is 0 or 1\n"));
    });
}

#[test]
fn where_the_leader_breaks_off_the_other_s_parts_go_on() {
    with_low_latency_pair(|pair| {
        let (mut zero, mut one) = (pair.begin(0, 1), pair.begin(1, 1));
        let [of_zero, of_one] = [0, 1].map(|pipeline| pair.chunks(pipeline, 1));
        let listed = |parts: usize| {
            wait_for("parts", || {
                let text = pair.playlist();
                let last = text.rsplit_once(&format!("{}.m4s", pair.at(0))).map(|(_, last)| last.to_owned());
                let listed = last.map_or(0, |last| last.matches("#EXT-X-PART:").count());
                (listed >= parts).then_some(listed)
            })
        };
        zero.chunk(&of_zero[0]);
        listed(1);
        one.chunk(&of_one[0]);
        one.chunk(&of_one[1]);
        zero.chunk(&of_zero[1]);
        listed(2);
        one.chunk(&of_one[2]);
        drop(zero);
        listed(3);
        one.chunk(&of_one[3]);
        listed(4);
        one.chunk(&of_one[4]);
        assert_eq!(one.finish_with("headwater-measured: frames=93\r\n").status, 200);
        let whole = pair.listed(1);
        let expected = [&of_zero[..2], &of_one[2..]].concat().concat();
        assert!(whole.body == expected, "two parts of one and three of the other");
        for (index, part) in [&of_zero[0], &of_zero[1], &of_one[2], &of_one[3], &of_one[4]].iter().enumerate()
        {
            let answer = pair.server.get(&format!("/cam/audio/{}.{index}.m4s", pair.at(1)));
            assert!(answer.body == **part, "part {index} is what it was");
        }
        pair.put(0, 2, "frames=93");
        pair.listed(2);
        pair.lists_all_to(2);
    });
}

#[test]
fn a_leader_that_stands_still_is_passed() {
    with_low_latency_pair(|pair| {
        let mut still = pair.begin(0, 1);
        still.chunk(&pair.chunks(0, 1)[0]);
        let mut other = pair.begin(1, 1);
        for chunk in pair.chunks(1, 1) {
            other.chunk(&chunk);
        }
        assert_eq!(other.finish().status, 200);
        let expected = [&pair.chunks(0, 1)[..1], &pair.chunks(1, 1)[1..]].concat().concat();
        assert!(pair.listed(1).body == expected);
        // It wakes up: what it still sends is not heard.
        for chunk in &pair.chunks(0, 1)[1..] {
            still.chunk(chunk);
        }
        assert_eq!(still.finish().status, 200);
        thread::sleep(Duration::from_millis(100));
        assert!(pair.listed(1).body == expected);
        pair.put(1, 2, "frames=93");
        pair.listed(2);
    });
}
