//! What is described is what would make it: a described channel, made by MediaLive, is the same channel.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use aws::{Map, Value};
use door::{Caller, Made, Site};
use media::Utc;

use super::input::{self, Role};
use super::{Channel, attachment, channel};
use crate::endpoint::{Endpoint, Reach};
use crate::mapping::{self, Feed, Shown};

fn caller() -> Caller {
    Caller {
        account: "123456789012".to_owned(),
        region: "us-west-2".to_owned(),
        who: String::new(),
        access_key: String::new(),
        source: String::new(),
        request_id: String::new(),
        action: String::new(),
        at: Utc(0),
    }
}

fn site() -> Site {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Site {
        host: "live.example".to_owned(),
        viewers: at(8080),
        rtmp: at(1935),
        srt: at(9710),
        hls_push: at(8310),
        origin: at(8300),
        control: at(8400),
    }
}

/// The channel `news` of a file with these settings.
fn news(settings: &str) -> Channel {
    let text = format!("[[channel]]\nname = \"news\"\n{settings}");
    Made::of_file(&text).expect(settings).channels.remove(0)
}

fn member<'m>(map: &'m Map, list: &str, member: &str) -> Option<&'m str> {
    map.get(list)?.as_list()?.first()?.as_map()?.text(member)
}

/// The endpoint that a described input has.
fn endpoint(input: &Map) -> Endpoint {
    let url = |list| member(input, list, "Url").expect("a URL").to_owned();
    let port = || member(input, "Destinations", "Port").expect("a port").parse().expect("a number");
    match input.text("Type").expect("a type") {
        "RTMP_PUSH" => Endpoint::Rtmp(url("Destinations").replace("rtmp://live.example:1935/", "")),
        "RTMP_PULL" => Endpoint::RtmpCall(url("Sources")),
        "SRT_LISTENER" => {
            Endpoint::Srt(url("Destinations").rsplit('=').next().expect("a stream id").to_owned())
        }
        "UDP_PUSH" => Endpoint::Udp(port()),
        "RTP_PUSH" => Endpoint::Rtp(port()),
        "URL_PULL" => Endpoint::Hls(url("Sources")),
        _ => Endpoint::File(url("Sources")),
    }
}

/// What MediaLive makes of the description.
fn made_of_what_is_described(other: &Channel) -> spec::Channel {
    let mut described = channel::described(other, &caller(), &site());
    described.insert("Destinations", vec![Value::from(Map::new().with("Id", mapping::ORIGIN))]);
    let feed = |role: Role| {
        let input = input::described(other, role, &caller(), &site()).expect("it is named");
        let feed = Feed { endpoints: vec![endpoint(&input)], latency_ms: vec![None], senders: None };
        (role.id(other), feed)
    };
    let feeds: BTreeMap<_, _> = input::roles(other).map(feed).collect();
    let table = mapping::table("1", &described, &feeds, Shown::First, Reach::Public);
    let table = table.unwrap_or_else(|invalid| panic!("{}: {}", invalid.path, invalid.message));
    let mut channel = mapping::parse(table).expect("a channel").channels.remove(0);
    channel.name = other.spec.name.clone();
    channel
}

#[test]
fn a_described_channel_would_make_the_same_one() {
    for settings in [
        "input = { rtmp = \"live/s3cret\" }",
        "input = { rtmp = \"live/news\" }\nladder = [\"1080p50\", \"480p29.97\"]\nsegment = 4\nwindow = 120\naudio_bitrate = \"96k\"",
        "input = { srt = \"news\" }\nladder = [{ size = \"640x360\", fps = 25, codec = \"hevc\", bitrate = \"800k\" }]\npipelines = 2",
        "input = { udp = \"0.0.0.0:5000\", program = 2, video_pid = 256, audio_pid = 257 }",
        "input = { rtp = \"0.0.0.0:5004\", fec = true }\nladder = [{ size = \"320x180\", profile = \"baseline\" }]",
        "input = { hls = \"https://example.org/live/index.m3u8\", max_bandwidth = \"3M\" }",
        "input = { file = \"https://example.org/clip.mp4\" }",
        "input = { rtmp_call = \"rtmp://example.org:1935/live/news\" }\nfill = { repeat = 0.5, black = 2, slate = \"#102030\" }",
        "input = { rtmp = \"live/a\" }\nbackup = { srt = \"b\" }\n\
         failover = { on = [\"loss\", \"black\", \"silence\"], loss = 0.5, clear = 10, preference = \"equal\" }",
        "input = { rtmp = \"live/a\" }\naudio = [{ track = 2, language = \"eng\", name = \"English\" }, { language = \"fra\" }]",
    ] {
        let other = news(settings);
        assert_eq!(made_of_what_is_described(&other), *other.spec, "{settings}");
    }
}

