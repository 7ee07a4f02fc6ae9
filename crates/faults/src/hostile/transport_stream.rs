//! Hostile MPEG transport streams, which SRT, datagrams and HLS carry alike.

use mpegts::writer::{MapEntry, PesPacket, Writer};

use super::damage::{damage, reorder};
use super::material::Material;
use crate::random::Random;

/// Bytes of a packet.
pub const PACKET: usize = 188;

type Attack = fn(&mut Random, Vec<Vec<u8>>) -> Vec<Vec<u8>>;

const ATTACKS: [Attack; 13] = [
    |random, packets| {
        let one_in = 1 + random.below(30);
        each(random, packets, one_in, |random, packet| {
            let at = random.place(packet.len());
            packet[at] ^= 1 << random.below(8);
        })
    },
    // Whole packets damaged, so that others are no longer where they were.
    |random, packets| each(random, packets, 20, damage),
    // Lost, twice, in another order.
    |random, mut packets| {
        packets.retain(|_| !random.one_in(9));
        packets
    },
    |random, packets| {
        let mut all = Vec::new();
        for packet in packets {
            for _ in 0..random.below(3) {
                all.push(packet.clone());
            }
        }
        all
    },
    |random, mut packets| {
        reorder(random, &mut packets);
        packets
    },
    // Payloads that are nothing.
    |random, packets| {
        let one_in = 1 + random.below(6);
        each(random, packets, one_in, |random, packet| {
            let garbage = random.bytes(PACKET - 4);
            packet[4..].copy_from_slice(&garbage);
        })
    },
    adaptation_fields,
    pes_headers,
    // What is sent says that it is scrambled, or in error.
    |random, packets| {
        each(random, packets, 3, |random, packet| match random.below(2) {
            0 => packet[3] |= 0x40 << random.below(2),
            _ => packet[1] |= 0x80,
        })
    },
    programs,
    maps,
    // PIDs that are anybody's.
    |random, packets| {
        each(random, packets, 4, |random, packet| {
            packet[1] = packet[1] & 0xE0 | random.below(32) as u8;
            packet[2] = random.bits() as u8;
        })
    },
    elementary,
];

/// Two seconds that began as a real stream, or never did; whole packets for the most part.
pub fn hostile(random: &mut Random, material: &Material) -> Vec<u8> {
    let real = random.pick(&material.streams);
    let packets: Vec<_> = real.chunks(PACKET).map(<[u8]>::to_vec).collect();
    let length = (1 + random.place(packets.len())).max(20.min(packets.len()));
    let attack = random.pick(&ATTACKS);
    attack(random, packets[..length].to_vec()).concat()
}

fn each(
    random: &mut Random,
    mut packets: Vec<Vec<u8>>,
    one_in: u64,
    mut hit: impl FnMut(&mut Random, &mut Vec<u8>),
) -> Vec<Vec<u8>> {
    for packet in &mut packets {
        if random.one_in(one_in) {
            hit(random, packet);
        }
    }
    packets
}

/// Adaptation fields with lengths and flags that lie: clock references, splices, private data.
fn adaptation_fields(random: &mut Random, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    each(random, packets, 3, |random, packet| {
        packet[3] = packet[3] & 0xCF | (random.below(4) as u8) << 4;
        packet[4] = *random.pick(&[0, 1, 7, 182, 183, 184, 255]);
        packet[5] = random.bits() as u8;
        let field = random.bytes(20);
        packet[6..26].copy_from_slice(&field);
    })
}

/// The headers of PES packets: lengths, flags, time stamps.
fn pes_headers(random: &mut Random, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    each(random, packets, 1, |random, packet| {
        let payload = match packet[3] & 0x20 {
            0 => 4,
            _ => 5 + usize::from(packet[4]),
        };
        let begins = packet[1] & 0x40 != 0
            && packet.get(payload..payload + 14).is_some_and(|start| start.starts_with(&[0, 0, 1]));
        if begins && random.one_in(2) {
            match random.below(4) {
                0 => packet[payload + 4..payload + 6].copy_from_slice(&(random.bits() as u16).to_be_bytes()),
                1 => packet[payload + 7..payload + 9].copy_from_slice(&(random.bits() as u16).to_be_bytes()),
                2 => {
                    let stamp = random.bytes(5);
                    packet[payload + 9..payload + 14].copy_from_slice(&stamp);
                }
                _ => packet[payload + 3] = random.bits() as u8,
            }
        }
    })
}

