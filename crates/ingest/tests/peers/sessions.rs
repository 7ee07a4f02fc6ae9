//! Publishers and encoders that come and go.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use bytes::BytesMut;
use media::{MediaTime, Utc};
use rtmp::amf::Value;
use rtmp::chunk::{self, Writer, kind};
use wire::sample_stream::Message;

use crate::client::{Client, tags};
use crate::harness::*;

#[test]
fn a_publisher_that_comes_back_with_timestamps_from_zero_goes_on_later_on_the_same_timeline() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut sessions = Vec::new();
    for _ in 0..3 {
        role.wait_for_metric("headwater_ingest_publishers{channel=\"main\"}", 0.0);
        let mut client = Client::publish(role.rtmp, "sesame");
        client.send(2);
        // Gone without a goodbye.
        drop(client);
        sessions.push(subscriber.session());
    }
    for pair in sessions.windows(2) {
        assert!(pair[1].tracks.session > pair[0].tracks.session);
        let last = pair[0].of(VIDEO).last().expect("pictures").dts;
        let first = pair[1].of(VIDEO).first().expect("pictures").dts;
        assert!(first > last, "{first} after {last}");
    }
    assert!(sessions.iter().all(|session| session.ended.contains("without a goodbye")));
    assert_eq!(role.metric("headwater_ingest_sessions_total{channel=\"main\"}"), 3.0);
}

#[test]
fn an_encoder_back_from_a_lost_network_takes_the_place_of_its_silent_self() {
    let role = Role::start(100);
    let mut subscriber = role.subscribe("main", None);
    let mut lost = Client::publish(role.rtmp, "sesame");
    lost.send(1);
    let mut refusals = 0;
    let mut back = loop {
        let (client, code, _) = Client::try_publish(role.rtmp, "live", "sesame");
        if code == "NetStream.Publish.Start" {
            break client;
        }
        refusals += 1;
    };
    assert!(refusals > 0, "not while it may still be there");
    assert_eq!(subscriber.session().ended, "another publisher came with its key");
    assert!(lost.ends_closed());
    back.send(1);
    back.goodbye();
    assert_eq!(subscriber.session().of(VIDEO).len(), 30);
}

#[test]
fn a_late_subscriber_gets_the_newest_group_of_pictures_or_the_one_it_asks_for() {
    let role = Role::start(0);
    let mut early = role.subscribe("main", None);
    let mut client = Client::publish(role.rtmp, "sesame");
    client.send(4);
    let tracks = early.tracks();
    let mut keys = Vec::new();
    let mut last = 0;
    while keys.len() < 4 || last < 29 {
        let sample = early.sample();
        match (sample.track == VIDEO, sample.sync) {
            (true, true) => (keys, last) = ([keys, vec![sample]].concat(), 0),
            (true, false) => last += 1,
            (false, _) => {}
        }
    }

    let mut late = role.subscribe("main", None);
    assert_eq!(late.tracks(), tracks);
    let first = std::iter::from_fn(|| Some(late.sample())).find(|sample| sample.track == VIDEO);
    assert_eq!(first.as_ref(), Some(&keys[3]), "the newest key frame");

    let wanted = Utc::of(MediaTime::new(keys[1].dts + 45_000, media::Timescale::MPEG));
    let mut restarted = role.subscribe("main", Some(wanted));
    assert_eq!(restarted.tracks(), tracks);
    let pictures: Vec<_> = std::iter::from_fn(|| Some(restarted.sample()))
        .filter(|sample| sample.track == VIDEO)
        .take(90)
        .collect();
    assert_eq!(pictures[0], keys[1], "the key frame before the time asked for");
    assert_eq!(pictures.iter().filter(|sample| sample.sync).count(), 3);

    // And both go on live.
    client.goodbye();
    for subscriber in [&mut late, &mut restarted] {
        let ended =
            std::iter::from_fn(|| subscriber.next()).find(|message| matches!(message, Message::Ended(_)));
        assert!(ended.is_some());
    }
}

