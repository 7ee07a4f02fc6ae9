//! What is done once the stream is let in.

use std::io;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rtmp::chunk::kind;

use super::talk::{Talk, command};
use crate::hostile::damage::{damaged, reorder};
use crate::hostile::material::Tag;
use crate::hostile::site::{APP, Site};
use crate::random::Random;

/// From the last byte to the end, so that what came is read, and to the target's next publisher.
const READ_BY_THEN: Duration = Duration::from_millis(300);

type Attack = fn(&Site, &mut Random, &mut Talk) -> io::Result<()>;

const ATTACKS: [(&str, Attack); 14] = [
    ("stream: damaged tags", damaged_tags),
    ("stream: garbage NAL units", garbage_units),
    ("stream: damaged codec headers", damaged_headers),
    ("stream: wild timestamps", wild_times),
    ("stream: tags in another order", reordered),
    ("stream: enhanced and multitrack garbage", enhanced),
    ("stream: formats that change", changing_formats),
    ("stream: giant message", giant_message),
    ("stream: chunk sizes", chunk_sizes),
    ("stream: real, then garbage", then_garbage),
    ("stream: flood of pictures", flood),
    ("stream: by drops", by_drops),
    ("stream: goodbyes", goodbyes),
    ("stream: random sound", random_sound),
];

pub(super) fn publish(site: &Site, key: &str, random: &mut Random) -> &'static str {
    let (name, attack) = *random.pick(&ATTACKS);
    if let Ok(Some(mut talk)) = Talk::publishing(site.stack.rtmp_address(), APP, key) {
        site.rtmp_streams.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // The server may hang up at any byte.
        let _ = attack(site, random, &mut talk);
        thread::sleep(READ_BY_THEN);
    }
    // Its end is seen before the next one comes.
    thread::sleep(READ_BY_THEN);
    name
}

impl Talk {
    fn tag(&mut self, tag: &Tag) -> io::Result<()> {
        let (chunk_stream, kind) = if tag.kind == 8 { (4, kind::AUDIO) } else { (6, kind::VIDEO) };
        self.send(chunk_stream, kind, tag.ms, tag.body.clone())
    }

    fn tags<'t>(&mut self, tags: impl IntoIterator<Item = &'t Tag>) -> io::Result<()> {
        tags.into_iter().try_for_each(|tag| self.tag(tag))
    }
}

fn damaged_tags(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let one_in = 1 + random.below(8);
    for tag in &site.material.tags {
        let body = if random.one_in(one_in) { damaged(random, &tag.body).into() } else { tag.body.clone() };
        talk.tag(&Tag { body, ..tag.clone() })?;
    }
    Ok(())
}

/// Pictures whose first bytes say what they are, and whose units are random, with lengths that fit or lie.
fn garbage_units(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    talk.tags(site.material.headers())?;
    for tag in site.material.tags.iter().filter(|tag| tag.kind == 9 && tag.body.len() > 9).skip(1) {
        let mut body = tag.body[..5].to_vec();
        for _ in 0..=random.below(4) {
            let length = random.below(400) as usize;
            let told = if random.one_in(4) { random.bits() as u32 } else { length as u32 };
            body.extend_from_slice(&told.to_be_bytes());
            let unit = random.bytes(length);
            body.extend_from_slice(&unit);
        }
        talk.tag(&Tag { body: body.into(), ..tag.clone() })?;
    }
    Ok(())
}

fn damaged_headers(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    for header in site.material.headers() {
        // What it says of itself stays, or it would not be looked at.
        let from = 2.min(header.body.len());
        let mut body = header.body[..from].to_vec();
        body.extend(damaged(random, &header.body[from..]));
        talk.tag(&Tag { body: body.into(), ..header.clone() })?;
    }
    talk.tags(site.material.tags.iter().skip(2))
}

fn wild_times(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let way = random.below(4);
    for (tag, nth) in site.material.tags.iter().zip(0_u32..) {
        let ms = match way {
            0 => random.bits() as u32,
            1 => (u32::MAX - 500).wrapping_add(nth * 20),
            2 => tag.ms.wrapping_sub(nth * 400),
            _ => match random.below(10) {
                0 => tag.ms ^ 1 << random.below(32),
                _ => tag.ms,
            },
        };
        talk.tag(&Tag { ms, ..tag.clone() })?;
    }
    Ok(())
}

fn reordered(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let mut tags = site.material.tags.clone();
    let from = random.place(3);
    reorder(random, &mut tags[from..]);
    talk.tags(&tags)
}

