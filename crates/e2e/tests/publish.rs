//! Publishing by RTMP and SRT, and what viewers see when publishers and roles come and go.

use std::collections::HashMap;
use std::time::Duration;

use conformance::Playlist;
use e2e::hls::media_playlist;
use e2e::{Peer, Stack, eventually, ffmpeg, tracks};

const PASSTHROUGH: &str =
    "[[channel]]\nname = \"cam\"\ninput = { rtmp = \"live/k3y-cam\" }\nladder = \"passthrough\"\n";
const TRANSCODE: &str = "[[channel]]\nname = \"cam\"\ninput = { rtmp = \"live/k3y-cam\" }\npreset = \"ultrafast\"\nladder = [\"360p30\", \"240p30\"]\n";

/// URI → media sequence number, for everything ever seen of a track; panics when a URI changes its number or a number
/// its URI.
#[derive(Default)]
struct Seen {
    by_number: HashMap<u64, String>,
    newest: u64,
}

impl Seen {
    fn look(&mut self, playlist: &Playlist) {
        for segment in &playlist.segments {
            let number = segment.number;
            let known = self.by_number.entry(number).or_insert_with(|| segment.uri.clone());
            assert_eq!(*known, segment.uri, "segment {number} keeps its URI");
            assert!(
                self.by_number.iter().all(|(other, uri)| *other == number || *uri != segment.uri),
                "{} has one number",
                segment.uri
            );
        }
        let newest = playlist.next_number();
        assert!(newest >= self.newest, "the live edge never goes back: {} then {newest}", self.newest);
        self.newest = newest;
    }

    fn follow(&mut self, stack: &Stack, uri: &str, until: impl Fn(&Playlist) -> bool) -> Playlist {
        eventually(&format!("{uri} gets there\n{}", stack.log_tail()), || {
            let answer = stack.try_get(uri).filter(|answer| answer.status == 200)?;
            let playlist = media_playlist(answer.text());
            self.look(&playlist);
            until(&playlist).then_some(playlist)
        })
    }
}

fn discontinuities(playlist: &Playlist) -> u64 {
    playlist.discontinuity_sequence
        + playlist.segments.iter().map(|segment| segment.discontinuities).sum::<u64>()
}

#[test]
fn a_published_stream_is_read_by_ffmpeg_as_hls_and_as_dash() {
    let stack = Stack::start(PASSTHROUGH);
    let _publisher = Peer::publish(&stack.rtmp_url("live/k3y-cam"), 30);
    let multivariant = stack.wait_for_segments("cam", 3);
    for word in ["CODECS=\"avc1.", "mp4a.40.2", "RESOLUTION=640x360", "FRAME-RATE=30", "AVERAGE-BANDWIDTH="] {
        assert!(multivariant.contains(word), "{word}: {multivariant}");
    }
    for name in ["index.m3u8", "manifest.mpd"] {
        let (streams, said) = ffmpeg(
            "ffprobe",
            &[
                "-v",
                "warning",
                "-show_entries",
                "stream=codec_name,width,height",
                "-of",
                "csv=p=0",
                &stack.url(&format!("/cam/{name}")),
            ],
        );
        let streams = String::from_utf8_lossy(&streams).into_owned();
        assert!(streams.contains("h264,640,360") && streams.contains("aac"), "{name}: {streams} {said}");
    }
    // Four seconds decode without a complaint.
    let (_, said) = ffmpeg(
        "ffmpeg",
        &["-v", "error", "-xerror", "-i", &stack.url("/cam/index.m3u8"), "-t", "4", "-f", "null", "-"],
    );
    assert_eq!(said, "");
    let log = stack.log();
    assert!(!log.contains("k3y"), "keys are never logged: {log}");
}

#[test]
fn an_srt_publisher_is_watched_like_any_other_and_its_secrets_stay_out_of_the_log() {
    for ladder in ["\"passthrough\"", "[\"240p30\"]\npreset = \"ultrafast\""] {
        let stack = Stack::start(&format!(
            "[[channel]]\nname = \"cam\"\ninput = {{ srt = \"cam\", passphrase = \"k3y-of-the-cam\" }}\nladder = {ladder}\n"
        ));
        let _publisher = Peer::publish(&stack.srt_url("cam", "k3y-of-the-cam&pbkeylen=32"), 30);
        let multivariant = stack.wait_for_segments("cam", 3);
        for word in ["CODECS=\"avc1.", "mp4a.40.2", "FRAME-RATE=30"] {
            assert!(multivariant.contains(word), "{word}: {multivariant}");
        }
        let watched = stack.url("/cam/index.m3u8");
        let (_, said) =
            ffmpeg("ffmpeg", &["-v", "error", "-xerror", "-i", &watched, "-t", "4", "-f", "null", "-"]);
        assert_eq!(said, "");
        let log = stack.log();
        assert!(log.contains("key_bits=256") && !log.contains("k3y"), "{log}");
    }
}

