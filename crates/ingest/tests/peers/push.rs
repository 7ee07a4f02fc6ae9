//! HLS that is pushed, by ffmpeg and curl.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use ingest::{Choice, Door, Extent, HlsPush, Login, Password, PushPlace};
use media::{Format, TrackId};
use wire::rendition;
use wire::sample_stream::{Message, Tracks};

use crate::harness::*;

const PASSWORD: &str = "sesame-sesame";

fn login(password: &str) -> Option<Login> {
    Some(Login { user: "encoder".to_owned(), password: Password(password.to_owned()) })
}

fn door(places: &[(&str, Option<Login>)]) -> Door {
    let place =
        |(path, login): &(&str, Option<Login>)| PushPlace { path: (*path).to_owned(), login: login.clone() };
    Door::HlsPush(HlsPush { places: places.iter().map(place).collect(), choice: Choice::default() })
}

fn start() -> Role {
    Role::start_with(0, &[("pushed", door(&[("news/main", login(PASSWORD))]))])
}

/// The role with a channel that takes whole ladders.
fn start_for_ladder(choice: Choice) -> Role {
    let choice = Choice { extent: Extent::Ladder, ..choice };
    let places = vec![PushPlace { path: "news/main".to_owned(), login: None }];
    Role::start_with(0, &[("pushed", Door::HlsPush(HlsPush { places, choice }))])
}

/// What curl hears when it asks for this.
fn curl(role: &Role, path: &str, options: &[&str]) -> u16 {
    let url = format!("http://{}/in/{path}", role.hls_push);
    let output = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}"])
        .args(options)
        .arg(&url)
        .output()
        .expect("curl runs");
    String::from_utf8_lossy(&output.stdout).parse().unwrap_or_else(|_| panic!("{output:?}"))
}

/// The clip as HLS in segments of a second; by name.
fn files() -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let index = folder.path().join("index.m3u8");
    let (clip, index) = (clip().to_str().expect("UTF-8"), index.to_str().expect("UTF-8"));
    let options =
        ["-v", "error", "-i", clip, "-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0"];
    assert!(Process::start("ffmpeg", &[&options[..], &[index]].concat()).succeeded(), "ffmpeg makes HLS");
    let entries = std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry"));
    let read = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_str().expect("UTF-8").to_owned();
        (name, std::fs::read(entry.path()).expect("reads"))
    };
    entries.map(read).filter(|(name, _)| name.ends_with(".ts")).collect()
}

/// An encoder that pushes with curl.
struct Encoder<'r> {
    role: &'r Role,
    path: &'static str,
    options: Vec<&'static str>,
    folder: tempfile::TempDir,
    listed: usize,
}

