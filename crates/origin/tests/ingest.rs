//! CMAF ingest, request by request.

mod common;

use std::io::Write;
use std::net::TcpStream;

use common::{Server, Sound, entries, media_sequence, now_ticks, read_answer, request};

fn with_server(test: impl FnOnce(&Server)) {
    let data = tempfile::tempdir().expect("a folder");
    test(&Server::start(data.path()));
}

fn playlist(server: &Server, track: &str) -> String {
    let answer = server.get(&format!("/cam/{track}/index.m3u8"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[test]
fn what_is_put_can_be_fetched_byte_for_byte_and_is_immutable() {
    with_server(|server| {
        let (sound, at) = (Sound::named("audio", 2), now_ticks());
        let answer = server.put("/ingest/cam/audio/init.mp4", &sound.header());
        assert_eq!((answer.status, answer.header("headwater-next")), (200, None));
        assert_eq!(server.put(&format!("/ingest/cam/audio/{at}.m4s"), &sound.segment(at)).status, 200);
        let text = playlist(server, "audio");
        m3u8_rs::parse_media_playlist_res(text.as_bytes()).expect("m3u8-rs reads it");
        assert_eq!(entries(&text), [format!("{at}.m4s")]);

        let map = text.split("URI=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a map");
        let header = server.get(&format!("/cam/audio/{map}"));
        assert_eq!(header.body, sound.header());
        let segment = server.get(&format!("/cam/audio/{at}.m4s"));
        assert_eq!(segment.body, sound.segment(at));
        for answer in [&header, &segment] {
            assert_eq!(answer.header("content-type"), Some("audio/mp4"));
            assert_eq!(answer.header("cache-control"), Some("public, max-age=86400, immutable"));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert!(answer.header("etag").is_some_and(|tag| tag.starts_with('"')), "a strong tag");
        }
        let etag = segment.header("etag").expect("a tag").to_owned();
        let path = format!("/cam/audio/{at}.m4s");
        let again = request(server.address, "GET", &path, &[("if-none-match", &etag)], &[]);
        assert_eq!((again.status, again.body.len()), (304, 0));
        let part = request(server.address, "GET", &path, &[("range", "bytes=4-7")], &[]);
        assert_eq!((part.status, &part.body[..]), (206, &segment.body[4..8]));
        let head = request(server.address, "HEAD", &path, &[], &[]);
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), Some(segment.body.len().to_string().as_str()));
    });
}

#[test]
fn a_restarted_publisher_hears_where_to_go_on_and_makes_no_discontinuity() {
    with_server(|server| {
        let (sound, at) = (Sound::named("audio", 2), now_ticks());
        server.put("/ingest/cam/audio/init.mp4", &sound.header());
        server.put("/ingest/cam/audio/1.m4s", &sound.segment(at));
        let answer = server.put("/ingest/cam/audio/init.mp4", &sound.header());
        let next = at + Sound::TICKS;
        assert_eq!(answer.header("headwater-next"), Some(next.to_string().as_str()));
        server.put("/ingest/cam/audio/2.m4s", &sound.segment(next));
        assert_eq!(entries(&playlist(server, "audio")), [format!("{at}.m4s"), format!("{next}.m4s")]);
    });
}

#[test]
fn what_the_origin_has_is_read_and_dropped() {
    with_server(|server| {
        let (sound, at) = (Sound::named("audio", 2), now_ticks());
        let other = Sound::named("other", 2);
        server.put("/ingest/cam/audio/init.mp4", &sound.header());
        let mut changed = sound.segment(at);
        server.put("/ingest/cam/audio/1.m4s", &changed);
        let last = changed.len() - 1;
        changed[last] ^= 1;
        assert_eq!(server.put("/ingest/cam/audio/1.m4s", &changed).status, 200);
        assert_eq!(server.put("/ingest/cam/audio/1.m4s", &other.segment(at)).status, 200);
        assert_eq!(server.get(&format!("/cam/audio/{at}.m4s")).body, sound.segment(at));
        assert_eq!(entries(&playlist(server, "audio")).len(), 1);
    });
}

#[test]
fn a_body_that_breaks_off_publishes_nothing() {
    with_server(|server| {
        let (sound, at) = (Sound::named("audio", 2), now_ticks());
        server.put("/ingest/cam/audio/init.mp4", &sound.header());
        let segment = sound.segment(at);
        for cut in [1, segment.len() / 2, segment.len() - 1] {
            let mut stream = TcpStream::connect(server.address).expect("connects");
            let head = format!(
                "PUT /ingest/cam/audio/1.m4s HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
                segment.len()
            );
            stream.write_all(head.as_bytes()).expect("sends");
            stream.write_all(&segment[..cut]).expect("sends");
            stream.shutdown(std::net::Shutdown::Both).expect("closes");
        }
        // A chunked body whose last chunk never came.
        let mut stream = TcpStream::connect(server.address).expect("connects");
        let head = "PUT /ingest/cam/audio/1.m4s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("sends");
        stream.write_all(format!("{:x}\r\n", segment.len()).as_bytes()).expect("sends");
        stream.write_all(&segment).expect("sends");
        drop(stream);
        // And one that ends, but inside a box.
        let torn = server.put("/ingest/cam/audio/1.m4s", &segment[..segment.len() - 1]);
        assert_eq!(torn.status, 400, "{}", torn.text());
        assert_eq!(server.get("/cam/audio/index.m3u8").status, 404);
        assert_eq!(server.put("/ingest/cam/audio/1.m4s", &segment).status, 200);
        assert_eq!(entries(&playlist(server, "audio")).len(), 1);
    });
}

#[test]
fn refusals_say_why() {
    with_server(|server| {
        let (sound, at) = (Sound::named("audio", 2), now_ticks());
        let segment = sound.segment(at);
        for (path, body, status, reason) in [
            ("/ingest/nobody/audio/1.m4s", &segment[..], 404, "no such channel"),
            ("/ingest/cam/../x/1.m4s", &segment, 403, "leads out"),
            ("/ingest/cam/a b/1.m4s", &segment, 400, ""),
            ("/ingest/cam/audio/1.m4s", &segment, 412, "header (ftyp, moov) first"),
            ("/ingest/cam/audio/1.m4s", b"GET / HTTP/1.1\r\n\r\n", 400, "not CMAF"),
            ("/ingest/cam/what.ever", &segment, 400, "names no track"),
            ("/ingest/cam/x.mpd", b"<!DOCTYPE a>", 400, "document type"),
        ] {
            let answer = server.put(path, body);
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
            assert!(answer.text().contains(reason), "{path}: {}", answer.text());
        }
        let html =
            request(server.address, "PUT", "/ingest/cam/audio/1", &[("content-type", "text/html")], &segment);
        assert_eq!(html.status, 415, "{}", html.text());
        assert_eq!(request(server.address, "DELETE", "/ingest/cam/audio/1.m4s", &[], &[]).status, 200);
        assert_eq!(server.get("/ingest/cam/audio/1.m4s").status, 405);
        assert_eq!(server.put("/ingest/cam/audio/init.mp4", &[]).status, 200, "an empty probe");
    });
}

#[test]
fn a_stream_is_cut_at_its_styp() {
    with_server(|server| {
        let (sound, at) = (Sound::named("audio", 2), now_ticks());
        let mut stream = TcpStream::connect(server.address).expect("connects");
        let head = "POST /ingest/cam/Streams(audio) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("sends");
        let mut send = |bytes: &[u8]| {
            stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).expect("sends");
            stream.write_all(bytes).expect("sends");
            stream.write_all(b"\r\n").expect("sends");
        };
        send(&sound.header());
        for index in 0..3 {
            // In two pieces each, cut anywhere.
            let segment = sound.segment(at + index * Sound::TICKS);
            let (front, back) = segment.split_at(segment.len() / 3 + index as usize);
            send(front);
            send(back);
        }
        stream.write_all(b"0\r\n\r\n").expect("sends");
        assert_eq!(read_answer(&mut stream).status, 200);
        let text = playlist(server, "audio");
        let expected: Vec<_> = (0..3).map(|index| format!("{}.m4s", at + index * Sound::TICKS)).collect();
        assert_eq!(entries(&text), expected);
        assert_eq!(server.get(&format!("/cam/audio/{}", expected[1])).body, sound.segment(at + Sound::TICKS));
    });
}

