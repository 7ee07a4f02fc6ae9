//! HLS that is fetched: made by ffmpeg, served by a server that may misbehave.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ingest::{AtEnd, Choice, Door, Extent, HlsPull, Reach};
use media::{Format, Sample, Timescale, VideoCodec, rescale_nearest};
use wire::sample_stream::Message;

use crate::harness::*;

/// What a request is answered with: the status line and more, and the body.
type Answer = (String, Vec<u8>);
type Script = dyn Fn(&str, Option<(usize, usize)>) -> Answer + Send + Sync;

/// A server of HTTP/1.1; its threads end with the test's process.
struct Server(SocketAddr);

impl Server {
    fn start(script: impl Fn(&str, Option<(usize, usize)>) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let script: Arc<Script> = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let script = script.clone();
                std::thread::spawn(move || serve(&stream, &*script));
            }
        });
        Self(address)
    }

    /// A server of these files.
    fn of(files: HashMap<String, Vec<u8>>) -> Self {
        Self::start(move |path, range| match (files.get(path), range) {
            (Some(file), Some((start, end))) => {
                ("206 Partial Content".to_owned(), file[start..=end].to_vec())
            }
            (Some(file), None) => ("200 OK".to_owned(), file.clone()),
            (None, _) => ("404 Not Found".to_owned(), Vec::new()),
        })
    }

    fn door(&self, path: &str, at_end: AtEnd) -> Door {
        Door::Hls(HlsPull {
            url: format!("http://anna:sesame@{}{path}", self.0).parse().expect("a URL"),
            choice: Choice::default(),
            at_end,
            reach: Reach::Private,
        })
    }
}

fn serve(stream: &TcpStream, script: &Script) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(request) = lines.next() {
        let path = request.split(' ').nth(1).unwrap_or("").to_owned();
        let mut range = None;
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            if let Some(bytes) = line.strip_prefix("range: bytes=") {
                let (start, end) = bytes.split_once('-').expect("a range");
                range = Some((start.parse().expect("a number"), end.parse().expect("a number")));
            }
        }
        let (head, body) = script(&path, range);
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

/// The clip as HLS in segments of a second, made by ffmpeg with these options; by path.
fn files(options: &str) -> HashMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    std::fs::write(path("the.key"), b"0123456789abcdef").expect("writes");
    let info = format!("the.key\n{}\n", path("the.key"));
    std::fs::write(path("info"), info).expect("writes");
    let (clip, info, index) = (clip().to_str().expect("UTF-8"), path("info"), path("index.m3u8"));
    let options = options.replace("KEY_INFO", &info);
    let segments = path("s%d.ts");
    let mut arguments = vec!["-v", "error", "-i", clip, "-c", "copy", "-f", "hls", "-hls_time", "1"];
    arguments.extend(["-hls_list_size", "0"]);
    arguments.extend(options.split_whitespace());
    if !options.contains("-hls_flags single_file") && !options.contains("fmp4") {
        arguments.extend(["-hls_segment_filename", &segments]);
    }
    arguments.push(&index);
    assert!(Process::start("ffmpeg", &arguments).succeeded(), "ffmpeg makes HLS: {options}");
    read_all(folder.path())
}

fn read_all(folder: &Path) -> HashMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = format!("/{}", entry.file_name().to_str().expect("UTF-8"));
            (name, std::fs::read(entry.path()).expect("reads"))
        })
        .collect()
}