impl<'r> Encoder<'r> {
    fn new(role: &'r Role, path: &'static str, options: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { role, path, options: options.to_vec(), folder, listed: 0 }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> u16 {
        let file = self.folder.path().join(name);
        std::fs::write(&file, bytes).expect("writes");
        let options = [&self.options[..], &["-T", file.to_str().expect("UTF-8")]].concat();
        curl(self.role, &format!("{}/{name}", self.path), &options)
    }

    /// Pushes the playlist of so many segments, beginning with `index0.ts`.
    fn list(&mut self, count: usize) -> u16 {
        self.listed = count;
        let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n".to_owned();
        for number in 0..count {
            text.push_str(&format!("#EXTINF:1,\nindex{number}.ts\n"));
        }
        self.put("index.m3u8", text.as_bytes())
    }
}

/// So many pictures of whatever sessions bring them, in order of their times.
fn pictures(subscriber: &mut Subscriber, count: usize) -> Vec<media::Sample> {
    let mut seen: Vec<media::Sample> = Vec::new();
    while seen.len() < count {
        if let Some(wire::sample_stream::Message::Sample(sample)) = subscriber.next()
            && sample.track == VIDEO
        {
            assert!(seen.last().is_none_or(|last| last.dts < sample.dts), "times rise");
            seen.push(sample);
        }
    }
    seen
}

#[test]
fn ffmpeg_pushes_transport_streams_and_fragmented_mp4_by_digest_and_by_basic() {
    let token = "Authorization: Basic ZW5jb2RlcjpzZXNhbWUtc2VzYW1l\r\n";
    for (userinfo, options) in [
        ("encoder:sesame-sesame@", ""),
        ("encoder:sesame-sesame@", "-hls_segment_type fmp4"),
        ("", "-hls_flags delete_segments -hls_list_size 1 -hls_delete_threshold 1"),
    ] {
        let role = start();
        let mut subscriber = role.subscribe("pushed", None);
        let url = format!("http://{userinfo}{}/in/news/main/index.m3u8", role.hls_push);
        let mut arguments = vec!["-v", "error", "-re", "-i", clip().to_str().expect("UTF-8"), "-c", "copy"];
        arguments.extend(["-f", "hls", "-method", "PUT", "-hls_time", "2"]);
        arguments.extend(options.split_whitespace());
        if userinfo.is_empty() {
            arguments.extend(["-headers", token]);
        }
        arguments.push(&url);
        assert!(Process::start("ffmpeg", &arguments).succeeded(), "ffmpeg pushes: {options}");
        let count = packets_in_clip("v:0");
        // Of a list of one segment the one before is gone when it is first read.
        let expected = if options.contains("list_size 1") { count / 2 } else { count };
        let seen = pictures(&mut subscriber, expected);
        assert!(seen[0].sync, "{options}");
        assert_eq!(
            role.metric("headwater_ingest_push_faults_total{channel=\"pushed\",reason=\"not_found\"}"),
            0.0
        );
        assert!(role.metric("headwater_ingest_push_uploads_total{channel=\"pushed\"}") >= 4.0);
    }
}

#[test]
fn curl_by_digest_is_let_in_and_nothing_is_lost_when_an_upload_breaks_off_or_comes_late() {
    let (role, files) = (start(), files());
    let mut subscriber = role.subscribe("pushed", None);
    let mut encoder = Encoder::new(&role, "news/main", &["--digest", "-u", "encoder:sesame-sesame"]);
    let segment = |number: usize| &files[&format!("index{number}.ts")];
    assert_eq!(encoder.put("index0.ts", segment(0)), 201);
    assert_eq!(encoder.list(1), 201);
    // It breaks off half-way, and is pushed again.
    let mut broken = TcpStream::connect(role.hls_push).expect("connects");
    let head = format!(
        "PUT /in/news/main/index1.ts HTTP/1.1\r\nhost: x\r\nauthorization: Basic ZW5jb2RlcjpzZXNhbWUtc2VzYW1l\r\n\
         content-length: {}\r\n\r\n",
        segment(1).len()
    );
    broken.write_all(head.as_bytes()).expect("writes");
    broken.write_all(&segment(1)[..1_000]).expect("writes");
    drop(broken);
    role.wait_for_metric("headwater_ingest_refused_total{reason=\"upload_broken\"}", 1.0);
    assert_eq!(encoder.put("index1.ts", segment(1)), 201);
    // The list is there before the segment.
    assert_eq!(encoder.list(3), 200);
    assert_eq!(encoder.put("index2.ts", segment(2)), 201);
    // In chunks, of a length that is not told.
    assert_eq!(encoder.put("index3.ts", segment(3)), 201);
    encoder.options.extend(["-H", "Transfer-Encoding: chunked"]);
    assert_eq!(encoder.put("index3.ts", segment(3)), 200);
    assert_eq!(encoder.list(4), 200);
    let count = packets_in_clip("v:0");
    pictures(&mut subscriber, count);
    // The encoder was started anew: its names and numbers are the same.
    for number in 0..4 {
        assert_eq!(encoder.put(&format!("index{number}.ts"), segment(number)), 200);
        assert_eq!(encoder.list(number + 1), 200);
    }
    pictures(&mut subscriber, count);
    assert_eq!(role.metric("headwater_ingest_sessions_total{channel=\"pushed\"}"), 1.0);
}

#[test]
fn who_has_not_the_password_is_refused_and_another_one_holds_while_the_stream_goes_on() {
    let (role, files) = (start(), files());
    let mut subscriber = role.subscribe("pushed", None);
    let mut old = Encoder::new(&role, "news/main", &["-u", "encoder:sesame-sesame"]);
    let mut new = Encoder::new(&role, "news/main", &["--digest", "-u", "encoder:sesame-open-it"]);
    let segment = |number: usize| &files[&format!("index{number}.ts")];
    assert_eq!(new.put("index0.ts", segment(0)), 401);
    assert_eq!(Encoder::new(&role, "news/main", &[]).put("index0.ts", segment(0)), 401);
    assert_eq!(Encoder::new(&role, "news/other", &[]).put("index0.ts", segment(0)), 404);
    assert_eq!(curl(&role, "news/main/index0.ts", &["-u", "encoder:sesame-sesame"]), 405);
    assert_eq!(old.put("index.m3u8", b"<html>"), 400);
    for number in 0..2 {
        assert_eq!(old.put(&format!("index{number}.ts"), segment(number)), 201);
    }
    assert_eq!(old.list(2), 201);
    let half = packets_in_clip("v:0") / 2;
    pictures(&mut subscriber, half);
    role.set(&[("pushed", door(&[("news/main", login("sesame-open-it"))]))]).expect("it is set");
    assert_eq!(old.put("index2.ts", segment(2)), 401);
    assert_eq!(new.put("index2.ts", segment(2)), 201);
    assert_eq!(new.list(3), 200);
    pictures(&mut subscriber, half / 2);
    assert_eq!(curl(&role, "news/main/index0.ts", &["-X", "DELETE", "-u", "encoder:sesame-open-it"]), 204);
    assert_eq!(role.metric("headwater_ingest_sessions_total{channel=\"pushed\"}"), 1.0);
    assert_eq!(role.metric("headwater_ingest_refused_total{reason=\"wrong_login\"}"), 2.0);
}

#[test]
fn the_standby_is_read_when_nothing_comes_to_the_first_place() {
    let places = [("main/1", login(PASSWORD)), ("main/2", None)];
    let (role, files) = (Role::start_with(0, &[("pushed", door(&places))]), files());
    let mut subscriber = role.subscribe("pushed", None);
    let mut first = Encoder::new(&role, "main/1", &["-u", "encoder:sesame-sesame"]);
    let mut second = Encoder::new(&role, "main/2", &[]);
    let segment = |number: usize| &files[&format!("index{number}.ts")];
    assert_eq!(first.put("index0.ts", segment(0)), 201);
    assert_eq!(first.list(1), 201);
    let second_of_pictures = packets_in_clip("v:0") / 4;
    pictures(&mut subscriber, second_of_pictures);
    assert_eq!(role.metric("headwater_ingest_push_standby{channel=\"pushed\"}"), 0.0);
    // Renewed until it is read.
    wait_for("the standby", || {
        second.put("index1.ts", segment(1));
        second.put("index0.ts", segment(0));
        second.list(2);
        role.metric("headwater_ingest_push_standby{channel=\"pushed\"}") == 1.0
    });
    pictures(&mut subscriber, 2 * second_of_pictures);
    role.wait_for_log("standby_read");
}

#[test]
fn a_client_that_does_not_wait_for_the_answer_has_pushed_all_the_same() {
    let role = Role::start_with(0, &[("pushed", door(&[("open", None)]))]);
    let mut stream = TcpStream::connect(role.hls_push).expect("connects");
    let request =
        "POST /in/open/1.ts HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("writes");
    drop(stream);
    role.wait_for_metric("headwater_ingest_push_uploads_total{channel=\"pushed\"}", 1.0);
    // One that asks first is told to go on, and one that says too much is told at once.
    let mut stream = TcpStream::connect(role.hls_push).expect("connects");
    let head = "PUT /in/open/2.ts HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("writes");
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).expect("reads");
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"two").expect("writes");
    role.wait_for_metric("headwater_ingest_push_uploads_total{channel=\"pushed\"}", 2.0);
    let mut stream = TcpStream::connect(role.hls_push).expect("connects");
    let head = "PUT /in/open/3.ts HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("reads");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

