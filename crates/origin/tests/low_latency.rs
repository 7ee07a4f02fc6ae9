//! Low latency at the origin: parts, blocked requests and open segments, over real sockets.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use common::{Answer, PATIENCE, Push, Server, Sound, now_ticks, request, wait_for};
use conformance::{Playlist, Watch};

const PART: Duration = Duration::from_millis(500);
/// Frames of a chunk that is a part: 0.49 s.
const FRAMES: i64 = 23;
/// Parts of a segment in chunks of so many frames; the last has one frame.
const PARTS: usize = 5;
const TICKS_PER_SLOT: i64 = 96_000;

/// A low-latency channel whose sound began with a whole segment.
struct Live {
    server: Server,
    sound: Sound,
    /// Where the next segment begins.
    at: i64,
}

impl Live {
    fn start(data: &Path) -> Self {
        let server = Server::start_with(data, Some(PART));
        let sound = Sound::named("audio", 2);
        // A publisher that keeps its own time, all segments alike: they do not begin where slots do.
        let begin = now_ticks() / TICKS_PER_SLOT * TICKS_PER_SLOT + TICKS_PER_SLOT / 4;
        assert_eq!(server.put("/ingest/cam/audio/init.mp4", &sound.header()).status, 200);
        let live = Self { server, sound, at: begin + Sound::TICKS };
        assert_eq!(live.server.put(&ingest(begin), &live.sound.segment(begin)).status, 200);
        live
    }

    fn chunks(&self) -> Vec<Vec<u8>> {
        self.sound.chunks(self.at, FRAMES)
    }

    fn begin(&self) -> Push {
        Push::begin(self.server.address, &ingest(self.at))
    }

    fn playlist(&self, query: &str) -> Answer {
        self.server.get(&format!("/cam/audio/index.m3u8{query}"))
    }

    /// What is listed, once so many parts of the open segment are.
    fn listed(&self, parts: usize) -> Playlist {
        wait_for("parts", || {
            let (playlist, broken) = Playlist::read(&self.playlist("").text()).expect("readable");
            assert_eq!(broken, []);
            (playlist.open.parts.len() == parts).then_some(playlist)
        })
    }

    fn part(&self, index: usize) -> String {
        format!("/cam/audio/{}.{index}.m4s", self.at)
    }

    /// A request that waits, on a thread of its own.
    fn waiting(&self, path: String) -> thread::JoinHandle<Answer> {
        let address = self.server.address;
        thread::spawn(move || request(address, "GET", &path, &[], &[]))
    }
}

fn ingest(at: i64) -> String {
    format!("/ingest/cam/audio/{at}.m4s")
}

/// Long enough that a request which does not wait has been answered, short enough for a test.
fn a_while() {
    thread::sleep(Duration::from_millis(100));
}

fn with_live(test: impl FnOnce(Live)) {
    let data = tempfile::tempdir().expect("a folder");
    test(Live::start(data.path()));
}

#[test]
fn a_part_is_listed_and_served_as_soon_as_it_is_whole() {
    with_live(|live| {
        let chunks = live.chunks();
        assert_eq!(chunks.len(), PARTS);
        let mut push = live.begin();
        for (index, chunk) in chunks.iter().enumerate() {
            push.chunk(chunk);
            // The last is shorter than a part: that it is all is known at the segment's end.
            if index + 1 == PARTS {
                break;
            }
            let playlist = live.listed(index + 1);
            assert_eq!(playlist.hint, Some(format!("{}.{}.m4s", live.at, index + 1)));
            let part = live.server.get(&live.part(index));
            assert_eq!((part.status, part.body.as_slice()), (200, chunk.as_slice()));
            assert_eq!(part.header("cache-control"), Some("public, max-age=12"), "six target durations");
        }
        assert_eq!(push.finish().status, 200);
        let playlist = live.listed(0);
        let last = playlist.segments.last().expect("listed");
        assert_eq!((last.uri.clone(), last.parts.len()), (format!("{}.m4s", live.at), PARTS));
        assert_eq!(live.server.get(&format!("/cam/audio/{}.m4s", live.at)).body, chunks.concat());
    });
}

