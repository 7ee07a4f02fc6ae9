//! Transport streams by UDP and RTP, from ffmpeg and GStreamer, over ways that lose, double and disorder them.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ingest::udp::{Endpoint, Fec, Source};
use ingest::{Door, Select};
use media::{Format, VideoCodec};

use crate::harness::*;
use crate::relay::{Datagram, MEDIA, Relay, free_ports};

const CHANNEL: &str = "field";

fn metric(name: &str, labels: &str) -> String {
    format!("headwater_ingest_{name}{{channel=\"{CHANNEL}\"{labels}}}")
}

fn role(source: Source) -> Role {
    role_for(source, Select::default())
}

fn role_for(source: Source, select: Select) -> Role {
    Role::start_with(20, &[(CHANNEL, Door::Datagrams { source, bound: None, select })])
}

fn udp(address: SocketAddr) -> Source {
    Source::Udp(Endpoint::open(address))
}

fn rtp(first: SocketAddr, second: Option<SocketAddr>, latency_ms: u32, fec: Fec) -> Source {
    Source::Rtp {
        first: Endpoint::open(first),
        second: second.map(Endpoint::open),
        latency: rtp::Latency::from_ms(latency_ms).expect("within bounds"),
        fec,
    }
}

/// An ffmpeg that sends the clip as it would have come from a camera.
fn send(output: &str) -> Process {
    let file = clip().to_str().expect("a UTF-8 name");
    let words: Vec<_> = output.split_whitespace().collect();
    Process::start("ffmpeg", &[&["-v", "error", "-re", "-i", file, "-c", "copy"], &words[..]].concat())
}

/// Every picture and every sound of the clip came.
fn assert_whole(heard: &Heard) {
    assert_no_hole(heard, 0, 0);
}

/// As [`assert_whole`], for ffmpeg's RTP: it ends without sending what its last packet has gathered, which is one picture and
/// the sound beside it. A capture of its datagrams lacks them too.
fn assert_whole_by_rtp(heard: &Heard) {
    assert_no_hole(heard, 1, 6);
}

/// A session without a hole from the clip's first sample to its last; at its end at most so many are missing.
fn assert_no_hole(heard: &Heard, pictures_unsent: usize, sounds_unsent: usize) {
    let Format::Video(video) = &heard.track(VIDEO).format else { panic!("{:?}", heard.tracks) };
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::H264, 320, 180));
    let pictures = heard.of(VIDEO);
    let sent = packets_in_clip("v:0");
    assert!(
        (sent - pictures_unsent..=sent).contains(&pictures.len()),
        "{} of {sent} pictures",
        pictures.len()
    );
    let keys: Vec<_> = (0..pictures.len()).filter(|at| pictures[*at].sync).collect();
    assert_eq!(keys, [0, 30, 60, 90]);
    for pair in pictures.windows(2) {
        // The clip's timestamps are in ms.
        let step = pair[1].dts - pair[0].dts;
        assert!([2_970, 3_060].contains(&step), "a hole of {step} ticks");
    }
    let sounds = heard.of(AUDIO);
    let sent = packets_in_clip("a:0");
    assert!((sent - sounds_unsent..=sent).contains(&sounds.len()), "{} of {sent} sounds", sounds.len());
    assert!(sounds.windows(2).all(|pair| pair[1].dts - pair[0].dts == 1_024), "frames lie end to end");
}

#[test]
fn what_ffmpeg_sends_by_udp_arrives_whole() {
    let to = free_ports();
    let role = role(udp(to));
    let mut subscriber = role.subscribe(CHANNEL, None);
    let mut ffmpeg = send(&format!("-f mpegts udp://{to}?pkt_size=1316"));
    let heard = subscriber.session();
    assert!(ffmpeg.succeeded());
    assert_whole(&heard);
    assert_eq!(heard.ended, "the sender has fallen silent");
    role.wait_for_metric(&metric("publishers", ""), 0.0);
    assert!(role.metric(&metric("udp_datagrams_total", "")) > 100.0);
    assert_eq!(role.metric(&metric("udp_malformed_datagrams_total", "")), 0.0);
}

