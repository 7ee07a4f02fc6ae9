//! Packaging endpoints of a running origin.

mod common;

use std::time::Duration;

use common::{Server, Sound, entries, media_sequence, request};
use conformance::Watch;
use manifest::{View, dash, hls};
use origin::{Endpoint, Identifier, Kind, Manifest};

fn manifest(name: &str, kind: Kind) -> Manifest {
    Manifest {
        name: name.to_owned(),
        kind,
        view: View {
            window_us: 20_000_000,
            delay_us: 0,
            segment_ms: None,
            lists_parts: false,
            video_bps: 0..=u64::MAX,
        },
        hls: hls::Style { playlist: name.to_owned(), ..hls::Style::default() },
        dash: dash::Style::default(),
    }
}

fn endpoint(path: &str, manifests: Vec<Manifest>) -> Endpoint {
    let channel = "cam".parse().expect("a name");
    Endpoint { path: path.to_owned(), channel, segment_ms: None, identifier: None, manifests }
}

/// The same with its segments joined to six seconds.
fn joined(path: &str, manifests: Vec<Manifest>) -> Endpoint {
    let mut endpoint = endpoint(path, manifests);
    endpoint.segment_ms = Some(6_000);
    endpoint.manifests.iter_mut().for_each(|manifest| manifest.view.segment_ms = Some(6_000));
    endpoint
}

/// An audio publisher whose segments lie on the grid of two seconds, the first at the beginning of six.
struct OnGrid {
    sound: Sound,
    slot: i64,
}

impl OnGrid {
    const SLOT: i64 = 96_000;

    fn start(server: &Server) -> Self {
        let sound = Sound::named("audio", 2);
        assert_eq!(server.put("/ingest/cam/audio/init.mp4", &sound.header()).status, 200);
        let now = common::now_ticks() / Self::SLOT - 30;
        Self { sound, slot: now - now.rem_euclid(3) }
    }

    /// Where the first frame of a slot begins.
    fn begin(slot: i64) -> i64 {
        let frame = Sound::FRAME;
        (slot * Self::SLOT + frame - 1) / frame * frame
    }

    /// The segments of the next slots; where they begin, and their bytes.
    fn push(&mut self, server: &Server, count: i64) -> Vec<(i64, Vec<u8>)> {
        let slots = self.slot..self.slot + count;
        self.slot += count;
        let push = |slot: i64| {
            let (start, end) = (Self::begin(slot), Self::begin(slot + 1));
            let bytes = self.sound.frames(start, (end - start) / Sound::FRAME);
            assert_eq!(server.put(&format!("/ingest/cam/audio/{start}.m4s"), &bytes).status, 200);
            (start, bytes)
        };
        slots.map(push).collect()
    }
}

fn with(endpoints: Vec<Endpoint>, test: impl FnOnce(Server, OnGrid)) {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start_packaging(data.path(), None, endpoints);
    let publisher = OnGrid::start(&server);
    test(server, publisher);
}

#[test]
fn an_endpoint_shows_the_same_segments_under_its_own_path() {
    let mut narrow = manifest("live", Kind::HlsAndDash);
    narrow.view.window_us = 11_000_000;
    narrow.hls.dates = hls::Dates::Never;
    with(vec![endpoint("out/v1/abc", vec![narrow])], |server, mut publisher| {
        let sent = publisher.push(&server, 9);
        let master = server.get("/out/v1/abc/live.m3u8");
        assert_eq!(master.status, 200);
        assert_eq!(entries(&master.text()), ["audio/live.m3u8"]);
        let playlist = server.get("/out/v1/abc/audio/live.m3u8");
        assert_eq!(playlist.header("content-type"), Some("application/vnd.apple.mpegurl"));
        let listed = entries(&playlist.text());
        let newest: Vec<_> = sent[3..].iter().map(|(start, _)| format!("{start}.m4s")).collect();
        assert_eq!(listed, newest);
        assert!(!playlist.text().contains("PROGRAM-DATE-TIME"), "{}", playlist.text());
        let (start, bytes) = &sent[8];
        let segment = server.get(&format!("/out/v1/abc/audio/{start}.m4s"));
        assert_eq!(&segment.body, bytes);
        assert!(segment.header("cache-control").is_some_and(|value| value.contains("immutable")));
        let init = playlist.text().lines().find_map(|line| line.split('"').nth(1).map(str::to_owned));
        let init = server.get(&format!("/out/v1/abc/audio/{}", init.expect("a header is named")));
        assert_eq!(init.body, publisher.sound.header());
        let mpd = server.get("/out/v1/abc/live.mpd");
        assert_eq!(mpd.header("content-type"), Some("application/dash+xml"));
        assert!(mpd.text().contains("timeShiftBufferDepth=\"PT11S\""), "{}", mpd.text());
        // The channel itself is as before.
        assert_eq!(entries(&server.get("/cam/audio/index.m3u8").text()).len(), 9);
    });
}

