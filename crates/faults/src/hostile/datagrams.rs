//! Hostile senders of MPEG-TS by RTP and UDP.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use rtp::Header;
use rtp::fec::{Direction, FecHeader};

use super::damage::{damage, reorder};
use super::site::{Site, Target};
use super::transport_stream::{self, PACKET};
use crate::random::Random;

/// Packets of a transport stream in a datagram.
const IN_DATAGRAM: usize = 7;
/// Between two datagrams of a burst, so that the receiver's buffer lasts.
const BETWEEN: Duration = Duration::from_millis(1);
/// A sender is followed only when the one before has been silent for the input's latency.
const SILENCE: Duration = Duration::from_millis(260);
/// Datagrams of a burst, at most.
const MAX_BURST: usize = 60;
/// An address of this machine that the neighbours' inputs take nothing from.
const STRANGER: &str = "127.0.0.66:0";

/// Makes a publish; what was done.
pub fn publish(site: &Site, random: &mut Random) -> &'static str {
    match random.below(8) {
        0 => at_a_neighbour(site, random),
        1 => flood(site, random),
        _ => site.inlets.with(|target| {
            let done = match target {
                Target::Rtp(to) => by_rtp(site, random, *to),
                Target::Udp(to) => by_udp(site, random, *to),
            };
            thread::sleep(SILENCE);
            done
        }),
    }
}

fn socket(from: &str) -> UdpSocket {
    UdpSocket::bind(from).expect("a free port")
}

fn send(socket: &UdpSocket, to: SocketAddr, datagrams: &[Vec<u8>]) {
    for datagram in datagrams.iter().take(MAX_BURST) {
        // Nobody may listen, and what is too long is not sent.
        let _ = socket.send_to(datagram, to);
        thread::sleep(BETWEEN);
    }
}

/// At a neighbour's port, from where it takes nothing: that nothing of it is taken.
fn at_a_neighbour(site: &Site, random: &mut Random) -> &'static str {
    let stream = transport_stream::hostile(random, &site.material);
    let mut datagrams = in_rtp(random, &stream);
    if random.one_in(2) {
        datagrams = stream.chunks(IN_DATAGRAM * PACKET).map(<[u8]>::to_vec).collect();
    }
    let to = *random.pick(&[site.rtp_neighbour, site.udp_neighbour]);
    send(&socket(STRANGER), to, &datagrams);
    "a stranger at a neighbour's port"
}

/// Many senders at once, each with a few datagrams that may be anything.
fn flood(site: &Site, random: &mut Random) -> &'static str {
    for _ in 0..20 {
        let socket = socket("127.0.0.1:0");
        let to = *random.pick(&site.inlet_addresses);
        for _ in 0..=random.below(3) {
            let length = *random.pick(&[0, 1, 11, 12, 13, 27, 188, 200, 1_316, 1_328, 1_500, 9_000, 65_000]);
            let mut datagram = random.bytes(length);
            if let Some(first) = datagram.first_mut().filter(|_| random.one_in(2)) {
                *first = *random.pick(&[0x80, 0x47, 0x90, 0xBF, 0xA0, 0x8F]);
            }
            let _ = socket.send_to(&datagram, to);
        }
        thread::sleep(BETWEEN);
    }
    "many senders of garbage"
}

fn by_udp(site: &Site, random: &mut Random, to: SocketAddr) -> &'static str {
    let stream = transport_stream::hostile(random, &site.material);
    // Datagrams of whole packets, or cut anywhere.
    let length = if random.one_in(4) { 1 + random.below(1_400) as usize } else { IN_DATAGRAM * PACKET };
    let mut datagrams: Vec<_> = stream.chunks(length).map(<[u8]>::to_vec).collect();
    if random.one_in(4) {
        reorder(random, &mut datagrams);
    }
    send(&socket("127.0.0.1:0"), to, &datagrams);
    "UDP: hostile transport stream"
}