#[test]
fn what_ffmpeg_sends_by_rtp_arrives_whole_over_wraps_of_sequence_and_timestamp() {
    let to = free_ports();
    let role = role(rtp(to, None, 200, Fec::Off));
    let mut subscriber = role.subscribe(CHANNEL, None);
    let mut first = None;
    let relay = Relay::start(move |mut datagram| {
        let sequence = u16::from_be_bytes([datagram.bytes[2], datagram.bytes[3]]);
        let stamp = u32::from_be_bytes(datagram.bytes[4..8].try_into().expect("four bytes"));
        let (first_sequence, first_stamp) = *first.get_or_insert((sequence, stamp));
        // Both wrap after some seventy packets, a second.
        let sequence = sequence.wrapping_sub(first_sequence).wrapping_add(u16::MAX - 70);
        let stamp = stamp.wrapping_sub(first_stamp).wrapping_add(u32::MAX - 90_000);
        datagram.bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
        datagram.bytes[4..8].copy_from_slice(&stamp.to_be_bytes());
        vec![(to, datagram)]
    });
    let mut ffmpeg = send(&format!("-f rtp_mpegts rtp://{}?pkt_size=1328", relay.address));
    let heard = subscriber.session();
    assert!(ffmpeg.succeeded());
    assert_whole_by_rtp(&heard);
    assert_eq!(role.metric(&metric("rtp_lost_packets_total", "")), 0.0);
}

/// A pipeline of GStreamer's, paced by its clock (live sources would leave out what a busy machine makes late), that sends two seconds of picture and sound over RTP with `sink`.
fn gstreamer(sink: &str) -> Process {
    let pipeline = format!(
        "-q videotestsrc num-buffers=60 ! video/x-raw,width=320,height=180,framerate=30/1 \
         ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! h264parse ! mpegtsmux name=mux alignment=7 \
         ! rtpmp2tpay mtu=1328 ! {sink} \
         audiotestsrc num-buffers=94 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 \
         ! voaacenc ! aacparse ! mux."
    );
    Process::start("gst-launch-1.0", &pipeline.split_whitespace().collect::<Vec<_>>())
}

fn assert_gstreamer_came(heard: &Heard) {
    let pictures = heard.of(VIDEO);
    assert_eq!(pictures.len(), 60);
    assert!(pictures[0].sync && pictures[30].sync);
    assert!(pictures.windows(2).all(|pair| (2_999..=3_001).contains(&(pair[1].dts - pair[0].dts))));
    assert!(heard.of(AUDIO).len() >= 90);
}

#[test]
fn what_gstreamer_sends_by_rtp_arrives_whole() {
    let to = free_ports();
    let role = role(rtp(to, None, 200, Fec::Off));
    let mut subscriber = role.subscribe(CHANNEL, None);
    let mut gstreamer = gstreamer(&format!("udpsink host={} port={}", to.ip(), to.port()));
    assert_gstreamer_came(&subscriber.session());
    assert!(gstreamer.succeeded());
}

#[test]
fn what_gstreamer_sends_to_a_group_arrives_whole() {
    let group = Ipv4Addr::new(239, 255, 71, 89);
    let port = free_ports().port();
    let endpoint = Endpoint {
        interface: Some(Ipv4Addr::LOCALHOST),
        senders: vec!["127.0.0.0/8".parse().expect("a network")],
        ..Endpoint::open(SocketAddr::from((group, port)))
    };
    let latency = rtp::Latency::from_ms(200).expect("within bounds");
    let role = role(Source::Rtp { first: endpoint, second: None, latency, fec: Fec::Off });
    let mut subscriber = role.subscribe(CHANNEL, None);
    // Its own address is that of the interface it sends by.
    let sink = format!(
        "udpsink host={group} port={port} auto-multicast=true multicast-iface=lo bind-address=127.0.0.1"
    );
    let mut gstreamer = gstreamer(&sink);
    assert_gstreamer_came(&subscriber.session());
    assert!(gstreamer.succeeded());
}