#[test]
fn what_an_endpoint_does_not_offer_is_not_there() {
    with(vec![endpoint("out/a", vec![manifest("index", Kind::Hls)])], |server, mut publisher| {
        publisher.push(&server, 6);
        for path in [
            "/out/a/",
            "/out/a",
            "/out/a/index.mpd",
            "/out/a/other.m3u8",
            "/out/a/status.json",
            "/out/a/audio/other.m3u8",
            "/out/a/audio/slot-1.m4s",
            "/out/a/audio/number-x.m4s",
            "/out/b/index.m3u8",
        ] {
            assert_eq!(server.get(path).status, 404, "{path}");
        }
    });
}

#[test]
fn joined_segments_are_the_channels_one_after_the_other() {
    with(vec![joined("out/six", vec![manifest("index", Kind::HlsAndDash)])], |server, mut publisher| {
        let mut watch = Watch::default();
        let mut sent = Vec::new();
        for _ in 0..9 {
            sent.extend(publisher.push(&server, 1));
            let playlist = server.get("/out/six/audio/index.m3u8");
            if playlist.status == 404 {
                continue;
            }
            let broken = watch.look(&playlist.text()).expect("it is read");
            assert!(broken.is_empty(), "{broken:?}\n{}", playlist.text());
        }
        let last = watch.last().expect("it was listed");
        assert_eq!(last.target_s, 6);
        let first_slot = (publisher.slot - 9) / 3;
        assert_eq!(last.media_sequence, u64::try_from(first_slot).expect("after 1970"));
        assert_eq!(last.segments.len(), 3);
        for (segment, members) in last.segments.iter().zip(sent.chunks(3)) {
            let found = server.get(&format!("/out/six/audio/{}", segment.uri));
            assert_eq!(found.status, 200);
            let bytes: Vec<_> = members.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
            assert!(found.body == bytes, "{} is not its three", segment.uri);
        }
        let metrics = common::metrics(&server);
        let of = |status: &str| {
            format!("headwater_origin_endpoint_requests_total{{endpoint=\"out/six\",status=\"{status}\"}} ")
        };
        assert!(metrics.contains(&of("2xx")) && metrics.contains(&of("4xx")), "{metrics}");
        // One that is of the channel only.
        assert_eq!(server.get(&format!("/out/six/audio/{}.m4s", sent[1].0)).status, 404);
        let mpd = server.get("/out/six/index.mpd").text();
        assert!(mpd.contains("maxSegmentDuration=\"PT6.5S\""), "{mpd}");
    });
}

#[test]
fn a_joined_segment_is_there_though_nobody_asked_for_a_playlist_before() {
    with(vec![joined("out/six", vec![manifest("index", Kind::Hls)])], |server, mut publisher| {
        let sent = publisher.push(&server, 6);
        let found = server.get(&format!("/out/six/audio/{}.m4s", sent[3].0));
        assert_eq!(found.status, 200);
        assert_eq!(found.body.len(), sent[3..].iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
    });
}

#[test]
fn a_segment_is_found_by_its_number() {
    let mut numbered = manifest("index", Kind::Dash);
    numbered.dash.template = dash::Template::Number;
    with(vec![endpoint("out/n", vec![numbered])], |server, mut publisher| {
        let sent = publisher.push(&server, 6);
        let mpd = server.get("/out/n/index.mpd").text();
        let first = mpd.split("startNumber=\"").nth(1).and_then(|rest| rest.split('"').next());
        let first: u64 = first.and_then(|number| number.parse().ok()).expect("a number");
        assert_eq!(first, media_sequence(&server.get("/cam/audio/index.m3u8").text()));
        for (number, (_, bytes)) in (first..).zip(&sent) {
            let found = server.get(&format!("/out/n/audio/number-{number}.m4s"));
            assert!(found.body == *bytes, "{number}");
        }
        assert_eq!(server.get(&format!("/out/n/audio/number-{}.m4s", first + 6)).status, 404);
    });
}

#[test]
fn only_who_brings_the_identifier_is_answered() {
    let mut closed = endpoint("out/cdn", vec![manifest("index", Kind::Hls)]);
    // SHA-256 of "0123456789".
    let digest = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
    let mut sha256 = [0; 32];
    for (at, byte) in sha256.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digest[at * 2..at * 2 + 2], 16).expect("hexadecimal");
    }
    closed.identifier = Some(Identifier { header: "x-cdn".parse().expect("a name"), sha256: vec![sha256] });
    with(vec![closed], |server, mut publisher| {
        let sent = publisher.push(&server, 6);
        let segment = format!("/out/cdn/audio/{}.m4s", sent[0].0);
        for path in ["/out/cdn/index.m3u8", "/out/cdn/audio/index.m3u8", &segment, "/out/cdn/other"] {
            let refused = server.get(path);
            assert_eq!(refused.status, 403, "{path}");
            assert_eq!(refused.header("cache-control"), Some("no-store"));
            let wrong = request(server.address, "GET", path, &[("X-CDN", "012345678")], &[]);
            assert_eq!(wrong.status, 403, "{path}");
            let twice = [("X-CDN", "0123456789"), ("X-CDN", "0123456789")];
            assert_eq!(request(server.address, "GET", path, &twice, &[]).status, 403, "{path}");
        }
        let brought = [("X-CDN", "0123456789")];
        assert_eq!(request(server.address, "GET", "/out/cdn/index.m3u8", &brought, &[]).status, 200);
        assert_eq!(request(server.address, "GET", &segment, &brought, &[]).status, 200);
    });
}