#[test]
fn a_blocked_reload_and_a_hinted_part_are_answered_when_it_comes() {
    with_live(|live| {
        let number = live.listed(0).next_number();
        let reload = live.waiting(format!("/cam/audio/index.m3u8?_HLS_msn={number}&_HLS_part=1"));
        let whole = live.waiting(format!("/cam/audio/index.m3u8?_HLS_msn={number}"));
        let hinted = live.waiting(live.part(0));
        let chunks = live.chunks();
        let mut push = live.begin();
        a_while();
        assert!(!hinted.is_finished(), "nothing has come");
        push.chunk(&chunks[0]);
        assert_eq!(hinted.join().expect("answered").body, chunks[0]);
        a_while();
        assert!(!reload.is_finished(), "it asked for the second part");
        push.chunk(&chunks[1]);
        let reload = reload.join().expect("answered");
        let (playlist, broken) = Playlist::read(&reload.text()).expect("readable");
        assert_eq!(broken, []);
        assert_eq!(playlist.open.parts.len(), 2);
        assert_eq!(reload.header("cache-control"), Some("public, max-age=12"), "six target durations");
        a_while();
        assert!(!whole.is_finished(), "it asked for the whole segment");
        chunks[2..].iter().for_each(|chunk| push.chunk(chunk));
        assert_eq!(push.finish().status, 200);
        let (playlist, _) = Playlist::read(&whole.join().expect("answered").text()).expect("readable");
        assert_eq!(playlist.next_number(), number + 1);
    });
}

#[test]
fn who_asks_too_far_ahead_or_nonsense_is_told_and_no_cache_keeps_it_for_long() {
    with_live(|live| {
        let number = live.listed(0).next_number();
        for (query, status) in [
            (format!("?_HLS_msn={}", number + 2), 400),
            (format!("?_HLS_msn={number}&_HLS_part=6"), 400),
            ("?_HLS_part=0".to_owned(), 400),
            ("?_HLS_msn=x".to_owned(), 400),
            ("?_HLS_skip=maybe".to_owned(), 400),
            (format!("?_HLS_msn={}", number - 1), 200),
            ("?_HLS_msn=0&_HLS_part=7".to_owned(), 200),
            ("?_HLS_skip=YES".to_owned(), 200),
            ("?other=1".to_owned(), 200),
        ] {
            let answer = live.playlist(&query);
            assert_eq!(answer.status, status, "{query}: {}", answer.text());
            if status != 200 {
                assert_eq!(answer.header("cache-control"), Some("public, max-age=1"), "{query}");
            }
        }
        for path in [
            live.part(1),
            live.part(usize::MAX),
            "/cam/audio/1.0.m4s".to_owned(),
            "/cam/audio/slot-1.m4s".to_owned(),
        ] {
            let answer = live.server.get(&path);
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=1"), "{path}");
        }
    });
}