/// An ffmpeg that sends the clip over RTP at a constant 3 Mbit/s, protected by 5 columns and 20 rows.
fn send_protected(to: SocketAddr) -> Process {
    send(&format!(
        "-f rtp_mpegts -mpegts_muxer_options muxrate=3000000 -fec prompeg=l=5:d=20 rtp://{to}?pkt_size=1328"
    ))
}

#[test]
fn bursts_come_back_by_the_error_correction_ffmpeg_sends() {
    let to = free_ports();
    let role = role(rtp(to, None, 2_000, Fec::On));
    let mut subscriber = role.subscribe(CHANNEL, None);
    let lost = Arc::new(AtomicU64::new(0));
    let count = lost.clone();
    let relay = Relay::start(move |datagram| {
        // A burst as long as a row in each second matrix, in the middle of the stream.
        let burst =
            datagram.port == MEDIA && (200..800).contains(&datagram.place) && datagram.place % 200 < 5;
        count.fetch_add(u64::from(burst), Ordering::Relaxed);
        if burst { vec![] } else { vec![(to, datagram)] }
    });
    let mut ffmpeg = send_protected(relay.address);
    let heard = subscriber.session();
    assert!(ffmpeg.succeeded());
    assert_whole_by_rtp(&heard);
    let lost = lost.load(Ordering::Relaxed);
    assert_eq!(lost, 15);
    role.wait_for_metric(&metric("rtp_recovered_packets_total", ""), lost as f64);
    assert_eq!(role.metric(&metric("rtp_lost_packets_total", "")), 0.0);
    assert!(role.metric(&metric("rtp_correction_packets_total", "")) > 50.0);
}

/// One in `one_in`, as a seed has it.
struct Dice(u64);

impl Dice {
    fn falls(&mut self, one_in: u64) -> bool {
        // Knuth's MMIX generator; its high bits are random enough for this.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).is_multiple_of(one_in)
    }
}

#[test]
fn either_leg_is_cut_and_nothing_is_lost() {
    let legs = [free_ports(), free_ports()];
    let role = role(rtp(legs[0], Some(legs[1]), 1_000, Fec::Off));
    let mut subscriber = role.subscribe(CHANNEL, None);
    let relay = Relay::start(move |datagram| {
        let cut = match datagram.place {
            200..500 => Some(0),
            700..1_000 => Some(1),
            _ => None,
        };
        let legs = legs.into_iter().enumerate().filter(|(leg, _)| Some(*leg) != cut);
        legs.map(|(_, to)| (to, datagram.clone())).collect()
    });
    // 285 packets a second: each cut is as long as the latency.
    let mut ffmpeg = send(&format!(
        "-f rtp_mpegts -mpegts_muxer_options muxrate=3000000 rtp://{}?pkt_size=1328",
        relay.address
    ));
    role.wait_for_metric(&metric("rtp_leg_up", ",leg=\"1\""), 1.0);
    role.wait_for_metric(&metric("rtp_leg_up", ",leg=\"2\""), 1.0);
    let heard = subscriber.session();
    assert!(ffmpeg.succeeded());
    assert_whole_by_rtp(&heard);
    assert_eq!(role.metric(&metric("rtp_lost_packets_total", "")), 0.0);
    for leg in ["1", "2"] {
        let of_leg = |name: &str| role.metric(&metric(name, &format!(",leg=\"{leg}\"")));
        assert_eq!(of_leg("rtp_leg_lost_packets_total"), 300.0, "leg {leg}");
        assert!(of_leg("rtp_leg_packets_total") >= 700.0, "leg {leg}");
    }
}

