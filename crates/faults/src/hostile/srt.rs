//! Hostile SRT callers, by raw datagrams and by libsrt.
//!
//! - [`wire`]: the packets of SRT.
//! - [`call`]: a call made packet by packet, up to an open connection.

mod call;
mod wire;

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use super::damage::{damage, damaged};
use super::site::{SRT_PASSPHRASE, Site};
use super::transport_stream;
use crate::random::Random;
use call::Call;
use wire::Handshake;

/// Of so many publishes one opens a connection and sends on it: see [`super::rtmp`].
const ONE_IN_STREAMS: u64 = 9;
/// Longest wait of a publisher that comes and goes, with what it takes to look at its packets.
const LET_IN: Duration = Duration::from_millis(2_300);
/// From the last packet to the end of the call: the latency, and a look at the connection.
const READ_BY_THEN: Duration = Duration::from_millis(400);
/// Longest message.
const PAYLOAD: usize = 1_316;
/// How long another program may take for a call.
const CALL_PATIENCE: Duration = Duration::from_secs(8);

/// Makes a publish; what was done.
pub fn publish(site: &Site, random: &mut Random) -> &'static str {
    if random.one_in(ONE_IN_STREAMS) {
        return site.srt_streams_free.with(|stream| connected(site, random, stream));
    }
    // One program more for each is dear.
    if random.one_in(40) {
        return site.srt_secrets_free.with(|stream| by_libsrt(site, random, stream));
    }
    knock(site, random)
}

/// The number of a connection that is opened now, to the open stream `stream`, and closed again: numbers fall by one with each.
///
/// # Panics
/// Where it is refused.
pub fn a_number(to: SocketAddr, stream: &str) -> u32 {
    let call = Call::open(to, stream.as_bytes()).expect("an open stream lets anybody in");
    call.close();
    call.peer_id()
}

/// What is done without a connection.
fn knock(site: &Site, random: &mut Random) -> &'static str {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let to = site.srt;
    // What cannot be sent is as good as lost.
    let send = |bytes: &[u8]| drop(socket.send_to(bytes, to));
    match random.below(10) {
        0 => {
            for _ in 0..10 {
                let length = *random.pick(&[0, 1, 15, 16, 17, 63, 64, 65, 200, 1_456, 1_500, 9_000]);
                send(&random.bytes(length));
            }
            "garbage datagrams"
        }
        1 => {
            for _ in 0..20 {
                send(&Handshake::induction(random.bits() as u32).packet());
            }
            "flood of first handshakes"
        }
        2 => {
            for _ in 0..5 {
                let handshake = Handshake::induction(random.bits() as u32).packet();
                send(&damaged(random, &handshake));
            }
            "damaged first handshakes"
        }
        3 => {
            let mut handshake =
                Handshake::conclusion(random.bits() as u32, random.bits() as u32, &any_stream(site, random));
            handshake.kind = *random.pick(&[u32::MAX, 0, 2, u32::MAX - 1, 0x8000_000A, 1_000, 1_010]);
            send(&handshake.packet());
            "handshakes out of turn"
        }
        4 => {
            // The neighbour's connection is among those, and others that are gone.
            for _ in 0..30 {
                let id = site.srt_near.wrapping_add(random.below(24) as u32).wrapping_sub(12);
                send(&any_control(random, id));
            }
            "packets of others' connections"
        }
        way => {
            let Some(call) = Call::begin(site.srt) else { return "calls that nobody answered" };
            match way {
                5 | 6 => {
                    let mut bytes = call.conclusion(&any_stream(site, random)).packet();
                    // What says whose call it is stays, so that the rest is looked at.
                    let mut rest = bytes.split_off(64);
                    damage(random, &mut rest);
                    bytes.extend(rest);
                    call.send(&bytes);
                    "damaged extensions"
                }
                7 => {
                    let mut handshake = call.conclusion(&any_stream(site, random));
                    for _ in 0..=random.below(4) {
                        let length = *random.pick(&[0, 1, 3, 4, 16, 63, 128, 300]);
                        handshake.extensions.push((random.below(12) as u16, random.bytes(length * 4)));
                    }
                    handshake.extension_flags = random.bits() as u16;
                    handshake.version = *random.pick(&[5, 4, 0, 6, u32::MAX]);
                    handshake.window = random.bits() as u32;
                    handshake.mtu = *random.pick(&[1_500, 0, 1, 76, 65_536, u32::MAX]);
                    call.send(&handshake.packet());
                    "extensions that nobody knows"
                }
                8 => {
                    let mut handshake = call.conclusion(random.pick(&site.srt_secrets).as_bytes());
                    let length = *random.pick(&[0, 16, 64, 72, 80, 120]);
                    let mut message = vec![
                        0x12,
                        0x20,
                        0x29,
                        1,
                        0,
                        0,
                        0,
                        0,
                        2,
                        0,
                        2,
                        0,
                        0,
                        0,
                        4,
                        *random.pick(&[4, 6, 8, 0, 255]),
                    ];
                    message.extend(random.bytes(length));
                    if random.one_in(2) {
                        damage(random, &mut message);
                    }
                    message.resize(message.len().next_multiple_of(4), 0);
                    handshake.extensions.push((wire::KEY_REQUEST, message));
                    handshake.extension_flags |= 2;
                    handshake.encryption = random.below(5) as u16;
                    call.send(&handshake.packet());
                    "wrong keys"
                }
                _ => {
                    call.send(&call.conclusion(&any_stream(site, random)).packet());
                    "stream ids"
                }
            }
        }
    }
}

