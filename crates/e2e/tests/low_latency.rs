//! Low latency as a player sees it: playlists, parts and open segments through the edge.

use std::time::{Duration, Instant};

use conformance::Watch;
use e2e::{Answer, Peer, Stack, eventually, hls, is_alive};

const LOW: &str = "[[channel]]\nname = \"low\"\ninput = \"test\"\npreset = \"ultrafast\"\nladder = [\"360p30\", \"240p30\"]\nlatency = \"low\"\n";
const PASSTHROUGH: &str = "[[channel]]\nname = \"low\"\ninput = { rtmp = \"live/low\" }\nladder = \"passthrough\"\nlatency = \"low\"\n";

/// A player of one rendition: reloads as the draft says and fetches every part that it is told of.
struct Player<'stack> {
    stack: &'stack Stack,
    /// `/low/360p30/`
    folder: String,
    watch: Watch,
    parts: Vec<(String, Vec<u8>)>,
}

impl<'stack> Player<'stack> {
    fn join(stack: &'stack Stack, media: &str) -> Self {
        let folder = format!("/low/{}", media.trim_end_matches("index.m3u8"));
        let mut player = Self { stack, folder, watch: Watch::default(), parts: Vec::new() };
        let text = player.get("index.m3u8").text().to_owned();
        player.look(&text);
        player
    }

    /// Asks again where the stack was just shot: a player would.
    fn get(&self, file: &str) -> Answer {
        eventually(&format!("an answer for {file}"), || {
            self.stack.try_get(&format!("{}{file}", self.folder)).filter(|answer| answer.status == 200)
        })
    }

    fn look(&mut self, text: &str) {
        let broken = self.watch.look(text).unwrap_or_else(|fault| panic!("{fault} in {text}"));
        assert_eq!(broken, [], "{}index.m3u8: {text}", self.folder);
    }

    fn last(&self) -> &conformance::Playlist {
        self.watch.last().expect("it joined")
    }

    /// One round: the hinted part, and the playlist that lists it.
    fn step(&mut self) {
        let last = self.last();
        let hint = last.hint.clone().expect("a low-latency playlist hints");
        let (msn, part) = (last.next_number(), last.open.parts.len());
        let hinted = self.stack.try_get(&format!("{}{hint}", self.folder));
        if let Some(hinted) = hinted.filter(|answer| answer.status == 200) {
            assert!(hinted.body.len() > 8 && hinted.body[4..].starts_with(b"styp"), "{hint} is a CMAF chunk");
            self.parts.push((hint, hinted.body.to_vec()));
        }
        let text = self.get(&format!("index.m3u8?_HLS_msn={msn}&_HLS_part={part}&_HLS_skip=YES"));
        self.look(text.text());
        let last = self.last();
        let there = (last.next_number(), last.open.parts.len());
        assert!(there > (msn, part), "asked for {msn}.{part}, got {there:?}");
    }

    fn play(&mut self, seconds: u64) {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds) {
            self.step();
        }
    }

    /// Every whole segment whose parts were all fetched has their bytes.
    fn parts_make_segments(&self) -> usize {
        let mut compared = 0;
        for segment in &self.last().segments {
            let start = segment.uri.trim_end_matches("m4s");
            let of_it: Vec<_> = self.parts.iter().filter(|(uri, _)| uri.starts_with(start)).collect();
            if of_it.is_empty() || of_it.len() != segment.parts.len() {
                continue;
            }
            let joined: Vec<u8> = of_it.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
            assert!(self.get(&segment.uri).body == joined, "{} is its parts", segment.uri);
            compared += 1;
        }
        compared
    }
}

fn players(stack: &Stack) -> Vec<Player<'_>> {
    let multivariant = stack.wait_for_segments("low", 2);
    // Three target durations before anything is judged: a playlist begins somewhere.
    stack.wait_for_segments("low", 4);
    hls::media_playlists(&multivariant).iter().map(|media| Player::join(stack, media)).collect()
}