#[test]
fn a_changed_sequence_header_gives_new_tracks() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut client = Client::publish(role.rtmp, "sesame");
    client.send(1);
    let stream = std::fs::read(format!("{}/testdata/x264-128x64-key-frame.h264", env!("CARGO_MANIFEST_DIR")))
        .expect("a capture");
    let other = codec::h264::format_from_annexb(&stream).expect("headers");
    client.video(1_000, [b"\x17\0\0\0\0", &other.config[..]].concat());
    let picture = codec::h264::annexb_to_length_prefixed(&stream);
    client.video(1_000, [b"\x17\x01\0\0\0", &picture[..]].concat());
    client.goodbye();
    let heard = subscriber.session();
    assert_eq!(heard.tracks.tracks.len(), 2);
    assert_eq!(heard.track(VIDEO).format, media::Format::Video(other));
    assert_eq!(heard.of(VIDEO).len(), 31);
}

#[test]
fn a_subscriber_that_does_not_read_goes_on_at_a_key_frame_and_nobody_waits_for_it() {
    let role = Role::start(0);
    let mut slow = role.subscribe("main", None);
    let mut client = Client::publish(role.rtmp, "sesame");
    for (kind, ms, body) in tags::first(1).filter(|(_, ms, body)| *ms == 0 && body[1] == 0) {
        match kind {
            9 => client.video(*ms, body.clone()),
            _ => client.audio(*ms, body.clone()),
        }
    }
    // 30 MiB in key frames of 150,000 bytes, each with its number in its last byte; the log keeps 8.
    let picture = |number: u8| {
        let mut body = b"\x17\x01\0\0\0".to_vec();
        body.extend(149_995_u32.to_be_bytes());
        body.resize(5 + 4 + 149_995, 0x65);
        *body.last_mut().expect("bytes") = number;
        body
    };
    for number in 0..200 {
        client.video(u32::from(number) * 33, picture(number));
    }
    client.goodbye();
    role.wait_for_metric("headwater_ingest_publishers{channel=\"main\"}", 0.0);
    let heard = slow.session();
    let numbers: Vec<_> = heard.of(VIDEO).iter().map(|sample| sample.data[sample.data.len() - 1]).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "in order: {numbers:?}");
    assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&199)));
    let missed = 200 - numbers.len();
    assert!(missed > 100, "{missed} missed");
    assert_eq!(role.metric("headwater_ingest_dropped_samples_total{channel=\"main\"}"), missed as f64);
    assert!(role.metric("headwater_ingest_replay_bytes{channel=\"main\"}") <= f64::from(8 << 20));
    assert_eq!(role.log().matches("was too slow").count(), 1);
}

#[test]
fn an_encoder_that_asks_for_nothing_known_is_let_go_and_one_that_leaves_is_forgotten() {
    let role = Role::start(0);
    assert_eq!(role.subscribe_unchecked("nowhere").next(), None);
    role.wait_for_log("a channel that no publisher comes to");
    let subscriber = role.subscribe("main", None);
    role.wait_for_metric("headwater_ingest_subscribers{channel=\"main\"}", 1.0);
    drop(subscriber);
    role.wait_for_metric("headwater_ingest_subscribers{channel=\"main\"}", 0.0);
}

#[test]
fn at_a_drain_subscribers_hear_the_end_and_the_role_returns() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("main", None);
    let mut client = Client::publish(role.rtmp, "sesame");
    client.send(1);
    role.wait_for_metric("headwater_ingest_video_frames_total{channel=\"main\"}", 30.0);
    role.drain();
    let heard = subscriber.session();
    assert_eq!(heard.of(VIDEO).len(), 30);
    assert_eq!(heard.ended, "ingest is draining");
    assert_eq!(subscriber.next(), None);
    assert!(client.ends_closed());
    role.join().expect("the role ends well");
}

#[test]
fn a_second_publisher_is_refused_or_replaces_the_first_as_its_channel_says_and_the_log_has_both_addresses() {
    let key = ingest::Door::Rtmp { app: "live".to_owned(), key: "yield".to_owned() };
    let role = Role::start_with(0, &[("yielding", key)]);
    let mut first = Client::publish(role.rtmp, "sesame");
    first.send(1);
    let (_, code, _) = Client::try_publish(role.rtmp, "live", "sesame");
    assert_ne!(code, "NetStream.Publish.Start");
    assert!(role.log().contains("channel `main` has a publisher already from 127.0.0.1:"), "{}", role.log());

    let mut subscriber = role.subscribe("yielding", None);
    let mut first = Client::publish(role.rtmp, "yield");
    first.send(1);
    let mut second = Client::publish(role.rtmp, "yield");
    assert!(first.ends_closed());
    assert_eq!(subscriber.session().ended, "another publisher came with its key");
    assert!(role.log().contains("takes the place of another publisher"), "{}", role.log());
    second.send(1);
    second.goodbye();
    assert_eq!(subscriber.session().of(VIDEO).len(), 30);
}

