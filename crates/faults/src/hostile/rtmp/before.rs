//! What is done without a stream: to the handshake, the chunk stream, the commands.

use std::io;
use std::thread;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use rtmp::amf::Value;
use rtmp::chunk::kind;

use super::talk::{Talk, asking, command, first_half, message, second_half};
use crate::hostile::damage::{damage, damaged, reorder};
use crate::hostile::site::{APP, SHARED_KEY, Site};
use crate::random::Random;

/// How long a publisher waits for the server to hang up before it does itself.
const PARTING: Duration = Duration::from_millis(50);

type Attack = fn(&Site, &mut Random, &mut Talk) -> io::Result<()>;

const ATTACKS: [(&str, u64, Attack); 16] = [
    ("damaged conversation", 30, damaged_conversation),
    ("messages in another order", 8, reordered),
    ("garbage from the first byte", 5, garbage),
    ("another protocol", 5, another_protocol),
    ("handshake, then garbage", 10, handshake_then_garbage),
    ("handshake cut off", 5, cut_off),
    ("slow handshake", 1, slow),
    ("chunk sizes", 6, chunk_sizes),
    ("chunk headers", 10, chunk_headers),
    ("giant lengths", 5, giant_lengths),
    ("huge AMF", 8, huge_amf),
    ("wrong key or application", 5, wrong_key),
    ("wish to play", 3, play),
    ("command flood", 5, command_flood),
    ("pings, unread", 3, pings),
    ("connection flood", 1, connection_flood),
];

pub(super) fn publish(site: &Site, random: &mut Random) -> &'static str {
    let mut chance = random.below(ATTACKS.iter().map(|(_, weight, _)| weight).sum());
    let chosen = ATTACKS.iter().find(|(_, weight, _)| match chance.checked_sub(*weight) {
        Some(rest) => {
            chance = rest;
            false
        }
        None => true,
    });
    let (name, _, attack) = chosen.expect("the chance is below the sum of all");
    // The server may hang up at any byte.
    if let Ok(mut talk) = Talk::connect(site.stack.rtmp_address()) {
        let _ = attack(site, random, &mut talk);
        talk.outlive(PARTING);
    }
    name
}

/// A conversation that would be let in, or would not.
fn conversation(random: &mut Random) -> Vec<Vec<u8>> {
    let key = if random.one_in(3) { SHARED_KEY } else { "n0-such-key" };
    let mut said = vec![first_half(), second_half()];
    said.extend(asking(APP, key));
    said
}

fn damaged_conversation(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let mut said = conversation(random);
    let at = random.place(said.len());
    damage(random, &mut said[at]);
    said.iter().try_for_each(|bytes| talk.say(bytes))
}

fn reordered(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let mut said = conversation(random);
    // The handshake stays, or nothing else would be looked at.
    reorder(random, &mut said[2..]);
    said.iter().try_for_each(|bytes| talk.say(bytes))
}

fn garbage(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let length = random.below(20_000) as usize;
    let mut bytes = random.bytes(length);
    if random.one_in(2) && !bytes.is_empty() {
        bytes[0] = 3;
    }
    talk.say(&bytes)
}

fn another_protocol(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let hello: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /open/1 HTTP/1.1\r\nContent-Length: 1\r\n\r\n\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    talk.say(hello[random.place(hello.len())])
}

fn shake(talk: &mut Talk) -> io::Result<()> {
    talk.say(&[first_half(), second_half()].concat())
}

fn handshake_then_garbage(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    let length = random.below(80_000) as usize;
    talk.say(&random.bytes(length))
}

fn cut_off(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let whole = conversation(random).concat();
    talk.say(&whole[..random.place(whole.len())])
}

/// Byte by byte, and then nothing for a while.
fn slow(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let whole = conversation(random).concat();
    let begin = random.place(whole.len());
    talk.say(&whole[..begin])?;
    for byte in whole[begin..].iter().take(40) {
        talk.say(&[*byte])?;
        thread::sleep(random.between_ms(0, 100));
    }
    thread::sleep(random.between_ms(0, 3_000));
    Ok(())
}

fn chunk_sizes(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    for _ in 0..=random.below(40) {
        let any = random.bits() as u32;
        let size: u32 =
            *random.pick(&[0, 1, 63, 64, 128, 0xFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, u32::MAX, any]);
        talk.say(&message(2, kind::SET_CHUNK_SIZE, 0, size.to_be_bytes().to_vec()))?;
        for said in asking(APP, SHARED_KEY).iter().take(1) {
            talk.say(&damaged(random, said))?;
        }
    }
    Ok(())
}