fn everybody_plays(players: &mut [Player<'_>], seconds: u64) {
    std::thread::scope(|scope| {
        for player in players {
            scope.spawn(move || player.play(seconds));
        }
    });
}

#[test]
fn every_rendition_keeps_the_rules_and_its_parts_make_its_segments() {
    let stack = Stack::start(LOW);
    let mut players = players(&stack);
    assert_eq!(players.len(), 3, "two rungs and a sound");
    everybody_plays(&mut players, 8);
    for player in &players {
        assert!(player.parts_make_segments() >= 1, "{}", player.folder);
    }
    let failed = stack.metric(&["headwater_edge_origin_fetches_total", "failed"]);
    assert_eq!(failed, 0.0, "{}", stack.log_tail());
}

#[test]
fn passthrough_has_parts_too() {
    let stack = Stack::start(PASSTHROUGH);
    let _publisher = Peer::publish(&stack.rtmp_url("live/low"), 30);
    let mut players = players(&stack);
    everybody_plays(&mut players, 6);
    for player in &players {
        assert!(player.parts_make_segments() >= 1, "{}", player.folder);
    }
}

#[test]
fn killed_encoders_and_origins_change_nothing_that_was_listed() {
    let stack = Stack::start(LOW);
    let mut players = players(&stack);
    everybody_plays(&mut players, 3);
    let encoder = stack.pids("headwater-encoder");
    assert_eq!(encoder.len(), 1);
    std::thread::scope(|scope| {
        scope.spawn(|| everybody_plays(&mut players, 8));
        std::thread::sleep(Duration::from_millis(700));
        stack.kill_child("headwater-encoder");
        std::thread::sleep(Duration::from_millis(3_600));
        stack.kill_child(" origin ");
    });
    everybody_plays(&mut players, 3);
    assert!(!is_alive(encoder[0]));
    for player in &players {
        assert!(
            player.last().segments.iter().all(|segment| segment.discontinuities == 0),
            "{}",
            player.folder
        );
    }
}

#[test]
fn many_who_wait_for_one_thing_are_one_request_at_the_origin() {
    const VIEWERS: usize = 200;
    let stack = Stack::start(LOW);
    let mut players = players(&stack);
    let player = &mut players[0];
    player.step();
    let asked_origin = || stack.metric(&["headwater_edge_origin_fetches_total"]);
    let last = player.last();
    let (msn, hint) = (last.next_number() + 1, last.hint.clone().expect("hinted"));
    let reload = format!("{}index.m3u8?_HLS_msn={msn}&_HLS_part=0", player.folder);
    let before = asked_origin();
    let url = stack.url(&reload);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let viewers: Vec<_> = (0..VIEWERS).map(|_| scope.spawn(|| stack.fetch(&url))).collect();
        viewers.into_iter().map(|viewer| viewer.join().expect("ran").expect("answered")).collect()
    });
    assert_eq!(asked_origin() - before, 1.0, "one waits for all");
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (200, &answers[0].body));
    }
    // What they were told of is there for everybody, whenever he asks.
    assert_eq!(stack.get(&format!("{}{hint}", player.folder)).status, 200);
}

#[test]
fn a_vanished_publisher_releases_who_waits_and_is_welcome_back() {
    let stack = Stack::start(PASSTHROUGH);
    let publisher = Peer::publish(&stack.rtmp_url("live/low"), 30);
    let mut players = players(&stack);
    everybody_plays(&mut players, 1);
    publisher.kill();
    for player in &players {
        let last = eventually("nothing comes any more", || {
            let text = player.get("index.m3u8").text().to_owned();
            std::thread::sleep(Duration::from_millis(1_500));
            (player.get("index.m3u8").text() == text).then(|| hls::media_playlist(&text))
        });
        let (msn, part) = (last.next_number(), last.open.parts.len());
        for waiting in [format!("index.m3u8?_HLS_msn={msn}&_HLS_part={part}"), last.hint.expect("hinted")] {
            let answer = stack.get(&format!("{}{waiting}", player.folder));
            assert_eq!(answer.status, 503, "{waiting}: {}", answer.text());
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    let _publisher = Peer::publish(&stack.rtmp_url("live/low"), 30);
    for player in &mut players {
        let (folder, before) = (player.folder.clone(), player.last().next_number());
        eventually(&format!("{folder} goes on"), || {
            let text = player.get("index.m3u8").text().to_owned();
            player.look(&text);
            (player.last().next_number() > before + 2).then_some(())
        });
    }
}