/// A stream in packets that number and date it as they should.
fn in_rtp(random: &mut Random, stream: &[u8]) -> Vec<Vec<u8>> {
    let (ssrc, mut sequence, mut timestamp) =
        (random.bits() as u32, random.bits() as u16, random.bits() as u32);
    let mut datagrams = Vec::new();
    for payload in stream.chunks(IN_DATAGRAM * PACKET) {
        datagrams.push(Header { marker: false, payload_type: 33, sequence, timestamp, ssrc }.packet(payload));
        sequence = sequence.wrapping_add(1);
        timestamp = timestamp.wrapping_add(1_500);
    }
    datagrams
}

fn by_rtp(site: &Site, random: &mut Random, to: SocketAddr) -> &'static str {
    let socket = socket("127.0.0.1:0");
    let real = random.pick(&site.material.streams).clone();
    let way = random.below(6);
    if way == 0 {
        let stream = transport_stream::hostile(random, &site.material);
        let datagrams = in_rtp(random, &stream);
        send(&socket, to, &datagrams);
        return "RTP: hostile transport stream";
    }
    let mut datagrams = in_rtp(random, &real);
    match way {
        1 => {
            for datagram in &mut datagrams {
                if random.one_in(3) {
                    damage(random, datagram);
                }
            }
            send(&socket, to, &datagrams);
            "RTP: damaged packets"
        }
        2 => {
            // Contributing sources, extensions and padding that are not there, or longer than the packet.
            for datagram in &mut datagrams {
                if random.one_in(2) {
                    continue;
                }
                datagram[0] = 0x80 | random.bits() as u8 & 0x3F;
                datagram[1] = if random.one_in(3) { random.bits() as u8 } else { 33 };
                let length = datagram.len();
                datagram[length - 1] = random.bits() as u8;
            }
            send(&socket, to, &datagrams);
            "RTP: headers that lie"
        }
        3 => {
            for datagram in &mut datagrams {
                match random.below(4) {
                    0 => datagram[2..4].copy_from_slice(&(random.bits() as u16).to_be_bytes()),
                    1 => datagram[4..8].copy_from_slice(&(random.bits() as u32).to_be_bytes()),
                    2 => datagram[8..12].copy_from_slice(&(random.below(70) as u32).to_be_bytes()),
                    _ => {}
                }
            }
            send(&socket, to, &datagrams);
            "RTP: wild numbers, times and sources"
        }
        4 => {
            datagrams.retain(|_| !random.one_in(4));
            reorder(random, &mut datagrams);
            let again: Vec<_> = datagrams.iter().filter(|_| random.one_in(3)).cloned().collect();
            datagrams.extend(again);
            reorder(random, &mut datagrams);
            send(&socket, to, &datagrams);
            "RTP: lost, twice and in another order"
        }
        _ => {
            datagrams.retain(|_| !random.one_in(6));
            for datagram in datagrams.iter().take(MAX_BURST) {
                let _ = socket.send_to(datagram, to);
                let port = to.port() + *random.pick(&[2, 4]);
                let base = u16::from_be_bytes([datagram[2], datagram[3]]);
                let correction = correction(random, base);
                let _ = socket.send_to(&correction, SocketAddr::new(to.ip(), port));
                thread::sleep(BETWEEN);
            }
            "RTP: error correction garbage"
        }
    }
}

/// A packet of error correction that protects what it does not, from about `base` on.
fn correction(random: &mut Random, base: u16) -> Vec<u8> {
    let direction = *random.pick(&[Direction::Column, Direction::Row]);
    let header = FecHeader {
        direction,
        base: base.wrapping_sub(random.below(30) as u16),
        offset: *random.pick(&[1, 1, 4, 5, 0, 255]),
        packets: *random.pick(&[4, 5, 10, 20, 0, 1, 255]),
        flags: random.bits() as u8 & 0x3F,
        kind: random.bits() as u8,
        timestamp: random.bits() as u32,
        length: *random.pick(&[0, 188, 1_316, 1_317, 0xFFFF]),
    };
    let length = *random.pick(&[0, 100, 1_316, 1_316, 1_400]);
    let body = random.bytes(length);
    let mut datagram = header.packet(random.bits() as u16, random.bits() as u32, &body);
    if random.one_in(3) {
        damage(random, &mut datagram);
    }
    datagram
}