#[test]
fn the_set_can_be_replaced_while_the_origin_runs() {
    let one = endpoint("out/one", vec![manifest("index", Kind::Hls)]);
    with(vec![one.clone()], |server, mut publisher| {
        publisher.push(&server, 6);
        assert_eq!(server.get("/out/one/index.m3u8").status, 200);
        let mut narrow = manifest("index", Kind::Hls);
        narrow.hls.playlist = "media".to_owned();
        server.endpoints.replace(vec![one, endpoint("out/two", vec![narrow])]);
        assert_eq!(entries(&server.get("/out/two/index.m3u8").text()), ["audio/media.m3u8"]);
        assert_eq!(server.get("/out/one/index.m3u8").status, 200);
        // The same path with other settings shows them at once.
        server.endpoints.replace(vec![endpoint("out/two", vec![manifest("index", Kind::Hls)])]);
        assert_eq!(entries(&server.get("/out/two/index.m3u8").text()), ["audio/index.m3u8"]);
        assert_eq!(server.get("/out/one/index.m3u8").status, 404);
    });
}

#[test]
fn a_low_latency_channels_parts_are_shown_where_they_are_wanted() {
    let mut low = manifest("low", Kind::Hls);
    low.view.lists_parts = true;
    let data = tempfile::tempdir().expect("a folder");
    let endpoints = vec![endpoint("out/ll", vec![low, manifest("whole", Kind::HlsAndDash)])];
    let server = Server::start_packaging(data.path(), Some(Duration::from_millis(500)), endpoints);
    let mut publisher = OnGrid::start(&server);
    publisher.push(&server, 6);
    let start = OnGrid::begin(publisher.slot);
    let chunks = publisher.sound.chunks(start, 23);
    let mut push = common::Push::begin(server.address, &format!("/ingest/cam/audio/{start}.m4s"));
    push.chunk(&chunks[0]);
    push.chunk(&chunks[1]);
    let playlist = common::wait_for("a part", || {
        let playlist = server.get("/out/ll/audio/low.m3u8").text();
        playlist.contains(&format!("\"{start}.0.m4s\"")).then_some(playlist)
    });
    let (_, broken) = conformance::Playlist::read(&playlist).expect("it is read");
    assert!(broken.is_empty(), "{broken:?}\n{playlist}");
    assert_eq!(server.get(&format!("/out/ll/audio/{start}.0.m4s")).body, chunks[0]);
    // A request for what is there is answered; too far ahead it is refused.
    let next = conformance::Playlist::read(&playlist).expect("read").0.next_number();
    assert_eq!(server.get(&format!("/out/ll/audio/low.m3u8?_HLS_msn={next}&_HLS_part=0")).status, 200);
    assert_eq!(server.get(&format!("/out/ll/audio/low.m3u8?_HLS_msn={}", next + 9)).status, 400);
    let whole = server.get("/out/ll/audio/whole.m3u8").text();
    let (_, broken) = conformance::Playlist::read(&whole).expect("it is read");
    assert!(broken.is_empty() && !whole.contains("PART"), "{broken:?}\n{whole}");
    let mpd = server.get("/out/ll/whole.mpd").text();
    assert!(mpd.contains("$Time$") && !mpd.contains("slot-"), "{mpd}");
}
