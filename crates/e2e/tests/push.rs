//! HLS that encoders push: to channels of the workflow file, and to MediaPackage's ingest endpoints.

use std::process::Command;

use e2e::aws::Clients;
use e2e::tracks::{read, segment_starts};
use e2e::{Peer, Stack, eventually, ffmpeg, hls};
use serde_json::Value;

/// Some seconds of what is there, decoded without a complaint.
fn plays(url: &str) {
    let (_, said) = ffmpeg("ffmpeg", &["-v", "error", "-xerror", "-i", url, "-t", "4", "-f", "null", "-"]);
    assert_eq!(said, "", "{url}");
}

#[test]
fn hls_that_ffmpeg_pushes_plays_passed_through_and_encoded() {
    let channel = |name: &str, ladder: &str| {
        let login = "user = \"encoder\", password = \"correct-horse\"";
        format!(
            "[[channel]]\nname = \"{name}\"\ninput = {{ hls_push = \"in/{name}\", {login} }}\nladder = {ladder}\nsegment = 1\n"
        )
    };
    let encoded = channel("encoded", "[\"240p30\"]\npreset = \"ultrafast\"");
    let stack = Stack::start(&(channel("passed", "\"passthrough\"") + &encoded));
    let url = |name: &str| {
        format!("http://encoder:correct-horse@{}/in/in/{name}/index.m3u8", stack.hls_push_address())
    };
    let _pushers = ["passed", "encoded"].map(|name| Peer::publish(&url(name), 30));
    for name in ["passed", "encoded"] {
        eventually("pictures and sound are listed", || {
            stack.wait_for_segments(name, 4).contains("mp4a.40.2").then_some(())
        });
        eventually("the encoder is shown", || {
            let about = format!("channel=\"{name}\"");
            (stack.metric(&["headwater_ingest_push_segments_total{", &about]) > 4.0).then_some(())
        });
        plays(&stack.url(&format!("/{name}/index.m3u8")));
    }
    assert_eq!(stack.metric(&["headwater_ingest_push_faults_total"]), 0.0, "{}", stack.log());
    assert!(!stack.log().contains("correct-horse"), "{}", stack.log());
}

/// How the streams of a ladder go with the sound: in each, or apart.
const MUXED: &str = "v:0,a:0 v:1,a:1 v:2,a:2";
const APART: &str = "v:0,agroup:s v:1,agroup:s v:2,agroup:s a:0,agroup:s,default:yes";

/// Every rendition under a path plays, and all have segments of the same pictures; gives back the sizes.
fn plays_in_step(stack: &Stack, path: &str, manifest: &str) -> Vec<String> {
    let index = eventually("three renditions are listed", || {
        let answer = stack.try_get(&format!("/{path}/{manifest}.m3u8"))?;
        let whole = answer.text().matches("RESOLUTION=").count() == 3 && answer.text().contains("mp4a.40.2");
        whole.then(|| answer.text().to_owned())
    });
    let sizes =
        index.split(',').filter_map(|part| part.strip_prefix("RESOLUTION=")).map(str::to_owned).collect();
    let lists = hls::media_playlists(&index);
    let videos: Vec<_> = lists.iter().filter(|uri| uri.starts_with("video")).collect();
    assert_eq!(videos.len(), 3, "{index}");
    eventually("each has some segments", || {
        let has_some = |uri: &&String| {
            stack
                .try_get(&format!("/{path}/{uri}"))
                .is_some_and(|list| list.text().matches("#EXTINF").count() >= 4)
        };
        videos.iter().all(has_some).then_some(())
    });
    for uri in &videos {
        plays(&stack.url(&format!("/{path}/{uri}")));
    }
    plays(&stack.url(&format!("/{path}/{manifest}.m3u8")));
    // By number, as players that switch between them do.
    let numbered = |uri: &&String| -> Vec<(u64, u64)> {
        let track = read(stack, path, uri);
        (track.playlist.media_sequence..).zip(segment_starts(&track)).collect()
    };
    let all: Vec<_> = videos.iter().map(numbered).collect();
    for other in &all[1..] {
        let same = other.iter().filter(|segment| all[0].contains(segment)).count();
        assert!(same + 1 >= all[0].len().min(other.len()) && same >= 3, "{all:?}");
    }
    sizes
}

/// What MediaPackage answers to the aws CLI.
fn mediapackage(aws: &Clients, arguments: &[&str]) -> Value {
    let said = aws.cli(&[&["mediapackage"], arguments].concat());
    assert!(said.is_fine, "{arguments:?}: {}", said.errors);
    serde_json::from_str(&said.output).expect("JSON")
}

fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{place} in {value}"))
}

/// An ingest endpoint of MediaPackage, as an encoder is told it.
struct Endpoint {
    url: String,
    user: String,
    password: String,
}

impl Endpoint {
    fn of(channel: &Value, number: usize) -> Self {
        let told =
            |member: &str| text(channel, &format!("/HlsIngest/IngestEndpoints/{number}/{member}")).to_owned();
        Self { url: told("Url"), user: told("Username"), password: told("Password") }
    }

    fn with_login(&self) -> String {
        self.url.replace("http://", &format!("http://{}:{}@", self.user, self.password)) + ".m3u8"
    }

