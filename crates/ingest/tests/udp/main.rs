//! The UDP door on real sockets: unicast, multicast, two legs, error correction as ffmpeg sends it. Loopback only.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ingest::udp::{Endpoint, Event, Fec, Input, Source};
use rtp::{Header, Latency, MPEG_TS, ts};

/// Nothing here takes this long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Seven null packets (PID 0x1FFF) that no other number has.
fn packets(n: u32) -> Vec<u8> {
    let byte = |at: usize| match at % ts::PACKET {
        0 => ts::SYNC,
        1 => 0x1F,
        2 => 0xFF,
        3 => 0x10,
        _ => (n.wrapping_mul(2_654_435_761) >> (at % 24)) as u8,
    };
    (0..7 * ts::PACKET).map(byte).collect()
}

fn over_rtp(n: u32) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type: MPEG_TS,
        sequence: n as u16,
        timestamp: n * 90,
        ssrc: 0x0123_4567,
    };
    header.packet(&packets(n))
}

/// A port whose neighbours two and four above are free too.
fn free_port() -> u16 {
    let free = (0..50).find_map(|_| {
        let media = UdpSocket::bind((LOOPBACK, 0)).ok()?;
        let port = media.local_addr().ok()?.port();
        let beside = |step| UdpSocket::bind((LOOPBACK, port.checked_add(step)?)).ok();
        beside(2).and(beside(4)).map(|_| port)
    });
    free.expect("three free ports in fifty tries")
}

fn endpoint(address: impl Into<IpAddr>, port: u16) -> Endpoint {
    Endpoint::open(SocketAddr::new(address.into(), port))
}

fn over_one_leg(first: Endpoint, fec: Fec) -> Source {
    Source::Rtp { first, second: None, latency: Latency::from_ms(500).unwrap(), fec }
}

async fn next(input: &mut Input) -> Event {
    tokio::time::timeout(PATIENCE, input.next()).await.expect("an event comes")
}

/// The stream until it is `length` bytes long. Nothing may be lost of it.
async fn stream(input: &mut Input, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        gather(next(input).await, &mut bytes);
    }
    bytes
}

fn gather(event: Event, bytes: &mut Vec<u8>) {
    match event {
        Event::Started => assert!(bytes.is_empty(), "one stream"),
        Event::Stream(more) => bytes.extend_from_slice(&more),
        Event::Lost(count) => panic!("{count} lost after {} bytes", bytes.len()),
    }
}

#[tokio::test]
async fn datagrams_of_whole_packets_pass_and_others_are_left_out() {
    let to = (LOOPBACK, free_port());
    let mut input = Input::bind(&Source::Udp(endpoint(to.0, to.1))).unwrap();
    let sender = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    for datagram in [&b"hello"[..], &packets(1), &packets(2)[..1_315], &[0x47; 9_400], &[], &packets(3)] {
        sender.send_to(datagram, to).unwrap();
    }
    assert_eq!(next(&mut input).await, Event::Started);
    assert_eq!(next(&mut input).await, Event::Stream(packets(1).into()));
    assert_eq!(next(&mut input).await, Event::Stream(packets(3).into()));
    let counts = input.statistics();
    assert_eq!((counts.datagrams, counts.malformed, counts.strangers), (6, 4, 0));
}

#[tokio::test]
async fn only_the_named_senders_datagrams_are_taken() {
    let to = (LOOPBACK, free_port());
    let only = Endpoint { senders: vec!["127.0.0.2".parse().unwrap()], ..endpoint(to.0, to.1) };
    let mut input = Input::bind(&Source::Udp(only)).unwrap();
    for (from, n) in [([127, 0, 0, 3], 1), ([127, 0, 0, 2], 2)] {
        UdpSocket::bind((Ipv4Addr::from(from), 0)).unwrap().send_to(&packets(n), to).unwrap();
    }
    assert_eq!(stream(&mut input, 1_316).await, packets(2));
    assert_eq!((input.statistics().datagrams, input.statistics().strangers), (1, 1));
}

#[tokio::test]
async fn a_group_is_joined_and_its_datagrams_come() {
    let group = Ipv4Addr::new(239, 255, 71, 88);
    let port = free_port();
    for senders in [&[][..], &["127.0.0.0/8"], &["127.0.0.9", "127.0.0.1"]] {
        let senders = senders.iter().map(|sender| sender.parse().unwrap()).collect();
        let joined = Endpoint { interface: Some(LOOPBACK), senders, ..endpoint(group, port) };
        let mut input = Input::bind(&over_one_leg(joined, Fec::Off)).unwrap();
        let out = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        out.bind(&SocketAddr::from((LOOPBACK, 0)).into()).unwrap();
        out.set_multicast_if_v4(&LOOPBACK).unwrap();
        let out = UdpSocket::from(out);
        for n in 0..50 {
            out.send_to(&over_rtp(n), (group, port)).unwrap();
        }
        let sent: Vec<u8> = (0..50).flat_map(packets).collect();
        assert!(stream(&mut input, sent.len()).await == sent);
    }
}