/// Enhanced RTMP: packet types, codecs by name, several tracks in a message, extensions before it; behind it what came.
fn enhanced(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    const CODECS: [&[u8; 4]; 10] =
        [b"hvc1", b"av01", b"avc1", b"vp09", b"Opus", b"mp4a", b"ac-3", b"fLaC", b"\0\0\0\0", b"zzzz"];
    talk.tags(site.material.headers())?;
    for tag in site.material.tags.iter().take(60) {
        let first = match tag.kind {
            8 => 0x90 | random.below(16) as u8,
            _ => 0x80 | random.bits() as u8,
        };
        let mut body = vec![first];
        if random.one_in(3) {
            body.push(random.bits() as u8);
        }
        body.extend_from_slice(*random.pick(&CODECS));
        match random.below(3) {
            0 => body.extend_from_slice(&tag.body[5.min(tag.body.len())..]),
            1 => {
                let length = random.below(300) as usize;
                body.extend(random.bytes(length));
            }
            _ => body.extend(damaged(random, &tag.body)),
        }
        talk.tag(&Tag { body: body.into(), ..tag.clone() })?;
    }
    Ok(())
}

fn changing_formats(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    let headers: Vec<_> = site.material.headers().cloned().collect();
    talk.tags(&headers)?;
    for tag in site.material.tags.iter().skip(2) {
        if random.one_in(3) {
            let header = random.pick(&headers).clone();
            let body =
                if random.one_in(2) { header.body.clone() } else { damaged(random, &header.body).into() };
            talk.tag(&Tag { body, ms: tag.ms, ..header })?;
        }
        talk.tag(tag)?;
    }
    Ok(())
}

/// Messages that are begun, to the most there may be, and not ended.
fn giant_message(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    talk.tags(site.material.headers())?;
    let length = ((4_u32 << 20) - random.below(2) as u32).to_be_bytes();
    let begun = 1 + random.below(9) as u8;
    for id in 10..10 + begun {
        talk.say(&[id, 0, 0, 0, length[1], length[2], length[3], kind::VIDEO, 1, 0, 0, 0])?;
        talk.say(&[0x17; 128])?;
    }
    let chunks = random.below(8_000) as usize;
    let mut chunk = vec![0xC0 | 10];
    chunk.extend_from_slice(&[0x17; 128]);
    talk.say(&chunk.repeat(chunks))
}

fn chunk_sizes(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    for tag in &site.material.tags {
        if random.one_in(4) {
            talk.set_chunk_size(*random.pick(&[64, 65, 127, 129, 4_096, 1 << 20, 0x7FFF_FFFF]))?;
        }
        if random.one_in(30) {
            talk.send(2, kind::ABORT, 0, Bytes::from_static(&[0, 0, 0, 6]))?;
        }
        talk.tag(tag)?;
    }
    Ok(())
}

fn then_garbage(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    talk.tags(site.material.tags.iter().take(random.place(site.material.tags.len())))?;
    let length = random.below(200_000) as usize;
    talk.say(&random.bytes(length))
}

fn flood(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    for round in 0..=random.below(12) as u32 {
        for tag in &site.material.tags {
            talk.tag(&Tag { ms: tag.ms + round * 2_000, ..tag.clone() })?;
        }
    }
    Ok(())
}

fn by_drops(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    talk.tags(site.material.tags.iter().take(6))?;
    talk.say(&[6, 0, 0, 100, 0, 1, 0, kind::VIDEO, 1, 0, 0, 0])?;
    for _ in 0..20 {
        talk.say(&[random.bits() as u8])?;
        thread::sleep(random.between_ms(0, 100));
    }
    Ok(())
}

/// Ends that are no end: closed streams that go on, a second wish to publish.
fn goodbyes(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    use rtmp::amf::Value;
    talk.tags(site.material.tags.iter().take(20))?;
    for _ in 0..=random.below(5) {
        let name = *random.pick(&[
            "FCUnpublish",
            "deleteStream",
            "closeStream",
            "publish",
            "createStream",
            "connect",
        ]);
        let body = command(name, 9.0, &[Value::Null, (*random.pick(&[1.0, 2.0, f64::NAN, -1.0])).into()]);
        talk.send(3, kind::COMMAND, 0, body)?;
        talk.tags(site.material.tags.iter().skip(20).take(10))?;
    }
    Ok(())
}

fn random_sound(site: &Site, random: &mut Random, talk: &mut Talk) -> io::Result<()> {
    talk.tags(site.material.headers())?;
    for tag in site.material.tags.iter().skip(2) {
        if tag.kind == 8 {
            let mut body = tag.body[..2.min(tag.body.len())].to_vec();
            let length = random.below(900) as usize;
            body.extend(random.bytes(length));
            talk.tag(&Tag { body: body.into(), ..tag.clone() })?;
        } else {
            talk.tag(tag)?;
        }
    }
    Ok(())
}
