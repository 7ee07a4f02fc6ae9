//! SRT publishers, and streams that are fetched by SRT.

use std::net::{SocketAddr, UdpSocket};

use ingest::{Door, Reach, SrtCall};
use media::{AudioCodec, Format, VideoCodec};

use crate::harness::*;
use crate::lossy::Lossy;

/// An ffmpeg that sends the clip to `url` as it would have come from a camera.
fn push(url: &str) -> Process {
    let file = clip().to_str().expect("a UTF-8 name");
    Process::start("ffmpeg", &["-v", "error", "-re", "-i", file, "-c", "copy", "-f", "mpegts", url])
}

/// A session without a hole from its first sample to its last. The end of the clip may be missing: a receiver does not wait
/// for what is not due yet when its peer closes.
fn assert_whole(heard: &Heard) {
    let Format::Video(video) = &heard.track(VIDEO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::H264, 320, 180));
    let Format::Audio(audio) = &heard.track(AUDIO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((audio.codec, audio.sample_rate), (AudioCodec::Aac, 48_000));

    let pictures = heard.of(VIDEO);
    assert!(pictures.len() >= 90, "{} of 120 pictures", pictures.len());
    let keys: Vec<_> = (0..pictures.len()).filter(|at| pictures[*at].sync).collect();
    assert_eq!(keys[..3], [0, 30, 60]);
    for pair in pictures.windows(2) {
        // The clip's timestamps are in ms.
        let step = pair[1].dts - pair[0].dts;
        assert!([2_970, 3_060].contains(&step), "a hole of {step} ticks");
    }
    assert!(pictures.iter().any(|picture| picture.composition_offset > 0), "B-frames keep their offsets");
    let sounds = heard.of(AUDIO);
    assert!(sounds.len() >= 130, "{} of 188 AAC frames", sounds.len());
    assert!(sounds.windows(2).all(|pair| pair[1].dts - pair[0].dts == 1_024), "frames lie end to end");
}

#[test]
fn an_encrypted_ffmpeg_push_arrives_whole_whatever_its_key_length() {
    for (bytes, batch_ms) in [(16, 0), (24, 20), (32, 200)] {
        let role = Role::start(batch_ms);
        let mut subscriber = role.subscribe("secret", None);
        let url = role.srt_url("secret", Some(PASSPHRASE));
        let mut ffmpeg = push(&format!("{url}&pbkeylen={bytes}"));
        role.wait_for_metric("headwater_ingest_srt_key_bits{channel=\"secret\"}", f64::from(bytes * 8));
        role.wait_for_metric("headwater_ingest_srt_latency_seconds{channel=\"secret\"}", 0.12);
        let heard = subscriber.session();
        assert!(ffmpeg.succeeded());
        assert_whole(&heard);
        assert_eq!(heard.ended, "the publisher closed the connection");
        role.wait_for_metric("headwater_ingest_publishers{channel=\"secret\"}", 0.0);
        role.wait_for_metric("headwater_ingest_srt_key_bits{channel=\"secret\"}", 0.0);
        assert!(role.metric("headwater_ingest_srt_packets_total{channel=\"secret\"}") > 100.0);
        assert_eq!(role.metric("headwater_ingest_srt_dropped_packets_total{channel=\"secret\"}"), 0.0);
    }
}

#[test]
fn a_stream_id_in_the_guidelines_syntax_names_the_channel_too() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("open", None);
    let mut ffmpeg = push(&role.srt_url("#!::r=open,m=publish,u=anna", None));
    assert_whole(&subscriber.session());
    assert!(ffmpeg.succeeded());
    role.wait_for_log("key_bits=0");
}