#[tokio::test]
async fn what_one_leg_loses_the_other_brings() {
    let ports = [free_port(), free_port()];
    let source = Source::Rtp {
        first: endpoint(LOOPBACK, ports[0]),
        second: Some(endpoint(LOOPBACK, ports[1])),
        latency: Latency::from_ms(2_000).unwrap(),
        fec: Fec::Off,
    };
    let mut input = Input::bind(&source).unwrap();
    let sending = std::thread::spawn(move || {
        let out = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        for n in 0..1_000 {
            // Cut for 300 packets each, and otherwise every fifth lost on one, every seventh on the other, none on both.
            let brings = match n {
                200..500 => [true, false],
                600..900 => [false, true],
                _ => [n % 5 != 3, n % 5 == 3 || n % 7 != 3],
            };
            for (port, _) in ports.into_iter().zip(brings).filter(|(_, brings)| *brings) {
                out.send_to(&over_rtp(65_000 + n), (LOOPBACK, port)).unwrap();
            }
            if n % 10 == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    });
    let sent: Vec<u8> = (65_000..66_000).flat_map(packets).collect();
    assert!(stream(&mut input, sent.len()).await == sent);
    sending.join().unwrap();
    let counts = input.statistics().rtp.unwrap();
    assert_eq!((counts.delivered, counts.lost), (1_000, 0));
    assert!(counts.legs.iter().all(|leg| leg.received > 400 && leg.malformed == 0), "{counts:?}");
}

#[tokio::test]
async fn what_is_lost_and_cannot_be_had_is_told() {
    let to = (LOOPBACK, free_port());
    let mut input = Input::bind(&over_one_leg(endpoint(to.0, to.1), Fec::Off)).unwrap();
    let out = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    for n in [0, 1, 4, 3, 7] {
        out.send_to(&over_rtp(n), to).unwrap();
    }
    let mut events = vec![];
    for _ in 0..8 {
        events.push(next(&mut input).await);
    }
    let bytes = |n| Event::Stream(packets(n).into());
    let lost = Event::Lost;
    let expected = [Event::Started, bytes(0), bytes(1), lost(1), bytes(3), bytes(4), lost(2), bytes(7)];
    assert!(events == expected);
}

/// Stops ffmpeg when the test ends, however it ends.
struct Ffmpeg(Child);

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn what_ffmpeg_sends_with_error_correction_comes_whole_over_a_lossy_way() {
    let (relay, port) = (free_port(), free_port());
    let mut input = Input::bind(&over_one_leg(endpoint(LOOPBACK, port), Fec::On)).unwrap();
    let mut relayed = tokio::task::spawn_blocking(move || relay_with_losses(relay, port));
    let mut got = Vec::new();
    let (sent, dropped) = loop {
        tokio::select! {
            ended = &mut relayed => break ended.unwrap(),
            event = next(&mut input) => gather(event, &mut got),
        }
    };
    while got.len() < sent.len() {
        gather(next(&mut input).await, &mut got);
    }
    assert!(got == sent);
    let counts = input.statistics().rtp.unwrap();
    assert_eq!((counts.recovered, counts.lost), (dropped, 0));
    assert!(dropped >= 15);
}

/// Passes on what ffmpeg sends, but for bursts of five packets. Gives the transport stream ffmpeg sent, and how many
/// packets were dropped.
fn relay_with_losses(from: u16, to: u16) -> (Vec<u8>, u64) {
    let sockets = [0, 2, 4].map(|step| {
        let socket = UdpSocket::bind((LOOPBACK, from + step)).unwrap();
        socket.set_nonblocking(true).unwrap();
        (socket, (LOOPBACK, to + step))
    });
    let url = format!("rtp://127.0.0.1:{from}");
    let arguments = "-hide_banner -loglevel error -re -f lavfi -i testsrc2=size=320x180:rate=25 -t 2 \
                     -c:v mpeg2video -b:v 4M -f rtp_mpegts -fec prompeg=l=5:d=5";
    let child = Command::new("ffmpeg")
        .args(arguments.split_whitespace())
        .arg(url)
        .stdin(Stdio::null())
        .spawn()
        .expect("ffmpeg is installed: scripts/packages test");
    let mut ffmpeg = Ffmpeg(child);
    let (start, mut buffer) = (Instant::now(), [0; 2_048]);
    let (mut sent, mut media, mut dropped) = (Vec::new(), 0, 0);
    loop {
        let ended = ffmpeg.0.try_wait().unwrap();
        let mut quiet = true;
        for (socket, to) in &sockets {
            while let Ok(length) = socket.recv(&mut buffer) {
                quiet = false;
                if *to == sockets[0].1 {
                    sent.extend_from_slice(&buffer[rtp::HEADER..length]);
                    media += 1;
                    if (60..220).contains(&media) && media % 40 < 5 {
                        dropped += 1;
                        continue;
                    }
                }
                socket.send_to(&buffer[..length], to).unwrap();
            }
        }
        assert!(start.elapsed() < PATIENCE, "ffmpeg does not end");
        match ended {
            Some(status) if quiet => {
                assert!(status.success(), "ffmpeg failed");
                return (sent, dropped);
            }
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}