/// Tables with checksums that fit: programs without number, maps of everything.
fn programs(random: &mut Random, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = Writer::default();
    for packet in packets {
        if random.one_in(20) {
            let all: Vec<_> = (0..random.below(250))
                .map(|_| (random.bits() as u16, random.bits() as u16 & 0x1FFF))
                .collect();
            writer.association(&all);
            for (program, pid) in all.iter().take(4) {
                let descriptors = random.bytes(12);
                let entries: Vec<_> = (0..random.below(40))
                    .map(|_| MapEntry {
                        stream_type: *random.pick(&[0x1B, 0x24, 0x02, 0x0F, 0x06, 0x81, 0x03, 0xFF]),
                        pid: random.bits() as u16 & 0x1FFF,
                        descriptors: &descriptors[..random.below(13) as usize],
                    })
                    .collect();
                writer.map(*pid, *program, random.bits() as u8 & 31, random.bits() as u16 & 0x1FFF, &entries);
            }
            out.push(writer.take().to_vec());
        }
        out.push(packet);
    }
    out
}

/// Sections that are random but for what makes them be looked at, on the PIDs of the real tables.
fn maps(random: &mut Random, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    each(random, packets, 2, |random, packet| {
        let pid = u16::from_be_bytes([packet[1] & 0x1F, packet[2]]);
        // ffmpeg's tables: the association, its own description, the first map.
        if matches!(pid, 0 | 0x11 | 0x1000) {
            let length = random.below(183) as u8;
            packet[5..8].copy_from_slice(&[
                *random.pick(&[0, 2, 0x42, 0x70]),
                0xB0 | random.below(16) as u8,
                length,
            ]);
            let rest = random.bytes(PACKET - 8);
            packet[8..].copy_from_slice(&rest);
        }
    })
}

/// A stream of its own, of any kind, whose tables and PES packets are right and whose contents are not.
fn elementary(random: &mut Random, _: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    const STARTS: [&[u8]; 8] = [
        &[0, 0, 0, 1, 0x67, 0x64, 0, 0x1E],
        &[0, 0, 0, 1, 0x65],
        &[0, 0, 0, 1, 0x40, 1],
        &[0, 0, 1, 0xB3],
        &[0xFF, 0xF1, 0x4C, 0x80],
        &[0xFF, 0xFD],
        &[0x0B, 0x77],
        &[0x7F, 0xE0, 0xFF],
    ];
    let stream_type = *random.pick(&[0x1B, 0x24, 0x02, 0x0F, 0x11, 0x03, 0x06, 0x81, 0x87]);
    let mut writer = Writer::default();
    writer.association(&[(1, 0x100)]);
    writer.map(0x100, 1, 0, 0x101, &[MapEntry { stream_type, pid: 0x101, descriptors: &[] }]);
    let mut stamp = random.bits() as i64 >> 31;
    for _ in 0..2 + random.below(40) {
        let mut payload = Vec::new();
        for _ in 0..=random.below(5) {
            payload.extend_from_slice(STARTS[random.place(STARTS.len())]);
            let length = random.below(600) as usize;
            payload.extend(random.bytes(length));
        }
        stamp += *random.pick(&[0, 3_000, 6_000, -9_000, 1 << 32]);
        writer.pes(
            0x101,
            &PesPacket {
                stream_id: *random.pick(&[0xE0, 0xC0, 0xBD, 0xFD]),
                pts: (!random.one_in(6)).then_some(stamp),
                dts: random.one_in(3).then_some(stamp.wrapping_sub(random.below(9_000) as i64)),
                pcr: random.one_in(2).then(|| stamp.wrapping_mul(300)),
                payload: &payload,
            },
        );
    }
    writer.take().chunks(PACKET).map(<[u8]>::to_vec).collect()
}
