//! Error correction as others make and use it: ffmpeg and GStreamer over loopback.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rtp::fec::{Generator, Matrix, Rows};
use rtp::{Event, HEADER, Header, Latency, Leg, MPEG_TS, Packet, Receiver, Statistics, ts};

/// Nothing here takes this long; a test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Far more datagrams than any peer here sends.
const MAX_DATAGRAMS: usize = 20_000;

/// Stops the peer when the test ends, however it ends.
struct Peer(Child);

impl Peer {
    fn start(command: &str) -> Peer {
        let mut words = command.split_whitespace();
        let child = Command::new(words.next().unwrap()).args(words).stdin(Stdio::null()).spawn();
        Peer(child.expect("the peer is installed: scripts/packages test"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a datagram went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Media,
    Fec,
}

/// Free ports: media, + 2 and + 4.
fn sockets() -> [UdpSocket; 3] {
    let free = (0..50).find_map(|_| {
        let media = UdpSocket::bind("127.0.0.1:0").ok()?;
        let port = media.local_addr().ok()?.port();
        let beside = |step| UdpSocket::bind(("127.0.0.1", port.checked_add(step)?)).ok();
        Some([media, beside(2)?, beside(4)?])
    });
    let sockets = free.expect("three free ports in fifty tries");
    sockets.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
    sockets
}

/// Everything a peer sends, in order of arrival.
fn record(command: impl Fn(u16) -> String) -> Vec<(Port, Vec<u8>)> {
    let sockets = sockets();
    let mut peer = Peer::start(&command(sockets[0].local_addr().unwrap().port()));
    let (start, mut datagrams, mut buffer) = (Instant::now(), Vec::new(), [0; 2_048]);
    loop {
        let ended = peer.0.try_wait().unwrap();
        let before = datagrams.len();
        for (port, socket) in [Port::Media, Port::Fec, Port::Fec].into_iter().zip(&sockets) {
            while let Ok(length) = socket.recv(&mut buffer) {
                datagrams.push((port, buffer[..length].to_vec()));
            }
        }
        assert!(start.elapsed() < PATIENCE && datagrams.len() < MAX_DATAGRAMS, "the peer does not end");
        match ended {
            Some(status) if datagrams.len() == before => {
                assert!(status.success(), "the peer failed");
                return datagrams;
            }
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// The transport stream a receiver makes of the datagrams, a millisecond apart, without the media packets `lost` names.
fn receive(datagrams: &[(Port, Vec<u8>)], lost: impl Fn(usize) -> bool) -> (Vec<u8>, Statistics) {
    let mut receiver = Receiver::new(Latency::from_ms(200).unwrap());
    let (mut now, mut media, mut stream) = (Instant::now(), 0, Vec::new());
    for (port, datagram) in datagrams {
        now += Duration::from_millis(1);
        match port {
            Port::Fec => receiver.fec(datagram, now).unwrap(),
            Port::Media => {
                media += 1;
                if !lost(media - 1) {
                    receiver.media(Leg::First, datagram, now).unwrap();
                }
            }
        }
        take(&mut receiver, now, &mut stream);
    }
    take(&mut receiver, now + Duration::from_millis(400), &mut stream);
    (stream, receiver.statistics())
}

fn take(receiver: &mut Receiver, now: Instant, stream: &mut Vec<u8>) {
    while let Some(event) = receiver.poll(now) {
        if let Event::Media(media) = event {
            stream.extend_from_slice(&media.payload);
        }
    }
}

/// Bursts of a row's length in every other matrix, and every ninth packet: none at the edges of the recording.
fn losses_come_back(datagrams: &[(Port, Vec<u8>)], columns: usize, rows: usize) {
    let media = datagrams.iter().filter(|(port, _)| *port == Port::Media).count();
    let block = columns * rows;
    assert!(media > 8 * block && datagrams.len() > media, "{media} of {} are media", datagrams.len());
    let (whole, counts) = receive(datagrams, |_| false);
    assert_eq!((counts.delivered, counts.lost, counts.recovered), (media as u64, 0, 0));
    let within = |n: usize| (2 * block..media - 3 * block).contains(&n);
    for (name, lost) in [
        ("bursts", &(|n| within(n) && (n + 3) % (2 * block) < columns) as &dyn Fn(usize) -> bool),
        ("every ninth", &|n| within(n) && n.is_multiple_of(9)),
    ] {
        let (stream, counts) = receive(datagrams, lost);
        let dropped = (0..media).filter(|n| lost(*n)).count() as u64;
        assert!(dropped > columns as u64);
        assert_eq!((counts.recovered, counts.lost, counts.fec.wrong), (dropped, 0, 0), "{name}");
        assert!(stream == whole, "{name}: every byte as it was sent");
    }
}

#[test]
fn what_ffmpeg_protects_comes_back() {
    let datagrams = record(|port| {
        format!(
            "ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc2=size=320x180:rate=25 -t 2 \
             -c:v mpeg2video -b:v 4M -f rtp_mpegts -fec prompeg=l=5:d=5 rtp://127.0.0.1:{port}"
        )
    });
    losses_come_back(&datagrams, 5, 5);
}

#[test]
fn what_gstreamer_protects_comes_back() {
    let datagrams = record(|port| {
        let sink = |port| format!("udpsink host=127.0.0.1 port={port} async=false sync=false");
        format!(
            "gst-launch-1.0 -q videotestsrc is-live=true num-buffers=90 ! video/x-raw,width=320,height=180,framerate=60/1 \
             ! x264enc bitrate=4000 speed-preset=ultrafast tune=zerolatency ! mpegtsmux alignment=7 \
             ! rtpmp2tpay mtu=1328 ssrc=0 ! rtpst2022-1-fecenc name=enc columns=5 rows=6 \
             enc.fec_0 ! {} enc.fec_1 ! {} enc.src ! {}",
            sink(port + 2),
            sink(port + 4),
            sink(port),
        )
    });
    losses_come_back(&datagrams, 5, 6);
}

#[test]
fn gstreamer_recovers_with_what_we_generate() {
    let sockets = sockets();
    let port = sockets[0].local_addr().unwrap().port();
    let folder = std::env::temp_dir().join(format!("rtp-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("out.ts");
    drop(sockets);
    let source = |port| {
        format!(
            "udpsrc address=127.0.0.1 port={port} caps=application/x-rtp,media=video,clock-rate=90000,encoding-name="
        )
    };
    let _peer = Peer::start(&format!(
        "gst-launch-1.0 -q rtpst2022-1-fecdec name=dec ! rtpjitterbuffer latency=500 ! rtpmp2tdepay \
         ! filesink buffer-mode=unbuffered location={} {}MP2T,payload=33 ! dec.sink {}PARITYFEC,payload=96 ! dec.fec_0 {}PARITYFEC,payload=96 ! dec.fec_1",
        file.display(),
        source(port),
        source(port + 2),
        source(port + 4),
    ));
    // It is there once its last port is taken.
    let start = Instant::now();
    while [0, 2, 4].iter().any(|step| UdpSocket::bind(("127.0.0.1", port + step)).is_ok()) {
        assert!(start.elapsed() < PATIENCE, "GStreamer does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));

    let out = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut generator = Generator::new(Matrix::new(5, 5).unwrap(), Rows::Protected);
    let (mut sent, mut protections) = (Vec::new(), Vec::new());
    for n in 0..600_u32 {
        // Null packets (PID 0x1FFF) that number themselves.
        let payload: Vec<u8> = (0..7 * ts::PACKET)
            .map(|at| match at % ts::PACKET {
                0 => ts::SYNC,
                1 => 0x1F,
                2 => 0xFF,
                3 => 0x10,
                _ => (n.wrapping_mul(2_654_435_761) >> (at % 24)) as u8,
            })
            .collect();
        let (sequence, timestamp) = (65_300_u16.wrapping_add(n as u16), n * 180);
        let header = Header { marker: false, payload_type: MPEG_TS, sequence, timestamp, ssrc: 0 };
        let datagram = header.packet(&payload);
        let burst = (50..500).contains(&n) && n % 50 < 5;
        if !burst {
            out.send_to(&datagram, ("127.0.0.1", port)).unwrap();
        }
        generator.push(&Packet::parse(&datagram).unwrap(), &datagram, &mut protections);
        for protection in protections.drain(..) {
            let to = port + protection.direction.port_offset();
            out.send_to(&protection.datagram, ("127.0.0.1", to)).unwrap();
        }
        sent.extend_from_slice(&datagram[HEADER..]);
        std::thread::sleep(Duration::from_millis(2));
    }
    let start = Instant::now();
    let mut got = Vec::new();
    while got.len() < sent.len() && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
        got = std::fs::read(&file).unwrap_or_default();
    }
    let _ = std::fs::remove_dir_all(&folder);
    assert!(got == sent, "{} bytes of {}", got.len(), sent.len());
}