#[test]
fn a_publisher_that_counts_from_zero_is_shifted_and_comes_back_with_one_discontinuity() {
    with_server(|server| {
        let sounds = [Sound::named("a", 2), Sound::named("b", 1)];
        for _session in 0..3 {
            for (name, sound) in ["a", "b"].iter().zip(&sounds) {
                server.put(&format!("/ingest/cam/{name}/init.mp4"), &sound.header());
            }
            for index in 0..3 {
                for (name, sound) in ["a", "b"].iter().zip(&sounds) {
                    let answer = server.put(
                        &format!("/ingest/cam/{name}/{index}.m4s"),
                        &sound.segment(index * Sound::TICKS),
                    );
                    assert_eq!(answer.status, 200, "{}", answer.text());
                }
            }
        }
        let (a, b) = (playlist(server, "a"), playlist(server, "b"));
        assert_eq!(entries(&a), entries(&b), "the same times and breaks");
        let marks: Vec<_> = entries(&a).iter().map(|entry| entry == "DISCONTINUITY").collect();
        let breaks = marks.iter().filter(|mark| **mark).count();
        assert_eq!((marks.len(), breaks), (11, 2), "{a}");
        assert_eq!((marks[3], marks[7]), (true, true), "{a}");
        assert_eq!(media_sequence(&a), media_sequence(&b));
        // The decode times inside the segments are those of their names.
        for name in entries(&a).iter().filter(|entry| entry.ends_with(".m4s")) {
            let bytes = server.get(&format!("/cam/a/{name}")).body;
            let header = std::sync::Arc::new(cmaf::Header::read(sounds[0].header()).expect("a header"));
            let mut reader = cmaf::ChunkReader::with_header(header);
            reader.feed(bytes.into());
            let time = loop {
                match reader.next().expect("CMAF") {
                    Some(cmaf::Event::Chunk(chunk)) => break chunk.decode_time,
                    Some(_) => {}
                    None => panic!("no chunk"),
                }
            };
            assert_eq!(format!("{time}.m4s"), *name);
        }
    });
}