#[test]
fn decode_times_are_contiguous_to_the_tick_and_key_frames_lie_at_one_instant_on_every_rung() {
    let stack = Stack::start(TRANSCODE);
    let _publisher = Peer::publish(&stack.rtmp_url("live/k3y-cam"), 30);
    stack.wait_for_segments("cam", 5);
    let tracks = tracks::read_all(&stack, "cam");
    assert_eq!(tracks.len(), 3, "two rungs and sound");
    let mut video_starts = Vec::new();
    for track in &tracks {
        let chunks = tracks::chunks(track);
        for pair in chunks.windows(2) {
            assert_eq!(
                pair[0].decode_time + pair[0].duration,
                pair[1].decode_time,
                "{}: one chunk begins where the last ended",
                track.uri
            );
        }
        if !track.uri.contains("audio") {
            video_starts.push(tracks::segment_starts(track));
        }
    }
    let newest_common =
        video_starts.iter().filter_map(|starts| starts.first().copied()).max().expect("rungs");
    let common: Vec<Vec<u64>> = video_starts
        .iter()
        .map(|starts| starts.iter().copied().filter(|start| *start >= newest_common).take(4).collect())
        .collect();
    assert!(common[0].len() >= 3, "{common:?}");
    assert_eq!(common[0], common[1], "segments of both rungs begin together");
    // The grid: 2 s slots of the epoch, 90 kHz. Only the channel's very first segment begins where its source did.
    assert!(common[0].iter().skip(1).all(|start| start % 180_000 == 0), "{common:?}");
}

#[test]
fn a_publisher_that_comes_back_goes_on_the_same_timeline_with_one_discontinuity() {
    let stack = Stack::start(PASSTHROUGH);
    let url = stack.rtmp_url("live/k3y-cam");
    let media = "/cam/video/index.m3u8";
    let mut seen = Seen::default();
    let publisher = Peer::publish(&url, 30);
    let before = seen.follow(&stack, media, |playlist| playlist.segments.len() >= 3);
    assert_eq!(discontinuities(&before), 0);
    publisher.kill();
    std::thread::sleep(Duration::from_secs(2));
    let _publisher = Peer::publish(&url, 30);
    let newest = seen.newest;
    let after = seen.follow(&stack, media, |playlist| {
        playlist.next_number() >= newest + 3 && discontinuities(playlist) > 0
    });
    assert_eq!(discontinuities(&after), 1, "{after:?}");
    let audio = media_playlist(stack.get("/cam/audio/index.m3u8").text());
    assert_eq!(discontinuities(&audio), 1, "sound agrees with the picture: {audio:?}");
}

#[test]
fn a_killed_encoder_is_back_and_viewers_see_no_discontinuity() {
    let stack = Stack::start(TRANSCODE);
    let _publisher = Peer::publish(&stack.rtmp_url("live/k3y-cam"), 30);
    stack.wait_for_segments("cam", 3);
    let media = "/cam/360p30/index.m3u8";
    let mut seen = Seen::default();
    seen.follow(&stack, media, |_| true);
    for _ in 0..2 {
        let newest = seen.newest;
        stack.kill_child("headwater-encoder");
        let after = seen.follow(&stack, media, |playlist| playlist.next_number() >= newest + 4);
        assert_eq!(discontinuities(&after), 0, "{after:?}\n{}", stack.log_tail());
    }
    assert_eq!(stack.metric(&["headwater_supervisor_restarts_total", "encoder-cam"]), 2.0);
    for track in tracks::read_all(&stack, "cam") {
        let chunks = tracks::chunks(&track);
        for pair in chunks.windows(2) {
            assert_eq!(pair[0].decode_time + pair[0].duration, pair[1].decode_time, "{}", track.uri);
        }
    }
}

#[test]
fn a_killed_origin_comes_back_with_its_window_and_never_serves_a_torn_segment() {
    let stack = Stack::start(PASSTHROUGH);
    let _publisher = Peer::publish(&stack.rtmp_url("live/k3y-cam"), 30);
    stack.wait_for_segments("cam", 4);
    let media = "/cam/video/index.m3u8";
    let mut seen = Seen::default();
    for _ in 0..3 {
        let before = seen.follow(&stack, media, |_| true);
        let newest = seen.newest;
        stack.kill_child(" origin ");
        let after = seen.follow(&stack, media, |playlist| playlist.next_number() >= newest + 2);
        let kept = before
            .segments
            .iter()
            .filter(|segment| after.segments.iter().any(|other| other.uri == segment.uri));
        assert!(kept.count() + 3 >= before.segments.len(), "the window is back: {before:?} {after:?}");
        // Every listed segment is whole: its boxes end where its bytes end.
        for track in tracks::read_all(&stack, "cam") {
            assert!(!tracks::chunks(&track).is_empty());
        }
    }
}