#[test]
fn a_publisher_that_comes_and_goes_is_one_alarm_which_ends_when_it_rests() {
    let role = Role::start(0);
    for _ in 0..4 {
        let mut client = Client::publish(role.rtmp, "sesame");
        client.send(1);
        drop(client);
        role.wait_for_metric("headwater_ingest_publishers{channel=\"main\"}", 0.0);
    }
    // Those that do not stay are not let in, and one that stays is.
    let sessions = role.metric("headwater_ingest_sessions_total{channel=\"main\"}");
    for _ in 0..3 {
        drop(Client::ask(role.rtmp, "live", "sesame"));
    }
    let mut stays = Client::publish(role.rtmp, "sesame");
    stays.send(1);
    assert_eq!(role.metric("headwater_ingest_sessions_total{channel=\"main\"}"), sessions + 1.0);
    stays.goodbye();
    let told =
        |state: &str| role.log().matches(&format!("event=\"publisher_flaps\" state=\"{state}\"")).count();
    assert_eq!((told("raised"), told("cleared")), (1, 0), "{}", role.log());
    wait_for("it has come to rest", || told("cleared") == 1);
    assert_eq!(told("raised"), 1);
}

/// A server that plays to whoever comes, and soon closes.
fn fickle_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let mut answers = BytesMut::from(&[3_u8][..]);
    answers.extend([7; 2 * 1_536]);
    let writer = Writer::new();
    let started = Value::Object(vec![
        ("level".into(), "status".into()),
        ("code".into(), "NetStream.Play.Start".into()),
    ]);
    for (name, transaction, last) in [
        ("_result", 1.0, Value::Object(Vec::new())),
        ("_result", 2.0, 1.0.into()),
        ("onStatus", 0.0, started),
    ] {
        let mut body = BytesMut::new();
        for value in [name.into(), transaction.into(), Value::Null, last] {
            value.write(&mut body);
        }
        let message = chunk::Message { kind: kind::COMMAND, stream: 0, timestamp: 0, body: body.freeze() };
        writer.write(3, &message, &mut answers);
    }
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.write_all(&answers).expect("writes");
            stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout can be set");
            while matches!(stream.read(&mut [0; 4_096]), Ok(1..)) {}
        }
    });
    address
}

#[test]
fn a_fetched_stream_that_comes_and_goes_is_the_same_alarm() {
    let server = fickle_server();
    let target = ingest::Target {
        server_url: format!("rtmp://{server}/live"),
        app: "live".to_owned(),
        stream: "main".to_owned(),
    };
    let call = ingest::RtmpCall {
        host: server.ip().to_string(),
        port: server.port(),
        is_secure: false,
        target,
        reach: ingest::Reach::Private,
    };
    let role = Role::start_with(0, &[("fetched", ingest::Door::RtmpCall(call))]);
    role.wait_for_log("event=\"publisher_flaps\" state=\"raised\" channel=fetched");
    role.wait_for_log("event=\"publisher_flaps\" state=\"cleared\" channel=fetched");
}

#[test]
fn timestamps_that_need_more_bits_or_wrap_are_no_step() {
    for boundary in [0x00FF_FFFF_u32, 0x7FFF_FFFF, 0xFFFF_FFFF] {
        let role = Role::start(0);
        let mut subscriber = role.subscribe("main", None);
        let mut client = Client::publish(role.rtmp, "sesame");
        for (kind, ms, body) in tags::first(2) {
            let timestamp = boundary.wrapping_sub(1_000).wrapping_add(*ms);
            match kind {
                9 => client.video(timestamp, body.clone()),
                _ => client.audio(timestamp, body.clone()),
            }
        }
        client.goodbye();
        let session = subscriber.session();
        let pictures = session.of(VIDEO);
        assert_eq!(pictures.len(), 60, "{boundary:#x}");
        for pair in pictures.windows(2) {
            let step = pair[1].dts - pair[0].dts;
            assert!((2_900..=3_100).contains(&step), "{boundary:#x}: a step of {step} ticks of 90 kHz");
        }
        assert_eq!(role.metric("headwater_ingest_sessions_total{channel=\"main\"}"), 1.0);
    }
}