#[test]
fn two_bad_legs_make_one_good_stream() {
    let legs = [free_ports(), free_ports()];
    let role = role(rtp(legs[0], Some(legs[1]), 1_000, Fec::Off));
    let mut subscriber = role.subscribe(CHANNEL, None);
    let (mut dice, mut held) = (Dice(1), Vec::new());
    let relay = Relay::start(move |datagram: Datagram| {
        let mut goes: Vec<(SocketAddr, Datagram)> = Vec::new();
        // A fifth is lost on one leg or the other, never on both, once a stream is there.
        let lost = (datagram.place > 10 && dice.falls(5)).then(|| usize::from(dice.falls(2)));
        for (leg, to) in legs.into_iter().enumerate().filter(|(leg, _)| Some(*leg) != lost) {
            let copies = 1 + usize::from(dice.falls(20));
            goes.extend(std::iter::repeat_n((to, datagram.clone()), copies));
            // Every twentieth of the second leg comes behind the next one.
            if leg == 1 && datagram.place > 10 && dice.falls(20) {
                held.push(goes.pop().expect("it was put there"));
            } else if leg == 1 {
                goes.append(&mut held);
            }
        }
        goes
    });
    let mut ffmpeg = send(&format!("-f rtp_mpegts rtp://{}?pkt_size=1328", relay.address));
    let heard = subscriber.session();
    assert!(ffmpeg.succeeded());
    assert_whole_by_rtp(&heard);
    assert_eq!(role.metric(&metric("rtp_lost_packets_total", "")), 0.0);
    assert!(role.metric(&metric("rtp_leg_lost_packets_total", ",leg=\"1\"")) > 5.0);
    assert!(role.metric(&metric("rtp_leg_duplicate_packets_total", ",leg=\"2\"")) > 1.0);
    assert!(role.metric(&metric("rtp_leg_reordered_packets_total", ",leg=\"2\"")) > 1.0);
}

#[test]
fn what_is_lost_for_good_costs_pictures_but_not_the_stream() {
    for (one_in, least) in [(100, 60), (20, 30), (5, 1)] {
        let to = free_ports();
        let role = role(udp(to));
        let mut subscriber = role.subscribe(CHANNEL, None);
        let mut dice = Dice(one_in);
        let relay = Relay::start(move |datagram| {
            let lost = datagram.place > 10 && dice.falls(one_in);
            if lost { vec![] } else { vec![(to, datagram)] }
        });
        let mut ffmpeg = send(&format!("-f mpegts udp://{}?pkt_size=1316", relay.address));
        let heard = subscriber.session();
        assert!(ffmpeg.succeeded());
        let pictures = heard.of(VIDEO).len();
        assert!((least..120).contains(&pictures), "one in {one_in} lost: {pictures} pictures");
        let holes = metric("faults_total", ",fault=\"continuity\"");
        assert!(role.metric(&holes) > 0.0, "one in {one_in} lost");
        assert_eq!(heard.ended, "the sender has fallen silent");
    }
}

#[test]
fn a_sender_that_begins_anew_goes_on_behind_what_was() {
    for by_rtp in [false, true] {
        let to = free_ports();
        let role = role(if by_rtp { rtp(to, None, 200, Fec::Off) } else { udp(to) });
        let mut subscriber = role.subscribe(CHANNEL, None);
        let output = match by_rtp {
            true => format!("-f rtp_mpegts rtp://{to}?pkt_size=1328"),
            false => format!("-f mpegts udp://{to}?pkt_size=1316"),
        };
        let mut ffmpeg = send(&output);
        assert!(ffmpeg.succeeded());
        // Longer than one sender of plain datagrams is followed after its last.
        std::thread::sleep(Duration::from_millis(200));
        let mut again = send(&output);
        let first = subscriber.session();
        let second = subscriber.session();
        assert!(again.succeeded());
        assert_eq!(first.ended, "a sender began anew");
        for session in [&first, &second] {
            if by_rtp { assert_whole_by_rtp(session) } else { assert_whole(session) }
        }
        assert!(second.of(VIDEO)[0].dts > first.of(VIDEO).last().expect("whole").dts);
    }
}