/// The samples until there are so many pictures; tracks come before them.
fn pictures_and_sound(subscriber: &mut Subscriber, pictures: usize) -> (Vec<Sample>, Vec<Sample>) {
    let (mut seen, mut heard) = (Vec::new(), Vec::new());
    while seen.len() < pictures {
        match subscriber.next() {
            Some(Message::Sample(sample)) if sample.track == VIDEO => seen.push(sample),
            Some(Message::Sample(sample)) => heard.push(sample),
            Some(Message::Tracks(_) | Message::Ended(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    (seen, heard)
}

fn assert_steady(pictures: &[Sample], scale: Timescale) {
    for pair in pictures.windows(2) {
        // The clip's time stamps are in ms.
        let step_us = rescale_nearest(pair[1].dts - pair[0].dts, scale, Timescale::MICROS);
        assert!((32_500..=34_500).contains(&step_us), "a step of {step_us} µs");
    }
}

#[test]
fn streams_made_by_ffmpeg_arrive_whole_whatever_their_segments_are() {
    for options in [
        "",
        "-hls_key_info_file KEY_INFO",
        "-hls_flags single_file",
        "-hls_segment_type fmp4",
        "-hls_segment_type fmp4 -hls_flags single_file",
    ] {
        let server = Server::of(files(options));
        let role = Role::start_with(0, &[("pulled", server.door("/index.m3u8", AtEnd::Wait))]);
        let mut subscriber = role.subscribe("pulled", None);
        let tracks = subscriber.tracks();
        let Format::Video(video) = &tracks.tracks[0].format else { panic!("{tracks:?}") };
        assert_eq!((video.codec, video.width, tracks.tracks.len()), (VideoCodec::H264, 320, 2), "{options}");
        let (seen, heard) = pictures_and_sound(&mut subscriber, 120);
        assert_steady(&seen, tracks.tracks[0].timescale);
        let keys: Vec<_> = (0..120).filter(|at| seen[*at].sync).collect();
        assert_eq!(keys, [0, 30, 60, 90], "{options}");
        assert!(seen.iter().any(|picture| picture.composition_offset > 0), "{options}");
        assert!(heard.len() >= 170, "{} AAC frames: {options}", heard.len());
        assert!(heard.windows(2).all(|pair| pair[1].dts - pair[0].dts == 1_024), "{options}");
        assert_eq!(role.metric("headwater_ingest_pull_segments_total{channel=\"pulled\"}"), 4.0, "{options}");
    }
}

#[test]
fn a_ladder_that_a_server_has_comes_in_step_without_the_rendition_that_it_does_not_have() {
    let mut files = files("");
    let streams = ["index.m3u8", "gone.m3u8", "other.m3u8"];
    let listed =
        (1..).zip(streams).map(|(rate, uri)| format!("#EXT-X-STREAM-INF:BANDWIDTH={}\n{uri}\n", 9 - rate));
    let text: String = std::iter::once("#EXTM3U\n".to_owned()).chain(listed).collect();
    files.insert("/streams.m3u8".to_owned(), text.into_bytes());
    files.insert("/other.m3u8".to_owned(), files["/index.m3u8"].clone());
    let server = Server::of(files);
    let Door::Hls(pull) = server.door("/streams.m3u8", AtEnd::Loop) else { unreachable!("it fetches") };
    let choice = Choice { extent: Extent::Ladder, ..Choice::default() };
    let role = Role::start_with(0, &[("pulled", Door::Hls(HlsPull { choice, ..pull }))]);
    let mut subscriber = role.subscribe("pulled", None);
    let mut all: HashMap<_, Vec<Sample>> = HashMap::new();
    let other = wire::rendition::picture(2);
    while all.get(&other).is_none_or(|pictures| pictures.len() < 180) {
        match subscriber.next() {
            Some(Message::Sample(sample)) => all.entry(sample.track).or_default().push(sample),
            Some(Message::Tracks(tracks)) => {
                let pictures = tracks.tracks.iter().filter(|track| track.format.is_video());
                assert_eq!(pictures.map(|track| track.id).collect::<Vec<_>>(), [VIDEO, other]);
            }
            other => panic!("{other:?}"),
        }
    }
    let times = |id| all[&id].iter().map(|picture| (picture.dts, picture.sync)).take(170).collect::<Vec<_>>();
    assert_eq!(times(VIDEO), times(other));
    assert_steady(&all[&other], Timescale::MPEG);
    assert!(
        role.log().contains("event=\"rendition_missing\" state=\"raised\" channel=pulled track=\"video-2\"")
    );
}

#[test]
fn a_list_that_ends_is_repeated_without_a_seam() {
    let server = Server::of(files(""));
    let role = Role::start_with(0, &[("pulled", server.door("/index.m3u8", AtEnd::Loop))]);
    let (seen, _) = pictures_and_sound(&mut role.subscribe("pulled", None), 300);
    assert_steady(&seen, Timescale::MPEG);
}

/// How the live server behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Well,
    NotFound,
    Redirects,
    Private,
    Huge,
    NoPlaylist,
    Stale,
    CountsAnew,
    SampleAes,
    Gap,
    NoSegments,
    Garbage,
    Slow,
}

struct Live {
    files: HashMap<String, Vec<u8>>,
    mode: Mutex<Mode>,
    started: Instant,
    /// The list as it was when it became stale.
    kept: Mutex<String>,
    /// What numbers are counted from.
    counted_from: Mutex<u64>,
}

impl Live {
    fn answer(&self, path: &str) -> Answer {
        let mode = *self.mode.lock().expect("no panic");
        let ok = |body: &[u8]| ("200 OK".to_owned(), body.to_vec());
        match (path, mode) {
            (_, Mode::Slow) => {
                while *self.mode.lock().expect("no panic") == Mode::Slow {
                    std::thread::sleep(Duration::from_millis(20));
                }
                ("503 Service Unavailable".to_owned(), Vec::new())
            }
            ("/index.m3u8", Mode::NotFound) => ("404 Not Found".to_owned(), Vec::new()),
            ("/index.m3u8", Mode::Redirects) => ("302 Found\r\nlocation: /index.m3u8".to_owned(), Vec::new()),
            ("/index.m3u8", Mode::Private) => ("302 Found\r\nlocation: http://[::1".to_owned(), Vec::new()),
            ("/index.m3u8", Mode::Huge) => ok(&b"#EXTM3U\n#".repeat(1 << 20)),
            ("/index.m3u8", Mode::NoPlaylist) => ok(b"<html>"),
            ("/index.m3u8", Mode::Stale) => ok(self.kept.lock().expect("no panic").as_bytes()),
            ("/index.m3u8", _) => ok(self.list(mode).as_bytes()),
            (_, Mode::NoSegments) => ("404 Not Found".to_owned(), Vec::new()),
            (_, Mode::Garbage) => ok(b"<html>"),
            (path, _) => ok(&self.files[&format!("/{}", path.rsplit('/').next().expect("a name"))]),
        }
    }

    /// Five segments of a second up to now, the clip over and over.
    fn list(&self, mode: Mode) -> String {
        use std::fmt::Write;
        let end = self.started.elapsed().as_secs() + 5;
        let mut counted_from = self.counted_from.lock().expect("no panic");
        if mode == Mode::CountsAnew && *counted_from == 0 {
            *counted_from = end - 5;
        }
        let first = end - 5 - *counted_from;
        let mut list = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for number in end - 5..end {
            if number % 4 == 0 {
                list.push_str("#EXT-X-DISCONTINUITY\n");
            }
            if mode == Mode::SampleAes {
                list.push_str("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://key\"\n");
            }
            if mode == Mode::Gap {
                list.push_str("#EXT-X-GAP\n");
            }
            writeln!(list, "#EXTINF:1,\n{counted_from}/{number}/s{}.ts", number % 4).expect("text");
        }
        if mode == Mode::Well {
            self.kept.lock().expect("no panic").clone_from(&list);
        }
        list
    }
}

#[test]
fn whatever_a_server_does_has_its_reason_and_the_stream_goes_on_after_it() {
    let live = Arc::new(Live {
        files: files(""),
        mode: Mutex::new(Mode::Well),
        started: Instant::now(),
        kept: Mutex::new(String::new()),
        counted_from: Mutex::new(0),
    });
    let script = live.clone();
    let server = Server::start(move |path, _| script.answer(path));
    let role = Role::start_with(0, &[("pulled", server.door("/index.m3u8", AtEnd::Wait))]);
    let mut subscriber = role.subscribe("pulled", None);
    let segments = || role.metric("headwater_ingest_pull_segments_total{channel=\"pulled\"}");
    pictures_and_sound(&mut subscriber, 60);
    for (mode, reason) in [
        (Mode::NotFound, "not_found"),
        (Mode::Redirects, "redirect"),
        (Mode::Private, "redirect"),
        (Mode::Huge, "too_large"),
        (Mode::NoPlaylist, "bad_playlist"),
        (Mode::Stale, "stale"),
        (Mode::CountsAnew, "sequence_reset"),
        (Mode::SampleAes, "encryption"),
        (Mode::Gap, "gap"),
        (Mode::NoSegments, "not_found"),
        (Mode::Garbage, "bad_segment"),
        (Mode::Slow, "slow"),
    ] {
        let name = format!("headwater_ingest_pull_faults_total{{channel=\"pulled\",reason=\"{reason}\"}}");
        let before = role.metric(&name);
        *live.mode.lock().expect("no panic") = mode;
        wait_for(&format!("{reason} at {mode:?}"), || role.metric(&name) > before);
        *live.mode.lock().expect("no panic") = Mode::Well;
        let before = segments();
        wait_for(&format!("segments after {mode:?}"), || segments() > before + 2.0);
    }
    let told = |state: &str| role.log().matches(&format!("event=\"pull_failed\" state=\"{state}\"")).count();
    role.wait_for_log("HLS source in trouble");
    assert!(role.log().contains("segments are encrypted by SAMPLE-AES; AES-128"), "{}", role.log());
    wait_for("it is well again", || told("cleared") == told("raised"));
    assert!(told("raised") > 0);
    role.wait_for_metric("headwater_ingest_pull_failed{channel=\"pulled\"}", 0.0);
    // The timeline only ever rises, whatever happened.
    let mut last = i64::MIN;
    let (seen, _) = pictures_and_sound(&mut subscriber, 60);
    for picture in seen {
        assert!(picture.dts > last);
        last = picture.dts;
    }
}