    /// The status of a file that curl pushes.
    fn put(&self, scheme: &str) -> String {
        let login = format!("{}:{}", self.user, self.password);
        let output = Command::new("curl")
            .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", scheme, "-u", &login, "-X", "PUT"])
            .args(["--data-binary", "x", &format!("{}_other.ts", self.url)])
            .output()
            .expect("curl runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn mediapackage_s_ingest_endpoints_take_hls_under_the_credentials_that_it_tells() {
    let stack = Stack::start_with_control("");
    let aws = Clients::of(&stack);
    let call = |arguments: &[&str]| mediapackage(&aws, arguments);
    let channel = call(&["create-channel", "--id", "live"]);
    let package = "{\"SegmentDurationSeconds\": 2}";
    let origin =
        ["create-origin-endpoint", "--channel-id", "live", "--id", "live-hls", "--hls-package", package];
    let shown = call(&origin);
    let path = text(&shown, "/Url").splitn(4, '/').nth(3).expect("a path").to_owned();
    let [first, second] = [0, 1].map(|number| Endpoint::of(&channel, number));
    eventually("the endpoint is open", || (first.put("--digest") == "201").then_some(()));
    let pusher = Peer::publish(&first.with_login(), 30);
    eventually("the endpoint lists", || {
        stack.try_get(&format!("/{path}")).filter(|answer| answer.text().contains("mp4a.40.2"))
    });
    plays(&stack.url(&format!("/{path}")));
    let id = text(&channel, "/HlsIngest/IngestEndpoints/0/Id");
    let changed = call(&["rotate-ingest-endpoint-credentials", "--id", "live", "--ingest-endpoint-id", id]);
    let anew = Endpoint::of(&changed, 0);
    eventually("the new credentials hold", || (anew.put("--basic") != "401").then_some(()));
    assert_eq!((first.put("--basic"), first.put("--digest")), ("401".to_owned(), "401".to_owned()));
    drop(pusher);
    let _standby = Peer::publish(&second.with_login(), 30);
    eventually("the second endpoint is read", || {
        (stack.metric(&["headwater_ingest_push_standby{", "channel=\"mp-live\""]) == 1.0).then_some(())
    });
    let segments = stack.metric(&["headwater_ingest_push_segments_total{", "channel=\"mp-live\""]);
    eventually("it goes on", || {
        let now = stack.metric(&["headwater_ingest_push_segments_total{", "channel=\"mp-live\""]);
        (now > segments + 2.0).then_some(())
    });
}

#[test]
fn a_ladder_that_is_pushed_to_a_channel_plays_whole_muxed_and_with_its_sound_apart() {
    let channel = |name: &str| {
        format!(
            "[[channel]]\nname = \"{name}\"\ninput = {{ hls_push = \"{name}\" }}\nladder = \"passthrough\"\nsegment = 2\n"
        )
    };
    let stack = Stack::start(&(channel("muxed") + &channel("apart")));
    let url = |name: &str| format!("http://{}/in/{name}", stack.hls_push_address());
    let _pushers =
        [("muxed", MUXED), ("apart", APART)].map(|(name, streams)| Peer::push_ladder(&url(name), streams));
    for name in ["muxed", "apart"] {
        assert_eq!(plays_in_step(&stack, name, "index"), ["640x360", "320x180", "160x90"], "{name}");
    }
    assert_eq!(stack.metric(&["headwater_ingest_push_faults_total"]), 0.0, "{}", stack.log());
    assert!(!stack.log().contains("renditions_apart"), "{}", stack.log());
}

#[test]
fn a_ladder_that_is_pushed_to_mediapackage_plays_whole_by_hls_and_dash() {
    let stack = Stack::start_with_control("");
    let aws = Clients::of(&stack);
    let call = |arguments: &[&str]| mediapackage(&aws, arguments);
    let channel = call(&["create-channel", "--id", "ladder"]);
    let endpoint = |id: &str, package: &str| {
        let package = [package, "{\"SegmentDurationSeconds\": 2}"];
        let made =
            call(&[&["create-origin-endpoint", "--channel-id", "ladder", "--id", id][..], &package].concat());
        text(&made, "/Url").splitn(4, '/').nth(3).expect("a path").to_owned()
    };
    let (hls, dash) = (endpoint("hls", "--hls-package"), endpoint("dash", "--dash-package"));
    let first = Endpoint::of(&channel, 0);
    eventually("the endpoint is open", || (first.put("--digest") == "201").then_some(()));
    let folder = first.with_login();
    let folder = folder.rsplit_once('/').expect("a path").0;
    let pusher = Peer::push_ladder(folder, MUXED);
    let (path, name) = hls.rsplit_once('/').expect("a path");
    let name = name.trim_end_matches(".m3u8");
    let sizes = ["640x360", "320x180", "160x90"];
    assert_eq!(plays_in_step(&stack, path, name), sizes);
    let mpd = stack.get(&format!("/{dash}")).text().to_owned();
    for size in sizes {
        let (width, height) = size.split_once('x').expect("a size");
        assert!(mpd.contains(&format!("width=\"{width}\" height=\"{height}\"")), "{mpd}");
    }
    plays(&stack.url(&format!("/{dash}")));
    // The encoder is started anew; what is shown goes on, without another timeline.
    drop(pusher);
    let _anew = Peer::push_ladder(folder, MUXED);
    let segments = stack.metric(&["headwater_ingest_push_segments_total{", "channel=\"mp-ladder\""]);
    eventually("it goes on", || {
        let now = stack.metric(&["headwater_ingest_push_segments_total{", "channel=\"mp-ladder\""]);
        (now > segments + 12.0).then_some(())
    });
    assert_eq!(plays_in_step(&stack, path, name), sizes);
    let sessions = stack.metric(&["headwater_ingest_sessions_total{", "channel=\"mp-ladder\""]);
    assert_eq!(sessions, 1.0);
}