#[test]
fn strangers_and_noise_change_nothing() {
    let (to, by_rtp) = (free_ports(), free_ports());
    let camera = Endpoint { senders: vec!["127.0.0.1".parse().expect("an address")], ..Endpoint::open(to) };
    let door = |source| Door::Datagrams { source, bound: None, select: Select::default() };
    let by_udp = door(Source::Udp(camera));
    let role = Role::start_with(20, &[(CHANNEL, by_udp), ("rtp", door(rtp(by_rtp, None, 200, Fec::On)))]);
    let mut subscriber = role.subscribe(CHANNEL, None);
    let mut other = role.subscribe("rtp", None);
    let mut first = send(&format!("-f mpegts udp://{to}?pkt_size=1316"));
    let mut second = send(&format!("-f rtp_mpegts rtp://{by_rtp}?pkt_size=1328"));
    role.wait_for_metric(&metric("publishers", ""), 1.0);
    let stranger = UdpSocket::bind("127.0.0.2:0").expect("loopback is a whole network");
    let noise = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for round in 0..1_500_u32 {
        // Transport packets of a stranger's, and of one who may send but is not the one who does.
        let packet: Vec<u8> =
            (0..188 * 7).map(|at| if at % 188 == 0 { 0x47 } else { (at * round) as u8 }).collect();
        stranger.send_to(&packet, to).expect("sends");
        noise.send_to(&packet, to).expect("sends");
        let bytes: Vec<u8> = (0..round % 1_400).map(|at| ((at * round) >> 3) as u8).collect();
        for step in [0, 2, 4] {
            noise.send_to(&bytes, (by_rtp.ip(), by_rtp.port() + step)).expect("sends");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_whole(&subscriber.session());
    assert_whole_by_rtp(&other.session());
    assert!(first.succeeded() && second.succeeded());
    assert!(role.metric(&metric("udp_stranger_datagrams_total", "")) >= 2_000.0);
    assert!(role.metric("headwater_ingest_udp_malformed_datagrams_total{channel=\"rtp\"}") >= 1_000.0);
}

#[test]
fn a_program_and_its_streams_are_chosen() {
    let sizes = ["320x180", "160x90", "80x60"];
    for (select, width) in [
        (Select::default(), 320),
        (Select { program: Some(2), ..Select::default() }, 160),
        (Select { program: Some(2), video_pid: Some(0x102), ..Select::default() }, 80),
    ] {
        let to = free_ports();
        let terms = terms(None);
        let call = Door::Srt { stream_id: "chosen".to_owned(), terms, select: select.clone() };
        let role = Role::start_with(
            20,
            &[(CHANNEL, Door::Datagrams { source: udp(to), bound: None, select }), ("srt", call)],
        );
        for (channel, url) in
            [(CHANNEL, format!("udp://{to}?pkt_size=1316")), ("srt", role.srt_url("chosen", None))]
        {
            let mut subscriber = role.subscribe(channel, None);
            let inputs: String =
                sizes.iter().map(|size| format!("-f lavfi -i testsrc2=s={size}:r=25:d=2 ")).collect();
            let arguments = format!(
                "-v error -re {inputs} -map 0 -map 1 -map 2 -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p \
                 -program program_num=1:st=0 -program program_num=2:st=1:st=2 -f mpegts {url}"
            );
            let mut ffmpeg = Process::start("ffmpeg", &arguments.split_whitespace().collect::<Vec<_>>());
            let heard = subscriber.session();
            assert!(ffmpeg.succeeded());
            let Format::Video(video) = &heard.track(VIDEO).format else { panic!("{:?}", heard.tracks) };
            assert_eq!(video.width, width, "{channel}");
        }
    }
}