#[test]
fn a_wrong_key_a_second_publisher_and_garbage_are_refused_and_nobody_else_is_touched() {
    let stack = Stack::start(PASSTHROUGH);
    let url = stack.rtmp_url("live/k3y-cam");
    let mut publisher = Peer::publish(&url, 30);
    stack.wait_for_segments("cam", 2);
    let mut stranger = Peer::publish(&stack.rtmp_url("live/wr0ng-key"), 30);
    let mut second = Peer::publish(&url, 30);
    let address = url.trim_start_matches("rtmp://").split('/').next().expect("an address").to_owned();
    for _ in 0..20 {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(&address).expect("connects");
        // A publisher's garbage may be cut off at any byte.
        let _ = stream.write_all(&[0xFF; 4_000]);
    }
    eventually("the stranger was sent away", || (!stranger.is_running()).then_some(()));
    eventually("the second publisher was sent away", || (!second.is_running()).then_some(()));
    let mut seen = Seen::default();
    seen.follow(&stack, "/cam/video/index.m3u8", |_| true);
    let newest = seen.newest;
    let playlist =
        seen.follow(&stack, "/cam/video/index.m3u8", |playlist| playlist.next_number() >= newest + 3);
    assert_eq!(discontinuities(&playlist), 0);
    assert!(publisher.is_running());
    assert!(stack.metric(&["headwater_ingest_refused"]) >= 2.0, "{}", stack.metrics());
    let log = stack.log();
    assert!(!log.contains("k3y") && !log.contains("wr0ng"), "keys are never logged: {log}");
}

#[test]
fn an_ffmpeg_that_pushes_cmaf_is_served_like_our_own_encoder() {
    let stack = Stack::start("[[channel]]\nname = \"third\"\ninput = \"cmaf\"\n");
    let target = stack.origin_url("/ingest/third/manifest.mpd");
    let _encoder = Peer::start(
        "ffmpeg",
        &[
            "-nostdin",
            "-v",
            "error",
            "-re",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=640x360:rate=30",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000",
            "-map",
            "0:v",
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
            "-g",
            "60",
            "-keyint_min",
            "60",
            "-sc_threshold",
            "0",
            "-b:v:0",
            "900k",
            "-b:v:1",
            "300k",
            "-s:v:1",
            "320x180",
            "-c:a",
            "aac",
            "-f",
            "dash",
            "-seg_duration",
            "2",
            "-use_timeline",
            "0",
            "-use_template",
            "1",
            "-streaming",
            "1",
            "-method",
            "PUT",
            "-http_persistent",
            "1",
            "-adaptation_sets",
            "id=0,streams=v id=1,streams=a",
            &target,
        ],
    );
    let multivariant = stack.wait_for_segments("third", 4);
    assert_eq!(
        multivariant.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")).count(),
        2,
        "{multivariant}"
    );
    for name in ["index.m3u8", "manifest.mpd"] {
        let (_, said) = ffmpeg(
            "ffmpeg",
            &[
                "-v",
                "error",
                "-xerror",
                "-i",
                &stack.url(&format!("/third/{name}")),
                "-t",
                "3",
                "-f",
                "null",
                "-",
            ],
        );
        assert_eq!(said, "", "{name}");
    }
}

#[test]
fn gstreamer_publishes_too() {
    let stack = Stack::start(PASSTHROUGH);
    let location = format!("location={}", stack.rtmp_url("live/k3y-cam"));
    let _publisher = Peer::start(
        "gst-launch-1.0",
        &[
            "-q",
            "videotestsrc",
            "is-live=true",
            "!",
            "video/x-raw,width=640,height=360,framerate=30/1",
            "!",
            "x264enc",
            "speed-preset=ultrafast",
            "tune=zerolatency",
            "key-int-max=60",
            "bitrate=800",
            "!",
            "h264parse",
            "!",
            "mux.",
            "audiotestsrc",
            "is-live=true",
            "!",
            "audioconvert",
            "!",
            "avenc_aac",
            "!",
            "aacparse",
            "!",
            "mux.",
            "flvmux",
            "name=mux",
            "streamable=true",
            "!",
            "rtmp2sink",
            &location,
        ],
    );
    let multivariant = stack.wait_for_segments("cam", 3);
    assert!(
        multivariant.contains("RESOLUTION=640x360") && multivariant.contains("mp4a.40.2"),
        "{multivariant}"
    );
}

#[test]
fn pictures_without_sound_play_and_sound_without_pictures_is_told() {
    let stack = Stack::start(TRANSCODE);
    let url = stack.rtmp_url("live/k3y-cam");
    let silent = Peer::start(
        "ffmpeg",
        &[
            "-nostdin",
            "-v",
            "error",
            "-re",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=640x360:rate=30",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "30",
            "-pix_fmt",
            "yuv420p",
            "-f",
            "flv",
            &url,
        ],
    );
    let multivariant = stack.wait_for_segments("cam", 2);
    assert!(multivariant.contains("mp4a.40.2"), "a silent track stands in: {multivariant}");
    silent.kill();
    let _blind = Peer::start(
        "ffmpeg",
        &[
            "-nostdin",
            "-v",
            "error",
            "-re",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440",
            "-c:a",
            "aac",
            "-f",
            "flv",
            &url,
        ],
    );
    eventually("the missing picture is told in the metrics", || {
        let metrics = stack.metrics();
        metrics
            .lines()
            .any(|line| line.contains("fault") && line.contains("no_video") && !line.ends_with(" 0"))
            .then_some(())
    });
    assert_eq!(stack.pids("headwater-encoder").len(), 1, "the channel waits and is not dead");
}