/// Three renditions of the clip, pushed as fast as it plays; `streams` says how they go with the sound.
fn push_ladder(role: &Role, streams: &str) -> Process {
    let url = format!("http://{}/in/news/main/v%v.m3u8", role.hls_push);
    let sound = "-map 0:a ".repeat(streams.matches("a:").count());
    let arguments = format!(
        "-v error -re -i {} -map 0:v -map 0:v -map 0:v {sound} -c:v libx264 -preset ultrafast -g 30 \
         -sc_threshold 0 -s:v:1 160x90 -s:v:2 128x72 -b:v:0 400k -b:v:1 200k -b:v:2 100k -c:a aac -f hls -method PUT \
         -hls_time 1 -hls_list_size 4 -hls_flags delete_segments -master_pl_name index.m3u8 -master_pl_publish_rate 1 \
         -var_stream_map",
        clip().to_str().expect("UTF-8")
    );
    let arguments: Vec<_> = arguments.split_whitespace().chain([streams, &url]).collect();
    Process::start("ffmpeg", &arguments)
}

const MUXED: &str = "v:0,a:0 v:1,a:1 v:2,a:2";
const APART: &str =
    "v:0,agroup:s v:1,agroup:s v:2,agroup:s a:0,agroup:s,default:yes,language:en a:1,agroup:s,language:de";

/// The tracks that were announced last, and what came of each, in order, until `is_enough`.
fn hear(
    subscriber: &mut Subscriber,
    is_enough: impl Fn(&BTreeMap<TrackId, Vec<media::Sample>>) -> bool,
) -> (Tracks, BTreeMap<TrackId, Vec<media::Sample>>) {
    let mut tracks = subscriber.tracks();
    let mut heard: BTreeMap<_, Vec<media::Sample>> = BTreeMap::new();
    while !is_enough(&heard) {
        match subscriber.next() {
            Some(Message::Tracks(changed)) => tracks = changed,
            Some(Message::Sample(sample)) => heard.entry(sample.track).or_default().push(sample),
            other => panic!("{other:?}"),
        }
    }
    (tracks, heard)
}