/// Headers of every form on many chunk streams: lengths that are begun and left, headers that repeat what was never said.
fn chunk_headers(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    let mut out = BytesMut::new();
    for _ in 0..random.below(200) {
        let (format, id) = (random.below(4) as u8, random.below(70_000) as u32);
        match id {
            0..=63 => out.put_u8(format << 6 | id as u8),
            64..=319 => out.put_slice(&[format << 6, (id - 64) as u8]),
            _ => out.put_slice(&[format << 6 | 1, (id - 64) as u8, ((id - 64) >> 8) as u8]),
        }
        let fields = [11, 7, 3, 0][usize::from(format)];
        out.extend_from_slice(&random.bytes(fields));
        let payload = random.below(200) as usize;
        out.extend_from_slice(&random.bytes(payload));
    }
    talk.say(&out)
}

fn giant_lengths(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    for id in 3..=3 + random.below(12) as u8 {
        let length = random.pick(&[0xFF_FFFF_u32, 4 << 20, (4 << 20) - 1, 65_536, 1 << 20]).to_be_bytes();
        let kind = *random.pick(&[kind::COMMAND, kind::VIDEO, kind::DATA, kind::AUDIO, 22]);
        talk.say(&[id, 0, 0, 0, length[1], length[2], length[3], kind, 1, 0, 0, 0])?;
        let more = random.below(9_000) as usize;
        talk.say(&random.bytes(more))?;
    }
    Ok(())
}

fn huge_amf(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    let mut body = BytesMut::from(&command("connect", 1.0, &[])[..]);
    match random.below(6) {
        // Deep.
        0 => {
            for _ in 0..random.below(10_000) {
                body.put_slice(&[3, 0, 1, b'a']);
            }
        }
        // Many.
        1 => body.put_bytes(5, random.below(60_000) as usize),
        // Lengths that lie.
        2 => body.put_slice(&[12, 0xFF, 0xFF, 0xFF, 0xFF, b'x']),
        3 => body.put_slice(&[8, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, b'a', 5]),
        4 => body.put_slice(&[10, 0x7F, 0xFF, 0xFF, 0xFF, 5, 5, 5]),
        // A long name.
        _ => {
            let long = "a".repeat(random.below(120_000) as usize);
            Value::Object(vec![("app".into(), long.as_str().into())]).write(&mut body);
        }
    }
    talk.say(&message(3, *random.pick(&[kind::COMMAND, kind::COMMAND_AMF3, kind::DATA]), 0, body.freeze()))
}

fn wrong_key(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    let long = "k".repeat(random.below(4_000) as usize);
    let odd = String::from_utf8_lossy(&random.bytes(12)).into_owned();
    let key = *random.pick(&["", "n0-such-key", "../../etc/passwd", "%00", long.as_str(), odd.as_str()]);
    let app = *random.pick(&[APP, "", "other", "live/live/live", odd.as_str()]);
    asking(app, key).iter().try_for_each(|said| talk.say(said))
}

fn play(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    let said = asking(APP, SHARED_KEY);
    talk.say(&said[..4].concat())?;
    let name = *random.pick(&["play", "play2", "pause", "seek", "FCSubscribe", "getStreamLength"]);
    talk.say(&message(
        3,
        kind::COMMAND,
        0,
        command(name, 6.0, &[Value::Null, SHARED_KEY.into(), (-2.0).into()]),
    ))
}

fn command_flood(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    let name = *random.pick(&[
        "connect",
        "createStream",
        "releaseStream",
        "FCPublish",
        "_checkbw",
        "close",
        "deleteStream",
    ]);
    let one = message(3, kind::COMMAND, 0, command(name, 1.0, &[Value::Null, 1.0.into()]));
    let times = random.below(2_000) as usize;
    talk.say(&one.repeat(times))
}

/// Asks for an answer to everything, and reads none.
fn pings(_: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    shake(talk)?;
    talk.say(&message(2, kind::ACK_WINDOW, 0, Bytes::from_static(&[0, 0, 0, 1])))?;
    let ping = message(2, kind::USER_CONTROL, 0, Bytes::from_static(&[0, 6, 1, 2, 3, 4]));
    let times = random.below(4_000) as usize;
    talk.say(&ping.repeat(times))
}

/// Twenty to sixty connections at once, some of which say something.
fn connection_flood(site: &Site, random: &mut Random, _: &mut Talk) -> io::Result<()> {
    let mut open = Vec::new();
    for _ in 0..20 + random.below(40) {
        let mut talk = Talk::connect(site.stack.rtmp_address())?;
        if random.one_in(2) {
            let whole = conversation(random).concat();
            talk.say(&whole[..random.place(whole.len())])?;
        }
        open.push(talk);
    }
    thread::sleep(random.between_ms(0, 1_000));
    Ok(())
}