#[test]
fn an_old_epoch_publisher_replaced_by_another_header_breaks_all_tracks_once() {
    with_server(|server| {
        let at = now_ticks();
        let (stereo, mono, beside) = (Sound::named("a", 2), Sound::named("a", 1), Sound::named("b", 2));
        server.put("/ingest/cam/a/init.mp4", &stereo.header());
        server.put("/ingest/cam/b/init.mp4", &beside.header());
        for index in 0..2 {
            server.put("/ingest/cam/a/1.m4s", &stereo.segment(at + index * Sound::TICKS));
            server.put("/ingest/cam/b/1.m4s", &beside.segment(at + index * Sound::TICKS));
        }
        server.put("/ingest/cam/a/init.mp4", &mono.header());
        server.put("/ingest/cam/b/1.m4s", &beside.segment(at + 2 * Sound::TICKS));
        server.put("/ingest/cam/a/1.m4s", &mono.segment(at + 2 * Sound::TICKS));
        let (a, b) = (playlist(server, "a"), playlist(server, "b"));
        assert_eq!(entries(&a), entries(&b));
        assert_eq!(entries(&a)[2], "DISCONTINUITY", "{a}");
        assert_eq!(a.matches("#EXT-X-MAP").count(), 2, "{a}");
        assert_eq!(b.matches("#EXT-X-MAP").count(), 1, "{b}");
    });
}

#[test]
fn the_window_slides_and_what_left_it_can_still_be_fetched_for_a_while() {
    with_server(|server| {
        let (sound, at) = (Sound::named("audio", 2), now_ticks());
        server.put("/ingest/cam/audio/init.mp4", &sound.header());
        for index in 0..40 {
            server.put("/ingest/cam/audio/1.m4s", &sound.segment(at + index * Sound::TICKS));
        }
        let text = playlist(server, "audio");
        let listed = entries(&text);
        assert_eq!(listed.len(), 11, "20 s of 1.984 s: {text}");
        assert_eq!(listed[10], format!("{}.m4s", at + 39 * Sound::TICKS));
        assert_eq!(server.get(&format!("/cam/audio/{}.m4s", at + 28 * Sound::TICKS)).status, 200);
    });
}

#[test]
fn small_answers_of_a_channel() {
    with_server(|server| {
        let missing = server.get("/cam/index.m3u8");
        assert_eq!((missing.status, missing.header("cache-control")), (404, Some("public, max-age=1")));
        assert_eq!(server.get("/nobody/status.json").status, 404);
        assert!(server.get("/cam/status.json").text().contains("\"on_air\":false"));
        let (sound, at) = (Sound::named("audio", 2), now_ticks());
        server.put("/ingest/cam/audio/init.mp4", &sound.header());
        server.put("/ingest/cam/audio/1.m4s", &sound.segment(at));
        let status = server.get("/cam/status.json").text();
        assert!(status.contains("\"on_air\":true"), "{status}");
        assert_eq!(
            server.get("/channels.json").text(),
            "{\"channels\":[{\"name\":\"cam\",\"on_air\":true}]}\n"
        );
        for (path, kind) in [
            ("/cam/index.m3u8", "application/vnd.apple.mpegurl"),
            ("/cam/manifest.mpd", "application/dash+xml"),
        ] {
            let answer = server.get(path);
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
            assert_eq!(answer.header("cache-control"), Some("public, max-age=1"));
        }
        let time = server.get("/_/time");
        assert_eq!(time.header("cache-control"), Some("no-store"));
        assert!(time.text().starts_with("20") && time.text().ends_with('Z'), "{}", time.text());
        assert_eq!(server.get("/health").status, 200);
        let page = server.get("/cam/");
        assert_eq!(page.status, 200);
        assert!(page.header("content-security-policy").is_some_and(|policy| !policy.contains("unsafe")));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(server.get("/cam").header("location"), Some("/cam/"));
        let preflight = request(server.address, "OPTIONS", "/cam/index.m3u8", &[], &[]);
        assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("*")));
        assert_eq!(server.put("/cam/index.m3u8", b"x").status, 405);
    });
}