#[test]
fn of_what_media_live_has_no_name_for_nothing_is_said() {
    for input in [
        "\"test\"",
        "\"cmaf\"",
        "{ hls_push = \"news\" }",
        "{ files = [\"a.mp4\", \"b.mp4\"] }",
        "{ file = \"clip.mkv\" }",
        "{ file = \"clip\" }",
    ] {
        let other = news(&format!("input = {input}"));
        let described = channel::described(&other, &caller(), &site());
        assert_eq!(described.get("InputAttachments"), Some(&Value::List(Vec::new())), "{input}");
        assert_eq!(input::roles(&other).count(), 0, "{input}");
    }
    // A failover to something without a name is none that MediaLive could tell.
    let other = news("input = { rtmp = \"live/a\" }\nbackup = \"test\"");
    let attachments = attachment::all(&other);
    let only = attachments[0].as_map().expect("an attachment");
    assert_eq!((attachments.len(), only.get("AutomaticInputFailoverSettings")), (1, None));
    // Nothing is encoded, so no picture is described.
    for settings in ["input = { rtmp = \"live/a\" }\nladder = \"passthrough\"", "input = \"cmaf\""] {
        let described = channel::described(&news(settings), &caller(), &site());
        let encoder = described.get("EncoderSettings").and_then(Value::as_map).expect("settings");
        assert_eq!(encoder.get("VideoDescriptions"), Some(&Value::List(Vec::new())), "{settings}");
    }
}

#[test]
fn an_input_tells_where_it_comes_from_and_no_secret() {
    for (input, kind, told) in [
        (
            "{ hls = \"https://user:pass@example.org/live.m3u8?token=s3cret\" }",
            "URL_PULL",
            "https://example.org/live.m3u8",
        ),
        (
            "{ rtmp_call = \"rtmp://example.org/live/news?token=s3cret\" }",
            "RTMP_PULL",
            "rtmp://example.org:1935/live/news",
        ),
        ("{ file = \"https://example.org/a.ts?token=s3cret\" }", "TS_FILE", "https://example.org/a.ts"),
        ("{ file = \"media/clip.MP4\" }", "MP4_FILE", "file:media/clip.MP4"),
        (
            "{ srt_call = \"example.org:9000\", streamid = \"news\", passphrase = \"s3cret-s3cret\" }",
            "SRT_CALLER",
            "example.org",
        ),
        (
            "{ srt = \"news\", passphrase = \"s3cret-s3cret\" }",
            "SRT_LISTENER",
            "srt://live.example:9710?streamid=news",
        ),
        ("{ rtp = \"192.0.2.1:5004\", second = \"0.0.0.0:5104\" }", "RTP_PUSH", "rtp://live.example:5104"),
        ("{ udp = \"239.1.2.3:5000\", from = \"192.0.2.7\" }", "MULTICAST", "192.0.2.7"),
    ] {
        let other = news(&format!("input = {input}"));
        let described = input::described(&other, Role::Input, &caller(), &site()).expect(input);
        let text = format!("{described:?}");
        assert_eq!(described.text("Type"), Some(kind));
        assert!(text.contains(told) && !text.contains("s3cret") && !text.contains("pass"), "{text}");
    }
}