#[test]
fn a_vanished_publisher_and_a_drain_release_who_waits() {
    with_live(|live| {
        let number = live.listed(0).next_number();
        let mut push = live.begin();
        push.chunk(&live.chunks()[0]);
        live.listed(1);
        // Three target durations; nothing comes.
        drop(push);
        let late = live.waiting(live.part(1));
        let reload = live.waiting(format!("/cam/audio/index.m3u8?_HLS_msn={number}&_HLS_part=1"));
        for waiting in [late, reload] {
            let answer = waiting.join().expect("answered");
            assert_eq!((answer.status, answer.header("cache-control")), (503, Some("no-store")));
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        let waiting = live.waiting(live.part(1));
        a_while();
        drop(live);
        assert_eq!(waiting.join().expect("answered").status, 503);
    });
}

#[test]
fn a_publisher_that_comes_back_sends_the_segment_again_and_no_listed_part_changes() {
    with_live(|live| {
        let chunks = live.chunks();
        let mut watch = Watch::default();
        let mut look = || assert_eq!(watch.look(&live.playlist("").text()), Ok(vec![]));
        let mut push = live.begin();
        chunks[..2].iter().for_each(|chunk| push.chunk(chunk));
        live.listed(2);
        look();
        drop(push);
        // Encoded again, the bytes differ.
        let mut again = chunks.clone();
        for chunk in &mut again {
            *chunk.last_mut().expect("not empty") ^= 0xff;
        }
        let mut push = live.begin();
        again[..3].iter().for_each(|chunk| push.chunk(chunk));
        live.listed(3);
        look();
        again[3..].iter().for_each(|chunk| push.chunk(chunk));
        assert_eq!(push.finish().status, 200);
        live.listed(0);
        look();
        let kept: Vec<u8> = [&chunks[..2], &again[2..]].concat().concat();
        assert_eq!(live.server.get(&live.part(0)).body, chunks[0]);
        assert_eq!(live.server.get(&live.part(2)).body, again[2]);
        assert_eq!(live.server.get(&format!("/cam/audio/{}.m4s", live.at)).body, kept);
    });
}

#[test]
fn small_chunks_of_anyone_are_joined_to_parts_that_keep_the_rules() {
    with_live(|live| {
        let chunks = live.sound.chunks(live.at, 1);
        let mut push = live.begin();
        let mut watch = Watch::default();
        for chunk in &chunks {
            push.chunk(chunk);
            assert_eq!(watch.look(&live.playlist("").text()), Ok(vec![]));
        }
        assert_eq!(push.finish().status, 200);
        let parts = &live.listed(0).segments.last().expect("listed").parts.clone();
        assert_eq!(parts.len(), 5, "four of 20 frames and one of 13");
        let bytes: Vec<Vec<u8>> =
            (0..parts.len()).map(|index| live.server.get(&live.part(index)).body).collect();
        assert_eq!(bytes.concat(), chunks.concat());
    });
}

#[test]
fn long_chunks_of_anyone_are_served_whole() {
    with_live(|live| {
        assert_eq!(live.server.put(&ingest(live.at), &live.sound.segment(live.at)).status, 200);
        assert_eq!(live.listed(0).segments.last().map(|last| last.parts.len()), Some(0));
    });
}

/// Reads an open segment's chunked body as it comes.
struct Reader {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Reader {
    fn open(live: &Live) -> Self {
        let mut stream = TcpStream::connect(live.server.address).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("sets");
        let slot = live.at / TICKS_PER_SLOT;
        let head = format!("GET /cam/audio/slot-{slot}.m4s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sends");
        Self { stream, seen: Vec::new() }
    }

    /// Until these bytes have come.
    fn wait_for(&mut self, bytes: &[u8]) {
        let mut buffer = [0; 4_096];
        while !self.seen.windows(bytes.len()).any(|window| window == bytes) {
            let count = self.stream.read(&mut buffer).expect("they come");
            assert!(count > 0, "ended before they came");
            self.seen.extend_from_slice(&buffer[..count]);
        }
    }

    /// Whether the body ended as a whole.
    fn ended_whole(mut self) -> bool {
        let _ = self.stream.read_to_end(&mut self.seen);
        self.seen.ends_with(b"\r\n0\r\n\r\n")
    }
}

#[test]
fn the_open_segment_streams_to_early_and_late_readers() {
    with_live(|live| {
        let chunks = live.chunks();
        // Asked for before it begins.
        let mut early = Reader::open(&live);
        a_while();
        let mut push = live.begin();
        push.chunk(&chunks[0]);
        early.wait_for(&chunks[0]);
        push.chunk(&chunks[1]);
        early.wait_for(&chunks[1]);
        let mut late = Reader::open(&live);
        chunks[..2].iter().for_each(|chunk| late.wait_for(chunk));
        chunks[2..].iter().for_each(|chunk| push.chunk(chunk));
        assert_eq!(push.finish().status, 200);
        assert!(early.ended_whole() && late.ended_whole());
        let slot = live.at / TICKS_PER_SLOT;
        let whole = live.server.get(&format!("/cam/audio/slot-{slot}.m4s"));
        assert_eq!((whole.status, whole.body), (200, chunks.concat()));
    });
}

#[test]
fn a_reader_never_takes_a_segment_that_was_given_up_for_a_whole_one() {
    let data = tempfile::tempdir().expect("a folder");
    let live = Live::start(data.path());
    let chunks = live.chunks();
    let mut push = live.begin();
    push.chunk(&chunks[0]);
    let mut reader = Reader::open(&live);
    reader.wait_for(&chunks[0]);
    drop(push);
    drop(live);
    assert!(!reader.ended_whole(), "the origin ended in the middle");
}

#[test]
fn a_standard_channel_knows_no_parts() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path());
    let (sound, at) = (Sound::named("audio", 2), now_ticks());
    server.put("/ingest/cam/audio/init.mp4", &sound.header());
    server.put(&ingest(at), &sound.segment(at));
    let plain = server.get("/cam/audio/index.m3u8").text();
    for query in ["?_HLS_msn=9999999999", "?_HLS_skip=YES", "?_HLS_part=1"] {
        assert_eq!(server.get(&format!("/cam/audio/index.m3u8{query}")).text(), plain, "{query}");
    }
    let slot = at / TICKS_PER_SLOT;
    for path in [format!("/cam/audio/{at}.0.m4s"), format!("/cam/audio/slot-{slot}.m4s")] {
        assert_eq!(server.get(&path).status, 404, "{path}");
    }
}