/// What a caller may name: what there is, what there is not, what cannot be read.
fn any_stream(site: &Site, random: &mut Random) -> Vec<u8> {
    match random.below(7) {
        0 => b"n0-such-stream".to_vec(),
        1 => {
            let length = random.below(520) as usize;
            random.bytes(length)
        }
        2 => vec![b'a'; random.below(516) as usize],
        3 => b"#!::m=request,r=x".to_vec(),
        4 => damaged(random, b"#!::r=stream,m=publish,u=anna,h=host,s=1,t=file"),
        5 => Vec::new(),
        _ => random.pick(&site.srt_secrets).as_bytes().to_vec(),
    }
}

/// A control packet of any kind to connection `id`.
fn any_control(random: &mut Random, id: u32) -> Vec<u8> {
    let kind = *random.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7FFF]);
    let length = *random.pick(&[0, 4, 8, 12, 16, 28, 64, 1_400]);
    let mut body = random.bytes(length);
    if kind == 3 && length >= 8 && random.one_in(2) {
        // A loss of everything.
        body[..8].copy_from_slice(&[0x80, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF]);
    }
    wire::control(kind, random.below(5) as u16, random.bits() as u32, random.bits() as u32, id, &body)
}

/// What is done on a connection to `stream`, which is open to all.
fn connected(site: &Site, random: &mut Random, stream: &str) -> &'static str {
    let Some(mut call) = Call::open(site.srt, stream.as_bytes()) else {
        return "stream: not let in";
    };
    site.srt_streams.fetch_add(1, Ordering::Relaxed);
    let ends_well = !random.one_in(3);
    let done = match random.below(6) {
        0 => {
            for _ in 0..60 {
                let control = any_control(random, call.peer_id());
                call.send(&control);
                thread::sleep(Duration::from_millis(2));
            }
            "stream: control packets of every kind"
        }
        1 => {
            for _ in 0..100 {
                let length = *random.pick(&[0, 1, 188, PAYLOAD, 1_456, 1_500]);
                let payload = random.bytes(length);
                let (sequence, message) = (random.bits() as u32 & 0x7FFF_FFFF, random.bits() as u32);
                let data = wire::data(sequence, message, random.bits() as u32, call.peer_id(), &payload);
                call.send(&data);
            }
            "stream: wild numbers and times"
        }
        2 => {
            let bytes: Vec<u8> = (0..40).flat_map(|_| random.bytes(PAYLOAD)).collect();
            stay(&mut call);
            call.stream(&bytes, PAYLOAD);
            "stream: garbage in good order"
        }
        3 => {
            let stream = transport_stream::hostile(random, &site.material);
            stay(&mut call);
            for payload in stream.chunks(PAYLOAD) {
                // Holes, which the receiver asks for in vain.
                if random.one_in(5) {
                    call.skip(1 + random.below(300) as u32);
                }
                call.stream(payload, PAYLOAD);
            }
            "stream: holes that stay"
        }
        _ => {
            let stream = transport_stream::hostile(random, &site.material);
            stay(&mut call);
            call.stream(&stream, PAYLOAD);
            "stream: hostile transport stream"
        }
    };
    thread::sleep(READ_BY_THEN);
    if ends_well {
        call.close();
    }
    // One that went without a word is given up after five seconds; a channel yields after three.
    thread::sleep(READ_BY_THEN);
    done
}

/// Stays on the line until it is let in.
fn stay(call: &mut Call) {
    let until = Instant::now() + LET_IN;
    while Instant::now() < until {
        call.keep_alive();
        thread::sleep(Duration::from_millis(250));
    }
}

/// A real caller with a real or a wrong passphrase, and a hostile stream behind it.
fn by_libsrt(site: &Site, random: &mut Random, stream: &str) -> &'static str {
    let is_right = !random.one_in(3);
    let passphrase = if is_right { SRT_PASSPHRASE } else { "n0t-the-passphrase" };
    let key_bytes = *random.pick(&[16, 24, 32]);
    let url = format!(
        "srt://{}?streamid={stream}&passphrase={passphrase}&pbkeylen={key_bytes}&transtype=live",
        site.srt
    );
    let child = Command::new("srt-live-transmit")
        .args(["-q", "-chunk:1316", "-to:3", "file://con", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.expect("missing: srt-live-transmit; run `make test-deps`");
    let mut input = child.stdin.take().expect("it was piped");
    thread::sleep(LET_IN);
    for _ in 0..3 {
        let bytes = transport_stream::hostile(random, &site.material);
        // It may have been turned away.
        if input.write_all(&bytes).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(200));
    }
    drop(input);
    let until = Instant::now() + CALL_PATIENCE;
    while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
    if is_right { "libsrt: hostile transport stream" } else { "libsrt: wrong passphrase" }
}