#[test]
fn srt_live_transmit_publishes() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("secret", None);
    let udp = free_udp_port();
    let url = role.srt_url("secret", Some(PASSPHRASE));
    let transmit =
        Process::start("srt-live-transmit", &["-q", &format!("udp://{udp}"), &format!("{url}&pbkeylen=24")]);
    role.wait_for_metric("headwater_ingest_srt_key_bits{channel=\"secret\"}", 192.0);
    let mut ffmpeg = push(&format!("udp://{udp}?pkt_size=1316"));
    assert!(ffmpeg.succeeded());
    drop(transmit);
    assert_whole(&subscriber.session());
}

/// What a caller hears that is refused.
fn refusal(role: &Role, stream_id: &str, passphrase: Option<&str>) -> String {
    let mut calling =
        srt::Calling::start(role.srt, stream_id, &terms(passphrase)).expect("a call can be made");
    let mut heard = None;
    wait_for("the end of a call", || {
        heard =
            calling.poll().map(|connection| assert!(connection.is_none(), "{stream_id} is accepted")).err();
        heard.is_some()
    });
    heard.map_or_else(String::new, |refusal| refusal.to_string())
}

#[test]
fn encoders_say_why_they_were_refused() {
    let role = Role::start(0);
    for (url, said) in [
        (role.srt_url("nowhere", None), "Application-defined rejection reason"),
        (role.srt_url("secret", Some("not-the-passphrase")), "Incorrect passphrase"),
        (role.srt_url("secret", None), "Password required or unexpected"),
    ] {
        let arguments = ["-v", "error", "-f", "lavfi", "-i", "testsrc2", "-t", "1", "-f", "mpegts", &url];
        let complaint = Process::complaint("ffmpeg", &arguments);
        assert!(complaint.contains(said), "{complaint}");
    }
}

#[test]
fn who_may_not_publish_hears_why_and_is_counted() {
    let role = Role::start(0);
    let mut holder = push(&role.srt_url("open", None));
    role.wait_for_metric("headwater_ingest_publishers{channel=\"open\"}", 1.0);
    for (stream_id, passphrase, heard, logged, reason) in [
        ("nowhere", None, "(1404)", "no channel has its stream id", "unknown_stream"),
        ("open", None, "(1409)", "channel `open` has a publisher already", "busy"),
        ("#!::r=open,m=request", None, "(1405)", "it wanted to play", "play"),
        ("#!:{}", None, "(1400)", "its stream id cannot be read", "protocol"),
        (
            "secret",
            Some("not-the-passphrase"),
            "the passphrase is wrong",
            "wrong passphrase for channel `secret`",
            "passphrase",
        ),
    ] {
        let refusal = refusal(&role, stream_id, passphrase);
        assert!(refusal.contains(heard), "{stream_id}: {refusal}");
        role.wait_for_log(logged);
        role.wait_for_metric(&format!("headwater_ingest_refused_total{{reason=\"{reason}\"}}"), 1.0);
    }
    assert!(!role.log().contains("nowhere") && !role.log().contains("not-the-passphrase"), "{}", role.log());
    assert!(holder.succeeded(), "the publisher that was there goes on");
}

#[test]
fn who_calls_from_elsewhere_hears_that_access_is_denied() {
    let mut role = Role::start(0);
    role.admit_from(&["192.0.2.0/24", "2001:db8::/32"]);
    let refusal_of = |role: &Role| refusal(role, "open", None);
    assert!(refusal_of(&role).contains("access is denied (1403)"), "{}", refusal_of(&role));
    role.wait_for_log("its address is not among those that may publish to channel `open`");
    role.admit_from(&["127.0.0.1"]);
    let _holder = push(&role.srt_url("open", None));
    role.wait_for_metric("headwater_ingest_publishers{channel=\"open\"}", 1.0);
}