fn pictures_of(heard: &BTreeMap<TrackId, Vec<media::Sample>>, rank: u8) -> &[media::Sample] {
    heard.get(&rendition::picture(rank)).map_or(&[], Vec::as_slice)
}

fn widths(tracks: &Tracks) -> Vec<u32> {
    let width = |track: &media::Track| match &track.format {
        Format::Video(video) => Some(video.width),
        Format::Audio(_) => None,
    };
    tracks.tracks.iter().filter_map(width).collect()
}

/// All three show the same pictures at the same times, with key frames at the same; so many pictures one may have brought and another
/// not yet, or not before its encoder ended.
fn assert_in_step(heard: &BTreeMap<TrackId, Vec<media::Sample>>, slack: usize) {
    let shown = |rank: u8| -> BTreeMap<i64, bool> {
        pictures_of(heard, rank).iter().map(|picture| (picture.pts(), picture.sync)).collect()
    };
    let best = shown(0);
    assert!(best.len() > 60, "{}", best.len());
    for rank in [1, 2] {
        let (missing, other): (Vec<_>, Vec<_>) =
            shown(rank).into_iter().partition(|(pts, _)| !best.contains_key(pts));
        assert!(missing.len() <= slack, "rank {rank}: {missing:?}");
        assert!(other.len() + slack >= best.len(), "rank {rank}: {} of {}", other.len(), best.len());
        assert!(other.iter().all(|(pts, sync)| best[pts] == *sync), "rank {rank}");
    }
}

#[test]
fn a_ladder_comes_whole_and_in_step_and_so_it_does_after_its_encoder_was_started_anew() {
    for (streams, sounds) in [(MUXED, 1), (APART, 2)] {
        let role = start_for_ladder(Choice::default());
        let mut subscriber = role.subscribe("pushed", None);
        let whole = packets_in_clip("v:0");
        let encoder = push_ladder(&role, streams);
        let enough = |count: usize| {
            move |heard: &BTreeMap<TrackId, Vec<media::Sample>>| {
                (0..3).all(|rank| pictures_of(heard, rank).len() >= count)
            }
        };
        let (tracks, heard) = hear(&mut subscriber, enough(whole - 31));
        assert_eq!(widths(&tracks), [320, 160, 128], "{streams}");
        assert_in_step(&heard, 3);
        for rank in 0..sounds {
            let sound = &heard[&rendition::sound(rank)];
            assert!(sound.len() > 90, "{streams}: {}", sound.len());
            let lasts = i64::from(sound[0].duration.expect("AAC says"));
            assert!(sound.windows(2).all(|pair| pair[1].dts - pair[0].dts == lasts), "{streams}: end to end");
        }
        let languages: Vec<_> = tracks.tracks.iter().filter_map(|track| track.language.as_deref()).collect();
        if sounds == 2 {
            assert_eq!(languages, ["en", "de"]);
        }
        let last = pictures_of(&heard, 0).last().expect("there are some").dts;
        drop(encoder);
        let _encoder = push_ladder(&role, streams);
        let later = |heard: &BTreeMap<TrackId, Vec<media::Sample>>| {
            let behind =
                |rank| pictures_of(heard, rank).iter().filter(|picture| picture.dts > last + 90_000).count();
            (0..3).all(|rank| behind(rank) >= 60)
        };
        let mut anew = role.subscribe("pushed", None);
        let (_, heard) = hear(&mut anew, later);
        assert_in_step(&heard, 33);
        assert_eq!(role.metric("headwater_ingest_sessions_total{channel=\"pushed\"}"), 1.0, "{streams}");
        // Sound that is in with the pictures is no playlist of its own.
        let playlists = if sounds == 1 { 3.0 } else { 5.0 };
        assert_eq!(
            role.metric("headwater_ingest_push_renditions{channel=\"pushed\"}"),
            playlists,
            "{streams}"
        );
    }
}

#[test]
fn of_a_ladder_what_fits_is_taken() {
    let role = start_for_ladder(Choice { max_height: Some(90), ..Choice::default() });
    let mut subscriber = role.subscribe("pushed", None);
    let _encoder = push_ladder(&role, MUXED);
    let (tracks, _) = hear(&mut subscriber, |heard| pictures_of(heard, 1).len() > 30);
    assert_eq!(widths(&tracks), [160, 128]);
}