#[test]
fn a_publisher_that_comes_and_goes_is_turned_away_at_the_door_for_a_while() {
    let role = Role::start(0);
    let connects = || {
        let mut calling = srt::Calling::start(role.srt, "open", &terms(None)).expect("a call can be made");
        let mut connection = None;
        wait_for("an answer", || match calling.poll() {
            Ok(connected) => {
                connection = connected;
                connection.is_some()
            }
            Err(_) => true,
        });
        connection
    };
    let publishers = "headwater_ingest_publishers{channel=\"open\"}";
    for _ in 0..4 {
        let connection = connects().expect("it is let in");
        role.wait_for_metric(publishers, 1.0);
        drop(connection);
        role.wait_for_metric(publishers, 0.0);
    }
    let refusal = refusal(&role, "open", None);
    assert!(refusal.contains("(1423)"), "{refusal}");
    role.wait_for_metric("headwater_ingest_refused_total{reason=\"flaps\"}", 1.0);
    role.wait_for_log("channel `open`'s publisher comes and goes");
    assert_eq!(role.metric("headwater_ingest_sessions_total{channel=\"open\"}"), 4.0, "it was not accepted");
    let told =
        |state: &str| role.log().matches(&format!("event=\"publisher_flaps\" state=\"{state}\"")).count();
    assert_eq!((told("raised"), told("cleared")), (1, 0));
    let mut stays = None;
    wait_for("it is let in again", || {
        stays = connects();
        stays.is_some()
    });
    role.wait_for_metric(publishers, 1.0);
    wait_for("it has come to rest", || told("cleared") == 1);
    assert_eq!(told("raised"), 1);
}

#[test]
fn what_is_no_srt_disturbs_nobody() {
    let role = Role::start(0);
    let mut subscriber = role.subscribe("open", None);
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let mut ffmpeg = push(&role.srt_url("open", None));
    for round in 0..2_000_u32 {
        let noise: Vec<u8> = (0..round % 1_400).map(|at| ((at * round) >> 3) as u8).collect();
        stranger.send_to(&noise, role.srt).expect("sends");
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    assert_whole(&subscriber.session());
    assert!(ffmpeg.succeeded());
}

#[test]
fn packets_lost_on_the_way_are_sent_again_in_time() {
    let role = Role::start(20);
    let mut subscriber = role.subscribe("secret", None);
    let relay = Lossy::before(role.srt, 50);
    let mut ffmpeg = push(&srt_url(relay.address, "secret", Some(PASSPHRASE)));
    assert_whole(&subscriber.session());
    assert!(ffmpeg.succeeded());
    assert!(relay.lost() > 0);
    assert!(role.metric("headwater_ingest_srt_lost_packets_total{channel=\"secret\"}") > 0.0);
    assert!(role.metric("headwater_ingest_srt_retransmitted_packets_total{channel=\"secret\"}") > 0.0);
}

fn call(address: SocketAddr, reach: Reach) -> Door {
    Door::SrtCall(SrtCall {
        host: address.ip().to_string(),
        port: address.port(),
        stream_id: "anything".to_owned(),
        terms: terms(Some(PASSPHRASE)),
        reach,
        select: ingest::Select::default(),
    })
}

#[test]
fn a_stream_is_fetched_and_fetched_again_when_it_comes_back() {
    let server = free_udp_port();
    let role = Role::start_with(0, &[("fetched", call(server, Reach::Private))]);
    let mut subscriber = role.subscribe("fetched", None);
    for round in 1..=2 {
        let url = format!("srt://{server}?mode=listener&passphrase={PASSPHRASE}&pbkeylen=32");
        let mut ffmpeg = push(&url);
        let heard = subscriber.session();
        assert_whole(&heard);
        assert!(ffmpeg.succeeded());
        assert_eq!(role.log().matches("key_bits=256").count(), round);
    }
}

#[test]
fn a_call_into_private_networks_needs_permission() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let role = Role::start_with(0, &[("fetched", call(server.local_addr().expect("bound"), Reach::Public))]);
    role.wait_for_log("set `allow_private = true` on this input");
    role.wait_for_log("again_in=1s");
    server.set_nonblocking(true).expect("can be set");
    assert!(server.recv(&mut [0; 64]).is_err(), "nothing was sent there");
}

/// A UDP port of loopback that nobody has now.
fn free_udp_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port")
}
